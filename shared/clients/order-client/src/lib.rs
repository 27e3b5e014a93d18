//! order-client.
