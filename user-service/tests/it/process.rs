//! The binary, as an operator runs it.

use std::path::Path;

use platform_testing::{NatsServer, Process, run};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_user-service");

#[tokio::test]
async fn alone_it_lives_says_what_is_missing_and_stops_in_good_order() {
    let Some(nats) = NatsServer::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let (data, nats_url) = (dir.path().join("data"), nats.url());
    let settings = [("DATA_DIR", data.to_str().unwrap()), ("NATS_URL", &nats_url)];
    let process = Process::launch(Path::new(BINARY), &[], &settings);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |url: String| loop {
        // Until it listens.
        if let Ok(answer) = client.get(&url).send().await {
            return answer;
        }
        tokio::task::yield_now().await;
    };
    let alive = get(process.url("/health")).await;
    assert_eq!(
        alive.json::<Value>().await.unwrap(),
        serde_json::json!({"status": "ok"})
    );
    let ready = get(process.url("/health/ready")).await;
    assert_eq!(ready.status().as_u16(), 503);
    let ready: Value = ready.json().await.unwrap();
    assert_eq!(ready["checks"]["users"], "ok");
    assert_eq!(ready["checks"]["keys"], "never seen");
    assert_eq!(ready["checks"]["nats"], "ok");
    let metrics = get(format!("http://{}/metrics", process.admin)).await;
    assert!(metrics.status().is_success());
    let document: Value = get(process.url("/openapi.json")).await.json().await.unwrap();
    assert!(document["paths"]["/api/users/me"].is_object());
    assert!(process.terminate().await.success());
}

#[tokio::test]
async fn without_a_way_for_its_events_to_the_other_services_it_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let refused = run(Path::new(BINARY), &[], &[("DATA_DIR", dir.path().to_str().unwrap())]).await;
    assert_eq!(refused.status.code(), Some(2));
    let expected =
        "error: NATS_URL: must be set: this process holds one service, and its events have to reach the others\n";
    assert_eq!(refused.stderr, expected);
}

#[tokio::test]
async fn migrations_can_be_looked_at_before_they_are_applied() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let settings = [("DATA_DIR", data.to_str().unwrap())];
    let migrate = async |arguments: &[&str]| run(Path::new(BINARY), arguments, &settings).await;
    let check = migrate(&["migrate", "--check"]).await;
    assert_eq!(check.status.code(), Some(1), "{}", check.stderr);
    assert!(
        migrate(&["migrate", "--plan"])
            .await
            .stdout
            .contains("user 0001_users\n")
    );
    assert!(migrate(&["migrate"]).await.status.success());
    assert!(migrate(&["migrate", "--check"]).await.status.success());
}

#[tokio::test]
async fn help_lists_the_settings() {
    let help = run(Path::new(BINARY), &["--help"], &[]).await.stdout;
    for setting in [
        "LISTEN_ADDR",
        "0.0.0.0:8082",
        "DATA_DIR",
        "DATABASE_URL_FILE",
        "NATS_URL_FILE",
        "TOKEN_ISSUER",
    ] {
        assert!(help.contains(setting), "{setting} is missing in\n{help}");
    }
}
