//! The columns of a Shopify product export, by their names of all years.

use std::collections::HashMap;

use super::super::csv::Record;
use crate::service::draft::MAX_OPTIONS;

/// A column that means something here. All others are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Column {
    Handle,
    Title,
    Body,
    Vendor,
    Type,
    Category,
    Tags,
    Published,
    Status,
    OptionName(usize),
    OptionValue(usize),
    Sku,
    Grams,
    Weight,
    WeightUnit,
    Tracker,
    Quantity,
    Policy,
    Price,
    CompareAt,
    Barcode,
    Image,
    ImageAlt,
    ImagePosition,
    VariantImage,
    GiftCard,
}

/// Where the columns stand in a file.
pub(in super::super) struct Header(HashMap<Column, usize>);

impl Column {
    /// The column with this name, in whatever case.
    fn of_name(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        Some(match name.as_str() {
            "handle" | "url handle" => Self::Handle,
            "title" => Self::Title,
            "body (html)" | "body html" | "body" | "description" => Self::Body,
            "vendor" => Self::Vendor,
            "type" | "product type" | "custom product type" => Self::Type,
            "product category" | "standard product type" | "standardized product type" => Self::Category,
            "tags" => Self::Tags,
            "published" | "published on online store" => Self::Published,
            "status" => Self::Status,
            "variant sku" | "sku" => Self::Sku,
            "variant grams" | "weight value (grams)" => Self::Grams,
            "variant weight" => Self::Weight,
            "variant weight unit" => Self::WeightUnit,
            "variant inventory tracker" | "inventory tracker" => Self::Tracker,
            "variant inventory qty" | "variant inventory quantity" | "inventory quantity" => Self::Quantity,
            "variant inventory policy" | "continue selling when out of stock" => Self::Policy,
            "variant price" | "price" => Self::Price,
            "variant compare at price" | "variant compare-at price" | "compare at price" | "compare-at price" => {
                Self::CompareAt
            }
            "variant barcode" | "variant barcodes" | "barcode" | "barcodes" => Self::Barcode,
            "image src" | "product image url" => Self::Image,
            "image alt text" => Self::ImageAlt,
            "image position" => Self::ImagePosition,
            "variant image" | "variant image url" => Self::VariantImage,
            "gift card" => Self::GiftCard,
            other => return Self::of_option(other),
        })
    }

    /// `option2 name` and its like.
    fn of_option(name: &str) -> Option<Self> {
        let (number, kind) = name.strip_prefix("option")?.split_once(' ')?;
        let number = number
            .parse()
            .ok()
            .filter(|number| (1..=MAX_OPTIONS).contains(number))?;
        match kind {
            "name" => Some(Self::OptionName(number)),
            "value" => Some(Self::OptionValue(number)),
            _ => None,
        }
    }
}

impl Header {
    /// `None` if these are not the columns of such an export.
    pub(in super::super) fn of_names(names: &[String]) -> Option<Self> {
        let mut columns = HashMap::new();
        for (at, name) in names.iter().enumerate() {
            if let Some(column) = Column::of_name(name) {
                columns.entry(column).or_insert(at);
            }
        }
        let is_there = |name: &str| names.iter().any(|known| known.trim().eq_ignore_ascii_case(name));
        let is_shopify = columns.contains_key(&Column::Handle)
            || columns.contains_key(&Column::Title)
                && (columns.contains_key(&Column::OptionValue(1)) || is_there("variant price"));
        is_shopify.then_some(Self(columns))
    }

    pub(super) fn has(&self, column: Column) -> bool {
        self.0.contains_key(&column)
    }

    /// A cell without blanks at its ends; empty if the file has no such column.
    pub(super) fn cell<'a>(&self, record: &'a Record, column: Column) -> &'a str {
        self.0.get(&column).map_or("", |at| record.get(*at).trim())
    }

    /// Names or values of the options in a line, in order.
    pub(super) fn options<'a>(&self, record: &'a Record, of: fn(usize) -> Column) -> Vec<&'a str> {
        (1..=MAX_OPTIONS).map(|number| self.cell(record, of(number))).collect()
    }

    /// Whether a line has what only variants have.
    pub(super) fn is_variant(&self, record: &Record) -> bool {
        let says = |column| !self.cell(record, column).is_empty();
        says(Column::Sku) || says(Column::Price) || (1..=MAX_OPTIONS).any(|number| says(Column::OptionValue(number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_shopify(header: &str) -> bool {
        let names: Vec<String> = header.split(',').map(str::to_owned).collect();
        Header::of_names(&names).is_some()
    }

    #[test]
    fn an_export_is_known_by_its_header() {
        assert!(is_shopify("Handle,Title,Variant SKU") && is_shopify(" title ,URL HANDLE,sku"));
        assert!(is_shopify("Title,Option1 Value,Price") && is_shopify("Title,Variant Price"));
        assert!(!is_shopify("sku,name,price,family") && !is_shopify("Title,Price"));
    }

    #[test]
    fn options_are_known_by_their_number() {
        assert_eq!(Column::of_name("Option3 Value"), Some(Column::OptionValue(3)));
        for other in [
            "Option0 Name",
            "Option11 Name",
            "Option1 Linked To",
            "Option Name",
            "option1",
        ] {
            assert_eq!(Column::of_name(other), None, "{other}");
        }
    }
}
