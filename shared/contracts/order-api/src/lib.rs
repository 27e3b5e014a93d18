//! order-api.
