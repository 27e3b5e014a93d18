//! The document of the routes.

#[test]
fn the_document_that_is_checked_in_is_the_one_of_the_code() {
    let written = product_service::App::openapi().unwrap().to_pretty_json().unwrap() + "\n";
    assert!(
        written == product_api::OPENAPI,
        "run: cargo run -p product-service -- openapi > shared/contracts/product-api/openapi.json"
    );
}

#[test]
fn the_document_for_other_processes_is_the_one_of_the_code() {
    let written = product_service::App::internal_openapi()
        .unwrap()
        .to_pretty_json()
        .unwrap()
        + "\n";
    assert!(
        written == product_api::INTERNAL_OPENAPI,
        "run: cargo run -p product-service -- openapi --internal > shared/contracts/product-api/internal.json"
    );
}
