//! The commands that every binary has: `serve` (default), `migrate`, `health`, `config`, `openapi`, and those of its own.
//!
//! A binary implements [`Process`] and calls [`run`]. Settings come from the environment, so that `--help` of every
//! process lists all of them; what goes wrong before the process serves is one line on stderr and exit code 2 for a
//! setting, 1 for the rest.

mod probe;

pub use probe::{reachable, ready};

use std::error::Error;
use std::fmt::Write as _;
use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{ArgMatches, Args, FromArgMatches, Parser, Subcommand};
use utoipa::openapi::OpenApi;

use crate::allocator;
use crate::settings::{FromSettings, Settings, SettingsError};

/// Why a command failed: any error, to be printed in one line.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What a command came to.
pub type Outcome = Result<(), Failure>;

/// A binary of ours.
pub trait Process: Send + Sync + 'static {
    /// What it reads from its settings.
    type Config: FromSettings + Send;
    /// Arguments of `serve`; [`NoArguments`] for most.
    type Serve: Args + Default + Send;
    /// Commands of its own; [`NoCommands`] for most.
    type Command: Subcommand + Send;

    /// The name of the binary.
    const NAME: &'static str;
    /// One line for `--help`.
    const ABOUT: &'static str;

    /// Serves until it is told to stop.
    fn serve(config: Self::Config, arguments: Self::Serve) -> impl Future<Output = Outcome> + Send;

    /// Brings the database to the schema this binary needs, or says what it would do.
    fn migrate(config: Self::Config, what: Migrate) -> impl Future<Output = Outcome> + Send;

    /// A command of its own.
    fn command(config: Self::Config, command: Self::Command) -> impl Future<Output = Outcome> + Send;

    /// The document of its routes.
    fn openapi() -> Result<OpenApi, Failure>;

    /// The document of the routes for processes of ours, where there are any.
    fn internal_openapi() -> Result<OpenApi, Failure> {
        Err(format!("{} has no internal routes", Self::NAME).into())
    }

    /// Where `health` asks; a wildcard address is asked on the local host.
    fn listen_addr(config: &Self::Config) -> SocketAddr;
}

/// What `migrate` does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
#[group(multiple = false)]
pub struct Migrate {
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// Exit with 1 if the schema is older than this binary needs
    #[arg(long)]
    pub check: bool,
    /// Make schemas and roles first and let LOGIN work as them; needs a login that may
    #[arg(long, value_name = "LOGIN", num_args = 0..=1)]
    pub provision: Option<Option<String>>,
}

/// Which document `openapi` prints.
#[derive(Debug, Clone, Copy, Args)]
struct Document {
    /// That of the routes between processes, instead of the public one
    #[arg(long)]
    internal: bool,
}

/// For a binary whose `serve` takes no arguments.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct NoArguments {}

/// For a binary without commands of its own.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum NoCommands {}

#[derive(Debug, Parser)]
enum Standard {
    /// Bring the database to the schema this binary needs
    Migrate(Migrate),
    /// Ask the running process whether it is ready; exit with 1 if not
    Health,
    /// Print the settings as they are read, secrets left out
    Config,
    /// Print the OpenAPI document
    Openapi(Document),
}

/// The `main` of a binary: `fn main() -> ExitCode { command::run::<Stoa>() }`.
pub fn run<P: Process>() -> ExitCode {
    allocator::set_up();
    // clap prints help and its own refusals, and exits.
    let matches = command_line::<P>().get_matches();
    match execute::<P>(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit_with(&*error),
    }
}

/// Prints an error with its causes in one line; 2 if it is about settings, else 1.
pub fn exit_with(error: &(dyn Error + 'static)) -> ExitCode {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(line, ": {cause}");
        source = cause.source();
    }
    let line = line.replace(['\n', '\r'], " ");
    // Nobody is left to be told that stderr is gone.
    let _ = writeln!(std::io::stderr(), "error: {line}");
    ExitCode::from(if error.is::<SettingsError>() { 2 } else { 1 })
}

fn command_line<P: Process>() -> clap::Command {
    let serve = P::Serve::augment_args(clap::Command::new("serve")).about("Serve (the default)");
    let command = clap::Command::new(P::NAME).subcommand(serve);
    let command = P::Command::augment_subcommands(Standard::augment_subcommands(command));
    let settings = Settings::describe::<P::Config>().help();
    command
        // Adding a set of commands puts the set's own description in its place.
        .about(P::ABOUT)
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(false)
        .arg_required_else_help(false)
        .after_help(format!(
            "Settings, from the environment (a secret also as <NAME>_FILE):\n{settings}"
        ))
}

fn execute<P: Process>(matches: &ArgMatches) -> Outcome {
    if let Some(("openapi", arguments)) = matches.subcommand() {
        let wanted = Document::from_arg_matches(arguments)?;
        let document = if wanted.internal {
            P::internal_openapi()?
        } else {
            P::openapi()?
        };
        return print(&(document.to_pretty_json()? + "\n"));
    }
    let (config, listing) = Settings::from_env().load::<P::Config>()?;
    let standard = match matches.subcommand() {
        None => return block_on(P::serve(config, P::Serve::default())),
        Some(("serve", arguments)) => return block_on(P::serve(config, P::Serve::from_arg_matches(arguments)?)),
        Some((name, _)) if !Standard::has_subcommand(name) => {
            return block_on(P::command(config, P::Command::from_arg_matches(matches)?));
        }
        Some(_) => Standard::from_arg_matches(matches)?,
    };
    match standard {
        Standard::Migrate(what) => block_on(P::migrate(config, what)),
        Standard::Health => block_on(probe::ready(P::listen_addr(&config))),
        Standard::Config => print(&listing.values()),
        Standard::Openapi(_) => unreachable!("it was answered above, without settings"),
    }
}

fn block_on(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(work);
    // What still runs was told to stop and did not.
    runtime.shutdown_background();
    outcome
}

fn print(text: &str) -> Outcome {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
