//! platform-events.
