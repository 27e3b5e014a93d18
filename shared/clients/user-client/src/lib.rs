//! user-client.
