//! platform-rpc.
