//! The order side's transactions: place, cancel, and every arrow with its outbox row.

use super::durable::{Durable, Outbox};
use super::order::{Provider, Row, Status, Write};
use super::rules::Rule;
use super::shop::Shop;

impl Durable {
    /// A request with the shop's one key arrives, under the id that was drawn for it.
    pub(super) fn place(&mut self, shop: &Shop, order: usize) {
        let same_key = self.rows.iter().position(Option::is_some);
        let owner = if shop.holds(Rule::KeyIsUnique) {
            same_key.unwrap_or(order)
        } else {
            order
        };
        self.named[owner] = true;
        if self.rows[owner].is_none() {
            self.rows[owner] = Some(Row::placed(self.setting));
        }
    }

    /// As [`Durable::place`], but the process dies before it commits. What was said before stays said.
    pub(super) fn place_and_die(&mut self, shop: &Shop, order: usize) {
        if !shop.holds(Rule::HeardAfterCommit) {
            self.named[order] = true;
        }
    }

    /// A client's cancel: read, written by compare-and-set, read again until it fits, so one step here.
    pub(super) fn cancel(&mut self, shop: &Shop, order: usize) {
        let Some(row) = &mut self.rows[order] else { return };
        let next = match row.status {
            Status::Pending => Status::Cancelling,
            Status::Cancelling if !row.cancel_requested => Status::Cancelling,
            Status::Confirmed | Status::Paid => Status::Refunding,
            _ => return,
        };
        row.status = next;
        row.cancel_requested = shop.holds(Rule::CancelIsWritten);
        row.version += 1;
        self.promised[order] = true;
    }

    /// `UPDATE .. WHERE id = ? AND version = ?` and the outbox row. A lost race changes nothing.
    pub(super) fn write(&mut self, shop: &Shop, order: usize, seen: &Row, write: Write) {
        let Some(row) = &mut self.rows[order] else { return };
        if row.version != seen.version && shop.holds(Rule::CompareAndSet) {
            return;
        }
        let first_only = shop.holds(Rule::ConfirmedIsToldOnce);
        self.outbox[order].add(seen, write.to, first_only);
        row.status = write.to;
        row.version += 1;
        row.confirmed |= matches!(write.to, Status::Confirmed | Status::Paid);
        row.total = write.total.or(row.total);
        row.payment = write.payment.or(row.payment);
    }

    /// The provider that drives an order.
    pub(super) fn provider_of(&self, shop: &Shop, row: &Row) -> Provider {
        if shop.holds(Rule::ProviderIsFixed) {
            row.provider
        } else {
            self.setting
        }
    }
}

impl Outbox {
    fn add(&mut self, seen: &Row, to: Status, first_only: bool) {
        let told = seen.confirmed && first_only;
        if matches!(to, Status::Confirmed | Status::Paid) && !told {
            self.confirmed += 1;
        }
        match to {
            Status::Paid if seen.status == Status::Confirmed && seen.total != Some(0) => self.paid += 1,
            Status::Rejected => self.rejected += 1,
            Status::Cancelled | Status::Refunded => self.cancelled += 1,
            _ => {}
        }
    }
}
