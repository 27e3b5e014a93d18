//! What every bus must do, as functions that a macro expands for each.
