//! What order-service promises, tested from outside: one binary, one module per subject.

mod model;
