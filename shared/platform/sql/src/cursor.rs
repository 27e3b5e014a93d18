//! Opaque keyset cursors: where a page ended, bound to the list it was made for.
//!
//! Base64url of a compact JSON array `[version, hash of filter and sort, key]`. Nothing in it is secret and nothing is
//! trusted: a key that was tampered with is bound like any other value and finds another page.
//!
//! ```
//! use platform_sql::cursor;
//! let list = "status=paid&sort=-created_at";
//! let text = cursor::encode(list, &(1_700_000_000_000_000_i64, "0198-id"));
//! let (at, id): (i64, String) = cursor::decode(list, &text)?;
//! assert_eq!((at, id.as_str()), (1_700_000_000_000_000, "0198-id"));
//! assert_eq!(cursor::decode::<(i64, String)>("sort=name", &text), Err(cursor::CursorError::Mismatch));
//! # Ok::<(), cursor::CursorError>(())
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

const VERSION: u8 = 1;
/// No key of ours comes near it.
const LONGEST: usize = 2_048;

/// Why a cursor was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not one of ours, or of a version that is gone: 422 `cursor_invalid`.
    #[error("the cursor cannot be read")]
    Invalid,
    /// Of a list with other filters or another sort: 422 `cursor_mismatch`.
    #[error("the cursor belongs to another list")]
    Mismatch,
}

/// A cursor behind the row with this key (a tuple of the sort's columns and the id). `list` names the list in full: its
/// route, filters and sort, written the same way each time.
pub fn encode(list: &str, key: &impl Serialize) -> String {
    let json = serde_json::to_vec(&(VERSION, hash(list), key)).expect("a key is made of numbers and text");
    URL_SAFE_NO_PAD.encode(json)
}

/// The key in a cursor of the same list.
pub fn decode<K: DeserializeOwned>(list: &str, cursor: &str) -> Result<K, CursorError> {
    if cursor.len() > LONGEST {
        return Err(CursorError::Invalid);
    }
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| CursorError::Invalid)?;
    let (version, of, key): (u8, u64, serde_json::Value) =
        serde_json::from_slice(&json).map_err(|_| CursorError::Invalid)?;
    if version != VERSION {
        return Err(CursorError::Invalid);
    }
    if of != hash(list) {
        return Err(CursorError::Mismatch);
    }
    serde_json::from_value(key).map_err(|_| CursorError::Invalid)
}

/// FNV-1a, 64 bits: short, and the same in every build.
fn hash(list: &str) -> u64 {
    list.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_else_is_invalid() {
        for text in ["", "x", "!!", "W10", "WzIsMSwxXQ", &"A".repeat(LONGEST + 4)] {
            assert_eq!(decode::<i64>("list", text), Err(CursorError::Invalid), "{text}");
        }
    }

    #[test]
    fn a_key_of_another_shape_is_invalid() {
        let cursor = encode("list", &("a", 1));
        assert_eq!(decode::<i64>("list", &cursor), Err(CursorError::Invalid));
    }

    #[test]
    fn the_wire_form_stays_as_it_is() {
        assert_eq!(
            encode("sort=name", &("tea", 7)),
            "WzEsMzE3MTExMTcwNjgwMTIwNTExLFsidGVhIiw3XV0"
        );
    }
}
