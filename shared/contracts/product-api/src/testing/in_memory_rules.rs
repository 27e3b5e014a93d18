//! The rules of the protocol over two maps: the plainest form there is, for an implementation to be compared with.

use std::collections::BTreeMap;
use std::ops::Bound;

use values::{OrderId, ProductId, Timestamp};

use super::{HELD_FOR, Shelf, ShelfProduct};
use crate::{
    Confirmed, Refusal, Released, Reservation, ReservationPage, ReservationState, ReservedLine, Returned, SaleMode,
    ShortItem, StockError, StockFault, StockLine, StockRequest,
};

/// Shelf and reservations.
#[derive(Debug, Default)]
pub(super) struct Books {
    products: BTreeMap<ProductId, Entry>,
    reservations: BTreeMap<OrderId, Row>,
}

#[derive(Debug)]
struct Entry {
    product: ShelfProduct,
    shelf: Shelf,
    /// Everything that ever came and went.
    ledger: i64,
}

#[derive(Debug)]
struct Row {
    state: ReservationState,
    /// What was asked for; a tombstone has none and matches all.
    request: Option<Vec<StockLine>>,
    lines: Vec<ReservedLine>,
    refusal: Option<Refusal>,
    expires_at: Timestamp,
}

impl Books {
    pub(super) fn put(&mut self, product: &ShelfProduct) {
        let entry = self.products.entry(product.id).or_insert_with(|| Entry {
            product: product.clone(),
            shelf: Shelf {
                counted: false,
                on_hand: 0,
                reserved: 0,
            },
            ledger: 0,
        });
        entry.product = product.clone();
    }

    pub(super) fn set_stock(&mut self, id: ProductId, stock: Option<i64>) {
        let entry = self.products.get_mut(&id).expect("the product was put on the shelf");
        entry.shelf.counted = stock.is_some();
        if let Some(stock) = stock {
            let on_hand = stock + entry.shelf.reserved;
            entry.ledger += on_hand - entry.shelf.on_hand;
            entry.shelf.on_hand = on_hand;
        }
    }

    pub(super) fn shelf(&self, id: ProductId) -> Shelf {
        self.products.get(&id).expect("the product was put on the shelf").shelf
    }

    pub(super) fn find(&self, order_id: OrderId) -> Option<Reservation> {
        let row = self.reservations.get(&order_id)?;
        Some(row.answer(order_id))
    }

    pub(super) fn reserve(&mut self, request: &StockRequest, now: Timestamp) -> Result<Reservation, StockError> {
        if let Some(row) = self.reservations.get(&request.order_id) {
            row.must_match(request)?;
            return Ok(row.answer(request.order_id));
        }
        let row = match self.priced(request) {
            Ok(lines) => {
                for line in lines.iter().filter(|line| line.counted) {
                    self.shelf_mut(line).reserved += pieces(line);
                }
                Row::new(ReservationState::Held, request, lines, None, now)
            }
            Err(refusal) => Row::new(ReservationState::Rejected, request, Vec::new(), Some(refusal), now),
        };
        let answer = row.answer(request.order_id);
        self.reservations.insert(request.order_id, row);
        Ok(answer)
    }

    pub(super) fn sell(
        &mut self,
        request: &StockRequest,
        mode: SaleMode,
        now: Timestamp,
    ) -> Result<Reservation, StockError> {
        let held = self.reserve(request, now)?;
        if held.state != ReservationState::Held {
            return Ok(held);
        }
        let total: i64 = held
            .lines
            .iter()
            .map(|line| line.unit_price.amount() * pieces(line))
            .sum();
        if mode == SaleMode::OnlyIfFree && total > 0 {
            return Ok(held);
        }
        self.confirm(request.order_id);
        Ok(Reservation {
            state: ReservationState::Sold,
            ..held
        })
    }

    pub(super) fn confirm(&mut self, order_id: OrderId) -> Confirmed {
        match self.state(order_id) {
            Some(ReservationState::Held) => {
                for line in self.end(order_id, ReservationState::Sold) {
                    self.shelf_mut(&line).reserved -= pieces(&line);
                    self.move_goods(&line, -pieces(&line));
                }
                Confirmed::Sold
            }
            Some(ReservationState::Sold) => Confirmed::Sold,
            _ => Confirmed::Gone,
        }
    }

    pub(super) fn release(&mut self, order_id: OrderId) -> Released {
        match self.state(order_id) {
            None => {
                self.reservations.insert(order_id, Row::tombstone());
                Released::Released
            }
            Some(ReservationState::Held) => {
                for line in self.end(order_id, ReservationState::Released) {
                    self.shelf_mut(&line).reserved -= pieces(&line);
                }
                Released::Released
            }
            Some(ReservationState::Released | ReservationState::Expired | ReservationState::Rejected) => {
                Released::Released
            }
            Some(ReservationState::Sold | ReservationState::Returned) => Released::AlreadySold,
        }
    }

    pub(super) fn return_goods(&mut self, order_id: OrderId) -> Returned {
        match self.state(order_id) {
            Some(ReservationState::Sold) => {
                for line in self.end(order_id, ReservationState::Returned) {
                    self.move_goods(&line, pieces(&line));
                }
                Returned::Returned
            }
            Some(ReservationState::Returned) => Returned::Returned,
            _ => Returned::NotSold,
        }
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        let held = |row: &Row| row.state == ReservationState::Held && row.expires_at <= now;
        let due: Vec<_> = self
            .reservations
            .iter()
            .filter(|(_, row)| held(row))
            .map(|(id, _)| *id)
            .collect();
        for order_id in due {
            for line in self.end(order_id, ReservationState::Expired) {
                self.shelf_mut(&line).reserved -= pieces(&line);
            }
        }
    }

    pub(super) fn page(&self, after: Option<OrderId>, limit: u32, read_at: Timestamp) -> ReservationPage {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows = self.reservations.range((from, Bound::Unbounded));
        let limit = usize::try_from(limit.clamp(1, 1000)).expect("a thousand fits");
        let items = rows.by_ref().take(limit).map(|(id, row)| row.answer(*id)).collect();
        ReservationPage {
            items,
            more: rows.next().is_some(),
            read_at,
        }
    }

    pub(super) fn faults(&self) -> Vec<StockFault> {
        let mut faults = Vec::new();
        for (&product_id, Entry { shelf, ledger, .. }) in &self.products {
            let held = self.pieces_held(product_id);
            let mut fault = |invariant, broken: bool, detail: String| {
                if broken {
                    faults.push(StockFault {
                        product_id,
                        invariant,
                        detail,
                    });
                }
            };
            let (on_hand, reserved) = (shelf.on_hand, shelf.reserved);
            fault(
                1,
                reserved < 0 || reserved > on_hand,
                format!("on_hand {on_hand}, reserved {reserved}"),
            );
            fault(2, *ledger != on_hand, format!("on_hand {on_hand}, ledger {ledger}"));
            fault(3, held != reserved, format!("reserved {reserved}, held {held}"));
        }
        faults
    }

    fn pieces_held(&self, product_id: ProductId) -> i64 {
        let held = self
            .reservations
            .values()
            .filter(|row| row.state == ReservationState::Held);
        let lines = held.flat_map(|row| &row.lines);
        lines
            .filter(|line| line.counted && line.product_id == product_id)
            .map(pieces)
            .sum()
    }

    /// The lines with names and prices of now, or why they cannot be had.
    fn priced(&self, request: &StockRequest) -> Result<Vec<ReservedLine>, Refusal> {
        let mut unknown = Vec::new();
        let mut short = Vec::new();
        let mut lines: Vec<ReservedLine> = Vec::new();
        for line in &request.lines {
            let for_sale = |entry: &&Entry| entry.product.published && !entry.product.deleted;
            let Some(Entry { product, shelf, .. }) = self.products.get(&line.product_id).filter(for_sale) else {
                unknown.push(line.product_id);
                continue;
            };
            let requested = i64::from(line.quantity.get());
            let available = shelf.on_hand - shelf.reserved;
            if shelf.counted && available < requested {
                short.push(ShortItem {
                    product_id: line.product_id,
                    requested,
                    available,
                });
            }
            lines.push(ReservedLine {
                product_id: line.product_id,
                quantity: line.quantity,
                counted: shelf.counted,
                sku: product.sku.clone(),
                name: product.name.clone(),
                unit_price: product.price,
            });
        }
        if !unknown.is_empty() {
            return Err(Refusal::UnknownProduct { items: unknown });
        }
        if lines
            .windows(2)
            .any(|pair| pair[0].unit_price.currency() != pair[1].unit_price.currency())
        {
            return Err(Refusal::MixedCurrency);
        }
        if !short.is_empty() {
            return Err(Refusal::InsufficientStock { items: short });
        }
        Ok(lines)
    }

    fn state(&self, order_id: OrderId) -> Option<ReservationState> {
        self.reservations.get(&order_id).map(|row| row.state)
    }

    /// Moves a reservation on and answers the lines whose goods move with it.
    fn end(&mut self, order_id: OrderId, state: ReservationState) -> Vec<ReservedLine> {
        let row = self.reservations.get_mut(&order_id).expect("its state was read");
        row.state = state;
        row.lines.iter().filter(|line| line.counted).cloned().collect()
    }

    fn shelf_mut(&mut self, line: &ReservedLine) -> &mut Shelf {
        let entry = self.products.get_mut(&line.product_id);
        &mut entry.expect("what was held is never taken off the books").shelf
    }

    fn move_goods(&mut self, line: &ReservedLine, delta: i64) {
        let entry = self.products.get_mut(&line.product_id);
        let entry = entry.expect("what was held is never taken off the books");
        entry.shelf.on_hand += delta;
        entry.ledger += delta;
    }
}

impl Row {
    fn new(
        state: ReservationState,
        request: &StockRequest,
        lines: Vec<ReservedLine>,
        refusal: Option<Refusal>,
        now: Timestamp,
    ) -> Self {
        Self {
            state,
            request: Some(request.lines.clone()),
            lines,
            refusal,
            expires_at: now.plus(HELD_FOR),
        }
    }

    fn tombstone() -> Self {
        Self {
            state: ReservationState::Released,
            request: None,
            lines: Vec::new(),
            refusal: None,
            expires_at: Timestamp::from_micros(0),
        }
    }

    fn must_match(&self, request: &StockRequest) -> Result<(), StockError> {
        match &self.request {
            Some(lines) if *lines != request.lines => Err(StockError::OtherRequest),
            _ => Ok(()),
        }
    }

    fn answer(&self, order_id: OrderId) -> Reservation {
        Reservation {
            order_id,
            state: self.state,
            lines: self.lines.clone(),
            refusal: self.refusal.clone(),
        }
    }
}

fn pieces(line: &ReservedLine) -> i64 {
    i64::from(line.quantity.get())
}
