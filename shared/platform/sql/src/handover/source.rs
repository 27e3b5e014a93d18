//! The file: what changes in it, what it holds at one moment, and its owner row.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use futures::stream::BoxStream;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Row, Sqlite};
use values::Timestamp;

use super::line::{Sum, Table, quoted, statement};
use super::{HandoverError, Places};
use crate::sqlite::{Frozen, SqliteDatabase, owner};
use crate::{Error, Writer};

/// Rows of the source read by key in one statement.
const KEYS: usize = 500;

/// Keys of rows that changed, by table: each a list of literals.
#[derive(Debug, Default)]
pub(super) struct Changes(pub(super) BTreeMap<String, BTreeSet<String>>);

impl Changes {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The keys of a table in pieces of bounded length, each a list of lists of literals.
    pub(super) fn pieces(&self, table: &Table) -> Result<Vec<Vec<Vec<String>>>, Error> {
        let Some(keys) = self.0.get(&table.name) else {
            return Ok(Vec::new());
        };
        let keys: Result<Vec<Vec<String>>, _> = keys.iter().map(|key| serde_json::from_str(key)).collect();
        let keys = keys.map_err(|error| Error::fault(error.to_string()))?;
        Ok(keys.chunks(KEYS).map(<[_]>::to_vec).collect())
    }
}

pub(super) struct Source {
    database: SqliteDatabase,
    /// Reads what there is at one moment.
    reading: SqliteConnection,
    watch: Option<Watch>,
}

/// What the writer's connection was told to note; it forgets that when this is dropped.
struct Watch {
    database: SqliteDatabase,
    forget: String,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (writer, forget) = (self.database.writer(), std::mem::take(&mut self.forget));
        runtime.spawn(async move {
            if let Err(error) = tell(&writer, forget).await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "changes of a schema are still noted until the process ends");
            }
        });
    }
}

impl Source {
    /// Looks at a file that nobody writes to.
    pub(super) async fn at_rest(database: &SqliteDatabase) -> Result<Self, Error> {
        let mut source = Self {
            database: database.clone(),
            reading: database.reading_options().connect().await?,
            watch: None,
        };
        source.look().await?;
        Ok(source)
    }

    /// Has the writer note which rows of these tables change.
    pub(super) async fn watch(database: &SqliteDatabase, tables: &[Table]) -> Result<Self, HandoverError> {
        let mut source = Self::at_rest(database).await?;
        let (mut forget, mut note) = (Vec::new(), Vec::new());
        for table in tables {
            source.check(table).await?;
            for (event, what) in notes(table) {
                let (trigger, on) = (format!("handover_{}_{event}", table.name), table.quoted());
                forget.push(format!("DROP TRIGGER IF EXISTS temp.{trigger};"));
                note.push(format!(
                    "CREATE TEMP TRIGGER {trigger} AFTER {event} ON main.{on} BEGIN {what} END;"
                ));
            }
        }
        forget.push("DROP TABLE IF EXISTS temp.handover_changes;".to_owned());
        let forget = forget.concat();
        let place = "CREATE TEMP TABLE handover_changes (name TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID;";
        let watching = format!("{forget} {place} {}", note.concat());
        tell(&database.writer(), watching).await?;
        source.watch = Some(Watch {
            database: database.clone(),
            forget,
        });
        Ok(source)
    }

    /// The table has the same columns here.
    async fn check(&mut self, table: &Table) -> Result<(), HandoverError> {
        let columns = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)").bind(&table.name);
        let mut here: Vec<String> = columns.fetch_all(&mut self.reading).await.map_err(Error::from)?;
        let mut there: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
        here.sort_unstable();
        there.sort_unstable();
        if here == there {
            Ok(())
        } else {
            Err(HandoverError::Unlike(table.name.clone()))
        }
    }

    /// From now on what there is now is read.
    pub(super) async fn look(&mut self) -> Result<(), Error> {
        // The second begins where it first reads.
        statement("COMMIT".to_owned()).execute(&mut self.reading).await.ok();
        statement("BEGIN; SELECT 1 FROM schema_owner".to_owned())
            .execute(&mut self.reading)
            .await?;
        Ok(())
    }

    /// Takes over the keys that were noted, `most` of them.
    pub(super) async fn drain(&self, most: u32, changes: &mut Changes) -> Result<(), Error> {
        let writer = self.database.writer();
        let drain = writer.run_for_handover(most, |connection, &most| {
            Box::pin(async move {
                let drain = sqlx::query_as(
                    "DELETE FROM temp.handover_changes WHERE (name, key) IN
                         (SELECT name, key FROM temp.handover_changes LIMIT $1) RETURNING name, key",
                );
                Ok(drain.bind(most).fetch_all(connection).await?)
            })
        });
        let keys: Vec<(String, String)> = drain.await?;
        for (name, key) in keys {
            changes.0.entry(name).or_default().insert(key);
        }
        Ok(())
    }

    /// Every row of a table, as lines; of one whose rows are only ever added, those after the last.
    pub(super) fn lines<'a>(&'a mut self, table: &'a mut Table) -> Lines<'a> {
        let (columns, name) = (table.column_list(), table.quoted());
        let sql = if table.key.is_empty() {
            format!(
                "SELECT {columns}, rowid FROM {name} WHERE rowid > {} ORDER BY rowid",
                table.last
            )
        } else {
            format!("SELECT {columns} FROM {name}")
        };
        let rows = statement(sql).fetch(&mut self.reading);
        Lines { rows, table }
    }

    /// The rows of these keys that there are, as lines.
    pub(super) async fn lines_of(
        &mut self,
        table: &Table,
        keys: &[Vec<String>],
        lines: &mut Vec<Vec<u8>>,
    ) -> Result<(), Error> {
        let keys: Vec<String> = keys.iter().map(|key| format!("({})", key.join(","))).collect();
        let (columns, name, key) = (table.column_list(), table.quoted(), table.key_list());
        let sql = format!(
            "SELECT {columns} FROM {name} WHERE ({key}) IN (VALUES {})",
            keys.join(",")
        );
        let mut rows = statement(sql).fetch(&mut self.reading);
        while let Some(row) = rows.try_next().await? {
            let mut line = Vec::new();
            table.push_line(&mut line, &row)?;
            lines.push(line);
        }
        Ok(())
    }

    pub(super) async fn sum(&mut self, table: &mut Table) -> Result<Sum, Error> {
        let (mut sum, mut line) = (Sum::default(), Vec::new());
        let mut lines = self.lines(table);
        while lines.next(&mut line).await? {
            sum.add(&line);
        }
        Ok(sum)
    }

    pub(super) async fn count(&mut self, table: &Table) -> Result<u64, Error> {
        let count = statement(format!("SELECT COUNT(*) FROM {}", table.quoted()));
        let row = count.fetch_one(&mut self.reading).await?;
        Ok(row.try_get_unchecked::<i64, _>(0)?.cast_unsigned())
    }

    /// The last number each column gave out that is numbered.
    pub(super) async fn places(&mut self, tables: &[Table]) -> Result<Places, Error> {
        let mut places = Places::new();
        for table in tables {
            let Some(column) = &table.numbered else { continue };
            // What was given out and deleted since is remembered where no number may come again.
            let remembers: bool =
                sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence')")
                    .fetch_one(&mut self.reading)
                    .await?;
            let given_out = if remembers {
                sqlx::query_scalar("SELECT MAX(seq) FROM sqlite_sequence WHERE name = $1")
                    .bind(&table.name)
                    .fetch_one(&mut self.reading)
                    .await?
            } else {
                None
            };
            let most = statement(format!("SELECT MAX({}) FROM {}", quoted(column), table.quoted()));
            let most: Option<i64> = most.fetch_one(&mut self.reading).await?.try_get_unchecked(0)?;
            if let Some(last) = given_out.max(most) {
                places.insert((table.name.clone(), column.clone()), last);
            }
        }
        Ok(places)
    }

    pub(super) async fn freeze(&self) -> Result<Frozen, Error> {
        self.database.writer().freeze().await
    }

    /// The decision.
    pub(super) async fn hand_over(&self, to: &'static str, now: Timestamp) -> Result<(), Error> {
        let writer = self.database.writer();
        let decide = writer.run_for_handover((to, now), |connection, &(to, now)| {
            Box::pin(owner::hand_over(connection, to, now))
        });
        decide.await
    }
}

/// Has the writer's connection do something that is nobody's data.
async fn tell(writer: &Writer<Sqlite>, sql: String) -> Result<(), Error> {
    let unit = writer.run_for_handover(sql, |connection, sql| {
        Box::pin(async move {
            statement(sql.clone()).execute(connection).await?;
            Ok(())
        })
    });
    unit.await
}

/// Rows of the source, one after the other.
pub(super) struct Lines<'a> {
    rows: BoxStream<'a, Result<SqliteRow, sqlx::Error>>,
    table: &'a mut Table,
}

impl Lines<'_> {
    /// Puts the next in place of what `line` holds; `false` after the last.
    pub(super) async fn next(&mut self, line: &mut Vec<u8>) -> Result<bool, Error> {
        line.clear();
        let Some(row) = self.rows.try_next().await? else {
            return Ok(false);
        };
        self.table.push_line(line, &row)?;
        if self.table.key.is_empty() {
            self.table.last = row.try_get_unchecked(self.table.columns.len())?;
        }
        Ok(true)
    }
}

/// What is to be done when a row of the table changes. Such triggers are of the writer's connection alone, and gone when it is.
fn notes(table: &Table) -> Vec<(&'static str, String)> {
    if table.key.is_empty() {
        return Vec::new();
    }
    let note = |row: &str| {
        let key = table
            .key
            .iter()
            .map(|column| format!("quote({row}.{})", quoted(&column.name)));
        let key = key.collect::<Vec<_>>().join(", ");
        format!(
            "INSERT OR IGNORE INTO handover_changes VALUES ('{}', json_array({key}));",
            table.name
        )
    };
    let (old, new) = (note("OLD"), note("NEW"));
    vec![
        ("INSERT", new.clone()),
        ("UPDATE", format!("{old} {new}")),
        ("DELETE", old),
    ]
}

impl SqliteDatabase {
    /// Whether the schema is somebody's, or was handed over to them.
    pub async fn belongs_to(&self, name: &str) -> Result<bool, Error> {
        Ok(self.owner().await?.as_deref() == Some(name))
    }

    /// Whose the schema is.
    pub(super) async fn owner(&self) -> Result<Option<String>, Error> {
        self.reader()
            .run((), |connection, ()| Box::pin(owner::present(connection)))
            .await
    }

    pub(super) async fn take_back(&self, by: &'static str, now: Timestamp) -> Result<(), Error> {
        let writer = self.writer();
        let take = writer.run_for_handover((by, now), |connection, &(by, now)| {
            Box::pin(owner::give(connection, by, now))
        });
        take.await?;
        writer.thaw();
        Ok(())
    }
}
