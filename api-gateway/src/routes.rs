//! The table of what exists: which service answers a path, and under which policy.
//!
//! Made from the documents that the services check in under their contracts; what no document declares does not exist.

use std::sync::Arc;

use http::Method;
use matchit::Router;
use platform_problem::{Problem, codes};
use platform_runtime::policy::Policy;
use platform_runtime::router::policies;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, Required};

use crate::Service;

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
    operations: Vec<RoutedOperation>,
}

/// One method of a path.
#[derive(Debug)]
pub(crate) struct RoutedOperation {
    method: Method,
    pub(crate) policy: Policy,
    pub(crate) needs_idempotency_key: bool,
}

impl Route {
    /// The operation of a method; GET answers HEAD too.
    pub(crate) fn operation(&self, method: &Method) -> Result<&RoutedOperation, Problem> {
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let found = self.operations.iter().find(|operation| operation.method == *wanted);
        found.ok_or_else(|| Problem::new(&codes::METHOD_NOT_ALLOWED).header("allow", self.allow()))
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
            for (path, item) in &document.paths.paths {
                let of_path = policies.extract_if(.., |(_, of, _)| of == path);
                let operations = of_path.map(|(method, _, policy)| RoutedOperation {
                    needs_idempotency_key: operation_of(item, &method).is_some_and(needs_key),
                    method,
                    policy,
                });
                let route = Arc::new(Route {
                    service: *service,
                    template: Arc::from(path.as_str()),
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

/// Whether the operation declares the header `Idempotency-Key` as required.
fn needs_key(operation: &Operation) -> bool {
    operation.parameters.iter().flatten().any(|parameter| {
        let utoipa::openapi::RefOr::T(parameter) = parameter else {
            return false;
        };
        parameter.parameter_in == ParameterIn::Header
            && parameter.name.eq_ignore_ascii_case("idempotency-key")
            && parameter.required == Required::True
    })
}
