//! Where a request comes from, as far as limits and trust go.

use std::net::IpAddr;

/// An IPv4 address, or the /64 of an IPv6 one, which is what one household or host is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network([u8; 16]);

impl Network {
    /// The network of an address. Requests whose address is not known share one.
    pub fn of(address: Option<IpAddr>) -> Self {
        let mut bytes = match address.map(|address| address.to_canonical()) {
            None => [0; 16],
            Some(IpAddr::V4(address)) => address.to_ipv6_mapped().octets(),
            Some(IpAddr::V6(address)) => address.octets(),
        };
        if matches!(address.map(|address| address.to_canonical()), Some(IpAddr::V6(_))) {
            bytes[8..].fill(0);
        }
        Self(bytes)
    }

    /// The same bytes for the same network.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(Some(text.parse().unwrap()))
    }

    #[test]
    fn hosts_of_one_v6_prefix_are_one_network_and_v4_addresses_are_not() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
    }
}
