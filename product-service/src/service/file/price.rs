//! Prices as people write them.

use values::Currency;

/// Minor units of a price such as `19.99`, `1,299.00` or `19,99`. What could mean two things is refused.
pub(in crate::service) fn parse(text: &str, currency: Currency) -> Result<i64, String> {
    let refused = || format!("{text:?} is not a price such as {}", format(1999, currency));
    let (whole, fraction) = split(text).ok_or_else(refused)?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(&whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return Err(refused());
    }
    let exponent = usize::from(currency.exponent());
    let significant = fraction.trim_end_matches('0');
    if significant.len() > exponent {
        return Err(format!("{text:?} has more than the {exponent} decimals of {currency}"));
    }
    let minor = format!("{whole}{significant:0<exponent$}");
    let minor = minor.trim_start_matches('0');
    if minor.is_empty() {
        return Ok(0);
    }
    minor.parse().map_err(|_| format!("{text:?} is too much"))
}

/// What stands before and after the decimal sign.
fn split(text: &str) -> Option<(String, &str)> {
    let commas = text.matches(',').count();
    match text.split_once('.') {
        Some((whole, fraction)) => Some((without_thousands(whole)?, fraction)),
        // A decimal comma is one with one or two digits behind it; 1,299 could be both.
        None if commas == 1 => {
            let (whole, fraction) = text.split_once(',')?;
            matches!(fraction.len(), 1 | 2).then(|| (whole.to_owned(), fraction))
        }
        None if commas > 1 => Some((without_thousands(text)?, "")),
        None => Some((text.to_owned(), "")),
    }
}

/// `1,299,000` as digits.
fn without_thousands(text: &str) -> Option<String> {
    let mut groups = text.split(',');
    let first = groups.next()?;
    let is_grouped = text.contains(',');
    if is_grouped && !(1..=3).contains(&first.len()) {
        return None;
    }
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    Some(digits)
}

/// A price with all the decimals of its currency.
pub(in crate::service) fn format(minor: i64, currency: Currency) -> String {
    let exponent = usize::from(currency.exponent());
    let digits = format!("{minor:0>width$}", width = exponent + 1);
    let (whole, fraction) = digits.split_at(digits.len() - exponent);
    if fraction.is_empty() {
        return digits;
    }
    format!("{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use values::Money;

    use super::*;

    fn minor(text: &str, currency: &str) -> Option<i64> {
        parse(text, currency.parse().unwrap()).ok()
    }

    #[test]
    fn a_price_is_read_as_it_is_commonly_written() {
        for (text, expected) in [
            ("19.99", 1999),
            ("36", 3600),
            ("36.5", 3650),
            ("36.500", 3650),
            (".99", 99),
            ("5.", 500),
            ("0.00", 0),
            ("1,299.00", 129_900),
            ("1,299,000", 129_900_000),
            ("19,99", 1999),
            ("0019.99", 1999),
        ] {
            assert_eq!(minor(text, "USD"), Some(expected), "{text}");
        }
        assert_eq!(minor("1980.00", "JPY"), Some(1980));
        assert_eq!(minor("1.5", "BHD"), Some(1500));
    }

    #[test]
    fn what_is_no_price_or_could_be_two_is_refused() {
        for text in [
            "",
            ".",
            ",",
            "-1",
            "+1",
            "1e3",
            "$5",
            "abc",
            "1.2.3",
            "1,299",
            "12,99.00",
            "1,2,3",
            "1,,000",
            "36.005",
            "99999999999999999999",
            "NaN",
            "1 000",
            "٣",
        ] {
            assert_eq!(minor(text, "USD"), None, "{text}");
        }
        assert_eq!(minor("19.80", "JPY"), None);
    }

    proptest! {
        #[test]
        fn every_price_reads_back(minor in 0..=Money::MAX_PRICE, currency in prop::sample::select(vec!["USD", "JPY", "BHD"])) {
            let currency = currency.parse().unwrap();
            prop_assert_eq!(parse(&format(minor, currency), currency), Ok(minor));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9.,+-]{0,8}") {
            let _ = parse(&text, Currency::USD);
        }
    }
}
