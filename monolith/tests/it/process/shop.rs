//! A running `stoa`, and what a test asks of it.

use std::path::Path;

use platform_sql::DatabaseConfig;
use platform_sql::testing::TestDatabase;
use platform_testing::{Outcome, Process, run};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

pub(super) const ADMIN: &str = "admin@shop.example";
pub(super) const ADMIN_PASSWORD: &str = "a password for the admin";

/// The settings that lead to a database, and an admin.
pub(super) fn settings(database: &TestDatabase) -> Vec<(&'static str, String)> {
    let place = match database.config() {
        DatabaseConfig::Postgres(server) => ("DATABASE_URL", server.url.clone()),
        DatabaseConfig::SqliteDir(path) | DatabaseConfig::SqliteFile(path) => {
            ("DATA_DIR", path.to_str().unwrap().to_owned())
        }
    };
    // On a server the key that encrypts the signing keys still lies in a directory.
    let key = ("KEY_ENCRYPTION_KEY", "00".repeat(32));
    vec![
        place,
        key,
        ("BOOTSTRAP_ADMIN_EMAIL", ADMIN.to_owned()),
        ("BOOTSTRAP_ADMIN_PASSWORD", ADMIN_PASSWORD.to_owned()),
        ("RATE_LIMITS", "off".to_owned()),
    ]
}

/// The same as a process takes it.
pub(super) fn borrowed<'a>(settings: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Runs a command of the binary to its end.
pub(super) async fn stoa(arguments: &[&str], settings: &[(&'static str, String)]) -> Outcome {
    run(binary(), arguments, &borrowed(settings)).await
}

pub(super) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_stoa"))
}

/// A shop that is open.
pub(super) struct Shop {
    pub(super) process: Process,
    client: reqwest::Client,
}

impl Shop {
    pub(super) async fn open(database: &TestDatabase) -> Self {
        Self::open_with(&["serve"], &settings(database)).await
    }

    pub(super) async fn open_with(arguments: &[&str], settings: &[(&'static str, String)]) -> Self {
        Self {
            process: Process::spawn(binary(), arguments, &borrowed(settings)).await,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.process.url(path))
    }

    /// Status and body of a GET at any address.
    pub(super) async fn get(&self, url: String) -> (u16, String) {
        let answer = self.client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub(super) async fn sign_in(&self, email: &str, password: &str) -> String {
        let body = json!({"email": email, "password": password});
        let (status, answer) = answer(self.request(Method::POST, "/api/auth/login").json(&body)).await;
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    pub(super) async fn admin(&self) -> String {
        self.sign_in(ADMIN, ADMIN_PASSWORD).await
    }

    /// Puts a product on the shelf and answers its id.
    pub(super) async fn stock_up(&self, admin: &str, sku: &str, stock: i64) -> String {
        let product = json!({"sku": sku, "name": sku, "price": {"amount": 250, "currency": "USD"}, "stock": stock});
        let create = self.request(Method::POST, "/api/products").bearer_auth(admin);
        let (status, answer) = answer(create.json(&product)).await;
        assert_eq!(status, 201, "{answer}");
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Orders one thing.
    pub(super) async fn order(&self, token: &str, key: &str, product: &str, quantity: u32) -> (u16, Value) {
        let items = json!({"items": [{"product_id": product, "quantity": quantity}]});
        let order = self.request(Method::POST, "/api/orders").bearer_auth(token);
        answer(order.header("idempotency-key", key).json(&items)).await
    }

    pub(super) async fn orders(&self, token: &str) -> Vec<Value> {
        let list = self.request(Method::GET, "/api/orders").bearer_auth(token);
        let (status, mut answer) = answer(list).await;
        assert_eq!(status, 200, "{answer}");
        answer["items"].take().as_array().unwrap().clone()
    }

    pub(super) async fn stop(self) {
        let status = self.process.terminate().await;
        assert!(status.success(), "{status}");
    }
}

/// Status and body, which is JSON or nothing.
pub(super) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.text().await.unwrap();
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}
