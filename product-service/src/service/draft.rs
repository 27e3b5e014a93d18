//! A product and a change of stock as somebody writes them, before anything is checked. All faults are found at once.

use std::collections::HashSet;

use platform_problem::Faults;
use product_api::{Image, NewProduct, Options, ProductUpdate};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use values::{Currency, Money, Sku};

use crate::store::StockChange;

/// The most pieces that can be written at once.
const MAX_STOCK: i64 = 1_000_000_000;
const MAX_DESCRIPTION_BYTES: usize = 100_000;
/// The longest name, in characters.
pub(super) const MAX_NAME: usize = 255;
/// The longest other text of one line, in characters.
const MAX_LINE: usize = 255;
const MAX_TAGS: usize = 250;
pub(super) const MAX_IMAGES: usize = 250;
/// The longest text of a picture, in characters.
pub(super) const MAX_ALT: usize = 512;
pub(super) const MAX_OPTIONS: usize = 10;
const MAX_WEIGHT_GRAMS: i64 = 1_000_000_000;

/// A member of a JSON object where it makes a difference whether it is null or missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Given<T> {
    /// It is not there.
    #[default]
    Missing,
    /// It is null.
    Null,
    /// It has a value.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// A product as it is written. What may be null may be left out, which means the same, `stock` excepted.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductDraft)]
pub struct ProductDraft {
    /// Unique among the products that were not deleted; no white space at either end.
    #[schema(required, nullable = false, min_length = 1, max_length = 100)]
    pub sku: Option<String>,
    /// What it is called.
    #[schema(required, nullable = false, min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// HTML or text, up to 100,000 bytes; empty unless given.
    #[schema(max_length = 100_000)]
    pub description: Option<String>,
    /// One category.
    #[schema(min_length = 1, max_length = 255)]
    pub category: Option<String>,
    /// Labels of 1 to 255 characters, none twice.
    #[schema(max_items = 250)]
    pub tags: Option<Vec<String>>,
    /// Who makes it.
    #[schema(min_length = 1, max_length = 255)]
    pub vendor: Option<String>,
    /// Pictures, the main one first: absolute http or https addresses of up to 2,048 characters with up to 512 of text.
    #[serde(default, deserialize_with = "without_unknown_fields")]
    #[schema(max_items = 250, value_type = Option<Vec<ImageDraft>>)]
    pub images: Option<Vec<Image>>,
    /// The handle of its family: letters and digits without upper case, hyphens, underscores. A new one founds a family.
    #[schema(min_length = 1, max_length = 255)]
    pub family: Option<String>,
    /// Up to 10; names and values of 1 to 255 characters. No two living members of a family have the same.
    pub options: Option<Options>,
    /// What one piece costs.
    #[schema(required, nullable = false, value_type = Money)]
    pub price: Option<MoneyDraft>,
    /// What it used to cost; in the currency of the price.
    #[schema(value_type = Option<Money>)]
    pub compare_at_price: Option<MoneyDraft>,
    /// How many there are; null: not counted. Required on POST; on PUT it is refused (`stock_not_writable`).
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000)]
    pub stock: Given<i64>,
    /// Whether customers see it; true unless given.
    pub published: Option<bool>,
    /// EAN, UPC or what else is printed on it.
    #[schema(min_length = 1, max_length = 255)]
    pub barcode: Option<String>,
    /// Weight of one piece in grams.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub weight_grams: Option<i64>,
}

/// An amount as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoneyDraft {
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}

/// A picture as it is written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageDraft {
    /// An absolute http or https address.
    url: String,
    /// What it shows, for those who cannot see it.
    #[serde(default)]
    alt: String,
}

/// A change of stock as it is written: `delta` or `set`, and why.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StockDraft {
    /// So many more, or with a minus fewer.
    #[schema(minimum = -1_000_000_000, maximum = 1_000_000_000)]
    pub delta: Option<i64>,
    /// What can be bought from now on; null: not counted any more.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000)]
    pub set: Given<i64>,
    /// Why, for the ledger.
    #[schema(required, nullable = false, min_length = 1, max_length = 500)]
    pub reason: Option<String>,
}

impl From<ImageDraft> for Image {
    fn from(ImageDraft { url, alt }: ImageDraft) -> Self {
        Self { url, alt }
    }
}

impl ProductDraft {
    /// The product to be created, or all that is wrong with it.
    pub fn into_new(self, faults: &mut Faults) -> Option<NewProduct> {
        let stock = match self.stock {
            Given::Missing => {
                faults.add("/stock", "is missing; null means that it is not counted");
                None
            }
            Given::Null => Some(None),
            Given::Value(stock) => pieces(faults, "/stock", stock, 0).map(Some),
        };
        let details = self.into_update(faults);
        Some(NewProduct {
            details: details?,
            stock: stock?,
        })
    }

    /// All but the stock, or all that is wrong with it. What is said about stock is not looked at.
    pub fn into_update(self, faults: &mut Faults) -> Option<ProductUpdate> {
        let description = prose(faults, "/description", self.description.unwrap_or_default());
        let sku = required(faults, "/sku", self.sku).and_then(|sku| faults.take("/sku", Sku::try_from(sku)));
        let name = required(faults, "/name", self.name).and_then(|name| line(faults, "/name", name, MAX_NAME));
        let price = required(faults, "/price", self.price).and_then(|price| money(faults, "/price", &price));
        let compare_at = self
            .compare_at_price
            .and_then(|price| money(faults, "/compare_at_price", &price));
        if let (Some(price), Some(compare_at)) = (price, compare_at)
            && price.currency() != compare_at.currency()
        {
            faults.add("/compare_at_price/currency", "must be the currency of the price");
        }
        let weight_grams = self.weight_grams;
        if weight_grams.is_some_and(|grams| !(0..=MAX_WEIGHT_GRAMS).contains(&grams)) {
            faults.add("/weight_grams", "must be between 0 and 1000000000");
        }
        let update = ProductUpdate {
            category: optional_line(faults, "/category", self.category, MAX_LINE),
            tags: tags(faults, self.tags.unwrap_or_default()),
            vendor: optional_line(faults, "/vendor", self.vendor, MAX_LINE),
            images: images(faults, "/images", self.images.unwrap_or_default()),
            family: family(faults, self.family),
            options: options(faults, self.options.unwrap_or_default()),
            compare_at_price: compare_at,
            published: self.published.unwrap_or(true),
            barcode: optional_line(faults, "/barcode", self.barcode, MAX_LINE),
            weight_grams,
            description,
            sku: sku?,
            name: name?,
            price: price?,
        };
        faults.is_empty().then_some(update)
    }
}

impl StockDraft {
    /// The change and its reason, or all that is wrong with it.
    pub fn check(self, faults: &mut Faults) -> Option<(StockChange, String)> {
        let reason = required(faults, "/reason", self.reason).and_then(|reason| line(faults, "/reason", reason, 500));
        let change = match (self.delta, self.set) {
            (Some(delta), Given::Missing) => pieces(faults, "/delta", delta, -MAX_STOCK).map(StockChange::Delta),
            (None, Given::Value(set)) => pieces(faults, "/set", set, 0).map(|set| StockChange::Set(Some(set))),
            (None, Given::Null) => Some(StockChange::Set(None)),
            (None, Given::Missing) => {
                faults.add("/delta", "is missing, and so is set: give one of them");
                None
            }
            (Some(_), _) => {
                faults.add("/delta", "stands beside set: give one of them");
                None
            }
        };
        Some((change?, reason?))
    }
}

fn without_unknown_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Image>>, D::Error> {
    let drafts: Option<Vec<ImageDraft>> = Option::deserialize(deserializer)?;
    Ok(drafts.map(|drafts| drafts.into_iter().map(Image::from).collect()))
}

fn required<T>(faults: &mut Faults, pointer: &str, value: Option<T>) -> Option<T> {
    if value.is_none() {
        faults.add(pointer, "is missing");
    }
    value
}

fn pieces(faults: &mut Faults, pointer: &str, number: i64, least: i64) -> Option<i64> {
    if (least..=MAX_STOCK).contains(&number) {
        return Some(number);
    }
    faults.add(pointer, format!("must be between {least} and {MAX_STOCK}"));
    None
}

/// Text of one line, with something in it.
pub(super) fn line(faults: &mut Faults, pointer: &str, text: String, most: usize) -> Option<String> {
    let fault = if text.trim().is_empty() {
        "must not be empty".to_owned()
    } else if text.chars().count() > most {
        format!("must be at most {most} characters")
    } else if text.contains(char::is_control) {
        "must not have control characters".to_owned()
    } else {
        return Some(text);
    };
    faults.add(pointer, fault);
    None
}

/// Text of any number of lines.
pub(super) fn prose(faults: &mut Faults, pointer: &str, text: String) -> String {
    if text.len() > MAX_DESCRIPTION_BYTES {
        faults.add(pointer, format!("must be at most {MAX_DESCRIPTION_BYTES} bytes"));
    }
    if text.contains(is_forbidden_in_prose) {
        faults.add(pointer, "must not have control characters");
    }
    text
}

fn optional_line(faults: &mut Faults, pointer: &str, text: Option<String>, most: usize) -> Option<String> {
    line(faults, pointer, text?, most)
}

fn money(faults: &mut Faults, pointer: &str, money: &MoneyDraft) -> Option<Money> {
    let currency: Option<Currency> = faults.take(&format!("{pointer}/currency"), money.currency.parse());
    faults.take(
        &format!("{pointer}/amount"),
        Money::new(money.amount, currency.unwrap_or(Currency::USD)),
    )
}

fn tags(faults: &mut Faults, tags: Vec<String>) -> Vec<String> {
    if tags.len() > MAX_TAGS {
        faults.add("/tags", "must be at most 250");
        return Vec::new();
    }
    let mut seen = HashSet::new();
    for (at, tag) in tags.iter().enumerate() {
        let pointer = format!("/tags/{at}");
        if line(faults, &pointer, tag.clone(), MAX_LINE).is_some() && !seen.insert(tag) {
            faults.add(pointer, "stands twice");
        }
    }
    tags
}

/// Pictures with addresses that a browser can follow.
pub(super) fn images(faults: &mut Faults, pointer: &str, images: Vec<Image>) -> Vec<Image> {
    if images.len() > MAX_IMAGES {
        faults.add(pointer, format!("must be at most {MAX_IMAGES}"));
        return Vec::new();
    }
    for (at, image) in images.iter().enumerate() {
        if !is_web_address(&image.url) {
            faults.add(
                format!("{pointer}/{at}/url"),
                "must be an absolute http or https address of up to 2048 characters",
            );
        }
        if image.alt.chars().count() > MAX_ALT || image.alt.contains(is_forbidden_in_prose) {
            faults.add(
                format!("{pointer}/{at}/alt"),
                format!("must be at most {MAX_ALT} characters, without control characters"),
            );
        }
    }
    images
}

/// An absolute http or https address.
pub(super) fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let has_host = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '['));
    has_host && url.chars().count() <= 2_048 && !url.contains(|c: char| c.is_control() || c.is_whitespace())
}

fn family(faults: &mut Faults, family: Option<String>) -> Option<String> {
    let family = line(faults, "/family", family?, 255)?;
    if !family.chars().all(is_in_handle) {
        faults.add(
            "/family",
            "must be a handle: letters and digits without upper case, hyphens and underscores",
        );
    }
    Some(family)
}

/// What a handle is made of.
pub(super) fn is_in_handle(c: char) -> bool {
    c == '-' || c == '_' || (c.is_alphanumeric() && !c.is_uppercase())
}

fn options(faults: &mut Faults, options: Options) -> Options {
    if options.0.len() > MAX_OPTIONS {
        faults.add("/options", "must be at most 10");
        return options;
    }
    for (name, value) in &options.0 {
        let pointer = format!("/options/{}", name.replace('~', "~0").replace('/', "~1"));
        for text in [name, value] {
            if line(faults, &pointer, text.clone(), MAX_LINE).is_none() {
                break;
            }
        }
    }
    options
}

/// Line breaks and tabs belong to prose.
pub(super) fn is_forbidden_in_prose(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(body: serde_json::Value) -> Vec<String> {
        let draft: ProductDraft = serde_json::from_value(body).unwrap();
        let mut faults = Faults::default();
        let checked = draft.into_new(&mut faults);
        assert_eq!(checked.is_some(), faults.is_empty());
        let Err(problem) = faults.finish() else {
            return Vec::new();
        };
        problem.errors().iter().map(|error| error.pointer.clone()).collect()
    }

    #[test]
    fn the_least_product_is_fine() {
        let body =
            serde_json::json!({"sku": "a", "name": "A", "price": {"amount": 0, "currency": "USD"}, "stock": null});
        assert!(faults_of(body).is_empty());
    }

    #[test]
    fn all_faults_are_found_at_once() {
        let mut faults = faults_of(serde_json::json!({
            "sku": " a", "name": "", "price": {"amount": -1, "currency": "XXX"}, "tags": ["a", "", "a"],
            "images": [{"url": "javascript:alert(1)"}], "family": "No Handle", "options": {"a/b": ""},
            "compare_at_price": {"amount": 1, "currency": "USD"}, "weight_grams": -1, "category": "\u{0}",
            "description": "a\u{0}"
        }));
        faults.sort();
        assert_eq!(
            faults,
            [
                "/category",
                "/description",
                "/family",
                "/images/0/url",
                "/name",
                "/options/a~1b",
                "/price/amount",
                "/price/currency",
                "/sku",
                "/stock",
                "/tags/1",
                "/tags/2",
                "/weight_grams"
            ]
        );
    }

    #[test]
    fn a_change_of_stock_is_a_delta_or_a_number() {
        let check = |body: serde_json::Value| {
            let draft: StockDraft = serde_json::from_value(body).unwrap();
            draft.check(&mut Faults::default()).map(|(change, _)| change)
        };
        assert_eq!(
            check(serde_json::json!({"delta": -3, "reason": "r"})),
            Some(StockChange::Delta(-3))
        );
        assert_eq!(
            check(serde_json::json!({"set": null, "reason": "r"})),
            Some(StockChange::Set(None))
        );
        assert_eq!(
            check(serde_json::json!({"set": 4, "reason": "r"})),
            Some(StockChange::Set(Some(4)))
        );
        for bad in [
            serde_json::json!({"delta": 1}),
            serde_json::json!({"reason": "r"}),
            serde_json::json!({"delta": 1, "set": 1, "reason": "r"}),
            serde_json::json!({"set": -1, "reason": "r"}),
        ] {
            assert_eq!(check(bad.clone()), None, "{bad}");
        }
    }
}
