//! Our own tables.

use std::collections::HashMap;

use values::Currency;

use super::csv::Record;
use super::row::{FamilySaid, NameOf, Said, whole_number, yes_or_no};
use crate::service::draft::{Given, MoneyDraft};
use crate::service::file::{COLUMNS, FAMILY_DESCRIPTION, FAMILY_IMAGES, FAMILY_NAME, cells, price};
use crate::store::Field;

/// Where our columns stand in a file.
pub(super) struct Columns(HashMap<&'static str, usize>);

/// A line of a file, by column.
struct Line<'a> {
    columns: &'a Columns,
    record: &'a Record,
    said: Said,
}

impl Columns {
    /// `None` if it is not one of our tables: ours have a `sku`. Columns that are not ours are named beside.
    pub(super) fn of_header(names: &[String]) -> Option<(Self, Vec<String>)> {
        let mut columns = HashMap::new();
        let mut unknown = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let ours = COLUMNS.into_iter().find(|column| name.eq_ignore_ascii_case(column));
            match ours {
                Some(column) if !columns.contains_key(column) => {
                    columns.insert(column, at);
                }
                _ => unknown.push(name.clone()),
            }
        }
        columns.contains_key("sku").then_some((Self(columns), unknown))
    }

    /// What a record says; prices are in its own currency, else in the one given.
    pub(super) fn read(&self, record: &Record, currency: Currency) -> Said {
        let line = Line {
            columns: self,
            record,
            said: Said::default(),
        };
        line.read(currency)
    }

    /// The columns are called as the members are.
    pub(super) const NAMES: NameOf = |member| member;
}

impl<'a> Line<'a> {
    fn read(mut self, default: Currency) -> Said {
        let currency = match self.cell("currency") {
            None | Some("") => Some(default),
            Some(code) => self.said.faults.take("/currency", code.to_ascii_uppercase().parse()),
        };
        let currency = currency.unwrap_or(default);
        self.said.draft.sku = self.cell("sku").filter(|sku| !sku.is_empty()).map(str::to_owned);
        self.said.draft.name = self.required(Field::Name, |text| Ok(text.to_owned()));
        self.said.draft.description = self.optional(Field::Description, |text| Ok(text.to_owned()));
        self.said.draft.category = self.optional(Field::Category, |text| Ok(text.to_owned()));
        self.said.draft.tags = self.optional(Field::Tags, cells::read_tags);
        self.said.draft.vendor = self.optional(Field::Vendor, |text| Ok(text.to_owned()));
        self.said.draft.images = self.optional(Field::Images, cells::read_images);
        self.said.draft.family = self.optional(Field::Family, |text| Ok(text.to_owned()));
        self.said.draft.options = self.optional(Field::Options, cells::read_options);
        self.said.draft.price = self.required(Field::Price, |text| money(text, currency));
        self.said.draft.compare_at_price = self.optional(Field::CompareAtPrice, |text| money(text, currency));
        self.said.draft.stock = match self.cell("stock") {
            None => {
                self.said.unsaid.push(Field::Stock);
                Given::Missing
            }
            Some("") => Given::Null,
            Some(text) => match self.said.faults.take("/stock", whole_number(text)) {
                Some(stock) => Given::Value(stock),
                None => Given::Null,
            },
        };
        self.said.draft.published = self.required(Field::Published, yes_or_no);
        self.said.draft.barcode = self.optional(Field::Barcode, |text| Ok(text.to_owned()));
        self.said.draft.weight_grams = self.optional(Field::WeightGrams, whole_number);
        self.said.family = self.family();
        self.said
    }

    fn cell(&self, column: &str) -> Option<&'a str> {
        let at = *self.columns.0.get(column)?;
        (at < self.record.len()).then(|| self.record.get(at))
    }

    /// What cannot be empty: an empty cell says nothing.
    fn required<T>(&mut self, field: Field, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let is_empty = self.cell(&field.to_string()).is_none_or(str::is_empty);
        if is_empty {
            self.said.unsaid.push(field);
            return None;
        }
        self.optional(field, read)
    }

    /// What can be empty.
    fn optional<T>(&mut self, field: Field, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let column = field.to_string();
        let Some(text) = self.cell(&column) else {
            self.said.unsaid.push(field);
            return None;
        };
        if text.is_empty() {
            return None;
        }
        let pointer = format!("/{column}");
        let value = self.said.faults.take(&pointer, read(text));
        if value.is_none() && field.is_required() {
            // Told already; it is not missing beside.
            self.said.unsaid.push(field);
        }
        value
    }

    fn family(&mut self) -> Option<FamilySaid> {
        let name = self.cell(FAMILY_NAME).filter(|name| !name.is_empty())?;
        let images = cells::read_images(self.cell(FAMILY_IMAGES).unwrap_or_default());
        Some(FamilySaid {
            name: name.to_owned(),
            description: self.cell(FAMILY_DESCRIPTION).unwrap_or_default().to_owned(),
            images: self.said.faults.take("/family_images", images).unwrap_or_default(),
        })
    }
}

fn money(text: &str, currency: Currency) -> Result<MoneyDraft, String> {
    Ok(MoneyDraft {
        amount: price::parse(text, currency)?,
        currency: currency.code().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_ours_has_a_sku() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Columns::of_header(&names).map(|(_, unknown)| unknown)
        };
        assert_eq!(
            of(&["SKU", "Name", "colour", "name"]),
            Some(vec!["colour".to_owned(), "name".to_owned()])
        );
        assert_eq!(of(&["name"]), None);
    }
}
