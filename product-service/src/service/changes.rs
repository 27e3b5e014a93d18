//! What changed, for projections.

use std::time::Duration;

use platform_sql::cursor;
use product_api::{ChangesPage, ProductsError};
use uuid::Uuid;
use values::Timestamp;

use super::ProductService;
use crate::store::ChangedAt;

/// A write that takes longer than this from its time stamp to its commit may be skipped by who follows the changes.
const OVERLAP: Duration = Duration::from_secs(15);
/// The most changes of one page.
const MAX_LIMIT: u32 = 1_000;
/// What the cursors are bound to.
const LIST: &str = "changes";

impl ProductService {
    /// The changes after a cursor. At the end the next cursor lies a little back, for what was stamped before and is
    /// committed later: so some come twice, and none is skipped.
    pub(super) async fn changes_page(&self, cursor: Option<&str>, limit: u32) -> Result<ChangesPage, ProductsError> {
        let after = match cursor {
            Some(cursor) => place_of(cursor)?,
            None => start_of(Timestamp::from_micros(i64::MIN)),
        };
        let limit = limit.clamp(1, MAX_LIMIT);
        let settled = start_of(self.clock.now().minus(OVERLAP));
        let mut rows = self.store.changes(after, limit + 1).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = rows.last().map_or(after, |(place, _)| *place);
        let next = if more { last } else { last.min(settled) };
        Ok(ChangesPage {
            items: rows.into_iter().map(|(_, change)| change).collect(),
            cursor: cursor::encode(LIST, &(next.at.as_micros(), next.id)),
            more,
        })
    }
}

fn place_of(text: &str) -> Result<ChangedAt, ProductsError> {
    let (at, id): (i64, Uuid) = cursor::decode(LIST, text).map_err(super::listing::refusal)?;
    Ok(ChangedAt {
        at: Timestamp::from_micros(at),
        id,
    })
}

/// Before everything that changed at that moment.
fn start_of(at: Timestamp) -> ChangedAt {
    ChangedAt { at, id: Uuid::nil() }
}
