//! Stock and reservations.

use values::grpc::{MessageError, each, field, not_known, required};
use values::{OrderId, Quantity, Sku, Timestamp};

use super::catalogue::money;
use super::proto::{self, refusal::Reason, sale::Outcome as SaleOutcome};
use super::value::product_id;
use crate::calls::{FaultsFound, ForOrder, Outcome, ReservationsAfter, Sale, Sales, Sell, SellMany};
use crate::{
    Confirmed, Refusal, Released, Reservation, ReservationPage, ReservationState, ReservedLine, Returned, SaleMode,
    ShortItem, StockFault, StockLine, StockRequest,
};

impl From<StockLine> for proto::StockLine {
    fn from(line: StockLine) -> Self {
        Self {
            product_id: line.product_id.to_string(),
            quantity: line.quantity.get().into(),
        }
    }
}

impl TryFrom<proto::StockLine> for StockLine {
    type Error = MessageError;

    fn try_from(line: proto::StockLine) -> Result<Self, MessageError> {
        Ok(Self {
            product_id: product_id("product_id", &line.product_id)?,
            quantity: quantity(line.quantity)?,
        })
    }
}

impl From<&StockRequest> for proto::ReserveRequest {
    fn from(request: &StockRequest) -> Self {
        Self {
            order_id: request.order_id.to_string(),
            lines: request.lines.iter().copied().map(Into::into).collect(),
        }
    }
}

impl TryFrom<proto::ReserveRequest> for StockRequest {
    type Error = MessageError;

    fn try_from(request: proto::ReserveRequest) -> Result<Self, MessageError> {
        let lines = each("lines", request.lines, StockLine::try_from)?;
        field("lines", Self::new(order_id("order_id", &request.order_id)?, lines))
    }
}

impl proto::SellRequest {
    /// The message for a call.
    pub fn new(request: &StockRequest, mode: SaleMode) -> Self {
        let proto::ReserveRequest { order_id, lines } = request.into();
        let mode = match mode {
            SaleMode::Always => proto::SaleMode::Always,
            SaleMode::OnlyIfFree => proto::SaleMode::OnlyIfFree,
        };
        Self {
            order_id,
            lines,
            mode: mode.into(),
        }
    }
}

impl TryFrom<proto::SellRequest> for Sell {
    type Error = MessageError;

    fn try_from(request: proto::SellRequest) -> Result<Self, MessageError> {
        let proto::SellRequest { order_id, lines, mode } = request;
        let mode = match proto::SaleMode::try_from(mode) {
            Ok(proto::SaleMode::Always) => SaleMode::Always,
            Ok(proto::SaleMode::OnlyIfFree) => SaleMode::OnlyIfFree,
            Ok(proto::SaleMode::Unspecified) | Err(_) => return field("mode", Err(not_known())),
        };
        Ok(Self {
            request: proto::ReserveRequest { order_id, lines }.try_into()?,
            mode,
        })
    }
}

impl From<SellMany> for proto::SellManyRequest {
    fn from(many: SellMany) -> Self {
        let message = |sell: &Sell| proto::SellRequest::new(&sell.request, sell.mode);
        Self {
            orders: many.orders.iter().map(message).collect(),
        }
    }
}

impl TryFrom<proto::SellManyRequest> for SellMany {
    type Error = MessageError;

    fn try_from(request: proto::SellManyRequest) -> Result<Self, MessageError> {
        let orders = each("orders", request.orders, Sell::try_from)?;
        field("orders", Self::new(orders))
    }
}

impl From<Sales> for proto::SellManyResponse {
    fn from(sold: Sales) -> Self {
        let message = |sale| {
            let outcome = match sale {
                Sale::Reservation(reservation) => SaleOutcome::Reservation(reservation.into()),
                Sale::OtherRequest => SaleOutcome::OtherRequest(proto::OtherRequest {}),
                Sale::Unavailable => SaleOutcome::Unavailable(proto::Unavailable {}),
            };
            proto::Sale { outcome: Some(outcome) }
        };
        Self {
            sales: sold.sales.into_iter().map(message).collect(),
        }
    }
}

impl TryFrom<proto::SellManyResponse> for Sales {
    type Error = MessageError;

    fn try_from(response: proto::SellManyResponse) -> Result<Self, MessageError> {
        let sale = |sale: proto::Sale| {
            Ok(match sale.outcome {
                Some(SaleOutcome::Reservation(reservation)) => Sale::Reservation(reservation.try_into()?),
                Some(SaleOutcome::OtherRequest(_)) => Sale::OtherRequest,
                Some(SaleOutcome::Unavailable(_)) => Sale::Unavailable,
                // None that was sent, or one of another release.
                None => return field("outcome", Err(not_known())),
            })
        };
        Ok(Self {
            sales: each("sales", response.sales, sale)?,
        })
    }
}

impl From<Reservation> for proto::Reservation {
    fn from(reservation: Reservation) -> Self {
        Self {
            order_id: reservation.order_id.to_string(),
            state: proto::ReservationState::from(reservation.state).into(),
            lines: reservation.lines.into_iter().map(Into::into).collect(),
            refusal: reservation.refusal.map(Into::into),
        }
    }
}

impl TryFrom<proto::Reservation> for Reservation {
    type Error = MessageError;

    fn try_from(reservation: proto::Reservation) -> Result<Self, MessageError> {
        let refusal = reservation.refusal.map(Refusal::try_from).transpose();
        Ok(Self {
            order_id: order_id("order_id", &reservation.order_id)?,
            state: state_of(reservation.state)?,
            lines: each("lines", reservation.lines, ReservedLine::try_from)?,
            refusal: field("refusal", refusal)?,
        })
    }
}

impl From<ReservationState> for proto::ReservationState {
    fn from(state: ReservationState) -> Self {
        match state {
            ReservationState::Held => Self::Held,
            ReservationState::Sold => Self::Sold,
            ReservationState::Released => Self::Released,
            ReservationState::Expired => Self::Expired,
            ReservationState::Rejected => Self::Rejected,
            ReservationState::Returned => Self::Returned,
        }
    }
}

fn state_of(state: i32) -> Result<ReservationState, MessageError> {
    Ok(match proto::ReservationState::try_from(state) {
        Ok(proto::ReservationState::Held) => ReservationState::Held,
        Ok(proto::ReservationState::Sold) => ReservationState::Sold,
        Ok(proto::ReservationState::Released) => ReservationState::Released,
        Ok(proto::ReservationState::Expired) => ReservationState::Expired,
        Ok(proto::ReservationState::Rejected) => ReservationState::Rejected,
        Ok(proto::ReservationState::Returned) => ReservationState::Returned,
        Ok(proto::ReservationState::Unspecified) | Err(_) => return field("state", Err(not_known())),
    })
}

impl From<ReservedLine> for proto::ReservedLine {
    fn from(line: ReservedLine) -> Self {
        Self {
            product_id: line.product_id.to_string(),
            quantity: line.quantity.get().into(),
            counted: line.counted,
            sku: line.sku.into(),
            name: line.name,
            unit_price: Some(line.unit_price.into()),
        }
    }
}

impl TryFrom<proto::ReservedLine> for ReservedLine {
    type Error = MessageError;

    fn try_from(line: proto::ReservedLine) -> Result<Self, MessageError> {
        Ok(Self {
            product_id: product_id("product_id", &line.product_id)?,
            quantity: quantity(line.quantity)?,
            counted: line.counted,
            sku: field("sku", Sku::try_from(line.sku))?,
            name: line.name,
            unit_price: money("unit_price", line.unit_price)?,
        })
    }
}

impl From<Refusal> for proto::Refusal {
    fn from(refusal: Refusal) -> Self {
        let reason = match refusal {
            Refusal::InsufficientStock { items } => Reason::InsufficientStock(proto::InsufficientStock {
                items: items.into_iter().map(Into::into).collect(),
            }),
            Refusal::UnknownProduct { items } => Reason::UnknownProduct(proto::UnknownProduct {
                product_ids: items.iter().map(ToString::to_string).collect(),
            }),
            Refusal::MixedCurrency => Reason::MixedCurrency(proto::MixedCurrency {}),
        };
        Self { reason: Some(reason) }
    }
}

impl TryFrom<proto::Refusal> for Refusal {
    type Error = MessageError;

    fn try_from(refusal: proto::Refusal) -> Result<Self, MessageError> {
        Ok(match refusal.reason {
            Some(Reason::InsufficientStock(short)) => Self::InsufficientStock {
                items: each("items", short.items, ShortItem::try_from)?,
            },
            Some(Reason::UnknownProduct(unknown)) => Self::UnknownProduct {
                items: each("product_ids", unknown.product_ids, |id| Ok(id.parse()?))?,
            },
            Some(Reason::MixedCurrency(_)) => Self::MixedCurrency,
            // None that was sent, or one of another release.
            None => return field("reason", Err(not_known())),
        })
    }
}

impl From<ShortItem> for proto::ShortItem {
    fn from(item: ShortItem) -> Self {
        Self {
            product_id: item.product_id.to_string(),
            requested: item.requested,
            available: item.available,
        }
    }
}

impl TryFrom<proto::ShortItem> for ShortItem {
    type Error = MessageError;

    fn try_from(item: proto::ShortItem) -> Result<Self, MessageError> {
        Ok(Self {
            product_id: product_id("product_id", &item.product_id)?,
            requested: item.requested,
            available: item.available,
        })
    }
}

/// The three calls that carry an order id alone, and their answers.
macro_rules! for_order {
    ($request:ident, $response:ident, $outcomes:ident, $outcome:ident: $($arm:ident),+) => {
        impl From<ForOrder> for proto::$request {
            fn from(ForOrder { order_id }: ForOrder) -> Self {
                Self { order_id: order_id.to_string() }
            }
        }

        impl TryFrom<proto::$request> for ForOrder {
            type Error = MessageError;

            fn try_from(request: proto::$request) -> Result<Self, MessageError> {
                let order_id = order_id("order_id", &request.order_id)?;
                Ok(Self { order_id })
            }
        }

        impl From<Outcome<$outcome>> for proto::$response {
            fn from(Outcome { outcome }: Outcome<$outcome>) -> Self {
                let outcome = match outcome {
                    $($outcome::$arm => proto::$outcomes::Outcome::$arm),+
                };
                Self { outcome: outcome.into() }
            }
        }

        impl TryFrom<proto::$response> for Outcome<$outcome> {
            type Error = MessageError;

            fn try_from(response: proto::$response) -> Result<Self, MessageError> {
                let outcome = match proto::$outcomes::Outcome::try_from(response.outcome) {
                    $(Ok(proto::$outcomes::Outcome::$arm) => $outcome::$arm,)+
                    Ok(proto::$outcomes::Outcome::Unspecified) | Err(_) => return field("outcome", Err(not_known())),
                };
                Ok(Self { outcome })
            }
        }
    };
}

for_order!(ConfirmRequest, ConfirmResponse, confirm_response, Confirmed: Sold, Gone);
for_order!(ReleaseRequest, ReleaseResponse, release_response, Released: Released, AlreadySold);
for_order!(ReturnGoodsRequest, ReturnGoodsResponse, return_goods_response, Returned: Returned, NotSold);

impl From<ReservationsAfter> for proto::ListReservationsRequest {
    fn from(ReservationsAfter { after, limit }: ReservationsAfter) -> Self {
        Self {
            after: after.map(|id| id.to_string()),
            limit,
        }
    }
}

impl TryFrom<proto::ListReservationsRequest> for ReservationsAfter {
    type Error = MessageError;

    fn try_from(request: proto::ListReservationsRequest) -> Result<Self, MessageError> {
        let after = request.after.as_deref().map(|id| order_id("after", id));
        Ok(Self {
            after: after.transpose()?,
            limit: request.limit,
        })
    }
}

impl From<ReservationPage> for proto::ListReservationsResponse {
    fn from(page: ReservationPage) -> Self {
        Self {
            items: page.items.into_iter().map(Into::into).collect(),
            more: page.more,
            read_at: Some(page.read_at.into()),
        }
    }
}

impl TryFrom<proto::ListReservationsResponse> for ReservationPage {
    type Error = MessageError;

    fn try_from(response: proto::ListReservationsResponse) -> Result<Self, MessageError> {
        let read_at = required("read_at", response.read_at)?;
        Ok(Self {
            items: each("items", response.items, Reservation::try_from)?,
            more: response.more,
            read_at: field("read_at", Timestamp::try_from(read_at))?,
        })
    }
}

impl From<StockFault> for proto::StockFault {
    fn from(fault: StockFault) -> Self {
        Self {
            product_id: fault.product_id.to_string(),
            invariant: fault.invariant.into(),
            detail: fault.detail,
        }
    }
}

impl TryFrom<proto::StockFault> for StockFault {
    type Error = MessageError;

    fn try_from(fault: proto::StockFault) -> Result<Self, MessageError> {
        let invariant = u8::try_from(fault.invariant).map_err(|_| not_known());
        Ok(Self {
            product_id: product_id("product_id", &fault.product_id)?,
            invariant: field("invariant", invariant)?,
            detail: fault.detail,
        })
    }
}

impl From<FaultsFound> for proto::ListFaultsResponse {
    fn from(found: FaultsFound) -> Self {
        Self {
            faults: found.faults.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<proto::ListFaultsResponse> for FaultsFound {
    type Error = MessageError;

    fn try_from(response: proto::ListFaultsResponse) -> Result<Self, MessageError> {
        Ok(Self {
            faults: each("faults", response.faults, StockFault::try_from)?,
        })
    }
}

fn order_id(name: &str, id: &str) -> Result<OrderId, MessageError> {
    field(name, id.parse::<OrderId>())
}

fn quantity(pieces: i64) -> Result<Quantity, MessageError> {
    field("quantity", Quantity::try_from(pieces))
}
