//! How many calls may be tried again.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// Lets through one retry for every five calls, and three a second in any case: enough to hide an endpoint that fails,
/// too few to double the load of a neighbour that is breaking down. (<https://finagle.github.io/blog/2016/02/08/retry-budgets/>)
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let budget = platform_rpc::RetryBudget::default();
/// for _ in 0..10 {
///     budget.call();
/// }
/// assert_eq!((0..100).filter(|_| budget.retry()).count(), 3 + 2);
/// # }
/// ```
#[derive(Debug)]
pub struct RetryBudget(Mutex<State>);

#[derive(Debug)]
struct State {
    /// By calls; in shares of a retry.
    earned_shares: u32,
    /// By time.
    granted: f64,
    at: Instant,
}

/// Why an answer is no longer waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// The time is over.
    AtDeadline,
    /// Another is to be asked; the retry is taken out of the budget.
    CutShort,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self(Mutex::new(State {
            earned_shares: 0,
            granted: Self::A_SECOND,
            at: Instant::now(),
        }))
    }
}

impl RetryBudget {
    /// Calls that earn a retry.
    const CALLS: u32 = 5;
    /// Retries a second grants.
    const A_SECOND: f64 = 3.0;
    /// What can be saved up: a quiet morning pays for no storm at noon.
    const MOST_EARNED: u32 = 100 * Self::CALLS;
    /// How often a call that waits for a retry looks again.
    const LOOK_AGAIN: Duration = Duration::from_millis(50);

    /// Notes a call, a first try.
    pub fn call(&self) {
        let mut state = self.lock();
        state.earned_shares = (state.earned_shares + 1).min(Self::MOST_EARNED);
    }

    /// Takes one retry out of the budget; `false` if there is none.
    pub fn retry(&self) -> bool {
        let mut state = self.state();
        if state.granted >= 1.0 {
            state.granted -= 1.0;
        } else if state.earned_shares >= Self::CALLS {
            state.earned_shares -= Self::CALLS;
        } else {
            return false;
        }
        true
    }

    /// Waits for an answer till a deadline, or only till another can be asked: `patience` is over, one is well, and a retry is
    /// let through. A call for which there is none waits on, and does not fail: nothing is gained by giving up before.
    pub async fn wait<F: Future>(
        &self,
        answer: F,
        deadline: Instant,
        patience: Duration,
        has_another: impl Fn() -> bool,
    ) -> Result<F::Output, Late> {
        let mut answer = pin!(answer);
        let mut pause = patience;
        loop {
            let until = Instant::now()
                .checked_add(pause)
                .map_or(deadline, |at| at.min(deadline));
            match timeout_at(until, &mut answer).await {
                Ok(answer) => return Ok(answer),
                Err(_) if until == deadline => return Err(Late::AtDeadline),
                Err(_) if has_another() && self.retry() => return Err(Late::CutShort),
                Err(_) => pause = Self::LOOK_AGAIN,
            }
        }
    }

    /// With what was granted since.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let now = Instant::now();
        let passed = now.saturating_duration_since(state.at).as_secs_f64();
        state.granted = (state.granted + passed * Self::A_SECOND).min(Self::A_SECOND);
        state.at = now;
        state
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_in_five_is_tried_again_and_three_a_second_in_any_case() {
        let budget = RetryBudget::default();
        let mut retries = 0;
        for _ in 0..10 {
            for _ in 0..200 {
                budget.call();
                retries += u32::from(budget.retry());
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(retries, 10 * 200 / 5 + 3 * 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_cut_short_when_another_can_be_asked_and_the_budget_pays_for_it() {
        const PATIENCE: Duration = Duration::from_millis(500);
        let budget = RetryBudget::default();
        let begun = Instant::now();
        let wait = async |patience, is_another_well| {
            let silence = std::future::pending::<()>();
            let late = budget.wait(silence, begun + 10 * PATIENCE, patience, || is_another_well);
            (late.await.unwrap_err(), begun.elapsed())
        };
        assert_eq!(wait(PATIENCE, true).await, (Late::CutShort, PATIENCE));
        while budget.retry() {}
        let next_is_granted = PATIENCE + Duration::from_secs(1) / 3;
        let (late, at) = wait(Duration::ZERO, true).await;
        assert!(
            late == Late::CutShort && (next_is_granted..next_is_granted + RetryBudget::LOOK_AGAIN).contains(&at),
            "{at:?}"
        );
        assert_eq!(wait(PATIENCE, false).await, (Late::AtDeadline, 10 * PATIENCE));
        assert_eq!(wait(Duration::MAX, true).await.0, Late::AtDeadline);
        let answered = budget.wait(std::future::ready(7), begun, PATIENCE, || true).await;
        assert_eq!(answered, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_time_saves_up_no_storm() {
        let budget = RetryBudget::default();
        for _ in 0..1_000_000 {
            budget.call();
        }
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!((0..1000).filter(|_| budget.retry()).count(), 103);
    }
}
