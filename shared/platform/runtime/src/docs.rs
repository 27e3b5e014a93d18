//! Documentation a process serves of itself: `/openapi.json`, `/docs` to read and try it, `/docs/problems` for the codes.
//!
//! Nothing is loaded from elsewhere: the page's scripts are built in.

mod packed;

use std::fmt::Write;

use axum::Router;
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use platform_problem::ProblemType;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::extract::etag::{self, IfNoneMatch};

/// The pages run the scripts built in and no others, and ask nobody but the process they came from. Swagger UI styles its
/// elements one by one and draws its icons from `data:`.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
);

/// Adds the three pages to a router.
#[expect(
    clippy::disallowed_methods,
    reason = "pages about the routes, not routes of the product"
)]
pub fn add(router: Router, openapi: &OpenApi, problems: &[&ProblemType]) -> Result<Router, serde_json::Error> {
    let document = Bytes::from(serde_json::to_vec(openapi)?);
    let tag = etag::of_body(&document);
    let problems = problems_page(problems);
    // The usual page would ask validator.swagger.io what it thinks of the document.
    let config = Config::from("/openapi.json")
        .validator_url("none")
        .persist_authorization(true);
    let pages: Router = SwaggerUi::new("/docs").config(config).into();
    let pages = pages
        .route(
            "/openapi.json",
            get(move |headers: HeaderMap| async move { json(&headers, &document, &tag) }),
        )
        .route("/docs/problems", get(move || async move { Html(problems) }))
        .layer(map_response(packed::unpacked))
        .layer(map_response(async |mut response: Response| {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
            response
        }));
    Ok(router.merge(pages))
}

fn json(headers: &HeaderMap, document: &Bytes, tag: &str) -> Response {
    etag::conditional(&IfNoneMatch::of_headers(headers), tag, || {
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json)], document.clone()).into_response()
    })
}

/// One section a code, so that the `type` of a problem is the address of its explanation.
fn problems_page(problems: &[&ProblemType]) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Problems</title>\
         <style>body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}code{font-size:1em}\
         h2{margin-bottom:0}:target{background:#ffd}</style><h1>Problems</h1>\
         <p>Every refusal is <code>application/problem+json</code> (RFC 9457). Compare <code>code</code>; it does not change.</p>",
    );
    for problem in problems {
        let ProblemType {
            code,
            status,
            title,
            about,
        } = problem;
        let [title, about] = [title, about].map(|text| escaped(text));
        let _ = write!(
            page,
            "<section id=\"{code}\"><h2><code>{code}</code></h2><p>{status} {title}. {about}</p></section>"
        );
    }
    page.push_str("</html>");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt;

    /// Asks for no encoding, and takes none.
    async fn page(path: &str) -> (HeaderMap, String) {
        let router = add(Router::new(), &OpenApi::default(), &[]).unwrap();
        let answer = router
            .oneshot(Request::get(path).body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let headers = answer.headers().clone();
        let bytes = to_bytes(answer.into_body(), 4 << 20).await.unwrap();
        (headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn pages_and_scripts_are_text_to_who_takes_no_gzip() {
        for (path, expected) in [
            ("/docs/", "<div id=\"swagger-ui\">"),
            ("/docs/swagger-ui.css", ".swagger-ui"),
            ("/docs/swagger-ui-bundle.js", "SwaggerUIBundle"),
            ("/docs/swagger-initializer.js", "/openapi.json"),
        ] {
            let (headers, text) = page(path).await;
            assert!(!headers.contains_key(header::CONTENT_ENCODING), "{path}");
            assert!(text.contains(expected), "{path}");
        }
    }
}
