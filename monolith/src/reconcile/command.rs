//! The command: opens the books beside a shop that may be running, and prints what was found.

use std::io::Write;
use std::sync::Arc;

use order_service::app::{self as order, Neighbours};
use order_service::payment::Providers;
use order_service::timings::Timings;
use platform_clock::{Clock, SystemClock};
use platform_runtime::command::{Failure, Outcome};
use platform_sql::{Database, Schema};

use super::{Books, Report};
use crate::config::Config;

/// Checks the books of the shop that `config` describes; the error counts the violations.
pub async fn run(config: &Config, repair: bool) -> Outcome {
    let (books, databases) = open(config, repair).await?;
    let report = books.reconcile(repair).await?;
    for database in databases {
        database.close().await;
    }
    print(&report)?;
    match report.violations.len() {
        0 => Ok(()),
        1 => Err("the books do not agree: 1 violation".into()),
        more => Err(format!("the books do not agree: {more} violations").into()),
    }
}

/// Only to look, unless something is to be repaired: then on SQLite the shop must not be running.
async fn open(config: &Config, repair: bool) -> Result<(Books, [Database; 2]), Failure> {
    // What a service that was taken out left behind is not its books.
    config.places.require_orders()?;
    config.places.require_products()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let open = async |schema: &Schema| {
        if !repair {
            return Database::open_read_only(&config.database, schema, clock.clone()).await;
        }
        let database = Database::open(&config.database, schema.service, clock.clone()).await?;
        database.require(schema).await?;
        Ok(database)
    };
    let products_data = open(&product_service::SCHEMA).await?;
    let orders_data = open(&order::SCHEMA).await?;
    let products = product_service::App::over(products_data.clone(), config.currency, clock.clone());
    let neighbours = Neighbours {
        stock: products.stock(),
        products: products.products(),
        providers: Providers::none(),
    };
    let orders = order::App::over(orders_data.clone(), neighbours, clock.clone(), Timings::default());
    let books = Books {
        orders: orders.orders(),
        stock: products.stock(),
    };
    Ok((books, [orders_data, products_data]))
}

fn print(report: &Report) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in &report.repaired {
        writeln!(out, "repaired  {line}")?;
    }
    for line in &report.violations {
        writeln!(out, "violation {line}")?;
    }
    if report.truncated {
        writeln!(
            out,
            "there are more suspects than are looked at again: repair these first"
        )?;
    }
    let Report {
        orders,
        reservations,
        violations,
        repaired,
        ..
    } = report;
    writeln!(
        out,
        "{orders} orders, {reservations} reservations: {} violations, {} repaired",
        violations.len(),
        repaired.len()
    )
}
