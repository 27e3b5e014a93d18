//! From the hosts of a [`Target`] to addresses, again and again.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use http::uri::Authority;
use tokio::time::timeout;

use crate::target::{Host, Target};

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// All of them, in any order. No address counts as an error does.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the operating system, so that `/etc/hosts`, Docker's and Kubernetes' names are all known.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// One address of a neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Where to dial.
    pub socket: SocketAddr,
    /// The host it stands for, as the URL names it.
    pub authority: Authority,
}

/// The addresses of a target as they were last heard of: a name that cannot be resolved keeps those it had.
pub(crate) struct LastGood {
    target: Target,
    known: HashMap<Host, Vec<IpAddr>>,
}

impl LastGood {
    /// An answer that takes longer counts as none.
    const PATIENCE: Duration = Duration::from_secs(5);
    /// More addresses of one name are not used.
    const MAX_ADDRESSES: usize = 256;

    /// IP literals are known at once.
    pub(crate) fn new(target: Target) -> Self {
        let literals = target
            .hosts()
            .iter()
            .filter_map(|host| Some((host.clone(), vec![literal(host)?])));
        Self {
            known: literals.collect(),
            target,
        }
    }

    /// Whether asking again can change anything.
    pub(crate) fn has_names(&self) -> bool {
        self.target.hosts().iter().any(|host| literal(host).is_none())
    }

    /// Asks for all names at once.
    pub(crate) async fn refresh(&mut self, resolver: &dyn Resolve) {
        let names = self.target.hosts().iter().filter(|host| literal(host).is_none());
        let asked = names.map(async |host| (host.clone(), find(host, resolver).await));
        for (host, found) in join_all(asked).await {
            match found {
                Ok(mut addresses) if !addresses.is_empty() => {
                    addresses.sort_unstable();
                    addresses.dedup();
                    addresses.truncate(Self::MAX_ADDRESSES);
                    self.known.insert(host, addresses);
                }
                Ok(_) => tracing::debug!(host = %host.authority, "the name has no address; those it had are kept"),
                Err(error) => {
                    tracing::debug!(host = %host.authority, %error, "cannot resolve; the addresses it had are kept");
                }
            }
        }
    }

    /// What is known now, each address once.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        let mut addresses: Vec<Address> = Vec::new();
        for host in self.target.hosts() {
            for ip in self.known.get(host).into_iter().flatten() {
                let socket = SocketAddr::new(*ip, host.port);
                if addresses.iter().all(|known| known.socket != socket) {
                    addresses.push(Address {
                        socket,
                        authority: host.authority.clone(),
                    });
                }
            }
        }
        addresses
    }
}

async fn find(host: &Host, resolver: &dyn Resolve) -> io::Result<Vec<IpAddr>> {
    let answer = timeout(LastGood::PATIENCE, resolver.resolve(&host.name)).await;
    answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn literal(host: &Host) -> Option<IpAddr> {
    host.name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Answers what it is told to.
    #[derive(Default)]
    struct Names(Mutex<HashMap<String, Vec<IpAddr>>>);

    impl Names {
        fn set(&self, name: &str, addresses: &[&str]) {
            let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
            self.0.lock().unwrap().insert(name.to_owned(), addresses);
        }
    }

    #[async_trait]
    impl Resolve for Names {
        async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
            let found = self.0.lock().unwrap().get(name).cloned();
            found.ok_or_else(|| io::ErrorKind::NotFound.into())
        }
    }

    fn sockets(last_good: &LastGood) -> Vec<String> {
        let addresses = last_good.addresses();
        addresses.iter().map(|address| address.socket.to_string()).collect()
    }

    #[tokio::test]
    async fn names_and_literals_are_one_set() {
        let names = Names::default();
        names.set("a", &["10.0.0.2", "10.0.0.1", "10.0.0.2"]);
        let mut last_good = LastGood::new("http://a:1,http://10.0.0.1:1,http://[::1]:9".parse().unwrap());
        last_good.refresh(&names).await;
        assert_eq!(sockets(&last_good), ["10.0.0.1:1", "10.0.0.2:1", "[::1]:9"]);
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_resolved_keeps_the_addresses_it_had() {
        let names = Names::default();
        names.set("a", &["10.0.0.1"]);
        names.set("b", &["10.0.0.2"]);
        let mut last_good = LastGood::new("http://a:1,http://b:1".parse().unwrap());
        last_good.refresh(&names).await;
        names.set("a", &[]);
        names.0.lock().unwrap().remove("b");
        last_good.refresh(&names).await;
        assert_eq!(sockets(&last_good), ["10.0.0.1:1", "10.0.0.2:1"]);
        names.set("a", &["10.0.0.9"]);
        last_good.refresh(&names).await;
        assert_eq!(sockets(&last_good), ["10.0.0.9:1", "10.0.0.2:1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_resolver_that_hangs_holds_up_nobody_for_long() {
        struct Hanging;
        #[async_trait]
        impl Resolve for Hanging {
            async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
                std::future::pending().await
            }
        }
        let mut last_good = LastGood::new("http://a:1,http://10.0.0.1:1".parse().unwrap());
        last_good.refresh(&Hanging).await;
        assert_eq!(sockets(&last_good), ["10.0.0.1:1"]);
    }
}
