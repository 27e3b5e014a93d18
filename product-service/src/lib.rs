//! product-service.
