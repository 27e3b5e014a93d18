//! What can go wrong with a database, as far as a caller can act on it.

use std::error::Error as StdError;

use sqlx::error::DatabaseError;

type BoxError = Box<dyn StdError + Send + Sync>;

/// A database could not do what it was asked.
///
/// A store's own error wraps it with `#[from]` (or any `#[source]`), so that the [`Writer`](crate::Writer) finds it in
/// the chain and knows whether to run a unit again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Away, full, busy or too slow: the same may work in a moment. Becomes 503.
    #[error("the database is unavailable")]
    Unavailable(#[source] BoxError),
    /// Refused for good: a bug, or a schema that is not ours. Becomes 500, unless it is a violation the store expects.
    #[error("the database refused a statement")]
    Fault(#[source] BoxError),
}

impl Error {
    pub(crate) fn unavailable(why: impl Into<BoxError>) -> Self {
        Self::Unavailable(why.into())
    }

    pub(crate) fn fault(why: impl Into<BoxError>) -> Self {
        Self::Fault(why.into())
    }

    /// Whether this is a broken uniqueness rule: `index` as it is called on both engines, or on SQLite, which names the
    /// columns of a plain one, `columns` (`products.sku`, or `lines.order_id, lines.product_id`).
    pub fn is_unique_violation(&self, index: &str, columns: &str) -> bool {
        let Some(error) = database_error(self).filter(|error| error.is_unique_violation()) else {
            return false;
        };
        if let Some(constraint) = error.constraint() {
            return constraint == index;
        }
        let broken = error
            .message()
            .strip_prefix("UNIQUE constraint failed: ")
            .unwrap_or_default();
        broken == columns || broken.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\'')) == Some(index)
    }

    /// Whether this is a broken uniqueness rule, whichever.
    pub(crate) fn is_any_unique_violation(&self) -> bool {
        database_error(self).is_some_and(DatabaseError::is_unique_violation)
    }

    /// Whether a CHECK constraint of that name refused a row.
    pub fn is_check_violation(&self, constraint: &str) -> bool {
        let Some(error) = database_error(self).filter(|error| error.is_check_violation()) else {
            return false;
        };
        match error.constraint() {
            Some(name) => name == constraint,
            None => error.message().strip_prefix("CHECK constraint failed: ") == Some(constraint),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) {
            Self::Unavailable(error.into())
        } else {
            Self::Fault(error.into())
        }
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error) => error.into(),
            other => Self::Fault(other.into()),
        }
    }
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => match postgres_code(&**error) {
            Some(code) => postgres_is_transient(&code),
            None => sqlite_is_transient(&**error),
        },
        other => connection_broke(other),
    }
}

/// <https://www.postgresql.org/docs/15/errcodes-appendix.html>: connection exceptions, transaction rollback, insufficient
/// resources (disk full, too many connections), operator intervention (time-outs, shutdown), system errors, a lock that
/// was not to be had, an idle transaction ended by the server, a server that became a read-only standby.
fn postgres_is_transient(code: &str) -> bool {
    let class = &code[..2];
    matches!(class, "08" | "40" | "53" | "57" | "58") || matches!(code, "55P03" | "25P03" | "25006")
}

/// <https://www.sqlite.org/rescode.html>: BUSY, LOCKED, NOMEM, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL.
fn sqlite_is_transient(error: &dyn DatabaseError) -> bool {
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    matches!(code.map(|code| code & 0xFF), Some(5 | 6 | 7 | 9 | 10 | 13 | 14 | 15))
}

fn postgres_code(error: &dyn DatabaseError) -> Option<String> {
    let error = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?;
    Some(error.code().to_owned()).filter(|code| code.len() == 5)
}

/// The connection is gone, whatever was asked on it.
fn connection_broke(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
    )
}

fn database_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn DatabaseError + 'static)> {
    sqlx_error(error).and_then(sqlx::Error::as_database_error)
}

fn sqlx_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e sqlx::Error> {
    let mut error = Some(error);
    while let Some(cause) = error {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        error = cause.source();
    }
    None
}

/// Somewhere in the chain Postgres says that the transaction lost against another one and may simply run again.
pub(crate) fn lost_a_race(error: &(dyn StdError + 'static)) -> bool {
    let code = database_error(error).and_then(postgres_code);
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// Somewhere in the chain the connection turned out to be dead; nothing that was not committed on it happened.
pub(crate) fn connection_is_dead(error: &(dyn StdError + 'static)) -> bool {
    match sqlx_error(error) {
        Some(sqlx::Error::Database(error)) => {
            let code = postgres_code(&**error);
            code.is_some_and(|code| code.starts_with("08") || matches!(&*code, "57P01" | "57P02" | "57P03" | "25P03"))
        }
        Some(sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed) => true,
        _ => false,
    }
}
