//! The binary, as an operator runs it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use platform_testing::{Outcome, Process, run};
use reqwest::StatusCode;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_auth-service");
const PASSWORD: &str = "correct horse battery";

/// A directory of its own for a process, and settings that name it.
struct Place {
    _dir: tempfile::TempDir,
    data: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        Self { _dir: dir, data }
    }

    /// The broker is away: accounts need none, their events wait.
    fn settings<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = [
            ("DATA_DIR", self.data.to_str().unwrap()),
            ("NATS_URL", "nats://127.0.0.1:1"),
        ];
        [&own[..], more].concat()
    }

    async fn spawn(&self, more: &[(&str, &str)]) -> Process {
        Process::spawn(Path::new(BINARY), &[], &self.settings(more)).await
    }

    async fn run(&self, arguments: &[&str], more: &[(&str, &str)]) -> Outcome {
        run(Path::new(BINARY), arguments, &self.settings(more)).await
    }
}

async fn login(client: &reqwest::Client, process: &Process, email: &str, password: &str) -> reqwest::Response {
    let request = client.post(process.url("/api/auth/login"));
    let body = json!({"email": email, "password": password});
    request.json(&body).send().await.unwrap()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

#[tokio::test]
async fn the_first_admin_of_the_settings_signs_in_and_the_key_file_is_its_owners_alone() {
    let place = Place::new();
    let first_admin = [
        ("BOOTSTRAP_ADMIN_EMAIL", "boss@example.org"),
        ("BOOTSTRAP_ADMIN_PASSWORD", PASSWORD),
    ];
    let process = place.spawn(&first_admin).await;
    let signed_in = login(&client(), &process, "boss@example.org", PASSWORD).await;
    assert_eq!(signed_in.status(), StatusCode::OK);
    let signed_in: Value = signed_in.json().await.unwrap();
    assert_eq!(signed_in["user"]["roles"], json!(["admin", "customer"]));
    let key = std::fs::metadata(place.data.join("auth.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);

    let document = client().get(process.url("/openapi.json")).send().await.unwrap();
    let document: Value = document.json().await.unwrap();
    assert!(document["paths"]["/api/auth/login"].is_object());
    assert!(document["paths"]["/internal/token"].is_null());
    let metrics = client()
        .get(format!("http://{}/metrics", process.admin))
        .send()
        .await
        .unwrap();
    assert!(metrics.text().await.unwrap().contains("auth_logins_total"));
    assert!(process.terminate().await.success());

    // It is there after a restart, and so are the keys.
    let process = place.spawn(&[]).await;
    let body = json!({"refresh_token": signed_in["refresh_token"]});
    let refreshed = client()
        .post(process.url("/api/auth/refresh"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(refreshed.status(), StatusCode::OK);
}

#[tokio::test]
async fn admins_are_made_by_command_while_the_shop_is_closed() {
    let place = Place::new();
    let made = place
        .run(&["admin", "create", "boss@example.org", "--name", "Boss"], &[])
        .await;
    assert!(made.status.success(), "{}", made.stderr);
    let password = made.stdout.trim_end().rsplit(' ').next().unwrap().to_owned();
    let piped = format!(
        "printf '%s\\n' '{PASSWORD}' | {BINARY} admin create second@example.org --password-stdin && {BINARY} admin grant second@example.org"
    );
    let piped = run(Path::new("/bin/sh"), &["-c", &piped], &place.settings(&[])).await;
    assert!(piped.status.success(), "{}", piped.stderr);
    assert!(!piped.stdout.contains(PASSWORD));
    let revoked = place.run(&["admin", "revoke", "second@example.org"], &[]).await;
    assert!(
        revoked.status.success() && !revoked.stdout.contains("nobody"),
        "{}",
        revoked.stdout
    );

    let process = place.spawn(&[]).await;
    for (email, password, roles) in [
        ("boss@example.org", password.as_str(), json!(["admin", "customer"])),
        ("second@example.org", PASSWORD, json!(["customer"])),
    ] {
        let signed_in: Value = login(&client(), &process, email, password).await.json().await.unwrap();
        assert_eq!(signed_in["user"]["roles"], roles);
    }
    let meanwhile = place.run(&["admin", "grant", "second@example.org"], &[]).await;
    assert_eq!(meanwhile.status.code(), Some(1));
    assert_eq!(meanwhile.stderr.lines().count(), 1, "{}", meanwhile.stderr);
}

#[tokio::test]
async fn a_setting_that_is_wrong_stops_the_start_with_a_line_that_names_it() {
    let place = Place::new();
    let nonsense = place.data.parent().unwrap().join("nonsense");
    std::fs::write(&nonsense, "nonsense").unwrap();
    let nonsense = nonsense.to_str().unwrap();
    for (setting, value) in [
        ("KEY_ENCRYPTION_KEY", "too short"),
        ("KEY_ENCRYPTION_KEY_FILE", "/nowhere"),
        ("SIGNING_KEYS_FILE", nonsense),
        ("SIGNING_KEYS_FILE", "/nowhere"),
        ("SERVICE_CLIENTS_FILE", nonsense),
        ("SERVICE_CLIENTS_FILE", "/nowhere"),
        ("BOOTSTRAP_ADMIN_PASSWORD", PASSWORD),
        ("BOOTSTRAP_ADMIN_EMAIL", "boss@example.org"),
        ("RATE_LIMITS", "sometimes"),
    ] {
        let outcome = place.run(&[], &[(setting, value)]).await;
        assert!(!outcome.status.success(), "{setting}={value}");
        let last = outcome.stderr.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("error: ") && last.contains(setting),
            "{setting}={value}: {}",
            outcome.stderr
        );
        assert!(!outcome.stderr.contains(PASSWORD));
    }
    let short = [
        ("BOOTSTRAP_ADMIN_EMAIL", "boss@example.org"),
        ("BOOTSTRAP_ADMIN_PASSWORD", "sesame"),
    ];
    let short = place.run(&[], &short).await.stderr;
    assert!(
        short.contains("BOOTSTRAP_ADMIN_PASSWORD") && !short.contains("sesame"),
        "{short}"
    );
}

#[tokio::test]
async fn another_encryption_key_is_refused_and_the_one_of_before_still_serves() {
    let place = Place::new();
    let (ours, another) = ("01".repeat(32), "02".repeat(32));
    assert!(
        place
            .spawn(&[("KEY_ENCRYPTION_KEY", &ours)])
            .await
            .terminate()
            .await
            .success()
    );
    let refused = place.run(&[], &[("KEY_ENCRYPTION_KEY", &another)]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("KEY_ENCRYPTION_KEY"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(&another));
    place.spawn(&[("KEY_ENCRYPTION_KEY", &ours)]).await;
}

#[tokio::test]
async fn settings_are_listed_and_secrets_are_not_shown() {
    let place = Place::new();
    let help = place.run(&["--help"], &[]).await.stdout;
    for setting in [
        "0.0.0.0:8081",
        "SIGNING_KEYS_FILE",
        "KEY_ENCRYPTION_KEY_FILE",
        "SERVICE_CLIENTS_FILE",
        "BOOTSTRAP_ADMIN_PASSWORD_FILE",
        "RATE_LIMITS",
        "admin",
    ] {
        assert!(help.contains(setting), "{setting} is missing in\n{help}");
    }
    let key = "01".repeat(32);
    let secrets = [
        ("KEY_ENCRYPTION_KEY", key.as_str()),
        ("BOOTSTRAP_ADMIN_EMAIL", "boss@example.org"),
        ("BOOTSTRAP_ADMIN_PASSWORD", PASSWORD),
    ];
    let shown = place.run(&["config"], &secrets).await.stdout;
    assert!(shown.contains("boss@example.org"), "{shown}");
    assert!(!shown.contains(PASSWORD) && !shown.contains(&key), "{shown}");
}

#[tokio::test]
async fn sixty_four_logins_at_once_fit_into_memory_and_are_all_answered() {
    let place = Place::new();
    let process = place.spawn(&[("RATE_LIMITS", "off")]).await;
    let client = client();
    let emails: Vec<String> = (0..64).map(|number| format!("u{number}@example.org")).collect();
    let logins = emails.iter().map(|email| login(&client, &process, email, PASSWORD));
    for answer in join_all(logins).await {
        // On a machine that does a lot besides, the last ones are told to come again.
        let is_told_to_wait =
            answer.status() == StatusCode::SERVICE_UNAVAILABLE && answer.headers()["retry-after"] == "2";
        assert!(
            answer.status() == StatusCode::UNAUTHORIZED || is_told_to_wait,
            "{answer:?}"
        );
    }

    let kib = |name: &str| -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let peak = kib("VmHWM:");
    assert!(peak < 200 * 1024, "{peak} KiB at most");
    let is_given_back = || kib("VmRSS:") + 10 * 1024 < peak;
    for _ in 0..40 {
        if is_given_back() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let now = kib("VmRSS:");
    panic!("{now} KiB are left of {peak}: the memory of the hashes was not given back");
}
