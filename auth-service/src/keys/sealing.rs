//! Keys at rest: AES-256-GCM under a key that does not lie in the database.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use platform_clock::Clock;
use zeroize::Zeroizing;

use super::KeysError;
use crate::hex;

const KEY_BYTES: usize = 32;

/// The name of the default key's file in the data directory.
pub const KEY_FILE: &str = "auth.key";

/// What the keys in the database are encrypted with.
pub struct KeyEncryptionKey(LessSafeKey);

impl KeyEncryptionKey {
    /// From a setting: 32 bytes in base64 or hexadecimal.
    pub fn from_text(text: &str) -> Result<Self, KeysError> {
        let text = text.trim();
        let bytes = hex::decode::<KEY_BYTES>(text).map(Vec::from);
        let bytes = bytes.or_else(|| BASE64.decode(text).ok());
        let bytes = Zeroizing::new(bytes.ok_or(KeysError::BadEncryptionKey)?);
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| KeysError::BadEncryptionKey)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// From the file in the data directory, which is made, for its owner's eyes alone, if it is not there.
    pub fn in_directory(dir: &Path, clock: &dyn Clock) -> Result<Self, KeysError> {
        let path = dir.join(KEY_FILE);
        let unusable = |source| KeysError::EncryptionKeyFile {
            path: path.display().to_string(),
            source,
        };
        let mut fresh = Zeroizing::new([0_u8; KEY_BYTES]);
        clock.fill_random(&mut *fresh);
        std::fs::create_dir_all(dir).map_err(unusable)?;
        let beside = format!("{KEY_FILE}.{}", clock.new_id());
        match write_new(dir, &beside, &Zeroizing::new(BASE64.encode(*fresh))) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(unusable(error)),
            Ok(()) | Err(_) => {}
        }
        let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(unusable)?);
        Self::from_text(&text)
    }

    /// Encrypts a key; `label` says which one it is and must be the same for [`Self::open`].
    pub fn seal(&self, label: &str, key: &[u8], clock: &dyn Clock) -> Vec<u8> {
        let mut nonce = [0_u8; NONCE_LEN];
        clock.fill_random(&mut nonce);
        let mut sealed = key.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(label.as_bytes()),
                &mut sealed,
            )
            .expect("a key is far below the cipher's limit");
        [&nonce[..], &sealed].concat()
    }

    /// Decrypts what [`Self::seal`] made.
    pub fn open(&self, label: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(KeysError::WrongEncryptionKey)?;
        let mut opened = Zeroizing::new(sealed.to_vec());
        let length = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(label.as_bytes()),
                &mut opened,
            )
            .map_err(|_| KeysError::WrongEncryptionKey)?
            .len();
        opened.truncate(length);
        Ok(opened)
    }
}

/// Whole or not at all, even if the machine stops: written beside, then linked to its name unless that is taken.
fn write_new(dir: &Path, beside: &str, text: &str) -> std::io::Result<()> {
    let beside = dir.join(beside);
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&beside)?;
    let linked = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&beside, dir.join(KEY_FILE)))
        .and_then(|()| std::fs::File::open(dir)?.sync_all());
    std::fs::remove_file(&beside)?;
    linked
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use platform_clock::SystemClock;

    use super::*;

    fn key(byte: u8) -> KeyEncryptionKey {
        KeyEncryptionKey::from_text(&BASE64.encode([byte; KEY_BYTES])).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_label_alone() {
        let sealed = key(1).seal("signing 1", b"secret", &SystemClock);
        assert_eq!(**key(1).open("signing 1", &sealed).unwrap(), *b"secret");
        assert!(key(2).open("signing 1", &sealed).is_err());
        assert!(key(1).open("signing 2", &sealed).is_err());
        assert!(key(1).open("signing 1", &sealed[..5]).is_err());
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
    }

    #[test]
    fn both_spellings_give_the_same_key_and_others_none() {
        let sealed = key(0xab).seal("x", b"secret", &SystemClock);
        let hex = KeyEncryptionKey::from_text(&"ab".repeat(32)).unwrap();
        assert!(hex.open("x", &sealed).is_ok());
        for bad in ["", "short", &"zz".repeat(32), &BASE64.encode([1; 31])] {
            assert!(KeyEncryptionKey::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_default_key_is_made_once_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("data");
        let sealed = KeyEncryptionKey::in_directory(&dir, &SystemClock)
            .unwrap()
            .seal("x", b"secret", &SystemClock);
        let again = KeyEncryptionKey::in_directory(&dir, &SystemClock).unwrap();
        assert!(again.open("x", &sealed).is_ok());
        let files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
