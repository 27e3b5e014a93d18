//! What becomes of a batch of steps, worked out in memory. No SQL: the same on both engines.
//!
//! The rows it is told of are locked, so what it decides still holds when it is written. Steps are taken one after
//! another, as if each were alone: a later one finds what an earlier one has left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use product_api::{Refusal, ReservationState, ReservedLine, SaleMode, ShortItem, StockRequest};
use values::{Money, OrderId, ProductId, Sku, Timestamp};

use super::row::{Row, hash_of};
use super::{Asked, Step, Stepped};

/// How long goods are held.
pub const HELD_FOR: Duration = Duration::from_mins(15);

/// A product and what is on its shelf.
#[derive(Debug, Clone)]
pub(in crate::store) struct Goods {
    pub(in crate::store) sku: Sku,
    pub(in crate::store) name: String,
    pub(in crate::store) price: Money,
    pub(in crate::store) for_sale: bool,
    pub(in crate::store) counted: bool,
    pub(in crate::store) on_hand: i64,
    pub(in crate::store) reserved: i64,
    pub(in crate::store) seq: i64,
}

impl Goods {
    fn available(&self) -> i64 {
        self.on_hand - self.reserved
    }
}

/// The rows of a batch, as they are and as they are to be.
#[derive(Debug, Default)]
pub(in crate::store) struct Plan {
    books: BTreeMap<OrderId, Entry>,
    shelves: BTreeMap<ProductId, Shelf>,
    booked: Vec<Booked>,
}

#[derive(Debug)]
struct Entry {
    row: Row,
    /// What the database has.
    stored: ReservationState,
    is_new: bool,
}

#[derive(Debug)]
struct Shelf {
    before: Goods,
    now: Goods,
}

/// Goods that came or went for an order.
#[derive(Debug)]
pub(in crate::store) struct Booked {
    pub(in crate::store) order_id: OrderId,
    pub(in crate::store) product_id: ProductId,
    pub(in crate::store) delta: i64,
    pub(in crate::store) kind: &'static str,
    pub(in crate::store) at: Timestamp,
}

/// How a shelf changes.
#[derive(Debug)]
pub(in crate::store) struct Moved {
    pub(in crate::store) product_id: ProductId,
    pub(in crate::store) on_hand: i64,
    pub(in crate::store) reserved: i64,
    pub(in crate::store) seq: i64,
    /// What can be bought from now on, where that is another number than before.
    pub(in crate::store) news: Option<i64>,
}

/// What is to be written.
#[derive(Debug)]
pub(in crate::store) struct Writes<'p> {
    /// Rows that are not as the database has them.
    pub(in crate::store) changed: Vec<(OrderId, &'p Row)>,
    /// Lines of new rows.
    pub(in crate::store) lines: Vec<(OrderId, &'p ReservedLine)>,
    pub(in crate::store) booked: &'p [Booked],
    /// In the order of the products.
    pub(in crate::store) moved: Vec<Moved>,
}

impl Writes<'_> {
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.lines.is_empty() && self.booked.is_empty() && self.moved.is_empty()
    }
}

impl Plan {
    /// The rows that the steps begin with where there are none yet, as they are when all goes well, in the order of
    /// their ids. Writing those that are missing comes first: it is what two batches for one order meet at.
    pub(in crate::store) fn first_rows(steps: &[Asked]) -> BTreeMap<OrderId, Row> {
        let mut rows = BTreeMap::new();
        for asked in steps {
            if let Some(row) = first_row(asked) {
                rows.entry(asked.step.order_id()).or_insert(row);
            }
        }
        rows
    }

    /// A row that was there.
    pub(in crate::store) fn know(&mut self, order_id: OrderId, row: Row) {
        let entry = Entry {
            stored: row.state,
            row,
            is_new: false,
        };
        self.books.insert(order_id, entry);
    }

    /// The products whose shelves the steps may touch.
    pub(in crate::store) fn products(&self, steps: &[Asked]) -> BTreeSet<ProductId> {
        let mut products = BTreeSet::new();
        for Asked { step, .. } in steps {
            let known = self.books.get(&step.order_id());
            match (known, step.request()) {
                (None, Some(request)) => products.extend(request.lines.iter().map(|line| line.product_id)),
                (Some(entry), _) if may_move(step, entry.row.state) => {
                    let counted = entry.row.lines.iter().filter(|line| line.counted);
                    products.extend(counted.map(|line| line.product_id));
                }
                _ => {}
            }
        }
        products
    }

    /// A shelf that is there.
    pub(in crate::store) fn shelve(&mut self, product_id: ProductId, goods: Goods) {
        let shelf = Shelf {
            before: goods.clone(),
            now: goods,
        };
        self.shelves.insert(product_id, shelf);
    }

    /// Takes a step.
    pub(in crate::store) fn take(&mut self, asked: &Asked) -> Stepped {
        let (order_id, at) = (asked.step.order_id(), asked.at);
        let known = self.books.get(&order_id).map(|entry| &entry.row);
        match (known, asked.step.request()) {
            (Some(row), Some(request)) if !row.answers(request) => return Stepped::OtherRequest,
            (Some(_), _) => {}
            (None, _) => {
                if !self.begin(asked) {
                    return Stepped::Nothing;
                }
            }
        }
        if let Some(next) = next(&asked.step, &self.books[&order_id].row, at) {
            self.move_on(order_id, next, at);
        }
        Stepped::Stands(self.books[&order_id].row.reservation(order_id))
    }

    /// What is to be written.
    pub(in crate::store) fn writes(&self) -> Writes<'_> {
        let entries = || self.books.iter().map(|(id, entry)| (*id, entry));
        let changed = entries().filter(|(_, entry)| entry.row.state != entry.stored);
        let new = entries().filter(|(_, entry)| entry.is_new);
        let lines = new.flat_map(|(id, entry)| entry.row.lines.iter().map(move |line| (id, line)));
        Writes {
            changed: changed.map(|(id, entry)| (id, &entry.row)).collect(),
            lines: lines.collect(),
            booked: &self.booked,
            moved: self.shelves.iter().filter_map(|(id, shelf)| shelf.moved(*id)).collect(),
        }
    }

    /// Makes the row that a step begins with, if it begins with one; goods that can be had are held.
    fn begin(&mut self, asked: &Asked) -> bool {
        let Some(first) = first_row(asked) else {
            return false;
        };
        let stored = first.state;
        let row = match asked.step.request() {
            None => first,
            Some(request) => self.held_or_refused(first, request, asked.at),
        };
        let entry = Entry {
            row,
            stored,
            is_new: true,
        };
        self.books.insert(asked.step.order_id(), entry);
        true
    }

    fn held_or_refused(&mut self, first: Row, request: &StockRequest, at: Timestamp) -> Row {
        let (lines, refusal) = match self.priced(request) {
            Ok(lines) => (lines, None),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        for line in lines.iter().filter(|line| line.counted) {
            self.shelf(line.product_id).reserved += pieces(line);
        }
        let state = if refusal.is_some() {
            ReservationState::Rejected
        } else {
            ReservationState::Held
        };
        Row {
            state,
            expires_at: refusal.is_none().then(|| at.plus(HELD_FOR)),
            refusal,
            lines,
            ..first
        }
    }

    /// The lines with names and prices of now, or why they cannot be had.
    fn priced(&self, request: &StockRequest) -> Result<Vec<ReservedLine>, Refusal> {
        let (mut unknown, mut short, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for line in &request.lines {
            let product_id = line.product_id;
            let shelf = self.shelves.get(&product_id);
            let Some(goods) = shelf.map(|shelf| &shelf.now).filter(|goods| goods.for_sale) else {
                unknown.push(product_id);
                continue;
            };
            let (requested, available) = (i64::from(line.quantity.get()), goods.available());
            if goods.counted && available < requested {
                short.push(ShortItem {
                    product_id,
                    requested,
                    available,
                });
            }
            lines.push(ReservedLine {
                product_id,
                quantity: line.quantity,
                counted: goods.counted,
                sku: goods.sku.clone(),
                name: goods.name.clone(),
                unit_price: goods.price,
            });
        }
        let mut currencies = lines.iter().map(|line| line.unit_price.currency());
        let first = currencies.next();
        if !unknown.is_empty() {
            return Err(Refusal::UnknownProduct { items: unknown });
        }
        if currencies.any(|currency| Some(currency) != first) {
            return Err(Refusal::MixedCurrency);
        }
        if !short.is_empty() {
            return Err(Refusal::InsufficientStock { items: short });
        }
        Ok(lines)
    }

    /// Moves a row on, and its counted goods with it.
    fn move_on(&mut self, order_id: OrderId, to: ReservationState, at: Timestamp) {
        let entry = self.books.get_mut(&order_id).expect("its state was read");
        entry.row.state = to;
        entry.row.expires_at = None;
        let (on_hand, reserved, kind) = match to {
            ReservationState::Sold => (-1, -1, Some("sold")),
            ReservationState::Returned => (1, 0, Some("returned")),
            _ => (0, -1, None),
        };
        let counted = entry.row.lines.iter().filter(|line| line.counted);
        let goods: Vec<(ProductId, i64)> = counted.map(|line| (line.product_id, pieces(line))).collect();
        for (product_id, pieces) in goods {
            let shelf = self.shelf(product_id);
            shelf.on_hand += on_hand * pieces;
            shelf.reserved += reserved * pieces;
            self.booked.extend(kind.map(|kind| Booked {
                order_id,
                product_id,
                delta: on_hand * pieces,
                kind,
                at,
            }));
        }
    }

    fn shelf(&mut self, product_id: ProductId) -> &mut Goods {
        let shelf = self.shelves.get_mut(&product_id);
        &mut shelf
            .expect("the shelves of all lines were read, and none is ever deleted")
            .now
    }
}

impl Shelf {
    fn moved(&self, product_id: ProductId) -> Option<Moved> {
        let (before, now) = (&self.before, &self.now);
        let (on_hand, reserved) = (now.on_hand - before.on_hand, now.reserved - before.reserved);
        if (on_hand, reserved) == (0, 0) {
            return None;
        }
        Some(Moved {
            product_id,
            on_hand,
            reserved,
            seq: before.seq + 1,
            news: Some(now.available()).filter(|now| before.counted && *now != before.available()),
        })
    }
}

/// The row that a step begins with, as it is when all goes well.
fn first_row(asked: &Asked) -> Option<Row> {
    let state = match &asked.step {
        Step::Release(_) => return Some(Row::tombstone()),
        Step::Reserve(_) | Step::Sell(_, SaleMode::OnlyIfFree) => ReservationState::Held,
        Step::Sell(_, SaleMode::Always) => ReservationState::Sold,
        Step::Confirm(_) | Step::Return(_) | Step::Expire(_) => return None,
    };
    Some(Row {
        state,
        request_hash: asked.step.request().map(hash_of),
        refusal: None,
        expires_at: (state == ReservationState::Held).then(|| asked.at.plus(HELD_FOR)),
        lines: Vec::new(),
    })
}

/// Whether a step may lead on from a state.
fn may_move(step: &Step, from: ReservationState) -> bool {
    match step {
        Step::Reserve(_) => false,
        Step::Return(_) => from == ReservationState::Sold,
        _ => from == ReservationState::Held,
    }
}

/// Where a step leads, if it leads anywhere.
fn next(step: &Step, row: &Row, at: Timestamp) -> Option<ReservationState> {
    if !may_move(step, row.state) {
        return None;
    }
    match step {
        Step::Reserve(_) => None,
        Step::Sell(_, mode) => (*mode == SaleMode::Always || row.is_free()).then_some(ReservationState::Sold),
        Step::Confirm(_) => Some(ReservationState::Sold),
        Step::Release(_) => Some(ReservationState::Released),
        Step::Return(_) => Some(ReservationState::Returned),
        Step::Expire(_) => {
            let is_over = row.expires_at.is_some_and(|expires_at| expires_at <= at);
            is_over.then_some(ReservationState::Expired)
        }
    }
}

fn pieces(line: &ReservedLine) -> i64 {
    i64::from(line.quantity.get())
}
