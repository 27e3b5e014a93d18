//! What a test asks of a shop beside the stories.

use reqwest::{Client, Response};
use serde_json::{Value, json};

pub(super) struct Customers {
    http: Client,
    url: String,
}

impl Customers {
    pub(super) fn of(url: &str) -> Self {
        Self {
            http: Client::builder().no_proxy().build().unwrap(),
            url: url.to_owned(),
        }
    }

    /// Signs somebody in or up.
    pub(super) async fn token(&self, how: &str, email: &str, password: &str) -> String {
        let mut body = json!({"email": email, "password": password});
        if how == "register" {
            body["name"] = json!("Somebody");
        }
        let answer = self.post(&format!("/api/auth/{how}"), None, None, &body).await;
        let answer: Value = answer.json().await.unwrap();
        answer["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("no token: {answer}"))
            .to_owned()
    }

    /// Puts something on the shelf.
    pub(super) async fn product(&self, admin: &str) -> String {
        let product = json!({"sku": "tea", "name": "Tea", "price": {"amount": 250, "currency": "USD"}, "stock": 10});
        let answer = self.post("/api/products", Some(admin), None, &product).await;
        let answer: Value = answer.json().await.unwrap();
        answer["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no product: {answer}"))
            .to_owned()
    }

    /// Buys one; the status of the answer.
    pub(super) async fn order(&self, token: &str, key: &str, product: &str) -> u16 {
        let body = json!({"items": [{"product_id": product, "quantity": 1}]});
        self.post("/api/orders", Some(token), Some(key), &body)
            .await
            .status()
            .as_u16()
    }

    /// How many orders somebody has.
    pub(super) async fn orders(&self, token: &str) -> usize {
        let answer = self
            .http
            .get(format!("{}/api/orders", self.url))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["items"]
            .as_array()
            .unwrap_or_else(|| panic!("no list: {answer}"))
            .len()
    }

    async fn post(&self, path: &str, token: Option<&str>, key: Option<&str>, body: &Value) -> Response {
        let mut request = self.http.post(format!("{}{path}", self.url)).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.send().await.unwrap()
    }
}
