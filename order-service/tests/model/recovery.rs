//! The end of the faults: every worker is dead, nothing more is lost, one worker drives every order to its end.
//!
//! `always` with this check means that no reachable state is stuck. It is stronger than an `eventually`, which
//! stateright does not check on paths that run into a cycle.

use super::durable::{Durable, ReservationState};
use super::invariants;
use super::order::{Provider, Status, Step};
use super::shop::{Event, Shop};

/// More calls and writes than any order needs to its end.
const STEPS: usize = 40;

/// What is free to choose once the faults are over.
#[derive(Clone, Copy)]
struct Mood {
    past_deadline: bool,
    provider_refuses: bool,
}

impl Shop {
    /// Whether every order comes to rest from here as it should, whatever the provider and the clock say.
    pub(super) fn recovers(&self, durable: &Durable) -> bool {
        let refusals = self.has(Event::Decline) || self.has(Event::CaptureRefusal);
        for past_deadline in [false, self.has(Event::Deadline)] {
            for provider_refuses in [false, refusals] {
                if !self.rests_well(
                    *durable,
                    Mood {
                        past_deadline,
                        provider_refuses,
                    },
                ) {
                    return false;
                }
            }
        }
        true
    }

    fn rests_well(&self, mut durable: Durable, mood: Mood) -> bool {
        for order in self.order_ids() {
            if durable.rows[order].is_some() && !self.drive(&mut durable, order, mood) {
                return false;
            }
        }
        invariants::all_hold(self, &durable) && self.order_ids().all(|order| is_at_rest(&durable, order))
    }

    /// Runs `advance` until the order is at its end.
    fn drive(&self, durable: &mut Durable, order: usize, mood: Mood) -> bool {
        let mut ongoing = None;
        for _ in 0..STEPS {
            let Some(row) = durable.rows[order] else { return false };
            if ongoing.is_none() && is_final(row.status) {
                return true;
            }
            let (seen, step) =
                ongoing.unwrap_or_else(|| (row, self.driver(durable, &row, 0).start(&row, mood.past_deadline)));
            ongoing = match step {
                Step::Call(request) if durable.replays_error(order, request) => None,
                Step::Call(request) => {
                    let refused = mood.provider_refuses && durable.may_refuse(order, request);
                    let answer = self.call(durable, order, request, refused);
                    Some((seen, self.driver(durable, &seen, 0).next(&seen, request, answer)))
                }
                Step::Write(write) => {
                    durable.write(self, order, &seen, write);
                    None
                }
                Step::Stop => None,
            };
        }
        false
    }
}

/// Invariants 4, 5, 7, 8 and 10 for an order that nobody drives any more.
fn is_at_rest(durable: &Durable, order: usize) -> bool {
    let Some(row) = durable.rows[order] else {
        return !durable.named[order];
    };
    let paid = row.status == Status::Paid;
    let cancelled = matches!(row.status, Status::Cancelled | Status::Refunded);
    let reservation = durable.reservations[order].state;
    let outbox = durable.outbox[order];
    let was_captured = row.provider != Provider::None && row.total != Some(0);

    reservation != ReservationState::Held
        && (reservation == ReservationState::Sold) == paid
        && (!durable.promised[order] || cancelled)
        && outbox.confirmed == u8::from(row.confirmed)
        && (!paid || outbox.paid == u8::from(was_captured))
        && outbox.rejected == u8::from(row.status == Status::Rejected)
        && outbox.cancelled == u8::from(cancelled)
}

fn is_final(status: Status) -> bool {
    matches!(
        status,
        Status::Paid | Status::Refunded | Status::Rejected | Status::Cancelled
    )
}
