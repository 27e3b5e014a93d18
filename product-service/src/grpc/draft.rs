//! A product as somebody writes it in a message. Its bounds are checked where those of HTTP are.

use platform_problem::Faults;
use product_api::Options;
use product_api::grpc::proto;

use crate::service::{Given, MoneyDraft, ProductDraft};

/// The draft of a product, without its stock.
pub(super) fn draft_of(details: proto::ProductDetails, faults: &mut Faults) -> ProductDraft {
    let options = Options::try_from(details.options).map_err(|error| error.detail);
    ProductDraft {
        sku: Some(details.sku),
        name: Some(details.name),
        description: Some(details.description),
        category: details.category,
        tags: Some(details.tags),
        vendor: details.vendor,
        images: Some(details.images.into_iter().map(Into::into).collect()),
        family: details.family,
        options: faults.take("/options", options),
        price: details.price.map(money_of),
        compare_at_price: details.compare_at_price.map(money_of),
        stock: Given::Missing,
        published: details.published,
        barcode: details.barcode,
        weight_grams: details.weight_grams,
    }
}

/// Absent means that it is not counted.
pub(super) fn stock_of(stock: Option<i64>) -> Given<i64> {
    stock.map_or(Given::Null, Given::Value)
}

fn money_of(proto::Money { amount, currency }: proto::Money) -> MoneyDraft {
    MoneyDraft { amount, currency }
}
