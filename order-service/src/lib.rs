//! Orders: from a press of the button to goods that are sold or back on the shelf, never lost, never doubled.
//!
//! One row per order is the saga; one reservation row in product-service is its commit point; everything else is replay.
//! Start reading at [`decision::decide`], the whole state machine on a screen, then `service/advance.rs`, which carries it
//! out, and `service/place.rs`. [`app::App`] wires it all; what is reached where is known to `main.rs` alone.
//!
//! ```
//! use order_api::OrderState;
//! use order_service::decision::{Answer, Call, Situation, Step, decide};
//! use product_api::SaleMode;
//!
//! let at = Situation { state: OrderState::Pending, cancel_requested: false, takes_money: false, total: None, past_deadline: false };
//! assert_eq!(decide(at, None), Step::Call(Call::Sell(SaleMode::Always)));
//! assert_eq!(decide(at, Some(Answer::Sold { total: 5 })), Step::Move(OrderState::Paid, None));
//! ```
//!
//! The next thing: a route is a file under `http` and its line in `http.rs`; what it does, a file under `service`; what it
//! needs of the database, a method of [`store::OrderStore`], its SQL under `store/shared` and its test in the store suite.
//! A payment provider is a file under `payment`.

pub mod app;
pub mod decision;
pub mod events;
mod grpc;
pub mod http;
pub mod inventory;
pub mod order;
pub mod payment;
pub mod service;
pub mod store;
pub mod timings;
