//! One variant of a Shopify product.

use product_api::Options;
use values::Currency;

use super::super::csv::Record;
use super::super::row::{FamilySaid, Said, whole_number, yes_or_no};
use super::head::{Head, address};
use super::header::{Column, Header};
use super::{clean_line, without_apostrophe};
use crate::service::draft::{Given, MoneyDraft};
use crate::service::file::price;
use crate::store::Field;

/// A line about a variant, beside what its product says.
pub(super) struct VariantLine<'a> {
    pub(super) header: &'a Header,
    pub(super) record: &'a Record,
    pub(super) head: &'a Head,
    pub(super) handle: &'a str,
    pub(super) currency: Currency,
}

impl VariantLine<'_> {
    /// What the line says, but for the sku, and what of it is taken otherwise.
    pub(super) fn read(&self, warnings: &mut Vec<String>) -> Said {
        let mut said = Said {
            unsaid: self.unsaid(),
            ..Said::default()
        };
        let head = self.head;
        let options = said.faults.take("/options", self.options(warnings));
        let price = self.money(&mut said, Column::Price, Field::Price);
        let compare_at = self.money(&mut said, Column::CompareAt, Field::CompareAtPrice);
        let weight = said.faults.take("/weight_grams", self.weight_grams());
        let stock = said.faults.take("/stock", self.stock(warnings));
        let published = said.faults.take("/published", head.published.clone());
        let images = head.images_with(self.own_image(warnings));
        let keeps_looks = [Field::Name, Field::Description, Field::Images]
            .iter()
            .any(|field| said.unsaid.contains(field));
        said.family = (!keeps_looks).then(|| FamilySaid {
            name: head.title.clone(),
            description: head.body.clone(),
            images: head.images.clone(),
        });
        let draft = &mut said.draft;
        draft.name = Some(head.title.clone());
        draft.description = Some(head.body.clone());
        draft.category = not_empty(&head.category);
        draft.tags = Some(head.tags.clone());
        draft.vendor = not_empty(&head.vendor);
        draft.images = Some(images);
        draft.family = Some(self.handle.to_owned());
        draft.options = options;
        draft.price = price;
        // Nothing, and zero, both mean that there is none.
        draft.compare_at_price = compare_at.filter(|price| price.amount > 0);
        draft.stock = stock.flatten().map_or(Given::Null, Given::Value);
        draft.published = published;
        draft.barcode = not_empty(&clean_line(without_apostrophe(self.cell(Column::Barcode))));
        draft.weight_grams = weight.flatten();
        said
    }

    fn cell(&self, column: Column) -> &str {
        self.header.cell(self.record, column)
    }

    /// What the file has no column for. A price that is empty says nothing either.
    fn unsaid(&self) -> Vec<Field> {
        let says = |columns: &[Column]| columns.iter().any(|column| self.header.has(*column));
        let said = [
            (Field::Name, says(&[Column::Title])),
            (Field::Description, says(&[Column::Body])),
            (Field::Category, says(&[Column::Type, Column::Category])),
            (Field::Tags, says(&[Column::Tags])),
            (Field::Vendor, says(&[Column::Vendor])),
            (Field::Images, says(&[Column::Image, Column::VariantImage])),
            (Field::Price, !self.cell(Column::Price).is_empty()),
            (Field::CompareAtPrice, says(&[Column::CompareAt])),
            (Field::Published, says(&[Column::Published, Column::Status])),
            (Field::Barcode, says(&[Column::Barcode])),
            (Field::WeightGrams, says(&[Column::Grams, Column::Weight])),
        ];
        let unsaid = said.into_iter().filter(|(_, is_said)| !is_said);
        unsaid.map(|(field, _)| field).collect()
    }

    /// Whether the file says anything of stock at all.
    pub(super) fn says_stock(&self) -> bool {
        [Column::Tracker, Column::Quantity, Column::Policy]
            .iter()
            .any(|column| self.header.has(*column))
    }

    fn options(&self, warnings: &mut Vec<String>) -> Result<Options, String> {
        let mut options: Vec<(String, String)> = Vec::new();
        for (at, value) in self
            .header
            .options(self.record, Column::OptionValue)
            .into_iter()
            .enumerate()
        {
            let value = clean_line(value);
            let mut name = self.head.options.get(at).cloned().unwrap_or_default();
            let is_none = name.is_empty() || name.eq_ignore_ascii_case("Title");
            if value.is_empty() || (is_none && value.eq_ignore_ascii_case("Default Title")) {
                continue;
            }
            if name.is_empty() {
                name = format!("Option{}", at + 1);
                warnings.push(format!("option {} has no name; it is called {name}", at + 1));
            }
            if options.iter().any(|(known, _)| *known == name) {
                return Err(format!("have {name:?} twice"));
            }
            options.push((name, value));
        }
        Ok(Options(options))
    }

    fn money(&self, said: &mut Said, column: Column, field: Field) -> Option<MoneyDraft> {
        let text = self.cell(column);
        if text.is_empty() {
            return None;
        }
        let amount = said
            .faults
            .take(&format!("/{field}"), price::parse(text, self.currency));
        if amount.is_none() {
            // Told already; it is not missing beside.
            said.unsaid.push(field);
        }
        Some(MoneyDraft {
            amount: amount?,
            currency: self.currency.code().to_owned(),
        })
    }

    /// Counted where something keeps count and the sale ends at zero.
    fn stock(&self, warnings: &mut Vec<String>) -> Result<Option<i64>, String> {
        let policy = self.cell(Column::Policy);
        let goes_on = policy.eq_ignore_ascii_case("continue") || yes_or_no(policy) == Ok(true);
        if goes_on || self.cell(Column::Tracker).is_empty() {
            return Ok(None);
        }
        let quantity = self.cell(Column::Quantity);
        if quantity.is_empty() {
            warnings.push("the stock is counted, but the file has no number; it is 0".to_owned());
            return Ok(Some(0));
        }
        let quantity = whole_number(quantity)?;
        if quantity < 0 {
            warnings.push(format!("the stock is {quantity}; it is taken as 0"));
        }
        Ok(Some(quantity.max(0)))
    }

    fn weight_grams(&self) -> Result<Option<i64>, String> {
        let grams = self.cell(Column::Grams);
        let (text, grams_of_one) = if grams.is_empty() {
            let unit = self.cell(Column::WeightUnit).to_ascii_lowercase();
            let grams_of_one = match unit.as_str() {
                "kg" => 1000.0,
                "lb" => 453.592_37,
                "oz" => 28.349_523_125,
                _ => 1.0,
            };
            (self.cell(Column::Weight), grams_of_one)
        } else {
            (grams, 1.0)
        };
        if text.is_empty() {
            return Ok(None);
        }
        let number: Option<f64> = text.parse().ok().filter(|number: &f64| (0.0..1e12).contains(number));
        let number = number.ok_or_else(|| format!("{text:?} is not a weight"))?;
        #[expect(clippy::cast_possible_truncation, reason = "it was bounded above")]
        let grams = (number * grams_of_one).round() as i64;
        Ok(Some(grams))
    }

    fn own_image(&self, warnings: &mut Vec<String>) -> Option<String> {
        let text = self.cell(Column::VariantImage);
        let url = address(text);
        if url.is_none() && !text.is_empty() {
            warnings.push(format!(
                "the image {text:?} is left out: it is not an absolute http or https address"
            ));
        }
        url
    }
}

fn not_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
