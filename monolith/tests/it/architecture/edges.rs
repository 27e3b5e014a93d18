//! Edges between crates.

use std::collections::BTreeSet;

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package};

const SERVICES: [&str; 4] = ["auth-service", "order-service", "product-service", "user-service"];

/// What a contract may name beside other contracts' values.
const CONTRACT_MAY: [&str; 10] = [
    "async-trait",
    "platform-problem",
    "serde",
    "serde_json",
    "thiserror",
    "time",
    "unicode-normalization",
    "utoipa",
    "uuid",
    "values",
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap()
}

fn members(metadata: &Metadata) -> Vec<&Package> {
    metadata.workspace_packages()
}

fn folder(package: &Package) -> String {
    let root = metadata().workspace_root;
    let manifest = package.manifest_path.parent().unwrap();
    manifest.strip_prefix(&root).unwrap().to_string()
}

/// What a package is linked with outside its tests.
fn linked(package: &Package) -> impl Iterator<Item = &Dependency> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
}

fn assert_none(offences: &BTreeSet<String>, rule: &str) {
    assert!(
        offences.is_empty(),
        "{rule}:\n{}",
        offences.iter().cloned().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn a_service_depends_on_shared_crates_and_on_no_other_of_ours() {
    let metadata = metadata();
    let mut offences = BTreeSet::new();
    for package in members(&metadata)
        .into_iter()
        .filter(|package| SERVICES.contains(&package.name.as_str()))
    {
        for dependency in linked(package) {
            let Some(path) = &dependency.path else { continue };
            let is_shared = path
                .strip_prefix(&metadata.workspace_root)
                .unwrap()
                .starts_with("shared");
            if !is_shared {
                offences.insert(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert_none(&offences, "a service may depend on shared/ alone");
}

#[test]
fn a_service_needs_no_client_crate_to_be_compiled() {
    let metadata = metadata();
    let mut offences = BTreeSet::new();
    for package in members(&metadata)
        .into_iter()
        .filter(|package| SERVICES.contains(&package.name.as_str()))
    {
        for dependency in linked(package) {
            if dependency.name.ends_with("-client") && !dependency.optional {
                offences.insert(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert_none(&offences, "client crates are optional for a service");
}

#[test]
fn a_contract_names_no_transport_and_no_database() {
    let metadata = metadata();
    let mut offences = BTreeSet::new();
    for package in members(&metadata) {
        if !folder(package).starts_with("shared/contracts/") {
            continue;
        }
        for dependency in linked(package) {
            let name = dependency.name.as_str();
            let is_of_grpc = ["tonic", "tonic-prost", "prost", "prost-types", "platform-protobuf"].contains(&name);
            let is_of_grpc = dependency.optional && is_of_grpc;
            let has_features = name == "platform-problem" && !dependency.features.is_empty();
            let is_of_the_fake = dependency.optional && is_for_the_fake_alone(package, name);
            if has_features || !(CONTRACT_MAY.contains(&name) || is_of_grpc || is_of_the_fake) {
                offences.insert(format!("{} -> {name}", package.name));
            }
        }
    }
    assert_none(&offences, "a contract may name only what every process can have");
}

/// A fake goes by a clock and its suite runs on tokio; what is linked into a process never has either.
fn is_for_the_fake_alone(package: &Package, name: &str) -> bool {
    let implied = format!("dep:{name}");
    let mut features = package
        .features
        .iter()
        .filter(|(_, implies)| implies.contains(&implied));
    ["platform-clock", "tokio"].contains(&name) && features.all(|(feature, _)| feature == "testing")
}

#[test]
fn the_platform_depends_on_no_contract_but_the_values() {
    let metadata = metadata();
    let mut offences = BTreeSet::new();
    for package in members(&metadata) {
        if !folder(package).starts_with("shared/platform/") {
            continue;
        }
        for dependency in linked(package).filter(|dependency| dependency.path.is_some()) {
            if !(dependency.name.starts_with("platform-") || dependency.name == "values") {
                offences.insert(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert_none(&offences, "platform/* knows no domain");
}

#[test]
fn a_client_knows_its_own_contract_alone() {
    let metadata = metadata();
    let mut offences = BTreeSet::new();
    for package in members(&metadata) {
        let Some(domain) = package.name.strip_suffix("-client") else {
            continue;
        };
        let own = format!("{domain}-api");
        for dependency in linked(package).filter(|dependency| dependency.path.is_some()) {
            let name = dependency.name.as_str();
            if !(name.starts_with("platform-") || name == "values" || name == own) {
                offences.insert(format!("{} -> {name}", package.name));
            }
        }
    }
    assert_none(&offences, "a client reaches one neighbour");
}

#[test]
fn what_is_for_tests_is_linked_into_tests_alone() {
    let metadata = metadata();
    let mut offences = BTreeSet::new();
    for package in members(&metadata) {
        for dependency in linked(package) {
            let is_for_tests = dependency.name == "platform-testing" && package.name != "platform-testing";
            let has_testing = dependency.features.iter().any(|feature| feature == "testing");
            if is_for_tests || (has_testing && package.name != "platform-testing") {
                offences.insert(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert_none(&offences, "testing belongs into dev-dependencies");
}
