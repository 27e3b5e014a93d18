//! Rendered manifests, and what they are held against.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use platform_testing::program;
use serde::Deserialize;
use serde_norway::{Deserializer, Value};

/// Names the `kubectl` that renders.
const KUBECTL: &str = "TEST_KUBECTL";

/// Where our containers find their secrets.
pub(super) const SECRETS: &str = "/run/secrets/stoa";

/// The objects of one overlay.
pub(super) struct Manifests {
    pub(super) overlay: String,
    objects: Vec<Value>,
}

/// The pods of one workload.
pub(super) struct Pod<'a> {
    /// The workload's.
    pub(super) kind: &'a str,
    pub(super) name: String,
    pub(super) labels: &'a Value,
    pub(super) spec: &'a Value,
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

    pub(super) fn pods(&self) -> Vec<Pod<'_>> {
        let kinds = ["Deployment", "StatefulSet", "Job"];
        let workloads = kinds.into_iter().flat_map(|kind| self.of_kind(kind));
        workloads.map(Pod::of).collect()
    }

    /// Those that run a binary of ours.
    pub(super) fn pods_of_ours(&self) -> Vec<Pod<'_>> {
        let ours = |pod: &Pod<'_>| text(&pod.container()["image"]).starts_with("stoa/");
        self.pods().into_iter().filter(ours).collect()
    }

    /// Those of ours that serve.
    pub(super) fn servers(&self) -> Vec<Pod<'_>> {
        let serves = |pod: &Pod<'_>| pod.container()["args"][0] == "serve";
        self.pods_of_ours().into_iter().filter(serves).collect()
    }

    /// The only pod with these labels.
    pub(super) fn labelled(&self, labels: &Value) -> Pod<'_> {
        let mut pods = self.pods();
        pods.retain(|pod| has_labels(labels, pod.labels));
        let pod = pods.pop().expect("some pod has these labels");
        assert!(pods.is_empty(), "{} is not the only one with these labels", pod.name);
        pod
    }

    /// The names of the workloads whose pods a selector selects.
    pub(super) fn selected_by(&self, selector: &Value) -> Vec<String> {
        let selected = self.pods().into_iter().filter(|pod| selects(selector, pod.labels));
        selected.map(|pod| pod.name).collect()
    }
}

impl<'a> Pod<'a> {
    fn of(workload: &'a Value) -> Self {
        let template = &workload["spec"]["template"];
        Self {
            kind: text(&workload["kind"]),
            name: name(workload),
            labels: &template["metadata"]["labels"],
            spec: &template["spec"],
        }
    }

    /// The only one.
    pub(super) fn container(&self) -> &'a Value {
        let [container] = list(&self.spec["containers"]) else {
            panic!("{} has one container", self.name)
        };
        container
    }

    /// `stoa/order-service:0.1.0` runs `order-service`.
    pub(super) fn binary(&self) -> &'a str {
        let (_, named) = text(&self.container()["image"]).split_once('/').expect("a repository");
        named.split_once(':').expect("a tag").0
    }

    /// Names and values of what its container is given.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let variables = list(&self.container()["env"]).iter();
        variables.map(|variable| (text(&variable["name"]), text(&variable["value"])))
    }

    pub(super) fn setting(&self, wanted: &str) -> Option<&'a str> {
        self.environment()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
    }

    pub(super) fn port(&self, name: &str) -> Option<u64> {
        let mut ports = list(&self.container()["ports"]).iter();
        ports.find(|port| port["name"] == name)?["containerPort"].as_u64()
    }

    pub(super) fn ports(&self) -> BTreeSet<u64> {
        let ports = list(&self.container()["ports"]).iter();
        ports.filter_map(|port| port["containerPort"].as_u64()).collect()
    }

    /// The Secret that is mounted where settings look for files.
    pub(super) fn secret(&self) -> &'a str {
        let mounts = list(&self.container()["volumeMounts"]);
        let mount = mounts
            .iter()
            .find(|mount| mount["mountPath"] == SECRETS)
            .expect("it has secrets");
        let volumes = list(&self.spec["volumes"]);
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]);
        text(&volume.expect("what is mounted is there")["secret"]["secretName"])
    }
}

/// Whether a selector selects what has these labels; an empty one selects all.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    let mut expressions = list(&selector["matchExpressions"]).iter();
    has_labels(&selector["matchLabels"], labels)
        && expressions.all(|expression| {
            assert_eq!(expression["operator"], "In", "no other is understood here");
            let value = labels.get(&expression["key"]);
            value.is_some_and(|value| list(&expression["values"]).contains(value))
        })
}

/// Whether labels are among others; none are among any.
fn has_labels(wanted: &Value, labels: &Value) -> bool {
    let mut wanted = wanted.as_mapping().into_iter().flatten();
    wanted.all(|(name, value)| labels.get(name) == Some(value))
}

pub(super) fn name(object: &Value) -> String {
    text(&object["metadata"]["name"]).to_owned()
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_sequence().map_or(&[], Vec::as_slice)
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

/// The secrets that the script makes: keys and values by name.
pub(super) fn secrets() -> BTreeMap<String, BTreeMap<String, String>> {
    let made = documents(&output(&mut Command::new(folder().join("secrets.sh"))));
    let content = |secret: &Value| serde_norway::from_value(secret["stringData"].clone()).unwrap();
    made.iter().map(|secret| (name(secret), content(secret))).collect()
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
