//! A binary from its command line: `examples/greeter.rs`, run as an operator runs it.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::Value;

use crate::wire::{read_all, write};

/// Examples are built beside the tests.
pub(crate) fn greeter() -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let mut command = Command::new(path.join("examples/greeter"));
    command
        .env_clear()
        .env("LISTEN_ADDR", "127.0.0.1:0")
        .env("DRAIN_DELAY", "0");
    command
}

/// The rest of the log, and where the process listens: for clients and for operators.
pub(crate) fn listening(child: &mut Child) -> (BufReader<ChildStderr>, String, String) {
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut address = |setting: &str| {
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["message"], &line["setting"]),
            (&"listening".into(), &setting.into())
        );
        line["address"].as_str().unwrap().to_owned()
    };
    let (public, admin) = (address("LISTEN_ADDR"), address("ADMIN_LISTEN_ADDR"));
    (log, public, admin)
}

fn text(output: &Output) -> (Option<i32>, String, String) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
    (output.status.code(), stdout, stderr)
}

#[test]
fn help_lists_every_command_and_every_setting() {
    let (code, help, _) = text(&greeter().arg("--help").output().unwrap());
    assert_eq!(code, Some(0));
    assert!(help.starts_with("Greets people"), "{help}");
    let expected = "serve migrate health config openapi LISTEN_ADDR ADMIN_LISTEN_ADDR DRAIN_DELAY RUST_LOG LOG_FORMAT \
                    OTEL_EXPORTER_OTLP_ENDPOINT SERVICE_CLIENT_SECRET_FILE RATE_LIMITS 0.0.0.0:8080 127.0.0.1:9080";
    for word in expected.split(' ') {
        assert!(help.contains(word), "{word} is missing in\n{help}");
    }
}

#[test]
fn a_bad_setting_stops_the_start_with_one_line_that_names_it() {
    let output = greeter()
        .env("LISTEN_ADDR", "foo")
        .env("DRAIN_DELAY", "5")
        .output()
        .unwrap();
    let (code, _, error) = text(&output);
    assert_eq!(code, Some(2));
    let expected = "error: LISTEN_ADDR: \"foo\" is not a socket address (such as 0.0.0.0:8080); \
                    DRAIN_DELAY: \"5\" is not a duration (such as 5s)\n";
    assert_eq!(error, expected);
}

#[test]
fn config_tells_what_is_set_and_keeps_secrets() {
    let (code, config, _) = text(
        &greeter()
            .arg("config")
            .env("SERVICE_CLIENT_SECRET", "hush")
            .output()
            .unwrap(),
    );
    assert_eq!(code, Some(0));
    assert!(
        config.contains("LISTEN_ADDR=127.0.0.1:0\n")
            && config.contains("DRAIN_DELAY=0\n")
            && config.contains("RATE_LIMITS=on  # default\n"),
        "{config}"
    );
    assert!(
        config.contains("SERVICE_CLIENT_SECRET=***\n") && !config.contains("hush"),
        "{config}"
    );
}

#[test]
fn openapi_prints_the_document_whatever_the_settings() {
    let (code, document, _) = text(&greeter().arg("openapi").env("LISTEN_ADDR", "foo").output().unwrap());
    assert_eq!(code, Some(0));
    let document: Value = serde_json::from_str(&document).unwrap();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/health", "/health/live", "/health/ready", "/hello/{name}"]);
}

#[test]
fn health_of_a_process_that_does_not_run_fails_in_one_line() {
    let (code, _, error) = text(
        &greeter()
            .arg("health")
            .env("LISTEN_ADDR", "127.0.0.1:1")
            .output()
            .unwrap(),
    );
    assert_eq!(code, Some(1));
    assert!(
        error.starts_with("error: cannot connect to 127.0.0.1:1: ") && error.lines().count() == 1,
        "{error}"
    );
}

#[tokio::test]
async fn a_process_serves_is_asked_for_its_health_and_ends_well() {
    let mut child = greeter().stderr(Stdio::piped()).spawn().unwrap();
    let (mut log, public, admin) = listening(&mut child);
    let get = async |address: &str, path: &str| {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        write(
            &mut stream,
            &format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"),
        )
        .await;
        read_all(&mut stream).await
    };

    assert!(get(&public, "/hello/you").await.ends_with("hello you"));
    assert!(get(&public, "/openapi.json").await.contains("\"openapi\":\"3.1.0\""));
    assert!(
        get(&public, "/docs/problems")
            .await
            .contains("<section id=\"not_found\">")
    );
    assert!(get(&public, "/docs/").await.contains("swagger-ui"));
    let page = get(&public, "/docs/swagger-initializer.js").await;
    assert!(
        page.contains("/openapi.json") && page.contains("\"validatorUrl\": \"none\""),
        "{page}"
    );
    assert!(get(&public, "/metrics").await.starts_with("HTTP/1.1 404"));
    let metrics = get(&admin, "/metrics").await;
    for expected in [
        "http_requests_total{route=\"/hello/{name}\",method=\"GET\",status=\"2xx\"} 1",
        "http_request_duration_seconds_bucket{route=\"/hello/{name}\"",
        "process_start_time_seconds 1",
        "process_resident_memory_bytes ",
    ] {
        assert!(metrics.contains(expected), "{expected} is missing in\n{metrics}");
    }

    let health = greeter().arg("health").env("LISTEN_ADDR", &public).output().unwrap();
    assert_eq!(text(&health), (Some(0), String::new(), String::new()));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    let last: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!(last["message"], "stopped");
    let access = rest.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let access: Vec<Value> = access.filter(|line| line["path"] == "/hello/you").collect();
    assert!(
        access.len() == 1 && access[0]["request_id"].as_str().unwrap().len() == 36,
        "{access:?}"
    );
}
