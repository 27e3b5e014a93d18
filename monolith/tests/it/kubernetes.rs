//! The manifests below `deploy/kubernetes`, rendered: what they say of each other, and of the binaries, is so.

mod manifests;

use std::collections::BTreeSet;

use serde_norway::Value;

use manifests::{Manifests, Setting, labels_match, list, text};

/// Who calls whom: these and no others.
const EDGES: [(&str, &str); 9] = [
    ("api-gateway", "auth-service"),
    ("api-gateway", "user-service"),
    ("api-gateway", "product-service"),
    ("api-gateway", "order-service"),
    ("auth-service", "user-service"),
    ("user-service", "auth-service"),
    ("product-service", "auth-service"),
    ("order-service", "auth-service"),
    ("order-service", "product-service"),
];

const OVERLAYS: [&str; 3] = ["dev", "prod", "monolith"];

fn rendered() -> Option<Vec<Manifests>> {
    OVERLAYS.iter().map(|overlay| Manifests::render(overlay)).collect()
}

#[test]
fn every_service_selects_pods_that_listen_where_it_sends() {
    let Some(rendered) = rendered() else { return };
    for manifests in rendered {
        for service in manifests.of_kind("Service") {
            let selector = &service["spec"]["selector"];
            let pods = manifests.pods_that(selector);
            assert_eq!(pods.len(), 1, "{} selects one workload", manifests.name(service));
            for port in list(&service["spec"]["ports"]) {
                let target = text(&port["targetPort"]);
                let listens = manifests::port_of(pods[0], target).is_some();
                assert!(
                    listens,
                    "{} sends to {target}, where nobody listens",
                    manifests.name(service)
                );
            }
        }
        for kind in ["PodDisruptionBudget", "NetworkPolicy"] {
            for object in manifests.of_kind(kind) {
                let selector = match kind {
                    "NetworkPolicy" => &object["spec"]["podSelector"]["matchLabels"],
                    _ => &object["spec"]["selector"]["matchLabels"],
                };
                let selected = manifests.pods_that(selector);
                assert!(!selected.is_empty(), "{} selects nobody", manifests.name(object));
            }
        }
        for scaler in manifests.of_kind("HorizontalPodAutoscaler") {
            let target = text(&scaler["spec"]["scaleTargetRef"]["name"]);
            assert!(
                manifests.find("Deployment", target).is_some(),
                "{target} is scaled and is not there"
            );
        }
        for ingress in manifests.of_kind("Ingress") {
            let backend = &ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"];
            let service = manifests
                .find("Service", text(&backend["name"]))
                .expect("the backend is there");
            let named = |port: &Value| port["name"] == backend["port"]["name"];
            assert!(list(&service["spec"]["ports"]).iter().any(named));
        }
    }
}

#[test]
fn every_variable_is_a_setting_of_its_binary_and_every_file_is_in_its_secret() {
    let Some(rendered) = rendered() else { return };
    let secrets = manifests::secrets();
    for manifests in rendered {
        for (pod, container) in manifests.containers_of_ours() {
            let binary = manifests::binary_of(container);
            let known = manifests::settings_of(binary);
            for Setting { name, value } in manifests::environment(container) {
                assert!(known.contains(name), "{binary} has no setting {name}");
                let Some(file) = value.strip_prefix("/run/secrets/stoa/") else {
                    continue;
                };
                assert!(name.ends_with("_FILE"), "{name} is given a file");
                let secret = text(&pod["volumes"][0]["secret"]["secretName"]);
                let keys = secrets
                    .get(secret)
                    .unwrap_or_else(|| panic!("nobody makes the secret {secret}"));
                assert!(keys.contains(file), "the secret {secret} has no {file}");
            }
        }
    }
}

#[test]
fn a_server_listens_and_is_probed_where_it_says_and_has_time_to_stop() {
    let Some(rendered) = rendered() else { return };
    for manifests in rendered {
        for (pod, container) in manifests.containers_of_ours() {
            if text(&container["args"][0]) != "serve" {
                continue;
            }
            let binary = manifests::binary_of(container);
            let settings = manifests::environment(container);
            let value = |wanted: &str| settings.iter().find(|it| it.name == wanted).map(|it| it.value);
            for (setting, port) in [("LISTEN_ADDR", "http"), ("ADMIN_LISTEN_ADDR", "admin")] {
                let declared = manifests::port_of(pod, port).expect("the port is declared");
                let address = value(setting).expect("the address is set");
                assert_eq!(address, format!("0.0.0.0:{declared}"), "{binary} {setting}");
            }
            for (probe, path) in [
                ("startupProbe", "/health/live"),
                ("livenessProbe", "/health/live"),
                ("readinessProbe", "/health/ready"),
            ] {
                let get = &container[probe]["httpGet"];
                assert_eq!(
                    (text(&get["path"]), text(&get["port"])),
                    (path, "http"),
                    "{binary} {probe}"
                );
            }
            let drain: u64 = value("DRAIN_DELAY").unwrap().trim_end_matches('s').parse().unwrap();
            let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
            assert!(grace >= drain + 20 + 5, "{binary}: {grace} s are too short");
        }
    }
}

#[test]
fn services_call_and_may_call_exactly_whom_the_design_says() {
    let Some(rendered) = rendered() else { return };
    let expected: BTreeSet<(String, String)> = EDGES.map(|(from, to)| (from.to_owned(), to.to_owned())).into();
    for manifests in rendered.iter().filter(|manifests| manifests.overlay != "monolith") {
        let mut called = BTreeSet::new();
        for (_, container) in manifests.containers_of_ours() {
            for Setting { name, value } in manifests::environment(container) {
                if !name.ends_with("_SERVICE_URL") {
                    continue;
                }
                let (_, address) = value.split_once("://").expect("it is a URL");
                let (host, port) = address.split_once(':').expect("it names a port");
                let service = manifests.find("Service", host).expect("it names a Service");
                assert_eq!(
                    service["spec"]["ports"][0]["port"].as_u64(),
                    port.parse().ok(),
                    "{name}={value}"
                );
                called.insert((text(&container["name"]).to_owned(), host.to_owned()));
            }
        }
        assert_eq!(called, expected, "by their settings");

        let (mut out, mut into) = (BTreeSet::new(), BTreeSet::new());
        for policy in manifests.of_kind("NetworkPolicy") {
            let own = &policy["spec"]["podSelector"]["matchLabels"];
            let server = own["app.kubernetes.io/component"].as_str() == Some("server");
            let Some(own) = own["app.kubernetes.io/name"].as_str().filter(|_| server) else {
                continue;
            };
            let edge = |peer: &Value| {
                peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
                    .as_str()
                    .map(str::to_owned)
            };
            for rule in list(&policy["spec"]["egress"]) {
                let peers = list(&rule["to"]).iter().filter_map(edge);
                let ours = peers.filter(|peer| !["postgres", "nats"].contains(&peer.as_str()));
                for peer in ours {
                    let service = manifests.find("Service", &peer).expect("it goes to a Service");
                    // Headless: what is named is the port of the pod.
                    assert_eq!(rule["ports"][0]["port"], service["spec"]["ports"][0]["port"]);
                    out.insert((own.to_owned(), peer));
                }
            }
            for rule in list(&policy["spec"]["ingress"]) {
                into.extend(
                    list(&rule["from"])
                        .iter()
                        .filter_map(edge)
                        .map(|peer| (peer, own.to_owned())),
                );
            }
        }
        assert_eq!(out, expected, "by what may go out");
        assert_eq!(into, expected, "by what may come in");
        let denies = manifests
            .find("NetworkPolicy", "default-deny")
            .expect("the rest is denied");
        assert!(labels_match(
            &denies["spec"]["podSelector"]["matchLabels"],
            &Value::Null
        ));
    }
}
