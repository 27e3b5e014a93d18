//! A file of products, written as it arrives.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use http::{HeaderMap, header};
use platform_problem::{Problem, codes};
use platform_runtime::context::RequestContext;
use platform_runtime::extract::{Caller, Json, Query, body_refusal};
use platform_runtime::policy;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use values::Currency;

use super::{Catalogue, refused};
use crate::caller::by;
use crate::service::{FileFormat, ImportError, ImportFailure, ImportOptions, ImportReport};

/// The largest file: 1 GiB.
const FILE_LIMIT: u64 = 1024 * 1024 * 1024;
/// How long an upload may take.
const UPLOAD_MS: u64 = 15 * 60 * 1000;

/// How a file is taken.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct ImportParams {
    /// `set`: the stock of products that exist is set to what the file says. Else it is left alone: a sale may have
    /// happened since the file was written.
    #[param(inline)]
    stock: StockMode,
    /// What prices are in that do not say so themselves; the shop's currency unless given.
    currency: Option<Currency>,
}

/// What happens to the stock of products that exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StockMode {
    /// It is left alone.
    #[default]
    Keep,
    /// It is set to what the file says.
    Set,
}

/// Create and update products from a file.
///
/// `text/csv` (our own columns, or a Shopify product export as it is) or `application/x-ndjson`, in UTF-8, up to 1 GiB,
/// within 15 minutes. A line that is wrong fails alone, with its number and reason. What exists is recognised by its sku, in
/// a Shopify file by handle and options; what the file says nothing about is left as it is. Lines are written as they
/// arrive, in chunks of up to 500: what breaks off leaves whole chunks, and it is safe to send a file again. An
/// `Idempotency-Key` is not needed and not looked at.
#[utoipa::path(
    post, path = "/api/products/import", tag = "products", operation_id = "import_products",
    params(ImportParams),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"))),
    responses((status = 200, body = ImportReport),
        (status = 413, description = "The file is too large; members `created`, `updated`, `failed` say what was done before"),
        (status = 415, description = "Neither of the two formats"),
        (status = 422, description = "The header is not one of ours nor of a Shopify product export")),
    extensions(("x-stoa" = json!(policy::admin().body_limit(FILE_LIMIT).timeout_ms(UPLOAD_MS).never_retried())))
)]
pub(super) async fn import(
    State(catalogue): State<Catalogue>,
    Query(params): Query<ImportParams>,
    caller: Caller,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let options = ImportOptions {
        format: format_of(&headers)?,
        currency: params.currency,
        sets_stock: params.stock == StockMode::Set,
    };
    let file = body.into_data_stream().map_err(axum::Error::into_inner);
    let imported = catalogue
        .service
        .import(file, options, by(&caller, &context), |_| {})
        .await;
    let report = imported.map_err(|failure| problem_of(&failure))?;
    Ok(Json(report).into_response())
}

/// The format that the client says it sends.
fn format_of(headers: &HeaderMap) -> Result<FileFormat, Problem> {
    let refusal =
        || Problem::new(&codes::UNSUPPORTED_MEDIA_TYPE).detail("send text/csv or application/x-ndjson, in UTF-8");
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(refusal());
    }
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut parts = value
        .unwrap_or_default()
        .split(';')
        .map(|part| part.trim().to_ascii_lowercase());
    let format = match parts.next().unwrap_or_default().as_str() {
        "text/csv" | "application/csv" => FileFormat::Csv,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            FileFormat::Ndjson
        }
        _ => return Err(refusal()),
    };
    let charset = parts.find_map(|part| {
        part.strip_prefix("charset=")
            .map(|charset| charset.trim_matches('"').to_owned())
    });
    match charset.as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(format),
        Some(_) => Err(refusal()),
    }
}

/// Why a file was not taken to its end, with what had been done by then.
fn problem_of(failure: &ImportFailure) -> Problem {
    let problem = match &failure.error {
        ImportError::Unreadable(reason) => Problem::new(&codes::INVALID).detail(reason.clone()),
        ImportError::Source(error) => body_refusal(&**error),
        ImportError::Products(error) => refused(error),
    };
    problem
        .with("created", failure.report.created)
        .with("updated", failure.report.updated)
        .with("failed", failure.report.failed)
}
