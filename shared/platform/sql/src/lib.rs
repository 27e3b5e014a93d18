//! platform-sql.
