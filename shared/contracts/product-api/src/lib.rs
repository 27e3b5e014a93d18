//! product-api.
