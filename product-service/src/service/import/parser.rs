//! From the bytes of a file to rows.

use std::collections::VecDeque;

use super::columns::Columns;
use super::csv::{Record, Records};
use super::lines::Lines;
use super::report::Note;
use super::row::{Row, RowMaker};
use super::shopify::{Header, Shopify};
use super::{ImportError, MAX_RECORD_BYTES, Numbered, ndjson};
use crate::service::file::FileFormat;
use crate::store::{BatchRow, Identity};

/// What parts the fields of a table, the likeliest first.
const DELIMITERS: [u8; 3] = *b",;\t";

/// What a file has to say next.
pub(super) enum Entry {
    /// Something to be written.
    Row(Box<Row>),
    /// A line that is refused.
    Refused(Note),
    /// Something that is taken otherwise than it is written.
    Warning(Note),
}

/// Reads a file as its bytes arrive.
pub(super) struct Parser {
    maker: RowMaker,
    content: Content,
    ready: VecDeque<Entry>,
    ended: bool,
}

enum Content {
    Lines(Lines),
    /// A table whose header was not seen yet, with its bytes so far.
    Unknown(Vec<u8>),
    Table(Table),
}

struct Table {
    records: Records,
    /// How many fields the header has.
    width: usize,
    layout: Layout,
}

enum Layout {
    Own(Columns),
    Shopify(Box<Shopify>),
}

impl Entry {
    /// About how much memory it takes.
    pub(super) fn weight(&self) -> usize {
        /// What a text takes beside its bytes.
        const TEXT: usize = 32;
        match self {
            Self::Row(row) => {
                let product = &row.wanted.product;
                let images = product.images.iter();
                let images = images.map(|image| image.url.len() + image.alt.len() + 2 * TEXT);
                // The description stands in the product, in its family, and once more in words.
                2048 + 3 * product.description.len() + images.sum::<usize>()
            }
            Self::Refused(note) | Self::Warning(note) => note.detail.len() + TEXT,
        }
    }
}

impl Parser {
    pub(super) fn new(format: FileFormat, maker: RowMaker) -> Self {
        let content = match format {
            FileFormat::Csv => Content::Unknown(Vec::new()),
            FileFormat::Ndjson => Content::Lines(Lines::default()),
        };
        Self {
            maker,
            content,
            ready: VecDeque::new(),
            ended: false,
        }
    }

    /// More of the file.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        match &mut self.content {
            Content::Lines(lines) => lines.feed(bytes),
            Content::Unknown(head) => head.extend_from_slice(bytes),
            Content::Table(table) => table.records.feed(bytes),
        }
    }

    /// There is no more.
    pub(super) fn end(&mut self) {
        self.ended = true;
        match &mut self.content {
            Content::Lines(lines) => lines.end(),
            Content::Unknown(_) => {}
            Content::Table(table) => table.records.end(),
        }
    }

    /// What comes next; none before more is fed, or at the end.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, ImportError> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(Some(entry));
            }
            match &mut self.content {
                Content::Unknown(head) => {
                    let Some((table, notes)) = Table::of_head(head, self.ended)? else {
                        return Ok(None);
                    };
                    self.ready.extend(notes.into_iter().map(Entry::Warning));
                    self.content = Content::Table(table);
                }
                Content::Lines(lines) => {
                    let Some(line) = lines.next() else {
                        return Ok(None);
                    };
                    self.ready.push_back(entry_of_line(line, &mut self.maker));
                }
                Content::Table(table) => {
                    if !table.read(&mut self.maker, &mut self.ready, self.ended) {
                        return Ok(None);
                    }
                }
            }
        }
    }
}

impl Table {
    /// The table that begins so, and what there is to say about its header; none if more must be seen.
    fn of_head(head: &[u8], ended: bool) -> Result<Option<(Self, Vec<Note>)>, ImportError> {
        let unreadable = |reason: &str| Err(ImportError::Unreadable(reason.to_owned()));
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return unreadable("the file is UTF-16; save it as UTF-8");
        }
        if head.len() < 3 && !ended {
            return Ok(None);
        }
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        for delimiter in DELIMITERS {
            let mut records = Records::new(delimiter);
            records.feed(head);
            if ended {
                records.end();
            }
            match records.next() {
                None if !ended && head.len() <= MAX_RECORD_BYTES => return Ok(None),
                None => return unreadable("the file is empty"),
                Some(Numbered {
                    content: Err(reason), ..
                }) => {
                    return unreadable(&format!("the header cannot be read: it {reason}"));
                }
                Some(Numbered {
                    content: Ok(header),
                    line,
                }) => {
                    if let Some(found) = Self::of_header(records, &header, line) {
                        return Ok(Some(found));
                    }
                }
            }
        }
        unreadable("the header is neither one of ours, which has a column sku, nor one of a Shopify product export")
    }

    fn of_header(mut records: Records, header: &Record, line: u64) -> Option<(Self, Vec<Note>)> {
        let names: Vec<String> = (0..header.len()).map(|at| header.get(at).trim().to_owned()).collect();
        let (layout, unknown) = if let Some(header) = Header::of_names(&names) {
            (Layout::Shopify(Box::new(Shopify::new(header))), Vec::new())
        } else {
            let (columns, unknown) = Columns::of_header(&names)?;
            (Layout::Own(columns), unknown)
        };
        let width = names.len();
        records.set_names(names);
        let notes = unknown.into_iter().map(|name| {
            Note::new(
                line,
                format!("the column {name:?} is not known, or stands twice, and is passed over"),
            )
        });
        let table = Self { records, width, layout };
        Some((table, notes.collect()))
    }

    /// Makes something of what comes next, if there is anything.
    fn read(&mut self, maker: &mut RowMaker, ready: &mut VecDeque<Entry>, ended: bool) -> bool {
        if let Layout::Shopify(shopify) = &mut self.layout
            && let Some(entry) = shopify.next(maker)
        {
            ready.push_back(entry);
            return true;
        }
        let Some(Numbered { line, content }) = self.records.next() else {
            return ended && self.end(maker, ready);
        };
        let record = content.and_then(|record| self.check_width(line, record, ready));
        match (record, &mut self.layout) {
            (Err(reason), _) => ready.push_back(Entry::Refused(Note::new(line, reason))),
            (Ok(record), Layout::Shopify(shopify)) => shopify.take(line, record),
            (Ok(record), Layout::Own(columns)) => {
                let said = columns.read(&record, maker.currency);
                ready.push_back(entry(line, maker.row(said, Identity::Sku, Columns::NAMES)));
            }
        }
        true
    }

    /// The last product of an export ends with the file.
    fn end(&mut self, maker: &mut RowMaker, ready: &mut VecDeque<Entry>) -> bool {
        let Layout::Shopify(shopify) = &mut self.layout else {
            return false;
        };
        shopify.end();
        let entry = shopify.next(maker);
        let is_any = entry.is_some();
        ready.extend(entry);
        is_any
    }

    /// A record that has more to say than the header has columns is none: a quote or a comma is wrong in it.
    fn check_width(&self, line: u64, record: Record, ready: &mut VecDeque<Entry>) -> Result<Record, String> {
        let (fields, columns) = (record.len(), self.width);
        let is_beyond = (columns..fields).any(|at| !record.get(at).is_empty());
        if is_beyond {
            return Err(format!(
                "has {fields} fields below {columns} columns: is a quote missing?"
            ));
        }
        if fields < columns {
            let others = match self.layout {
                Layout::Own(_) => "nothing is said about the others",
                Layout::Shopify(_) => "the others are taken as empty",
            };
            let note = format!("has {fields} fields below {columns} columns; {others}");
            ready.push_back(Entry::Warning(Note::new(line, note)));
        }
        Ok(record)
    }
}

fn entry_of_line(line: Numbered<String>, maker: &mut RowMaker) -> Entry {
    let said = line.content.and_then(|text| ndjson::read(&text));
    let row = said.and_then(|said| maker.row(said, Identity::Sku, Columns::NAMES));
    entry(line.line, row)
}

fn entry(line: u64, row: Result<BatchRow, String>) -> Entry {
    match row {
        Ok(wanted) => Entry::Row(Box::new(Row {
            line,
            wanted,
            name_of: Columns::NAMES,
        })),
        Err(reason) => Entry::Refused(Note::new(line, reason)),
    }
}
