//! How often somebody may ask: GCRA over a bounded map.
//!
//! The generic cell rate algorithm keeps one number a client: the time at which its bucket would be empty again. A map of
//! clients is bounded, so that a flood of addresses costs no more memory than it may; who is pushed out begins anew with
//! a full burst.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use moka::sync::Cache;
use platform_problem::{Problem, codes};
use values::{Timestamp, UserId};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// So many requests a second, and a burst on top of an idle time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    name: &'static str,
    per_second: u32,
    burst: u32,
}

impl Rate {
    /// For everybody who comes from one address; it protects token verification itself.
    pub(crate) const PER_ADDRESS: Self = Self {
        name: "address",
        per_second: 50,
        burst: 200,
    };
    /// For one account, wherever it comes from.
    pub(crate) const PER_USER: Self = Self {
        name: "user",
        per_second: 20,
        burst: 100,
    };

    fn interval_micros(self) -> i64 {
        1_000_000 / i64::from(self.per_second)
    }

    fn window(self) -> u32 {
        self.burst.div_ceil(self.per_second)
    }
}

/// What is left to a client after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    rate_name: &'static str,
    burst: u32,
    window_secs: u32,
    left: u32,
    full_after_secs: u64,
}

impl Standing {
    /// Tells the client, in the fields of draft-ietf-httpapi-ratelimit-headers-11. They are lists: each limit that holds
    /// adds its own, the one closest to the client first.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let [policy, limit] = self.fields();
        headers.append(POLICY, HeaderValue::try_from(policy).expect("it is ASCII"));
        headers.append(LIMIT, HeaderValue::try_from(limit).expect("it is ASCII"));
    }

    fn fields(self) -> [String; 2] {
        let Self {
            rate_name,
            burst,
            window_secs,
            left,
            full_after_secs,
        } = self;
        let policy = format!("\"{rate_name}\";q={burst};w={window_secs}");
        let limit = format!("\"{rate_name}\";r={left};t={full_after_secs}");
        [policy, limit]
    }

    fn of_refusal(self, refusal: Problem) -> Problem {
        let [policy, limit] = self.fields();
        refusal
            .detail(format!("the limit per {} is used up", self.rate_name))
            .header("ratelimit-policy", policy)
            .header("ratelimit", limit)
    }
}

/// The limits of one kind of client.
pub(crate) struct RateLimit<K> {
    rate: Rate,
    empty_at: Cache<K, Arc<AtomicI64>>,
}

impl<K: Hash + Eq + Send + Sync + Clone + 'static> RateLimit<K> {
    /// About 10 MB of clients.
    const MAX_CLIENTS: u64 = 50_000;

    pub(crate) fn new(rate: Rate) -> Self {
        let idle = Duration::from_secs(u64::from(rate.window()) + 1);
        Self {
            rate,
            empty_at: Cache::builder()
                .max_capacity(Self::MAX_CLIENTS)
                .time_to_idle(idle)
                .build(),
        }
    }

    /// Counts a request; refused when the burst is used up.
    pub(crate) fn check(&self, client: &K, now: Timestamp) -> Result<Standing, Problem> {
        let (now, interval) = (now.as_micros(), self.rate.interval_micros());
        let capacity = interval * i64::from(self.rate.burst);
        let empty_at = match self.empty_at.get(client) {
            Some(known) => known,
            None => self.empty_at.get_with_by_ref(client, || Arc::new(AtomicI64::new(0))),
        };
        let mut seen = empty_at.load(Ordering::Relaxed);
        loop {
            let next = seen.max(now) + interval;
            let excess = next - now - capacity;
            if excess > 0 {
                let seconds = u64::try_from(excess).unwrap_or(0).div_ceil(1_000_000);
                let standing = self.standing(seen - now);
                let refusal = Problem::new(&codes::RATE_LIMITED).retry_after(seconds.max(1));
                return Err(standing.of_refusal(refusal));
            }
            match empty_at.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(self.standing(next - now)),
                Err(other) => seen = other,
            }
        }
    }

    fn standing(&self, used_micros: i64) -> Standing {
        let interval = self.rate.interval_micros();
        let used = u32::try_from(used_micros.max(0).div_euclid(interval)).unwrap_or(u32::MAX);
        Standing {
            rate_name: self.rate.name,
            burst: self.rate.burst,
            window_secs: self.rate.window(),
            left: self.rate.burst.saturating_sub(used),
            full_after_secs: u64::try_from(used_micros.max(0)).unwrap_or(0).div_ceil(1_000_000),
        }
    }
}

/// The client that an address stands for: an IPv6 host has a whole /64 to itself.
pub(crate) fn address_key(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::from((u128::from(v6) & !u128::from(u64::MAX)).to_be_bytes()),
        },
    }
}

/// Limits by address and by account.
pub(crate) struct RateLimits {
    pub(crate) per_address: RateLimit<IpAddr>,
    pub(crate) per_user: RateLimit<UserId>,
}

impl RateLimits {
    pub(crate) fn new() -> Self {
        Self {
            per_address: RateLimit::new(Rate::PER_ADDRESS),
            per_user: RateLimit::new(Rate::PER_USER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let limit = RateLimit::new(Rate {
            name: "test",
            per_second: 10,
            burst: 5,
        });
        for left in (0..5).rev() {
            assert_eq!(limit.check(&1, T0).unwrap().left, left);
        }
        let refusal = limit.check(&1, T0).unwrap_err();
        assert_eq!(refusal.code(), "rate_limited");
        assert!(limit.check(&2, T0).is_ok(), "another client is not held to it");
        let later = T0.plus(Duration::from_millis(100));
        assert!(limit.check(&1, later).is_ok());
        assert!(limit.check(&1, later).is_err());
    }

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let limit = RateLimit::new(Rate {
            name: "test",
            per_second: 1,
            burst: 1,
        });
        limit.check(&1, T0).unwrap();
        let refusal = limit.check(&1, T0).unwrap_err();
        let headers: Vec<_> = refusal.headers().collect();
        assert!(headers.contains(&("retry-after", "1".to_owned())));
        assert!(headers.contains(&("ratelimit", "\"test\";r=0;t=1".to_owned())));
    }

    #[test]
    fn one_ipv6_host_is_one_client() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }
}
