//! `stoa import` and `stoa export`: the catalogue as a file, without a server.
//!
//! An import works on the database, so with an embedded one the shop must not be running; an export only looks.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use futures::{Stream, StreamExt, pin_mut};
use platform_clock::{Clock, SystemClock};
use platform_runtime::command::{Failure, Outcome};
use platform_sql::Database;
use product_service::service::{By, FileFormat, ImportOptions, ImportReport};
use product_service::{App, NAME, SCHEMA};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::io::ReaderStream;
use values::Currency;

use crate::config::Config;
use crate::shop::OWNER;

/// Standard input or output.
const STANDARD: &str = "-";

/// Who changed a product, in its history.
const ACTOR: &str = "stoa import";

/// A file to be read.
#[derive(Debug, Clone, Args)]
pub struct Import {
    /// A table of our own columns, NDJSON, or a Shopify product export; - reads standard input
    file: PathBuf,
    /// What it is, where its name does not end in .csv, .ndjson or .jsonl
    #[arg(long)]
    format: Option<Format>,
    /// What prices are in that do not say; else CURRENCY
    #[arg(long)]
    currency: Option<Currency>,
    /// Set the stock of what exists, too; a sale may have happened since the file was written
    #[arg(long)]
    set_stock: bool,
}

/// A file to be written.
#[derive(Debug, Clone, Args)]
pub struct Export {
    /// Where to; standard output unless given
    #[arg(default_value = STANDARD)]
    file: PathBuf,
    /// How, where its name does not end in .csv, .ndjson or .jsonl
    #[arg(long)]
    format: Option<Format>,
}

/// A format by the name an operator gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Ndjson,
}

impl From<Format> for FileFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Ndjson => Self::Ndjson,
        }
    }
}

/// Reads a file into the catalogue. The error counts the lines that were refused.
pub async fn import(config: &Config, import: Import) -> Outcome {
    let options = ImportOptions {
        format: format_of(&import.file, import.format)?,
        currency: import.currency,
        sets_stock: import.set_stock,
    };
    config.places.require_products()?;
    // Before the database is touched, so that a wrong name changes nothing.
    let file = reading(&import.file).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let database = Database::open(&config.database, NAME, clock.clone()).await?;
    let app = App::build(database.clone(), OWNER, config.currency, clock).await?;
    let by = By {
        actor: Some(ACTOR.to_owned()),
        ..By::default()
    };
    let watched = std::io::stderr().is_terminal();
    let progress = |report: &ImportReport| {
        if watched {
            let _ = write!(std::io::stderr(), "\r{}", Counts(report));
        }
    };
    let imported = app
        .service()
        .import(ReaderStream::new(file), options, by, progress)
        .await;
    database.close().await;
    if watched {
        let _ = writeln!(std::io::stderr());
    }
    match imported {
        Ok(report) => conclude(&report),
        Err(failure) => {
            conclude(&failure.report)?;
            Err(failure.error.into())
        }
    }
}

/// Writes the catalogue to a file, also beside a running shop.
pub async fn export(config: &Config, export: Export) -> Outcome {
    config.places.require_products()?;
    let format = match export.format {
        None if export.file == Path::new(STANDARD) => FileFormat::Csv,
        given => format_of(&export.file, given)?,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let database = Database::open_read_only(&config.database, &SCHEMA, clock.clone()).await?;
    let app = App::over(database.clone(), config.currency, clock);
    let pieces = app.service().export(format);
    let written = if export.file == Path::new(STANDARD) {
        write_all(pieces, tokio::io::stdout()).await
    } else {
        let file = tokio::fs::File::create(&export.file).await;
        let file = file.map_err(|error| named(&export.file, &error))?;
        write_all(pieces, file).await
    };
    database.close().await;
    written
}

async fn write_all<E>(pieces: impl Stream<Item = Result<bytes::Bytes, E>>, mut out: impl AsyncWrite + Unpin) -> Outcome
where
    E: std::error::Error + Send + Sync + 'static,
{
    pin_mut!(pieces);
    while let Some(piece) = pieces.next().await {
        out.write_all(&piece?).await?;
    }
    out.flush().await?;
    Ok(())
}

async fn reading(path: &Path) -> Result<Box<dyn AsyncRead + Send + Unpin>, Failure> {
    if path == Path::new(STANDARD) {
        return Ok(Box::new(tokio::io::stdin()));
    }
    let file = tokio::fs::File::open(path).await;
    Ok(Box::new(file.map_err(|error| named(path, &error))?))
}

/// By what was said, else by the ending of the name.
fn format_of(path: &Path, given: Option<Format>) -> Result<FileFormat, Failure> {
    if let Some(format) = given {
        return Ok(format.into());
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "csv" => Ok(FileFormat::Csv),
        "ndjson" | "jsonl" => Ok(FileFormat::Ndjson),
        _ => Err(format!("{}: say --format csv or --format ndjson", path.display()).into()),
    }
}

fn named(path: &Path, error: &impl Display) -> String {
    format!("{}: {error}", path.display())
}

/// Prints what came of an import.
fn conclude(report: &ImportReport) -> Outcome {
    let mut out = std::io::stdout().lock();
    for note in &report.warnings {
        writeln!(out, "line {}: warning: {}", note.line, note.detail)?;
    }
    for note in &report.errors {
        writeln!(out, "line {}: {}", note.line, note.detail)?;
    }
    if report.truncated {
        writeln!(out, "there is more to say than is listed here")?;
    }
    writeln!(out, "{}", Counts(report))?;
    match report.failed {
        0 => Ok(()),
        1 => Err("1 line was refused".into()),
        more => Err(format!("{more} lines were refused").into()),
    }
}

struct Counts<'a>(&'a ImportReport);

impl Display for Counts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ImportReport {
            created,
            updated,
            failed,
            ..
        } = self.0;
        write!(f, "{created} created, {updated} updated, {failed} refused")
    }
}
