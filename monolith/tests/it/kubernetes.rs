//! The manifests below `deploy/kubernetes`, rendered: what they say of each other, and of the binaries, is so.

mod manifests;
mod network;

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use platform_runtime::Info;
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::router::Guard;
use serde_norway::Value;

use manifests::{Manifests, SECRETS, list, name, selects, text};
use network::passages;

/// Who calls whom: these and no others.
const EDGES: [(&str, &str); 9] = [
    ("api-gateway", "auth-service"),
    ("api-gateway", "order-service"),
    ("api-gateway", "product-service"),
    ("api-gateway", "user-service"),
    ("auth-service", "user-service"),
    ("order-service", "auth-service"),
    ("order-service", "product-service"),
    ("product-service", "auth-service"),
    ("user-service", "auth-service"),
];

const OVERLAYS: [&str; 3] = ["dev", "prod", "monolith"];

/// How long resolvers of a cluster may remember an answer.
const DNS_MEMORY: Duration = Duration::from_secs(30);

/// Once for all tests.
fn rendered() -> Option<&'static [Manifests]> {
    static RENDERED: LazyLock<Option<Vec<Manifests>>> =
        LazyLock::new(|| OVERLAYS.iter().map(|overlay| Manifests::render(overlay)).collect());
    RENDERED.as_deref()
}

#[test]
fn every_selector_selects_the_pods_it_is_meant_for() {
    let Some(rendered) = rendered() else { return };
    for manifests in rendered {
        for service in manifests.of_kind("Service") {
            let selected = manifests.labelled(&service["spec"]["selector"]);
            assert_eq!(selected.name, name(service), "Service");
        }
        for kind in ["Deployment", "StatefulSet"] {
            for workload in manifests.of_kind(kind) {
                let selected = manifests.selected_by(&workload["spec"]["selector"]);
                assert_eq!(selected, [name(workload)], "{kind}");
            }
        }
        for budget in manifests.of_kind("PodDisruptionBudget") {
            let selected = manifests.selected_by(&budget["spec"]["selector"]);
            assert_eq!(selected, [name(budget)], "PodDisruptionBudget");
        }
        for policy in manifests.of_kind("NetworkPolicy") {
            let selected = manifests.selected_by(&policy["spec"]["podSelector"]);
            assert!(!selected.is_empty(), "{} selects nobody", name(policy));
        }
        for pod in manifests.servers() {
            for constraint in list(&pod.spec["topologySpreadConstraints"]) {
                assert!(selects(&constraint["labelSelector"], pod.labels), "{}", pod.name);
                let keys = list(&constraint["matchLabelKeys"]);
                assert!(keys.iter().any(|key| key == "app.kubernetes.io/name"), "{}", pod.name);
            }
        }
    }
}

#[test]
fn what_is_scaled_has_no_number_of_its_own() {
    let Some(rendered) = rendered() else { return };
    for manifests in rendered {
        for scaler in manifests.of_kind("HorizontalPodAutoscaler") {
            let target = text(&scaler["spec"]["scaleTargetRef"]["name"]);
            let scaled = manifests.find("Deployment", target).expect("what is scaled is there");
            // Each `apply` would set it back.
            assert!(scaled["spec"]["replicas"].is_null(), "{target}");
        }
    }
}

#[test]
fn services_send_to_ports_that_are_listened_on() {
    let Some(rendered) = rendered() else { return };
    for manifests in rendered {
        for service in manifests.of_kind("Service") {
            let pod = manifests.labelled(&service["spec"]["selector"]);
            for port in list(&service["spec"]["ports"]) {
                let target = text(&port["targetPort"]);
                let listens = pod.port(target);
                assert!(listens.is_some(), "{} does not listen on {target}", pod.name);
                if service["spec"]["clusterIP"] == "None" {
                    // Nothing translates: who resolves the name dials the pod.
                    assert_eq!(port["port"].as_u64(), listens, "{}", pod.name);
                }
            }
        }
        for ingress in manifests.of_kind("Ingress") {
            let backend = &ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"];
            let service = manifests.find("Service", text(&backend["name"])).unwrap();
            let named = |port: &Value| port["name"] == backend["port"]["name"];
            assert!(list(&service["spec"]["ports"]).iter().any(named));
        }
    }
}

#[test]
fn every_variable_is_a_setting_of_its_binary() {
    let Some(rendered) = rendered() else { return };
    for manifests in rendered {
        for pod in manifests.pods_of_ours() {
            let known = manifests::settings_of(pod.binary());
            for (name, _) in pod.environment() {
                assert!(known.contains(name), "{} has no setting {name}", pod.binary());
            }
        }
    }
}

#[test]
fn every_secret_and_account_that_a_pod_uses_is_made() {
    let Some(rendered) = rendered() else { return };
    let secrets = manifests::secrets();
    for manifests in rendered {
        for pod in manifests.pods() {
            let account = text(&pod.spec["serviceAccountName"]);
            assert!(manifests.find("ServiceAccount", account).is_some(), "{account}");
            for volume in list(&pod.spec["volumes"]) {
                let secret = text(&volume["secret"]["secretName"]);
                assert!(secret.is_empty() || secrets.contains_key(secret), "{secret}");
            }
        }
        for pod in manifests.pods_of_ours() {
            let secret = &secrets[pod.secret()];
            for (name, value) in pod.environment() {
                let Some((SECRETS, file)) = value.rsplit_once('/') else {
                    continue;
                };
                assert!(name.ends_with("_FILE"), "{name} is given a file");
                assert!(secret.contains_key(file), "{} has no {file}", pod.secret());
            }
        }
    }
}

#[test]
fn a_migration_lets_the_login_of_its_server_work() {
    let Some(rendered) = rendered() else { return };
    let secrets = manifests::secrets();
    for manifests in rendered {
        let (servers, migrations): (Vec<_>, Vec<_>) =
            manifests.pods_of_ours().into_iter().partition(|pod| pod.kind != "Job");
        let mut provisioned = 0;
        for server in servers {
            let Some(url) = secrets[server.secret()].get("database_url") else {
                continue;
            };
            let name = format!("{}-migration", server.name);
            let migration = migrations.iter().find(|pod| pod.name == name).expect("it has one");
            assert_eq!(migration.binary(), server.binary());
            let [migrate, provision, login] = list(&migration.container()["args"]) else {
                panic!("{name} provisions one login");
            };
            assert_eq!((text(migrate), text(provision)), ("migrate", "--provision"));
            assert!(url.starts_with(&format!("postgres://{}:", text(login))), "{name}");
            let password = text(login).replace("_login", "_password");
            assert!(secrets["postgres"].contains_key(&password), "{password}");
            provisioned += 1;
        }
        assert_eq!(provisioned, migrations.len(), "each migration is of a server");
    }
}

#[test]
fn servers_listen_where_they_are_probed_and_the_routes_are_there() {
    let Some(rendered) = rendered() else { return };
    let health = Health::new(Lifecycle::new(Duration::ZERO));
    let built = health.routes::<()>().build(Info::new("health", "1"), &Guard::default());
    let routes = built.unwrap().public.openapi.paths.paths;
    for manifests in rendered {
        for pod in manifests.servers() {
            for (setting, port) in [("LISTEN_ADDR", "http"), ("ADMIN_LISTEN_ADDR", "admin")] {
                let address = format!("0.0.0.0:{}", pod.port(port).unwrap());
                assert_eq!(pod.setting(setting), Some(address.as_str()), "{} {setting}", pod.name);
            }
            for (probe, path) in [
                ("startupProbe", "/health/live"),
                ("livenessProbe", "/health/live"),
                ("readinessProbe", "/health/ready"),
            ] {
                let get = &pod.container()[probe]["httpGet"];
                assert_eq!((text(&get["path"]), text(&get["port"])), (path, "http"), "{probe}");
                assert!(routes[path].get.is_some(), "nobody answers {path}");
            }
        }
    }
}

#[test]
fn a_server_stops_when_everybody_knows_its_successor_and_has_the_time_to() {
    let Some(rendered) = rendered() else { return };
    for manifests in rendered {
        for pod in manifests.servers() {
            let deployment = &manifests.find("Deployment", &pod.name).unwrap()["spec"];
            assert_eq!(deployment["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
            let known_after = deployment["minReadySeconds"].as_u64().map(Duration::from_secs);
            assert!(known_after > Some(DNS_MEMORY), "{}", pod.name);

            let drain = pod.setting("DRAIN_DELAY").and_then(|text| text.strip_suffix('s'));
            let drain = Duration::from_secs(drain.unwrap().parse().unwrap());
            assert!(drain > DNS_MEMORY, "{}", pod.name);
            let grace = pod.spec["terminationGracePeriodSeconds"].as_u64().unwrap();
            let telemetry = Duration::from_secs(5);
            assert!(Duration::from_secs(grace) >= drain + Lifecycle::FINISH + telemetry);
        }
    }
}

#[test]
fn services_call_exactly_whom_the_design_says() {
    let Some(rendered) = rendered() else { return };
    for manifests in rendered {
        let may_call = network::inside(manifests);
        let mut called = BTreeSet::new();
        for pod in manifests.servers() {
            for (name, value) in pod.environment() {
                if !name.ends_with("_SERVICE_URL") {
                    continue;
                }
                let (_, address) = value.split_once("://").expect("it is a URL");
                let (host, port) = address.split_once(':').expect("it names a port");
                assert_eq!(name, host.to_uppercase().replace('-', "_") + "_URL");
                let service = manifests.find("Service", host).expect("it names a Service");
                let listens = service["spec"]["ports"][0]["port"].as_u64().unwrap();
                assert_eq!(listens.to_string(), port, "{name}={value}");
                let passage = (pod.name.clone(), host.to_owned(), listens);
                assert!(may_call.contains(&passage), "{passage:?} is denied");
                called.insert((pod.name.clone(), host.to_owned()));
            }
        }
        let designed = EDGES.map(|(from, to)| (from.to_owned(), to.to_owned())).into();
        let expected = if manifests.overlay == "monolith" {
            BTreeSet::new()
        } else {
            designed
        };
        assert_eq!(called, expected);
    }
}

#[test]
fn policies_let_pass_exactly_what_the_design_says() {
    let Some(rendered) = rendered() else { return };
    let [dev, prod, monolith] = rendered else {
        panic!("three overlays are rendered")
    };
    insta::assert_snapshot!(passages(dev), @"
    api-gateway:8080 <- anybody
    api-gateway:9000 <- monitoring
    auth-service:8081 <- api-gateway, order-service, product-service, user-service
    auth-service:9000 <- monitoring
    kube-system/kube-dns:53 <- api-gateway, auth-service, auth-service-migration, order-service, order-service-migration, product-service, product-service-migration, user-service, user-service-migration
    nats:4222 <- api-gateway, auth-service, order-service, product-service, user-service
    order-service:8084 <- api-gateway
    order-service:9000 <- monitoring
    postgres:5432 <- auth-service, auth-service-migration, order-service, order-service-migration, product-service, product-service-migration, user-service, user-service-migration
    product-service:8083 <- api-gateway, order-service
    product-service:9000 <- monitoring
    user-service:8082 <- api-gateway, auth-service
    user-service:9000 <- monitoring
    ");
    insta::assert_snapshot!(passages(prod), @"
    10.20.0.0/24:5432 <- auth-service, auth-service-migration, order-service, order-service-migration, product-service, product-service-migration, user-service, user-service-migration
    10.20.1.0/24:4222 <- api-gateway, auth-service, order-service, product-service, user-service
    api-gateway:8080 <- ingress-nginx
    api-gateway:9000 <- monitoring
    auth-service:8081 <- api-gateway, order-service, product-service, user-service
    auth-service:9000 <- monitoring
    kube-system/kube-dns:53 <- api-gateway, auth-service, auth-service-migration, order-service, order-service-migration, product-service, product-service-migration, user-service, user-service-migration
    order-service:8084 <- api-gateway
    order-service:9000 <- monitoring
    product-service:8083 <- api-gateway, order-service
    product-service:9000 <- monitoring
    user-service:8082 <- api-gateway, auth-service
    user-service:9000 <- monitoring
    ");
    insta::assert_snapshot!(passages(monolith), @"
    kube-system/kube-dns:53 <- monolith, monolith-migration
    monolith:8080 <- anybody
    monolith:9000 <- monitoring
    nats:4222 <- monolith
    postgres:5432 <- monolith, monolith-migration
    ");
}

#[test]
fn whoever_believes_a_proxy_is_reached_through_it_alone() {
    let Some(rendered) = rendered() else { return };
    for manifests in rendered {
        for pod in manifests.servers() {
            if pod.setting("TRUSTED_PROXY_HOPS").is_some() {
                let lets_in = network::from_outside(manifests, &pod);
                assert!(lets_in.iter().all(|who| who != network::ANYBODY), "{}", pod.name);
            }
        }
    }
}
