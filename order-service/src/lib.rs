//! order-service.
