//! What ends an answer before its time: a write that passes, and an event.

use std::sync::Arc;

use async_trait::async_trait;
use metrics::Counter;
use platform_events::{Event, Freshness, Handler, HandlerError, Topics};
use uuid::Uuid;

/// Marks of what was changed, and how often something was.
#[derive(Clone)]
pub(super) struct Purge {
    pub(super) freshness: Arc<Freshness>,
    purges: Counter,
}

/// A write that passes: see [`PublicCache::writing`](super::PublicCache::writing).
pub(crate) struct Writing {
    purge: Purge,
    what: Written,
}

/// What a write may change.
#[derive(Clone, Copy)]
pub(super) enum Written {
    Thing(Uuid),
    /// A new thing, of which nothing is kept yet.
    Lists,
    Anything,
}

impl Written {
    /// By the path of a write. What is sent to a list is added to it.
    pub(super) fn of(path: &str, is_of_list: bool) -> Self {
        match path.split('/').find_map(|segment| segment.parse().ok()) {
            Some(id) => Self::Thing(id),
            None if is_of_list => Self::Lists,
            None => Self::Anything,
        }
    }
}

impl Purge {
    /// What is listened to.
    pub(super) fn topics() -> Topics {
        Topics::new(["product.*", "stock.changed"])
    }

    pub(super) fn writing(&self, what: Written) -> Writing {
        Writing {
            purge: self.clone(),
            what,
        }
    }

    fn end(&self, what: Written) {
        self.purges.increment(1);
        match what {
            Written::Thing(id) => {
                self.freshness.touch(id);
                self.freshness.touch_lists();
            }
            Written::Lists => self.freshness.touch_lists(),
            Written::Anything => self.freshness.touch_all(),
        }
    }
}

impl Default for Purge {
    fn default() -> Self {
        Self {
            freshness: Arc::default(),
            purges: metrics::counter!("gateway_cache_purges_total"),
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.purge.end(self.what);
    }
}

#[async_trait]
impl Handler for Purge {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let id = event.subject.parse().map_err(|error| HandlerError::poison(&error))?;
        if event.topic() == "stock.changed" {
            // A stock in a list may be a second old.
            self.purges.increment(1);
            self.freshness.touch(id);
        } else {
            self.end(Written::Thing(id));
        }
        Ok(())
    }
}
