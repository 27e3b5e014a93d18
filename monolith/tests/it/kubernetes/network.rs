//! What the NetworkPolicies of an overlay let pass, by the rules of Kubernetes: a pod that a policy selects may do what any
//! policy that selects it allows, and a connection needs leave at both ends.
//! (<https://kubernetes.io/docs/concepts/services-networking/network-policies/>)

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_norway::Value;

use super::manifests::{Manifests, Pod, list, selects, text};

/// Whoever a rule means that names nobody.
pub(super) const ANYBODY: &str = "anybody";

#[derive(Clone, Copy)]
enum Direction {
    In,
    Out,
}

impl Direction {
    /// The policy type, its rules, and whom they name.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::In => ("Ingress", "ingress", "from"),
            Self::Out => ("Egress", "egress", "to"),
        }
    }
}

/// All that may pass, a line for each end: `order-service:8084 <- api-gateway`.
pub(super) fn passages(manifests: &Manifests) -> String {
    let mut lines: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to, port) in inside(manifests) {
        lines.entry(format!("{to}:{port}")).or_default().insert(from);
    }
    for pod in manifests.pods() {
        for (rule, whom) in rules(manifests, &pod, Direction::In) {
            for who in outsiders(rule, whom) {
                for port in ports(rule, &pod) {
                    lines
                        .entry(format!("{}:{port}", pod.name))
                        .or_default()
                        .insert(who.clone());
                }
            }
        }
        for (rule, whom) in rules(manifests, &pod, Direction::Out) {
            for who in outsiders(rule, whom) {
                let mut at: Vec<String> = list(&rule["ports"])
                    .iter()
                    .map(|port| number(port).to_string())
                    .collect();
                if at.is_empty() {
                    at.push("any".to_owned());
                }
                for port in at {
                    lines
                        .entry(format!("{who}:{port}"))
                        .or_default()
                        .insert(pod.name.clone());
                }
            }
        }
    }
    lines.into_iter().fold(String::new(), |mut table, (to, from)| {
        let from: Vec<String> = from.into_iter().collect();
        let _ = writeln!(table, "{to} <- {}", from.join(", "));
        table
    })
}

/// From which pod to which port of which other.
pub(super) fn inside(manifests: &Manifests) -> BTreeSet<(String, String, u64)> {
    let pods = manifests.pods();
    let mut passages = BTreeSet::new();
    for from in &pods {
        for to in pods.iter().filter(|to| to.name != from.name) {
            for port in to.ports() {
                let goes_out = allows(manifests, from, Direction::Out, to, (to, port));
                if goes_out && allows(manifests, to, Direction::In, from, (to, port)) {
                    passages.insert((from.name.clone(), to.name.clone(), port));
                }
            }
        }
    }
    passages
}

/// Who may come in to a pod and is none of the overlay's.
pub(super) fn from_outside(manifests: &Manifests, pod: &Pod<'_>) -> BTreeSet<String> {
    let rules = rules(manifests, pod, Direction::In);
    rules
        .into_iter()
        .flat_map(|(rule, whom)| outsiders(rule, whom))
        .collect()
}

/// Whether a pod is let talk to another, of which this is the port that is listened on.
fn allows(manifests: &Manifests, own: &Pod<'_>, direction: Direction, peer: &Pod<'_>, at: (&Pod<'_>, u64)) -> bool {
    rules(manifests, own, direction).into_iter().any(|(rule, whom)| {
        let peers = list(&rule[whom]);
        let is_named = |named: &Value| !named["podSelector"].is_null() && selects(&named["podSelector"], peer.labels);
        let is_here = |named: &&Value| named["namespaceSelector"].is_null();
        let (pod, port) = at;
        (peers.is_empty() || peers.iter().filter(is_here).any(is_named)) && ports(rule, pod).contains(&port)
    })
}

/// The rules that hold for a pod, each with the word by which it names peers. What no policy isolates, may do anything, which
/// is none of the rules here: the overlays deny by default.
fn rules<'a>(manifests: &'a Manifests, pod: &Pod<'_>, direction: Direction) -> Vec<(&'a Value, &'static str)> {
    let (kind, rules, whom) = direction.words();
    let selecting = manifests.of_kind("NetworkPolicy").filter(|policy| {
        let is_of_kind = list(&policy["spec"]["policyTypes"]).iter().any(|it| it == kind);
        is_of_kind && selects(&policy["spec"]["podSelector"], pod.labels)
    });
    let selecting: Vec<&Value> = selecting.collect();
    assert!(!selecting.is_empty(), "{} is not isolated: {kind}", pod.name);
    let all = selecting.into_iter().flat_map(|policy| list(&policy["spec"][rules]));
    all.map(|rule| (rule, whom)).collect()
}

/// Of the ports of a pod, those that a rule is about.
fn ports(rule: &Value, pod: &Pod<'_>) -> BTreeSet<u64> {
    let named = list(&rule["ports"]);
    if named.is_empty() {
        return pod.ports();
    }
    named.iter().map(number).collect()
}

/// Not every network plugin resolves the name of a port.
fn number(port: &Value) -> u64 {
    assert!(port["endPort"].is_null(), "no range is understood here");
    port["port"].as_u64().expect("ports are numbers")
}

/// Whom a rule names that is no pod of the overlay.
fn outsiders(rule: &Value, whom: &str) -> Vec<String> {
    let peers = list(&rule[whom]);
    if peers.is_empty() {
        return vec![ANYBODY.to_owned()];
    }
    let outside = peers.iter().filter_map(|peer| {
        if let Some(network) = peer["ipBlock"]["cidr"].as_str() {
            return Some(network.to_owned());
        }
        let namespace = &peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"];
        let pods = peer["podSelector"]["matchLabels"].as_mapping().into_iter().flatten();
        let pods = pods.fold(String::new(), |path, (_, label)| path + "/" + text(label));
        (!peer["namespaceSelector"].is_null()).then(|| format!("{}{pods}", text(namespace)))
    });
    outside.collect()
}
