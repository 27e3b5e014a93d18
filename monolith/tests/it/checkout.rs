//! The fault suites of orders, over goods as product-service keeps them.

#[path = "../../../order-service/tests/faults/chaos.rs"]
mod chaos;
#[path = "../../../order-service/tests/faults/crash.rs"]
mod crash;
#[path = "../../../order-service/tests/faults/verdict.rs"]
mod verdict;
