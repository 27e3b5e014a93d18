//! What a client wants to buy, as it is sent and as it is meant.

use aws_lc_rs::digest::{SHA256, digest};
use platform_problem::{Faults, Problem};
use product_api::StockLine;
use serde::Deserialize;
use utoipa::ToSchema;
use values::{ProductId, Quantity};

/// The most items of a request.
const MAX_ITEMS: usize = 100;

/// The first byte of what is hashed: another meaning of the same bytes would be another version.
const HASH_VERSION: u8 = 1;

/// What is wanted. An item given twice counts as one with the sum of both quantities.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Basket {
    /// The items.
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<BasketItem>,
}

/// So many of one product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BasketItem {
    /// Which.
    #[schema(format = Uuid)]
    product_id: String,
    /// How many; after merging as well.
    #[schema(minimum = 1, maximum = 1000)]
    quantity: i64,
}

impl Basket {
    /// The lines that are meant: merged and sorted by product. Reports all faults together.
    pub(super) fn into_lines(self) -> Result<Vec<StockLine>, Problem> {
        let mut faults = Faults::default();
        if self.items.is_empty() || self.items.len() > MAX_ITEMS {
            faults.add("/items", "must have 1 to 100 items");
        }
        let mut lines: Vec<StockLine> = Vec::with_capacity(self.items.len().min(MAX_ITEMS));
        for (index, item) in self.items.iter().enumerate() {
            let at = |member: &str| format!("/items/{index}/{member}");
            let product_id = faults.take(&at("product_id"), item.product_id.parse::<ProductId>());
            let quantity = faults.take(&at("quantity"), Quantity::try_from(item.quantity));
            let (Some(product_id), Some(quantity)) = (product_id, quantity) else {
                continue;
            };
            match lines.iter_mut().find(|line| line.product_id == product_id) {
                None => lines.push(StockLine { product_id, quantity }),
                Some(line) => match line.quantity.checked_add(quantity) {
                    Ok(sum) => line.quantity = sum,
                    Err(error) => faults.add(at("quantity"), format!("{error}, together with the item given before")),
                },
            }
        }
        faults.finish()?;
        lines.sort_unstable_by_key(|line| line.product_id);
        Ok(lines)
    }
}

/// What the lines mean, in 32 bytes: the same for every way of writing them.
pub(super) fn hash(lines: &[StockLine]) -> [u8; 32] {
    let mut canonical = Vec::with_capacity(1 + lines.len() * 20);
    canonical.push(HASH_VERSION);
    for line in lines {
        canonical.extend_from_slice(line.product_id.as_uuid().as_bytes());
        canonical.extend_from_slice(&line.quantity.get().to_be_bytes());
    }
    digest(&SHA256, &canonical)
        .as_ref()
        .try_into()
        .expect("a SHA-256 digest has 32 bytes")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ONE: &str = "0198a8d5-0000-7000-8000-000000000001";
    const TWO: &str = "0198a8d5-0000-7000-8000-000000000002";

    fn lines(items: &Value) -> Result<Vec<StockLine>, Problem> {
        let basket: Basket = serde_json::from_value(json!({ "items": items })).unwrap();
        basket.into_lines()
    }

    fn pointers(items: &Value) -> Vec<String> {
        let problem = lines(items).unwrap_err();
        problem.errors().iter().map(|error| error.pointer.clone()).collect()
    }

    fn item(product_id: &str, quantity: i64) -> Value {
        json!({"product_id": product_id, "quantity": quantity})
    }

    #[test]
    fn order_and_repetition_of_items_mean_nothing() {
        let one = lines(&json!([item(TWO, 2), item(ONE, 1), item(TWO, 3)])).unwrap();
        let same = lines(&json!([item(&ONE.to_uppercase(), 1), item(TWO, 5)])).unwrap();
        assert_eq!(one, same);
        assert_eq!(hash(&one), hash(&same));
        let other = lines(&json!([item(ONE, 1), item(TWO, 6)])).unwrap();
        assert_ne!(hash(&one), hash(&other));
    }

    #[test]
    fn the_hash_is_the_same_in_every_build() {
        let hash = hash(&lines(&json!([item(ONE, 1)])).unwrap());
        assert_eq!(hash[..4], [128, 155, 215, 137]);
    }

    #[test]
    fn all_faults_are_reported_together() {
        let faulty = json!([item("x", 1), item(ONE, 0), item(TWO, 600), item(TWO, 600)]);
        assert_eq!(
            pointers(&faulty),
            ["/items/0/product_id", "/items/1/quantity", "/items/3/quantity"]
        );
    }

    #[test]
    fn there_are_1_to_100_items() {
        assert_eq!(pointers(&json!([])), ["/items"]);
        assert_eq!(pointers(&json!(vec![item(ONE, 1); 101])), ["/items"]);
        assert!(lines(&json!(vec![item(ONE, 10); 100])).is_ok());
    }
}
