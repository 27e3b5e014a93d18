//! The words of a search, made anew of products that came from another engine.

use async_trait::async_trait;
use platform_sql::Error;
use platform_sql::handover::Derived;
use sqlx::{PgConnection, QueryBuilder, Row as _};
use uuid::Uuid;

use super::rows::{AFTER_COLUMNS, COLUMNS, JOIN_STOCK, product};
use super::{Db, insert_words, push_in};
use crate::store::record::Records;

/// What the search finds products by; SQLite keeps it in a form of its own.
#[derive(Debug, Clone, Copy)]
pub struct Words;

#[async_trait]
impl Derived for Words {
    fn table(&self) -> &'static str {
        "search"
    }

    fn of(&self) -> &'static str {
        "products"
    }

    async fn derive(&self, connection: &mut PgConnection, keys: &[Uuid]) -> Result<(), Error> {
        let mut select = QueryBuilder::<Db>::new("SELECT ");
        select
            .push(COLUMNS)
            .push(", p.seq, p.deleted_at IS NULL FROM products p")
            .push(JOIN_STOCK)
            .push(" WHERE p.id");
        push_in(&mut select, keys);
        select.push(" ORDER BY p.family");
        let rows = select.build().fetch_all(&mut *connection).await?;
        let (mut records, mut places, mut words) = (Records::default(), Vec::new(), Vec::new());
        for row in rows {
            let (seq, lives): (i64, bool) = (row.try_get(AFTER_COLUMNS)?, row.try_get(AFTER_COLUMNS + 1)?);
            places.push(seq);
            if lives {
                words.push((seq, records.record(product(&row)?).words));
            }
        }
        let delete = sqlx::query("DELETE FROM search WHERE seq = ANY($1)").bind(places);
        delete.execute(&mut *connection).await?;
        if words.is_empty() {
            return Ok(());
        }
        let words: Vec<(i64, &str)> = words.iter().map(|(seq, words)| (*seq, words.as_str())).collect();
        insert_words(connection, &words).await
    }
}
