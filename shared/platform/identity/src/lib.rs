//! platform-identity.
