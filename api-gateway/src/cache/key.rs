//! What a public answer is found by.

use std::borrow::Cow;

use form_urlencoded::{Serializer, parse};
use http::Uri;

/// The path, and the query in one form of all those that mean the same: our services read parameters in any order, each
/// once, and spelled in any way (see `platform_runtime::extract::Query`). What has the form already is not copied.
pub(super) fn of(uri: &Uri) -> Option<Cow<'_, str>> {
    let whole = uri.path_and_query()?.as_str();
    let Some(query) = uri.query() else {
        return Some(Cow::Borrowed(whole));
    };
    if is_canonical(query) {
        return Some(Cow::Borrowed(whole));
    }
    let encoded = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
        let mut pair = Serializer::new(String::new());
        pair.append_pair(&name, &value).finish()
    };
    let mut pairs: Vec<String> = parse(query.as_bytes()).map(encoded).collect();
    pairs.sort_unstable();
    let mut key = uri.path().to_owned();
    for (separator, pair) in std::iter::once('?').chain(std::iter::repeat('&')).zip(pairs) {
        key.push(separator);
        key.push_str(&pair);
    }
    Some(Cow::Owned(key))
}

fn is_canonical(query: &str) -> bool {
    let is_spelled_plainly = |byte: u8| byte.is_ascii_alphanumeric() || b"*-._+".contains(&byte);
    let is_pair = |pair: &str| {
        pair.split_once('=')
            .is_some_and(|(name, value)| name.bytes().chain(value.bytes()).all(is_spelled_plainly))
    };
    query.split('&').all(is_pair) && query.split('&').is_sorted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_has_one_key_and_what_has_it_already_is_not_copied() {
        let key = |uri: &str| of(&uri.parse().unwrap()).unwrap().into_owned();
        for (uri, expected) in [
            ("/a", "/a"),
            ("/a?", "/a"),
            ("/a?x=1", "/a?x=1"),
            ("/a?y=2&x=1", "/a?x=1&y=2"),
            ("/a?&&x=%31", "/a?x=1"),
            ("/a?x", "/a?x="),
            ("/a?x=b%20c", "/a?x=b+c"),
            ("/a?x=b%26y=2", "/a?x=b%26y%3D2"),
            ("/a?x=%c3%a9", "/a?x=%C3%A9"),
            ("/a?a=1&a-b=2", "/a?a-b=2&a=1"),
        ] {
            assert_eq!(key(uri), expected, "{uri}");
            assert_eq!(key(&key(uri)), expected, "{uri} again");
        }
        let plain = "/a?limit=5&q=two+words".parse().unwrap();
        assert!(matches!(of(&plain), Some(Cow::Borrowed(_))));
    }
}
