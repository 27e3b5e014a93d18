//! Routes, their policies and the refusals in front of a handler.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::Response;
use http::{Method, Request, header};
use platform_clock::{Clock, SystemClock};
use platform_identity::testing::TestIssuer;
use platform_identity::{Audience, Principal, Role, Roles, Subject, VerifiedPrincipal};
use platform_runtime::extract::{Caller, IdempotencyKey, Json, Path, Query};
use platform_runtime::router::{ApiRouter, Auth, Built, Guard, policies};
use platform_runtime::{Info, policy, routes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower::ServiceExt;
use values::{ProductId, UserId};

#[derive(Deserialize, utoipa::IntoParams)]
struct Filter {
    limit: Option<u8>,
}

#[derive(Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Thing {
    name: String,
}

#[utoipa::path(get, path = "/things", params(Filter), responses((status = 200)), extensions(("x-stoa" = json!(policy::public().cached()))))]
async fn list(Query(filter): Query<Filter>) -> String {
    format!("{:?}", filter.limit)
}

#[utoipa::path(post, path = "/things", request_body = Thing, responses((status = 200, body = Thing)), extensions(("x-stoa" = json!(policy::admin().body_limit(64)))))]
async fn create(key: Option<IdempotencyKey>, Json(thing): Json<Thing>) -> Json<Thing> {
    assert!(key.is_none());
    Json(thing)
}

#[utoipa::path(get, path = "/things/{id}", params(("id" = ProductId, Path)), responses((status = 200)), extensions(("x-stoa" = json!(policy::optional()))))]
async fn get(Path(id): Path<ProductId>, caller: Option<Caller>) -> String {
    format!(
        "{id} for {}",
        caller.map_or("nobody".to_owned(), |caller| caller.client_id.clone())
    )
}

#[utoipa::path(get, path = "/me", responses((status = 200)), extensions(("x-stoa" = json!(policy::signed_in()))))]
async fn me(caller: Caller) -> String {
    caller.user_id().map(|id| id.to_string()).unwrap_or_default()
}

#[utoipa::path(get, path = "/slow", responses((status = 200)), extensions(("x-stoa" = json!({"auth": "none", "timeout_ms": 20}))))]
async fn slow() {
    std::future::pending::<()>().await;
}

#[utoipa::path(get, path = "/internal/keys", responses((status = 200)), extensions(("x-stoa" = json!(policy::service()))))]
async fn keys(State(name): State<&'static str>) -> &'static str {
    name
}

struct Fixture {
    built: Built,
    issuer: Arc<TestIssuer>,
    clock: Arc<dyn Clock>,
}

impl Fixture {
    fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let issuer = TestIssuer::new(clock.clone());
        let services = issuer.verifier(Audience::Service("things"));
        let guard = Guard::new(issuer.verifier(Audience::People), services);
        let router = ApiRouter::new()
            .routes(routes!(list, create))
            .routes(routes!(get))
            .routes(routes!(me))
            .routes(routes!(slow))
            .routes(routes!(keys))
            .with_state("state");
        let built = router.build(Info::new("things", "1"), &guard).unwrap();
        Self { built, issuer, clock }
    }

    fn token(&self, roles: &[Role]) -> String {
        self.issuer.user_token(UserId::from(self.clock.new_id()), roles)
    }

    async fn send(&self, request: Request<Body>) -> Response {
        self.built.router.clone().oneshot(request).await.unwrap()
    }

    async fn status(&self, method: Method, path: &str, token: Option<&str>) -> u16 {
        self.send(request(method, path, token, "")).await.status().as_u16()
    }
}

fn request(method: Method, path: &str, token: Option<&str>, body: &'static str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if !body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request.body(Body::from(body)).unwrap()
}

async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn problem(response: Response) -> Value {
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    serde_json::from_str(&text(response).await).unwrap()
}

#[tokio::test]
async fn each_route_lets_in_whom_its_policy_names() {
    let fixture = Fixture::new();
    let (customer, admin) = (fixture.token(&[Role::Customer]), fixture.token(&[Role::Admin]));
    let (nobody, customer, admin) = (None, Some(customer.as_str()), Some(admin.as_str()));
    let id = fixture.clock.new_id();
    let table = [
        (Method::GET, "/things".to_owned(), [200, 200, 200]),
        (Method::POST, "/things".to_owned(), [401, 403, 415]),
        (Method::GET, format!("/things/{id}"), [200, 200, 200]),
        (Method::GET, "/me".to_owned(), [401, 200, 200]),
        (Method::GET, "/internal/keys".to_owned(), [401, 401, 401]),
        (Method::GET, "/nowhere".to_owned(), [404, 404, 404]),
    ];
    for (method, path, expected) in table {
        for (token, expected) in [nobody, customer, admin].into_iter().zip(expected) {
            let status = fixture.status(method.clone(), &path, token).await;
            assert_eq!(status, expected, "{method} {path} with {token:?}");
        }
    }
}

#[tokio::test]
async fn a_bad_token_is_refused_even_where_none_is_needed_but_not_where_none_is_read() {
    let fixture = Fixture::new();
    let id = fixture.clock.new_id();
    let refused = fixture
        .send(request(Method::GET, &format!("/things/{id}"), Some("junk"), ""))
        .await;
    assert_eq!(
        refused.headers()[header::WWW_AUTHENTICATE],
        "Bearer error=\"invalid_token\""
    );
    assert_eq!(problem(refused).await["code"], "token_invalid");
    assert_eq!(fixture.status(Method::GET, "/things", Some("junk")).await, 200);
}

#[tokio::test]
async fn internal_routes_take_a_service_token_of_their_audience_and_no_persons() {
    let fixture = Fixture::new();
    let token = |service| fixture.issuer.service_token("order-service", service);
    let good = token("things");
    let response = fixture
        .send(request(Method::GET, "/internal/keys", Some(&good), ""))
        .await;
    assert_eq!(text(response).await, "state");
    let other = token("others");
    assert_eq!(fixture.status(Method::GET, "/internal/keys", Some(&other)).await, 401);
    assert_eq!(fixture.status(Method::GET, "/me", Some(&good)).await, 401);
}

#[tokio::test]
async fn a_verified_principal_in_the_process_is_trusted_and_headers_are_not() {
    let fixture = Fixture::new();
    let id = UserId::from(fixture.clock.new_id());
    let principal = Principal {
        subject: Subject::User(id),
        session: None,
        roles: Roles::default().with(Role::Customer),
        client_id: "stoa".to_owned(),
        expires_at: fixture.clock.now(),
    };
    let mut inside = request(Method::GET, "/me", None, "");
    inside
        .extensions_mut()
        .insert(VerifiedPrincipal(Arc::new(principal.clone())));
    assert_eq!(text(fixture.send(inside).await).await, id.to_string());

    let mut internal = request(Method::GET, "/internal/keys", None, "");
    internal.extensions_mut().insert(VerifiedPrincipal(Arc::new(principal)));
    assert_eq!(fixture.send(internal).await.status(), 401);

    let mut forged = request(Method::GET, "/me", None, "");
    for name in ["x-principal", "x-user-id", "x-forwarded-user", "verified-principal"] {
        forged.headers_mut().insert(name, id.to_string().parse().unwrap());
    }
    assert_eq!(fixture.send(forged).await.status(), 401);
}

#[tokio::test]
async fn bodies_are_read_after_the_caller_is_known_and_up_to_the_limit() {
    let fixture = Fixture::new();
    let admin = fixture.token(&[Role::Admin]);
    let send = |token: Option<String>, body: &'static str| {
        let request = request(Method::POST, "/things", token.as_deref(), body);
        fixture.send(request)
    };
    let created = send(Some(admin.clone()), r#"{"name":"lamp"}"#).await;
    assert_eq!(text(created).await, r#"{"name":"lamp"}"#);
    assert_eq!(send(None, "{broken").await.status(), 401);
    assert_eq!(
        problem(send(Some(admin.clone()), "{broken").await).await["code"],
        "bad_request"
    );

    let unknown = problem(send(Some(admin.clone()), r#"{"name":"lamp","price":1}"#).await).await;
    assert_eq!(
        unknown["errors"],
        json!([{"pointer": "/price", "detail": "is not a known field"}])
    );

    let long: &'static str = "x".repeat(65).leak();
    let mut declared = request(Method::POST, "/things", Some(&admin), long);
    declared
        .headers_mut()
        .insert(header::CONTENT_LENGTH, "65".parse().unwrap());
    assert_eq!(fixture.send(declared).await.status(), 413);
    let chunks = futures::stream::iter(["x".repeat(60), "x".repeat(60)].map(Ok::<_, std::io::Error>));
    let mut streamed = request(Method::POST, "/things", Some(&admin), "{}");
    *streamed.body_mut() = Body::from_stream(chunks);
    assert_eq!(problem(fixture.send(streamed).await).await["code"], "payload_too_large");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_the_clients_fault_and_a_late_answer_ours() {
    let fixture = Fixture::new();
    assert_eq!(
        problem(fixture.send(request(Method::GET, "/slow", None, "")).await).await["code"],
        "gateway_timeout"
    );

    let admin = fixture.token(&[Role::Admin]);
    let mut stalled = request(Method::POST, "/things", Some(&admin), "{}");
    *stalled.body_mut() = Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>());
    assert_eq!(problem(fixture.send(stalled).await).await["code"], "request_timeout");
}

#[tokio::test]
async fn paths_and_queries_that_do_not_parse_are_refused() {
    let fixture = Fixture::new();
    for path in ["/things/none", "/things/0198C0E5", "/things/%ff"] {
        assert_eq!(fixture.status(Method::GET, path, None).await, 404, "{path}");
    }
    let refused = problem(fixture.send(request(Method::GET, "/things?limt=3", None, "")).await).await;
    assert_eq!(refused["errors"][0]["pointer"], "?limt");
}

#[tokio::test]
async fn get_answers_head_and_other_methods_are_told_what_is_allowed() {
    let fixture = Fixture::new();
    let head = fixture.send(request(Method::HEAD, "/things", None, "")).await;
    assert_eq!((head.status().as_u16(), text(head).await.as_str()), (200, ""));
    assert_eq!(fixture.status(Method::HEAD, "/me", None).await, 401);
    let refused = fixture.send(request(Method::DELETE, "/things", None, "")).await;
    let allow = refused.headers()[header::ALLOW].to_str().unwrap().to_owned();
    let mut allowed: Vec<&str> = allow.split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    assert_eq!(problem(refused).await["code"], "method_not_allowed");
}

#[tokio::test]
async fn the_gateways_document_and_router_know_no_internal_route() {
    let Built { public, internal, .. } = Fixture::new().built;
    let names = |openapi: &utoipa::openapi::OpenApi| openapi.paths.paths.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&public.openapi), ["/me", "/slow", "/things", "/things/{id}"]);
    assert_eq!(names(&internal.openapi), ["/internal/keys"]);
    let request = request(Method::GET, "/internal/keys", None, "");
    assert_eq!(public.router.oneshot(request).await.unwrap().status(), 404);
}

#[test]
fn a_document_tells_the_policies_again() {
    let built = Fixture::new().built;
    let text = built.public.openapi.to_json().unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["paths"]["/me"]["get"]["security"], json!([{"bearer": []}]));
    assert_eq!(
        document["paths"]["/things/{id}"]["get"]["security"],
        json!([{}, {"bearer": []}])
    );
    assert!(document["components"]["schemas"]["Problem"].is_object());
    // OpenAPI 3.1 demands it, and none is written above.
    let of_things = &document["paths"]["/things"]["get"]["responses"];
    assert_eq!(of_things["200"]["description"], "OK");

    let read_back: utoipa::openapi::OpenApi = serde_json::from_str(&text).unwrap();
    let found = policies(&read_back).unwrap();
    let create = found
        .iter()
        .find(|(method, path, _)| *method == Method::POST && path == "/things");
    let (_, _, policy) = create.unwrap();
    assert_eq!(
        (policy.auth, policy.body_limit, policy.timeout()),
        (Auth::Required, 64, Duration::from_secs(10))
    );
}

#[test]
fn an_operation_without_a_policy_is_an_error_that_names_it() {
    #[utoipa::path(get, path = "/open", responses((status = 200)))]
    async fn open() {}
    #[utoipa::path(get, path = "/internal/x", responses((status = 200)), extensions(("x-stoa" = json!(policy::public()))))]
    async fn exposed() {}
    #[utoipa::path(get, path = "/exposed", responses((status = 200)), extensions(("x-stoa" = json!(policy::client()))))]
    async fn without_its_prefix() {}
    #[utoipa::path(get, path = "/bad", responses((status = 200)), extensions(("x-stoa" = json!({"auth": "sometimes"}))))]
    async fn bad() {}
    #[utoipa::path(get, path = "/a", operation_id = "open", responses((status = 200)), extensions(("x-stoa" = json!(policy::public()))))]
    async fn a() {}
    #[utoipa::path(post, path = "/b", responses((status = 200)), extensions(("x-stoa" = json!(policy::public()))))]
    async fn b() {}
    let router = ApiRouter::new()
        .routes(routes!(open))
        .routes(routes!(exposed))
        .routes(routes!(without_its_prefix))
        .routes(routes!(bad))
        .routes(routes!(a, b));
    let error = router
        .build(Info::new("x", "1"), &Guard::default())
        .err()
        .unwrap()
        .to_string();
    for expected in [
        "GET /open: has no x-stoa",
        "GET /internal/x: a path below /internal/ and auth \"service\"",
        "GET /exposed: a path below /internal/ and auth \"service\"",
        "GET /bad: x-stoa: unknown variant `sometimes`",
        "GET /a: operation id open is taken",
        "operations of several paths: /a, /b",
    ] {
        assert!(error.contains(expected), "{expected} is missing in {error}");
    }
}
