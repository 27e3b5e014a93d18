//! Whether a neighbour can be asked at all.

use futures::{Stream, stream};
use tokio::sync::watch;

/// The neighbour as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Names were asked for once.
    pub(super) has_asked: bool,
    /// An endpoint is in.
    pub(super) is_available: bool,
    /// How often that has become true.
    pub(super) restored: u64,
}

/// Whether a neighbour can be asked at all, and when that changes.
#[derive(Debug, Clone)]
pub struct Availability {
    state: watch::Receiver<State>,
    seen: u64,
}

impl Availability {
    pub(super) fn of(state: &watch::Sender<State>) -> Self {
        let state = state.subscribe();
        let seen = state.borrow().restored;
        Self { state, seen }
    }

    /// Whether it can be asked now.
    pub fn is_available(&self) -> bool {
        self.state.borrow().is_available
    }

    /// Waits until it can be asked again after it could not; at once, if that happened since it was last waited for. For
    /// ever, if the balancer is gone.
    pub async fn restored(&mut self) {
        let seen = self.seen;
        match self
            .state
            .wait_for(|state| state.restored != seen)
            .await
            .map(|state| state.restored)
        {
            Ok(restored) => self.seen = restored,
            Err(_) => std::future::pending().await,
        }
    }

    /// Each time that it can be asked again; never ends.
    pub fn restorations(self) -> impl Stream<Item = ()> + Send + 'static {
        stream::unfold(self, async |mut availability| {
            availability.restored().await;
            Some(((), availability))
        })
    }
}
