//! The set of endpoints: who is drawn, who is put out.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use metrics::{Counter, Gauge};
use platform_clock::Clock;
use tokio::sync::watch;
use tokio::time::Instant;

use super::availability::State;
use super::endpoint::{Endpoint, Standby};
use super::health::{Evidence, Outcome};
use super::{NoEndpoint, Tuning, Wanted};
use crate::outgoing::Outgoing;
use crate::resolve::Address;

/// All endpoints of a neighbour, and what it has come to with them.
pub(super) struct Endpoints<T> {
    neighbour: Arc<str>,
    pub(super) tuning: Tuning,
    pub(super) clock: Arc<dyn Clock>,
    make: Box<dyn Fn(&Address) -> T + Send + Sync>,
    endpoints: ArcSwap<Vec<Arc<Endpoint<T>>>>,
    /// Held while the set changes or an endpoint is put out, so that "at most half" is counted right.
    changing: Mutex<()>,
    pub(super) state: watch::Sender<State>,
    ejections: Counter,
    breaks: Counter,
    known: Gauge,
    out: Gauge,
}

impl<T> Endpoints<T> {
    pub(super) fn none(neighbour: &str, outgoing: &Outgoing, make: Box<dyn Fn(&Address) -> T + Send + Sync>) -> Self {
        let label = || [("neighbour", neighbour.to_owned())];
        Self {
            neighbour: neighbour.into(),
            tuning: outgoing.tuning.clone(),
            clock: outgoing.clock.clone(),
            make,
            endpoints: ArcSwap::default(),
            changing: Mutex::new(()),
            state: watch::Sender::default(),
            ejections: metrics::counter!("rpc_ejections_total", &label()),
            breaks: metrics::counter!("rpc_breaks_total", &label()),
            known: metrics::gauge!("rpc_endpoints", &label()),
            out: metrics::gauge!("rpc_endpoints_out", &label()),
        }
    }

    /// Takes a set of addresses; endpoints that stay are kept with all that is known of them.
    pub(super) fn set(&self, addresses: Vec<Address>) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let before = self.endpoints.load();
        let kept = |address: &Address| before.iter().find(|endpoint| endpoint.address == *address).cloned();
        let endpoints = addresses.into_iter().map(|address| {
            kept(&address).unwrap_or_else(|| {
                tracing::debug!(neighbour = %self.neighbour, address = %address.socket, "new endpoint");
                let service = (self.make)(&address);
                Arc::new(Endpoint::new(address, service, now))
            })
        });
        self.endpoints.store(Arc::new(endpoints.collect()));
        self.publish();
    }

    pub(super) fn has_another(&self, than: SocketAddr) -> bool {
        let endpoints = self.endpoints.load();
        let mut others = endpoints.iter().filter(|endpoint| endpoint.address.socket != than);
        others.any(|endpoint| endpoint.is_in())
    }

    pub(super) fn knows_another(&self, than: SocketAddr) -> bool {
        let endpoints = self.endpoints.load();
        endpoints.iter().any(|endpoint| endpoint.address.socket != than)
    }

    /// Draws two of those that can be asked and takes one.
    pub(super) fn draw(&self, wanted: Wanted) -> Result<(Arc<Endpoint<T>>, bool), NoEndpoint> {
        let now = Instant::now();
        let endpoints = self.endpoints.load();
        let mut able: Vec<(&Arc<Endpoint<T>>, f64)> = Vec::with_capacity(endpoints.len());
        let mut to_probe = None;
        let mut refusal = NoEndpoint::Unknown;
        for endpoint in endpoints
            .iter()
            .filter(|endpoint| Some(endpoint.address.socket) != wanted.not)
        {
            match endpoint.standby(now, &self.tuning) {
                Standby::Weighs(weight) => able.push((endpoint, weight)),
                Standby::WantsProbe => to_probe = Some(endpoint),
                Standby::Busy => refusal = NoEndpoint::Busy,
                Standby::Out if refusal == NoEndpoint::Unknown => refusal = NoEndpoint::Broken,
                Standby::Out => {}
            }
        }
        if let Some(endpoint) = to_probe.filter(|_| wanted.may_probe || able.is_empty())
            && endpoint.enter(&self.tuning)
        {
            if endpoint.begin_probe(now) {
                return Ok((endpoint.clone(), true));
            }
            endpoint.leave();
        }
        while !able.is_empty() {
            let at = self.one_of_two(&able);
            let (endpoint, _) = able.swap_remove(at);
            if endpoint.enter(&self.tuning) {
                return Ok((endpoint.clone(), false));
            }
            refusal = NoEndpoint::Busy;
        }
        Err(refusal)
    }

    /// Power of two choices, by weight.
    fn one_of_two(&self, able: &[(&Arc<Endpoint<T>>, f64)]) -> usize {
        if able.len() == 1 {
            return 0;
        }
        let first = self.below(able.len());
        let second = (first + 1 + self.below(able.len() - 1)) % able.len();
        let (one, other) = (able[first].1, able[second].1);
        if self.clock.fraction() * (one + other) < one {
            first
        } else {
            second
        }
    }

    fn below(&self, bound: usize) -> usize {
        let mut bytes = [0_u8; size_of::<usize>()];
        self.clock.fill_random(&mut bytes);
        usize::from_le_bytes(bytes) % bound
    }

    pub(super) fn note(&self, endpoint: &Endpoint<T>, outcome: Outcome, is_probe: bool, took: Duration) {
        let evidence = endpoint.note(outcome, is_probe, took, &self.tuning);
        if evidence > Evidence::None {
            self.suspect(endpoint, evidence);
        } else if is_probe {
            tracing::info!(neighbour = %self.neighbour, address = %endpoint.address.socket, "endpoint is back");
            let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            self.publish();
        }
    }

    /// Puts an endpoint out: a silent one in any case, a failing one if at most half are out with it.
    fn suspect(&self, endpoint: &Endpoint<T>, evidence: Evidence) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoints = self.endpoints.load();
        let was_in = endpoint.is_in();
        let out = endpoints.iter().filter(|other| !other.is_in()).count();
        if evidence == Evidence::Failing && (out + 1) * 2 > endpoints.len() {
            return;
        }
        endpoint.put_out(self.clock.fraction(), &self.tuning);
        if was_in {
            tracing::warn!(neighbour = %self.neighbour, address = %endpoint.address.socket, ?evidence, "endpoint is out");
            match evidence {
                Evidence::Silence => self.breaks.increment(1),
                Evidence::Failing | Evidence::None => self.ejections.increment(1),
            }
        }
        self.publish();
    }

    /// Tells what the set has come to. Only while `changing` is held.
    fn publish(&self) {
        let endpoints = self.endpoints.load();
        let out = endpoints.iter().filter(|endpoint| !endpoint.is_in()).count();
        self.known.set(as_f64(endpoints.len()));
        self.out.set(as_f64(out));
        let is_available = out < endpoints.len();
        self.state.send_if_modified(|state| {
            let before = *state;
            state.has_asked = true;
            state.is_available = is_available;
            state.restored += u64::from(is_available && !before.is_available);
            *state != before
        });
    }
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
