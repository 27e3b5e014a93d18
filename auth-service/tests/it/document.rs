//! The document that is checked in is the one that the code makes.

#[test]
fn the_document_under_the_contract_is_what_the_code_says() {
    let written = auth_service::app::App::openapi().unwrap().to_pretty_json().unwrap() + "\n";
    assert!(
        written == auth_api::OPENAPI,
        "run: cargo run -p auth-service -- openapi > shared/contracts/auth-api/openapi.json"
    );
}
