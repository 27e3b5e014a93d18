//! platform-testing.
