//! All that is SQLite's.

use std::sync::Arc;

use platform_clock::Clock;
use platform_sql::sqlite::{begin_bulk as begin_batch, end_bulk as end_batches, idempotency, outbox};
use platform_sql::{Error, Migrations, Reader, SqliteDatabase, Writer};
use sqlx::{QueryBuilder, Sqlite as Db, SqliteConnection as Connection};
use uuid::Uuid;

use crate::text::Terms;

#[path = "shared/batch.rs"]
mod batch;
mod books;
#[path = "shared/catalogue.rs"]
mod catalogue;
#[path = "shared/faults.rs"]
mod faults;
#[path = "shared/list.rs"]
mod list;
#[path = "shared/read.rs"]
mod read;
#[path = "shared/reservations.rs"]
mod reservations;
#[path = "shared/rows.rs"]
mod rows;
#[path = "shared/search.rs"]
mod search;
#[path = "shared/shelf.rs"]
mod shelf;
#[path = "shared/stock.rs"]
mod stock;
#[path = "shared/write.rs"]
mod write;

/// The schema, step by step.
pub(super) const MIGRATIONS: Migrations = platform_sql::migrations!(
    "migrations/sqlite",
    ["0001_catalogue", "0002_reservations", "0003_tags"]
);

/// The catalogue in a file.
#[derive(Clone)]
pub struct SqliteProductStore {
    reader: Reader<Db>,
    writer: Writer<Db>,
    clock: Arc<dyn Clock>,
    steps: stock::Steps,
}

/// The name that shared sources know it by.
type Store = SqliteProductStore;

impl SqliteProductStore {
    /// On a database that was migrated to [`SCHEMA`](crate::store::SCHEMA).
    pub fn new(database: &SqliteDatabase, clock: Arc<dyn Clock>) -> Self {
        Self {
            reader: database.reader(),
            writer: database.writer(),
            steps: stock::start(database.writer(), clock.clone()),
            clock,
        }
    }
}

/// The writer is alone.
const LOCK_STOCK: &str = "";
const LOCK_RESERVATION: &str = "";
const LOCK_PRODUCT: &str = "";

/// The tags of a row of products, as `t.value`.
const TAGS: &str = "json_each(p.tags) t";

/// Narrows a column to ids.
fn push_in(sql: &mut QueryBuilder<Db>, ids: &[Uuid]) {
    let ids: Vec<_> = ids.iter().map(|id| id.simple()).collect();
    let ids = serde_json::to_string(&ids).expect("hexadecimal digits are JSON");
    sql.push(" IN (SELECT unhex(value) FROM json_each(")
        .push_bind(ids)
        .push("))");
}

/// The search and the place of a match in it.
const SEARCH: &str = "search CROSS JOIN products p";
const SEARCH_PLACE: &str = "search.rowid";

/// Narrows [`SEARCH`] to what matches. The words are letters and digits alone, so quotes are enough.
fn push_match(sql: &mut QueryBuilder<Db>, terms: &Terms) {
    let mut parts: Vec<String> = terms.whole.iter().map(|word| format!("\"{word}\"")).collect();
    parts.push(format!("\"{}\" *", terms.prefix));
    sql.push("search MATCH ")
        .push_bind(parts.join(" "))
        .push(" AND p.seq = search.rowid");
}

/// Makes a product unfindable.
const DELETE_WORDS: &str = "DELETE FROM search WHERE rowid = $1";

/// Makes products findable.
async fn insert_words(connection: &mut Connection, words: &[(i64, &str)]) -> Result<(), Error> {
    let mut insert = QueryBuilder::<Db>::new("INSERT INTO search (rowid, words) ");
    insert.push_values(words, |mut row, (seq, words)| {
        row.push_bind(*seq).push_bind(*words);
    });
    insert.build().persistent(words.len() == 1).execute(connection).await?;
    Ok(())
}
