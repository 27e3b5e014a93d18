//! platform-problem.
