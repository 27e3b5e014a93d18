//! `stoa reconcile`: compares the books of orders with those of the stock, through their contracts and nothing else.
//!
//! Both are read side by side in the order of their ids, a page at a time, so a shop of any size takes the same memory.
//! Two services are never read at one moment, so what looks wrong is only a suspect: it is read again after five
//! seconds, and is a violation if nothing has moved, or if it still looks wrong after the last round. It reads beside a
//! running shop and changes nothing, unless it is asked to repair.
//!
//! What is checked, by the numbers of the protocol: 1 to 3 by the stock itself ([`Stock::faults`]), the rest in
//! [`rules`]. Number 6, one order for a key, is a constraint of the order schema and cannot be seen from outside.

pub mod command;
pub mod rules;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use order_api::{OrderRecord, OrderState, Orders, OrdersError};
use product_api::{Reservation, ReservationState, Stock, StockError, StockFault};
use uuid::Uuid;
use values::{OrderId, Timestamp};

use rules::{Fault, Pair};

/// Rows read at once.
const PAGE: u32 = 500;

/// The most ids that [`Orders::get_many`] takes.
const MANY: usize = 100;

/// Suspects looked at again; a shop with more has one reason for all of them.
const MOST_SUSPECTS: usize = 10_000;

/// How often a suspect that moves is read again.
const ROUNDS: usize = 3;

/// The two sides that must agree.
#[derive(Clone)]
pub struct Books {
    /// What was ordered.
    pub orders: Arc<dyn Orders>,
    /// What was held, sold and returned.
    pub stock: Arc<dyn Stock>,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Orders read.
    pub orders: u64,
    /// Reservations read.
    pub reservations: u64,
    /// What is wrong, one line each.
    pub violations: Vec<String>,
    /// What was wrong and was repaired.
    pub repaired: Vec<String>,
    /// Whether there were more suspects than are looked at again.
    pub truncated: bool,
}

/// The books cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Those of orders.
    #[error(transparent)]
    Orders(#[from] OrdersError),
    /// Those of the stock.
    #[error(transparent)]
    Stock(#[from] StockError),
}

/// What looks wrong, and how it looked.
type Suspects = BTreeMap<OrderId, (Pair, Vec<Fault>)>;

impl Books {
    /// How long what is under way may take to settle before a suspect is read again.
    pub const SETTLE: Duration = Duration::from_secs(5);

    /// Checks everything; with `repair` undoes what is safe to undo.
    pub async fn reconcile(&self, repair: bool) -> Result<Report, ReconcileError> {
        let mut report = Report::default();
        let mut shelf = self.stock.faults().await?;
        let mut suspects = self.read_all(&mut report).await?;
        let mut found = Suspects::new();
        for round in 1..=ROUNDS {
            if suspects.is_empty() && (shelf.is_empty() || round > 1) {
                break;
            }
            tokio::time::sleep(Self::SETTLE).await;
            let again = self.stock.faults().await?;
            shelf.retain(|fault| again.iter().any(|other| is_same(fault, other)));
            let mut moving = Suspects::new();
            for (id, (pair, faults)) in self.read_again(&suspects).await? {
                let has_settled = suspects.get(&id).is_some_and(|(before, _)| *before == pair);
                let kept = if has_settled || round == ROUNDS {
                    &mut found
                } else {
                    &mut moving
                };
                kept.insert(id, (pair, faults));
            }
            suspects = moving;
        }
        report.violations.extend(shelf.iter().map(line_of_shelf));
        for (id, (pair, faults)) in found {
            let lines = faults.iter().map(|fault| format!("{fault}: order {id}"));
            if repair && self.repair(id, &pair).await? {
                report.repaired.extend(lines);
            } else {
                report.violations.extend(lines);
            }
        }
        Ok(report)
    }

    /// Walks along both lists.
    async fn read_all(&self, report: &mut Report) -> Result<Suspects, ReconcileError> {
        let mut suspects = Suspects::new();
        let mut orders = Page::<OrderRecord>::default();
        let mut reservations = Page::<Reservation>::default();
        loop {
            if orders.is_due() {
                let page = self.orders.list(orders.last, PAGE).await?;
                report.orders += page.items.len() as u64;
                orders.take(page.items, page.more, page.read_at, |order| order.id);
            }
            if reservations.is_due() {
                let page = self.stock.reservations(reservations.last, PAGE).await?;
                report.reservations += page.items.len() as u64;
                reservations.take(page.items, page.more, page.read_at, |reservation| reservation.order_id);
            }
            let next = [
                orders.next_id(|order| order.id),
                reservations.next_id(|held| held.order_id),
            ];
            let Some(id) = next.into_iter().flatten().min() else {
                return Ok(suspects);
            };
            let pair = Pair {
                order: orders.pop_if(|order| order.id == id),
                reservation: reservations.pop_if(|held| held.order_id == id),
            };
            let faults = rules::faults_of(&pair, orders.read_at);
            if faults.is_empty() {
                continue;
            }
            if suspects.len() == MOST_SUSPECTS {
                report.truncated = true;
                return Ok(suspects);
            }
            suspects.insert(id, (pair, faults));
        }
    }

    /// Those of the suspects that still look wrong.
    async fn read_again(&self, suspects: &Suspects) -> Result<Suspects, ReconcileError> {
        let ids: Vec<OrderId> = suspects.keys().copied().collect();
        let mut still = Suspects::new();
        for ids in ids.chunks(MANY) {
            for (id, (pair, read_at)) in self.read(ids).await? {
                let faults = rules::faults_of(&pair, read_at);
                if !faults.is_empty() {
                    still.insert(id, (pair, faults));
                }
            }
        }
        Ok(still)
    }

    async fn read(&self, ids: &[OrderId]) -> Result<BTreeMap<OrderId, (Pair, Timestamp)>, ReconcileError> {
        let orders = self.orders.get_many(ids).await?;
        let mut orders: BTreeMap<OrderId, OrderRecord> = orders.into_iter().map(|order| (order.id, order)).collect();
        let mut pairs = BTreeMap::new();
        for &id in ids {
            // The contract lists and does not find: the one that follows the id before this one.
            let page = self.stock.reservations(before(id), 1).await?;
            let reservation = page.items.into_iter().find(|held| held.order_id == id);
            let order = orders.remove(&id);
            pairs.insert(id, (Pair { order, reservation }, page.read_at));
        }
        Ok(pairs)
    }

    /// Undoes what can be undone without a doubt: goods that nobody will get go back on the shelf. Answers whether the
    /// books agree afterwards.
    async fn repair(&self, id: OrderId, pair: &Pair) -> Result<bool, ReconcileError> {
        let Some(held) = &pair.reservation else {
            return Ok(false);
        };
        let state = pair.order.as_ref().map(|order| order.state);
        let has_ended = matches!(
            state,
            Some(OrderState::Rejected | OrderState::Cancelled | OrderState::Refunded)
        );
        match held.state {
            // An order is written before goods are held for it: nobody can want these.
            ReservationState::Held if has_ended || state.is_none() => {
                self.stock.release(id).await?;
            }
            ReservationState::Sold if has_ended => {
                self.stock.return_goods(id).await?;
            }
            _ => return Ok(false),
        }
        let after = self.read(&[id]).await?;
        Ok(after.values().all(|(pair, at)| rules::faults_of(pair, *at).is_empty()))
    }
}

/// A list that is read a page at a time.
struct Page<T> {
    items: VecDeque<T>,
    last: Option<OrderId>,
    more: bool,
    read_at: Timestamp,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            items: VecDeque::new(),
            last: None,
            more: true,
            read_at: Timestamp::from_micros(0),
        }
    }
}

impl<T> Page<T> {
    fn is_due(&self) -> bool {
        self.items.is_empty() && self.more
    }

    fn take(&mut self, items: Vec<T>, more: bool, read_at: Timestamp, id: impl Fn(&T) -> OrderId) {
        self.last = items.last().map(id).or(self.last);
        // A page that is empty and promises more would be asked for ever.
        self.more = more && !items.is_empty();
        self.items = items.into();
        self.read_at = read_at;
    }

    fn next_id(&self, id: impl Fn(&T) -> OrderId) -> Option<OrderId> {
        self.items.front().map(id)
    }

    fn pop_if(&mut self, is_wanted: impl Fn(&T) -> bool) -> Option<T> {
        if self.items.front().is_some_and(is_wanted) {
            return self.items.pop_front();
        }
        None
    }
}

/// The id just before; none before the first.
fn before(id: OrderId) -> Option<OrderId> {
    let number = Uuid::from(id).as_u128().checked_sub(1)?;
    Some(OrderId::from(Uuid::from_u128(number)))
}

fn is_same(one: &StockFault, other: &StockFault) -> bool {
    (one.product_id, one.invariant) == (other.product_id, other.invariant)
}

fn line_of_shelf(fault: &StockFault) -> String {
    format!(
        "invariant {}: {}: product {}",
        fault.invariant, fault.detail, fault.product_id
    )
}

#[cfg(test)]
mod tests;
