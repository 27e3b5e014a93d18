//! Whether a list's page 10,000 costs what its page 1 costs, at a million products, for every promised sort and filter.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use http::StatusCode;
use serde_json::{Value, json};

use crate::client::{Client, Target, Template};
use crate::report::median;
use crate::shape::{NewProduct, Shape, escaped};
use crate::shop::Wanted;
use crate::shop::catalogue::import_as;

const SORTS: [&str; 5] = ["-created_at", "created_at", "price", "-price", "name"];
const FILTERS: [(&str, &str); 4] = [
    ("none", ""),
    ("category", "&category=million-0"),
    ("tag", "&tag=million-0"),
    ("family", "&family=million-0"),
];
const PAGE_SIZE: usize = 20;
const DEEP_PAGE: usize = 10_000;
/// Pages measured at either end; their median is compared.
const PAGES: usize = 30;

/// One sort with one filter.
#[derive(Clone, Debug)]
pub struct DeepPage {
    /// The filter's name.
    pub filter: &'static str,
    /// The sort.
    pub sort: &'static str,
    /// Median time of pages 1 to 30.
    pub first_ms: f64,
    /// Median time of pages 10,000 to 10,029.
    pub deep_ms: f64,
}

impl DeepPage {
    /// How many times dearer the deep page is.
    pub fn ratio(&self) -> f64 {
        self.deep_ms / self.first_ms
    }
}

/// Imports `products` products, then walks. Every filter must match a fifth of them at least, or there is no page 10,000.
pub async fn deep_pages(target: &Target, wanted: &Wanted, products: usize) -> Result<Vec<DeepPage>> {
    ensure!(
        products / 4 > PAGE_SIZE * (DEEP_PAGE + PAGES),
        "too few products for a page {DEEP_PAGE} in each filter"
    );
    import_as(target, wanted, 0..products, body).await?;
    let mut client = Client::new(target);
    let mut all = Vec::new();
    for (filter, query) in FILTERS {
        for sort in SORTS {
            let mut walk = Walk {
                target,
                client: &mut client,
                query: format!("sort={sort}{query}"),
                cursor: None,
            };
            walk.pages(PAGES, PAGE_SIZE).await?;
            walk.cursor = None;
            let first = walk.pages(PAGES, PAGE_SIZE).await?;
            let skipped = (DEEP_PAGE - 1 - PAGES) * PAGE_SIZE;
            walk.pages(skipped / 100, 100).await?;
            walk.pages(skipped % 100 / PAGE_SIZE, PAGE_SIZE).await?;
            let deep = walk.pages(PAGES, PAGE_SIZE).await?;
            let first_ms = median(first).context("pages were measured")?;
            let deep_ms = median(deep).context("pages were measured")?;
            all.push(DeepPage {
                filter,
                sort,
                first_ms,
                deep_ms,
            });
        }
    }
    Ok(all)
}

/// As the usual products, with two categories, two tags and four families among them.
fn body(product: &NewProduct) -> Value {
    let index = product.index;
    let mut body = product.body();
    body["sku"] = json!(format!("MILLION-{index:07}"));
    body["category"] = json!(format!("million-{}", index % 2));
    body["tags"] = json!([format!("million-{}", index / 2 % 2)]);
    body["family"] = json!(format!("million-{}", index / 4 % 4));
    body["options"] = json!({"Number": index.to_string()});
    body
}

struct Walk<'a> {
    target: &'a Target,
    client: &'a mut Client,
    query: String,
    cursor: Option<String>,
}

impl Walk<'_> {
    /// Follows the cursor over so many pages and tells how long each took, in ms.
    async fn pages(&mut self, pages: usize, size: usize) -> Result<Vec<f64>> {
        let mut times = Vec::with_capacity(pages);
        for _ in 0..pages {
            let mut path = format!("{}?limit={size}&{}", Shape::Stoa.products_path(), self.query);
            if let Some(cursor) = &self.cursor {
                path.push_str("&cursor=");
                path.push_str(&escaped(cursor));
            }
            let request = Template::get(self.target, &path)?.request();
            let begun = Instant::now();
            let (status, answer) = self.client.json(request).await?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            ensure!(status == StatusCode::OK, "{path} answered {status}: {answer}");
            let cursor = answer["next_cursor"]
                .as_str()
                .with_context(|| format!("{path} is the last page"))?;
            self.cursor = Some(cursor.to_owned());
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_matches_enough_for_a_deep_page() {
        let products: Vec<Value> = (0..1000).map(|index| body(&NewProduct { index, stock: 1 })).collect();
        let matching = |pointer: &str| {
            products
                .iter()
                .filter(|product| product.pointer(pointer) == Some(&json!("million-0")))
                .count()
        };
        assert_eq!(
            [matching("/category"), matching("/tags/0"), matching("/family")],
            [500, 500, 252]
        );
    }
}
