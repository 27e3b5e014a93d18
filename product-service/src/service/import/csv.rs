//! Records of a table as its bytes arrive, with the physical line each begins on.
//!
//! As RFC 4180 has it and as spreadsheets write it: LF, CRLF or CR, quotes doubled within quotes, line breaks in them.
//! Quotes within an unquoted field, and text behind a closing quote, are taken as they are. A record is bounded. One that
//! opens a quote and never closes it would swallow the rest of the file: it is a fault, and the reading goes on at the
//! next line that has as many fields as the header.

use super::{MAX_RECORD_BYTES, Numbered};

/// The fields of one record.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Record {
    text: String,
    /// Where each field ends, and whether it was quoted.
    ends: Vec<(usize, bool)>,
}

/// Cuts bytes into records.
pub(super) struct Records {
    delimiter: u8,
    /// What the header calls the columns.
    names: Vec<String>,
    /// What ends a line; the first one says.
    line_end: Option<u8>,
    input: Vec<u8>,
    /// Where the record begins, and what comes next.
    start: usize,
    next: usize,
    state: State,
    /// The line on which the record begins.
    line: u64,
    ended: bool,
    /// The rest of a line that is too long is passed over.
    skips_line: bool,
    lost: Option<Lost>,
    /// What was found behind what was lost.
    found: Option<Numbered<Record>>,
}

/// Where in a record a byte stands.
#[derive(Clone, Copy, PartialEq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the last, or the first of two.
    AfterQuote,
}

/// A record whose quote is never closed, and the last line that was passed over since.
struct Lost {
    line: u64,
    reason: &'static str,
    until: u64,
}

/// What comes next in the input.
enum Cut {
    /// A record: the line it begins on and where it lies.
    Record(u64, std::ops::Range<usize>),
    /// A line without an end in sight.
    TooLong(u64),
    /// A record whose quote is never closed.
    Open(u64, &'static str),
    /// Nothing before more is fed.
    More,
    /// The end of the file.
    End,
}

impl Record {
    /// How many fields there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field without blanks at its ends, unless it was quoted; empty where there is none.
    pub(super) fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before));
        let start = start.map_or(0, |(end, _)| *end);
        match self.ends.get(at) {
            Some((end, true)) => &self.text[start..*end],
            Some((end, false)) => self.text[start..*end].trim(),
            None => "",
        }
    }

    /// How much memory it takes.
    pub(super) fn weight(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<(usize, bool)>()
    }

    /// The fields of a whole record.
    fn parse(raw: &[u8], delimiter: u8, names: &[String]) -> Result<Self, String> {
        let (mut text, mut ends) = (Vec::with_capacity(raw.len()), Vec::with_capacity(names.len()));
        let (mut state, mut is_quoted) = (State::FieldStart, false);
        for &byte in raw {
            let next = state.step(byte, delimiter);
            match (state, next) {
                (_, State::FieldStart) => {
                    ends.push((text.len(), is_quoted));
                    is_quoted = false;
                }
                (State::FieldStart, State::Quoted) => is_quoted = true,
                (State::Quoted | State::AfterQuote, State::AfterQuote) => {}
                _ => text.push(byte),
            }
            state = next;
        }
        ends.push((text.len(), is_quoted));
        match String::from_utf8(text) {
            Ok(text) => Ok(Self { text, ends }),
            Err(error) => {
                let broken = error.utf8_error().valid_up_to();
                let column = ends.iter().filter(|(end, _)| *end <= broken).count();
                let name = names.get(column).cloned();
                let name = name.unwrap_or_else(|| format!("field {}", column + 1));
                Err(format!("{name} is not UTF-8"))
            }
        }
    }

    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

impl State {
    fn step(self, byte: u8, delimiter: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::AfterQuote,
            (Self::Quoted, _) | (Self::FieldStart | Self::AfterQuote, b'"') => Self::Quoted,
            _ if byte == delimiter => Self::FieldStart,
            // The first half of CRLF.
            (Self::AfterQuote, b'\r') => Self::AfterQuote,
            _ => Self::Plain,
        }
    }
}

impl Lost {
    fn into_fault(self) -> Numbered<Record> {
        let passed = match self.until - self.line {
            0 => String::new(),
            1 => format!("; line {} was passed over", self.until),
            _ => format!("; lines {} to {} were passed over", self.line + 1, self.until),
        };
        Numbered {
            line: self.line,
            content: Err(format!("{}{passed}", self.reason)),
        }
    }
}

impl Records {
    /// Of a table with fields parted by `delimiter`.
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            names: Vec::new(),
            line_end: None,
            input: Vec::new(),
            start: 0,
            next: 0,
            state: State::FieldStart,
            line: 1,
            ended: false,
            skips_line: false,
            lost: None,
            found: None,
        }
    }

    /// What the columns are called: what is read next stands below them.
    pub(super) fn set_names(&mut self, names: Vec<String>) {
        self.names = names;
    }

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

    /// The next record that is not blank; none before more is fed, or at the end.
    pub(super) fn next(&mut self) -> Option<Numbered<Record>> {
        if let Some(found) = self.found.take() {
            return Some(found);
        }
        loop {
            let found = match self.cut() {
                Cut::More => return None,
                Cut::End => return self.lost.take().map(Lost::into_fault),
                Cut::Open(line, reason) => {
                    let until = line;
                    self.lost.get_or_insert(Lost { line, reason, until }).until = line;
                    continue;
                }
                Cut::TooLong(line) => Numbered {
                    line,
                    content: Err("is longer than 2 MiB".to_owned()),
                },
                Cut::Record(line, range) => Numbered {
                    line,
                    content: Record::parse(&self.input[range], self.delimiter, &self.names),
                },
            };
            let record = found.content.as_ref().ok();
            if record.is_some_and(Record::is_blank) {
                continue;
            }
            let Some(lost) = &mut self.lost else {
                return Some(found);
            };
            if record.is_some_and(|record| record.len() == self.names.len()) {
                self.found = Some(found);
                return self.lost.take().map(Lost::into_fault);
            }
            lost.until = self.line - 1;
        }
    }

    fn cut(&mut self) -> Cut {
        if self.skips_line && !self.skip_line() {
            return if self.ended { Cut::End } else { Cut::More };
        }
        while let Some(&byte) = self.input.get(self.next) {
            if self.state != State::Quoted {
                match self.ends_line(byte) {
                    Some(true) => return self.end_record(1),
                    Some(false) => {}
                    None => return Cut::More,
                }
            }
            self.state = self.state.step(byte, self.delimiter);
            self.next += 1;
            if self.next - self.start <= MAX_RECORD_BYTES {
                continue;
            }
            if self.state == State::Quoted {
                return self.go_back("is longer than 2 MiB, or opens a quote that is never closed");
            }
            let line = self.line;
            self.line += self.breaks_until(self.next);
            self.skip_from(self.next);
            return Cut::TooLong(line);
        }
        if !self.ended {
            return Cut::More;
        }
        if self.start == self.input.len() {
            return Cut::End;
        }
        if self.state == State::Quoted {
            return self.go_back("opens a quote that is never closed");
        }
        let last = self.end_record(0);
        // The end of the file ends a line, too.
        self.line += 1;
        last
    }

    /// Whether a byte outside quotes ends a line; none if the next byte must be seen first.
    fn ends_line(&mut self, byte: u8) -> Option<bool> {
        if let Some(line_end) = self.line_end {
            return Some(byte == line_end);
        }
        match (byte, self.input.get(self.next + 1)) {
            (b'\n', _) => self.line_end = Some(b'\n'),
            (b'\r', Some(b'\n')) => {
                self.line_end = Some(b'\n');
                return Some(false);
            }
            (b'\r', None) if !self.ended => return None,
            (b'\r', _) => self.line_end = Some(b'\r'),
            _ => return Some(false),
        }
        Some(true)
    }

    /// The record ends here; `terminator` bytes follow that are not part of it.
    fn end_record(&mut self, terminator: usize) -> Cut {
        let (line, start) = (self.line, self.start);
        let mut end = self.next;
        if self.line_end != Some(b'\r') && self.input[start..end].ends_with(b"\r") {
            end -= 1;
        }
        self.line += self.breaks_until(self.next + terminator);
        self.begin_at(self.next + terminator);
        Cut::Record(line, start..end)
    }

    /// Begins anew at the line after the one on which the record began.
    fn go_back(&mut self, reason: &'static str) -> Cut {
        let line = self.line;
        let first_line = self.input[self.start..self.next].iter();
        match first_line.clone().position(|byte| *byte == self.line_break()) {
            Some(length) => {
                self.line += 1;
                self.begin_at(self.start + length + 1);
            }
            None => self.skip_from(self.next),
        }
        Cut::Open(line, reason)
    }

    fn breaks_until(&self, end: usize) -> u64 {
        let lines = self.input[self.start..end].split(|byte| *byte == self.line_break());
        lines.count() as u64 - 1
    }

    fn line_break(&self) -> u8 {
        self.line_end.unwrap_or(b'\n')
    }

    fn begin_at(&mut self, at: usize) {
        self.start = at;
        self.next = at;
        self.state = State::FieldStart;
    }

    fn skip_from(&mut self, at: usize) {
        self.begin_at(at);
        self.skips_line = true;
    }

    /// Passes over the rest of a line; whether its end was found.
    fn skip_line(&mut self) -> bool {
        let rest = self.input[self.start..].iter();
        let Some(length) = rest.clone().position(|byte| *byte == self.line_break()) else {
            self.begin_at(self.input.len());
            return false;
        };
        self.begin_at(self.start + length + 1);
        self.line += 1;
        self.skips_line = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Line, and fields or fault, of all records below a header of two.
    fn read_in_pieces(text: &[u8], piece: usize) -> Vec<(u64, Result<Vec<String>, String>)> {
        let mut records = Records::new(b',');
        records.set_names(vec!["a".to_owned(), "b".to_owned()]);
        let mut found = Vec::new();
        let mut pieces = text.chunks(piece.max(1));
        loop {
            while let Some(record) = records.next() {
                let fields = record
                    .content
                    .map(|fields| (0..fields.len()).map(|at| fields.get(at).to_owned()).collect());
                found.push((record.line, fields));
            }
            match pieces.next() {
                Some(piece) => records.feed(piece),
                None if records.ended => return found,
                None => records.end(),
            }
        }
    }

    fn read(text: &str) -> Vec<(u64, Result<Vec<String>, String>)> {
        read_in_pieces(text.as_bytes(), 1)
    }

    fn fields(line: u64, fields: &[&str]) -> (u64, Result<Vec<String>, String>) {
        (line, Ok(fields.iter().map(|field| (*field).to_owned()).collect()))
    }

    fn fault(line: u64, fault: &str) -> (u64, Result<Vec<String>, String>) {
        (line, Err(fault.to_owned()))
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["1,\"a", "b\"", "", "2, x ", ",", "3,\" y \"", ""].join(end);
            let broken = format!("a{end}b");
            let expected = [
                fields(1, &["1", &broken]),
                fields(4, &["2", "x"]),
                fields(6, &["3", " y "]),
            ];
            assert_eq!(read(&text), expected, "{end:?}");
            assert_eq!(read(text.trim_end()), expected, "{end:?} without a last line end");
        }
    }

    #[test]
    fn quotes_are_read_as_generously_as_a_spreadsheet_reads_them() {
        assert_eq!(read("\"say \"\"hi\"\"\",\"\"\n"), [fields(1, &["say \"hi\"", ""])]);
        assert_eq!(
            read("12\" wheel,\"12\" wheel\n"),
            [fields(1, &["12\" wheel", "12 wheel"])]
        );
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_own_record() {
        let text = "1,\"a\nlost\n2,b\n3,c\n";
        let reason = "opens a quote that is never closed; line 2 was passed over";
        assert_eq!(
            read(text),
            [fault(1, reason), fields(3, &["2", "b"]), fields(4, &["3", "c"])]
        );
        let text = "1,b\n2,\"<p>\n<p>\n</p>";
        let reason = "opens a quote that is never closed; lines 3 to 4 were passed over";
        assert_eq!(read(text), [fields(1, &["1", "b"]), fault(2, reason)]);
        assert_eq!(read("1,\"a"), [fault(1, "opens a quote that is never closed")]);
    }

    #[test]
    fn what_is_too_long_costs_its_own_record() {
        let long = "x".repeat(MAX_RECORD_BYTES + 1);
        let text = format!("1,{long}\n2,b\n3,\"{long}\nmore\"\n4,d\n");
        let found = read_in_pieces(text.as_bytes(), 60_000);
        let in_quotes = "is longer than 2 MiB, or opens a quote that is never closed; line 4 was passed over";
        assert_eq!(
            found,
            [
                fault(1, "is longer than 2 MiB"),
                fields(2, &["2", "b"]),
                fault(3, in_quotes),
                fields(5, &["4", "d"])
            ]
        );
    }

    #[test]
    fn other_encodings_are_named_by_their_column() {
        assert_eq!(
            read_in_pieces(b"1,caf\xe9\n2,b", 3),
            [fault(1, "b is not UTF-8"), fields(2, &["2", "b"])]
        );
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_arrive(text in "[ab,\"\r\n]{0,40}", piece in 1_usize..9) {
            prop_assert_eq!(read_in_pieces(text.as_bytes(), piece), read_in_pieces(text.as_bytes(), 1_000));
        }

        #[test]
        fn every_line_is_read_or_accounted_for(lines in prop::collection::vec("[ab\"]{1,3},[ab\"]{0,3}", 0..8)) {
            let found = read(&lines.join("\n"));
            prop_assert!(found.iter().all(|(line, _)| (1..=lines.len() as u64).contains(line)));
            prop_assert!(found.is_sorted_by(|(a, _), (b, _)| a < b));
        }
    }
}
