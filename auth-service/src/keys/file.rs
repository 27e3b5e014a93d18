//! Keys from a file of the operator's: `SIGNING_KEYS_FILE`.
//!
//! One to three private keys on P-256 in PEM (PKCS #8), as `openssl genpkey -algorithm EC -pkeyopt
//! ec_paramgen_curve:P-256` writes them. The first signs, the others are published: the next or the previous one. The file
//! is read again every minute, so a rotation is: append the new key, wait ten minutes until every verifier knows it, put
//! it first, and leave the old one behind it until the next rotation.
//!
//! Refresh tokens are made with a key derived from the first one and are honoured for all in the file. So a session that
//! was not refreshed since a key was first ends when that key goes: leave it for 30 days and no session does; after a
//! theft drop it at once.

use std::path::Path;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::{KeyRing, KeysError, SigningKey};
use crate::refresh_token::RefreshKeys;

/// Next, current and previous.
const MAX_KEYS: usize = 3;
/// A larger file is not one of keys.
const MAX_BYTES: u64 = 64 * 1024;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The keys of a file.
pub(super) async fn ring(path: &Path) -> Result<KeyRing, KeysError> {
    let unreadable =
        |error: std::io::Error| KeysError::SigningKeysFile(format!("cannot read {}: {error}", path.display()));
    let size = tokio::fs::metadata(path).await.map_err(unreadable)?.len();
    if size > MAX_BYTES {
        return Err(KeysError::SigningKeysFile(
            "it is larger than a file of keys can be".to_owned(),
        ));
    }
    let text = Zeroizing::new(tokio::fs::read_to_string(path).await.map_err(unreadable)?);
    from_pem(&text)
}

fn from_pem(text: &str) -> Result<KeyRing, KeysError> {
    let wrong =
        || KeysError::SigningKeysFile("it must hold one to three P-256 private keys in PEM (PKCS #8)".to_owned());
    let blocks: Vec<Zeroizing<Vec<u8>>> = text
        .split(BEGIN)
        .skip(1)
        .map(|block| {
            let (body, _) = block.split_once(END)?;
            let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
            Some(Zeroizing::new(BASE64.decode(body.as_bytes()).ok()?))
        })
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    if blocks.is_empty() || blocks.len() > MAX_KEYS {
        return Err(wrong());
    }
    let keys: Result<Vec<SigningKey>, KeysError> = blocks.iter().map(|der| SigningKey::from_pkcs8(der)).collect();
    let mut keys = keys.map_err(|_| wrong())?;
    let current = keys.remove(0);
    let refresh = blocks.iter().map(|der| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, der);
        hmac::sign(&key, b"stoa refresh tokens")
    });
    let refresh: Vec<hmac::Tag> = refresh.collect();
    Ok(KeyRing::new(
        current,
        &keys,
        RefreshKeys::new(refresh.iter().map(AsRef::as_ref)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(der: &[u8]) -> String {
        format!("{BEGIN}\n{}\n{END}\n", BASE64.encode(der))
    }

    #[test]
    fn the_first_key_signs_and_all_are_published() {
        let (one, two) = (SigningKey::generate(), SigningKey::generate());
        let ring = from_pem(&format!("# ours\n{}{}", pem(&one), pem(&two))).unwrap();
        let kid = |der: &[u8]| SigningKey::from_pkcs8(der).unwrap().kid().to_owned();
        assert_eq!(ring.current.kid(), kid(&one));
        assert!(ring.jwks.contains(&kid(&one)) && ring.jwks.contains(&kid(&two)));
    }

    #[test]
    fn refresh_tokens_survive_a_rotation_of_the_file() {
        let (one, two) = (pem(&SigningKey::generate()), pem(&SigningKey::generate()));
        let before = from_pem(&one).unwrap().refresh;
        let after = from_pem(&format!("{two}{one}")).unwrap().refresh;
        let token = before.issue(uuid::Uuid::nil().into(), [7; 32]).to_text();
        assert!(after.read(&token).is_some());
        assert!(from_pem(&two).unwrap().refresh.read(&token).is_none());
    }

    #[test]
    fn what_holds_no_usable_keys_is_refused() {
        let key = pem(&SigningKey::generate());
        for bad in ["", "hello", BEGIN, &pem(b"no key"), &key.repeat(4)] {
            assert!(matches!(from_pem(bad), Err(KeysError::SigningKeysFile(_))));
        }
    }
}
