//! Chunks of rows written, each in one unit of work.

use std::sync::Arc;

use product_api::ProductsError;
use values::ProductId;

use super::report::{ImportReport, Note};
use super::row::{NameOf, Row};
use super::{ImportError, ImportFailure};
use crate::service::{By, ProductService};
use crate::store::{BatchOutcome, BatchRow, Field, Replaced, StoreError};

/// How often a row is tried that others change at the same moment.
const ATTEMPTS: usize = 3;

/// Writes rows and keeps account.
pub(super) struct Writing {
    service: ProductService,
    by: By,
    pub(super) report: ImportReport,
}

/// Where a row comes from.
struct Origin {
    line: u64,
    name_of: NameOf,
}

impl Writing {
    pub(super) fn new(service: ProductService, by: By) -> Self {
        Self {
            service,
            by,
            report: ImportReport::default(),
        }
    }

    /// The end of an import before that of its file.
    pub(super) fn failure(self, error: ImportError) -> ImportFailure {
        ImportFailure {
            error,
            report: self.report,
        }
    }

    /// Writes rows. After an error none of them is written, or, where they had to be written one by one, some.
    pub(super) async fn write(&mut self, rows: Vec<Row>) -> Result<(), ProductsError> {
        if rows.is_empty() {
            return Ok(());
        }
        let now = self.service.clock.now();
        let (mut origins, mut wanted) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for mut row in rows {
            // It may have been read long ago, and who follows the changes would not look back so far.
            row.wanted.product.created_at = now;
            row.wanted.product.updated_at = now;
            origins.push(Origin {
                line: row.line,
                name_of: row.name_of,
            });
            wanted.push(row.wanted);
        }
        let rows: Arc<[BatchRow]> = wanted.into();
        match self.attempt(rows.clone()).await {
            Ok(outcomes) => {
                for (origin, outcome) in origins.iter().zip(outcomes) {
                    self.note(origin, outcome);
                }
                return Ok(());
            }
            Err(error) if is_race(&error) => {}
            Err(error) => return Err(error.into()),
        }
        // Somebody else wrote one of them at the same moment, or one takes what another has only just let go: each by itself.
        for (origin, row) in origins.iter().zip(rows.iter()) {
            self.write_alone(origin, row).await?;
        }
        Ok(())
    }

    async fn write_alone(&mut self, origin: &Origin, row: &BatchRow) -> Result<(), ProductsError> {
        for attempt in 1..=ATTEMPTS {
            match self.attempt([row.clone()].into()).await {
                Ok(outcomes) => {
                    for outcome in outcomes {
                        self.note(origin, outcome);
                    }
                    return Ok(());
                }
                Err(error) if is_race(&error) && attempt < ATTEMPTS => {}
                Err(StoreError::OptionsTaken) => self.note(origin, BatchOutcome::OptionsTaken),
                Err(StoreError::SkuTaken) => self.note(origin, BatchOutcome::SkuTaken),
                Err(error) if is_race(&error) => {
                    let reason = "the product was changed at the same moment by somebody else";
                    self.report.refuse(Note::new(origin.line, reason));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn attempt(&self, rows: Arc<[BatchRow]>) -> Result<Vec<BatchOutcome>, StoreError> {
        let now = self.service.clock.now();
        let written = self.service.store.upsert_batch(rows, self.by.clone().at(now)).await?;
        for outcome in &written {
            if let Some(id) = changed(outcome) {
                self.service.touch(id);
            }
        }
        Ok(written)
    }

    fn note(&mut self, origin: &Origin, outcome: BatchOutcome) {
        let replaced = match outcome {
            BatchOutcome::Created { replaced_sku, .. } => {
                self.report.created += 1;
                replaced_sku
            }
            BatchOutcome::Updated { replaced_sku, .. } => {
                self.report.updated += 1;
                replaced_sku
            }
            BatchOutcome::Incomplete(missing) => {
                self.report
                    .refuse(Note::new(origin.line, incomplete(&missing, origin.name_of)));
                None
            }
            BatchOutcome::SkuTaken => {
                self.report
                    .refuse(Note::new(origin.line, "another product has the sku"));
                None
            }
            BatchOutcome::OptionsTaken => {
                let reason = "another variant of the family has the same options";
                self.report.refuse(Note::new(origin.line, reason));
                None
            }
        };
        if let Some(replaced) = replaced {
            self.report.warn(Note::new(origin.line, taken(&replaced)));
        }
    }
}

/// Whether nothing is wrong but the moment.
fn is_race(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::SkuTaken | StoreError::OptionsTaken | StoreError::VersionMismatch | StoreError::NotFound
    )
}

fn changed(outcome: &BatchOutcome) -> Option<ProductId> {
    match outcome {
        BatchOutcome::Created { id, .. } | BatchOutcome::Updated { id, changed: true, .. } => Some(*id),
        _ => None,
    }
}

fn incomplete(missing: &[Field], name_of: NameOf) -> String {
    let names: Vec<String> = missing
        .iter()
        .map(|field| name_of(&field.to_string()).to_owned())
        .collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb} missing, which a new product needs", names.join(" and "))
}

fn taken(replaced: &Replaced) -> String {
    let Replaced { wanted, owner, used } = replaced;
    let options: Vec<&str> = owner.options.0.iter().map(|(_, value)| value.as_str()).collect();
    let mut name = format!("{:?}", owner.name);
    if !options.is_empty() {
        name = format!("{name} ({})", options.join(", "));
    }
    format!(
        "the sku {wanted:?} is that of {name}; {used:?} is used instead",
        wanted = wanted.as_str(),
        used = used.as_str()
    )
}
