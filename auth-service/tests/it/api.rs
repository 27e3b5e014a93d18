//! The routes, through a real listener.

use std::collections::BTreeMap;
use std::time::Duration;

use platform_identity::{Audience, JwkSet, Role};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::server::{Server, problem};

const PASSWORD: &str = "correct horse battery";

impl Server {
    async fn register(&self, email: &str) -> Value {
        let body = json!({"email": email, "password": PASSWORD, "name": "Ada"});
        let response = self.post("/api/auth/register", &body).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        response.json().await.unwrap()
    }

    async fn login(&self, email: &str, password: &str) -> Response {
        self.post("/api/auth/login", &json!({"email": email, "password": password}))
            .await
    }

    async fn refresh(&self, token: &Value) -> Response {
        self.post("/api/auth/refresh", &json!({ "refresh_token": token })).await
    }

    async fn change_password(&self, access_token: &Value, current: &str, new: &str) -> Response {
        let body = json!({"current_password": current, "new_password": new});
        let request = self.request(Method::PUT, "/api/auth/password");
        let request = request.bearer_auth(access_token.as_str().unwrap());
        request.json(&body).send().await.unwrap()
    }

    /// Waits until the session of an access token is known to have ended.
    async fn ended(&self, access_token: &Value) {
        let verifier = self.verifier(Audience::People);
        let wait = async {
            while verifier.verify(access_token.as_str().unwrap()).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .expect("it was told of");
    }
}

/// What a client may compare of two answers: status, headers and body, less what differs in any two.
async fn seen(response: Response) -> (StatusCode, BTreeMap<String, String>, Value) {
    let status = response.status();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let mut headers: BTreeMap<String, String> = headers.collect();
    headers.retain(|name, _| name != "date" && name != "x-request-id");
    let mut body: Value = response.json().await.unwrap();
    body.as_object_mut().unwrap().remove("request_id");
    (status, headers, body)
}

#[tokio::test]
async fn one_registers_signs_in_and_goes_on() {
    let server = Server::new().await;
    let body = json!({"email": " Ada@Example.org ", "password": PASSWORD, "name": " Ada Lovelace "});
    let response = server.post("/api/auth/register", &body).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(
        response.headers()["ratelimit-policy"],
        r#""registration-address";q=30;w=60"#
    );
    assert_eq!(response.headers()["ratelimit"], r#""registration-address";r=29;t=2"#);
    let registered: Value = response.json().await.unwrap();
    insta::assert_json_snapshot!(registered, {
        ".access_token" => "[access token]", ".refresh_token" => "[refresh token]", ".user.id" => "[id]",
    }, @r#"
    {
      "access_token": "[access token]",
      "expires_in": 900,
      "refresh_token": "[refresh token]",
      "token_type": "Bearer",
      "user": {
        "created_at": "2026-01-01T00:00:00.000000Z",
        "email": "Ada@Example.org",
        "id": "[id]",
        "name": "Ada Lovelace",
        "roles": [
          "customer"
        ],
        "updated_at": "2026-01-01T00:00:00.000000Z"
      }
    }
    "#);

    let response = server.login("ada@example.org", PASSWORD).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["ratelimit"], r#""login-account";r=5;t=0"#);
    let signed_in: Value = response.json().await.unwrap();
    assert_eq!(signed_in["user"], registered["user"]);
    assert_eq!(
        signed_in.as_object().unwrap().keys().collect::<Vec<_>>(),
        registered.as_object().unwrap().keys().collect::<Vec<_>>()
    );

    let response = server.refresh(&signed_in["refresh_token"]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let refreshed: Value = response.json().await.unwrap();
    insta::assert_json_snapshot!(refreshed, {
        ".access_token" => "[access token]", ".refresh_token" => "[refresh token]",
    }, @r#"
    {
      "access_token": "[access token]",
      "expires_in": 900,
      "refresh_token": "[refresh token]",
      "token_type": "Bearer"
    }
    "#);
    assert_ne!(refreshed["refresh_token"], signed_in["refresh_token"]);
}

#[tokio::test]
async fn an_access_token_is_what_the_rfc_says_and_its_key_is_published() {
    let server = Server::new().await;
    let registered = server.register("ada@example.org").await;
    let token = registered["access_token"].as_str().unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(
        (header.typ.as_deref(), header.alg),
        (Some("at+jwt"), jsonwebtoken::Algorithm::ES256)
    );

    let response = server
        .request(Method::GET, "/.well-known/jwks.json")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["cache-control"], "public, max-age=300");
    let tag = response.headers()["etag"].clone();
    let text = response.text().await.unwrap();
    let set: JwkSet = serde_json::from_str(&text).unwrap();
    assert_eq!(set.keys.len(), 2, "the current one and the next");
    assert!(set.find(&header.kid.unwrap()).is_some());
    let document: Value = serde_json::from_str(&text).unwrap();
    insta::assert_json_snapshot!(document["keys"][0], { ".kid" => "[kid]", ".x" => "[x]", ".y" => "[y]" }, @r#"
    {
      "alg": "ES256",
      "crv": "P-256",
      "key_ops": [
        "verify"
      ],
      "kid": "[kid]",
      "kty": "EC",
      "use": "sig",
      "x": "[x]",
      "y": "[y]"
    }
    "#);
    assert!(!text.contains("\"d\""), "no private side");
    let again = server
        .request(Method::GET, "/.well-known/jwks.json")
        .header("if-none-match", tag);
    assert_eq!(again.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);

    let principal = server.verifier(Audience::People).verify(token).await.unwrap();
    assert_eq!(principal.user_id().unwrap().to_string(), registered["user"]["id"]);
    assert!(principal.roles.has(Role::Customer) && !principal.is_admin() && principal.session.is_some());
    server.clock.advance(Duration::from_secs(15 * 60 + 5));
    assert!(server.verifier(Audience::People).verify(token).await.is_err());
}

#[tokio::test]
async fn faults_of_one_body_are_told_together() {
    let server = Server::new().await;
    let body = json!({"email": "ada", "password": "too short", "name": ""});
    let response = server.post("/api/auth/register", &body).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let (_, _, body) = seen(response).await;
    insta::assert_json_snapshot!(body, @r#"
    {
      "code": "invalid",
      "detail": "the request has invalid fields",
      "errors": [
        {
          "detail": "must be an email address",
          "pointer": "/email"
        },
        {
          "detail": "must have 12 to 128 characters",
          "pointer": "/password"
        },
        {
          "detail": "must not be empty",
          "pointer": "/name"
        }
      ],
      "status": 422,
      "title": "Invalid request",
      "type": "/docs/problems#invalid"
    }
    "#);
}

#[tokio::test]
async fn what_the_routes_do_not_take_is_refused_by_name() {
    let server = Server::new().await;
    let register = "/api/auth/register";
    let good = json!({"email": "ada@example.org", "password": PASSWORD, "name": "Ada"});
    let but = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (path, body, pointer) in [
        (register, but("roles", json!(["admin"])), "/roles"),
        (
            register,
            but("email", json!("x".repeat(250) + "@example.org")),
            "/email",
        ),
        (register, but("email", json!(7)), "/email"),
        (register, but("password", json!("e\u{301}".repeat(11))), "/password"),
        (register, but("password", json!("x".repeat(129))), "/password"),
        (register, but("name", json!("x".repeat(101))), "/name"),
        ("/api/auth/login", json!({"email": "ada@example.org"}), "/password"),
        (
            "/api/auth/login",
            json!({"email": "ada", "password": PASSWORD}),
            "/email",
        ),
        ("/api/auth/refresh", json!({}), "/refresh_token"),
        ("/api/auth/logout", json!({"refresh_token": "x", "all": true}), "/all"),
    ] {
        let (status, _, refusal) = seen(server.post(path, &body).await).await;
        assert_eq!(
            (status.as_u16(), &refusal["code"]),
            (422, &json!("invalid")),
            "{path} {body}"
        );
        assert_eq!(refusal["errors"][0]["pointer"], pointer, "{path} {body}");
    }
    let large = server.post(register, &but("name", json!("x".repeat(9_000)))).await;
    assert_eq!(problem(large).await.0, 413);
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_get_the_same_answer_to_the_byte() {
    let server = Server::new().await;
    server.register("ada@example.org").await;
    let guess = async |email: &str| {
        let body = json!({"email": email, "password": "incorrect horse battery"});
        let request = server.request(Method::POST, "/api/auth/login");
        let request = request.header("x-forwarded-for", "198.51.100.1");
        seen(request.json(&body).send().await.unwrap()).await
    };
    for round in 0..6 {
        let (wrong, unknown) = (guess("ada@example.org").await, guess("nobody@example.org").await);
        assert_eq!(wrong, unknown, "round {round}");
        let expected = if round < 5 {
            (401, "invalid_credentials")
        } else {
            (429, "rate_limited")
        };
        assert_eq!((wrong.0.as_u16(), wrong.2["code"].as_str().unwrap()), expected);
        assert_eq!(wrong.1.contains_key("www-authenticate"), round < 5);
        assert_eq!(wrong.1.contains_key("retry-after"), round == 5);
    }
    assert_eq!(server.login("ada@example.org", PASSWORD).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_address_that_is_taken_says_so_and_the_owner_who_lost_the_answer_gets_in() {
    let server = Server::new().await;
    let first = server.register("ada@example.org").await;
    let again = server.register("ADA@example.org").await;
    assert_eq!(again["user"], first["user"]);
    let body = json!({"email": "ada@example.org", "password": "incorrect horse battery", "name": "Eve"});
    let taken = server.post("/api/auth/register", &body).await;
    assert_eq!(problem(taken).await, (409, "email_taken".to_owned()));
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_ends_the_session_and_its_access_tokens() {
    let server = Server::new().await;
    let registered = server.register("ada@example.org").await;
    let lost: Value = server.refresh(&registered["refresh_token"]).await.json().await.unwrap();
    let again: Value = server.refresh(&registered["refresh_token"]).await.json().await.unwrap();
    assert_eq!(again["refresh_token"], lost["refresh_token"]);

    server.clock.advance(Duration::from_secs(11));
    let reused = server.refresh(&registered["refresh_token"]).await;
    assert_eq!(problem(reused).await, (401, "refresh_token_reused".to_owned()));
    let newest = server.refresh(&lost["refresh_token"]).await;
    assert_eq!(problem(newest).await, (401, "refresh_token_invalid".to_owned()));
    for token in [&registered, &lost, &again] {
        server.ended(&token["access_token"]).await;
    }
    let refused = server
        .change_password(&lost["access_token"], PASSWORD, "a third horse battery")
        .await;
    assert_eq!(problem(refused).await, (401, "token_invalid".to_owned()));
}

#[tokio::test]
async fn who_signs_out_is_out_and_may_say_so_again() {
    let server = Server::new().await;
    let registered = server.register("ada@example.org").await;
    for token in [
        &registered["refresh_token"],
        &registered["refresh_token"],
        &json!("nonsense"),
    ] {
        let response = server
            .post("/api/auth/logout", &json!({ "refresh_token": token }))
            .await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.text().await.unwrap(), "");
    }
    let refused = server.refresh(&registered["refresh_token"]).await;
    assert_eq!(problem(refused).await, (401, "refresh_token_invalid".to_owned()));
    server.ended(&registered["access_token"]).await;
}

#[tokio::test]
async fn another_password_ends_every_other_session() {
    let server = Server::new().await;
    let own = server.register("ada@example.org").await;
    let other: Value = server.login("ada@example.org", PASSWORD).await.json().await.unwrap();
    let wrong = server
        .change_password(&own["access_token"], "incorrect horse battery", "a third horse battery")
        .await;
    assert_eq!(wrong.headers()["ratelimit"], r#""login-account";r=4;t=12"#);
    assert_eq!(problem(wrong).await, (401, "invalid_credentials".to_owned()));
    let short = server.change_password(&own["access_token"], PASSWORD, "short").await;
    assert_eq!(problem(short).await.0, 422);

    let changed = server
        .change_password(&own["access_token"], PASSWORD, "a third horse battery")
        .await;
    assert_eq!(changed.status(), StatusCode::NO_CONTENT);
    server.ended(&other["access_token"]).await;
    let refused = server.refresh(&other["refresh_token"]).await;
    assert_eq!(problem(refused).await, (401, "refresh_token_invalid".to_owned()));
    assert_eq!(server.refresh(&own["refresh_token"]).await.status(), StatusCode::OK);
    assert_eq!(problem(server.login("ada@example.org", PASSWORD).await).await.0, 401);
    assert_eq!(
        server.login("ada@example.org", "a third horse battery").await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn nobody_changes_a_password_without_a_token() {
    let server = Server::new().await;
    let body = json!({"current_password": PASSWORD, "new_password": PASSWORD});
    let put = || server.request(Method::PUT, "/api/auth/password");
    let nobody = put().json(&body).send().await.unwrap();
    assert_eq!(problem(nobody).await, (401, "unauthenticated".to_owned()));
    let forged = put().bearer_auth("a.b.c").json(&body).send().await.unwrap();
    assert_eq!(problem(forged).await, (401, "token_invalid".to_owned()));
}

#[tokio::test]
async fn users_that_were_away_are_told_when_they_are_back() {
    let server = Server::new().await;
    server.users.set_away(true);
    let registered = server.register("ada@example.org").await;
    server.users.set_away(false);
    server.clock.advance(Duration::from_secs(3));
    let id = registered["user"]["id"].as_str().unwrap().parse().unwrap();
    let told = async {
        loop {
            if let Some(user) = server.users.find(id) {
                return user;
            }
            tokio::task::yield_now().await;
        }
    };
    let user = tokio::time::timeout(Duration::from_secs(30), told)
        .await
        .expect("the job told them");
    assert_eq!(json!(user), registered["user"]);
}
