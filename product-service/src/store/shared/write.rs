//! The statements that writing a product consists of, each for as many rows as there are.

use platform_sql::Error;
use sqlx::QueryBuilder;
use uuid::Uuid;
use values::{ProductId, Timestamp};

use super::rows::{json, to_json};
use super::{Connection, DELETE_WORDS, Db, LOCK_PRODUCT, TAGS, insert_words, push_in};
use crate::store::{Family, ProductRecord};

/// Rows of one statement: well below what either engine binds.
const ROWS: usize = 100;

/// Makes families known that are not, and leaves the others as they are.
pub(super) async fn found_families(
    connection: &mut Connection,
    families: &[&Family],
    at: Timestamp,
) -> Result<(), Error> {
    for families in families.chunks(ROWS) {
        let mut sql = insert_families(families, at);
        sql.push(" ON CONFLICT (handle) DO NOTHING");
        sql.build()
            .persistent(families.len() == 1)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Makes families what they are said to be. No handle stands twice.
pub(super) async fn put_families(
    connection: &mut Connection,
    families: &[&Family],
    at: Timestamp,
) -> Result<(), Error> {
    for families in families.chunks(ROWS) {
        let mut sql = insert_families(families, at);
        sql.push(
            " ON CONFLICT (handle) DO UPDATE SET name = excluded.name, description = excluded.description,
                 images = excluded.images, updated_at = excluded.updated_at
             WHERE families.name <> excluded.name OR families.description <> excluded.description
                 OR families.images <> excluded.images",
        );
        sql.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

fn insert_families(families: &[&Family], at: Timestamp) -> QueryBuilder<Db> {
    let mut sql =
        QueryBuilder::new("INSERT INTO families (handle, name, description, images, created_at, updated_at) ");
    sql.push_values(families, |mut row, family| {
        row.push_bind(&family.handle)
            .push_bind(&family.name)
            .push_bind(&family.description)
            .push_bind(to_json(&family.images))
            .push_bind(at.as_micros())
            .push_bind(at.as_micros());
    });
    sql
}

/// Writes new products with their tags and words; their families are known.
pub(super) async fn insert_products(connection: &mut Connection, records: &[&ProductRecord]) -> Result<(), Error> {
    for records in records.chunks(ROWS) {
        let mut sql = QueryBuilder::<Db>::new(
            "INSERT INTO products (id, version, published, created_at, updated_at, currency, price, compare_at, sku,
                 sku_key, name_key, family, options_key, category, name, vendor, barcode, weight_grams, options, tags,
                 images, description) ",
        );
        sql.push_values(records, |mut row, record| {
            let product = &record.product;
            row.push_bind(product.id.as_uuid())
                .push_bind(product.version)
                .push_bind(product.published)
                .push_bind(product.created_at.as_micros())
                .push_bind(product.updated_at.as_micros())
                .push_bind(product.price.currency().code())
                .push_bind(product.price.amount())
                .push_bind(product.compare_at_price.map(values::Money::amount))
                .push_bind(product.sku.as_str())
                .push_bind(&record.sku_key)
                .push_bind(&record.name_key)
                .push_bind(&product.family)
                .push_bind(&record.options_key)
                .push_bind(&product.category)
                .push_bind(&product.name)
                .push_bind(&product.vendor)
                .push_bind(&product.barcode)
                .push_bind(product.weight_grams)
                .push_bind(to_json(&product.options))
                .push_bind(to_json(&product.tags))
                .push_bind(to_json(&product.images))
                .push_bind(&product.description);
        });
        sql.push(" RETURNING id, seq");
        let persistent = matches!(records.len(), 1 | ROWS);
        let places: Vec<(Uuid, i64)> = sql
            .build_query_as()
            .persistent(persistent)
            .fetch_all(&mut *connection)
            .await?;
        let mut words = Vec::with_capacity(records.len());
        for record in records {
            let place = places.iter().find(|(id, _)| *id == record.product.id.as_uuid());
            let (_, seq) = place.ok_or_else(|| Error::Fault("an inserted row was not returned".into()))?;
            words.push((*seq, record.words.as_str()));
        }
        insert_words(connection, &words).await?;
    }
    insert_tags(connection, records).await
}

/// Writes all that can be written of a product over what is kept, with its tags and words, and raises its version. Answers
/// whether it did: not if the product does not live or has another version. Then the unit is not to be committed.
pub(super) async fn update_product(
    connection: &mut Connection,
    record: &ProductRecord,
    expected: Option<i64>,
    at: Timestamp,
) -> Result<bool, Error> {
    let product = &record.product;
    remove_from_index(connection, product.id).await?;
    let update = sqlx::query_scalar(
        "UPDATE products SET version = version + 1, published = $3, updated_at = $4, currency = $5, price = $6,
             compare_at = $7, sku = $8, sku_key = $9, name_key = $10, family = $11, options_key = $12, category = $13,
             name = $14, vendor = $15, barcode = $16, weight_grams = $17, options = $18, tags = $19, images = $20,
             description = $21
         WHERE id = $1 AND deleted_at IS NULL AND version = COALESCE($2, version) RETURNING seq",
    )
    .bind(product.id.as_uuid())
    .bind(expected)
    .bind(product.published)
    .bind(at.as_micros())
    .bind(product.price.currency().code())
    .bind(product.price.amount())
    .bind(product.compare_at_price.map(values::Money::amount))
    .bind(product.sku.as_str())
    .bind(&record.sku_key)
    .bind(&record.name_key)
    .bind(&product.family)
    .bind(&record.options_key)
    .bind(&product.category)
    .bind(&product.name)
    .bind(&product.vendor)
    .bind(&product.barcode)
    .bind(product.weight_grams)
    .bind(to_json(&product.options))
    .bind(to_json(&product.tags))
    .bind(to_json(&product.images))
    .bind(&product.description);
    let seq: Option<i64> = update.fetch_optional(&mut *connection).await?;
    let Some(seq) = seq else {
        return Ok(false);
    };
    insert_tags(connection, &[record]).await?;
    insert_words(connection, &[(seq, &record.words)]).await?;
    Ok(true)
}

/// Takes a living product out of tags and search, and keeps others from writing it until the unit ends. Its row says what it
/// said when it was put there.
pub(super) async fn remove_from_index(connection: &mut Connection, id: ProductId) -> Result<(), Error> {
    let mut sql = QueryBuilder::<Db>::new(
        "SELECT seq, tags, published, created_at FROM products WHERE deleted_at IS NULL AND id = ",
    );
    sql.push_bind(id.as_uuid()).push(LOCK_PRODUCT);
    let kept: Option<(i64, String, bool, i64)> = sql.build_query_as().fetch_optional(&mut *connection).await?;
    let Some((seq, tags, published, created_at)) = kept else {
        return Ok(());
    };
    let tags: Vec<String> = json(&tags)?;
    if !tags.is_empty() {
        let mut sql = QueryBuilder::<Db>::new("DELETE FROM product_tags WHERE product_id = ");
        sql.push_bind(id.as_uuid());
        sql.push(" AND published = ").push_bind(published);
        sql.push(" AND created_at = ").push_bind(created_at);
        sql.push(" AND tag IN (");
        let mut list = sql.separated(", ");
        for tag in &tags {
            list.push_bind(tag);
        }
        sql.push(")");
        sql.build().execute(&mut *connection).await?;
    }
    sqlx::query(DELETE_WORDS).bind(seq).execute(connection).await?;
    Ok(())
}

/// Enters the tags of products as their rows say them.
async fn insert_tags(connection: &mut Connection, records: &[&ProductRecord]) -> Result<(), Error> {
    let tagged = records.iter().filter(|record| !record.product.tags.is_empty());
    let ids: Vec<Uuid> = tagged.map(|record| record.product.id.as_uuid()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut sql = QueryBuilder::<Db>::new(
        "INSERT INTO product_tags (product_id, tag, published, created_at, currency, price, name_key)
         SELECT p.id, t.value, p.published, p.created_at, p.currency, p.price, p.name_key FROM products p CROSS JOIN ",
    );
    sql.push(TAGS).push(" WHERE p.id");
    push_in(&mut sql, &ids);
    // What lies together in the indexes is written together.
    sql.push(" ORDER BY t.value");
    sql.build().execute(connection).await?;
    Ok(())
}
