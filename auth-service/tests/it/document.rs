//! The documents that are checked in are those that the code makes.

use auth_service::app::App;

#[test]
fn the_document_under_the_contract_is_what_the_code_says() {
    let written = App::openapi().unwrap().to_pretty_json().unwrap() + "\n";
    assert!(
        written == auth_api::OPENAPI,
        "run: cargo run -p auth-service -- openapi > shared/contracts/auth-api/openapi.json"
    );
}

#[test]
fn so_is_that_of_the_internal_routes() {
    let written = App::internal_openapi().unwrap().to_pretty_json().unwrap() + "\n";
    assert!(
        written == auth_api::INTERNAL_OPENAPI,
        "run: cargo run -p auth-service -- openapi --internal > shared/contracts/auth-api/internal.json"
    );
}
