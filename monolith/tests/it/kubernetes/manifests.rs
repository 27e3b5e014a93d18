//! Rendered manifests, and what they are held against.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use platform_testing::program;
use serde::Deserialize;
use serde_norway::{Deserializer, Value};

/// Names the `kubectl` that renders.
const KUBECTL: &str = "TEST_KUBECTL";

/// The objects of one overlay.
pub(super) struct Manifests {
    pub(super) overlay: String,
    objects: Vec<Value>,
}

/// A variable that is given to a container.
pub(super) struct Setting<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kubernetes")
}

fn documents(yaml: &str) -> Vec<Value> {
    let documents = Deserializer::from_str(yaml).map(|document| Value::deserialize(document).unwrap());
    documents.filter(|document| !document.is_null()).collect()
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Manifests {
    /// None, after saying so, where there is no kubectl; in CI a panic.
    pub(super) fn render(overlay: &str) -> Option<Self> {
        let kubectl = program(KUBECTL)?;
        let yaml = output(
            Command::new(kubectl)
                .arg("kustomize")
                .arg(folder().join("overlays").join(overlay)),
        );
        Some(Self {
            overlay: overlay.to_owned(),
            objects: documents(&yaml),
        })
    }

    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    pub(super) fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        self.of_kind(kind).find(|object| object["metadata"]["name"] == name)
    }

    /// For a message.
    pub(super) fn name(&self, object: &Value) -> String {
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        format!("{}: {kind} {name}", self.overlay)
    }

    /// The templates of all pods.
    fn templates(&self) -> impl Iterator<Item = &Value> {
        let kinds = ["Deployment", "StatefulSet", "Job"];
        let workloads = self
            .objects
            .iter()
            .filter(move |object| kinds.contains(&text(&object["kind"])));
        workloads.map(|workload| &workload["spec"]["template"])
    }

    /// The pods that carry these labels.
    pub(super) fn pods_that(&self, selector: &Value) -> Vec<&Value> {
        let chosen = self
            .templates()
            .filter(|template| labels_match(selector, &template["metadata"]["labels"]));
        chosen.map(|template| &template["spec"]).collect()
    }

    /// The containers that run a binary of ours, with their pods.
    pub(super) fn containers_of_ours(&self) -> Vec<(&Value, &Value)> {
        let pods = self.templates().map(|template| &template["spec"]);
        let all = pods.flat_map(|pod| list(&pod["containers"]).iter().map(move |container| (pod, container)));
        all.filter(|(_, container)| text(&container["image"]).starts_with("stoa/"))
            .collect()
    }
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}

/// Whether labels are among others; none are among any.
pub(super) fn labels_match(selector: &Value, labels: &Value) -> bool {
    let Some(wanted) = selector.as_mapping() else {
        return true;
    };
    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
}

pub(super) fn port_of(pod: &Value, name: &str) -> Option<u64> {
    let containers = list(&pod["containers"]).iter();
    let mut ports = containers.flat_map(|container| list(&container["ports"]));
    ports.find(|port| port["name"] == name)?["containerPort"].as_u64()
}

pub(super) fn environment(container: &Value) -> Vec<Setting<'_>> {
    let variables = list(&container["env"]).iter();
    let setting = |variable| {
        let variable: &Value = variable;
        Setting {
            name: text(&variable["name"]),
            value: text(&variable["value"]),
        }
    };
    variables.map(setting).collect()
}

/// `stoa/order-service:0.1.0` runs `order-service`.
pub(super) fn binary_of(container: &Value) -> &str {
    let image = text(&container["image"]);
    let (_, named) = image.split_once('/').expect("it has a repository");
    named.split_once(':').expect("it has a tag").0
}

/// What `--help` lists.
pub(super) fn settings_of(binary: &str) -> BTreeSet<String> {
    let help = output(Command::new(crate::topologies::binary(binary)).arg("--help"));
    let (_, settings) = help
        .split_once("Settings, from the environment")
        .expect("settings are listed");
    let names = settings
        .lines()
        .skip(1)
        .filter_map(|line| line.trim_start().split_once("  "));
    names
        .flat_map(|(names, _)| names.split(", ").map(str::to_owned))
        .collect()
}

/// The keys of the secrets that the script makes.
pub(super) fn secrets() -> BTreeMap<String, BTreeSet<String>> {
    let made = documents(&output(&mut Command::new(folder().join("secrets.sh"))));
    let keys = |secret: &Value| {
        let keys = secret["stringData"].as_mapping().unwrap().keys();
        keys.map(|key| text(key).to_owned()).collect()
    };
    made.iter()
        .map(|secret| (text(&secret["metadata"]["name"]).to_owned(), keys(secret)))
        .collect()
}
