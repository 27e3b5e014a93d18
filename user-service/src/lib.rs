//! user-service.
