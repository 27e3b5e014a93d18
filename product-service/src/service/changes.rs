//! What changed, for projections.
//!
//! Of the catalogue it is what the products say themselves, in the order of their last change. A sale does not touch a product: of
//! the stock it is what the outbox tells.

use std::collections::HashSet;
use std::time::Duration;

use platform_events::{Appended, Place, StorageError};
use platform_sql::cursor;
use product_api::events::STOCK_CHANGED;
use product_api::{Change, ChangesPage, ProductsError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use values::{ProductId, Timestamp};

use super::ProductService;
use crate::store::ChangedAt;

/// A write that takes longer than this from its time stamp to its commit may be skipped by who follows the changes.
const OVERLAP: Duration = Duration::from_secs(15);
/// Who asks less often begins anew: the outbox forgets what it told.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);
/// The most changes of one page.
const MAX_LIMIT: u32 = 1_000;
/// Rows of the outbox that are read for one page: a product that was sold often is told of once.
const TOLD_AT_ONCE: u32 = 5_000;
/// What the cursors are bound to.
const LIST: &str = "changes";

/// What is in a cursor: the last change of the catalogue, and how far the outbox was read and when.
#[derive(Serialize, Deserialize)]
struct Position(i64, Uuid, #[serde(default)] Option<(Place, i64)>);

impl ProductService {
    /// The changes after a cursor. At the end the next cursor lies a little back, for what was stamped before and is
    /// committed later: so some come twice, and none is skipped.
    pub(super) async fn changes_page(&self, cursor: Option<&str>, limit: u32) -> Result<ChangesPage, ProductsError> {
        let limit = limit.clamp(1, MAX_LIMIT);
        let now = self.clock.now();
        let (after, mut place) = self.position(cursor, now).await?;
        let mut rows = self.store.changes(after, limit + 1).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = rows.last().map_or(after, |(changed, _)| *changed);
        let mut items: Vec<Change> = rows.into_iter().map(|(_, change)| change).collect();

        let told = if more { Vec::new() } else { self.told(&place).await? };
        // Those above too: they may have been sold since they were read.
        let mut sold = HashSet::new();
        let mut taken = 0;
        for row in &told {
            if let Some(id) = whose_stock(row).filter(|id| !sold.contains(id)) {
                if items.len() + sold.len() == limit as usize {
                    break;
                }
                sold.insert(id);
            }
            taken += 1;
        }
        place.pass(&told[..taken], now, self.log.settles_after());
        let is_all = !more && taken == told.len() && told.len() < TOLD_AT_ONCE as usize;
        let sold: Vec<ProductId> = sold.into_iter().collect();
        items.extend(self.store.changes_of(&sold).await?);

        let next = if is_all {
            last.min(start_of(now.minus(OVERLAP)))
        } else {
            last
        };
        let position = Position(next.at.as_micros(), next.id, Some((place, now.as_micros())));
        Ok(ChangesPage {
            items,
            cursor: cursor::encode(LIST, &position),
            more: !is_all,
        })
    }

    /// Where to read on: at the beginning without a cursor, or with one that does not say enough any more.
    async fn position(&self, cursor: Option<&str>, now: Timestamp) -> Result<(ChangedAt, Place), ProductsError> {
        let position: Option<Position> = cursor
            .map(|cursor| cursor::decode(LIST, cursor))
            .transpose()
            .map_err(super::listing::refusal)?;
        if let Some(Position(at, id, Some((place, read_at)))) = position
            && now.since(Timestamp::from_micros(read_at)) < LONGEST_PAUSE
        {
            let at = Timestamp::from_micros(at);
            return Ok((ChangedAt { at, id }, place));
        }
        let place = self.log.end(now).await.map_err(unavailable)?;
        Ok((start_of(Timestamp::from_micros(i64::MIN)), place))
    }

    async fn told(&self, place: &Place) -> Result<Vec<Appended>, ProductsError> {
        self.log.after(place, TOLD_AT_ONCE).await.map_err(unavailable)
    }
}

fn whose_stock(row: &Appended) -> Option<ProductId> {
    (row.kind == STOCK_CHANGED).then(|| row.subject.parse().ok()).flatten()
}

fn unavailable(error: StorageError) -> ProductsError {
    ProductsError::Unavailable(Some(error.into()))
}

/// Before everything that changed at that moment.
fn start_of(at: Timestamp) -> ChangedAt {
    ChangedAt { at, id: Uuid::nil() }
}
