//! What operators see of the public cache.

use metrics::Counter;

/// Requests by what became of them; made once, for a lookup by label on every hit would cost more than the hit.
pub(super) struct Figures {
    /// Shown from memory.
    pub(super) hit: Counter,
    /// Shown from memory while it was asked for anew.
    pub(super) revalidating: Counter,
    /// Asked of the service.
    pub(super) miss: Counter,
    /// Waited for a call that was under way.
    pub(super) coalesced: Counter,
    /// Shown from memory because the service failed.
    pub(super) stale: Counter,
}

impl Default for Figures {
    fn default() -> Self {
        let requests = |outcome: &'static str| metrics::counter!("gateway_cache_total", "outcome" => outcome);
        Self {
            hit: requests("hit"),
            revalidating: requests("revalidating"),
            miss: requests("miss"),
            coalesced: requests("coalesced"),
            stale: requests("stale"),
        }
    }
}
