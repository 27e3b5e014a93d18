//! What happened, told to whoever wants to know: the envelope, the bus and the relay between an outbox and a bus.
//!
//! A service appends an [`Event`] to its outbox in the transaction that causes it. A [`Relay`] reads what is not
//! published yet, hands it to a [`Bus`] in order and marks it. Two kinds of subscription: *durable* (one per service
//! and purpose; the event waits until its handler has committed or it is a dead letter) and *broadcast* (every process,
//! from now on; may lose events, so what it feeds must expire by itself).
//!
//! Start reading at [`Event`], then [`Bus`]. [`InProcessBus`] is the bus of one process, `NatsBus` (feature `nats`) the one
//! between processes; both pass the same suite ([`testing`], feature of that name), and both hand events over by
//! `delivery.rs`. To add a kind of event: a constant and a `data` type in the contract of the service that owns it,
//! nothing here.
//!
//! ```
//! # use std::sync::{Arc, Mutex};
//! # use platform_events::*;
//! # use platform_clock::{Clock, ManualClock};
//! struct Shelf(Mutex<Vec<String>>);
//!
//! #[async_trait::async_trait]
//! impl Handler for Shelf {
//!     async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
//!         self.0.lock().unwrap().push(event.subject.clone()); // really: a transaction, with an inbox row
//!         Ok(())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let clock = Arc::new(ManualClock::default());
//! let bus = InProcessBus::new(clock.clone());
//! let shelf = Arc::new(Shelf(Mutex::default()));
//! let letters = Arc::new(InMemoryDeadLetters::default());
//! bus.subscribe_durable("order.shelf", Topics::new(["product.*"]), shelf.clone(), letters).await?;
//!
//! let event = Event::new(clock.new_id(), "product.updated.v1", "/product-service", "p-1", clock.now(), &())?;
//! assert_eq!(event.topic(), "product.updated");
//! assert_eq!(bus.publish(&[event]).await?, 1);
//! assert_eq!(*shelf.0.lock().unwrap(), ["p-1"]);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod bus;
mod dead_letters;
mod delivery;
#[cfg(feature = "settings")]
mod ended_sessions;
mod event;
mod freshness;
mod handler;
mod in_process;
mod log;
#[cfg(feature = "nats")]
mod nats;
mod outbox;
mod relay;
#[cfg(feature = "settings")]
mod settings;
mod spans;
#[cfg(feature = "testing")]
pub mod testing;
mod topics;

pub use bus::{Bus, BusError};
pub use dead_letters::{DeadLetter, DeadLetters, InMemoryDeadLetters, ReplayError, replay};
pub use delivery::Retries;
#[cfg(feature = "settings")]
pub use ended_sessions::revoke_on_events;
pub use event::{Event, EventError};
pub use freshness::Freshness;
pub use handler::{BatchError, Handler, HandlerError};
pub use in_process::InProcessBus;
pub use log::{Appended, OutboxLog, Place};
#[cfg(feature = "nats")]
pub use nats::{NatsBus, NatsConfig, NatsError, NatsTimings, StreamLimits};
pub use outbox::{Outbox, Pending, StorageError, Wake};
pub use relay::{Relay, RelayTimings};
#[cfg(feature = "settings")]
pub use settings::EventsConfig;
pub use topics::Topics;
