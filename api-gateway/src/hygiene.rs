//! What may come in from the wire, and what is taken off it before anybody looks.
//!
//! Two readers of one request must not see two requests: whatever could be read in two ways is refused. Then every
//! header by which a client could pose as somebody else is removed, on every path, and our own forwarded headers are set.

use std::net::IpAddr;

use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method};
use platform_problem::{Problem, codes};

/// Headers that belong to one connection, either way (RFC 9110, 7.6.1). Known names are compared as numbers.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    let is_known = matches!(
        *name,
        header::CONNECTION
            | header::PROXY_AUTHENTICATE
            | header::PROXY_AUTHORIZATION
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
            | header::UPGRADE
    );
    is_known || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// What else `Connection` declares to be of the connection.
pub(crate) fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let lines = headers.get_all(header::CONNECTION).iter();
    // What most say is of the connection whether it is named or not.
    let naming = lines.filter(|line| !matches!(line.as_bytes(), b"keep-alive" | b"close"));
    let named = naming
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(',').map(str::trim));
    named.filter_map(|name| HeaderName::try_from(name).ok())
}

/// Headers by which proxies and services tell each other who asks, and for what. None of them is believed from a client.
fn is_of_identity(name: &str) -> bool {
    const PREFIXES: [&str; 13] = [
        "auth-",
        "authenticated-",
        "client-",
        "envoy-",
        "forwarded",
        "http-method",
        "internal-",
        "original-",
        "principal",
        "remote-",
        "ssl-",
        "stoa-",
        "user",
    ];
    if let Some(rest) = name.strip_prefix("x-") {
        let is_named = matches!(
            rest,
            "cluster-client-ip" | "method-override" | "real-ip" | "request-timeout-ms" | "rewrite-url" | "roles"
        );
        return is_named || PREFIXES.iter().any(|prefix| rest.starts_with(prefix));
    }
    matches!(
        name,
        "cf-connecting-ip" | "client-ip" | "forwarded" | "grpc-timeout" | "remote-user" | "true-client-ip" | "via"
    )
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Refuses what is ambiguous, removes what is not the client's to say, and finds out where the client is.
///
/// `trusted_hops` proxies in front of us have each added the address they saw to the right of `X-Forwarded-For`.
pub(crate) fn clean(parts: &mut Parts, has_body: bool, peer: IpAddr, trusted_hops: usize) -> Result<IpAddr, Problem> {
    let host = host_of(parts)?;
    check_framing(parts, has_body)?;
    check_path(parts.uri.path())?;
    if let Some(name) = parts
        .headers
        .keys()
        .find(|name| name.as_str().as_bytes().contains(&b'_'))
    {
        return Err(refusal(format!("the header name {name} has an underscore")));
    }
    let client = client_address(&parts.headers, peer, trusted_hops);
    let was_https = trusted_hops > 0
        && parts
            .headers
            .get(FORWARDED_PROTO)
            .is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
    let headers = &mut parts.headers;
    remove_forged(headers);
    headers.insert(FORWARDED_FOR, address_value(client));
    headers.insert(FORWARDED_HOST, host);
    let scheme = if was_https { "https" } else { "http" };
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
    Ok(client)
}

fn refusal(detail: impl Into<String>) -> Problem {
    Problem::new(&codes::BAD_REQUEST).detail(detail)
}

/// What may stand in a host. An underscore is no letter of a host name, yet networks of containers have such names.
static OF_A_HOST: [bool; 256] = letters_digits_and(b"-._:[]");
/// What may stand in a path unescaped (RFC 3986, 3.3), less the semicolon: some readers cut a step off there.
static OF_A_PATH: [bool; 256] = letters_digits_and(b"/-._~%!$&'()*+,=:@");

/// ASCII letters, digits and these, as a table: every byte of every request is looked up.
const fn letters_digits_and(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
}

/// The one host that is asked: of the header, of the request's own address (HTTP/2 has it there), or of both alike.
fn host_of(parts: &Parts) -> Result<HeaderValue, Problem> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(refusal("Host is given more than once"));
    }
    let host = match (first, parts.uri.authority()) {
        (Some(host), Some(authority)) if !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => {
            return Err(refusal("Host and the address of the request differ"));
        }
        (Some(host), _) => host.clone(),
        (None, Some(authority)) => {
            HeaderValue::from_str(authority.as_str()).map_err(|_| refusal("the host is malformed"))?
        }
        (None, None) => return Err(refusal("Host is missing")),
    };
    if host.is_empty() || !host.as_bytes().iter().all(|byte| OF_A_HOST[usize::from(*byte)]) {
        return Err(refusal("the host is malformed"));
    }
    Ok(host)
}

fn check_framing(parts: &Parts, has_body: bool) -> Result<(), Problem> {
    let mut encodings = parts.headers.get_all(header::TRANSFER_ENCODING).iter();
    let (first, second) = (encodings.next(), encodings.next());
    let is_chunked = first.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if second.is_some() || (first.is_some() && !is_chunked) {
        return Err(refusal("Transfer-Encoding may only be chunked"));
    }
    let has_length = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .is_some_and(|length| length != "0");
    let takes_no_body = parts.method == Method::GET || parts.method == Method::HEAD;
    if takes_no_body && (has_body || has_length || first.is_some()) {
        return Err(refusal("GET and HEAD have no body"));
    }
    Ok(())
}

/// A path must be its own canonical form: no step up, no empty step, nothing that another reader might decode.
fn check_path(path: &str) -> Result<(), Problem> {
    if path == "*" {
        return Ok(());
    }
    let bytes = path.as_bytes();
    let mut steps = bytes.split(|byte| *byte == b'/');
    let is_canonical = bytes.first() == Some(&b'/')
        && bytes.iter().all(|byte| OF_A_PATH[usize::from(*byte)])
        && !bytes.windows(2).any(|pair| pair == b"//")
        && !steps.any(|step| matches!(step, b"." | b".."))
        && escapes_are_needed(bytes);
    if is_canonical {
        Ok(())
    } else {
        Err(refusal("the path is not in its canonical form"))
    }
}

/// Whether each `%` begins an escape, and escapes what could not stand there unescaped and has no meaning in a path.
fn escapes_are_needed(path: &[u8]) -> bool {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        let Some([high, low]) = rest.get(at + 1..at + 3) else {
            return false;
        };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
            return false;
        };
        let byte = u8::try_from(high * 16 + low).expect("two hexadecimal digits make a byte");
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_unreserved || byte < 0x20 || b"/\\;\x7f".contains(&byte) {
            return false;
        }
        rest = &rest[at + 3..];
    }
    true
}

/// Made for every request: `fmt` would take ten times as long.
fn address_value(address: IpAddr) -> HeaderValue {
    let text = match address {
        IpAddr::V4(address) => {
            let mut text = Vec::with_capacity("255.255.255.255".len());
            for (at, octet) in address.octets().into_iter().enumerate() {
                if at > 0 {
                    text.push(b'.');
                }
                for unit in [100, 10, 1].into_iter().filter(|unit| octet >= *unit || *unit == 1) {
                    text.push(b'0' + octet / unit % 10);
                }
            }
            text
        }
        IpAddr::V6(address) => address.to_string().into_bytes(),
    };
    HeaderValue::try_from(text).expect("an address is ASCII")
}

fn client_address(headers: &HeaderMap, peer: IpAddr, trusted_hops: usize) -> IpAddr {
    if trusted_hops == 0 {
        return peer;
    }
    let lines = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let claimed = hops.len().checked_sub(trusted_hops).map(|at| hops[at]);
    claimed.and_then(parse_address).unwrap_or(peer)
}

/// An address as proxies write it: bare, with a port, or an IPv6 address in brackets.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').split(']').next().unwrap_or(text);
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).or_else(|| bare.parse().ok())
}

/// In one look at each name: most requests have nothing to remove.
fn remove_forged(headers: &mut HeaderMap) {
    let is_ours_to_keep =
        |name: &HeaderName| matches!(*name, header::HOST | header::CONTENT_LENGTH | header::AUTHORIZATION);
    let mut removed: Vec<HeaderName> = named_by_connection(headers).collect();
    removed.retain(|name| !is_ours_to_keep(name));
    let is_forged = |name: &HeaderName| {
        is_hop_by_hop(name)
            // Who asks is proven by a token; no service needs to see what a browser adds by itself.
            || matches!(*name, header::EXPECT | header::COOKIE)
            || name.as_str() == "http2-settings"
            || is_of_identity(name.as_str())
    };
    removed.extend(headers.keys().filter(|name| is_forged(name)).cloned());
    for name in removed {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn parts(path: &str, headers: &[(&'static str, &str)]) -> Parts {
        let mut request = Request::builder().uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "shop");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn refused(path: &str, headers: &[(&'static str, &str)]) -> bool {
        clean(&mut parts(path, headers), false, PEER, 0).is_err()
    }

    #[test]
    fn a_plain_request_passes() {
        assert!(!refused("/api/products?q=a%2Fb;..", &[("accept", "*/*")]));
        assert!(!refused("/api/products/caf%C3%A9", &[]));
    }

    #[test]
    fn a_path_that_two_readers_could_read_in_two_ways_is_refused() {
        for path in [
            "/api/../admin",
            "/api/./x",
            "/api//x",
            "/api/%2e%2e/x",
            "/api/%2E/x",
            "/api/a%2fb",
            "/api/a%5Cb",
            "/api/a%00",
            "/api/a;b",
            "/api/%61",
            "/api/%",
            "/api/%2",
            "/api/%zz",
            "/api/a%3bb",
            "/api/{id}",
            "/api/caf\u{e9}",
        ] {
            assert!(refused(path, &[]), "{path}");
        }
    }

    #[test]
    fn exactly_one_host_is_taken() {
        assert!(refused("/", &[("host", "a"), ("host", "b")]));
        assert!(refused("http://other/", &[("host", "shop")]));
        assert!(!refused("http://shop/", &[("host", "shop")]));
        for good in ["shop.example:8080", "[2001:db8::1]:80", "api_gateway", "192.0.2.1"] {
            assert!(!refused("/", &[("host", good)]), "{good}");
        }
        for bad in ["", "a b", "user@shop", "shop/path", "shop,other", "shop\t"] {
            assert!(refused("/", &[("host", bad)]), "{bad:?}");
        }
    }

    #[test]
    fn http_2_names_its_host_in_the_address_of_the_request() {
        let mut with = parts("http://shop/", &[]);
        with.version = http::Version::HTTP_2;
        with.headers.remove("host");
        assert!(clean(&mut with, false, PEER, 0).is_ok());
        assert_eq!(with.headers["x-forwarded-host"], "shop");
        let mut without = parts("/", &[]);
        without.version = http::Version::HTTP_2;
        without.headers.remove("host");
        assert!(clean(&mut without, false, PEER, 0).is_err());
    }

    #[test]
    fn framing_that_could_smuggle_a_request_is_refused() {
        assert!(refused("/", &[("transfer-encoding", "gzip, chunked")]));
        assert!(refused("/", &[("content-length", "3")]));
        assert!(refused("/", &[("transfer-encoding", "chunked")]));
        assert!(refused("/", &[("x_user", "1")]));
        let mut http2 = parts("/", &[]);
        assert!(
            clean(&mut http2, true, PEER, 0).is_err(),
            "a body without any header of it"
        );
        http2.method = Method::POST;
        assert!(clean(&mut http2, true, PEER, 0).is_ok());
    }

    #[test]
    fn nobody_can_pose_as_somebody_else() {
        let mut parts = parts(
            "/",
            &[
                ("x-user-id", "1"),
                ("x-forwarded-for", "10.0.0.1"),
                ("x-forwarded-host", "evil"),
                ("forwarded", "for=1"),
                ("x-real-ip", "10.0.0.1"),
                ("x-stoa-principal", "admin"),
                ("x-auth-request-user", "admin"),
                ("x-forwarded-proto", "https"),
                ("x-http-method-override", "DELETE"),
                ("remote-user", "admin"),
                ("expect", "100-continue"),
                ("connection", "close, x-secret"),
                ("x-secret", "1"),
                ("te", "trailers"),
                ("accept", "*/*"),
            ],
        );
        clean(&mut parts, false, PEER, 0).unwrap();
        let mut left: Vec<(&str, &str)> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        left.sort_unstable();
        let ours = [
            ("accept", "*/*"),
            ("host", "shop"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-host", "shop"),
            ("x-forwarded-proto", "http"),
        ];
        assert_eq!(left, ours);
    }

    #[test]
    fn connection_cannot_take_the_credentials_off() {
        let mut parts = parts("/", &[("connection", "authorization"), ("authorization", "Bearer x")]);
        clean(&mut parts, false, PEER, 0).unwrap();
        assert!(parts.headers.contains_key("authorization"));
    }

    #[test]
    fn an_address_is_written_as_it_is_everywhere() {
        for text in ["0.0.0.0", "9.10.99.100", "192.0.2.1", "255.255.255.255", "2001:db8::1"] {
            assert_eq!(address_value(text.parse().unwrap()), text);
        }
    }

    #[test]
    fn proxies_are_trusted_from_the_right() {
        let forwarded = [("x-forwarded-for", "6.6.6.6, 198.51.100.7, [2001:db8::1]:4711")];
        let address = |hops| {
            let client = clean(&mut parts("/", &forwarded), false, PEER, hops).unwrap();
            client.to_string()
        };
        assert_eq!(address(0), "192.0.2.1");
        assert_eq!(address(1), "2001:db8::1");
        assert_eq!(address(2), "198.51.100.7");
        assert_eq!(address(9), "192.0.2.1");
    }

    #[test]
    fn whether_it_was_https_is_a_trusted_proxys_to_say() {
        let scheme = |hops| {
            let mut parts = parts("/", &[("x-forwarded-proto", "https")]);
            clean(&mut parts, false, PEER, hops).unwrap();
            parts.headers["x-forwarded-proto"].clone()
        };
        assert_eq!(
            (scheme(0), scheme(1)),
            ("http".parse().unwrap(), "https".parse().unwrap())
        );
    }
}
