//! Files of products: read as they arrive, written chunk by chunk, in bounded memory.
//!
//! [`ProductService::import`] takes the bytes of a file from wherever they come. What is wrong with one line is that
//! line's alone; what was written stays, also if the file breaks off: a second import of it goes on from there, and one of
//! a whole file creates nothing. `IMPORT.md` says what the formats are and what becomes of each quirk.
//!
//! On its way a file is cut into records ([`csv`], [`lines`]) or, where it is a Shopify export, into products
//! ([`shopify`]); each becomes what a line says ([`row::Said`]), a checked row ([`row::RowMaker`]) and, 2,000 at a time, a
//! unit of work ([`writing`]). While one chunk is written the next one is read. To add a format: a way to `Said`, and an
//! arm in [`parser`].

mod columns;
mod csv;
mod lines;
mod ndjson;
mod parser;
mod report;
mod row;
mod shopify;
mod writing;

use std::error::Error;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use product_api::ProductsError;
use values::Currency;

use self::parser::{Entry, Parser};
use self::row::{Row, RowMaker};
use self::writing::Writing;
use super::{By, FileFormat, ProductService};

pub use report::{ImportReport, Note};

/// The longest record, in bytes: more than the largest product with every sign escaped.
const MAX_RECORD_BYTES: usize = 2 * 1024 * 1024;
/// Rows of one chunk.
const CHUNK_ROWS: usize = 2_000;
/// A chunk ends before its rows say more than this, in bytes.
const CHUNK_BYTES: usize = 16 * 1024 * 1024;

/// How a file is to be taken.
#[derive(Debug, Clone, Copy)]
pub struct ImportOptions {
    /// What it is.
    pub format: FileFormat,
    /// What prices are in that do not say; none: the shop's.
    pub currency: Option<Currency>,
    /// Whether the stock of what exists is set, too. A sale may have happened since the file was written.
    pub sets_stock: bool,
}

/// Why an import ended before its file. What the report counts is written.
#[derive(Debug, thiserror::Error)]
#[error("the import ended early")]
pub struct ImportFailure {
    /// Why.
    #[source]
    pub error: ImportError,
    /// What had been done by then.
    pub report: ImportReport,
}

/// What can end an import.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not what it is said to be.
    #[error("{0}")]
    Unreadable(String),
    /// The file broke off.
    #[error("the file broke off")]
    Source(#[source] Box<dyn Error + Send + Sync>),
    /// The catalogue could not be written.
    #[error(transparent)]
    Products(#[from] ProductsError),
}

/// Something with the line it begins on, or what is wrong with it.
#[derive(Debug, PartialEq)]
struct Numbered<T> {
    line: u64,
    content: Result<T, String>,
}

impl ProductService {
    /// Creates and updates what a file says. After each chunk `progress` hears what was done so far.
    ///
    /// What breaks off leaves whole chunks. It is safe to import a file again.
    pub async fn import<S, E>(
        &self,
        file: S,
        options: ImportOptions,
        by: By,
        progress: impl FnMut(&ImportReport) + Send,
    ) -> Result<ImportReport, ImportFailure>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let imported = self.import_chunks(file, options, by, progress).await;
        if let Err(error) = self.store.batches_end().await {
            let error: &dyn Error = &error;
            tracing::warn!(error, "memory of an import is held on to");
        }
        imported
    }

    async fn import_chunks<S, E>(
        &self,
        file: S,
        options: ImportOptions,
        by: By,
        mut progress: impl FnMut(&ImportReport) + Send,
    ) -> Result<ImportReport, ImportFailure>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let currency = options.currency.unwrap_or(self.currency);
        let maker = RowMaker::new(self.clock.clone(), currency, options.sets_stock);
        let mut reading = Reading {
            file,
            parser: Parser::new(options.format, maker),
            ended: false,
        };
        let mut writing = Writing::new(self.clone(), by);
        let mut next = reading.chunk().await;
        loop {
            let Chunk {
                rows,
                refused,
                warnings,
            } = match next {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(writing.report),
                Err(error) => return Err(writing.failure(error)),
            };
            writing.report.note(refused, warnings);
            let (written, read) = futures::join!(writing.write(rows), reading.chunk());
            progress(&writing.report);
            if let Err(error) = written {
                return Err(writing.failure(error.into()));
            }
            next = read;
        }
    }
}

/// What is written at once.
#[derive(Default)]
struct Chunk {
    rows: Vec<Row>,
    refused: Vec<Note>,
    warnings: Vec<Note>,
}

/// Cuts a file into chunks.
struct Reading<S> {
    file: S,
    parser: Parser,
    ended: bool,
}

impl<S, E> Reading<S>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    /// The next chunk; none at the end of the file.
    async fn chunk(&mut self) -> Result<Option<Chunk>, ImportError> {
        let mut chunk = Chunk::default();
        let mut weight = 0;
        while chunk.rows.len() < CHUNK_ROWS && weight < CHUNK_BYTES {
            let Some(entry) = self.entry().await? else {
                let is_empty = chunk.rows.is_empty() && chunk.refused.is_empty() && chunk.warnings.is_empty();
                return Ok((!is_empty).then_some(chunk));
            };
            weight += entry.weight();
            match entry {
                Entry::Row(row) => chunk.rows.push(*row),
                Entry::Refused(note) => chunk.refused.push(note),
                Entry::Warning(note) => chunk.warnings.push(note),
            }
            // Much may be read already: let others have their turn.
            tokio::task::consume_budget().await;
        }
        Ok(Some(chunk))
    }

    async fn entry(&mut self) -> Result<Option<Entry>, ImportError> {
        loop {
            if let Some(entry) = self.parser.next()? {
                return Ok(Some(entry));
            }
            if self.ended {
                return Ok(None);
            }
            match self.file.next().await {
                Some(Ok(bytes)) => self.parser.feed(&bytes),
                Some(Err(error)) => return Err(ImportError::Source(error.into())),
                None => {
                    self.ended = true;
                    self.parser.end();
                }
            }
        }
    }
}
