//! The whole catalogue as a file that the import reads back without loss.
//!
//! Products come in the order in which they were created, page by page: what is written meanwhile may be in it or not.
//! Ids, versions and times are not in it, for another shop gives its own.

use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use product_api::{Image, Options, Product, ProductsError};
use serde::Serialize;
use values::{Money, ProductId};

use super::ProductService;
use super::file::{COLUMNS, FileFormat, cells, price};
use crate::store::{Exported, Family, ProductStore};

/// Products of one page.
const PAGE: u32 = 200;

impl ProductService {
    /// The file in pieces, made as they are taken.
    pub fn export(&self, format: FileFormat) -> impl Stream<Item = Result<Bytes, ProductsError>> + Send + use<> {
        let walk = Walk {
            store: self.store.clone(),
            format,
            at: At::Begin,
        };
        futures::stream::try_unfold(walk, Walk::step)
    }
}

/// A walk through the catalogue.
struct Walk {
    store: Arc<dyn ProductStore>,
    format: FileFormat,
    at: At,
}

enum At {
    Begin,
    Behind(Option<ProductId>),
    End,
}

impl Walk {
    async fn step(mut self) -> Result<Option<(Bytes, Self)>, ProductsError> {
        let after = match self.at {
            At::Begin => {
                self.at = At::Behind(None);
                let header = match self.format {
                    FileFormat::Csv => row(COLUMNS),
                    FileFormat::Ndjson => String::new(),
                };
                return Ok(Some((header.into(), self)));
            }
            At::Behind(after) => after,
            At::End => return Ok(None),
        };
        let page = self.store.page_by_id(after, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        self.at = match page.last() {
            Some(last) if !is_last => At::Behind(Some(last.product.id)),
            _ => At::End,
        };
        let mut piece = String::new();
        for exported in &page {
            match self.format {
                FileFormat::Csv => piece.push_str(&table_line(exported)),
                FileFormat::Ndjson => {
                    piece.push_str(&json_line(exported));
                    piece.push('\n');
                }
            }
        }
        Ok(Some((piece.into(), self)))
    }
}

/// The family, where it is not as this member would found it.
fn described_family(exported: &Exported) -> Option<&Family> {
    let founded = Family::founded_by(&exported.product);
    exported
        .family
        .as_ref()
        .filter(|family| Some(*family) != founded.as_ref())
}

fn table_line(exported: &Exported) -> String {
    let product = &exported.product;
    let family = described_family(exported);
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let money = |money: Money| price::format(money.amount(), money.currency());
    row([
        product.sku.as_str(),
        &product.name,
        &product.description,
        &optional(&product.category),
        &cells::write_tags(&product.tags),
        &optional(&product.vendor),
        &cells::write_images(&product.images),
        &optional(&product.family),
        &cells::write_options(&product.options),
        &money(product.price),
        &product.compare_at_price.map(money).unwrap_or_default(),
        product.price.currency().code(),
        &number(product.stock),
        &product.published.to_string(),
        &optional(&product.barcode),
        &number(product.weight_grams),
        family.map_or("", |family| &family.name),
        family.map_or("", |family| &family.description),
        &family
            .map(|family| cells::write_images(&family.images))
            .unwrap_or_default(),
    ])
}

/// A line of a table (RFC 4180).
fn row<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            line.push(',');
        }
        // What is not quoted loses the blanks at its ends when it is read.
        if cell.contains(['"', ',', '\n', '\r']) || cell.trim() != cell {
            line.push('"');
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(cell);
        }
    }
    line.push_str("\r\n");
    line
}

/// What can be written of a product, as the API names it, and its family.
#[derive(Serialize)]
struct JsonLine<'a> {
    sku: &'a str,
    name: &'a str,
    description: &'a str,
    category: &'a Option<String>,
    tags: &'a [String],
    vendor: &'a Option<String>,
    images: &'a [Image],
    family: &'a Option<String>,
    options: &'a Options,
    price: Money,
    compare_at_price: Option<Money>,
    stock: Option<i64>,
    published: bool,
    barcode: &'a Option<String>,
    weight_grams: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_images: Option<&'a [Image]>,
}

fn json_line(exported: &Exported) -> String {
    let product: &Product = &exported.product;
    let family = described_family(exported);
    let line = JsonLine {
        sku: product.sku.as_str(),
        name: &product.name,
        description: &product.description,
        category: &product.category,
        tags: &product.tags,
        vendor: &product.vendor,
        images: &product.images,
        family: &product.family,
        options: &product.options,
        price: product.price,
        compare_at_price: product.compare_at_price,
        stock: product.stock,
        published: product.published,
        barcode: &product.barcode,
        weight_grams: product.weight_grams,
        family_name: family.map(|family| family.name.as_str()),
        family_description: family.map(|family| family.description.as_str()),
        family_images: family.map(|family| family.images.as_slice()),
    };
    serde_json::to_string(&line).expect("texts, numbers and lists of them are JSON")
}
