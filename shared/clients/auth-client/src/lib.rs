//! auth-client.
