//! A reservation as it is kept.

use aws_lc_rs::digest::{Context, SHA256};
use platform_sql::Error;
use product_api::{Refusal, Reservation, ReservationState, ReservedLine, StockRequest};
use values::{OrderId, Timestamp};

/// What stands in the books for an order.
#[derive(Debug, Clone)]
pub(in crate::store) struct Row {
    pub(in crate::store) state: ReservationState,
    /// Of what was asked for; a tombstone has none and matches all.
    pub(in crate::store) request_hash: Option<Vec<u8>>,
    pub(in crate::store) refusal: Option<Refusal>,
    /// Until when it is held, while it is.
    pub(in crate::store) expires_at: Option<Timestamp>,
    pub(in crate::store) lines: Vec<ReservedLine>,
}

impl Row {
    /// What makes sure that nothing is ever held.
    pub(super) fn tombstone() -> Self {
        Self {
            state: ReservationState::Released,
            request_hash: None,
            refusal: None,
            expires_at: None,
            lines: Vec::new(),
        }
    }

    /// Whether this may be the answer to a request.
    pub(super) fn answers(&self, request: &StockRequest) -> bool {
        let hash = self.request_hash.as_ref();
        hash.is_none_or(|hash| *hash == hash_of(request))
    }

    /// Where nothing has to be paid.
    pub(super) fn is_free(&self) -> bool {
        self.lines.iter().all(|line| line.unit_price.amount() == 0)
    }

    /// As others see it.
    pub(in crate::store) fn reservation(&self, order_id: OrderId) -> Reservation {
        Reservation {
            order_id,
            state: self.state,
            lines: self.lines.clone(),
            refusal: self.refusal.clone(),
        }
    }

    /// The state's name in the database.
    pub(in crate::store) fn state_name(&self) -> &'static str {
        let named = STATES.iter().find(|(state, _)| *state == self.state);
        named.expect("every state is in the list").1
    }

    /// The refusal in the database.
    pub(in crate::store) fn detail(&self) -> Option<String> {
        let detail = self.refusal.as_ref().map(serde_json::to_string).transpose();
        detail.expect("a refusal can be written as JSON")
    }
}

const STATES: [(ReservationState, &str); 6] = [
    (ReservationState::Held, "held"),
    (ReservationState::Sold, "sold"),
    (ReservationState::Released, "released"),
    (ReservationState::Expired, "expired"),
    (ReservationState::Rejected, "rejected"),
    (ReservationState::Returned, "returned"),
];

/// The state of a name in the database.
pub(in crate::store) fn state_of(name: &str) -> Result<ReservationState, Error> {
    let named = STATES.iter().find(|(_, known)| *known == name);
    let (state, _) = named.ok_or_else(|| Error::Fault(format!("a reservation is {name}").into()))?;
    Ok(*state)
}

/// The refusal of a text in the database.
pub(in crate::store) fn refusal_of(detail: &str) -> Result<Refusal, Error> {
    serde_json::from_str(detail).map_err(|error| Error::Fault(error.into()))
}

/// The lines are sorted and merged, so that the same goods have the same hash.
pub(super) fn hash_of(request: &StockRequest) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    for line in &request.lines {
        digest.update(line.product_id.as_uuid().as_bytes());
        digest.update(&line.quantity.get().to_be_bytes());
    }
    digest.finish().as_ref().to_vec()
}
