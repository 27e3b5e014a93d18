//! A row as a line of COPY, the same to the byte from either engine, and sums of such lines.

use std::fmt;
use std::ops::AddAssign;

use aws_lc_rs::digest::{SHA256, digest};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use crate::Error;

/// A table that both engines have.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The columns of the primary key. None: rows are only ever added.
    pub(super) key: Vec<Column>,
    /// The column that the server numbers.
    pub(super) numbered: Option<String>,
    /// The place of the last row that was copied, where rows are only ever added.
    pub(super) last: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What a column holds, as the server declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Uuid,
    Bytes,
    Flag,
    Number,
    Text,
}

impl Kind {
    pub(super) fn of(declared: &str) -> Option<Self> {
        Some(match declared {
            "uuid" => Self::Uuid,
            "bytea" => Self::Bytes,
            "boolean" => Self::Flag,
            "bigint" => Self::Number,
            "text" => Self::Text,
            _ => return None,
        })
    }
}

impl Table {
    pub(super) fn quoted(&self) -> String {
        quoted(&self.name)
    }

    /// `"a", "b"`
    pub(super) fn column_list(&self) -> String {
        list(&self.columns)
    }

    pub(super) fn key_list(&self) -> String {
        list(&self.key)
    }

    /// A row of the source, read by [`Self::column_list`], as a line with its end.
    pub(super) fn push_line(&self, line: &mut Vec<u8>, row: &SqliteRow) -> Result<(), sqlx::Error> {
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                line.push(b'\t');
            }
            match column.kind {
                Kind::Number => match row.try_get_unchecked::<Option<i64>, _>(at)? {
                    Some(number) => line.extend_from_slice(number.to_string().as_bytes()),
                    None => line.extend_from_slice(b"\\N"),
                },
                Kind::Flag => match row.try_get_unchecked::<Option<i64>, _>(at)? {
                    Some(flag) => line.push(if flag == 0 { b'f' } else { b't' }),
                    None => line.extend_from_slice(b"\\N"),
                },
                Kind::Text => match row.try_get_unchecked::<Option<&str>, _>(at)? {
                    Some(text) => push_escaped(line, text.as_bytes()),
                    None => line.extend_from_slice(b"\\N"),
                },
                Kind::Uuid => match row.try_get_unchecked::<Option<&[u8]>, _>(at)? {
                    Some(bytes) => push_uuid(line, bytes),
                    None => line.extend_from_slice(b"\\N"),
                },
                Kind::Bytes => match row.try_get_unchecked::<Option<&[u8]>, _>(at)? {
                    Some(bytes) => {
                        line.extend_from_slice(b"\\\\x");
                        push_hex(line, bytes);
                    }
                    None => line.extend_from_slice(b"\\N"),
                },
            }
        }
        line.push(b'\n');
        Ok(())
    }
}

/// How the server escapes text in COPY.
fn push_escaped(line: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        let letter = match byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0b => b'v',
            0x0c => b'f',
            _ => {
                line.push(byte);
                continue;
            }
        };
        line.extend_from_slice(&[b'\\', letter]);
    }
}

fn push_uuid(line: &mut Vec<u8>, bytes: &[u8]) {
    match uuid::Uuid::from_slice(bytes) {
        Ok(id) => line.extend_from_slice(
            id.hyphenated()
                .encode_lower(&mut uuid::Uuid::encode_buffer())
                .as_bytes(),
        ),
        // The server refuses it and says why.
        Err(_) => push_hex(line, bytes),
    }
}

fn push_hex(line: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        line.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn list(columns: &[Column]) -> String {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    names.join(", ")
}

/// A name of our own schema, which holds no quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Statements of names out of our own schema and of literals that an engine quoted.
pub(super) fn statement(sql: String) -> sqlx::RawSql {
    sqlx::raw_sql(AssertSqlSafe(sql))
}

/// How many lines, and what they add up to in whatever order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    digest: u128,
}

impl Sum {
    /// A line with its end.
    pub(super) fn add(&mut self, line: &[u8]) {
        self.rows += 1;
        let digest = digest(&SHA256, line);
        let mut first = [0; 16];
        first.copy_from_slice(&digest.as_ref()[..16]);
        self.digest = self.digest.wrapping_add(u128::from_le_bytes(first));
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.digest = self.digest.wrapping_add(other.digest);
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows with checksum {:032x}", self.rows, self.digest)
    }
}

/// One value of a key as SQLite's `quote()` writes it, for the server.
pub(super) fn literal_for_server(literal: &str, kind: Kind) -> Result<String, Error> {
    let unknown = || Error::fault(format!("a key cannot be read: {literal}"));
    let is_blob = literal.starts_with("X'") && literal.ends_with('\'');
    Ok(match kind {
        Kind::Uuid if is_blob => format!("'{}'::uuid", &literal[2..literal.len() - 1]),
        Kind::Bytes if is_blob => format!("'\\x{}'::bytea", &literal[2..literal.len() - 1]),
        Kind::Number => format!("{}::bigint", literal.parse::<i64>().map_err(|_| unknown())?),
        Kind::Flag => format!("{}", literal != "0"),
        Kind::Text if literal.starts_with('\'') => format!("{literal}::text"),
        _ => return Err(unknown()),
    })
}
