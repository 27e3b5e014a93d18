//! One call for all who wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::oneshot;

/// Inputs that may wait.
const MOST_WAITING: usize = 1_024;
/// How long a batch is waited for before the next one is sent beside it: a neighbour that is slow to answer one of them does not
/// hold up the others.
const PATIENCE: Duration = Duration::from_millis(5);

/// Gathers inputs while a batch is under way, and sends them as the next one.
///
/// Nothing waits for a batch to fill: while none is under way an input is a batch of one. A batch goes on when those who
/// asked are gone.
pub struct Gather<In, Out>(Arc<Inner<In, Out>>);

struct Inner<In, Out> {
    /// Inputs of one batch.
    most: usize,
    send: Box<dyn Fn(Vec<In>) -> BoxFuture<'static, Vec<Out>> + Send + Sync>,
    queue: Mutex<Queue<In, Out>>,
}

struct Queue<In, Out> {
    /// A batch is under way and waited for.
    is_busy: bool,
    waiting: Vec<Waiting<In, Out>>,
}

type Waiting<In, Out> = (In, oneshot::Sender<Out>);

impl<In, Out> Clone for Gather<In, Out> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<In: Send + 'static, Out: Send + 'static> Gather<In, Out> {
    /// With the most inputs of a batch, and what sends one and answers it in the order of its inputs. It must end by itself.
    pub fn new<F>(most: usize, send: impl Fn(Vec<In>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Vec<Out>> + Send + 'static,
    {
        Self(Arc::new(Inner {
            most,
            send: Box::new(move |inputs| Box::pin(send(inputs))),
            queue: Mutex::new(Queue {
                is_busy: false,
                waiting: Vec::new(),
            }),
        }))
    }

    /// Hands an input over and waits for its answer. None: too many wait already, or its batch was not answered.
    pub async fn ask(&self, input: In) -> Option<Out> {
        let (reply, answer) = oneshot::channel();
        let first = {
            let mut queue = self.0.queue();
            if queue.waiting.len() >= MOST_WAITING {
                return None;
            }
            queue.waiting.push((input, reply));
            queue.next_if_idle(self.0.most)
        };
        if let Some(batch) = first {
            tokio::spawn(self.0.clone().serve(batch));
        }
        answer.await.ok()
    }
}

impl<In: Send + 'static, Out: Send + 'static> Inner<In, Out> {
    fn queue(&self) -> MutexGuard<'_, Queue<In, Out>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a batch, and what gathers behind it, until nobody waits.
    async fn serve(self: Arc<Self>, mut batch: Vec<Waiting<In, Out>>) {
        loop {
            let (inputs, replies): (Vec<In>, Vec<_>) = batch.into_iter().unzip();
            let answers = (self.send)(inputs);
            let sent = tokio::spawn(async move {
                for (reply, answer) in replies.into_iter().zip(answers.await) {
                    // Whoever asked may be gone.
                    let _ = reply.send(answer);
                }
            });
            let _ = tokio::time::timeout(PATIENCE, sent).await;
            let next = self.queue().next(self.most);
            match next {
                Some(next) => batch = next,
                None => return,
            }
        }
    }
}

impl<In, Out> Queue<In, Out> {
    fn next_if_idle(&mut self, most: usize) -> Option<Vec<Waiting<In, Out>>> {
        if self.is_busy { None } else { self.next(most) }
    }

    fn next(&mut self, most: usize) -> Option<Vec<Waiting<In, Out>>> {
        let rest = self.waiting.split_off(self.waiting.len().min(most));
        let batch = std::mem::replace(&mut self.waiting, rest);
        self.is_busy = !batch.is_empty();
        self.is_busy.then_some(batch)
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    /// Doubles what it is given when it is let; tells how many there were.
    fn doubles(gate: &Arc<Semaphore>) -> (Gather<usize, usize>, Arc<Mutex<Vec<usize>>>) {
        let (gate, sizes) = (gate.clone(), Arc::<Mutex<Vec<usize>>>::default());
        let seen = sizes.clone();
        let gather = Gather::new(64, move |inputs: Vec<usize>| {
            seen.lock().unwrap().push(inputs.len());
            let gate = gate.clone();
            async move {
                gate.acquire().await.unwrap().forget();
                assert!(!inputs.contains(&13), "as asked");
                inputs.into_iter().map(|input| input * 2).collect()
            }
        });
        (gather, sizes)
    }

    #[tokio::test(start_paused = true)]
    async fn what_gathers_behind_a_batch_is_the_next_one_and_everybody_gets_their_own_answer() {
        let gate = Arc::new(Semaphore::new(0));
        let (gather, sizes) = doubles(&gate);
        let all: Vec<_> = (100..200).map(|input| gather.ask(input)).collect();
        let answers = join_all(all);
        let (answers, ()) = futures::future::join(answers, async { gate.add_permits(3) }).await;
        let answers: Vec<usize> = answers.into_iter().map(Option::unwrap).collect();
        assert_eq!(answers, (100..200).map(|input| input * 2).collect::<Vec<_>>());
        assert_eq!(*sizes.lock().unwrap(), [1, 64, 35]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_slow_holds_up_nobody_for_long() {
        let gate = Arc::new(Semaphore::new(0));
        let (gather, sizes) = doubles(&gate);
        let slow = tokio::spawn({
            let gather = gather.clone();
            async move { gather.ask(1).await }
        });
        tokio::task::yield_now().await;
        let begun = tokio::time::Instant::now();
        let mut behind = Box::pin(gather.ask(2));
        assert!(futures::poll!(&mut behind).is_pending());
        while sizes.lock().unwrap().len() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(begun.elapsed() < 2 * PATIENCE, "{:?}", begun.elapsed());
        gate.add_permits(2);
        assert_eq!((slow.await.unwrap(), behind.await), (Some(2), Some(4)));
    }

    #[tokio::test]
    async fn a_batch_that_is_not_answered_fails_its_own_and_the_next_one_works() {
        let gate = Arc::new(Semaphore::new(9));
        let (gather, _) = doubles(&gate);
        assert_eq!(gather.ask(13).await, None);
        assert_eq!(gather.ask(4).await, Some(8));
    }

    #[tokio::test]
    async fn no_more_than_so_many_wait_and_one_that_goes_away_leaves_its_batch_whole() {
        let gate = Arc::new(Semaphore::new(0));
        let (gather, _) = doubles(&gate);
        let mut waiting: Vec<_> = (0..=MOST_WAITING).map(|n| Box::pin(gather.ask(n + 100))).collect();
        for asked in &mut waiting {
            assert!(futures::poll!(asked).is_pending());
        }
        assert_eq!(gather.ask(1).await, None);
        let last = waiting.pop().unwrap();
        drop(waiting);
        gate.add_permits(99);
        assert_eq!(last.await, Some(2 * (MOST_WAITING + 100)));
    }
}
