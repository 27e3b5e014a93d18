//! Who may call what: every operation as nobody, with a token that is none, as a customer and as an admin; at the service
//! itself and through the gateway.
//!
//! Made from the documents: what is declared is tried, and what is tried must be there. The table at the end is what an
//! operator would want to know; a change of it is a change of who may do what.

mod shop;

use std::fmt::Write as _;

use api_gateway::{Service, documents};
use http::Method;
use platform_identity::Role;
use platform_runtime::policy::{Auth, Policy};
use platform_runtime::router::policies;

use shop::{Answer, TestShop};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Nobody,
    Forger,
    Customer,
    Admin,
}

impl Caller {
    const ALL: [Self; 4] = [Self::Nobody, Self::Forger, Self::Customer, Self::Admin];

    /// What the policy says to this caller; `None` is not refused for who they are.
    fn refusal(self, policy: &Policy) -> Option<(u16, &'static str)> {
        let lacks_role = match self {
            Self::Nobody | Self::Forger => true,
            Self::Customer => !policy.roles.is_empty() && !policy.roles.contains(&Role::Customer),
            Self::Admin => false,
        };
        match (policy.auth, self) {
            (Auth::None, _) | (Auth::Optional, Self::Nobody) => None,
            (Auth::Service | Auth::Client, _) => unreachable!("no document of a gateway has it"),
            (Auth::Optional | Auth::Required, Self::Forger) => Some((401, "token_invalid")),
            (Auth::Required, Self::Nobody) => Some((401, "unauthenticated")),
            (Auth::Optional | Auth::Required, _) if lacks_role => Some((403, "forbidden")),
            (Auth::Optional | Auth::Required, _) => None,
        }
    }
}

/// One operation of one service.
struct Operation {
    service: Service,
    method: Method,
    template: String,
    policy: Policy,
}

impl Operation {
    /// The operations that the checked-in documents declare.
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for (service, document) in documents().unwrap() {
            for (method, template, policy) in policies(&document).unwrap() {
                all.push(Self {
                    service,
                    method,
                    template,
                    policy,
                });
            }
        }
        all
    }

    /// A path of the operation, to a thing that does not exist.
    fn path(&self) -> String {
        self.template.replace("{id}", "01890a5d-ac96-774b-bcce-b302099a8057")
    }
}

fn assert_verdict(what: &str, answer: &Answer, expected: Option<(u16, &'static str)>) {
    if let Some((status, code)) = expected {
        assert_eq!((answer.status, answer.code()), (status, code), "{what}");
        return;
    }
    assert!(!matches!(answer.status, 401 | 403), "{what} is refused: {answer:?}");
    assert!(answer.status < 500, "{what} fails: {answer:?}");
    let is_missing = answer.status == 405 || answer.detail() == "there is no such route";
    assert!(!is_missing, "{what} is declared and not there: {answer:?}");
}

#[tokio::test]
async fn every_operation_lets_in_whom_its_policy_names_and_nobody_else() {
    let shop = Box::pin(TestShop::open()).await;
    let mut tried = 0;
    for operation in Operation::all() {
        for caller in Caller::ALL {
            let expected = caller.refusal(&operation.policy);
            let (method, path) = (&operation.method, operation.path());
            let what = format!("{method} {path} of {} as {caller:?}", operation.service);
            let token = shop.token(caller);
            let direct = shop.ask_service(operation.service, method, &path, token).await;
            assert_verdict(&format!("{what} at the service"), &direct, expected);
            let through = shop.ask_gateway(method, &path, token).await;
            assert_verdict(&format!("{what} through the gateway"), &through, expected);
            tried += 1;
        }
    }
    let operations: usize = documents()
        .unwrap()
        .iter()
        .map(|(_, document)| operations_in(document))
        .sum();
    assert_eq!(tried, operations * Caller::ALL.len());
}

/// Counted by the text alone, so that an operation which the code overlooks is missed.
fn operations_in(document: &utoipa::openapi::OpenApi) -> usize {
    let text = serde_json::to_string(document).unwrap();
    text.matches("\"operationId\":").count()
}

#[tokio::test]
async fn the_gateway_has_no_way_to_what_processes_tell_each_other() {
    let shop = Box::pin(TestShop::open()).await;
    let mut tried = 0;
    for (service, document) in shop.internal_documents() {
        for (method, template, policy) in policies(document).unwrap() {
            assert!(
                matches!(policy.auth, Auth::Service | Auth::Client),
                "{method} {template}"
            );
            let operation = Operation {
                service,
                method,
                template,
                policy,
            };
            let path = operation.path();
            for caller in Caller::ALL {
                let answer = shop.ask_gateway(&operation.method, &path, shop.token(caller)).await;
                assert_eq!(
                    (answer.status, answer.code()),
                    (404, "not_found"),
                    "{path} as {caller:?}"
                );
            }
            tried += 1;
        }
    }
    assert!(tried > 0, "no service has an internal route, so this proves nothing");
}

#[test]
fn who_may_call_what() {
    let mut table = String::new();
    for Operation {
        service,
        method,
        template,
        policy,
    } in Operation::all()
    {
        let who = match (policy.auth, policy.roles.as_slice()) {
            (Auth::None | Auth::Optional, _) => "anyone".to_owned(),
            (Auth::Required, []) => "signed in".to_owned(),
            (Auth::Required, roles) => roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", "),
            (Auth::Service | Auth::Client, _) => unreachable!("no document of a gateway has it"),
        };
        let [service, method] = [service.to_string(), method.to_string()];
        let _ = writeln!(table, "{service:8} {method:6} {template:30} {who}");
    }
    insta::assert_snapshot!(table);
}
