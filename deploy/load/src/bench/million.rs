//! Whether a list's page 10,000 costs what its page 1 costs, at a million products, for every promised sort and filter.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use http::StatusCode;
use serde_json::{Value, json};

use crate::client::{Client, Target, Template};
use crate::report::lower_quartile;
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
/// Pages measured at either end; what a quarter of them stays below is compared.
const PAGES: usize = 30;
const ROUNDS: usize = 5;

/// One sort with one filter.
#[derive(Clone, Debug)]
pub struct DeepPage {
    /// The filter's name.
    pub filter: &'static str,
    /// The sort.
    pub sort: &'static str,
    /// Lower quartile of the time of pages 1 to 30.
    pub first_ms: f64,
    /// Lower quartile of the time of pages 10,000 to 10,029.
    pub deep_ms: f64,
}

impl DeepPage {
    /// How many times dearer the deep page is.
    pub fn ratio(&self) -> f64 {
        self.deep_ms / self.first_ms
    }
}

/// Imports `products` products, then walks. The rarest filter matches a quarter of them, which must reach past page 10,000.
pub async fn deep_pages(target: &Target, wanted: &Wanted, products: usize) -> Result<Vec<DeepPage>> {
    ensure!(
        products / 4 > PAGE_SIZE * (DEEP_PAGE + PAGES),
        "too few products for a page {DEEP_PAGE} in each filter"
    );
    import_as(target, wanted, 0..products, body).await?;
    let mut reader = Reader {
        target,
        client: Client::new(target),
    };
    let mut all = Vec::new();
    for (filter, query) in FILTERS {
        for sort in SORTS {
            let (first_ms, deep_ms) = reader.compare(&format!("sort={sort}{query}")).await?;
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

struct Reader<'a> {
    target: &'a Target,
    client: Client,
}

impl Reader<'_> {
    /// Lower quartiles of the times of the first pages and of the deep ones, in ms. The two take turns, so that a slow moment of the machine hits both, and
    /// each round asks for one item more than the last, so that no cache knows the answer.
    async fn compare(&mut self, query: &str) -> Result<(f64, f64)> {
        let first = self.cursors(query, None, PAGES, PAGE_SIZE).await?;
        let skipped = (DEEP_PAGE - 1 - PAGES) * PAGE_SIZE;
        let hundreds = self.cursors(query, last(&first), skipped / 100, 100).await?;
        let rest = self
            .cursors(query, last(&hundreds), skipped % 100 / PAGE_SIZE, PAGE_SIZE)
            .await?;
        let start = if rest.is_empty() { last(&hundreds) } else { last(&rest) };
        let deep = self.cursors(query, start, PAGES, PAGE_SIZE).await?;
        let starts_of_first: Vec<Option<&str>> = starts(None, &first);
        let starts_of_deep: Vec<Option<&str>> = starts(start, &deep);
        let (mut first_ms, mut deep_ms) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            for (first, deep) in starts_of_first.iter().zip(&starts_of_deep) {
                first_ms.push(self.page(query, *first, PAGE_SIZE + round).await?.0);
                deep_ms.push(self.page(query, *deep, PAGE_SIZE + round).await?.0);
            }
        }
        Ok((
            lower_quartile(first_ms).context("pages were measured")?,
            lower_quartile(deep_ms).context("pages were measured")?,
        ))
    }

    /// The cursors behind so many pages, the first of which starts at `cursor`.
    async fn cursors(&mut self, query: &str, cursor: Option<&str>, pages: usize, size: usize) -> Result<Vec<String>> {
        let mut cursors: Vec<String> = Vec::with_capacity(pages);
        for _ in 0..pages {
            let (_, next) = self.page(query, last(&cursors).or(cursor), size).await?;
            cursors.push(next);
        }
        Ok(cursors)
    }

    /// How long a page took, in ms, and the cursor behind it.
    async fn page(&mut self, query: &str, cursor: Option<&str>, size: usize) -> Result<(f64, String)> {
        let mut path = format!("{}?limit={size}&{query}", Shape::Stoa.products_path());
        if let Some(cursor) = cursor {
            path.push_str("&cursor=");
            path.push_str(&escaped(cursor));
        }
        let request = Template::get(self.target, &path)?.request();
        let begun = Instant::now();
        let (status, answer) = self.client.json(request).await?;
        let took_ms = begun.elapsed().as_secs_f64() * 1e3;
        ensure!(status == StatusCode::OK, "{path} answered {status}: {answer}");
        let next = answer["next_cursor"]
            .as_str()
            .with_context(|| format!("{path} is the last page"))?;
        Ok((took_ms, next.to_owned()))
    }
}

fn last(cursors: &[String]) -> Option<&str> {
    cursors.last().map(String::as_str)
}

/// Where pages start that lie between `first` and these cursors.
fn starts<'a>(first: Option<&'a str>, cursors: &'a [String]) -> Vec<Option<&'a str>> {
    let behind = cursors.iter().map(|cursor| Some(cursor.as_str()));
    [first].into_iter().chain(behind).take(cursors.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_starts_where_the_one_before_ended() {
        let cursors = ["a".to_owned(), "b".to_owned()];
        assert_eq!(starts(None, &cursors), [None, Some("a")]);
        assert_eq!(starts(Some("z"), &cursors), [Some("z"), Some("a")]);
    }

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
