//! What a call of [`Orders`](crate::Orders) carries between processes: the bodies of the internal HTTP routes, `POST` each,
//! and what the gRPC requests are read as.
//!
//! Members that are not known are ignored. A state that the reader does not know makes the whole body unreadable, which a
//! caller takes for *unknown*: nobody acts on half an answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::{OrderId, ValueError};

use crate::OrderRecord;

/// `POST /internal/orders/list`, answered with an [`OrderRecordPage`](crate::OrderRecordPage).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordsAfter {
    /// Those behind this id; from the beginning without one.
    pub after: Option<OrderId>,
    /// 1 to 1,000.
    pub limit: u32,
}

/// `POST /internal/orders/get-many`, answered with [`RecordsFound`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordsOf {
    /// Which: at most 100.
    #[serde(deserialize_with = "up_to_a_hundred")]
    #[schema(max_items = 100)]
    pub ids: Vec<OrderId>,
}

impl RecordsOf {
    /// The most ids of one call.
    pub const MAX_IDS: usize = 100;

    /// Refuses too many ids.
    pub fn new(ids: Vec<OrderId>) -> Result<Self, ValueError> {
        if ids.len() > Self::MAX_IDS {
            return Err(ValueError::new("must be at most 100"));
        }
        Ok(Self { ids })
    }
}

/// Those of the orders that there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordsFound {
    /// In no promised order.
    pub items: Vec<OrderRecord>,
}

fn up_to_a_hundred<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<OrderId>, D::Error> {
    let ids = Vec::deserialize(deserializer)?;
    RecordsOf::new(ids)
        .map(|records| records.ids)
        .map_err(serde::de::Error::custom)
}
