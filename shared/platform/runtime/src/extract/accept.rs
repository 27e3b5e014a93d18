//! Which of the offered formats a client wants.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use platform_problem::{Problem, codes};

/// The `Accept` header (RFC 9110, section 12.5.1).
#[derive(Debug, Clone, Default)]
pub struct Accept(Vec<Range>);

#[derive(Debug, Clone)]
struct Range {
    kind: String,
    subtype: String,
    /// Thousandths.
    weight: u16,
}

impl Accept {
    /// Ranges beyond this are not read.
    const MAX_RANGES: usize = 32;

    /// What the headers say.
    pub fn of_headers(headers: &HeaderMap) -> Self {
        let lines = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let ranges = lines.flat_map(|line| line.split(',')).filter_map(Range::parse);
        Self(ranges.take(Self::MAX_RANGES).collect())
    }

    /// The offer the client likes best, the first of equals; without a header the first of all.
    /// 406 if it wants none of them.
    pub fn best(&self, offers: &[&'static str]) -> Result<&'static str, Problem> {
        if self.0.is_empty() {
            return offers
                .first()
                .copied()
                .ok_or_else(|| Problem::new(&codes::NOT_ACCEPTABLE));
        }
        let mut best: Option<(&'static str, u16)> = None;
        for offer in offers {
            let weight = self.weight_of(offer);
            if weight > best.map_or(0, |(_, weight)| weight) {
                best = Some((offer, weight));
            }
        }
        let refusal = || Problem::new(&codes::NOT_ACCEPTABLE).detail(format!("offered are {}", offers.join(", ")));
        best.map(|(offer, _)| offer).ok_or_else(refusal)
    }

    /// The weight of the most specific range that covers the offer; 0 if none does.
    fn weight_of(&self, offer: &str) -> u16 {
        let (kind, subtype) = offer.split_once('/').unwrap_or((offer, ""));
        let covering = self
            .0
            .iter()
            .filter_map(|range| match (range.kind.as_str(), range.subtype.as_str()) {
                ("*", "*") => Some((0, range.weight)),
                (of, "*") if of == kind => Some((1, range.weight)),
                (of, sub) if of == kind && sub == subtype => Some((2, range.weight)),
                _ => None,
            });
        covering
            .max_by_key(|(specificity, _)| *specificity)
            .map_or(0, |(_, weight)| weight)
    }
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = match quality {
            Some(quality) => thousandths(quality)?,
            None => 1000,
        };
        Some(Self {
            kind: kind.to_ascii_lowercase(),
            subtype: subtype.to_ascii_lowercase(),
            weight,
        })
    }
}

/// `0`, `0.5`, `1.000` as thousandths.
fn thousandths(quality: &str) -> Option<u16> {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    if fraction.len() > 3 {
        return None;
    }
    let whole: u16 = whole.parse().ok().filter(|whole| *whole <= 1)?;
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    Some((whole * 1000 + fraction).min(1000))
}

impl<S: Sync> FromRequestParts<S> for Accept {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of_headers(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn best(accept: &'static str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        Accept::of_headers(&headers)
            .best(&["application/x-ndjson", "text/csv"])
            .ok()
    }

    #[test]
    fn the_best_offer_wins() {
        assert_eq!(best("text/csv"), Some("text/csv"));
        assert_eq!(best("text/*;q=0.2, application/x-ndjson;q=0.1"), Some("text/csv"));
        assert_eq!(best("*/*"), Some("application/x-ndjson"));
        assert_eq!(best("*/*, application/x-ndjson;q=0"), Some("text/csv"));
        assert_eq!(best("text/html"), None);
        assert_eq!(Accept::default().best(&["a/b"]).unwrap(), "a/b");
    }
}
