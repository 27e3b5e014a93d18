//! From text to a value, with an error that says what was expected.

use std::any::TypeId;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// Parses by `FromStr`; the types of the standard library get a better error than their own.
pub(super) fn parse<T>(text: &str) -> Result<T, String>
where
    T: FromStr + 'static,
    T::Err: Display,
{
    text.parse().map_err(|error: T::Err| match name_of::<T>() {
        Some(name) => format!("{text:?} is not {name}"),
        None => format!("{text:?} is not accepted: {error}"),
    })
}

/// `on` or `off` and their relatives.
pub(super) fn flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(format!("{text:?} is not on or off")),
    }
}

/// A whole number and a unit: `ms`, `s`, `m` or `h`. `0` needs no unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let refusal = || format!("{text:?} is not a duration");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.trim_end().parse().map_err(|_| refusal())?;
    let millis_per_unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" if number == 0 => 1,
        _ => return Err(refusal()),
    };
    number
        .checked_mul(millis_per_unit)
        .map(Duration::from_millis)
        .ok_or_else(refusal)
}

fn name_of<T: 'static>() -> Option<&'static str> {
    let names = [
        (TypeId::of::<SocketAddr>(), "a socket address"),
        (TypeId::of::<IpAddr>(), "an IP address"),
        (TypeId::of::<u8>(), "a whole number from 0 to 255"),
        (TypeId::of::<u16>(), "a whole number from 0 to 65535"),
        (TypeId::of::<u32>(), "a whole number"),
        (TypeId::of::<u64>(), "a whole number"),
        (TypeId::of::<usize>(), "a whole number"),
        (TypeId::of::<f64>(), "a number"),
    ];
    let known = names.into_iter().find(|(id, _)| *id == TypeId::of::<T>());
    known.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let parsed = ["500ms", "5s", "2m", "1h", "0"].map(|text| duration(text).unwrap().as_millis());
        assert_eq!(parsed, [500, 5_000, 120_000, 3_600_000, 0]);
        for bad in ["5", "s", "", "-1s", "5d", "99999999999999999999h", "1.5s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
