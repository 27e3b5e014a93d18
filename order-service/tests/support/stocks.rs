//! Ways to a stock that are not what one would wish.

/// Implements the stock by a wrapper's way of asking. The traits and types of the contract must be in scope.
#[macro_export]
macro_rules! stock_through {
    ($wrapper:ty, |$this:ident, $call:ident| $ask:expr) => {
        #[async_trait]
        impl Stock for $wrapper {
            async fn reserve(&self, request: &StockRequest) -> Result<Reservation, StockError> {
                let $this = self;
                let $call = || {
                    let (inner, request) = ($this.inner.clone(), request.clone());
                    async move { inner.reserve(&request).await }
                };
                $ask
            }

            async fn sell(&self, request: &StockRequest, mode: SaleMode) -> Result<Reservation, StockError> {
                let $this = self;
                let $call = || {
                    let (inner, request) = ($this.inner.clone(), request.clone());
                    async move { inner.sell(&request, mode).await }
                };
                $ask
            }

            async fn confirm(&self, order_id: OrderId) -> Result<Confirmed, StockError> {
                let $this = self;
                let $call = || {
                    let inner = $this.inner.clone();
                    async move { inner.confirm(order_id).await }
                };
                $ask
            }

            async fn release(&self, order_id: OrderId) -> Result<Released, StockError> {
                let $this = self;
                let $call = || {
                    let inner = $this.inner.clone();
                    async move { inner.release(order_id).await }
                };
                $ask
            }

            async fn return_goods(&self, order_id: OrderId) -> Result<Returned, StockError> {
                let $this = self;
                let $call = || {
                    let inner = $this.inner.clone();
                    async move { inner.return_goods(order_id).await }
                };
                $ask
            }

            async fn reservations(&self, after: Option<OrderId>, limit: u32) -> Result<ReservationPage, StockError> {
                self.inner.reservations(after, limit).await
            }

            async fn faults(&self) -> Result<Vec<StockFault>, StockError> {
                self.inner.faults().await
            }
        }
    };
}
