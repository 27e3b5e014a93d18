//! How many connections each peer holds.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections by address. Bounded by the number of connections at once.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
    limit: Option<usize>,
}

/// One counted connection; dropping it ends the count.
#[derive(Debug)]
pub(super) struct Place {
    peers: Peers,
    peer: IpAddr,
}

impl Peers {
    pub(super) fn new(limit: Option<usize>) -> Self {
        Self {
            counts: Arc::default(),
            limit,
        }
    }

    /// A place for one more connection, or `Err` if the peer has its share. Without a limit nothing is counted.
    pub(super) fn admit(&self, peer: IpAddr) -> Result<Option<Place>, ()> {
        let Some(limit) = self.limit else {
            return Ok(None);
        };
        let peer = network_of(peer);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(peer).or_default();
        if *count >= limit {
            return Err(());
        }
        *count += 1;
        Ok(Some(Place {
            peers: self.clone(),
            peer,
        }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.peers.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = counts.get_mut(&self.peer) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            counts.remove(&self.peer);
        }
    }
}

/// An IPv6 client owns a whole /64; a mapped IPv4 address is one client.
fn network_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_gets_its_share_and_a_place_back_when_it_leaves() {
        let peers = Peers::new(Some(2));
        let peer = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = peers.admit(peer("2001:db8::1")).unwrap();
        let _second = peers.admit(peer("2001:db8::2")).unwrap();
        assert!(peers.admit(peer("2001:db8::3")).is_err(), "the same /64");
        assert!(peers.admit(peer("2001:db8:0:1::1")).is_ok());
        drop(first);
        assert!(peers.admit(peer("2001:db8::3")).is_ok());
        assert!(Peers::new(None).admit(peer("::1")).unwrap().is_none());
    }
}
