//! platform-runtime.
