//! What behaviours are told with: products on the shelf, orders for them.

use std::sync::Arc;

use platform_clock::Clock;
use values::{Money, OrderId, ProductId, Quantity};

use crate::testing::{Shelf, ShelfProduct, StockBackend};
use crate::{Refusal, Reservation, ReservationState, SaleMode, Stock, StockLine, StockRequest};

/// A backend and its stock, with a vocabulary.
pub(super) struct Scene<'a> {
    pub(super) backend: &'a dyn StockBackend,
    pub(super) stock: Arc<dyn Stock>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(backend: &'a dyn StockBackend) -> Self {
        Self {
            backend,
            stock: backend.stock(),
        }
    }

    /// A product at 19.99 dollars with so many on the shelf; none: not counted.
    pub(super) async fn product(&self, stock: impl Into<Option<i64>>) -> ShelfProduct {
        self.product_at(1999, stock).await
    }

    pub(super) async fn product_at(&self, cents: i64, stock: impl Into<Option<i64>>) -> ShelfProduct {
        let product = ShelfProduct::priced(self.unused_id(), cents);
        self.put(product, stock).await
    }

    /// A product as it is given, with a shelf.
    pub(super) async fn put(&self, product: ShelfProduct, stock: impl Into<Option<i64>>) -> ShelfProduct {
        self.backend.put(&product).await;
        self.backend.set_stock(product.id, stock.into()).await;
        product
    }

    pub(super) async fn product_in(&self, currency: &str, stock: impl Into<Option<i64>>) -> ShelfProduct {
        let mut product = ShelfProduct::priced(self.unused_id(), 0);
        product.price = Money::new(700, currency.parse().unwrap_or_else(|_| panic!("{currency}"))).expect("in bounds");
        self.put(product, stock).await
    }

    pub(super) fn unused_id(&self) -> ProductId {
        self.backend.clock().new_id().into()
    }

    pub(super) fn order_id(&self) -> OrderId {
        self.backend.clock().new_id().into()
    }

    /// A new order for so many of these.
    pub(super) fn order(&self, lines: &[(&ShelfProduct, u32)]) -> StockRequest {
        let ids: Vec<_> = lines
            .iter()
            .map(|(product, quantity)| (product.id, *quantity))
            .collect();
        self.order_of(&ids)
    }

    pub(super) fn order_of(&self, lines: &[(ProductId, u32)]) -> StockRequest {
        let mut lines: Vec<_> = lines
            .iter()
            .map(|&(product_id, pieces)| StockLine {
                product_id,
                quantity: Quantity::try_from(i64::from(pieces)).expect("a test's quantity is within bounds"),
            })
            .collect();
        lines.sort_by_key(|line| line.product_id);
        StockRequest {
            order_id: self.order_id(),
            lines,
        }
    }

    pub(super) async fn shelf(&self, product: &ShelfProduct) -> Shelf {
        self.backend.shelf(product.id).await
    }

    pub(super) async fn reserve(&self, request: &StockRequest) -> Reservation {
        self.stock.reserve(request).await.expect("a definite answer")
    }

    pub(super) async fn sell(&self, request: &StockRequest) -> Reservation {
        self.stock
            .sell(request, SaleMode::Always)
            .await
            .expect("a definite answer")
    }

    pub(super) async fn sell_if_free(&self, request: &StockRequest) -> Reservation {
        self.stock
            .sell(request, SaleMode::OnlyIfFree)
            .await
            .expect("a definite answer")
    }

    /// An order for one line that was brought into a state.
    pub(super) async fn brought_to(
        &self,
        state: ReservationState,
        product: &ShelfProduct,
        pieces: u32,
    ) -> StockRequest {
        let request = self.order(&[(product, pieces)]);
        match state {
            ReservationState::Held => {
                self.reserve(&request).await;
            }
            ReservationState::Sold => {
                self.sell(&request).await;
            }
            ReservationState::Released => {
                self.reserve(&request).await;
                self.stock.release(request.order_id).await.expect("a definite answer");
            }
            ReservationState::Expired => {
                self.reserve(&request).await;
                self.let_it_expire().await;
            }
            ReservationState::Rejected => {
                let too_many = StockRequest {
                    lines: self.order(&[(product, 1000)]).lines,
                    ..request.clone()
                };
                self.reserve(&too_many).await;
                return too_many;
            }
            ReservationState::Returned => {
                self.sell(&request).await;
                self.stock
                    .return_goods(request.order_id)
                    .await
                    .expect("a definite answer");
            }
        }
        request
    }

    pub(super) async fn let_it_expire(&self) {
        self.backend.clock().advance(crate::testing::HELD_FOR);
        self.backend.sweep().await;
    }

    /// What stands in the books, read by asking for the same again.
    pub(super) async fn state(&self, request: &StockRequest) -> ReservationState {
        self.reserve(request).await.state
    }

    pub(super) async fn adds_up(&self) {
        assert_eq!(self.stock.faults().await.expect("a definite answer"), []);
    }
}

/// What a short line is told, as `(requested, available)`, in the order of the lines.
pub(super) fn short(answer: &Reservation) -> Vec<(ProductId, i64, i64)> {
    match &answer.refusal {
        Some(Refusal::InsufficientStock { items }) => items
            .iter()
            .map(|item| (item.product_id, item.requested, item.available))
            .collect(),
        other => panic!("not a refusal for lack of stock: {other:?}"),
    }
}
