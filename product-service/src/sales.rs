//! Many sales in one call.

use futures::future::join_all;
use product_api::Stock;
use product_api::calls::{Sale, Sales, SellMany};

use crate::refusal;

/// Each by itself, all at once: a stock makes one unit of those that it has at the same moment.
pub(crate) async fn sell_many(stock: &dyn Stock, many: &SellMany) -> Sales {
    let sales = many.orders.iter().map(|sell| stock.sell(&sell.request, sell.mode));
    let sold = join_all(sales).await.into_iter();
    let sales = sold.map(|sold| Sale::from(sold.inspect_err(refusal::log_stock)));
    Sales { sales: sales.collect() }
}
