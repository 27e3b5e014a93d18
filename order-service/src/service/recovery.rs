//! Taking up what was left lying: by a crash, by a neighbour that did not answer.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use platform_runtime::context::{RequestContext, spans};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::OrderService;
use crate::order::StoredOrder;
use crate::store::StoreError;

/// Orders leased at once.
const BATCH: u32 = 64;
/// Orders driven at the same time.
const AT_ONCE: usize = 16;

impl OrderService {
    /// Before the process is ready: what a crash left behind. Takes no longer than `Timings::first_recovery`; the job
    /// goes on with the rest.
    pub async fn recover_at_start(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.store.is_exclusive() {
            self.store.make_open_due(self.clock.now()).await?;
        }
        match tokio::time::timeout(self.timings.first_recovery, self.recover_due()).await {
            Ok(done) => done.map(drop),
            Err(_elapsed) => Ok(()),
        }
    }

    /// The job: looks once a second, with jitter, until it is told to stop.
    pub async fn recover_for_ever(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.recover_due().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "orders cannot be recovered now"
                );
            }
            let pause = self.timings.recovery.mul_f64(0.5 + self.clock.fraction());
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// A neighbour that was away is back: what waited for it is due at once.
    pub async fn neighbour_is_back(self: &Arc<Self>) -> Result<usize, StoreError> {
        self.store.make_postponed_due(self.clock.now()).await?;
        self.recover_due().await
    }

    /// Drives all orders that are due; answers how many were taken up.
    pub async fn recover_due(self: &Arc<Self>) -> Result<usize, StoreError> {
        let mut taken = 0;
        loop {
            let now = self.clock.now();
            let due = self.store.lease_due(now, now.plus(self.timings.lease), BATCH).await?;
            if due.is_empty() {
                return Ok(taken);
            }
            taken += due.len();
            // Workers of their own, so that a stop waits for them and an end of this job does not cut them off.
            let workers = stream::iter(due).map(|order| self.drive_to_rest(order));
            workers.buffer_unordered(AT_ONCE).for_each(|()| async {}).await;
        }
    }

    async fn drive_to_rest(self: &Arc<Self>, order: StoredOrder) {
        let service = self.clone();
        let (context, span) = trace_of(&order);
        let work = async move { service.advance(Arc::new(order), None).await };
        let worker = self.workers.spawn(context.scope(work.instrument(span)));
        if worker.await.is_err() {
            tracing::error!("a worker panicked; its order is taken up again when its lease is over");
        }
    }
}

/// What is done for an order later is a part of the request that placed it.
fn trace_of(order: &StoredOrder) -> (RequestContext, Span) {
    let traceparent = order.traceparent.as_deref();
    let context = RequestContext::of_traceparent(traceparent);
    let Some(cause) = traceparent.filter(|_| spans::are_exported()) else {
        return (context, Span::none());
    };
    let span = tracing::info_span!("recover", otel.kind = "internal", order.id = %order.id);
    spans::put_under(&span, cause);
    (context, span)
}
