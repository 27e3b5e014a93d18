//! The command: opens the books beside a shop that may be running, and prints what was found.

use std::io::Write;
use std::sync::Arc;

use auth_client::SwitchedAccounts;
use order_service::app::{self as order, Neighbours};
use order_service::payment::Providers;
use order_service::timings::Timings;
use platform_clock::{Clock, SystemClock};
use platform_rpc::Place;
use platform_runtime::command::{Failure, Outcome, reachable};
use platform_runtime::settings::SettingsError;
use platform_sql::{Database, Schema};

use super::{Books, Report};
use crate::config::Config;
use crate::outside::Outside;

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

/// Only to look, unless something is to be repaired: then on SQLite the shop must not be running. Books that are in other
/// processes are asked for there.
async fn open(config: &Config, repair: bool) -> Result<(Books, Vec<Database>), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let open = async |schema: &Schema| {
        if !repair {
            return Database::open_read_only(&config.database, schema, clock.clone()).await;
        }
        let database = Database::open(&config.database, schema.service, clock.clone()).await?;
        database.require(schema).await?;
        Ok(database)
    };
    let mut opened = Vec::new();
    let places = &config.places;
    let (stock, products) = if let Some(target) = &places.product {
        let remote = outside(config, clock.clone())?.products(target);
        (remote.stock, remote.products)
    } else {
        let database = open(&product_service::SCHEMA).await?;
        opened.push(database.clone());
        let products = product_service::App::over(database, config.currency, clock.clone());
        (products.stock(), products.products())
    };
    let orders = if let Some(target) = &places.order {
        outside(config, clock.clone())?.orders(target).orders
    } else {
        let database = open(&order::SCHEMA).await?;
        opened.push(database.clone());
        let neighbours = Neighbours {
            stock: stock.clone(),
            products,
            providers: Providers::none(),
        };
        order::App::over(database, neighbours, clock, Timings::default()).orders()
    };
    Ok((Books { orders, stock }, opened))
}

/// The way to services in other processes. This one serves nobody, so auth is asked where the others ask it.
fn outside(config: &Config, clock: Arc<dyn Clock>) -> Result<Outside, Failure> {
    let client = config.auth.own_client.clone();
    if client.is_made_up {
        let why = "must be set: books in other processes are asked for, and they want to know by whom";
        return Err(SettingsError::new("SERVICE_CLIENT_SECRET", why).into());
    }
    let auth = match (&config.places.auth, config.services_listen) {
        (Some(target), _) => target.clone(),
        (None, Some(address)) => format!("http://{}", reachable(address)).parse()?,
        (None, None) => {
            let why = "must be set: at it the running shop gives the tokens that other processes want";
            return Err(SettingsError::new("SERVICES_LISTEN_ADDR", why).into());
        }
    };
    let accounts = Arc::new(SwitchedAccounts::away());
    let outside = Outside::new(accounts.clone(), client, clock);
    accounts.0.turn(Place::Remote, outside.auth(&auth).accounts);
    Ok(outside)
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
