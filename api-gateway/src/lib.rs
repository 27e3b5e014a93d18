//! api-gateway.
