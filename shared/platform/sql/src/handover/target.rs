//! The schema on the server: claimed, emptied, filled, compared, released.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use platform_clock::Clock;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};
use uuid::Uuid;
use values::Timestamp;

use super::line::{Column, Kind, Sum, Table, literal_for_server, quoted, statement};
use super::source::{Changes, Source};
use super::{Derived, HandoverError, Places};
use crate::postgres::{PgDatabase, owner};
use crate::{Company, Error, PostgresConfig, Schema};

/// Tables that are not copied: they are the schema's own.
const OWN: [&str; 3] = ["_sqlx_migrations", "schema_owner", "handover_constraints"];
/// Bytes that are sent to the server at once.
const PIECE: usize = 1 << 18;
/// How long the server may take to hear whose the schema is.
const TELL: Duration = Duration::from_secs(5);
/// Rows that something is derived of at once.
const DERIVED: i64 = 1_000;

pub(super) struct Target {
    schema: &'static str,
    database: PgDatabase,
    /// Holds the lock of a filling as long as it lives.
    connection: PgConnection,
}

impl Target {
    /// Opens the schema, which is made if it is missing and the login may.
    pub(super) async fn open(
        to: &PostgresConfig,
        schema: &Schema,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HandoverError> {
        let database = PgDatabase::connect(to, schema.service, clock).await?;
        database.migrate(&schema.postgres).await?;
        let mut connection = database.own_connection().await?;
        // The source is read in between, and a table may be large.
        let patient = "SET statement_timeout = '1h'; SET idle_in_transaction_session_timeout = 0";
        statement(patient.to_owned())
            .execute(&mut connection)
            .await
            .map_err(Error::from)?;
        let alone: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended($1, 3))")
            .bind(schema.service)
            .fetch_one(&mut connection)
            .await
            .map_err(Error::from)?;
        if !alone {
            return Err(HandoverError::Busy(schema.service));
        }
        Ok(Self {
            schema: schema.service,
            database,
            connection,
        })
    }

    /// Makes the schema nobody's, unless it is somebody's.
    pub(super) async fn claim(&mut self, from: &'static str, now: Timestamp) -> Result<(), HandoverError> {
        let mut claim = self.connection.begin().await.map_err(Error::from)?;
        // A process that claims it at this moment comes before or after, not in between.
        let alone = statement("LOCK TABLE schema_owner IN EXCLUSIVE MODE".to_owned());
        alone.execute(&mut *claim).await.map_err(Error::from)?;
        if let Some(owner) = owner::present(&mut claim).await?
            && owner != owner::FILLER
        {
            return Err(HandoverError::Taken {
                schema: self.schema,
                owner,
            });
        }
        owner::give(&mut claim, from, now).await?;
        owner::hand_over(&mut claim, owner::FILLER, now).await?;
        claim.commit().await.map_err(Error::from)?;
        Ok(())
    }

    /// Whose the schema is.
    pub(super) async fn owner(&mut self) -> Result<Option<String>, Error> {
        owner::present(&mut self.connection).await
    }

    /// The tables that both engines have.
    pub(super) async fn tables(&mut self, derived: Option<&dyn Derived>) -> Result<Vec<Table>, HandoverError> {
        let columns: Vec<(String, String, String, bool, bool)> = sqlx::query_as(
            "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL), a.attidentity <> '',
                 COALESCE(a.attnum = ANY (i.indkey), FALSE)
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY c.relname, a.attnum",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(Error::from)?;
        let mut tables: Vec<Table> = Vec::new();
        for (name, column, declared, is_numbered, is_key) in columns {
            if OWN.contains(&name.as_str()) || derived.is_some_and(|derived| derived.table() == name) {
                continue;
            }
            if tables.last().is_none_or(|table| table.name != name) {
                tables.push(Table {
                    name: name.clone(),
                    columns: Vec::new(),
                    key: Vec::new(),
                    numbered: None,
                    last: i64::MIN,
                });
            }
            let Some((table, kind)) = tables.last_mut().zip(Kind::of(&declared)) else {
                return Err(HandoverError::Unlike(name));
            };
            if is_numbered {
                table.numbered = Some(column.clone());
            }
            let column = Column { name: column, kind };
            if is_key {
                table.key.push(column.clone());
            }
            table.columns.push(column);
        }
        Ok(tables)
    }

    /// Empties the tables, and puts their foreign keys aside: rows come in any order. [`Self::round_off`] brings them back.
    pub(super) async fn empty(&mut self, tables: &[Table], derived: Option<&dyn Derived>) -> Result<(), Error> {
        let mut names: Vec<String> = tables.iter().map(Table::quoted).collect();
        names.extend(derived.map(|derived| quoted(derived.table())));
        let mut emptying = self.connection.begin().await?;
        let aside = "
            CREATE TABLE IF NOT EXISTS handover_constraints (
                name TEXT NOT NULL, of_table TEXT NOT NULL, definition TEXT NOT NULL, PRIMARY KEY (of_table, name));
            DO $$ DECLARE c RECORD; BEGIN
                FOR c IN SELECT conname, conrelid::regclass::text AS of_table, pg_get_constraintdef(oid) AS definition
                         FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace LOOP
                    INSERT INTO handover_constraints VALUES (c.conname, c.of_table, c.definition) ON CONFLICT DO NOTHING;
                    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.of_table, c.conname);
                END LOOP;
            END $$;";
        statement(aside.to_owned()).execute(&mut *emptying).await?;
        let truncate = format!("TRUNCATE {} RESTART IDENTITY", names.join(", "));
        statement(truncate).execute(&mut *emptying).await?;
        Ok(emptying.commit().await?)
    }

    /// Writes every row of the source into an empty table.
    pub(super) async fn fill(&mut self, table: &mut Table, source: &mut Source) -> Result<Sum, Error> {
        let copy = format!("COPY {} ({}) FROM STDIN", table.quoted(), table.column_list());
        let mut copy = self.connection.copy_in_raw(&copy).await?;
        // A source that fails ends the connection's copy with this value, and nothing of it stays.
        let (mut sum, mut line, mut piece) = (Sum::default(), Vec::new(), Vec::with_capacity(PIECE));
        let mut lines = source.lines(table);
        while lines.next(&mut line).await? {
            sum.add(&line);
            piece.extend_from_slice(&line);
            if piece.len() >= PIECE {
                copy.send(piece.as_slice()).await?;
                piece.clear();
            }
        }
        copy.send(piece.as_slice()).await?;
        copy.finish().await?;
        Ok(sum)
    }

    /// What a table's rows add up to.
    pub(super) async fn sum(&mut self, table: &Table) -> Result<Sum, Error> {
        let rows = format!("SELECT {} FROM {}", table.column_list(), table.quoted());
        sum_of(&mut self.connection, &rows).await
    }

    pub(super) async fn count(&mut self, table: &Table) -> Result<u64, Error> {
        let count = statement(format!("SELECT COUNT(*) FROM {}", table.quoted()));
        let row = count.fetch_one(&mut self.connection).await?;
        Ok(row.try_get::<i64, _>(0)?.cast_unsigned())
    }

    /// Copies the rows again that changed, all or none, and compares them.
    pub(super) async fn apply(
        &mut self,
        tables: &mut [Table],
        source: &mut Source,
        changes: &Changes,
        derived: Option<&dyn Derived>,
    ) -> Result<u64, HandoverError> {
        let mut applying = self.connection.begin().await.map_err(Error::from)?;
        let mut copied = 0;
        // All are taken out before any is put in: a name may have gone from one row to another.
        let mut coming = Vec::new();
        for (at, table) in tables.iter_mut().enumerate() {
            let mut lines = Vec::new();
            let mut last = table.last;
            if table.key.is_empty() {
                let (before, mut line) = (table.last, Vec::new());
                let mut added = source.lines(table);
                while added.next(&mut line).await? {
                    lines.push(std::mem::take(&mut line));
                }
                drop(added);
                // Kept once it is committed.
                last = std::mem::replace(&mut table.last, before);
            }
            let mut keys = Vec::new();
            for piece in changes.pieces(table)? {
                source.lines_of(table, &piece, &mut lines).await?;
                let there = keys_for_server(table, &piece)?;
                let out = format!(
                    "DELETE FROM {} WHERE ({}) IN (VALUES {there})",
                    table.quoted(),
                    table.key_list()
                );
                let gone = statement(out).execute(&mut *applying).await.map_err(Error::from)?;
                copied += gone.rows_affected();
                keys.push(there);
            }
            if !lines.is_empty() || !keys.is_empty() {
                coming.push((at, lines, keys, last));
            }
        }
        for (at, lines, keys, _) in &coming {
            let table = &tables[*at];
            copied += lines.len() as u64;
            let copy = format!("COPY {} ({}) FROM STDIN", table.quoted(), table.column_list());
            let mut copy = applying.copy_in_raw(&copy).await.map_err(Error::from)?;
            let mut here = Sum::default();
            for line in lines {
                here.add(line);
            }
            for lines in lines.chunks(1_000) {
                copy.send(lines.concat()).await.map_err(Error::from)?;
            }
            copy.finish().await.map_err(Error::from)?;
            let mut there = Sum::default();
            for keys in keys {
                let rows = format!(
                    "SELECT {} FROM {} WHERE ({}) IN (VALUES {keys})",
                    table.column_list(),
                    table.quoted(),
                    table.key_list()
                );
                there += sum_of(&mut applying, &rows).await?;
            }
            if !table.key.is_empty() {
                super::equal(table, here, there)?;
            }
            if let Some(derived) = derived.filter(|derived| derived.of() == table.name) {
                for piece in changes.pieces(table)? {
                    derived.derive(&mut applying, &uuids(&piece)?).await?;
                }
            }
        }
        applying.commit().await.map_err(Error::from)?;
        for (at, _, _, last) in coming {
            tables[at].last = last;
        }
        Ok(copied)
    }

    /// Makes what is derived of all rows.
    pub(super) async fn derive_all(&mut self, derived: &dyn Derived) -> Result<u64, Error> {
        let (mut made, mut after) = (0, None::<Uuid>);
        loop {
            let page = format!(
                "SELECT id FROM {} WHERE $1 IS NULL OR id > $1 ORDER BY id LIMIT $2",
                quoted(derived.of())
            );
            let keys: Vec<Uuid> = sqlx::query_scalar(sqlx::AssertSqlSafe(page))
                .bind(after)
                .bind(DERIVED)
                .fetch_all(&mut self.connection)
                .await?;
            let Some(last) = keys.last() else { return Ok(made) };
            after = Some(*last);
            made += keys.len() as u64;
            derived.derive(&mut self.connection, &keys).await?;
        }
    }

    /// So that the first queries are planned for what there is.
    pub(super) async fn analyse(&mut self) -> Result<(), Error> {
        statement("ANALYZE".to_owned()).execute(&mut self.connection).await?;
        Ok(())
    }

    /// Numbers go on where they were, and foreign keys hold from now on. What is there was compared with rows that kept them.
    pub(super) async fn round_off(&mut self, places: &Places) -> Result<(), Error> {
        let mut rounding = self.connection.begin().await?;
        for ((table, column), last) in places {
            sqlx::query("SELECT setval(pg_get_serial_sequence($1, $2), $3)")
                .bind(quoted(table))
                .bind(column)
                .bind(last)
                .execute(&mut *rounding)
                .await?;
        }
        let back = "
            DO $$ DECLARE c RECORD; BEGIN
                FOR c IN SELECT * FROM handover_constraints LOOP
                    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', c.of_table, c.name, c.definition);
                END LOOP;
            END $$;
            DROP TABLE handover_constraints;";
        statement(back.to_owned()).execute(&mut *rounding).await?;
        Ok(rounding.commit().await?)
    }

    /// Makes the schema the new owner's, who waits for that.
    pub(super) async fn tell(&mut self, to: &'static str, now: Timestamp) -> Result<(), HandoverError> {
        let told = tokio::time::timeout(TELL, owner::give(&mut self.connection, to, now)).await;
        let told = told.unwrap_or_else(|_| Err(Error::unavailable("the server does not answer")));
        told.map_err(|source| HandoverError::Untold {
            schema: self.schema,
            to,
            source,
        })
    }

    /// Makes the schema nobody's again.
    pub(super) async fn take_back(&mut self, from: &'static str, now: Timestamp) -> Result<(), Error> {
        owner::give(&mut self.connection, from, now).await?;
        owner::hand_over(&mut self.connection, owner::FILLER, now).await
    }

    /// Whether a process has the schema open.
    pub(super) async fn is_attended(&mut self) -> Result<bool, Error> {
        let alone = self.keep_out().await?;
        if alone {
            self.database.let_in(&mut self.connection).await?;
        }
        Ok(!alone)
    }

    /// Keeps processes from opening the schema as long as this lives; `false` if one has it open.
    pub(super) async fn keep_out(&mut self) -> Result<bool, Error> {
        self.database.try_lock(&mut self.connection, Company::Nobody).await
    }

    /// Looks through the foreign keys that [`Self::round_off`] brought back, beside whoever works with the tables.
    pub(super) async fn validate(&mut self) -> Result<(), Error> {
        let validate = "
            DO $$ DECLARE c RECORD; BEGIN
                FOR c IN SELECT conname, conrelid::regclass::text AS of_table FROM pg_constraint
                         WHERE NOT convalidated AND connamespace = current_schema()::regnamespace LOOP
                    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', c.of_table, c.conname);
                END LOOP;
            END $$";
        statement(validate.to_owned()).execute(&mut self.connection).await?;
        Ok(())
    }
}

/// What rows on the server add up to.
async fn sum_of(connection: &mut PgConnection, rows: &str) -> Result<Sum, Error> {
    let mut sum = Sum::default();
    let mut out = connection.copy_out_raw(&format!("COPY ({rows}) TO STDOUT")).await?;
    let mut rest: Vec<u8> = Vec::new();
    while let Some(piece) = out.try_next().await? {
        // Mostly a piece is a line.
        let mut piece = &*piece;
        while let Some(end) = piece.iter().position(|&byte| byte == b'\n') {
            let (line, next) = piece.split_at(end + 1);
            if rest.is_empty() {
                sum.add(line);
            } else {
                rest.extend_from_slice(line);
                sum.add(&rest);
                rest.clear();
            }
            piece = next;
        }
        rest.extend_from_slice(piece);
    }
    Ok(sum)
}

/// `(a, b), (c, d)`
fn keys_for_server(table: &Table, keys: &[Vec<String>]) -> Result<String, Error> {
    let keys = keys.iter().map(|key| {
        let literals = key
            .iter()
            .zip(&table.key)
            .map(|(literal, column)| literal_for_server(literal, column.kind));
        Ok(format!("({})", literals.collect::<Result<Vec<_>, Error>>()?.join(", ")))
    });
    Ok(keys.collect::<Result<Vec<_>, Error>>()?.join(", "))
}

fn uuids(keys: &[Vec<String>]) -> Result<Vec<Uuid>, Error> {
    let id = |key: &Vec<String>| key.first()?.strip_prefix("X'")?.strip_suffix('\'')?.parse().ok();
    let ids: Option<Vec<Uuid>> = keys.iter().map(id).collect();
    ids.ok_or_else(|| Error::fault("a key is not one UUID"))
}
