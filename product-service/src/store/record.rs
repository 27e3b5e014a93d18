//! A product as it is written: what clients see, and what lists and the search need beside it.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use product_api::{Image, Options, Product};

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
    /// What it is found by: different words with a space between.
    pub words: String,
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
        Records::default().record(product)
    }

    /// The family as its first member founds it.
    pub fn founded_family(&self) -> Option<Family> {
        Family::founded_by(&self.product)
    }
}

/// Makes records of many products. The variants of a family mostly share a description, which is the longest of their
/// texts: one that is the same as that of the product before is not looked at again.
#[derive(Debug, Default)]
pub(super) struct Records {
    description: String,
    /// The different ones of the description.
    words: Vec<String>,
}

impl Records {
    /// Derives what is to be derived.
    pub(super) fn record(&mut self, product: Product) -> ProductRecord {
        if self.description != product.description {
            self.words = text::words(&text::without_markup(&product.description));
            let mut seen = HashSet::new();
            self.words.retain(|word| seen.insert(word.clone()));
            self.description.clone_from(&product.description);
        }
        ProductRecord {
            name_key: text::key(&product.name),
            sku_key: text::key(product.sku.as_str()),
            options_key: options_of(&product).map(|(_, key)| key),
            words: words(&product, &self.words),
            product,
        }
    }
}

/// Whether writing one over the other would change nothing.
pub(super) fn says_the_same(one: &Product, other: &Product) -> bool {
    // Each member is named, so that none is forgotten.
    let Product {
        id: _,
        sku,
        name,
        description,
        category,
        tags,
        vendor,
        images,
        family,
        options,
        price,
        compare_at_price,
        stock: _,
        published,
        barcode,
        weight_grams,
        version: _,
        created_at: _,
        updated_at: _,
    } = one;
    *sku == other.sku
        && *name == other.name
        && *description == other.description
        && *category == other.category
        && *tags == other.tags
        && *vendor == other.vendor
        && *images == other.images
        && *family == other.family
        && *options == other.options
        && *price == other.price
        && *compare_at_price == other.compare_at_price
        && *published == other.published
        && *barcode == other.barcode
        && *weight_grams == other.weight_grams
}

/// The family of a member and what its options are compared by.
pub(super) fn options_of(product: &Product) -> Option<(String, String)> {
    Some((product.family.clone()?, options_key(&product.options)))
}

/// A digest, because options can be longer than an index takes.
fn options_key(options: &Options) -> String {
    let mut sorted: Vec<&(String, String)> = options.0.iter().collect();
    sorted.sort_unstable();
    let canonical = serde_json::to_vec(&sorted).expect("pairs of texts are JSON");
    URL_SAFE_NO_PAD.encode(digest(&SHA256, &canonical))
}

fn words(product: &Product, of_description: &[String]) -> String {
    let optional = [&product.vendor, &product.category, &product.family, &product.barcode];
    let mut texts = vec![product.name.as_str(), product.sku.as_str()];
    texts.extend(optional.into_iter().flatten().map(String::as_str));
    texts.extend(product.options.0.iter().map(|(_, value)| value.as_str()));
    texts.extend(product.tags.iter().map(String::as_str));
    let own: Vec<String> = texts.into_iter().flat_map(text::words).collect();
    text::document(own.iter().chain(of_description).map(String::as_str))
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
