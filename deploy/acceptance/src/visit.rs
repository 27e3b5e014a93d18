//! How a story asks, and what it holds the answers to.

use std::fmt::{Display, Write};
use std::sync::{Mutex, PoisonError};

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::shop::{Credentials, Customer, Shop};
use crate::transcript::{Redaction, Transcript};

/// Headers that tell of the connection or the moment, not of the answer.
const OF_THE_MOMENT: [&str; 6] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "transfer-encoding",
    "x-request-id",
];

/// The shop did not do what was promised.
#[derive(Debug, thiserror::Error)]
#[error("{story}: {what}")]
pub struct Unmet {
    story: String,
    what: String,
}

impl Unmet {
    pub(crate) fn new(story: &str, what: impl Display) -> Self {
        Self {
            story: story.to_owned(),
            what: what.to_string(),
        }
    }
}

/// One story that is being told to a shop.
#[derive(Debug)]
pub struct Visit<'a> {
    /// The shop.
    pub shop: &'a Shop,
    story: &'static str,
    said: Mutex<(Redaction, Transcript)>,
}

impl<'a> Visit<'a> {
    /// Begins a story.
    pub fn begin(shop: &'a Shop, story: &'static str) -> Self {
        Self {
            shop,
            story,
            said: Mutex::new((Redaction::new(shop.tag()), Transcript::default())),
        }
    }

    /// What was said.
    pub fn end(self) -> Transcript {
        self.said.into_inner().unwrap_or_else(PoisonError::into_inner).1
    }

    /// A question by any method.
    pub fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let url = format!("{}{path}", self.shop.base_url);
        Ask {
            visit: self,
            line: format!("{method} {path}"),
            request: self.shop.http.request(method, url),
            is_recorded: true,
        }
    }

    /// GET.
    pub fn get(&self, path: &str) -> Ask<'_> {
        self.ask(Method::GET, path)
    }

    /// POST.
    pub fn post(&self, path: &str) -> Ask<'_> {
        self.ask(Method::POST, path)
    }

    /// PUT.
    pub fn put(&self, path: &str) -> Ask<'_> {
        self.ask(Method::PUT, path)
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Ask<'_> {
        self.ask(Method::DELETE, path)
    }

    /// A promise that is broken.
    pub fn unmet(&self, what: impl Display) -> Unmet {
        Unmet::new(self.story, what)
    }

    /// Holds the shop to something.
    pub fn check(&self, is_so: bool, what: impl Display) -> Result<(), Unmet> {
        if is_so { Ok(()) } else { Err(self.unmet(what)) }
    }

    /// Registers somebody under a name of this story.
    pub async fn register(&self, name: &str) -> Result<Customer, Unmet> {
        let credentials = Credentials {
            email: format!("{name}@{}.example", self.shop.tag()),
            password: format!("the password of {name}"),
        };
        let body = json!({"email": credentials.email, "password": credentials.password, "name": name});
        let reply = self.post("/api/auth/register").json(&body).send().await?.expect(201)?;
        reply.customer(credentials)
    }

    /// Puts a product on sale, with what the details add to or change of a plain one, and answers it.
    pub async fn create_product(&self, sku: &str, details: Value) -> Result<Value, Unmet> {
        let mut product = json!({
            "sku": format!("{}-{sku}", self.shop.tag()), "name": format!("Thing {sku}"),
            "price": {"amount": 1999, "currency": "USD"}, "stock": 10,
        });
        if let (Some(product), Value::Object(details)) = (product.as_object_mut(), details) {
            product.extend(details);
        }
        let created = self.post("/api/products").admin().json(&product).send().await?;
        Ok(created.expect(201)?.body)
    }

    fn note(&self, line: &str, status: StatusCode, headers: &HeaderMap, body: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (redaction, transcript) = &mut *said;
        let mut lines: Vec<String> = headers
            .iter()
            .filter(|(name, _)| !OF_THE_MOMENT.contains(&name.as_str()))
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                let value = match name.as_str() {
                    "etag" => Redaction::of_etag(&value),
                    _ => redaction.of_text(&value),
                };
                format!("{name}: {value}")
            })
            .collect();
        lines.sort_unstable();
        let mut entry = format!("[{}] {} -> {status}", self.story, redaction.of_text(line));
        for line in lines {
            // Writing to a string cannot fail.
            let _ = write!(entry, "\n    {line}");
        }
        if !body.is_empty() {
            let _ = write!(entry, "\n    {}", redaction.of_text(body));
        }
        transcript.add(entry);
    }
}

/// A question to the shop.
#[must_use]
pub struct Ask<'a> {
    visit: &'a Visit<'a>,
    line: String,
    request: RequestBuilder,
    is_recorded: bool,
}

impl Ask<'_> {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// As somebody who is signed in.
    pub fn token(self, token: &str) -> Self {
        let value = format!("Bearer {token}");
        self.header("authorization", &value)
    }

    /// As a customer.
    pub fn by(self, customer: &Customer) -> Self {
        self.token(&customer.token)
    }

    /// As the admin.
    pub fn admin(self) -> Self {
        let token = self.visit.shop.admin_token();
        self.token(token)
    }

    /// With a key by which it can be repeated.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// With a body.
    pub fn json(mut self, body: &Value) -> Self {
        self.request = self.request.json(body);
        self
    }

    /// With any body.
    pub fn body(mut self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        self.request = self.request.header("content-type", content_type).body(body);
        self
    }

    /// Leaves the answer out of the transcript: what it is depends on who came first.
    pub fn unrecorded(mut self) -> Self {
        self.is_recorded = false;
        self
    }

    /// Asks and reads the whole answer.
    pub async fn send(self) -> Result<Reply, Unmet> {
        let Self {
            visit,
            line,
            request,
            is_recorded,
        } = self;
        let failed = |error: reqwest::Error| visit.unmet(format_args!("{line}: {error:?}"));
        let answer = request.send().await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.bytes().await.map_err(failed)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if is_recorded {
            visit.note(&line, status, &headers, &text);
        }
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let reply = Reply {
            story: visit.story,
            line,
            status: status.as_u16(),
            headers,
            text,
            body,
        };
        reply.check_form()?;
        Ok(reply)
    }
}

/// An answer of the shop.
#[derive(Debug)]
pub struct Reply {
    story: &'static str,
    line: String,
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body if it is JSON, else null.
    pub body: Value,
}

impl Reply {
    /// Holds the shop to a status.
    pub fn expect(self, status: u16) -> Result<Self, Unmet> {
        if self.status == status {
            Ok(self)
        } else {
            Err(self.unmet(format_args!("expected {status}")))
        }
    }

    /// Holds the shop to a refusal with a stable code.
    pub fn refused(self, status: u16, code: &str) -> Result<Self, Unmet> {
        let reply = self.expect(status)?;
        if reply.body["code"] == code {
            Ok(reply)
        } else {
            Err(reply.unmet(format_args!("expected the code {code}")))
        }
    }

    /// Holds the shop to what stands at a JSON pointer.
    pub fn has(self, pointer: &str, expected: impl Into<Value>) -> Result<Self, Unmet> {
        let expected = expected.into();
        if self.body.pointer(pointer).unwrap_or(&Value::Null) == &expected {
            Ok(self)
        } else {
            Err(self.unmet(format_args!("expected {expected} at {pointer}")))
        }
    }

    /// The text at a JSON pointer.
    pub fn text(&self, pointer: &str) -> Result<String, Unmet> {
        let found = self.body.pointer(pointer).and_then(Value::as_str);
        found
            .map(str::to_owned)
            .ok_or_else(|| self.unmet(format_args!("expected a text at {pointer}")))
    }

    /// A header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The values of a member of each item of a list.
    pub fn each(&self, member: &str) -> Vec<Value> {
        let items = self.body["items"].as_array();
        items.into_iter().flatten().map(|item| item[member].clone()).collect()
    }

    /// The pointers of the faults of a refused body, sorted.
    pub fn faults(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array();
        let mut pointers: Vec<&str> = errors
            .into_iter()
            .flatten()
            .filter_map(|error| error["pointer"].as_str())
            .collect();
        pointers.sort_unstable();
        pointers
    }

    /// Who signed in by this answer.
    pub fn customer(&self, credentials: Credentials) -> Result<Customer, Unmet> {
        Ok(Customer {
            credentials,
            id: self.text("/user/id")?,
            token: self.text("/access_token")?,
            refresh_token: self.text("/refresh_token")?,
        })
    }

    /// A promise that this answer breaks.
    pub fn unmet(&self, what: impl Display) -> Unmet {
        let Self { line, status, text, .. } = self;
        Unmet::new(self.story, format_args!("{line} -> {status}: {what}: {text}"))
    }

    /// What holds for every answer.
    fn check_form(&self) -> Result<(), Unmet> {
        let id = self.header("x-request-id");
        if id.is_empty() {
            return Err(self.unmet("expected a request id"));
        }
        if self.status < 400 || self.text.is_empty() {
            return Ok(());
        }
        let is_problem = self.header("content-type") == "application/problem+json"
            && self.body["status"] == self.status
            && self.body["code"].is_string()
            && self.body["request_id"] == id;
        if is_problem {
            Ok(())
        } else {
            Err(self.unmet("expected problem+json with status, code and request id"))
        }
    }
}
