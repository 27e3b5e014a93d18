//! gRPC beside HTTP on one listener: methods are declared with who may call them, and held to it here.
//!
//! A [`GrpcRouter`] takes the servers that tonic generates. Every method of a service's protocol buffers must be declared,
//! and no other; [`GrpcRouter::build`] names those that are not, so that nothing is open by neglect. It adds the standard
//! health (`grpc.health.v1`) and reflection services, which are open to anybody.
//!
//! ```
//! use platform_runtime::grpc::{Callers, GrpcRouter};
//! use platform_runtime::health::Health;
//! use platform_runtime::lifecycle::Lifecycle;
//! # let lifecycle = Lifecycle::new(std::time::Duration::ZERO);
//! # let router: axum::Router = axum::Router::new();
//! let health = Health::new(lifecycle);
//! // .service(GoodsServer::new(goods), DESCRIPTORS, &guard, &[("GetGoods", Callers::Services)])
//! let app = GrpcRouter::new().build(health).unwrap().beside(router); // for a listener
//! ```
//! In front of a method, in this order: its name, authentication and roles, then the method under its deadline. Refusals are
//! problems in the standard error model, see [`platform_problem::grpc`]. A message is read up to the limit its server sets,
//! 4 MiB unless it sets another.

mod beside;
mod enforce;
mod health;

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};
use platform_identity::Role;
use platform_problem::{Problem, codes};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Status;
use tonic::server::NamedService;
use tonic_health::pb::FILE_DESCRIPTOR_SET as HEALTH_DESCRIPTORS;
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder as Reflection;
use tower::Service;
use tower::util::BoxCloneSyncService;
use values::grpc::MessageError;

use crate::health::Health;
use crate::policy;
use crate::router::{Guard, Policy, RoutesError};

pub use beside::Beside;
pub use enforce::Grpc;
pub(crate) use enforce::status_of;

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Anybody; a token is not even looked at.
    Anybody,
    /// Processes of ours, with a service token of the right audience.
    Services,
    /// Those, and people of a role.
    ServicesAnd(Role),
}

/// Collects the services of a process.
#[derive(Default)]
pub struct GrpcRouter {
    methods: HashMap<String, Arc<Method>>,
    descriptors: Vec<&'static [u8]>,
    names: Vec<&'static str>,
    faults: Vec<String>,
}

/// A method as it is called.
struct Method {
    template: Arc<str>,
    policy: Policy,
    guard: Guard,
    server: Server,
}

type Server = BoxCloneSyncService<Request<Body>, Response<tonic::body::Body>, Infallible>;

impl GrpcRouter {
    /// No service yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service, each of its methods with who may call it. The descriptors are those its contract was compiled to.
    pub fn service<S>(
        mut self,
        server: S,
        descriptors: &'static [u8],
        guard: &Guard,
        methods: &[(&'static str, Callers)],
    ) -> Self
    where
        S: Service<Request<Body>, Response = Response<tonic::body::Body>, Error = Infallible, Future: Send>,
        S: NamedService + Clone + Send + Sync + 'static,
    {
        let declared: BTreeSet<&str> = methods.iter().map(|(name, _)| *name).collect();
        match methods_of(S::NAME, descriptors) {
            Some(known) => {
                let faults = known.iter().map(String::as_str).collect::<BTreeSet<_>>();
                let faults = faults.symmetric_difference(&declared);
                self.faults.extend(faults.map(|name| {
                    format!(
                        "{}/{name}: is declared, or is in the protocol buffers, and not both",
                        S::NAME
                    )
                }));
            }
            None => self.faults.push(format!("{}: is not in the protocol buffers", S::NAME)),
        }
        let server = BoxCloneSyncService::new(server);
        for (name, callers) in methods {
            let path = format!("/{}/{name}", S::NAME);
            let method = Method {
                template: Arc::from(path.as_str()),
                policy: callers.policy(),
                guard: guard.clone(),
                server: server.clone(),
            };
            if self.methods.insert(path, Arc::new(method)).is_some() {
                self.faults.push(format!("{}/{name}: declared twice", S::NAME));
            }
        }
        self.descriptors.push(descriptors);
        self.names.push(S::NAME);
        self
    }

    /// Adds the services of another.
    pub fn merge(mut self, other: Self) -> Self {
        let twice = other.methods.keys().filter(|path| self.methods.contains_key(*path));
        self.faults.extend(twice.map(|path| format!("{path}: declared twice")));
        self.methods.extend(other.methods);
        self.descriptors.extend(other.descriptors);
        self.names.extend(other.names);
        self.faults.extend(other.faults);
        self
    }

    /// The services, with health and reflection. Names every method that is not declared properly.
    pub fn build(self, health: Health) -> Result<Grpc, RoutesError> {
        let anybody = |name| (name, Callers::Anybody);
        let health = health::GrpcHealth::new(health, self.names.clone());
        let with_health = self.service(
            HealthServer::new(health),
            HEALTH_DESCRIPTORS,
            &Guard::default(),
            &["Check", "Watch"].map(anybody),
        );
        let reflected = || {
            let sets = with_health.descriptors.iter();
            sets.fold(Reflection::configure(), |builder, set| {
                builder.register_encoded_file_descriptor_set(set)
            })
        };
        let unreadable = |error: tonic_reflection::server::Error| RoutesError::new(vec![error.to_string()]);
        let v1 = reflected().build_v1().map_err(unreadable)?;
        let alpha = reflected().build_v1alpha().map_err(unreadable)?;
        let methods = ["ServerReflectionInfo"].map(anybody);
        let open = Guard::default();
        let all = with_health
            .service(v1, tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET, &open, &methods)
            .service(
                alpha,
                tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
                &open,
                &methods,
            );
        if !all.faults.is_empty() {
            return Err(RoutesError::new(all.faults));
        }
        Ok(Grpc::new(all.methods))
    }
}

/// The refusal of a message that cannot be what it stands for.
pub fn unreadable(error: MessageError) -> Status {
    let problem = Problem::new(&codes::INVALID).detail("the request has invalid fields");
    problem.field(error.pointer, error.detail).into()
}

impl Callers {
    fn policy(self) -> Policy {
        match self {
            Self::Anybody => policy::public(),
            Self::Services => policy::service(),
            Self::ServicesAnd(role) => policy::service().role(role),
        }
    }
}

/// The names of a service's methods; none if the descriptors do not have the service.
fn methods_of(service: &str, descriptors: &[u8]) -> Option<Vec<String>> {
    let (package, name) = service.rsplit_once('.').unwrap_or(("", service));
    let set = FileDescriptorSet::decode(descriptors).ok()?;
    let mut files = set.file.into_iter().filter(|file| file.package() == package);
    let found = files.find_map(|file| file.service.into_iter().find(|service| service.name() == name))?;
    Some(found.method.into_iter().filter_map(|method| method.name).collect())
}
