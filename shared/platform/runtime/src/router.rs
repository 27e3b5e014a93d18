//! The router of every service: routes are declared once, with their policy beside them, and enforced here.
//!
//! An [`ApiRouter`] takes what [`routes!`](crate::routes) makes of handlers with `#[utoipa::path]`. Each operation names
//! its [`Policy`] in the extension `x-stoa`; one without is an error of [`ApiRouter::build`], so that nothing is open by
//! neglect. The result is a router that enforces the policies and the document that states them.
//!
//! In front of a handler, in this order: route, declared size of the body, authentication, roles, then the handler under
//! its deadline, with a body that ends at the limit. Nobody's body is read before it is known who sends it.

pub mod body_limit;
mod document;
mod enforce;
mod guard;
pub mod policy;

use std::collections::BTreeSet;

use axum::Router;
use axum::routing::{MethodRouter, get};
use platform_problem::{Problem, codes};
use utoipa::openapi::path::PathItem;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Info, OpenApi, RefOr};
use utoipa_axum::router::UtoipaMethodRouter;

pub use guard::Guard;
pub use policy::{Auth, Cache, Policy, Retry};

use document::Document;
use enforce::EnforceLayer;

/// Paths below this are for processes of ours; the gateway has no route to them and their document is their own.
pub const INTERNAL_PREFIX: &str = "/internal/";

/// Collects the routes of a service; `S` is the state that handlers take.
#[derive(Clone)]
pub struct ApiRouter<S = ()> {
    routes: Vec<Route<S>>,
    faults: Vec<String>,
}

#[derive(Clone)]
struct Route<S> {
    path: String,
    item: PathItem,
    schemas: Vec<(String, RefOr<Schema>)>,
    handlers: MethodRouter<S>,
    /// Where it is not that of the whole router.
    guard: Option<Guard>,
}

/// A router and the document of the operations behind it.
#[derive(Clone)]
pub struct Api {
    /// Enforces the policies; answers 404 and 405 with a problem.
    pub router: Router,
    /// What it offers.
    pub openapi: OpenApi,
}

/// What a service is made of.
#[derive(Clone)]
pub struct Built {
    /// What the gateway offers to clients.
    pub public: Api,
    /// What other processes of ours call, below [`INTERNAL_PREFIX`].
    pub internal: Api,
    /// Both behind one router, for the service's own listener.
    pub router: Router,
}

/// The routes cannot be served as they are declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("routes are not declared properly: {}", .0.join("; "))]
pub struct RoutesError(Vec<String>);

impl RoutesError {
    pub(crate) fn new(faults: Vec<String>) -> Self {
        Self(faults)
    }
}

impl<S: Clone + Send + Sync + 'static> Default for ApiRouter<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> ApiRouter<S> {
    /// No route yet.
    pub fn new() -> Self {
        Self {
            routes: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Adds operations: `.routes(routes!(list, create))`. Those of one call must be of one path.
    pub fn routes(mut self, (schemas, paths, handlers): UtoipaMethodRouter<S>) -> Self {
        if paths.paths.len() != 1 {
            // utoipa-axum would serve each handler on all of the paths.
            let paths: Vec<&str> = paths.paths.keys().map(String::as_str).collect();
            self.faults.push(format!(
                "one routes! holds operations of several paths: {}",
                paths.join(", ")
            ));
        }
        for (path, item) in paths.paths {
            self.routes.push(Route {
                path,
                item,
                schemas: schemas.clone(),
                handlers: handlers.clone(),
                guard: None,
            });
        }
        self
    }

    /// Adds the routes of another.
    pub fn merge(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self.faults.extend(other.faults);
        self
    }

    /// Has a guard of their own before these routes: they are merged with those of a service of another audience.
    #[must_use]
    pub fn guarded_by(mut self, guard: &Guard) -> Self {
        for route in &mut self.routes {
            route.guard = Some(guard.clone());
        }
        self
    }

    /// Gives the handlers their state.
    pub fn with_state<S2>(self, state: S) -> ApiRouter<S2> {
        let routes = self.routes.into_iter().map(|route| Route {
            path: route.path,
            item: route.item,
            schemas: route.schemas,
            handlers: route.handlers.with_state(state.clone()),
            guard: route.guard,
        });
        ApiRouter {
            routes: routes.collect(),
            faults: self.faults,
        }
    }

    /// The public document alone, for a command that prints it and has no state to give.
    pub fn document(self, info: Info) -> Result<OpenApi, RoutesError> {
        Ok(self.stateless(info)?.public.openapi)
    }

    /// The document of what is below [`INTERNAL_PREFIX`] alone.
    pub fn internal_document(self, info: Info) -> Result<OpenApi, RoutesError> {
        Ok(self.stateless(info)?.internal.openapi)
    }

    fn stateless(self, info: Info) -> Result<Built, RoutesError> {
        let routes = self.routes.into_iter().map(|route| Route {
            path: route.path,
            item: route.item,
            schemas: route.schemas,
            handlers: get(not_found),
            guard: None,
        });
        let bare: ApiRouter = ApiRouter {
            routes: routes.collect(),
            faults: self.faults,
        };
        bare.build(info, &Guard::default())
    }
}

impl ApiRouter {
    /// The routers and documents. Names every operation that is declared wrongly: without a policy, twice, without an
    /// operation id of its own, or with a policy that does not fit its path.
    pub fn build(self, info: Info, guard: &Guard) -> Result<Built, RoutesError> {
        let mut faults = self.faults;
        let mut policies = Vec::new();
        let mut seen = BTreeSet::new();
        for route in &self.routes {
            let mut of_route = Vec::new();
            for (method, operation) in document::operations(&route.item) {
                let name = format!("{} {}", document::name_of(&method), route.path);
                match document::policy_of(operation, &route.path) {
                    Ok(policy) => of_route.push((method, policy)),
                    Err(fault) => faults.push(format!("{name}: {fault}")),
                }
                if !seen.insert(name.clone()) {
                    faults.push(format!("{name}: declared twice"));
                }
            }
            policies.push(of_route);
        }
        let items = self.routes.iter().map(|route| (route.path.as_str(), &route.item));
        faults.extend(document::faulty_ids(items));
        if !faults.is_empty() {
            return Err(RoutesError(faults));
        }

        let internal_title = format!("{} (internal)", info.title);
        let internal_info = Info::new(internal_title, info.version.clone());
        let (mut public, mut internal) = (Document::new(info), Document::new(internal_info));
        let [mut public_router, mut internal_router, mut router] = std::array::from_fn(|_| Router::new());
        for (route, policies) in self.routes.into_iter().zip(policies) {
            let is_internal = is_internal(&route.path);
            let guard = route.guard.as_ref().unwrap_or(guard);
            let layer = EnforceLayer::new(&route.path, &policies, guard);
            let handlers = route.handlers.route_layer(layer);
            let (document, side) = if is_internal {
                (&mut internal, &mut internal_router)
            } else {
                (&mut public, &mut public_router)
            };
            document.add(&route.path, route.item, route.schemas, &policies);
            add(side, &route.path, handlers.clone());
            add(&mut router, &route.path, handlers);
        }
        Ok(Built {
            public: Api {
                router: finish(public_router),
                openapi: public.finish(),
            },
            internal: Api {
                router: finish(internal_router),
                openapi: internal.finish(),
            },
            router: finish(router),
        })
    }
}

/// The policy of every operation in a document, for a gateway that routes by it: method, path, policy.
pub fn policies(openapi: &OpenApi) -> Result<Vec<(http::Method, String, Policy)>, RoutesError> {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for (path, item) in &openapi.paths.paths {
        for (method, operation) in document::operations(item) {
            match document::policy_of(operation, path) {
                Ok(policy) => found.push((document::to_http(&method), path.clone(), policy)),
                Err(fault) => faults.push(format!("{} {path}: {fault}", document::name_of(&method))),
            }
        }
    }
    if faults.is_empty() {
        Ok(found)
    } else {
        Err(RoutesError(faults))
    }
}

fn is_internal(path: &str) -> bool {
    path.starts_with(INTERNAL_PREFIX)
}

/// What answers where no route does; axum wants it said after the routes.
fn finish(router: Router) -> Router {
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

#[expect(clippy::disallowed_methods, reason = "the one home of routes")]
fn add(router: &mut Router, path: &str, handlers: MethodRouter) {
    let path = if path.is_empty() { "/" } else { path };
    *router = std::mem::take(router).route(path, handlers);
}

async fn not_found() -> Problem {
    Problem::new(&codes::NOT_FOUND).detail("there is no such route")
}

/// axum adds `Allow` to this answer.
async fn method_not_allowed() -> Problem {
    Problem::new(&codes::METHOD_NOT_ALLOWED)
}
