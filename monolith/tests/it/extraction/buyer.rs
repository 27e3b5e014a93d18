//! Somebody who buys all the while, and looks afterwards whether all of it is there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::topologies::cluster::{ADMIN, ADMIN_PASSWORD};

/// The id of the order of each key.
pub(crate) type Bought = BTreeMap<String, String>;

/// How long a client goes on asking for what it deserves.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shop as its clients see it.
#[derive(Clone)]
pub(crate) struct Door {
    http: Client,
    url: String,
}

/// Signed in.
#[derive(Clone)]
pub(crate) struct Session {
    access: String,
    refresh: String,
}

impl Session {
    fn of(answer: &Value) -> Self {
        let text = |name: &str| {
            answer[name]
                .as_str()
                .unwrap_or_else(|| panic!("no {name}: {answer}"))
                .to_owned()
        };
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }
}

impl Door {
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self {
            http: Client::builder().no_proxy().build().unwrap(),
            url: format!("http://{address}"),
        }
    }

    async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: &Value,
    ) -> reqwest::Result<Response> {
        let mut request = self.http.post(format!("{}{path}", self.url)).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.send().await
    }

    async fn answered(&self, path: &str, token: Option<&str>, body: &Value) -> Value {
        let answer = self.post(path, token, None, body).await.unwrap();
        let (status, answer) = (answer.status(), answer.json().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    pub(crate) async fn register(&self, email: &str) -> Session {
        let body = json!({"email": email, "password": "a password of some length", "name": "Ada"});
        Session::of(&self.answered("/api/auth/register", None, &body).await)
    }

    pub(crate) async fn refresh(&self, session: &Session) -> Session {
        let body = json!({"refresh_token": session.refresh});
        Session::of(&self.answered("/api/auth/refresh", None, &body).await)
    }

    async fn admin(&self) -> String {
        let body = json!({"email": ADMIN, "password": ADMIN_PASSWORD});
        Session::of(&self.answered("/api/auth/login", None, &body).await).access
    }

    /// Puts pieces of something on the shelf.
    pub(crate) async fn put_on_sale(&self, pieces: usize) -> String {
        let tea = json!({"sku": "TEA-1", "name": "Green tea", "price": {"amount": 250, "currency": "USD"}, "stock": pieces,
            "tags": ["leaves"]});
        let tea = self.answered("/api/products", Some(&self.admin().await), &tea).await;
        tea["id"].as_str().unwrap().to_owned()
    }

    /// Buys one piece a key; asks again with the same key as long as it is told to, or hears nothing.
    pub(crate) async fn buy(&self, session: &Session, product: &str, keys: &[&str]) -> Bought {
        let mut bought = Bought::new();
        for &key in keys {
            let body = json!({"items": [{"product_id": product, "quantity": 1}]});
            let give_up = Instant::now() + PATIENCE;
            loop {
                assert!(Instant::now() < give_up, "{key} was never answered");
                if let Ok(answer) = self.post("/api/orders", Some(&session.access), Some(key), &body).await {
                    let status = answer.status().as_u16();
                    let has_retry_after = answer.headers().contains_key("retry-after");
                    let order: Value = answer.json().await.unwrap_or_default();
                    match status {
                        201 | 202 => {
                            bought.insert(key.to_owned(), order["id"].as_str().unwrap().to_owned());
                            break;
                        }
                        503 => assert!(has_retry_after, "{order}"),
                        502 | 504 => {}
                        _ => panic!("{key}: {status} {order}"),
                    }
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        bought
    }

    /// Each key is answered with its order, confirmed; there are no others; and the shelf has lost as many pieces.
    pub(crate) async fn assert_that_all_is_there(
        &self,
        session: &Session,
        product: &str,
        pieces: usize,
        bought: &Bought,
    ) {
        let give_up = Instant::now() + PATIENCE;
        for (key, id) in bought {
            loop {
                let again = self.buy(session, product, &[key.as_str()]).await;
                assert_eq!(&again[key], id, "{key} was answered with another order");
                let order = self.get(&format!("/api/orders/{id}"), session).await;
                if order["status"] == "confirmed" {
                    break;
                }
                assert!(Instant::now() < give_up, "{order}");
                sleep(Duration::from_millis(50)).await;
            }
        }
        let (mut orders, mut cursor) = (0, String::new());
        loop {
            let page = self.get(&format!("/api/orders?limit=100{cursor}"), session).await;
            orders += page["items"].as_array().unwrap().len();
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(orders, bought.len());
        // What a list shows may be a second old.
        loop {
            let found = self.get("/api/products?q=green&tag=leaves", session).await;
            let left = &found["items"][0]["stock"];
            if *left == json!(pieces - bought.len()) {
                break;
            }
            assert!(
                Instant::now() < give_up,
                "{left} of {pieces} are left after {} orders",
                bought.len()
            );
            sleep(Duration::from_millis(100)).await;
        }
        let one = self.get(&format!("/api/products/{product}"), session).await;
        assert_eq!(one["sku"], "TEA-1");
        let me = self.get("/api/users/me", session).await;
        assert_eq!(me["name"], "Ada");
    }

    /// What a look comes to.
    pub(crate) async fn status(&self, path: &str, by: &Session) -> u16 {
        let ask = self.http.get(format!("{}{path}", self.url)).bearer_auth(&by.access);
        ask.send().await.unwrap().status().as_u16()
    }

    /// What somebody may see.
    pub(crate) async fn get(&self, path: &str, by: &Session) -> Value {
        let token = &by.access;
        let answer = self
            .http
            .get(format!("{}{path}", self.url))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        let (status, answer) = (answer.status(), answer.json().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }
}

/// Buys one after the other until it is told to end.
pub(crate) struct Buyer {
    count: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<Bought>,
}

impl Buyer {
    pub(crate) fn begin(door: &Door, session: &Session, product: &str) -> Self {
        let (count, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counting, stopping) = (count.clone(), stop.clone());
        let (door, session, product) = (door.clone(), session.clone(), product.to_owned());
        let task = tokio::spawn(async move {
            let mut bought = Bought::new();
            while !stopping.load(Ordering::Relaxed) {
                let key = format!("order-{}", bought.len());
                bought.extend(door.buy(&session, &product, &[key.as_str()]).await);
                counting.store(bought.len(), Ordering::Relaxed);
                sleep(Duration::from_millis(5)).await;
            }
            bought
        });
        Self { count, stop, task }
    }

    /// Waits until so many more were bought.
    pub(crate) async fn buys(&self, more: usize) {
        let enough = self.count.load(Ordering::Relaxed) + more;
        let give_up = Instant::now() + PATIENCE;
        while self.count.load(Ordering::Relaxed) < enough {
            assert!(!self.task.is_finished(), "the buyer gave up");
            assert!(Instant::now() < give_up, "nothing is bought any more");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Goes away in the middle of it.
    pub(crate) fn abort(self) {
        self.task.abort();
    }

    pub(crate) async fn end(self) -> Bought {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}
