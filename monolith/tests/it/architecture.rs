//! The never-list of the house: who may depend on whom, and what a file may name.
//!
//! Read from `cargo metadata` and from the sources, so that a forbidden edge fails the build of whoever draws it.

mod edges;
mod sources;
