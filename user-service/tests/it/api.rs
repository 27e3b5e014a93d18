//! The routes, through a real listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use platform_clock::{Clock, SystemClock};
use platform_identity::testing::TestIssuer;
use platform_identity::{Audience, Role};
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::{Limits, Listener};
use platform_runtime::router::Guard;
use platform_runtime::server::Server;
use platform_runtime::stack::Stack;
use platform_sql::testing::TestDatabase;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tower::Layer;
use user_api::{AccountCopy, Users};
use user_service::app::{App, NAME, info};
use values::{Email, UserId};

struct World {
    address: SocketAddr,
    client: reqwest::Client,
    issuer: Arc<TestIssuer>,
    users: Arc<dyn Users>,
    lifecycle: Lifecycle,
    _database: TestDatabase,
}

impl Drop for World {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

impl World {
    async fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = TestDatabase::sqlite();
        let app = App::build(database.open(NAME).await, "test", clock.clone())
            .await
            .unwrap();
        let issuer = TestIssuer::new(clock.clone());
        let guard = Guard::new(
            issuer.verifier(Audience::People),
            issuer.verifier(Audience::Service(NAME)),
        );
        let built = app.routes().build(info(), &guard).unwrap();
        let lifecycle = Lifecycle::new(Duration::ZERO);
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Limits::inner()).unwrap();
        let address = listener.local_addr();
        let mut server = Server::new(lifecycle.clone());
        server.add(listener, Stack::new(clock).layer(built.router));
        tokio::spawn(server.run());
        Self {
            address,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            issuer,
            users: app.users(),
            lifecycle,
            _database: database,
        }
    }

    async fn user(&self, name: &str, email: &str) -> UserId {
        let account = AccountCopy {
            id: UserId::from(SystemClock.new_id()),
            email: Email::try_from(email.to_owned()).unwrap(),
            name: name.to_owned(),
            roles: vec!["customer".to_owned()],
            account_version: 1,
            created_at: SystemClock.now(),
        };
        self.users.ensure(&account).await.unwrap();
        account.id
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    fn as_user(&self, id: UserId, method: Method, path: &str) -> RequestBuilder {
        let token = self.issuer.user_token(id, &[Role::Customer]);
        self.request(method, path).bearer_auth(token)
    }

    fn as_admin(&self, path: &str) -> RequestBuilder {
        let admin = UserId::from(SystemClock.new_id());
        let token = self.issuer.user_token(admin, &[Role::Customer, Role::Admin]);
        self.request(Method::GET, path).bearer_auth(token)
    }
}

async fn problem(response: Response) -> (StatusCode, String, Vec<String>) {
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let pointers = errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned());
    (status, body["code"].as_str().unwrap().to_owned(), pointers.collect())
}

#[tokio::test]
async fn one_reads_and_renames_oneself() {
    let world = World::new().await;
    let ada = world.user("Ada", "Ada@example.org").await;
    let response = world.as_user(ada, Method::GET, "/api/users/me").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let tag = response.headers()["etag"].clone();
    let body: Value = response.json().await.unwrap();
    insta::assert_json_snapshot!(body, {
        ".id" => "[id]", ".created_at" => "[time]", ".updated_at" => "[time]",
    }, @r#"
    {
      "created_at": "[time]",
      "email": "Ada@example.org",
      "id": "[id]",
      "name": "Ada",
      "roles": [
        "customer"
      ],
      "updated_at": "[time]"
    }
    "#);
    assert_eq!(body["id"], ada.to_string());

    let again = world
        .as_user(ada, Method::GET, "/api/users/me")
        .header("if-none-match", &tag);
    assert_eq!(again.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);

    let rename = || {
        world
            .as_user(ada, Method::PUT, "/api/users/me")
            .json(&json!({"name": " Grace "}))
    };
    let renamed = rename().header("if-match", &tag).send().await.unwrap();
    assert_eq!(renamed.status(), StatusCode::OK);
    assert_eq!(renamed.json::<Value>().await.unwrap()["name"], "Grace");
    let stale = rename().header("if-match", &tag).send().await.unwrap();
    assert_eq!(problem(stale).await.1, "precondition_failed");
    assert_eq!(
        rename().send().await.unwrap().status(),
        StatusCode::OK,
        "the last writer wins"
    );
}

#[tokio::test]
async fn only_the_name_can_be_written() {
    let world = World::new().await;
    let ada = world.user("Ada", "ada@example.org").await;
    for body in [
        json!({"name": "Ada", "roles": ["admin"]}),
        json!({"name": "Ada", "email": "x@example.org"}),
        json!({"name": "Ada", "id": ada}),
        json!({"name": ""}),
        json!({"name": "x".repeat(101)}),
        json!({}),
    ] {
        let put = world.as_user(ada, Method::PUT, "/api/users/me").json(&body);
        let (status, code, pointers) = problem(put.send().await.unwrap()).await;
        assert_eq!((status.as_u16(), code.as_str()), (422, "invalid"), "{body}");
        assert_eq!(pointers.len(), 1, "{body}");
    }
}

#[tokio::test]
async fn a_profile_that_is_on_its_way_is_unavailable_and_not_absent() {
    let world = World::new().await;
    let nobody = UserId::from(SystemClock.new_id());
    let response = world
        .as_user(nobody, Method::GET, "/api/users/me")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(problem(response).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn others_are_for_admins() {
    let world = World::new().await;
    let ada = world.user("Ada", "ada@example.org").await;
    let path = format!("/api/users/{ada}");
    for path in [path.as_str(), "/api/users"] {
        let nobody = world.request(Method::GET, path).send().await.unwrap();
        assert_eq!(problem(nobody).await.1, "unauthenticated");
        let customer = world.as_user(ada, Method::GET, path).send().await.unwrap();
        assert_eq!(problem(customer).await.1, "forbidden");
        assert_eq!(world.as_admin(path).send().await.unwrap().status(), StatusCode::OK);
    }
    for absent in ["/api/users/x", &format!("/api/users/{}", SystemClock.new_id())] {
        assert_eq!(
            problem(world.as_admin(absent).send().await.unwrap()).await.1,
            "not_found"
        );
    }
}

#[tokio::test]
async fn an_admin_pages_through_the_list() {
    let world = World::new().await;
    for number in 0..5 {
        world
            .user(&format!("User {number}"), &format!("u{number}@example.org"))
            .await;
    }
    let page = async |query: String| -> Value {
        let response = world.as_admin(&format!("/api/users?{query}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    };
    let mut names = Vec::new();
    let mut query = "limit=2&count=true".to_owned();
    loop {
        let body = page(query).await;
        assert_eq!(body["total"], 5);
        names.extend(
            body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|user| user["name"].clone()),
        );
        let Some(cursor) = body["next_cursor"].as_str() else {
            break;
        };
        query = format!("limit=2&count=true&cursor={cursor}");
    }
    assert_eq!(names, ["User 4", "User 3", "User 2", "User 1", "User 0"]);

    let found = page("q=u3".to_owned()).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert!(found.get("total").is_none() && found["next_cursor"].is_null());
}

#[tokio::test]
async fn a_bad_question_is_refused_by_name() {
    let world = World::new().await;
    for number in 0..3 {
        world.user("Ada", &format!("u{number}@example.org")).await;
    }
    let first: Value = world
        .as_admin("/api/users?limit=1")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let cursor = first["next_cursor"].as_str().unwrap();
    for (query, code) in [
        ("limit=0".to_owned(), "invalid"),
        ("limit=101".to_owned(), "invalid"),
        ("page=2".to_owned(), "invalid"),
        (format!("q={}", "x".repeat(201)), "invalid"),
        ("cursor=nonsense".to_owned(), "cursor_invalid"),
        (format!("q=ada&cursor={cursor}"), "cursor_mismatch"),
    ] {
        let answer = world.as_admin(&format!("/api/users?{query}")).send().await.unwrap();
        assert_eq!(problem(answer).await.1, code, "{query}");
    }
}
