//! What a person at a terminal is told when the shop opens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use platform_sql::DatabaseConfig;

/// The first screen. `Display` ends without a line break.
#[derive(Debug)]
pub struct Welcome<'a> {
    /// Where the shop listens.
    pub listen: SocketAddr,
    /// Where its metrics are.
    pub admin: SocketAddr,
    /// Where its data lie.
    pub database: &'a DatabaseConfig,
}

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shop = reachable(self.listen);
        writeln!(f, "Stoa {} is open.", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "  shop      http://{shop}")?;
        writeln!(f, "  API       http://{shop}/docs  (read it and try it)")?;
        writeln!(f, "  metrics   http://{}/metrics", reachable(self.admin))?;
        writeln!(f, "  data      {}", self.database)?;
        writeln!(f, "Next: curl http://{shop}/api/products")?;
        write!(
            f,
            "      `stoa serve --demo` puts something on the shelf, `stoa import <file>` your own catalogue. Ctrl-C stops it."
        )
    }
}

/// What to type on this machine to reach a listener: everywhere is here.
fn reachable(listen: SocketAddr) -> String {
    match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) | IpAddr::V6(Ipv6Addr::UNSPECIFIED) => format!("localhost:{}", listen.port()),
        _ => listen.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_addresses_one_can_open_and_no_password() {
        let database = DatabaseConfig::from_settings(Some("postgres://stoa:geheim@db/shop"), ".".as_ref()).unwrap();
        let welcome = Welcome {
            listen: "0.0.0.0:8080".parse().unwrap(),
            admin: "127.0.0.1:9080".parse().unwrap(),
            database: &database,
        };
        let text = welcome.to_string();
        assert!(text.contains("http://localhost:8080/docs"), "{text}");
        assert!(text.contains("http://127.0.0.1:9080/metrics"), "{text}");
        assert!(text.contains("@db") && !text.contains("geheim"), "{text}");
    }
}
