//! All that is Postgres'.

use std::sync::Arc;

use platform_clock::Clock;
use platform_sql::postgres::{idempotency, outbox};
use platform_sql::{Error, Migrations, PgDatabase, Reader, Writer};
use sqlx::{PgConnection as Connection, Postgres as Db, QueryBuilder};
use uuid::Uuid;

use crate::text::Terms;

#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/batch.rs"]
mod batch;
mod books;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/catalogue.rs"]
mod catalogue;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/faults.rs"]
mod faults;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/list.rs"]
mod list;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/read.rs"]
mod read;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/reservations.rs"]
mod reservations;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/rows.rs"]
mod rows;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/search.rs"]
mod search;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/shelf.rs"]
mod shelf;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/stock.rs"]
mod stock;
mod words;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/write.rs"]
mod write;

pub use words::Words;

/// The schema, step by step.
pub(super) const MIGRATIONS: Migrations = platform_sql::migrations!(
    "migrations/postgres",
    ["0001_catalogue", "0002_reservations", "0003_tags"]
);

/// The catalogue in a schema of a server.
#[derive(Clone)]
pub struct PgProductStore {
    reader: Reader<Db>,
    writer: Writer<Db>,
    clock: Arc<dyn Clock>,
    steps: stock::Steps,
}

/// The name that shared sources know it by.
type Store = PgProductStore;

impl PgProductStore {
    /// On a database that was migrated to [`SCHEMA`](crate::store::SCHEMA).
    pub fn new(database: &PgDatabase, clock: Arc<dyn Clock>) -> Self {
        Self {
            reader: database.reader(),
            writer: database.writer(),
            steps: stock::start(database.writer(), clock.clone()),
            clock,
        }
    }
}

/// The server has its own memory.
async fn begin_batch(_: &mut Connection) -> Result<(), Error> {
    Ok(())
}

/// So that lists are planned for what there is now.
async fn end_batches(connection: &mut Connection) -> Result<(), Error> {
    sqlx::query("ANALYZE products, product_tags")
        .execute(connection)
        .await?;
    Ok(())
}

/// Sales of the product wait until the change is committed.
const LOCK_STOCK: &str = " FOR UPDATE OF s";
/// Whoever has something to do for the order waits.
const LOCK_RESERVATION: &str = " FOR UPDATE OF r";

/// Whoever else writes the product waits.
const LOCK_PRODUCT: &str = " FOR UPDATE";

/// The tags of a row of products, as `t.value`.
const TAGS: &str = "json_array_elements_text(p.tags::json) AS t (value)";

/// Narrows a column to ids.
fn push_in(sql: &mut QueryBuilder<Db>, ids: &[Uuid]) {
    sql.push(" = ANY(").push_bind(ids.to_vec()).push(")");
}

/// The search and the place of a match in it.
const SEARCH: &str = "search w CROSS JOIN products p";
const SEARCH_PLACE: &str = "w.seq";

/// Narrows [`SEARCH`] to what matches. The words are letters and digits alone, so quotes are enough.
fn push_match(sql: &mut QueryBuilder<Db>, terms: &Terms) {
    let mut parts: Vec<String> = terms.whole.iter().map(|word| format!("'{word}'")).collect();
    parts.push(format!("'{}':*", terms.prefix));
    sql.push("w.words @@ ")
        .push_bind(parts.join(" & "))
        .push("::tsquery AND p.seq = w.seq");
}

/// Makes a product unfindable.
const DELETE_WORDS: &str = "DELETE FROM search WHERE seq = $1";

/// Makes products findable.
async fn insert_words(connection: &mut Connection, words: &[(i64, &str)]) -> Result<(), Error> {
    let mut insert = QueryBuilder::<Db>::new("INSERT INTO search (seq, words) ");
    insert.push_values(words, |mut row, (seq, words)| {
        row.push_bind(*seq)
            .push("array_to_tsvector(string_to_array(")
            .push_bind_unseparated(*words)
            .push_unseparated(", ' '))");
    });
    insert.build().persistent(words.len() == 1).execute(connection).await?;
    Ok(())
}
