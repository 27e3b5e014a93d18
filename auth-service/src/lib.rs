//! auth-service.
