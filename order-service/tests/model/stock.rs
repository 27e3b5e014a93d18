//! The product side: every stock operation, each one transaction, and the admin's changes.

use super::durable::{Durable, Product, ReservationState as State};
use super::message::{Answer, Request};
use super::order::Provider;
use super::rules::Rule;
use super::shop::{Change, PRODUCTS, Shop};

/// What a transaction does to the stock row of one line.
#[derive(Clone, Copy)]
enum Move {
    Hold,
    SellAtOnce,
    SellHeld,
    GiveUpHold,
    PutBack,
}

impl Product {
    fn apply(&mut self, step: Move, quantity: i8) {
        match step {
            Move::Hold => self.reserved += quantity,
            Move::SellAtOnce => self.on_hand -= quantity,
            Move::SellHeld => {
                self.on_hand -= quantity;
                self.reserved -= quantity;
            }
            Move::GiveUpHold => self.reserved -= quantity,
            Move::PutBack => self.on_hand += quantity,
        }
    }
}

impl Durable {
    /// Runs one stock operation.
    pub(super) fn stock_call(&mut self, shop: &Shop, order: usize, request: Request) -> Answer {
        match request {
            Request::Confirm => self.confirm(shop, order),
            Request::Release => self.release(shop, order),
            Request::Return => self.give_back(shop, order),
            other => self.take(shop, order, other),
        }
    }

    /// Reserve, sell and `sell(only_if_free)`: they differ in what they do to a free or held order.
    fn take(&mut self, shop: &Shop, order: usize, request: Request) -> Answer {
        let total = self.total(shop, order);
        let sells = request == Request::Sell || (request == Request::SellIfFree && total == 0);
        match self.reservations[order].state {
            State::Absent => self.take_lines(shop, order, sells),
            State::Held if sells => self.sell_held(shop, order),
            State::Held if request == Request::SellIfFree && !shop.holds(Rule::FreeReplayHolds) => {
                self.sell_held(shop, order)
            }
            State::Held => {
                if !shop.holds(Rule::ReserveHoldsOnce) {
                    self.move_lines(shop, order, Move::Hold);
                }
                Answer::Held { total }
            }
            State::Sold => {
                if sells && !shop.holds(Rule::SellOnce) {
                    self.move_lines(shop, order, Move::SellAtOnce);
                }
                Answer::Sold { total }
            }
            State::Rejected => Answer::Rejected,
            State::Released if !shop.holds(Rule::TombstoneRefuses) => self.take_lines(shop, order, sells),
            State::Released | State::Expired | State::Returned => Answer::Gone,
        }
    }

    fn take_lines(&mut self, shop: &Shop, order: usize, sells: bool) -> Answer {
        let before = self.products;
        let step = if sells { Move::SellAtOnce } else { Move::Hold };
        let leaves_holds = !sells || shop.holds(Rule::SellLeavesHolds);
        for (product, &quantity) in self.products.iter_mut().zip(&shop.orders[order]) {
            if quantity == 0 {
                continue;
            }
            let available = product.on_hand - if leaves_holds { product.reserved } else { 0 };
            if product.deleted || (product.counted && available < quantity) {
                return self.refuse(shop, order, before);
            }
            if product.counted {
                product.apply(step, quantity);
            }
        }
        let reservation = &mut self.reservations[order];
        reservation.counted = before.map(|product| product.counted);
        reservation.total = catalogue_total(shop, order, &before);
        reservation.state = if sells { State::Sold } else { State::Held };
        let total = reservation.total;
        if sells {
            Answer::Sold { total }
        } else {
            Answer::Held { total }
        }
    }

    fn refuse(&mut self, shop: &Shop, order: usize, before: [Product; PRODUCTS]) -> Answer {
        if shop.holds(Rule::FailedLineUndoesOthers) {
            self.products = before;
        }
        if shop.holds(Rule::RefusalIsStored) {
            self.reservations[order].state = State::Rejected;
        }
        Answer::Rejected
    }

    fn confirm(&mut self, shop: &Shop, order: usize) -> Answer {
        match self.reservations[order].state {
            State::Held => self.sell_held(shop, order),
            State::Expired if !shop.holds(Rule::ConfirmRefusesExpired) => self.sell_held(shop, order),
            State::Sold => Answer::Sold {
                total: self.total(shop, order),
            },
            _ => Answer::Gone,
        }
    }

    fn sell_held(&mut self, shop: &Shop, order: usize) -> Answer {
        self.move_lines(shop, order, Move::SellHeld);
        self.reservations[order].state = State::Sold;
        Answer::Sold {
            total: self.total(shop, order),
        }
    }

    fn release(&mut self, shop: &Shop, order: usize) -> Answer {
        match self.reservations[order].state {
            State::Absent => {
                if shop.holds(Rule::ReleaseLeavesTombstone) {
                    self.reservations[order].state = State::Released;
                }
                Answer::Released
            }
            State::Held => {
                self.move_lines(shop, order, Move::GiveUpHold);
                self.reservations[order].state = State::Released;
                Answer::Released
            }
            State::Released if !shop.holds(Rule::ReleaseOnce) => {
                self.move_lines(shop, order, Move::GiveUpHold);
                Answer::Released
            }
            State::Released | State::Expired | State::Rejected => Answer::Released,
            State::Sold | State::Returned => Answer::AlreadySold {
                total: self.total(shop, order),
            },
        }
    }

    fn give_back(&mut self, shop: &Shop, order: usize) -> Answer {
        match self.reservations[order].state {
            State::Sold => {
                self.move_lines(shop, order, Move::PutBack);
                self.reservations[order].state = State::Returned;
                Answer::Returned
            }
            State::Returned => {
                if !shop.holds(Rule::ReturnOnce) {
                    self.move_lines(shop, order, Move::PutBack);
                }
                Answer::Returned
            }
            _ => {
                self.alarm = true;
                Answer::NotSold
            }
        }
    }

    /// The sweep reaches this order's reservation.
    pub(super) fn expire(&mut self, shop: &Shop, order: usize) {
        let state = self.reservations[order].state;
        let overwrites = state == State::Sold && !shop.holds(Rule::ExpiryIsConditional);
        if state == State::Held || overwrites {
            self.move_lines(shop, order, Move::GiveUpHold);
            self.reservations[order].state = State::Expired;
        }
    }

    /// One of the admin's changes. What the database would refuse changes nothing.
    pub(super) fn admin(&mut self, shop: &Shop, change: Change) {
        match change {
            Change::Add { product, delta } => {
                let row = &mut self.products[product];
                let floor = if shop.holds(Rule::AdminLeavesHolds) {
                    row.reserved
                } else {
                    0
                };
                if row.counted && row.on_hand + delta >= floor {
                    row.on_hand += delta;
                    row.changed += delta;
                }
            }
            Change::Set { product, to } => {
                let row = &mut self.products[product];
                let on_hand = if shop.holds(Rule::SetIsOnTopOfHolds) {
                    to + row.reserved
                } else {
                    to
                };
                row.changed += on_hand - row.on_hand;
                row.on_hand = on_hand;
                row.counted = true;
            }
            Change::StopCounting { product } => self.products[product].counted = false,
            Change::Reprice { product, to } => self.products[product].price = to,
            Change::Delete { product } => self.products[product].deleted = true,
            Change::UseNoProvider => self.setting = Provider::None,
        }
    }

    /// Moves the counted lines of a reservation that was taken.
    fn move_lines(&mut self, shop: &Shop, order: usize, step: Move) {
        let kept = self.reservations[order].counted;
        for (index, &quantity) in shop.orders[order].iter().enumerate() {
            let product = &mut self.products[index];
            let counted = if shop.holds(Rule::LineKeepsCounted) {
                kept[index]
            } else {
                product.counted
            };
            let passed_over = product.deleted && !shop.holds(Rule::DeletedIsStillSold);
            if counted && !passed_over {
                product.apply(step, quantity);
            }
        }
    }

    /// What an order costs: by its lines once they are taken, by the catalogue before.
    fn total(&self, shop: &Shop, order: usize) -> u8 {
        let reservation = &self.reservations[order];
        let taken = !matches!(reservation.state, State::Absent | State::Rejected);
        if taken && shop.holds(Rule::LineKeepsPrice) {
            return reservation.total;
        }
        catalogue_total(shop, order, &self.products)
    }
}

fn catalogue_total(shop: &Shop, order: usize, products: &[Product; PRODUCTS]) -> u8 {
    let line = |(product, quantity): (&Product, &i8)| product.price * quantity.unsigned_abs();
    products.iter().zip(&shop.orders[order]).map(line).sum()
}
