//! What is asked of a shop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use rand::Rng;
use rand::rngs::SmallRng;

use crate::client::{Target, Template};
use crate::shape::{order_body, order_line, search_words};
use crate::shop::Shop;

/// A kind of request, sent over and over.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, clap::ValueEnum)]
pub enum Scenario {
    /// One random product of those prepared.
    Detail,
    /// Each product once and never again, so that no cache can help; ends when all were read.
    DetailOnce,
    /// One random product under an address that is never the same, so that only the service behind the door can know the answer.
    DetailThrough,
    /// A random page of 20 of the product list.
    List,
    /// A search with one or two words, the last perhaps half typed.
    Search,
    /// The last 20 orders of a random shopper.
    History,
    /// A login of a random shopper.
    Login,
    /// An order of one random product.
    CheckoutOne,
    /// An order of one product, the same for all.
    CheckoutHot,
    /// An order of three distinct random products.
    CheckoutThree,
}

impl Scenario {
    /// The only status that counts as done; all else is counted apart.
    pub fn wanted(self) -> StatusCode {
        if self.is_checkout() {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        }
    }

    /// Whether it places orders.
    pub fn is_checkout(self) -> bool {
        matches!(self, Self::CheckoutOne | Self::CheckoutHot | Self::CheckoutThree)
    }

    /// Its name in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Detail => "detail",
            Self::DetailOnce => "detail-once",
            Self::DetailThrough => "detail-through",
            Self::List => "list",
            Self::Search => "search",
            Self::History => "history",
            Self::Login => "login",
            Self::CheckoutOne => "checkout-one",
            Self::CheckoutHot => "checkout-hot",
            Self::CheckoutThree => "checkout-three",
        }
    }
}

/// A scenario made ready for one shop: everything that can be prepared is.
#[derive(Debug)]
pub struct Script {
    scenario: Scenario,
    requests: Requests,
}

#[derive(Debug)]
enum Requests {
    Any(Vec<Template>),
    Once(Vec<Template>, AtomicUsize),
    Through {
        target: Target,
        paths: Vec<String>,
        next: AtomicUsize,
    },
    Orders {
        buyers: Vec<Template>,
        lines: Vec<String>,
        pick: Pick,
        run: u64,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Pick {
    Hot,
    Distinct(usize),
}

impl Script {
    /// Builds the requests of `scenario`; fails where the shop has no such thing.
    pub async fn new(scenario: Scenario, shop: &mut Shop) -> Result<Arc<Self>> {
        shop.renew_tokens().await?;
        let requests = match scenario {
            Scenario::Detail => Requests::Any(details(shop)?),
            Scenario::DetailOnce => Requests::Once(details(shop)?, AtomicUsize::new(0)),
            Scenario::DetailThrough => Requests::Through {
                target: shop.target.clone(),
                paths: shop.product_ids.iter().map(|id| shop.shape.product_path(id)).collect(),
                next: AtomicUsize::new(0),
            },
            Scenario::List => Requests::Any(gets(shop, shop.page_paths.iter().cloned())?),
            Scenario::Search => {
                let paths: Option<Vec<String>> = search_words()
                    .iter()
                    .map(|words| shop.shape.search_path(words))
                    .collect();
                Requests::Any(gets(shop, paths.context("this shop has no search")?.into_iter())?)
            }
            Scenario::History => {
                let template = Template::get(&shop.target, &format!("{}?limit=20", shop.shape.orders_path()))?;
                Requests::Any(for_each_token(&template, shop.readers())?)
            }
            Scenario::Login => Requests::Any(logins(shop)?),
            Scenario::CheckoutOne => orders(shop, Pick::Distinct(1))?,
            Scenario::CheckoutHot => orders(shop, Pick::Hot)?,
            Scenario::CheckoutThree => orders(shop, Pick::Distinct(3))?,
        };
        ensure!(requests.are_enough(), "the shop has too little for {}", scenario.name());
        Ok(Arc::new(Self { scenario, requests }))
    }

    /// Which scenario this is.
    pub fn scenario(&self) -> Scenario {
        self.scenario
    }

    /// The next request, or none where the script has an end. `worker`, `nth` and chance make an order's key its own, also in another
    /// run of the same script, such as the one that warms up.
    pub fn next(&self, rng: &mut SmallRng, worker: usize, nth: u64) -> Option<Request<Full<Bytes>>> {
        match &self.requests {
            Requests::Any(templates) => Some(any(templates, rng).request()),
            Requests::Once(templates, next) => templates
                .get(next.fetch_add(1, Ordering::Relaxed))
                .map(Template::request),
            Requests::Through { target, paths, next } => {
                let path = &paths[rng.random_range(..paths.len())];
                let path = format!("{path}?past={}", next.fetch_add(1, Ordering::Relaxed));
                let template = Template::get(target, &path).expect("a number makes no path a wrong one");
                Some(template.request())
            }
            Requests::Orders {
                buyers,
                lines,
                pick,
                run,
            } => {
                let body = match *pick {
                    Pick::Hot => order_body([lines[lines.len() / 2].as_str()].into_iter()),
                    Pick::Distinct(count) => {
                        let indices = rand::seq::index::sample(rng, lines.len(), count);
                        order_body(indices.iter().map(|index| lines[index].as_str()))
                    }
                };
                let key = format!("load-{run:016x}-{worker}-{nth}-{:08x}", rng.random::<u32>());
                Some(
                    any(buyers, rng)
                        .keyed(body.into(), &key)
                        .expect("the key is visible ASCII"),
                )
            }
        }
    }
}

impl Requests {
    /// Whether every choice has something to choose from.
    fn are_enough(&self) -> bool {
        match self {
            Self::Any(templates) | Self::Once(templates, _) => !templates.is_empty(),
            Self::Through { paths, .. } => !paths.is_empty(),
            Self::Orders {
                buyers,
                lines,
                pick: Pick::Distinct(count),
                ..
            } => !buyers.is_empty() && lines.len() >= *count,
            Self::Orders {
                buyers,
                lines,
                pick: Pick::Hot,
                ..
            } => !buyers.is_empty() && !lines.is_empty(),
        }
    }
}

fn any<'a>(templates: &'a [Template], rng: &mut SmallRng) -> &'a Template {
    &templates[rng.random_range(..templates.len())]
}

fn gets(shop: &Shop, paths: impl Iterator<Item = String>) -> Result<Vec<Template>> {
    paths.map(|path| Template::get(&shop.target, &path)).collect()
}

fn details(shop: &Shop) -> Result<Vec<Template>> {
    gets(shop, shop.product_ids.iter().map(|id| shop.shape.product_path(id)))
}

fn logins(shop: &Shop) -> Result<Vec<Template>> {
    let path = shop.shape.login_path();
    shop.login_bodies()
        .into_iter()
        .map(|body| Template::post(&shop.target, path, "application/json", body))
        .collect()
}

fn for_each_token(template: &Template, tokens: &[String]) -> Result<Vec<Template>> {
    tokens.iter().map(|token| template.clone().bearer(token)).collect()
}

fn orders(shop: &Shop, pick: Pick) -> Result<Requests> {
    let template = Template::post(&shop.target, shop.shape.orders_path(), "application/json", "")?;
    Ok(Requests::Orders {
        buyers: for_each_token(&template, shop.buyers())?,
        lines: shop
            .product_ids
            .iter()
            .map(|id| order_line(&shop.shape.id_literal(id)))
            .collect(),
        pick,
        run: rand::random(),
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use rand::SeedableRng;
    use serde_json::Value;

    use super::*;

    fn order_script(pick: Pick) -> Script {
        let template = Template::post(&Target::local(8080), "/api/orders", "application/json", "").unwrap();
        let lines = (0..3).map(|id| order_line(&format!("\"p{id}\""))).collect();
        let requests = Requests::Orders {
            buyers: vec![template],
            lines,
            pick,
            run: 7,
        };
        Script {
            scenario: Scenario::CheckoutThree,
            requests,
        }
    }

    async fn products_of(request: Request<Full<Bytes>>) -> Vec<String> {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["product_id"].to_string())
            .collect()
    }

    #[tokio::test]
    async fn an_order_of_three_names_three_different_products() {
        let mut rng = SmallRng::seed_from_u64(1);
        let request = order_script(Pick::Distinct(3)).next(&mut rng, 0, 0).unwrap();
        let mut products = products_of(request).await;
        products.sort();
        assert_eq!(products, ["\"p0\"", "\"p1\"", "\"p2\""]);
    }

    #[tokio::test]
    async fn the_hot_product_is_the_same_for_all() {
        let script = order_script(Pick::Hot);
        for seed in 0..5 {
            let request = script.next(&mut SmallRng::seed_from_u64(seed), 0, seed).unwrap();
            assert_eq!(products_of(request).await, ["\"p1\""]);
        }
    }

    #[test]
    fn no_two_orders_share_a_key_not_even_with_those_of_the_warm_up() {
        let script = order_script(Pick::Hot);
        let mut keys = std::collections::HashSet::new();
        for seed in 1..3 {
            for worker in 0..3 {
                for nth in 0..3 {
                    let request = script.next(&mut SmallRng::seed_from_u64(seed), worker, nth).unwrap();
                    assert!(keys.insert(request.headers()["idempotency-key"].clone()));
                }
            }
        }
    }

    #[test]
    fn a_script_that_reads_each_once_has_an_end() {
        let template = Template::get(&Target::local(8080), "/api/products/1").unwrap();
        let requests = Requests::Once(vec![template], AtomicUsize::new(0));
        let script = Script {
            scenario: Scenario::DetailOnce,
            requests,
        };
        let mut rng = SmallRng::seed_from_u64(1);
        assert!(script.next(&mut rng, 0, 0).is_some());
        assert!(script.next(&mut rng, 0, 1).is_none());
    }
}
