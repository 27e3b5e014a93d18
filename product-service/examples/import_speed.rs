//! How long an import takes, and how much memory: `import_speed <file> [lines] [postgres://..]`.
//!
//! The file is repeated, with other handles and skus each time, until there are so many lines; then it is imported into an
//! empty database, and once more. Without an address the database is SQLite in a new directory below the present one.
#![expect(clippy::print_stdout, reason = "a measuring program prints what it measured")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::Stream;
use platform_clock::{Clock, SystemClock};
use platform_sql::{Database, DatabaseConfig, PostgresConfig};
use product_service::App;
use product_service::service::{By, FileFormat, ImportOptions, ImportReport};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name a file")?;
    let lines: usize = arguments.next().map_or(Ok(100_000), |lines| lines.parse())?;
    let dir = tempfile::tempdir_in(".")?;
    let config = match arguments.next() {
        Some(url) => DatabaseConfig::Postgres(PostgresConfig::new(url)),
        None => DatabaseConfig::SqliteDir(dir.path().to_owned()),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let database = Database::open(&config, product_service::NAME, clock.clone()).await?;
    let app = App::build(database, "measure", "USD".parse()?, clock).await?;
    let text = std::fs::read_to_string(path)?;
    for turn in ["first", "second"] {
        let begin = Instant::now();
        let report = import(&app, &text, lines).await?;
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "{turn}: {seconds:.1} s, {} created, {} updated, {} failed, {} errors, {} warnings, peak {} MB",
            report.created,
            report.updated,
            report.failed,
            report.errors.len(),
            report.warnings.len(),
            peak_memory_mb()?,
        );
        for note in report.errors.iter().chain(&report.warnings).take(5) {
            println!("  line {}: {}", note.line, note.detail);
        }
    }
    let begin = Instant::now();
    let mut bytes = 0;
    let mut file = std::pin::pin!(app.service().export(FileFormat::Csv));
    while let Some(piece) = futures::StreamExt::next(&mut file).await {
        bytes += piece?.len();
    }
    println!(
        "export: {:.1} s, {} MB",
        begin.elapsed().as_secs_f64(),
        bytes / 1_000_000
    );
    Ok(())
}

async fn import(app: &App, text: &str, lines: usize) -> Result<ImportReport, Box<dyn Error>> {
    let options = ImportOptions {
        format: FileFormat::Csv,
        currency: None,
        sets_stock: false,
    };
    let file = Box::pin(repeated(text, lines));
    Ok(app.service().import(file, options, By::default(), |_| {}).await?)
}

/// The file again and again, each record that begins with a handle or sku given another one.
fn repeated(text: &str, lines: usize) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + use<> {
    let (header, body) = text.split_once('\n').unwrap_or((text, ""));
    let header = format!("{header}\n");
    let records = records(body);
    let turns = lines.div_ceil(records.len().max(1));
    let pieces = (0..turns).flat_map(move |turn| {
        let records = records.clone();
        records
            .into_iter()
            .map(move |record| Ok(Bytes::from(format!("t{turn}-{record}"))))
    });
    let pieces = pieces.take(lines);
    futures::stream::iter(std::iter::once(Ok(Bytes::from(header))).chain(pieces))
}

/// Records of a table, each with its line end: quotes are in pairs.
fn records(body: &str) -> Vec<String> {
    let mut records = Vec::new();
    let mut record = String::new();
    for line in body.split_inclusive('\n') {
        record.push_str(line);
        if record.matches('"').count().is_multiple_of(2) {
            records.push(std::mem::take(&mut record));
        }
    }
    records
}

/// The high-water mark of this process.
fn peak_memory_mb() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = peak.ok_or("no peak")?.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes / 1024)
}
