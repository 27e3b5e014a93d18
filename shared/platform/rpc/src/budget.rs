//! How many calls may be tried again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

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

    /// Notes a call, a first try.
    pub fn call(&self) {
        let mut state = self.lock();
        state.earned_shares = (state.earned_shares + 1).min(Self::MOST_EARNED);
    }

    /// Whether a retry would be let through now.
    pub fn allows_retry(&self) -> bool {
        let state = self.state();
        state.granted >= 1.0 || state.earned_shares >= Self::CALLS
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
    use std::time::Duration;

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
    async fn a_quiet_time_saves_up_no_storm() {
        let budget = RetryBudget::default();
        for _ in 0..1_000_000 {
            budget.call();
        }
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!((0..1000).filter(|_| budget.retry()).count(), 103);
    }
}
