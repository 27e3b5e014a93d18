//! auth-api.
