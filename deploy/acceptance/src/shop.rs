//! A shop, known by its address.

use std::time::Duration;

use rand::Rng;
use serde_json::json;

use crate::visit::{Unmet, Visit};

/// Who signs in.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
}

/// Somebody with an account and a session.
#[derive(Debug, Clone)]
pub struct Customer {
    /// What they sign in with.
    pub credentials: Credentials,
    /// Their id.
    pub id: String,
    /// Proves who they are.
    pub token: String,
    /// Gets the next pair.
    pub refresh_token: String,
}

/// A running shop.
#[derive(Debug, Clone)]
pub struct Shop {
    pub(crate) base_url: String,
    pub(crate) http: reqwest::Client,
    tag: String,
    admin: Credentials,
    admin_token: String,
}

impl Shop {
    /// The longest that one answer may take.
    const TIMEOUT: Duration = Duration::from_secs(30);

    /// Knocks at the door and signs the admin in.
    pub async fn open(base_url: &str, admin: &Credentials) -> Result<Self, Unmet> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Self::TIMEOUT)
            .build()
            .map_err(|error| Unmet::new("open", error))?;
        let mut shop = Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            http,
            tag: new_tag(),
            admin: admin.clone(),
            admin_token: String::new(),
        };
        let visit = Visit::begin(&shop, "open");
        let body = json!({"email": admin.email, "password": admin.password});
        let reply = visit.post("/api/auth/login").json(&body).send().await?.expect(200)?;
        shop.admin_token = reply.text("/access_token")?;
        Ok(shop)
    }

    /// A word that nobody else's goods and accounts carry: eight letters.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The admin's access token.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// The admin.
    pub fn admin(&self) -> &Credentials {
        &self.admin
    }
}

fn new_tag() -> String {
    let mut random = rand::rng();
    std::iter::repeat_with(|| char::from(random.random_range(b'a'..=b'z')))
        .take(8)
        .collect()
}
