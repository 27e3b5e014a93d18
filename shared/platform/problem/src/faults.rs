//! Collects what is wrong with a request, so that several faults are reported together.

use std::fmt::Display;

use crate::{FieldError, Problem, codes};

/// The faults found so far in one request.
///
/// ```
/// use platform_problem::Faults;
/// let mut faults = Faults::default();
/// let age: Option<u8> = faults.take("/age", "300".parse::<u8>());
/// faults.add("/name", "is missing");
/// assert_eq!(age, None);
/// assert_eq!(faults.finish().unwrap_err().errors().len(), 2);
/// ```
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    /// The most faults that are listed; the rest would help nobody.
    const MAX: usize = 100;

    /// Notes a fault.
    pub fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.0.len() < Self::MAX {
            self.0.push(FieldError {
                pointer: pointer.into(),
                detail: detail.into(),
            });
        }
    }

    /// The value, or its error noted under the pointer.
    pub fn take<T, E: Display>(&mut self, pointer: &str, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(pointer, error.to_string());
                None
            }
        }
    }

    /// Whether nothing was found so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Ok` if there is no fault, else the 422 that names them all.
    pub fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(self.into_problem())
    }

    /// The 422 that names them all, for where a fault is known to be there.
    pub fn into_problem(self) -> Problem {
        Problem::new(&codes::INVALID)
            .detail("the request has invalid fields")
            .fields(self.0)
    }
}
