//! Lines of a text as its bytes arrive, with their numbers.

use super::{MAX_RECORD_BYTES, Numbered};

/// Cuts bytes into lines.
#[derive(Default)]
pub(super) struct Lines {
    input: Vec<u8>,
    /// Where the line begins, and where its end is looked for next.
    start: usize,
    next: usize,
    /// How many lines there were before.
    before: u64,
    ended: bool,
    /// The line is too long; the rest of it is passed over.
    skips_line: bool,
}

impl Lines {
    /// More of the file.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.input.drain(..self.start);
        self.next -= self.start;
        self.start = 0;
        self.input.extend_from_slice(bytes);
    }

    /// There is no more.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The next line that is not blank; none before more is fed, or at the end.
    pub(super) fn next(&mut self) -> Option<Numbered<String>> {
        loop {
            let length = self.input[self.next..].iter().position(|byte| *byte == b'\n');
            let (start, end) = match length {
                Some(length) => (self.start, self.next + length),
                None if self.ended && self.start < self.input.len() => (self.start, self.input.len()),
                None => {
                    self.next = self.input.len();
                    return self.too_long();
                }
            };
            self.start = self.input.len().min(end + 1);
            self.next = self.start;
            self.before += 1;
            if std::mem::take(&mut self.skips_line) {
                continue;
            }
            let line = &self.input[start..end];
            if line.len() > MAX_RECORD_BYTES {
                return Some(self.fault("is longer than 2 MiB"));
            }
            match std::str::from_utf8(line).map(str::trim) {
                Ok("") => {}
                Ok(line) => {
                    return Some(Numbered {
                        line: self.before,
                        content: Ok(line.to_owned()),
                    });
                }
                Err(_) => return Some(self.fault("is not UTF-8")),
            }
        }
    }

    /// Does not keep a line without an end in sight; tells of it once.
    fn too_long(&mut self) -> Option<Numbered<String>> {
        if self.next - self.start <= MAX_RECORD_BYTES && !self.skips_line {
            return None;
        }
        self.start = self.next;
        if std::mem::replace(&mut self.skips_line, true) {
            return None;
        }
        self.before += 1;
        let fault = self.fault("is longer than 2 MiB");
        self.before -= 1;
        Some(fault)
    }

    fn fault(&self, fault: &str) -> Numbered<String> {
        Numbered {
            line: self.before,
            content: Err(fault.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], piece: usize) -> Vec<(u64, Result<String, String>)> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in text.chunks(piece) {
            lines.feed(piece);
            found.extend(std::iter::from_fn(|| lines.next()));
        }
        lines.end();
        found.extend(std::iter::from_fn(|| lines.next()));
        found.into_iter().map(|line| (line.line, line.content)).collect()
    }

    #[test]
    fn lines_are_counted_and_blank_ones_passed_over() {
        let text = b"{1}\r\n\n  {2} \n\xff\n{5}";
        let expected = [
            (1, Ok("{1}".to_owned())),
            (3, Ok("{2}".to_owned())),
            (4, Err("is not UTF-8".to_owned())),
            (5, Ok("{5}".to_owned())),
        ];
        for piece in [1, 4, 100] {
            assert_eq!(read(text, piece), expected, "{piece}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_not_kept() {
        let text = format!(
            "{}\n{{2}}\n{}",
            "x".repeat(3 * MAX_RECORD_BYTES),
            "y".repeat(2 * MAX_RECORD_BYTES)
        );
        let expected = [
            (1, Err("is longer than 2 MiB".to_owned())),
            (2, Ok("{2}".to_owned())),
            (3, Err("is longer than 2 MiB".to_owned())),
        ];
        for piece in [10_000, 100_000_000] {
            assert_eq!(read(text.as_bytes(), piece), expected, "{piece}");
        }
    }
}
