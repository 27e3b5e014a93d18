//! A product as it is written: what clients see, and what lists and the search need beside it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use product_api::{Image, Options, Product};
use values::Timestamp;

use crate::text;

/// A product with all that is derived from it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductRecord {
    /// What clients see.
    pub product: Product,
    /// What the name is ordered by.
    pub name_key: String,
    /// What the sku is found by.
    pub sku_key: String,
    /// The same for the same options in any order; members of a family differ in it.
    pub options_key: Option<String>,
    /// What it is found by.
    pub words: Vec<String>,
}

/// What the variants of a family have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Unique; lower-case letters, digits and hyphens.
    pub handle: String,
    /// What it is called.
    pub name: String,
    /// HTML or text.
    pub description: String,
    /// Pictures.
    pub images: Vec<Image>,
}

impl Family {
    /// The family as its first member founds it.
    pub fn founded_by(product: &Product) -> Option<Self> {
        Some(Self {
            handle: product.family.clone()?,
            name: product.name.clone(),
            description: product.description.clone(),
            images: product.images.clone(),
        })
    }
}

impl ProductRecord {
    /// Derives what is to be derived.
    pub fn new(product: Product) -> Self {
        Self {
            name_key: text::key(&product.name),
            sku_key: text::key(product.sku.as_str()),
            options_key: product.family.as_ref().map(|_| options_key(&product.options)),
            words: words(&product),
            product,
        }
    }

    /// The family as its first member founds it.
    pub fn founded_family(&self) -> Option<Family> {
        Family::founded_by(&self.product)
    }

    /// Whether writing this over what is kept would change anything that can be written.
    pub fn differs_from(&self, kept: &Product) -> bool {
        let unwritten = |product: &Product| Product {
            id: kept.id,
            stock: None,
            version: 0,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
            ..product.clone()
        };
        unwritten(&self.product) != unwritten(kept)
    }
}

/// A digest, because options can be longer than an index takes.
pub(super) fn options_key(options: &Options) -> String {
    let mut sorted: Vec<&(String, String)> = options.0.iter().collect();
    sorted.sort_unstable();
    let canonical = serde_json::to_vec(&sorted).expect("pairs of texts are JSON");
    URL_SAFE_NO_PAD.encode(digest(&SHA256, &canonical))
}

fn words(product: &Product) -> Vec<String> {
    let description = text::without_markup(&product.description);
    let optional = [&product.vendor, &product.category, &product.family, &product.barcode];
    let mut texts = vec![product.name.as_str(), product.sku.as_str()];
    texts.extend(optional.into_iter().flatten().map(String::as_str));
    texts.extend(product.options.0.iter().map(|(_, value)| value.as_str()));
    texts.extend(product.tags.iter().map(String::as_str));
    texts.push(&description);
    text::document(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_options_makes_no_variant() {
        let options = |pairs: &[(&str, &str)]| {
            Options(
                pairs
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            )
        };
        let one = options_key(&options(&[("Color", "Navy"), ("Size", "S")]));
        assert_eq!(one, options_key(&options(&[("Size", "S"), ("Color", "Navy")])));
        assert_ne!(one, options_key(&options(&[("Color", "S"), ("Size", "Navy")])));
        assert_eq!(one.len(), 43);
    }
}
