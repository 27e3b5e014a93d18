//! The command line of the load generator.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "reports are what this program is for")]

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};
use load::bench;
use load::bench::book::Book;
use load::client::Target;
use load::hold;
use load::measure::measure;
use load::report::{run_head, run_row, table};
use load::run::Plan;
use load::scenario::{Scenario, Script};
use load::shape::Shape;
use load::shop::{Credentials, Shop, Wanted, prepare};
use load::watch::{Watch, reset_peak};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(version, about = "Loads a shop over HTTP and tells what it costs")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prepare a shop and measure scenarios against it.
    Run(RunOptions),
    /// Make shoppers, products and some order history, and end.
    Prepare(ShopOptions),
    /// Start our shop (and a peer), measure all, print the table of figures.
    Bench(bench::Options),
    /// Send requests at a fixed rate while something happens to the shop; exit with 1 if one failed or an order is lost or doubled.
    Hold(hold::Options),
}

#[derive(clap::Args)]
struct ShopOptions {
    /// Where the shop listens.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    base_url: String,
    /// Allow a shop on another machine.
    #[arg(long)]
    allow_remote: bool,
    /// The API that it speaks.
    #[arg(long, value_enum, default_value = "stoa")]
    shape: Shape,
    /// An admin's account, needed once, to create products.
    #[arg(long, requires = "admin_password")]
    admin_email: Option<String>,
    /// Its password.
    #[arg(long, requires = "admin_email")]
    admin_password: Option<String>,
    /// How many products to load.
    #[arg(long, default_value_t = 1_000)]
    products: usize,
    /// How many shoppers.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(2..=1_000))]
    shoppers: u16,
}

#[derive(clap::Args)]
struct RunOptions {
    #[command(flatten)]
    shop: ShopOptions,
    /// What to measure, one after the other.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "detail,list,history,checkout-one,checkout-hot,checkout-three,login"
    )]
    scenario: Vec<Scenario>,
    /// Connections, one run for each.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64", value_parser = clap::value_parser!(u16).range(1..=2_000))]
    connections: Vec<u16>,
    /// How long each run lasts.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=300))]
    seconds: u16,
    /// How many requests a run sends at most.
    #[arg(long, default_value_t = 100_000_000)]
    requests: u64,
    /// How long each run is warmed up, uncounted.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=300))]
    warm_up: u16,
    /// Start a request each so many milliseconds on each connection, instead of as fast as answers come.
    #[arg(long)]
    pace_ms: Option<u64>,
    /// A process of the shop, name=pid, counted with its children; may be repeated.
    #[arg(long)]
    watch: Vec<Watch>,
    /// Where the random choices start.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// One thread: the shop needs the cores more than we do.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let mut terminated = signal(SignalKind::terminate())?;
    // Dropping the work ends every process that it has started.
    tokio::select! {
        done = work(cli.command) => done,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminated.recv() => bail!("terminated"),
    }
}

async fn work(command: Command) -> Result<()> {
    match command {
        Command::Run(options) => measure_all(&options).await,
        Command::Prepare(options) => {
            let shop = ready_shop(&options).await?;
            println!("{} products, {} shoppers", shop.product_ids.len(), options.shoppers);
            Ok(())
        }
        Command::Bench(options) => {
            let mut book = Book::default();
            let done = bench::bench(&options, &mut book).await;
            println!("{}", book.report());
            done
        }
        Command::Hold(options) => {
            let held = hold::hold(&options).await?;
            println!("{held}");
            let verdict = if held.was_held_up() {
                "the shop did not hold, or this machine is too busy to tell"
            } else {
                "the shop did not hold"
            };
            ensure!(held.is_well(options.forgive), verdict);
            Ok(())
        }
    }
}

async fn ready_shop(options: &ShopOptions) -> Result<Shop> {
    let target = Target::parse(&options.base_url, options.allow_remote)?;
    let admin = options.admin_email.clone().zip(options.admin_password.clone());
    let wanted = Wanted {
        shoppers: usize::from(options.shoppers),
        products: options.products,
        admin: admin.map(|(email, password)| Credentials { email, password }),
        ..Wanted::default()
    };
    prepare(&target, options.shape, &wanted)
        .await
        .context("the shop could not be prepared")
}

async fn measure_all(options: &RunOptions) -> Result<()> {
    let mut shop = ready_shop(&options.shop).await?;
    let mut names: Vec<String> = Vec::new();
    for watch in &options.watch {
        if !names.contains(&watch.name) {
            names.push(watch.name.clone());
        }
    }
    let mut rows = Vec::new();
    for &scenario in &options.scenario {
        for &connections in &options.connections {
            let plan = Plan {
                max_requests: options.requests,
                pace: options.pace_ms.map(Duration::from_millis),
                seed: options.seed,
                ..Plan::new(usize::from(connections), f64::from(options.seconds))
            };
            let script = Script::new(scenario, &mut shop).await?;
            for watch in &options.watch {
                reset_peak(watch);
            }
            let warm_up = if scenario == Scenario::DetailOnce {
                0
            } else {
                options.warm_up
            };
            let measured = measure(&shop.target, script, &plan, f64::from(warm_up), &options.watch).await?;
            rows.push(run_row(scenario, plan.connections, &measured));
            eprintln!("{}", rows[rows.len() - 1].join("  "));
        }
    }
    print!("{}", table(&run_head(&names), &rows));
    Ok(())
}
