//! The table of what exists: which service answers a path, and under which policy.
//!
//! Made from the documents that the services check in under their contracts; what no document declares does not exist.

use std::sync::Arc;

use http::{HeaderMap, Method};
use matchit::Router;
use platform_problem::{Problem, codes};
use platform_runtime::policy::{Cache, Policy, Retry};
use platform_runtime::router::policies;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, RefOr, Required};

use crate::Service;
use crate::upstream::remote::Repeat;

/// The documents cannot be made into a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The document of a service is not OpenAPI.
    #[error("the document of {0} cannot be read")]
    Unreadable(Service, #[source] serde_json::Error),
    /// An operation has no policy, or a wrong one.
    #[error("the document of {0} cannot be routed by")]
    Policies(Service, #[source] platform_runtime::router::RoutesError),
    /// Two services claim one path.
    #[error("the path {1} of {0} stands in the way of another")]
    Path(Service, String, #[source] matchit::InsertError),
}

/// One path and who answers it.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) service: Service,
    /// As in the document, such as `/api/products/{id}`: for log and metrics.
    pub(crate) template: Arc<str>,
    /// Whether answers of this service are kept, so that a write here may change one.
    pub(crate) is_cached: bool,
    operations: Vec<RoutedOperation>,
}

/// One method of a path.
#[derive(Debug)]
pub(crate) struct RoutedOperation {
    method: Method,
    pub(crate) policy: Policy,
    pub(crate) needs_idempotency_key: bool,
    honours_idempotency_key: bool,
}

impl RoutedOperation {
    /// Whether a request may be sent again, elsewhere, when no answer came. PUT and DELETE are not: what a second one is
    /// answered may differ from what the first was.
    pub(crate) fn repeat(&self, method: &Method, headers: &HeaderMap) -> Repeat {
        let is_keyed = || self.honours_idempotency_key && headers.contains_key("idempotency-key");
        match (self.policy.retry, method) {
            (Retry::Safe | Retry::Idempotent, &Method::GET | &Method::HEAD) => Repeat::Harmless,
            (Retry::Idempotent, &Method::POST) if is_keyed() => Repeat::Keyed,
            _ => Repeat::OnlyUnsent,
        }
    }
}

impl Route {
    /// The operation of a method; GET answers HEAD too.
    pub(crate) fn operation(&self, method: &Method) -> Result<&RoutedOperation, Problem> {
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let found = self.operations.iter().find(|operation| operation.method == *wanted);
        found.ok_or_else(|| Problem::new(&codes::METHOD_NOT_ALLOWED).header("allow", self.allow()))
    }

    /// Whether a GET here is answered to everybody alike.
    pub(crate) fn has_public_answers(&self) -> bool {
        let mut operations = self.operations.iter();
        operations.any(|operation| operation.policy.cache == Cache::Public)
    }

    fn allow(&self) -> String {
        let mut methods: Vec<&str> = self
            .operations
            .iter()
            .map(|operation| operation.method.as_str())
            .collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        methods.join(",")
    }
}

/// Every path of every service.
pub(crate) struct RouteTable(Router<Arc<Route>>);

impl RouteTable {
    /// Reads the documents.
    pub(crate) fn of_documents(documents: &[(Service, OpenApi)]) -> Result<Self, TableError> {
        let mut router = Router::new();
        for (service, document) in documents {
            let mut policies = policies(document).map_err(|error| TableError::Policies(*service, error))?;
            let is_cached = policies.iter().any(|(_, _, policy)| policy.cache == Cache::Public);
            for (path, item) in &document.paths.paths {
                let of_path = policies.extract_if(.., |(_, of, _)| of == path);
                let operations = of_path.map(|(method, _, policy)| {
                    let key = operation_of(item, &method).and_then(key_of);
                    RoutedOperation {
                        needs_idempotency_key: key.is_some_and(|key| key.required == Required::True),
                        honours_idempotency_key: key.is_some(),
                        method,
                        policy,
                    }
                });
                let route = Arc::new(Route {
                    service: *service,
                    template: Arc::from(path.as_str()),
                    is_cached,
                    operations: operations.collect(),
                });
                router
                    .insert(path, route)
                    .map_err(|error| TableError::Path(*service, path.clone(), error))?;
            }
        }
        Ok(Self(router))
    }

    /// Who answers a path.
    pub(crate) fn find(&self, path: &str) -> Option<&Arc<Route>> {
        self.0.at(path).ok().map(|found| found.value)
    }
}

fn operation_of<'a>(item: &'a PathItem, method: &Method) -> Option<&'a Operation> {
    match *method {
        Method::GET => item.get.as_ref(),
        Method::PUT => item.put.as_ref(),
        Method::POST => item.post.as_ref(),
        Method::DELETE => item.delete.as_ref(),
        Method::PATCH => item.patch.as_ref(),
        _ => None,
    }
}

/// The header `Idempotency-Key` as the operation declares it.
fn key_of(operation: &Operation) -> Option<&Parameter> {
    let mut parameters = operation
        .parameters
        .iter()
        .flatten()
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        });
    parameters.find(|parameter| {
        parameter.parameter_in == ParameterIn::Header && parameter.name.eq_ignore_ascii_case("idempotency-key")
    })
}
