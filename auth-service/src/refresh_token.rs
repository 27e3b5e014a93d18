//! Refresh tokens: opaque to clients, known to the store by their hash alone.
//!
//! A token is 64 bytes in base64url: its session (16), a secret (32) and a tag (16). The tag is an HMAC with a key of ours,
//! so a text that we did not make is refused without a look into the store, and who has read a session's id in an access
//! token cannot end the session by inventing a token for it.
//!
//! The successor of a token is derived from it by HMAC with the same key. So one that was spent a moment ago gives the
//! same successor again, although the store has nothing but hashes: RFC 9700, 4.14.2 on rotation, with a grace for the
//! client whose answer was lost.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use values::SessionId;

const SESSION: std::ops::Range<usize> = 0..16;
const SECRET: std::ops::Range<usize> = 16..48;
const TAG: std::ops::Range<usize> = 48..64;
const BYTES: usize = TAG.end;

/// A token that is one of ours; whether it is still good the store knows.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken([u8; BYTES]);

/// The SHA-256 of a token, which the store keeps in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

/// The keys behind the tokens: the first makes new ones, all are honoured.
#[derive(Clone)]
pub struct RefreshKeys(Vec<hmac::Key>);

impl RefreshToken {
    /// As the client gets it.
    pub fn to_text(&self) -> String {
        BASE64.encode(self.0)
    }

    /// The session it belongs to.
    pub fn session(&self) -> SessionId {
        let bytes: [u8; 16] = self.0[SESSION].try_into().expect("16 bytes");
        SessionId::from(uuid::Uuid::from_bytes(bytes))
    }

    /// What the store knows it by.
    pub fn hash(&self) -> TokenHash {
        let hash = digest::digest(&digest::SHA256, &self.0);
        TokenHash(hash.as_ref().try_into().expect("a SHA-256 digest has 32 bytes"))
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RefreshToken of {}", self.session())
    }
}

impl RefreshKeys {
    /// From secrets, at least one; the first makes new tokens.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let keys = secrets
            .into_iter()
            .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret));
        let keys: Vec<_> = keys.collect();
        assert!(!keys.is_empty(), "there is always a key to make tokens with");
        Self(keys)
    }

    /// The first token of a session.
    pub fn issue(&self, session: SessionId, secret: [u8; 32]) -> RefreshToken {
        make(&self.0[0], session, &secret)
    }

    /// A token from what a client sent; none if it is not one of ours.
    pub fn read(&self, text: &str) -> Option<RefreshToken> {
        let token = RefreshToken(BASE64.decode(text).ok()?.try_into().ok()?);
        let is_ours = self.0.iter().any(|key| {
            let expected = tag(key, &token.0[..TAG.start]);
            constant_time::verify_slices_are_equal(&expected, &token.0[TAG]).is_ok()
        });
        is_ours.then_some(token)
    }

    /// What may follow a token; the first is what does from now on, the others what did under an older key.
    pub fn successors(&self, token: &RefreshToken) -> impl Iterator<Item = RefreshToken> {
        self.0.iter().map(|key| {
            let secret = keyed(key, "stoa refresh token: successor", &token.0);
            make(key, token.session(), &secret)
        })
    }

    /// A value that stands for another without telling it, the same each time. Kept in place of network addresses.
    pub fn fingerprint(&self, value: &[u8]) -> [u8; 16] {
        let full = keyed(&self.0[0], "stoa address", value);
        full[..16].try_into().expect("16 bytes")
    }
}

fn make(key: &hmac::Key, session: SessionId, secret: &[u8; 32]) -> RefreshToken {
    let mut bytes = [0; BYTES];
    bytes[SESSION].copy_from_slice(session.as_uuid().as_bytes());
    bytes[SECRET].copy_from_slice(secret);
    let tag = tag(key, &bytes[..TAG.start]);
    bytes[TAG].copy_from_slice(&tag);
    RefreshToken(bytes)
}

fn tag(key: &hmac::Key, tagged: &[u8]) -> [u8; 16] {
    let full = keyed(key, "stoa refresh token: tag", tagged);
    full[..16].try_into().expect("16 bytes")
}

/// HMAC with a label, so that a value made for one purpose says nothing about another.
fn keyed(key: &hmac::Key, label: &str, value: &[u8]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(label.as_bytes());
    context.update(&[0]);
    context.update(value);
    let full = context.sign();
    full.as_ref().try_into().expect("an HMAC-SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn session(bytes: [u8; 16]) -> SessionId {
        SessionId::from(uuid::Uuid::from_bytes(bytes))
    }

    proptest! {
        #[test]
        fn every_token_reads_back(id: [u8; 16], secret: [u8; 32], key: [u8; 32]) {
            let keys = RefreshKeys::new([&key[..]]);
            let token = keys.issue(session(id), secret);
            prop_assert_eq!(token.session(), session(id));
            prop_assert_eq!(keys.read(&token.to_text()), Some(token));
        }

        #[test]
        fn no_changed_token_is_one_of_ours(id: [u8; 16], secret: [u8; 32], at in 0..BYTES, bit in 0..8) {
            let keys = RefreshKeys::new([&b"key"[..]]);
            let mut token = keys.issue(session(id), secret);
            token.0[at] ^= 1_u8 << bit;
            prop_assert_eq!(keys.read(&token.to_text()), None);
        }
    }

    #[test]
    fn the_successor_is_the_same_each_time_and_belongs_to_the_session() {
        let keys = RefreshKeys::new([&b"key"[..]]);
        let token = keys.issue(session([1; 16]), [2; 32]);
        let successor = || keys.successors(&token).next().unwrap();
        assert_eq!(successor(), successor());
        assert_ne!(successor().hash(), token.hash());
        assert_eq!(successor().session(), token.session());
        assert!(keys.read(&successor().to_text()).is_some());
    }

    #[test]
    fn tokens_of_an_older_key_are_honoured_and_followed_by_those_of_the_new_one() {
        let old = RefreshKeys::new([&b"old"[..]]);
        let both = RefreshKeys::new([&b"new"[..], b"old"]);
        let token = old.issue(session([1; 16]), [2; 32]);
        let read = both.read(&token.to_text()).unwrap();
        let successors: Vec<_> = both.successors(&read).collect();
        assert!(old.read(&successors[0].to_text()).is_none());
        assert_eq!(Some(&successors[1]), old.successors(&token).next().as_ref());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let keys = RefreshKeys::new([&b"key"[..]]);
        for bad in ["", "x", "AAAA", &"A".repeat(86), &"A".repeat(10_000)] {
            assert!(keys.read(bad).is_none());
        }
    }
}
