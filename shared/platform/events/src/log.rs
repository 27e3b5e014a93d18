//! Reading along with an outbox: everything that is appended, published or not, and nothing left out.
//!
//! On Postgres rows appear in the order in which their transactions commit, which is not that of their numbers. So a
//! [`Place`] is more than the highest number that was seen: it names those below it that were missing, and they are looked for
//! until no transaction can be that old.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use values::Timestamp;

use crate::StorageError;
use crate::event::topic_of;

/// Runs of missing numbers that a place names at most. Beyond it, rows are left for the next look.
const MOST_MISSING: usize = 32;
/// Numbers below the end that count as missing where somebody begins: what is under way then is among them.
const UNDER_WAY: i64 = 1_000;

/// A row of an outbox, as one who reads along needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Its place; rises with time, with gaps.
    pub seq: i64,
    /// What happened, with its version: `product.updated.v1`.
    pub kind: String,
    /// The id of the thing it happened to.
    pub subject: String,
}

impl Appended {
    /// The kind less its version: `product.updated`.
    pub fn topic(&self) -> &str {
        topic_of(&self.kind)
    }
}

/// What a service has told, to be read along with.
#[async_trait]
pub trait OutboxLog: Send + Sync + 'static {
    /// Where to begin for what comes from now on: see [`Place::at_end`].
    async fn end(&self, now: Timestamp) -> Result<Place, StorageError>;

    /// What a place has not seen, in order of `seq`, at most `limit` rows.
    async fn after(&self, place: &Place, limit: u32) -> Result<Vec<Appended>, StorageError>;

    /// How long after a number was given to a row the row can still appear.
    fn settles_after(&self) -> Duration;
}

/// How far somebody has read. It may be written down and read again, by another process too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    seen: i64,
    missing: Vec<Missing>,
}

/// Numbers that were not seen among others that were; written as a list, to be short in a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, i64, i64)", into = "(i64, i64, i64)")]
struct Missing {
    first: i64,
    last: i64,
    since: Timestamp,
}

impl Place {
    /// Where the last row has this number. Its transaction may have overtaken others, so the rows before it come once more.
    pub fn at_end(seq: i64, now: Timestamp) -> Self {
        let run = Missing {
            first: (seq - UNDER_WAY + 1).max(1),
            last: seq,
            since: now,
        };
        Self {
            seen: seq,
            missing: if seq > 0 { vec![run] } else { Vec::new() },
        }
    }

    /// The highest number that was seen: every row above it is new.
    pub fn seen(&self) -> i64 {
        self.seen
    }

    /// The numbers below it that were not seen: first and last of each run, in order.
    pub fn missing(&self) -> impl Iterator<Item = (i64, i64)> {
        self.missing.iter().map(|missing| (missing.first, missing.last))
    }

    /// Moves behind rows that a look found which began at `asked`; answers how many of them. The others come again.
    pub fn pass(&mut self, rows: &[Appended], asked: Timestamp, settles_after: Duration) -> usize {
        let mut passed = 0;
        for row in rows {
            if row.seq <= self.seen {
                self.found(row.seq);
            } else {
                if row.seq > self.seen + 1 {
                    if self.missing.len() >= MOST_MISSING {
                        break;
                    }
                    self.missing.push(Missing {
                        first: self.seen + 1,
                        last: row.seq - 1,
                        since: asked,
                    });
                }
                self.seen = row.seq;
            }
            passed += 1;
        }
        self.missing
            .retain(|missing| asked.since(missing.since) < settles_after);
        passed
    }

    fn found(&mut self, seq: i64) {
        let Some(at) = self
            .missing
            .iter()
            .position(|run| (run.first..=run.last).contains(&seq))
        else {
            return;
        };
        let run = self.missing.remove(at);
        let rest = [Missing { first: seq + 1, ..run }, Missing { last: seq - 1, ..run }];
        for rest in rest.into_iter().filter(|rest| rest.first <= rest.last) {
            self.missing.insert(at, rest);
        }
    }
}

impl From<(i64, i64, i64)> for Missing {
    fn from((first, last, since): (i64, i64, i64)) -> Self {
        let since = Timestamp::from_micros(since);
        Self { first, last, since }
    }
}

impl From<Missing> for (i64, i64, i64) {
    fn from(missing: Missing) -> Self {
        (missing.first, missing.last, missing.since.as_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLES: Duration = Duration::from_secs(15);

    fn row(seq: i64) -> Appended {
        Appended {
            seq,
            kind: "stock.changed.v1".to_owned(),
            subject: String::new(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn missing(place: &Place) -> Vec<(i64, i64)> {
        place.missing().collect()
    }

    #[test]
    fn a_number_that_was_passed_over_is_looked_for_until_it_comes_or_never_can() {
        let mut place = Place::at_end(3, at(0));
        assert_eq!((place.seen(), missing(&place)), (3, vec![(1, 3)]));
        assert_eq!(place.pass(&[1, 2, 3, 4, 9].map(row), at(0), SETTLES), 5);
        assert_eq!((place.seen(), missing(&place)), (9, vec![(5, 8)]));

        assert_eq!(place.pass(&[7, 10].map(row), at(1), SETTLES), 2);
        assert_eq!((place.seen(), missing(&place)), (10, vec![(5, 6), (8, 8)]));
        place.pass(&[5, 8].map(row), at(14), SETTLES);
        assert_eq!(missing(&place), [(6, 6)]);

        let text = serde_json::to_string(&place).unwrap();
        assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), place);
        place.pass(&[], at(15), SETTLES);
        assert_eq!((place.seen(), missing(&place)), (10, vec![]));
    }

    #[test]
    fn where_too_many_are_missing_rows_wait_and_none_is_lost() {
        let mut place = Place::at_end(0, at(0));
        let rows: Vec<Appended> = (1..=40).map(|number| row(number * 2)).collect();
        assert_eq!(place.pass(&rows, at(0), SETTLES), MOST_MISSING);
        assert_eq!(place.seen(), 64);
        assert_eq!(place.pass(&[row(1), row(66)], at(1), SETTLES), 2);
        assert_eq!(place.pass(&[row(68)], at(2), SETTLES), 0);
        assert_eq!(place.seen(), 66);
        assert_eq!(place.pass(&[row(68)], at(15), SETTLES), 0);
        assert_eq!(place.pass(&[row(68)], at(15), SETTLES), 1);
    }
}
