//! user-api.
