//! From what a line says to what is written.

use std::sync::Arc;

use platform_clock::Clock;
use platform_problem::Faults;
use product_api::Image;
use uuid::Uuid;
use values::{Currency, ProductId, Sku, Timestamp};

use crate::service::draft::{self, Given, MoneyDraft, ProductDraft};
use crate::service::write::product_of;
use crate::store::{BatchRow, Family, Field, Identity};

/// The most faults of one line that are told.
const MAX_FAULTS: usize = 5;

/// What one line says of a product, before it is checked.
#[derive(Default)]
pub(super) struct Said {
    pub(super) draft: ProductDraft,
    pub(super) family: Option<FamilySaid>,
    /// What it says nothing about.
    pub(super) unsaid: Vec<Field>,
    /// Faults that were found while it was read.
    pub(super) faults: Faults,
}

/// What one line says of its family.
pub(super) struct FamilySaid {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) images: Vec<Image>,
}

/// A row to be written, and where it comes from.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) wanted: BatchRow,
    pub(super) name_of: NameOf,
}

/// What a file calls a member of a product.
pub(super) type NameOf = fn(&str) -> &str;

/// Makes rows.
pub(super) struct RowMaker {
    clock: Arc<dyn Clock>,
    /// The last id: those of a file rise, so that an export has its order.
    last: Uuid,
    pub(super) currency: Currency,
    pub(super) sets_stock: bool,
}

impl RowMaker {
    pub(super) fn new(clock: Arc<dyn Clock>, currency: Currency, sets_stock: bool) -> Self {
        Self {
            clock,
            last: Uuid::nil(),
            currency,
            sets_stock,
        }
    }

    /// The row that a line asks for, or all that is wrong with it.
    pub(super) fn row(&mut self, said: Said, identity: Identity, name_of: NameOf) -> Result<BatchRow, String> {
        let Said {
            mut draft,
            family,
            unsaid,
            mut faults,
        } = said;
        // What an existing product keeps stands in for itself; a new one is refused without it.
        for field in &unsaid {
            match field {
                Field::Sku if draft.sku.is_none() => draft.sku = Some("-".to_owned()),
                Field::Name => draft.name = Some("-".to_owned()),
                Field::Price => draft.price = Some(nothing(self.currency)),
                Field::Stock => draft.stock = Given::Null,
                _ => {}
            }
        }
        let sets_stock = self.sets_stock && !unsaid.contains(&Field::Stock);
        let family = family.and_then(|family| family.check(draft.family.as_deref(), &mut faults));
        let Some(new) = draft.into_new(&mut faults).filter(|_| faults.is_empty()) else {
            return Err(reason(faults, name_of));
        };
        // The time is that of the writing.
        let product = product_of(new.details, self.next_id(), new.stock, Timestamp::from_micros(0));
        Ok(BatchRow {
            product,
            unsaid: unsaid.into(),
            identity,
            fallback_skus: Vec::<Sku>::new(),
            family: family.map(Arc::new),
            set_stock: sets_stock,
        })
    }

    fn next_id(&mut self) -> ProductId {
        let id = self.clock.new_id();
        self.last = if id > self.last {
            id
        } else {
            Uuid::from_u128(self.last.as_u128() + 1)
        };
        self.last.into()
    }
}

impl FamilySaid {
    fn check(self, handle: Option<&str>, faults: &mut Faults) -> Option<Family> {
        if handle.is_none() {
            faults.add("/family_name", "stands without a family");
        }
        let name = draft::line(faults, "/family_name", self.name, draft::MAX_NAME)?;
        Some(Family {
            handle: handle?.to_owned(),
            name,
            description: draft::prose(faults, "/family_description", self.description),
            images: draft::images(faults, "/family_images", self.images),
        })
    }
}

fn nothing(currency: Currency) -> MoneyDraft {
    MoneyDraft {
        amount: 0,
        currency: currency.code().to_owned(),
    }
}

/// Faults in words.
fn reason(faults: Faults, name_of: NameOf) -> String {
    let problem = faults.into_problem();
    let told = problem.errors().iter().take(MAX_FAULTS).map(|fault| {
        let pointer = fault.pointer.trim_start_matches('/');
        let (member, rest) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
        format!("{}{rest} {}", name_of(member), fault.detail)
    });
    let mut told: Vec<String> = told.collect();
    let untold = problem.errors().len() - told.len();
    if untold > 0 {
        told.push(format!("and {untold} more faults"));
    }
    told.join("; ")
}

/// A whole number, also as a spreadsheet writes it (`12.0`).
pub(super) fn whole_number(text: &str) -> Result<i64, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_whole = fraction.bytes().all(|byte| byte == b'0');
    let number = whole.parse().ok().filter(|_| is_whole);
    number.ok_or_else(|| format!("{text:?} is not a whole number"))
}

/// Yes or no, as it is commonly written.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}
