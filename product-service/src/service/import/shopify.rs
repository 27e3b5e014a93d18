//! A Shopify product export, as merchants have it: `IMPORT.md` says what becomes of each of its quirks.
//!
//! A product spans many lines, and its pictures may stand on any of them: so the lines of one handle that follow each
//! other are gathered, within bounds, before its variants are made one by one.

mod head;
mod header;
mod names;
mod variant;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use product_api::Options;
use values::Sku;

use super::csv::Record;
use super::parser::Entry;
use super::report::Note;
use super::row::{NameOf, Row, RowMaker, Said, yes_or_no};
use crate::store::{Field, Identity};
use head::{Head, Heads, ImageLine, images};
use header::Column;
use variant::VariantLine;

pub(super) use header::Header;

/// The most lines of one product that follow each other.
const MAX_LINES: usize = 5_000;
/// The most that they say, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Reads an export line by line.
pub(super) struct Shopify {
    header: Header,
    heads: Heads,
    gathering: Option<Gathering>,
    making: Option<Making>,
    ready: VecDeque<Entry>,
}

/// The lines of one product so far.
struct Gathering {
    handle: String,
    /// Those that may be variants, with where they stand.
    lines: Vec<(u64, Record)>,
    images: Vec<ImageLine>,
    count: usize,
    weight: usize,
}

/// The variants of one product that are still to be made.
struct Making {
    handle: String,
    head: Arc<Head>,
    lines: std::vec::IntoIter<(u64, Record)>,
    /// Which options stood on which line.
    seen: HashMap<Options, u64>,
}

impl Shopify {
    pub(super) fn new(header: Header) -> Self {
        let mut ready = VecDeque::new();
        if header.has(Column::Quantity) && !header.has(Column::Tracker) {
            let note = "there is no column Variant Inventory Tracker: nothing is counted, whatever the quantity says";
            ready.push_back(Entry::Warning(Note::new(1, note)));
        }
        Self {
            header,
            heads: Heads::default(),
            gathering: None,
            making: None,
            ready,
        }
    }

    /// What can be told by now.
    pub(super) fn next(&mut self, maker: &mut RowMaker) -> Option<Entry> {
        if self.ready.is_empty() {
            let (number, record) = self.making.as_mut()?.lines.next()?;
            self.make(number, &record, maker);
        }
        self.ready.pop_front()
    }

    /// One more line; what can be told must have been asked for.
    pub(super) fn take(&mut self, number: u64, record: Record) {
        let title = self.header.cell(&record, Column::Title);
        let mut handle = names::handle(self.header.cell(&record, Column::Handle));
        if handle.is_empty() {
            handle = match &self.gathering {
                // As some write a line that goes on with the product above it.
                Some(gathering) if title.is_empty() => gathering.handle.clone(),
                _ => names::handle(title),
            };
        }
        if handle.is_empty() {
            let refused = Note::new(number, "has neither a handle nor a title");
            self.ready.push_back(Entry::Refused(refused));
            return;
        }
        if self
            .gathering
            .as_ref()
            .is_none_or(|gathering| gathering.handle != handle)
        {
            self.end();
            let written = self.header.cell(&record, Column::Handle);
            if !written.is_empty() && written.to_lowercase() != handle {
                let note = format!("the handle {written:?} becomes {handle:?}");
                self.ready.push_back(Entry::Warning(Note::new(number, note)));
            }
            self.gathering = Some(Gathering::new(handle));
        }
        if let Some(gathering) = &mut self.gathering {
            let refused = gathering.take(&self.header, number, record);
            self.ready.extend(refused);
        }
    }

    /// The product whose lines were gathered is complete.
    pub(super) fn end(&mut self) {
        let Some(gathering) = self.gathering.take() else {
            return;
        };
        let mut notes = Vec::new();
        let Gathering {
            handle,
            mut lines,
            images: image_lines,
            ..
        } = gathering;
        let has_title = |record: &Record| !self.header.cell(record, Column::Title).is_empty();
        let names_options = |record: &Record| !self.header.cell(record, Column::OptionName(1)).is_empty();
        let known = self.heads.get(&handle);
        let at_head = if self.header.has(Column::Title) {
            lines.iter().position(|(_, record)| has_title(record))
        } else {
            let naming = lines.iter().position(|(_, record)| names_options(record));
            naming.or((known.is_none() && !lines.is_empty()).then_some(0))
        };
        let head = match (at_head, known) {
            (Some(at), _) => {
                let images = images(image_lines, &mut notes);
                Arc::new(Head::read(&self.header, &lines[at].1, images))
            }
            (None, known) => {
                for image in image_lines {
                    let note = "the image stands apart from the lines of its product and is left out";
                    notes.push(Note::new(image.line, note));
                }
                let Some(known) = known else {
                    for (number, _) in lines {
                        let reason = format!("no line before has the title of {handle:?}");
                        self.ready.push_back(Entry::Refused(Note::new(number, reason)));
                    }
                    self.ready.extend(notes.into_iter().map(Entry::Warning));
                    return;
                };
                known
            }
        };
        self.ready.extend(notes.into_iter().map(Entry::Warning));
        // A line with the title alone stands for a variant only where there is no other.
        if lines.iter().any(|(_, record)| self.header.is_variant(record)) {
            lines.retain(|(_, record)| self.header.is_variant(record));
        }
        self.heads.remember(&handle, head.clone());
        self.making = Some(Making {
            handle,
            head,
            lines: lines.into_iter(),
            seen: HashMap::new(),
        });
    }

    fn make(&mut self, number: u64, record: &Record, maker: &mut RowMaker) {
        let Some(making) = &mut self.making else {
            return;
        };
        let line = VariantLine {
            header: &self.header,
            record,
            head: &making.head,
            handle: &making.handle,
            currency: maker.currency,
        };
        let mut warnings = Vec::new();
        let mut said = line.read(&mut warnings);
        let options = said.draft.options.clone().unwrap_or_default();
        let made = names::skus(&making.handle, &options);
        let sku = clean_line(without_apostrophe(self.header.cell(record, Column::Sku)));
        if sku.is_empty() {
            said.unsaid.push(Field::Sku);
            said.draft.sku = Some(made[0].to_string());
        } else {
            said.draft.sku = Some(sku);
        }
        if yes_or_no(self.header.cell(record, Column::GiftCard)) == Ok(true) {
            warnings.push("is a gift card; it is taken as a product like any other".to_owned());
        }
        if let Some(before) = making.seen.insert(options, number) {
            warnings.push(format!(
                "is the same variant as line {before} and replaces what that says"
            ));
        }
        let says_stock = line.says_stock();
        self.ready.push_back(match row(maker, said, made, says_stock, number) {
            Ok(row) => Entry::Row(row),
            Err(reason) => Entry::Refused(Note::new(number, reason)),
        });
        let warnings = warnings.into_iter().map(|text| Entry::Warning(Note::new(number, text)));
        self.ready.extend(warnings);
    }
}

fn row(maker: &mut RowMaker, said: Said, made: [Sku; 2], says_stock: bool, line: u64) -> Result<Box<Row>, String> {
    let mut wanted = maker.row(said, Identity::FamilyAndOptions, NAMES)?;
    wanted.fallback_skus = made.into();
    wanted.set_stock &= says_stock;
    Ok(Box::new(Row {
        line,
        wanted,
        name_of: NAMES,
    }))
}

impl Gathering {
    fn new(handle: String) -> Self {
        Self {
            handle,
            lines: Vec::new(),
            images: Vec::new(),
            count: 0,
            weight: 0,
        }
    }

    /// One more line, or its refusal.
    fn take(&mut self, header: &Header, number: u64, record: Record) -> Option<Entry> {
        let is_variant = header.is_variant(&record);
        let has_title = !header.cell(&record, Column::Title).is_empty();
        self.count += 1;
        self.weight += record.weight();
        if self.count > MAX_LINES || self.weight > MAX_BYTES {
            let reason = format!("a product has at most {MAX_LINES} lines and 16 MiB");
            let note = Note::new(number, reason);
            return Some(if is_variant {
                Entry::Refused(note)
            } else {
                Entry::Warning(note)
            });
        }
        let url = header.cell(&record, Column::Image);
        if !url.is_empty() {
            self.images.push(ImageLine {
                line: number,
                url: url.to_owned(),
                alt: header.cell(&record, Column::ImageAlt).to_owned(),
                position: header.cell(&record, Column::ImagePosition).parse().ok(),
            });
        }
        let is_first = self.count == 1 && !header.has(Column::Title);
        if is_variant || has_title || is_first {
            self.lines.push((number, record));
        } else if url.is_empty() {
            let note = "has neither a variant nor an image and is passed over";
            return Some(Entry::Warning(Note::new(number, note)));
        }
        None
    }
}

/// What an export calls the members of a product.
const NAMES: NameOf = |member| match member {
    "name" => "title",
    "description" => "body",
    "category" => "type",
    "family" => "handle",
    "stock" => "inventory quantity",
    other => other,
};

/// Text of one line: a cell may have line breaks and tabs.
fn clean_line(text: &str) -> String {
    let clean = text.replace(char::is_control, " ");
    clean.trim().to_owned()
}

/// Spreadsheets are kept from reading `'0123` as a number by its first sign.
fn without_apostrophe(text: &str) -> &str {
    text.strip_prefix('\'').unwrap_or(text)
}
