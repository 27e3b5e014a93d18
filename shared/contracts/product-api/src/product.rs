//! A product as clients see it.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use values::{Money, ProductId, Sku, Timestamp, ValueError};

/// A thing one can buy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Product {
    /// UUIDv7.
    pub id: ProductId,
    /// The merchant's own name for it, unique among the living.
    pub sku: Sku,
    /// What it is called.
    pub name: String,
    /// HTML or text, as the merchant wrote it. Not sanitised: show it as you would show any foreign text.
    pub description: String,
    /// One category, such as `Bicycles`.
    pub category: Option<String>,
    /// Any number of labels, in the order they were written.
    pub tags: Vec<String>,
    /// Who makes it.
    pub vendor: Option<String>,
    /// Pictures, the main one first.
    pub images: Vec<Image>,
    /// The handle of the family whose variant it is; null for a simple product.
    pub family: Option<String>,
    /// What tells the variants of a family apart, in the merchant's order.
    pub options: Options,
    /// What one piece costs.
    pub price: Money,
    /// What it used to cost, to be shown struck through.
    pub compare_at_price: Option<Money>,
    /// How many can still be bought, up to a second old; null: not counted, always to be had.
    pub stock: Option<i64>,
    /// Whether customers see it.
    pub published: bool,
    /// EAN, UPC or what else is printed on it.
    pub barcode: Option<String>,
    /// Weight of one piece in grams.
    pub weight_grams: Option<i64>,
    /// Rises with every change but those of stock. The first part of the `ETag`.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Image {
    /// An absolute http or https address.
    pub url: String,
    /// What it shows, for those who cannot see it.
    #[serde(default)]
    pub alt: String,
}

/// Names and values that tell variants apart: a JSON object whose order is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Options(pub Vec<(String, String)>);

impl Options {
    /// Refuses a name that stands twice.
    pub fn new(pairs: Vec<(String, String)>) -> Result<Self, ValueError> {
        let mut seen = HashSet::new();
        for (name, _) in &pairs {
            if !seen.insert(name) {
                return Err(ValueError::new(format!("the option {name:?} stands twice")));
            }
        }
        Ok(Self(pairs))
    }
}

impl Serialize for Options {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Options;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Options, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Options::new(pairs).map_err(serde::de::Error::custom)
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

impl utoipa::PartialSchema for Options {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <std::collections::BTreeMap<String, String> as utoipa::PartialSchema>::schema()
    }
}

impl ToSchema for Options {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_keep_their_order() {
        let text = r#"{"Size":"S","Color":"Navy"}"#;
        let options: Options = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&options).unwrap(), text);
    }

    #[test]
    fn an_option_given_twice_is_refused() {
        assert!(serde_json::from_str::<Options>(r#"{"Size":"S","Size":"M"}"#).is_err());
    }
}
