//! A load generator for shops that speak HTTP, and the bench that fills in this project's table of figures.
//!
//! It knows a shop only through its public API, and depends on none of our crates, so that the same code measures ours and a peer.
//! Start reading at [`scenario`] (what is asked), then [`run`] (how it is asked) and [`measure`](mod@measure) (what it costs the shop).
//! [`bench`](mod@bench) starts the shops itself and prints the table. [`hold`](mod@hold) is another question: whether a shop holds
//! while something happens to it.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use load::{client::Target, measure, run::Plan, scenario::{Scenario, Script}, shape::Shape, shop};
//!
//! let target = Target::parse("http://127.0.0.1:8080", false)?;
//! let mut shop = shop::prepare(&target, Shape::Gin, &shop::Wanted::default()).await?;
//! let script = Script::new(Scenario::Detail, &mut shop).await?;
//! let watched = ["app=4711".parse()?];
//! let measured = measure::measure(&target, script, &Plan::new(16, 5.0), 1.0, &watched).await?;
//! assert!(measured.outcome.per_second() > 0.0);
//! # Ok(())
//! # }
//! ```
//!
//! To add a scenario: a variant of [`scenario::Scenario`], its requests in [`scenario::Script::new`], and, where shops differ, a method of
//! [`shape::Shape`]. The command line and the bench pick it up by itself.
#![forbid(unsafe_code)]

pub mod bench;
pub mod client;
pub mod hold;
pub mod measure;
pub mod report;
pub mod run;
pub mod scenario;
pub mod shape;
pub mod shop;
pub mod watch;
