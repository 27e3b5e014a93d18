//! Tells every story to a shop that runs.
#![expect(clippy::print_stdout, reason = "what it found is what this program is for")]

use std::process::ExitCode;

use acceptance::{Credentials, Shop, Unmet, tell_all};
use clap::Parser;

/// Holds a running shop to its public contract. The shop should run with RATE_LIMITS=off.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Where the shop listens
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    base_url: String,
    /// An admin's account
    #[arg(long)]
    admin_email: String,
    /// Its password
    #[arg(long)]
    admin_password: String,
    /// Print what the shop said to each question
    #[arg(long)]
    transcript: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(broken) => {
            for unmet in broken {
                println!("broken: {unmet}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Vec<Unmet>> {
    let admin = Credentials {
        email: options.admin_email.clone(),
        password: options.admin_password.clone(),
    };
    let shop = Shop::open(&options.base_url, &admin)
        .await
        .map_err(|unmet| vec![unmet])?;
    let transcript = tell_all(&shop).await?;
    if options.transcript {
        println!("{transcript}");
    }
    println!("the shop kept its promises in {} answers", transcript.len());
    Ok(())
}
