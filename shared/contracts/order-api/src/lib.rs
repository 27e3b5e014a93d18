//! What other processes may ask about orders, and what clients see of them.
//!
//! [`Orders`] is read by `stoa reconcile` alone; everything else about orders is public HTTP. [`Order`] is the public
//! shape, [`OrderState`] the machine behind it. A diff in this crate is a change of the API.

pub mod calls;
pub mod events;
#[cfg(feature = "grpc")]
pub mod grpc;
mod order;
mod orders;
mod problems;

pub use order::{Order, OrderItem, OrderReason, OrderState, OrderStatus, Quote, QuotedItem};
pub use orders::{EventCounts, OrderRecord, OrderRecordPage, Orders, OrdersError};
pub use problems::{NOT_CANCELLABLE, ORDER_CANCELLED, PAYMENT_DECLINED, PROBLEMS};

/// The public operations of the service, as OpenAPI 3.1. Written by `order-service openapi`; a test keeps it equal.
pub const OPENAPI: &str = include_str!("../openapi.json");

/// The operations for other processes of ours. Written by `order-service openapi --internal`; a test keeps it equal.
pub const INTERNAL_OPENAPI: &str = include_str!("../internal.json");
