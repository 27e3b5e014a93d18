//! What came of an import.

use serde::Serialize;
use utoipa::ToSchema;

/// The most errors, and the most warnings, that are listed.
const MAX_NOTES: usize = 1_000;
/// The longest text of a note, in characters.
const MAX_DETAIL: usize = 500;

/// What came of an import, at its end or so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportReport {
    /// Lines that became new products.
    pub created: u64,
    /// Lines about products that were there, changed by them or not.
    pub updated: u64,
    /// Lines that were refused.
    pub failed: u64,
    /// Why, in the order of lines.
    #[schema(max_items = 1000)]
    pub errors: Vec<Note>,
    /// What was done otherwise than the file says, in the order of lines.
    #[schema(max_items = 1000)]
    pub warnings: Vec<Note>,
    /// Whether there were more errors or warnings than are listed.
    pub truncated: bool,
}

/// Something about a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Note {
    /// The line of the file on which the record begins; the first is 1.
    pub line: u64,
    /// What there is to say.
    pub detail: String,
}

impl Note {
    pub(super) fn new(line: u64, detail: impl Into<String>) -> Self {
        let mut detail: String = detail.into();
        if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL) {
            detail.truncate(end);
            detail.push('…');
        }
        Self { line, detail }
    }
}

impl ImportReport {
    pub(super) fn refuse(&mut self, note: Note) {
        self.failed += 1;
        self.truncated |= !add(&mut self.errors, note);
    }

    /// What was found out before anything was written.
    pub(super) fn note(&mut self, refused: Vec<Note>, warnings: Vec<Note>) {
        for note in refused {
            self.refuse(note);
        }
        for note in warnings {
            self.warn(note);
        }
    }

    pub(super) fn warn(&mut self, note: Note) {
        self.truncated |= !add(&mut self.warnings, note);
    }
}

/// Adds a note in its place, if there is room; whether there was.
fn add(notes: &mut Vec<Note>, note: Note) -> bool {
    if notes.len() == MAX_NOTES {
        return false;
    }
    let at = notes.partition_point(|known| known.line <= note.line);
    notes.insert(at, note);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_in_order_and_bounded() {
        let mut report = ImportReport::default();
        for line in [3, 1, 2] {
            report.warn(Note::new(line, "x".repeat(600)));
        }
        let lines: Vec<u64> = report.warnings.iter().map(|note| note.line).collect();
        assert_eq!(lines, [1, 2, 3]);
        assert_eq!(report.warnings[0].detail.chars().count(), 501);
        for line in 0..1_000 {
            report.refuse(Note::new(line, ""));
        }
        assert!(!report.truncated);
        report.refuse(Note::new(7, ""));
        assert_eq!(
            (report.truncated, report.failed, report.errors.len()),
            (true, 1_001, 1_000)
        );
    }
}
