//! A neighbour that can be moved while it is used.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// Where a neighbour is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In this process.
    Local,
    /// In this process and being handed over: reads go on, writes answer Unavailable.
    Frozen,
    /// In another process.
    Remote,
}

/// A neighbour that can be moved while it is used. A call that has begun ends where it began.
#[derive(Debug)]
pub struct Switch<T: ?Sized>(ArcSwap<Held<T>>);

#[derive(Debug)]
struct Held<T: ?Sized> {
    place: Place,
    neighbour: Arc<T>,
}

impl<T: ?Sized> Switch<T> {
    /// Holds a neighbour.
    pub fn new(place: Place, neighbour: Arc<T>) -> Self {
        Self(ArcSwap::from_pointee(Held { place, neighbour }))
    }

    /// Where the neighbour is.
    pub fn place(&self) -> Place {
        self.0.load().place
    }

    /// From now on calls go there.
    pub fn turn(&self, place: Place, neighbour: Arc<T>) {
        self.0.store(Arc::new(Held { place, neighbour }));
    }

    /// The neighbour, for a call that changes nothing.
    pub fn for_reading(&self) -> Arc<T> {
        self.0.load().neighbour.clone()
    }

    /// The neighbour, for a call that changes something; none while it is frozen.
    pub fn for_writing(&self) -> Option<Arc<T>> {
        let held = self.0.load();
        (held.place != Place::Frozen).then(|| held.neighbour.clone())
    }
}
