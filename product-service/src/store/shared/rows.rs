//! Rows as products.

use platform_sql::Error;
use product_api::{Change, Image, Product};
use serde::de::DeserializeOwned;
use sqlx::{Database, Row as _};
use uuid::Uuid;
use values::{Currency, Money, ProductId, Sku, Timestamp};

use super::Db;
use crate::store::{ChangedAt, Family};

pub(super) type Row = <Db as Database>::Row;

/// What a product is read from, `products p` and `stock s`.
pub(super) const COLUMNS: &str = "p.id, p.version, p.published, p.created_at, p.updated_at, p.currency, p.price, \
    p.compare_at, p.sku, p.family, p.category, p.name, p.vendor, p.barcode, p.weight_grams, p.options, p.tags, p.images, \
    p.description, CASE WHEN s.counted THEN s.on_hand - s.reserved END AS stock";

/// What comes after the columns.
pub(super) const AFTER_COLUMNS: usize = 20;

/// The stock of a product, which every one has.
pub(super) const JOIN_STOCK: &str = " LEFT JOIN stock s ON s.product_id = p.id AND s.location = 'main'";

/// The product in a row of [`COLUMNS`].
pub(super) fn product(row: &Row) -> Result<Product, Error> {
    let currency = currency(row.try_get(5)?)?;
    let compare_at: Option<i64> = row.try_get(7)?;
    Ok(Product {
        id: row.try_get::<Uuid, _>(0)?.into(),
        version: row.try_get(1)?,
        published: row.try_get(2)?,
        created_at: Timestamp::from_micros(row.try_get(3)?),
        updated_at: Timestamp::from_micros(row.try_get(4)?),
        price: money(row.try_get(6)?, currency)?,
        compare_at_price: compare_at.map(|amount| money(amount, currency)).transpose()?,
        sku: sku(row.try_get(8)?)?,
        family: row.try_get(9)?,
        category: row.try_get(10)?,
        name: row.try_get(11)?,
        vendor: row.try_get(12)?,
        barcode: row.try_get(13)?,
        weight_grams: row.try_get(14)?,
        options: json(row.try_get(15)?)?,
        tags: json(row.try_get(16)?)?,
        images: json(row.try_get(17)?)?,
        description: row.try_get(18)?,
        stock: row.try_get(19)?,
    })
}

/// A family in four columns.
pub(super) fn family(row: &Row, first: usize) -> Result<Option<Family>, Error> {
    let Some(handle) = row.try_get::<Option<String>, _>(first)? else {
        return Ok(None);
    };
    Ok(Some(Family {
        handle,
        name: row.try_get(first + 1)?,
        description: row.try_get(first + 2)?,
        images: json::<Vec<Image>>(row.try_get(first + 3)?)?,
    }))
}

/// A change with its place, as `read::changes` selects it.
pub(super) fn change(row: &Row) -> Result<(ChangedAt, Change), Error> {
    let (at, id): (i64, Uuid) = (row.try_get(0)?, row.try_get(1)?);
    let place = ChangedAt {
        at: Timestamp::from_micros(at),
        id,
    };
    let change = Change {
        product_id: ProductId::from(id),
        sku: sku(row.try_get(2)?)?,
        name: row.try_get(3)?,
        price: money(row.try_get(5)?, currency(row.try_get(4)?)?)?,
        for_sale: row.try_get(6)?,
        version: row.try_get(7)?,
        available: row.try_get(8)?,
        stock_seq: row.try_get(9)?,
    };
    Ok((place, change))
}

/// A value as the text of a JSON column.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts, lists and pairs of texts are JSON")
}

pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Fault(error.into()))
}

pub(super) fn currency(code: &str) -> Result<Currency, Error> {
    code.parse().map_err(bad)
}

pub(super) fn money(amount: i64, currency: Currency) -> Result<Money, Error> {
    Money::new(amount, currency).map_err(bad)
}

pub(super) fn sku(text: String) -> Result<Sku, Error> {
    Sku::try_from(text).map_err(bad)
}

pub(super) fn bad(error: values::ValueError) -> Error {
    Error::Fault(error.into())
}
