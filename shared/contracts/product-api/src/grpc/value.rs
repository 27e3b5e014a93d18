//! Values that stand in several messages.

use values::grpc::{MessageError, field, not_known};
use values::{Currency, Money, ProductId};

use super::proto;
use crate::{Image, View};

impl From<Money> for proto::Money {
    fn from(money: Money) -> Self {
        Self {
            amount: money.amount(),
            currency: money.currency().code().to_owned(),
        }
    }
}

impl TryFrom<proto::Money> for Money {
    type Error = MessageError;

    fn try_from(money: proto::Money) -> Result<Self, MessageError> {
        let currency: Currency = field("currency", money.currency.parse())?;
        field("amount", Self::total(money.amount, currency))
    }
}

impl From<Image> for proto::Image {
    fn from(Image { url, alt }: Image) -> Self {
        Self { url, alt }
    }
}

impl From<proto::Image> for Image {
    fn from(proto::Image { url, alt }: proto::Image) -> Self {
        Self { url, alt }
    }
}

impl From<View> for proto::View {
    fn from(view: View) -> Self {
        match view {
            View::Public => Self::Public,
            View::Admin => Self::Admin,
        }
    }
}

pub(super) fn view_of(view: i32) -> Result<View, MessageError> {
    match proto::View::try_from(view) {
        Ok(proto::View::Unspecified | proto::View::Public) => Ok(View::Public),
        Ok(proto::View::Admin) => Ok(View::Admin),
        Err(_) => field("view", Err(not_known())),
    }
}

pub(super) fn product_id(name: &str, id: &str) -> Result<ProductId, MessageError> {
    field(name, id.parse::<ProductId>())
}
