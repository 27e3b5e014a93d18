//! The contract as protocol buffers: messages, the service, and conversions between messages and the contract's own types.
//!
//! From a type to a message cannot fail. From a message to a type is checked, and a [`MessageError`] points to the field at
//! fault. A state that this process does not know is such a fault: nobody acts on half an answer.

use values::grpc::{each, field, moment, not_known, required};
use values::{OrderId, ProductId, Quantity, Timestamp, UserId};

use crate::calls::{RecordsAfter, RecordsFound, RecordsOf};
use crate::{EventCounts, OrderRecord, OrderRecordPage, OrderState};

pub use values::grpc::MessageError;

/// What is made of the files below `proto/`.
#[allow(
    missing_docs,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "it is generated"
)]
pub mod proto {
    tonic::include_proto!("stoa.order.v1");
}

/// The descriptors of all files, encoded, for reflection.
pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");

impl From<RecordsAfter> for proto::ListOrdersRequest {
    fn from(RecordsAfter { after, limit }: RecordsAfter) -> Self {
        Self {
            after: after.map(|id| id.to_string()),
            limit,
        }
    }
}

impl TryFrom<proto::ListOrdersRequest> for RecordsAfter {
    type Error = MessageError;

    fn try_from(message: proto::ListOrdersRequest) -> Result<Self, MessageError> {
        let after = message.after.map(|id| id.parse::<OrderId>()).transpose();
        Ok(Self {
            after: field("after", after)?,
            limit: message.limit,
        })
    }
}

impl From<RecordsOf> for proto::BatchGetOrdersRequest {
    fn from(RecordsOf { ids }: RecordsOf) -> Self {
        Self {
            ids: ids.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<proto::BatchGetOrdersRequest> for RecordsOf {
    type Error = MessageError;

    fn try_from(message: proto::BatchGetOrdersRequest) -> Result<Self, MessageError> {
        let ids = each("ids", message.ids, |id| {
            id.parse::<OrderId>().map_err(MessageError::from)
        })?;
        field("ids", Self::new(ids))
    }
}

impl From<RecordsFound> for proto::BatchGetOrdersResponse {
    fn from(RecordsFound { items }: RecordsFound) -> Self {
        Self {
            items: items.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<proto::BatchGetOrdersResponse> for RecordsFound {
    type Error = MessageError;

    fn try_from(message: proto::BatchGetOrdersResponse) -> Result<Self, MessageError> {
        Ok(Self {
            items: each("items", message.items, OrderRecord::try_from)?,
        })
    }
}

impl From<OrderRecordPage> for proto::ListOrdersResponse {
    fn from(OrderRecordPage { items, more, read_at }: OrderRecordPage) -> Self {
        Self {
            items: items.into_iter().map(Into::into).collect(),
            more,
            read_at: Some(read_at.into()),
        }
    }
}

impl TryFrom<proto::ListOrdersResponse> for OrderRecordPage {
    type Error = MessageError;

    fn try_from(message: proto::ListOrdersResponse) -> Result<Self, MessageError> {
        Ok(Self {
            items: each("items", message.items, OrderRecord::try_from)?,
            more: message.more,
            read_at: moment("read_at", message.read_at)?,
        })
    }
}

impl From<OrderRecord> for proto::OrderRecord {
    fn from(record: OrderRecord) -> Self {
        let line = |(product_id, quantity): (ProductId, Quantity)| proto::OrderLine {
            product_id: product_id.to_string(),
            quantity: quantity.get().into(),
        };
        Self {
            id: record.id.to_string(),
            user_id: record.user_id.to_string(),
            state: proto::OrderState::from(record.state).into(),
            provider: record.provider,
            lines: record.lines.into_iter().map(line).collect(),
            total: record.total,
            captured: record.captured,
            refunded: record.refunded,
            cancel_requested: record.cancel_requested,
            events: Some(record.events.into()),
            created_at: Some(record.created_at.into()),
            updated_at: Some(record.updated_at.into()),
            deadline_at: Some(record.deadline_at.into()),
            confirmed_at: record.confirmed_at.map(Into::into),
        }
    }
}

impl TryFrom<proto::OrderRecord> for OrderRecord {
    type Error = MessageError;

    fn try_from(message: proto::OrderRecord) -> Result<Self, MessageError> {
        let confirmed_at = message.confirmed_at.map(Timestamp::try_from).transpose();
        Ok(Self {
            id: field("id", message.id.parse::<OrderId>())?,
            user_id: field("user_id", message.user_id.parse::<UserId>())?,
            state: state_of(message.state)?,
            provider: message.provider,
            lines: each("lines", message.lines, |line| line_of(&line))?,
            total: message.total,
            captured: message.captured,
            refunded: message.refunded,
            cancel_requested: message.cancel_requested,
            events: required("events", message.events)?.into(),
            created_at: moment("created_at", message.created_at)?,
            updated_at: moment("updated_at", message.updated_at)?,
            deadline_at: moment("deadline_at", message.deadline_at)?,
            confirmed_at: field("confirmed_at", confirmed_at)?,
        })
    }
}

fn line_of(line: &proto::OrderLine) -> Result<(ProductId, Quantity), MessageError> {
    let product_id = field("product_id", line.product_id.parse::<ProductId>())?;
    Ok((product_id, field("quantity", Quantity::try_from(line.quantity))?))
}

impl From<EventCounts> for proto::EventCounts {
    fn from(counts: EventCounts) -> Self {
        Self {
            confirmed: counts.confirmed,
            paid: counts.paid,
            rejected: counts.rejected,
            cancelled: counts.cancelled,
        }
    }
}

impl From<proto::EventCounts> for EventCounts {
    fn from(counts: proto::EventCounts) -> Self {
        Self {
            confirmed: counts.confirmed,
            paid: counts.paid,
            rejected: counts.rejected,
            cancelled: counts.cancelled,
        }
    }
}

impl From<OrderState> for proto::OrderState {
    fn from(state: OrderState) -> Self {
        match state {
            OrderState::Pending => Self::Pending,
            OrderState::Cancelling => Self::Cancelling,
            OrderState::Confirmed => Self::Confirmed,
            OrderState::Paid => Self::Paid,
            OrderState::Fulfilled => Self::Fulfilled,
            OrderState::Refunding => Self::Refunding,
            OrderState::Refunded => Self::Refunded,
            OrderState::Rejected => Self::Rejected,
            OrderState::Cancelled => Self::Cancelled,
        }
    }
}

fn state_of(state: i32) -> Result<OrderState, MessageError> {
    Ok(match proto::OrderState::try_from(state) {
        Ok(proto::OrderState::Pending) => OrderState::Pending,
        Ok(proto::OrderState::Cancelling) => OrderState::Cancelling,
        Ok(proto::OrderState::Confirmed) => OrderState::Confirmed,
        Ok(proto::OrderState::Paid) => OrderState::Paid,
        Ok(proto::OrderState::Fulfilled) => OrderState::Fulfilled,
        Ok(proto::OrderState::Refunding) => OrderState::Refunding,
        Ok(proto::OrderState::Refunded) => OrderState::Refunded,
        Ok(proto::OrderState::Rejected) => OrderState::Rejected,
        Ok(proto::OrderState::Cancelled) => OrderState::Cancelled,
        Ok(proto::OrderState::Unspecified) | Err(_) => return field("state", Err(not_known())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(state: OrderState) -> OrderRecord {
        let at = |micros: i64| Timestamp::from_micros(1_700_000_000_000_000 + micros);
        OrderRecord {
            id: "019a0000-0000-7000-8000-000000000001".parse().unwrap(),
            user_id: "019a0000-0000-7000-8000-000000000002".parse().unwrap(),
            state,
            provider: "none".to_owned(),
            lines: vec![(
                "019a0000-0000-7000-8000-000000000003".parse().unwrap(),
                Quantity::try_from(3).unwrap(),
            )],
            total: Some(30),
            captured: 30,
            refunded: 5,
            cancel_requested: true,
            events: EventCounts {
                confirmed: 1,
                paid: 2,
                rejected: 3,
                cancelled: 4,
            },
            created_at: at(1),
            updated_at: at(2),
            deadline_at: at(3),
            confirmed_at: Some(at(4)),
        }
    }

    #[test]
    fn what_goes_over_the_wire_comes_back_the_same_in_both_forms() {
        for state in OrderState::ALL {
            let bare = OrderRecord {
                total: None,
                confirmed_at: None,
                lines: Vec::new(),
                ..record(state)
            };
            for record in [record(state), bare] {
                let message = proto::OrderRecord::from(record.clone());
                assert_eq!(OrderRecord::try_from(message).unwrap(), record);
                let json = serde_json::to_string(&record).unwrap();
                assert_eq!(serde_json::from_str::<OrderRecord>(&json).unwrap(), record);
            }
        }
    }

    #[test]
    fn so_do_pages_and_questions_and_what_a_later_release_adds_is_passed_over() {
        let page = OrderRecordPage {
            items: vec![record(OrderState::Paid)],
            more: true,
            read_at: Timestamp::from_micros(1),
        };
        let message = proto::ListOrdersResponse::from(page.clone());
        assert_eq!(OrderRecordPage::try_from(message).unwrap(), page);
        let mut body = serde_json::to_value(&page).unwrap();
        for place in ["", "/items/0", "/items/0/events"] {
            body.pointer_mut(place).unwrap()["added_later"] = serde_json::json!({"a": [1]});
        }
        assert_eq!(serde_json::from_value::<OrderRecordPage>(body).unwrap(), page);

        for after in [None, Some(record(OrderState::Paid).id)] {
            let call = RecordsAfter { after, limit: 7 };
            let message = proto::ListOrdersRequest::from(call);
            assert_eq!(RecordsAfter::try_from(message).unwrap(), call);
            let mut body = serde_json::to_value(call).unwrap();
            body["added_later"] = serde_json::json!(1);
            assert_eq!(serde_json::from_value::<RecordsAfter>(body).unwrap(), call);
        }
    }

    #[test]
    fn more_than_a_hundred_orders_at_once_are_refused_in_both_forms() {
        let ids = |count| vec![record(OrderState::Paid).id; count];
        let call = RecordsOf { ids: ids(100) };
        let message = proto::BatchGetOrdersRequest::from(call.clone());
        assert_eq!(RecordsOf::try_from(message).unwrap(), call);
        let body = serde_json::to_value(&call).unwrap();
        assert_eq!(serde_json::from_value::<RecordsOf>(body).unwrap(), call);

        let call = RecordsOf { ids: ids(101) };
        let message = proto::BatchGetOrdersRequest::from(call.clone());
        assert_eq!(RecordsOf::try_from(message).unwrap_err().pointer, "/ids");
        let body = serde_json::to_value(&call).unwrap();
        let error = serde_json::from_value::<RecordsOf>(body).unwrap_err();
        assert!(error.to_string().contains("at most 100"), "{error}");
    }

    #[test]
    fn a_state_of_a_later_release_is_no_answer() {
        let mut message = proto::OrderRecord::from(record(OrderState::Paid));
        message.state = 99;
        let page = proto::ListOrdersResponse {
            items: vec![message],
            more: false,
            read_at: Some(Timestamp::from_micros(1).into()),
        };
        let error = OrderRecordPage::try_from(page).unwrap_err();
        assert_eq!(error.pointer, "/items/0/state");
        let json = serde_json::to_string(&record(OrderState::Paid)).unwrap();
        let later = json.replace("\"paid\"", "\"disputed\"");
        assert!(serde_json::from_str::<OrderRecord>(&later).is_err());
    }
}
