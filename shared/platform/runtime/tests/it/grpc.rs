//! gRPC methods beside routes: who may call what, and what is answered when nobody may.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode, Version, header};
use http_body_util::BodyExt;
use platform_clock::{Clock, SystemClock};
use platform_identity::testing::TestIssuer;
use platform_identity::{Audience, Role};
use platform_runtime::grpc::{Beside, Callers, GrpcRouter};
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::router::{ApiRouter, Guard};
use platform_runtime::stack::{Stack, Stacked};
use platform_runtime::{Info, policy, routes};
use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto};
use tonic::server::NamedService;
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus};
use tower::{Layer, Service, ServiceExt};

/// A service without protocol buffers of its own: a method does what its name says.
#[derive(Clone)]
struct Things;

impl NamedService for Things {
    const NAME: &'static str = "test.v1.Things";
}

impl Service<Request<Body>> for Things {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(async move {
            match request.uri().path().rsplit('/').next().unwrap() {
                "Panic" => panic!("the secret is forty-two"),
                "Hang" => std::future::pending().await,
                _ => Ok(Status::ok("").into_http()),
            }
        })
    }
}

const METHODS: [(&str, Callers); 5] = [
    ("Open", Callers::Anybody),
    ("Inner", Callers::Services),
    ("Both", Callers::ServicesAnd(Role::Admin)),
    ("Panic", Callers::Anybody),
    ("Hang", Callers::Anybody),
];

/// What the compiler of protocol buffers would make of the service.
fn descriptors() -> &'static [u8] {
    let method = |name: &str| MethodDescriptorProto {
        name: Some(name.to_owned()),
        ..Default::default()
    };
    let service = ServiceDescriptorProto {
        name: Some("Things".to_owned()),
        method: METHODS.iter().map(|(name, _)| method(name)).collect(),
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("things.proto".to_owned()),
        package: Some("test.v1".to_owned()),
        service: vec![service],
        ..Default::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec().leak()
}

#[utoipa::path(get, path = "/hello", responses((status = 200)), extensions(("x-stoa" = json!(policy::public()))))]
async fn hello() -> &'static str {
    "hello"
}

struct Fixture {
    app: Stacked<Beside<axum::Router>>,
    issuer: Arc<TestIssuer>,
    clock: Arc<dyn Clock>,
    lifecycle: Lifecycle,
}

impl Fixture {
    fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let issuer = TestIssuer::new(clock.clone());
        let guard = Guard::new(
            issuer.verifier(Audience::People),
            issuer.verifier(Audience::Service("things")),
        );
        let lifecycle = Lifecycle::new(Duration::ZERO);
        let grpc = GrpcRouter::new().service(Things, descriptors(), &guard, &METHODS);
        let grpc = grpc.build(Health::new(lifecycle.clone())).unwrap();
        let http = ApiRouter::new().routes(routes!(hello));
        let http = http.build(Info::new("things", "1"), &guard).unwrap();
        Self {
            app: Stack::new(clock.clone()).layer(grpc.beside(http.router)),
            issuer,
            clock,
            lifecycle,
        }
    }

    async fn send(&self, path: &str, token: Option<&str>, message: &[u8]) -> Response<Body> {
        let mut request = Request::post(path)
            .version(Version::HTTP_2)
            .header(header::CONTENT_TYPE, "application/grpc");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.app
            .clone()
            .oneshot(request.body(framed(message)).unwrap())
            .await
            .unwrap()
    }

    async fn code(&self, method: &str, token: Option<&str>) -> Code {
        code_of(
            self.send(&format!("/test.v1.Things/{method}"), token, b"")
                .await
                .headers(),
        )
    }

    fn token(&self, roles: &[Role]) -> String {
        self.issuer.user_token(self.clock.new_id().into(), roles)
    }
}

/// A message as it is sent: not compressed, its length, itself.
fn framed(message: &[u8]) -> Body {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    Body::from(frame)
}

fn code_of(headers: &HeaderMap) -> Code {
    Code::from_bytes(headers[Status::GRPC_STATUS].as_bytes())
}

async fn next_status(body: &mut Body) -> Option<ServingStatus> {
    let frame = body.frame().await?.unwrap();
    let bytes = frame.into_data().ok()?;
    Some(HealthCheckResponse::decode(&bytes[5..]).unwrap().status())
}

#[tokio::test]
async fn a_method_is_for_those_it_is_declared_for() {
    let fixture = Fixture::new();
    let service = fixture.issuer.service_token("order", "things");
    let astray = fixture.issuer.service_token("order", "other");
    let (admin, customer) = (fixture.token(&[Role::Admin]), fixture.token(&[Role::Customer]));
    for (method, token, expected) in [
        ("Open", None, Code::Ok),
        ("Inner", None, Code::Unauthenticated),
        ("Inner", Some("forged"), Code::Unauthenticated),
        ("Inner", Some(&*customer), Code::Unauthenticated),
        ("Inner", Some(&*admin), Code::Unauthenticated),
        ("Inner", Some(&*astray), Code::Unauthenticated),
        ("Inner", Some(&*service), Code::Ok),
        ("Both", None, Code::Unauthenticated),
        ("Both", Some("forged"), Code::Unauthenticated),
        ("Both", Some(&*customer), Code::PermissionDenied),
        ("Both", Some(&*astray), Code::Unauthenticated),
        ("Both", Some(&*admin), Code::Ok),
        ("Both", Some(&*service), Code::Ok),
    ] {
        assert_eq!(fixture.code(method, token).await, expected, "{method} with {token:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_unimplemented() {
    let fixture = Fixture::new();
    assert_eq!(fixture.code("Nothing", None).await, Code::Unimplemented);
}

#[tokio::test]
async fn http_goes_on_beside_it() {
    let fixture = Fixture::new();
    let get = |path: &str| Request::get(path).version(Version::HTTP_2).body(Body::empty()).unwrap();
    let answer = fixture.app.clone().oneshot(get("/hello")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let answer = fixture.app.clone().oneshot(get("/test.v1.Things/Open")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let old = Request::post("/test.v1.Things/Open").header(header::CONTENT_TYPE, "application/grpc");
    let answer = fixture
        .app
        .clone()
        .oneshot(old.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(
        answer.status(),
        StatusCode::NOT_FOUND,
        "HTTP/1.1 has no trailers to answer with"
    );
}

#[tokio::test]
async fn a_panic_is_a_fault_of_ours_and_tells_nothing() {
    let fixture = Fixture::new();
    let answer = fixture.send("/test.v1.Things/Panic", None, b"").await;
    assert_eq!(code_of(answer.headers()), Code::Internal);
    assert!(!format!("{:?}", answer.headers()).contains("forty-two"));
    assert!(answer.headers().contains_key("x-request-id"));
}

#[tokio::test(start_paused = true)]
async fn a_method_that_hangs_is_cut_off() {
    let fixture = Fixture::new();
    assert_eq!(fixture.code("Hang", None).await, Code::DeadlineExceeded);
}

#[tokio::test]
async fn health_is_the_readiness_of_the_process() {
    let fixture = Fixture::new();
    let check = async |service: &str| {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        fixture
            .send("/grpc.health.v1.Health/Check", None, &request.encode_to_vec())
            .await
    };
    let serving = next_status(check("").await.body_mut()).await;
    assert_eq!(serving, Some(ServingStatus::Serving));
    let serving = next_status(check("test.v1.Things").await.body_mut()).await;
    assert_eq!(serving, Some(ServingStatus::Serving));
    assert_eq!(code_of(check("test.v1.Nothing").await.headers()), Code::NotFound);
    fixture.lifecycle.stop();
    let serving = next_status(check("").await.body_mut()).await;
    assert_eq!(serving, Some(ServingStatus::NotServing));
}

#[tokio::test(start_paused = true)]
async fn who_watches_is_told_of_the_drain_and_let_go_at_the_end() {
    let fixture = Fixture::new();
    let request = HealthCheckRequest::default().encode_to_vec();
    let mut answer = fixture.send("/grpc.health.v1.Health/Watch", None, &request).await;
    assert_eq!(next_status(answer.body_mut()).await, Some(ServingStatus::Serving));
    fixture.lifecycle.stop();
    assert_eq!(next_status(answer.body_mut()).await, Some(ServingStatus::NotServing));
    fixture.lifecycle.stop();
    assert_eq!(next_status(answer.body_mut()).await, None);
}

#[test]
fn a_method_that_is_not_declared_stops_the_start() {
    let fault = |methods: &[(&'static str, Callers)]| {
        let router = GrpcRouter::new().service(Things, descriptors(), &Guard::default(), methods);
        let built = router.build(Health::new(Lifecycle::new(Duration::ZERO)));
        built.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(fault(&METHODS), "");
    assert!(fault(&METHODS[1..]).contains("test.v1.Things/Open"));
    let more = [&METHODS[..], &[("Later", Callers::Services)]].concat();
    assert!(fault(&more).contains("test.v1.Things/Later"));
}
