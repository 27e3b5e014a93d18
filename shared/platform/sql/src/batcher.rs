//! One statement for all that wait.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::Error;
use crate::writer::UNIT_TIMEOUT;

/// Inputs of one batch.
const MOST_INPUTS: usize = 64;
/// Inputs that may wait.
const QUEUE: usize = 1_024;
/// How long a caller waits for room in the queue.
const ROOM_TIMEOUT: Duration = Duration::from_secs(5);

/// Gathers what callers bring while a worker is busy, and gives it to the worker as one batch of up to 64.
///
/// Nothing waits for a batch to fill: an input that finds a worker idle is a batch of one. A batch goes on when its
/// callers are gone. For a dialect file whose engine does many at once in one statement and one commit:
///
/// ```ignore
/// let batcher = Batcher::start(1, move |orders: Vec<Order>| {
///     let writer = writer.clone();
///     async move {
///         let orders = Arc::new(orders);
///         match writer.run(Arc::clone(&orders), |connection, orders| Box::pin(place_all(connection, orders))).await {
///             Ok(placed) => placed.into_iter().map(Ok).collect(),
///             Err(_refused) => one_by_one(&writer, &orders).await, // a refusal undid all of them
///         }
///     }
/// });
/// ```
pub struct Batcher<In, Out, E> {
    queue: mpsc::Sender<Waiting<In, Out, E>>,
}

type Waiting<In, Out, E> = (In, oneshot::Sender<Result<Out, E>>);

impl<In, Out, E> Clone for Batcher<In, Out, E> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
        }
    }
}

impl<In, Out, E> Batcher<In, Out, E>
where
    In: Send + 'static,
    Out: Send + 'static,
    E: From<Error> + Send + 'static,
{
    /// Starts workers that end when the last batcher is dropped. `work` answers a batch in the order of its inputs.
    /// With more than one worker, batches run side by side: lock rows in the order of their ids.
    pub fn start<F, W>(workers: usize, work: F) -> Self
    where
        F: Fn(Vec<In>) -> W + Send + Sync + 'static,
        W: Future<Output = Vec<Result<Out, E>>> + Send + 'static,
    {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        let work = Arc::new(work);
        for _ in 0..workers.max(1) {
            tokio::spawn(serve(Arc::clone(&waiting), Arc::clone(&work)));
        }
        Self { queue }
    }

    /// Hands an input over and waits for its result.
    pub async fn run(&self, input: In) -> Result<Out, E> {
        let (reply, answer) = oneshot::channel();
        if self.queue.send_timeout((input, reply), ROOM_TIMEOUT).await.is_err() {
            return Err(Error::unavailable("too many writes are waiting").into());
        }
        answer
            .await
            .unwrap_or_else(|_| Err(Error::unavailable("the worker is gone").into()))
    }
}

async fn serve<In, Out, E, F, W>(waiting: Arc<Mutex<mpsc::Receiver<Waiting<In, Out, E>>>>, work: Arc<F>)
where
    In: Send + 'static,
    Out: Send + 'static,
    E: From<Error> + Send + 'static,
    F: Fn(Vec<In>) -> W + Send + Sync + 'static,
    W: Future<Output = Vec<Result<Out, E>>> + Send + 'static,
{
    let mut batch = Vec::with_capacity(MOST_INPUTS);
    while waiting.lock().await.recv_many(&mut batch, MOST_INPUTS).await > 0 {
        let (inputs, replies): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        let called = async { work(inputs).await };
        let outcome = tokio::time::timeout(UNIT_TIMEOUT, AssertUnwindSafe(called).catch_unwind()).await;
        let (results, missing) = match outcome {
            Ok(Ok(results)) => (results, Missing::Panicked),
            Ok(Err(_panic)) => (Vec::new(), Missing::Panicked),
            Err(_elapsed) => (Vec::new(), Missing::TookTooLong),
        };
        let mut results = results.into_iter();
        for reply in replies {
            // The caller may be gone.
            let _ = reply.send(results.next().unwrap_or_else(|| Err(missing.error().into())));
        }
    }
}

/// Why an input has no result.
#[derive(Clone, Copy)]
enum Missing {
    Panicked,
    TookTooLong,
}

impl Missing {
    fn error(self) -> Error {
        match self {
            Self::Panicked => Error::fault("a batch panicked or answered too little"),
            Self::TookTooLong => Error::unavailable("a batch took too long"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;

    use futures::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn what_gathers_behind_a_busy_worker_is_one_batch_and_everybody_gets_their_own_answer() {
        let (sizes, gate) = (Arc::new(StdMutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
        let (seen, open) = (Arc::clone(&sizes), Arc::clone(&gate));
        let batcher = Batcher::<u32, u32, Error>::start(1, move |inputs| {
            let (seen, open) = (Arc::clone(&seen), Arc::clone(&open));
            async move {
                seen.lock().unwrap().push(inputs.len());
                open.acquire().await.unwrap().forget();
                inputs.into_iter().map(|input| Ok(input * 2)).collect()
            }
        });
        let first = tokio::spawn({
            let batcher = batcher.clone();
            async move { batcher.run(100).await }
        });
        while sizes.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let rest: Vec<_> = (0..70).map(|input| batcher.run(input)).collect();
        let (answers, ()) = futures::future::join(join_all(rest), async { gate.add_permits(3) }).await;
        assert_eq!(first.await.unwrap().unwrap(), 200);
        let answers: Vec<u32> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, (0..70).map(|input| input * 2).collect::<Vec<_>>());
        assert_eq!(*sizes.lock().unwrap(), [1, 64, 6]);
    }

    #[tokio::test]
    async fn a_batch_that_panics_fails_its_callers_and_the_next_one_works() {
        let batcher = Batcher::<bool, (), Error>::start(1, |inputs| async move {
            assert!(!inputs.contains(&true), "as asked");
            inputs.iter().map(|_| Ok(())).collect()
        });
        assert!(matches!(batcher.run(true).await, Err(Error::Fault(_))));
        assert!(batcher.run(false).await.is_ok());
    }
}
