//! Many products at once, as an import has them.
//!
//! An import prepares [`BatchRow`]s, hands them over in chunks of up to 500 and gets one [`BatchOutcome`] a row, in
//! order. A chunk is one unit of work with a handful of statements. A row that cannot be written is refused by itself;
//! an `Err` is about the whole chunk (the database is away, or somebody else wrote the same sku at the same moment): then
//! nothing of it was written, and it can be handed over again.

use std::collections::HashMap;

use product_api::Product;
use values::{ProductId, Sku};

use super::record::options_key;
use super::{Family, ProductRecord, StockChange};

/// One product to be created or updated.
#[derive(Debug, Clone)]
pub struct BatchRow {
    /// What is wanted. Its id, version and time of creation are used only if it is new. Its stock is what a new product
    /// begins with; an existing one's is left alone unless `set_stock`.
    pub record: ProductRecord,
    /// How an existing product is recognised.
    pub identity: Identity,
    /// The sku to take, with a warning, if another product owns the wanted one.
    pub fallback_sku: Option<Sku>,
    /// What the family looks like; without it a new family is founded by its first member.
    pub family: Option<Family>,
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

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchOutcome {
    /// It is new.
    Created {
        /// Its id.
        id: ProductId,
        /// The sku it got, where the wanted one is another product's.
        replaced_sku: Option<Sku>,
    },
    /// It was there; `changed` says whether there was anything to write.
    Updated {
        /// Its id.
        id: ProductId,
        /// The sku it has, where the wanted one is another product's.
        replaced_sku: Option<Sku>,
        /// Whether anything of it is new.
        changed: bool,
    },
    /// A living product has the sku, and there is no other to fall back to.
    SkuTaken,
    /// Another member of the family has the options.
    OptionsTaken,
}

/// What a batch does, worked out in memory from what there was.
#[derive(Debug, Default)]
pub(super) struct Plan {
    entries: Vec<Entry>,
    by_sku: HashMap<String, usize>,
    by_options: HashMap<(String, String), usize>,
}

/// A product as it is to be in the end.
#[derive(Debug)]
struct Entry {
    product: Product,
    options: Option<(String, String)>,
    /// It was there before.
    kept: bool,
    /// What is to be written of it.
    record: Option<ProductRecord>,
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
        let family = product.family.clone();
        let entry = Entry {
            options: family.map(|family| (family, options_key(&product.options))),
            product,
            kept: true,
            record: None,
            set_stock: None,
        };
        self.enter(self.entries.len(), &entry);
        self.entries.push(entry);
    }

    /// Works out what becomes of a row.
    pub(super) fn add(&mut self, row: &BatchRow) -> BatchOutcome {
        let owner_of_sku = self.by_sku.get(row.record.product.sku.as_str()).copied();
        let owner_of_options = options_of(&row.record).and_then(|options| self.by_options.get(&options).copied());
        let by_options = row.identity == Identity::FamilyAndOptions && row.record.options_key.is_some();
        let target = if by_options { owner_of_options } else { owner_of_sku };
        if owner_of_options.is_some() && owner_of_options != target {
            return BatchOutcome::OptionsTaken;
        }
        let mut record = row.record.clone();
        let mut replaced_sku = None;
        if owner_of_sku.is_some() && owner_of_sku != target {
            let Some(sku) = row.fallback_sku.clone().filter(|sku| self.is_free(sku, target)) else {
                return BatchOutcome::SkuTaken;
            };
            record = ProductRecord::new(Product {
                sku: sku.clone(),
                ..record.product
            });
            replaced_sku = Some(sku);
        }
        match target {
            Some(at) => self.update(at, record, row.set_stock, replaced_sku),
            None => self.create(record, replaced_sku),
        }
    }

    fn is_free(&self, sku: &Sku, target: Option<usize>) -> bool {
        let owner = self.by_sku.get(sku.as_str()).copied();
        owner.is_none() || owner == target
    }

    fn create(&mut self, record: ProductRecord, replaced_sku: Option<Sku>) -> BatchOutcome {
        let id = record.product.id;
        let entry = Entry {
            product: record.product.clone(),
            options: options_of(&record),
            kept: false,
            record: Some(record),
            set_stock: None,
        };
        self.enter(self.entries.len(), &entry);
        self.entries.push(entry);
        BatchOutcome::Created { id, replaced_sku }
    }

    fn update(&mut self, at: usize, record: ProductRecord, set_stock: bool, replaced_sku: Option<Sku>) -> BatchOutcome {
        let entry = &self.entries[at];
        let (id, wanted) = (entry.product.id, record.product.stock);
        let writes_content = record.differs_from(&entry.product);
        let writes_stock = set_stock && wanted != entry.product.stock;
        let outcome = BatchOutcome::Updated {
            id,
            replaced_sku,
            changed: writes_content || writes_stock,
        };
        let product = Product {
            id,
            stock: if set_stock { wanted } else { entry.product.stock },
            version: entry.product.version,
            created_at: entry.product.created_at,
            ..record.product.clone()
        };
        let record = ProductRecord {
            product: product.clone(),
            ..record
        };
        let updated = Entry {
            product,
            options: options_of(&record),
            kept: entry.kept,
            set_stock: if writes_stock {
                Some(StockChange::Set(wanted))
            } else {
                entry.set_stock
            },
            record: if writes_content || !entry.kept {
                Some(record)
            } else {
                entry.record.clone()
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
        let mut writes = Writes::default();
        for entry in self.entries {
            match entry.record {
                Some(record) if entry.kept => writes.updates.push(record),
                Some(record) => writes.inserts.push(record),
                None => {}
            }
            if let Some(stock) = entry.set_stock.filter(|_| entry.kept) {
                writes.stock.push((entry.product.id, stock));
            }
        }
        writes.stock.sort_unstable_by_key(|(id, _)| *id);
        writes
    }
}

fn options_of(record: &ProductRecord) -> Option<(String, String)> {
    Some((record.product.family.clone()?, record.options_key.clone()?))
}
