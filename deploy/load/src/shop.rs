//! Makes a shop ready for a run through its public API alone: shoppers, products, some order history. A second preparation finds the
//! first one's work and adds nothing.

pub mod catalogue;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use http::StatusCode;
use serde_json::json;

use self::catalogue::{Walked, create, walk};
use crate::client::{Client, Target, Template};
use crate::shape::{Shape, order_body, order_line};

/// Access tokens live 15 minutes in our shop; a run of at most 5 still ends within that.
const TOKEN_AGE_LIMIT: Duration = Duration::from_mins(8);
const ORDERS_PER_READER: usize = 20;
const PAGE_SIZE: usize = 20;
const JSON: &str = "application/json";

/// What the preparation makes.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Accounts; the first half read their orders, the other half place new ones.
    pub shoppers: usize,
    /// Products, counted from 0; a shop that has them already keeps them.
    pub products: usize,
    /// Pieces of each product.
    pub stock: u64,
    /// Who may create products, where they have to be created.
    pub admin: Option<Credentials>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            shoppers: 50,
            products: 1_000,
            stock: 100_000_000,
            admin: None,
        }
    }
}

/// An email and its password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub email: String,
    /// Its password.
    pub password: String,
}

/// A shop that is ready to be measured.
#[derive(Clone, Debug)]
pub struct Shop {
    /// Where it listens.
    pub target: Target,
    /// What API it speaks.
    pub shape: Shape,
    /// Ids of the products.
    pub product_ids: Vec<String>,
    /// A path for every page of 20 of the product list.
    pub page_paths: Vec<String>,
    accounts: Vec<Credentials>,
    tokens: Vec<String>,
    tokens_since: Instant,
}

impl Shop {
    /// Tokens of shoppers who have orders to read.
    pub fn readers(&self) -> &[String] {
        &self.tokens[..self.tokens.len() / 2]
    }

    /// Tokens of shoppers who place orders.
    pub fn buyers(&self) -> &[String] {
        &self.tokens[self.tokens.len() / 2..]
    }

    /// Bodies that log in, one for each shopper.
    pub fn login_bodies(&self) -> Vec<String> {
        self.accounts.iter().map(login_body).collect()
    }

    /// Logs everyone in again where their tokens might end within a run.
    pub async fn renew_tokens(&mut self) -> Result<()> {
        if self.tokens_since.elapsed() < TOKEN_AGE_LIMIT {
            return Ok(());
        }
        let mut client = Client::new(&self.target);
        self.tokens = log_in_all(&mut client, &self.target, self.shape, &self.accounts).await?;
        self.tokens_since = Instant::now();
        Ok(())
    }

    /// A shop that is known to have these products, and no shoppers: enough to read from.
    pub fn of_products(target: Target, shape: Shape, ids: &[&str]) -> Self {
        Self {
            target,
            shape,
            product_ids: ids.iter().map(|&id| id.to_owned()).collect(),
            page_paths: Vec::new(),
            accounts: Vec::new(),
            tokens: Vec::new(),
            tokens_since: Instant::now(),
        }
    }

    /// The same shop behind another port, as after a restart.
    #[must_use]
    pub fn moved_to(&self, target: Target) -> Self {
        Self { target, ..self.clone() }
    }
}

/// Registers, creates, orders and reads back what a run needs.
pub async fn prepare(target: &Target, shape: Shape, wanted: &Wanted) -> Result<Shop> {
    ensure!(wanted.shoppers >= 2, "at least two shoppers: one reads, one buys");
    let mut client = Client::new(target);
    let accounts: Vec<Credentials> = (0..wanted.shoppers).map(shopper).collect();
    for account in &accounts {
        register(&mut client, target, shape, account).await?;
    }
    let tokens_since = Instant::now();
    let tokens = log_in_all(&mut client, target, shape, &accounts).await?;
    let mut walked = walk(&mut client, target, shape, PAGE_SIZE, wanted.products).await?;
    if walked.product_ids.len() < wanted.products && shape.takes_products() {
        create(&mut client, target, wanted).await?;
        walked = walk(&mut client, target, shape, PAGE_SIZE, wanted.products).await?;
    }
    ensure!(
        walked.product_ids.len() >= 3,
        "the shop shows {} products",
        walked.product_ids.len()
    );
    let Walked {
        product_ids,
        page_paths,
    } = walked;
    let shop = Shop {
        target: target.clone(),
        shape,
        product_ids,
        page_paths,
        accounts,
        tokens,
        tokens_since,
    };
    for (nth, token) in shop.readers().iter().enumerate() {
        give_history(&mut client, &shop, token, nth).await?;
    }
    Ok(shop)
}

fn shopper(nth: usize) -> Credentials {
    Credentials {
        email: format!("load{nth}@example.com"),
        password: format!("correct horse battery {nth}"),
    }
}

fn login_body(account: &Credentials) -> String {
    json!({"email": account.email, "password": account.password}).to_string()
}

async fn register(client: &mut Client, target: &Target, shape: Shape, account: &Credentials) -> Result<()> {
    let body = json!({"email": account.email, "password": account.password, "name": "Bench"}).to_string();
    let (status, answer) = client
        .json(Template::post(target, shape.register_path(), JSON, body)?.request())
        .await?;
    // CONFLICT: an earlier preparation was here.
    if !matches!(status, StatusCode::CREATED | StatusCode::OK | StatusCode::CONFLICT) {
        bail!("registering answered {status}: {answer}");
    }
    Ok(())
}

async fn log_in(client: &mut Client, target: &Target, shape: Shape, account: &Credentials) -> Result<String> {
    let request = Template::post(target, shape.login_path(), JSON, login_body(account))?.request();
    let (status, answer) = client.json(request).await?;
    let token = answer[shape.token_field()].as_str().map(str::to_owned);
    token.with_context(|| format!("logging {} in answered {status}: {}", account.email, answer["code"]))
}

async fn admin_token(client: &mut Client, target: &Target, wanted: &Wanted) -> Result<String> {
    let admin = wanted
        .admin
        .as_ref()
        .context("creating products needs --admin-email and --admin-password")?;
    log_in(client, target, Shape::Stoa, admin).await
}

async fn log_in_all(
    client: &mut Client,
    target: &Target,
    shape: Shape,
    accounts: &[Credentials],
) -> Result<Vec<String>> {
    let mut tokens = Vec::with_capacity(accounts.len());
    for account in accounts {
        tokens.push(log_in(client, target, shape, account).await?);
    }
    Ok(tokens)
}

async fn give_history(client: &mut Client, shop: &Shop, token: &str, reader: usize) -> Result<()> {
    let path = shop.shape.orders_path();
    let (_, answer) = client
        .json(Template::get(&shop.target, path)?.bearer(token)?.request())
        .await?;
    let there = answer["items"].as_array().map_or(0, Vec::len);
    let order = Template::post(&shop.target, path, JSON, "")?.bearer(token)?;
    for nth in there..ORDERS_PER_READER {
        let first = (reader * ORDERS_PER_READER + nth) % shop.product_ids.len();
        let second = (first + 1) % shop.product_ids.len();
        let lines = [first, second].map(|index| order_line(&shop.shape.id_literal(&shop.product_ids[index])));
        let body = order_body(lines.iter().map(String::as_str));
        let request = order.keyed(body.into(), &format!("history-{:016x}-{nth}", rand::random::<u64>()))?;
        let (status, answer) = client.json(request).await?;
        ensure!(
            status == StatusCode::CREATED,
            "an order for the history answered {status}: {answer}"
        );
    }
    Ok(())
}
