//! The whole catalogue as a file.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use futures::TryStreamExt;
use http::{HeaderValue, header};
use platform_problem::Problem;
use platform_runtime::extract::Accept;
use platform_runtime::policy;

use super::{Catalogue, refused};
use crate::service::FileFormat;

/// The whole catalogue as a file.
///
/// All products, unpublished ones too, in the order in which they were created, as `text/csv` or `application/x-ndjson`,
/// whichever `Accept` prefers. The import reads it back without loss. What is written meanwhile may be in it or not.
#[utoipa::path(
    get, path = "/api/products/export", tag = "products", operation_id = "export_products",
    responses((status = 200, content((String = "text/csv"), (String = "application/x-ndjson")),
            headers(("Content-Disposition" = String, description = "A name for the file"))),
        (status = 406, description = "Neither of the two formats")),
    extensions(("x-stoa" = json!(policy::admin().never_retried())))
)]
pub(super) async fn export(State(catalogue): State<Catalogue>, accept: Accept) -> Result<Response, Problem> {
    let wanted = accept.best(&[FileFormat::Csv.media_type(), FileFormat::Ndjson.media_type()])?;
    let (format, content_type, disposition) = if wanted == FileFormat::Csv.media_type() {
        (
            FileFormat::Csv,
            "text/csv; charset=utf-8",
            "attachment; filename=\"products.csv\"",
        )
    } else {
        (FileFormat::Ndjson, wanted, "attachment; filename=\"products.ndjson\"")
    };
    let file = catalogue.service.export(format).inspect_err(|error| {
        // The status is sent already: the client sees that the answer breaks off.
        refused(error);
    });
    let mut response = Response::new(Body::from_stream(file));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}
