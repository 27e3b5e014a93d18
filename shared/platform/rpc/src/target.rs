//! Where a neighbour is said to be: the value of a `.._SERVICE_URL`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;
use http::uri::Authority;

/// How a neighbour is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http://`
    Http,
    /// `grpc://`, HTTP/2 without TLS
    Grpc,
}

/// One or more URLs of one neighbour: `http://product:8083`, `grpc://10.0.0.7:8083,grpc://10.0.0.8:8083`.
///
/// A name stands for all its addresses; several URLs are one set.
///
/// ```
/// use platform_rpc::{Scheme, Target};
/// let target: Target = "grpc://product:8083, grpc://[::1]:9000".parse().unwrap();
/// assert_eq!(target.scheme(), Scheme::Grpc);
/// assert!("http://a:1,grpc://b:2".parse::<Target>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    scheme: Scheme,
    hosts: Vec<Host>,
}

/// A host and a port, as a URL names them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    /// A name or an IP literal, without brackets.
    pub name: Arc<str>,
    /// The port, 80 unless given.
    pub port: u16,
    /// Both as in the URL: what `Host` and `:authority` say.
    pub authority: Authority,
}

/// Why a value names no neighbour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL, or none at all.
    #[error("{0:?} is no URL such as http://host:8080")]
    Unreadable(String),
    /// Another scheme.
    #[error("{0:?} begins neither with http:// nor with grpc:// (TLS between services is left to the network)")]
    Scheme(String),
    /// It says more than where.
    #[error("{0:?} has a path, a query or a user, which has no meaning here")]
    TooMuch(String),
    /// Two kinds in one list.
    #[error("http:// and grpc:// cannot be mixed in one list")]
    Mixed,
}

impl Target {
    /// What the help of a setting says of its form.
    pub const ABOUT: &str =
        "where the service is: http:// or grpc://, several comma-separated; names are resolved again and again";

    /// How the neighbour is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The hosts, each once, as they were given.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The same hosts spoken to in another way: both are served on one listener.
    #[must_use]
    pub fn over(&self, scheme: Scheme) -> Self {
        Self {
            scheme,
            hosts: self.hosts.clone(),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let mut target: Option<Self> = None;
        for url in text.split(',').map(str::trim) {
            let (scheme, host) = parse_url(url)?;
            match &mut target {
                None => {
                    target = Some(Self {
                        scheme,
                        hosts: vec![host],
                    });
                }
                Some(target) if target.scheme != scheme => return Err(TargetError::Mixed),
                Some(target) if target.hosts.contains(&host) => {}
                Some(target) => target.hosts.push(host),
            }
        }
        target.ok_or_else(|| TargetError::Unreadable(text.to_owned()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Grpc => "grpc",
        };
        for (at, host) in self.hosts.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{scheme}://{}", host.authority)?;
        }
        Ok(())
    }
}

fn parse_url(url: &str) -> Result<(Scheme, Host), TargetError> {
    let uri: Uri = url.parse().map_err(|_| TargetError::Unreadable(url.to_owned()))?;
    let scheme = match uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("grpc") => Scheme::Grpc,
        Some(_) => return Err(TargetError::Scheme(url.to_owned())),
        None => return Err(TargetError::Unreadable(url.to_owned())),
    };
    let authority = uri.authority().ok_or_else(|| TargetError::Unreadable(url.to_owned()))?;
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() || authority.as_str().contains('@') {
        return Err(TargetError::TooMuch(without_user(url)));
    }
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    let has_port = authority.as_str().len() > authority.host().len();
    let port = authority.port_u16();
    if name.is_empty() || (has_port && port.is_none()) {
        return Err(TargetError::Unreadable(url.to_owned()));
    }
    let host = Host {
        name: name.into(),
        port: port.unwrap_or(80),
        authority: authority.clone(),
    };
    Ok((scheme, host))
}

/// A password in a URL is not repeated in an error.
fn without_user(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}..{}", &url[..scheme + 3], &url[at..]),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_one_set_in_which_each_host_stands_once() {
        let target: Target = "http://a:1, http://b:2/,http://a:1".parse().unwrap();
        assert_eq!(target.to_string(), "http://a:1,http://b:2");
    }

    #[test]
    fn addresses_are_taken_as_names_are() {
        let target: Target = "grpc://[::1]:8083,grpc://127.0.0.1".parse().unwrap();
        let hosts: Vec<_> = target.hosts().iter().map(|host| (&*host.name, host.port)).collect();
        assert_eq!(hosts, [("::1", 8083), ("127.0.0.1", 80)]);
    }

    #[test]
    fn what_names_no_neighbour_is_refused_with_a_reason() {
        let error = |text: &str| text.parse::<Target>().unwrap_err().to_string();
        for bad in [
            "",
            "product:8083",
            "http://",
            "http://a:port",
            "http://a:1,",
            "http://a:99999",
        ] {
            assert!(error(bad).contains("is no URL"), "{bad}: {}", error(bad));
        }
        assert!(error("https://a").contains("neither"));
        assert!(error("http://a/path").contains("path"));
        assert!(error("http://a:1,grpc://b:1").contains("mixed"));
        let with_secret = error("http://me:secret@a:1");
        assert!(!with_secret.contains("secret"), "{with_secret}");
    }
}
