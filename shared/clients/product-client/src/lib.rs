//! product-client.
