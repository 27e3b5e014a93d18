//! A resolver that answers what a test tells it to.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use platform_clock::ManualClock;
use platform_rpc::{Outgoing, Resolve};

#[derive(Clone, Default)]
pub(crate) struct Names(Arc<Mutex<HashMap<String, Vec<IpAddr>>>>);

impl Names {
    /// From now on a name has these addresses.
    pub(crate) fn set(&self, name: &str, addresses: &[IpAddr]) {
        self.0.lock().unwrap().insert(name.to_owned(), addresses.to_vec());
    }

    /// A process in which names are resolved here, and chance repeats from run to run.
    pub(crate) fn outgoing(&self) -> Outgoing {
        Outgoing {
            resolver: Arc::new(self.clone()),
            clock: Arc::new(ManualClock::default()),
            ..Outgoing::default()
        }
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = self.0.lock().unwrap().get(name).cloned();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The addresses 10.0.0.1 and so on.
pub(crate) fn replicas(count: u8) -> Vec<IpAddr> {
    (1..=count).map(|last| IpAddr::from([10, 0, 0, last])).collect()
}
