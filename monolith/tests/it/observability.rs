//! What operators look at: every query of the dashboard has data, every alert is tested and explained.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use acceptance::{Credentials, tell_all};
use platform_testing::{free_address, program};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::topologies::cluster::{ADMIN, ADMIN_PASSWORD, Cluster, Layout, Scheme};

/// Names the `prometheus` binary; `promtool` lies beside it.
const PROMETHEUS: &str = "TEST_PROMETHEUS";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/observability")
}

fn text(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap()
}

fn alerts() -> Vec<String> {
    let rules: serde_norway::Value = serde_norway::from_str(&text("prometheus/alerts.yml")).unwrap();
    let rules = rules["groups"]
        .as_sequence()
        .unwrap()
        .iter()
        .flat_map(|group| group["rules"].as_sequence().unwrap());
    rules.map(|rule| rule["alert"].as_str().unwrap().to_owned()).collect()
}

/// The queries of the dashboard, as a panel sends them.
fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&text("grafana/dashboards/stoa.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries = targets.map(|target| target["expr"].as_str().unwrap());
    queries
        .map(|it| it.replace("$__rate_interval", "10s").replace("$__range", "1m"))
        .collect()
}

struct Prometheus {
    address: String,
    _child: Child,
    _dir: tempfile::TempDir,
}

impl Prometheus {
    /// Scrapes processes by name and admin address.
    fn start(binary: &Path, processes: &[(String, String)]) -> Self {
        let (dir, address) = (tempfile::tempdir().unwrap(), free_address().to_string());
        let targets: Vec<Value> = processes
            .iter()
            .map(|(name, admin)| serde_json::json!({"targets": [admin], "labels": {"process": name}}))
            .collect();
        let config = serde_json::json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [folder().join("prometheus/alerts.yml")],
            "scrape_configs": [{"job_name": "stoa", "static_configs": targets}],
        });
        let file = dir.path().join("prometheus.yml");
        std::fs::write(&file, config.to_string()).unwrap();
        let child = Command::new(binary)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            address,
            _child: child,
            _dir: dir,
        }
    }

    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}/api/v1/{path}", self.address);
        let url = reqwest::Url::parse_with_params(&url, query).unwrap();
        let answer = client.get(url).send().await.ok()?;
        answer.json().await.ok()
    }

    /// How many series a query has; the error of one that cannot be.
    async fn series(&self, query: &str) -> Result<usize, String> {
        let Some(answer) = self.ask("query", &[("query", query)]).await else {
            return Ok(0);
        };
        let Some(result) = answer["data"]["result"].as_array() else {
            return Err(answer.to_string());
        };
        // A quotient of nothing is no figure.
        Ok(result.iter().filter(|series| series["value"][1] != "NaN").count())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_the_dashboard_has_data_and_no_alert_fires_in_a_shop_that_is_well() {
    let Some(binary) = program(PROMETHEUS) else { return };
    let Some(cluster) = Cluster::open(&Layout::Five(Scheme::Http, None)).await else {
        return;
    };
    let prometheus = Prometheus::start(&binary, &cluster.admins());
    let admin = Credentials {
        email: ADMIN.to_owned(),
        password: ADMIN_PASSWORD.to_owned(),
    };
    // Once it scrapes, so that what rises is seen rising.
    let give_up = Instant::now() + Duration::from_secs(30);
    while prometheus.series("up == 1").await != Ok(5) {
        assert!(Instant::now() < give_up, "Prometheus does not reach the five");
        sleep(Duration::from_millis(200)).await;
    }
    let shop = acceptance::Shop::open(&cluster.url(), &admin).await.unwrap();
    tell_all(&shop).await.unwrap();

    let mut without: BTreeSet<String> = queries().into_iter().collect();
    assert!(without.len() > 20, "{without:?}");
    let give_up = Instant::now() + Duration::from_secs(20);
    while !without.is_empty() && Instant::now() < give_up {
        for query in without.clone() {
            if prometheus.series(&query).await.unwrap() > 0 {
                without.remove(&query);
            }
        }
        sleep(Duration::from_millis(300)).await;
    }
    assert!(
        without.is_empty(),
        "queries without data:\n{}",
        without.into_iter().collect::<Vec<_>>().join("\n")
    );
    let firing = prometheus
        .ask("query", &[("query", r#"ALERTS{alertstate="firing"}"#)])
        .await
        .unwrap();
    assert_eq!(firing["data"]["result"].as_array().map(Vec::len), Some(0), "{firing}");
    cluster.stop().await;
}

#[tokio::test]
async fn the_rules_of_the_alerts_do_what_their_tests_say() {
    let Some(binary) = program(PROMETHEUS) else { return };
    let promtool = binary.with_file_name("promtool");
    for arguments in [
        &["check", "config", "prometheus.yml"][..],
        &["test", "rules", "alerts_test.yml"],
    ] {
        let run = Command::new(&promtool)
            .args(arguments)
            .current_dir(folder().join("prometheus"))
            .output()
            .await
            .unwrap();
        assert!(
            run.status.success(),
            "{}{}",
            String::from_utf8_lossy(&run.stdout),
            String::from_utf8_lossy(&run.stderr)
        );
    }
}

#[test]
fn every_alert_is_tested_and_explained() {
    let (tests, runbook) = (text("prometheus/alerts_test.yml"), text("RUNBOOK.md"));
    let headings: Vec<&str> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let alerts = alerts();
    assert_eq!(headings, alerts, "the headings of the runbook are the alerts, in order");
    for alert in alerts {
        for which in ["fires", "is quiet"] {
            assert!(
                tests.contains(&format!("- name: {alert} {which}\n")),
                "{alert} {which}: there is no such test"
            );
        }
    }
}

/// What clusters get is what compose gets.
#[test]
fn the_component_for_clusters_holds_the_same_alerts_and_finds_every_server() {
    let Some(kubectl) = program("TEST_KUBECTL") else { return };
    // An overlay with the component, as somebody of an own repository writes it.
    let overlay = tempfile::tempdir().unwrap();
    let up = "../".repeat(overlay.path().components().count() - 1);
    let within = |path: &str| {
        format!(
            "{up}{}",
            folder()
                .join(path)
                .canonicalize()
                .unwrap()
                .display()
                .to_string()
                .trim_start_matches('/')
        )
    };
    let kustomization = serde_json::json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [within("../kubernetes/overlays/prod")],
        "components": [within(".")],
    });
    std::fs::write(overlay.path().join("kustomization.yaml"), kustomization.to_string()).unwrap();
    let rendered = std::process::Command::new(kubectl)
        .arg("kustomize")
        .arg(overlay.path())
        .output()
        .unwrap();
    assert!(
        rendered.status.success(),
        "{}",
        String::from_utf8_lossy(&rendered.stderr)
    );
    let rendered = String::from_utf8(rendered.stdout).unwrap();
    let objects: Vec<serde_norway::Value> = serde_norway::Deserializer::from_str(&rendered)
        .map(|document| serde::Deserialize::deserialize(document).unwrap())
        .collect();
    let of_kind = |kind: &str| {
        objects
            .iter()
            .filter(|object| object["kind"] == kind)
            .collect::<Vec<_>>()
    };

    let alerts: serde_norway::Value = serde_norway::from_str(&text("prometheus/alerts.yml")).unwrap();
    assert_eq!(of_kind("PrometheusRule")[0]["spec"]["groups"], alerts["groups"]);
    let dashboards = of_kind("ConfigMap");
    let dashboard = dashboards
        .iter()
        .find(|it| it["metadata"]["labels"]["grafana_dashboard"] == "1")
        .unwrap();
    assert_eq!(
        dashboard["data"]["stoa.json"].as_str().unwrap(),
        text("grafana/dashboards/stoa.json")
    );

    let monitor = &of_kind("PodMonitor")[0]["spec"];
    let endpoint = &monitor["podMetricsEndpoints"][0];
    for deployment in of_kind("Deployment") {
        let pod = &deployment["spec"]["template"];
        for (label, value) in monitor["selector"]["matchLabels"].as_mapping().unwrap() {
            assert_eq!(&pod["metadata"]["labels"][label], value);
        }
        let ports = pod["spec"]["containers"][0]["ports"].as_sequence().unwrap();
        assert!(
            ports.iter().any(|port| port["name"] == endpoint["port"]),
            "{deployment:?}"
        );
    }
}
