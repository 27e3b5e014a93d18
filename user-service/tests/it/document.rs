//! The documents that are checked in are those that the code makes.

#[test]
fn the_document_under_the_contract_is_what_the_code_says() {
    let written = user_service::app::App::openapi().unwrap().to_pretty_json().unwrap() + "\n";
    assert!(
        written == user_api::OPENAPI,
        "run: cargo run -p user-service -- openapi > shared/contracts/user-api/openapi.json"
    );
}

#[test]
fn so_is_that_of_the_internal_routes() {
    let written = user_service::app::App::internal_openapi()
        .unwrap()
        .to_pretty_json()
        .unwrap()
        + "\n";
    assert!(
        written == user_api::INTERNAL_OPENAPI,
        "run: cargo run -p user-service -- openapi --internal > shared/contracts/user-api/internal.json"
    );
}
