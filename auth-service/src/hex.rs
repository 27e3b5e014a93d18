//! Hexadecimal, as operators write keys and hashes.

/// Exactly `N` bytes; none for any other text.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let value = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_number_of_digits_is_read() {
        assert_eq!(decode("00fFA5"), Some([0, 255, 0xa5]));
        assert_eq!(decode::<3>("00fF"), None);
        assert_eq!(decode::<1>("g0"), None);
        assert_eq!(decode::<1>("\u{e9}"), None);
    }
}
