//! Many products at once, as an import has them.
//!
//! An import prepares [`BatchRow`]s, hands them over in chunks of up to 2,000 and gets one [`BatchOutcome`] a row, in
//! order. A chunk is one unit of work with a handful of statements. A row that cannot be written is refused by itself;
//! an `Err` is about the whole chunk (the database is away, or somebody else wrote the same sku at the same moment): then
//! nothing of it was written, and it can be handed over again.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use product_api::Product;
use values::{ProductId, Sku};

use super::record::{Records, options_of, says_the_same};
use super::{Family, ProductRecord, StockChange};

/// One product to be created or updated.
#[derive(Debug, Clone)]
pub struct BatchRow {
    /// What is wanted. Its id, version and time of creation are used only if it is new. Its stock is what a new product
    /// begins with; an existing one's is left alone unless `set_stock`.
    pub product: Product,
    /// What nothing is said about: an existing product keeps it, and a new one gets what stands here, unless a product
    /// cannot be without it (see [`Field::is_required`]). A sku that is not said is made up.
    pub unsaid: Arc<[Field]>,
    /// How an existing product is recognised.
    pub identity: Identity,
    /// What a new product takes, the first that is free, with a warning, if another product owns the wanted sku. An
    /// existing one keeps the sku it has.
    pub fallback_skus: Vec<Sku>,
    /// What the family looks like; without it a new family is founded by its first member.
    pub family: Option<Arc<Family>>,
    /// Whether an existing product's stock is set as well.
    pub set_stock: bool,
}

/// How an existing product is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// By its sku.
    Sku,
    /// By family and options.
    FamilyAndOptions,
}

/// What can be said of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the member of the product that has its name")]
pub enum Field {
    Sku,
    Name,
    Description,
    Category,
    Tags,
    Vendor,
    Images,
    Family,
    Options,
    Price,
    CompareAtPrice,
    Stock,
    Published,
    Barcode,
    WeightGrams,
}

/// A sku that another product owns, and the one that is used instead.
#[derive(Debug, Clone, PartialEq)]
pub struct Replaced {
    /// The one that was wanted.
    pub wanted: Sku,
    /// Whose it is.
    pub owner: Box<Product>,
    /// The one that is used.
    pub used: Sku,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchOutcome {
    /// It is new.
    Created {
        /// Its id.
        id: ProductId,
        /// Where the wanted sku is another product's.
        replaced_sku: Option<Replaced>,
    },
    /// It was there; `changed` says whether there was anything to write.
    Updated {
        /// Its id.
        id: ProductId,
        /// Where the wanted sku is another product's.
        replaced_sku: Option<Replaced>,
        /// Whether anything of it is new.
        changed: bool,
    },
    /// It would be new, and these were not said.
    Incomplete(Vec<Field>),
    /// A living product has the sku, and there is no other to fall back to.
    SkuTaken,
    /// Another member of the family has the options.
    OptionsTaken,
}

impl Field {
    /// Whether a new product cannot be without it.
    pub fn is_required(self) -> bool {
        matches!(self, Self::Name | Self::Price | Self::Stock)
    }

    /// Takes it over from what is kept.
    fn keep(self, product: &mut Product, kept: &Product) {
        match self {
            Self::Sku => product.sku = kept.sku.clone(),
            Self::Name => product.name.clone_from(&kept.name),
            Self::Description => product.description.clone_from(&kept.description),
            Self::Category => product.category.clone_from(&kept.category),
            Self::Tags => product.tags.clone_from(&kept.tags),
            Self::Vendor => product.vendor.clone_from(&kept.vendor),
            Self::Images => product.images.clone_from(&kept.images),
            Self::Family => product.family.clone_from(&kept.family),
            Self::Options => product.options = kept.options.clone(),
            Self::Price => product.price = kept.price,
            Self::CompareAtPrice => product.compare_at_price = kept.compare_at_price,
            // Written by itself: see `BatchRow::set_stock`.
            Self::Stock => {}
            Self::Published => product.published = kept.published,
            Self::Barcode => product.barcode.clone_from(&kept.barcode),
            Self::WeightGrams => product.weight_grams = kept.weight_grams,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sku => "sku",
            Self::Name => "name",
            Self::Description => "description",
            Self::Category => "category",
            Self::Tags => "tags",
            Self::Vendor => "vendor",
            Self::Images => "images",
            Self::Family => "family",
            Self::Options => "options",
            Self::Price => "price",
            Self::CompareAtPrice => "compare_at_price",
            Self::Stock => "stock",
            Self::Published => "published",
            Self::Barcode => "barcode",
            Self::WeightGrams => "weight_grams",
        })
    }
}

impl BatchRow {
    /// What is wanted of a product that is there.
    fn over(&self, kept: &Product) -> Product {
        let mut product = self.product.clone();
        if self.unsaid.is_empty() {
            return product;
        }
        for field in self.unsaid.iter() {
            field.keep(&mut product, kept);
        }
        // A struck price in another currency says nothing beside the new one.
        let currency = product.price.currency();
        product.compare_at_price = product.compare_at_price.filter(|price| price.currency() == currency);
        product
    }
}

/// What a batch does, worked out in memory from what there was.
#[derive(Debug, Default)]
pub(super) struct Plan {
    entries: Vec<Entry>,
    by_sku: HashMap<String, usize>,
    by_options: HashMap<FamilyAndOptions, usize>,
}

/// See [`options_of`].
type FamilyAndOptions = (String, String);

/// A product as it is to be in the end.
#[derive(Debug)]
struct Entry {
    product: Product,
    options: Option<FamilyAndOptions>,
    /// It was there before.
    kept: bool,
    /// Something of it is to be written, beside its stock.
    changed: bool,
    set_stock: Option<StockChange>,
}

/// What is to be written, in this order.
#[derive(Debug, Default)]
pub(super) struct Writes {
    /// Products that were there.
    pub(super) updates: Vec<ProductRecord>,
    /// Products that were not.
    pub(super) inserts: Vec<ProductRecord>,
    /// Stock of products that were there, in the order of their ids: sales lock shelves in that order too.
    pub(super) stock: Vec<(ProductId, StockChange)>,
}

impl Plan {
    /// A product that is there now. Those that the rows name, by sku or by options, must all be told; twice is no harm.
    pub(super) fn know(&mut self, product: Product) {
        if self.by_sku.contains_key(product.sku.as_str()) {
            return;
        }
        let entry = Entry {
            options: options_of(&product),
            product,
            kept: true,
            changed: false,
            set_stock: None,
        };
        self.enter(self.entries.len(), &entry);
        self.entries.push(entry);
    }

    /// Works out what becomes of a row.
    pub(super) fn add(&mut self, row: &BatchRow) -> BatchOutcome {
        let by_options = row.identity == Identity::FamilyAndOptions && row.product.family.is_some();
        let target = if by_options {
            self.owner_of_options(options_of(&row.product).as_ref())
        } else {
            self.owner_of_sku(&row.product.sku)
        };
        let mut product = match target {
            Some(at) => row.over(&self.entries[at].product),
            None => row.product.clone(),
        };
        let missing = row.unsaid.iter().filter(|field| field.is_required());
        let missing: Vec<Field> = missing.copied().collect();
        if target.is_none() && !missing.is_empty() {
            return BatchOutcome::Incomplete(missing);
        }
        let options = options_of(&product);
        let owner_of_options = self.owner_of_options(options.as_ref());
        if owner_of_options.is_some() && owner_of_options != target {
            return BatchOutcome::OptionsTaken;
        }
        let mut replaced_sku = None;
        let owner_of_sku = self.owner_of_sku(&product.sku);
        if let Some(owner) = owner_of_sku.filter(|_| owner_of_sku != target) {
            let used = match target {
                Some(at) => Some(self.entries[at].product.sku.clone()),
                None => self.first_free(&row.fallback_skus),
            };
            let Some(used) = used else {
                return BatchOutcome::SkuTaken;
            };
            replaced_sku = Some(Replaced {
                wanted: product.sku,
                owner: Box::new(self.entries[owner].product.clone()),
                used: used.clone(),
            });
            product.sku = used;
        }
        match target {
            Some(at) => self.update(at, product, options, row.set_stock, replaced_sku),
            None => self.create(product, options, replaced_sku),
        }
    }

    fn owner_of_sku(&self, sku: &Sku) -> Option<usize> {
        self.by_sku.get(sku.as_str()).copied()
    }

    fn owner_of_options(&self, options: Option<&FamilyAndOptions>) -> Option<usize> {
        self.by_options.get(options?).copied()
    }

    fn first_free(&self, skus: &[Sku]) -> Option<Sku> {
        skus.iter().find(|sku| self.owner_of_sku(sku).is_none()).cloned()
    }

    fn create(
        &mut self,
        product: Product,
        options: Option<FamilyAndOptions>,
        replaced_sku: Option<Replaced>,
    ) -> BatchOutcome {
        let id = product.id;
        let entry = Entry {
            product,
            options,
            kept: false,
            changed: true,
            set_stock: None,
        };
        self.enter(self.entries.len(), &entry);
        self.entries.push(entry);
        BatchOutcome::Created { id, replaced_sku }
    }

    fn update(
        &mut self,
        at: usize,
        wanted: Product,
        options: Option<FamilyAndOptions>,
        set_stock: bool,
        replaced_sku: Option<Replaced>,
    ) -> BatchOutcome {
        let entry = &self.entries[at];
        let id = entry.product.id;
        let writes_content = !says_the_same(&wanted, &entry.product);
        let writes_stock = set_stock && wanted.stock != entry.product.stock;
        let outcome = BatchOutcome::Updated {
            id,
            replaced_sku,
            changed: writes_content || writes_stock,
        };
        let updated = Entry {
            options,
            kept: entry.kept,
            changed: entry.changed || writes_content,
            set_stock: if writes_stock {
                Some(StockChange::Set(wanted.stock))
            } else {
                entry.set_stock
            },
            product: Product {
                id,
                stock: if set_stock { wanted.stock } else { entry.product.stock },
                version: entry.product.version,
                created_at: entry.product.created_at,
                ..wanted
            },
        };
        self.leave(at);
        self.enter(at, &updated);
        self.entries[at] = updated;
        outcome
    }

    fn enter(&mut self, at: usize, entry: &Entry) {
        if let Some(options) = &entry.options {
            self.by_options.insert(options.clone(), at);
        }
        self.by_sku.insert(entry.product.sku.as_str().to_owned(), at);
    }

    fn leave(&mut self, at: usize) {
        let entry = &self.entries[at];
        if let Some(options) = &entry.options {
            self.by_options.remove(options);
        }
        self.by_sku.remove(entry.product.sku.as_str());
    }

    /// What is to be written.
    pub(super) fn finish(self) -> Writes {
        let (mut writes, mut records) = (Writes::default(), Records::default());
        for entry in self.entries {
            if let Some(stock) = entry.set_stock.filter(|_| entry.kept) {
                writes.stock.push((entry.product.id, stock));
            }
            if entry.changed {
                let record = records.record(entry.product);
                let kind = if entry.kept {
                    &mut writes.updates
                } else {
                    &mut writes.inserts
                };
                kind.push(record);
            }
        }
        writes.stock.sort_unstable_by_key(|(id, _)| *id);
        writes
    }
}
