//! What an order would be, without placing it.

use std::collections::HashMap;

use order_api::{Quote, QuotedItem};
use product_api::StockLine;
use values::{Money, ProductId, ValueError};

use super::OrderService;
use crate::inventory::{Offer, Unavailable};

/// Why there is no quote.
#[derive(Debug, thiserror::Error)]
pub enum QuoteError {
    /// These are not for sale.
    #[error("some products are not for sale")]
    UnknownProducts(Vec<ProductId>),
    /// Prices in more than one currency.
    #[error("the prices are in more than one currency")]
    MixedCurrency,
    /// The catalogue is away, and what is asked for is not in memory.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl OrderService {
    /// The order as it would be now; nothing is held, and too little stock is no refusal. Lines are sorted by product,
    /// none stands twice, and there is one at least.
    pub async fn quote(&self, lines: &[StockLine]) -> Result<Quote, QuoteError> {
        let ids: Vec<ProductId> = lines.iter().map(|line| line.product_id).collect();
        let offers: HashMap<ProductId, Offer> = self.inventory.find(&ids).await?;
        let mut unknown = Vec::new();
        let mut items = Vec::with_capacity(lines.len());
        for line in lines {
            match offers.get(&line.product_id) {
                Some(offer) => items.push(item(line, offer).map_err(|_| QuoteError::MixedCurrency)?),
                None => unknown.push(line.product_id),
            }
        }
        if !unknown.is_empty() {
            return Err(QuoteError::UnknownProducts(unknown));
        }
        let mut total: Option<Money> = None;
        for item in &items {
            let sum = total.map_or(Ok(item.line_total), |sum| sum.checked_add(item.line_total));
            total = Some(sum.map_err(|_| QuoteError::MixedCurrency)?);
        }
        let total = total.ok_or(QuoteError::UnknownProducts(Vec::new()))?;
        Ok(Quote {
            items,
            subtotal: total,
            total,
        })
    }
}

fn item(line: &StockLine, offer: &Offer) -> Result<QuotedItem, ValueError> {
    Ok(QuotedItem {
        product_id: line.product_id,
        sku: offer.sku.clone(),
        name: offer.name.clone(),
        quantity: line.quantity,
        available: offer.available.map(|available| available.max(0)),
        unit_price: offer.price,
        line_total: offer.price.checked_mul(line.quantity.get())?,
    })
}
