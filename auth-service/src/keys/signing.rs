//! One ES256 key.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::{Jwk, KeyOperations, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use platform_identity::{ACCESS_TOKEN_TYPE, Claims};
use zeroize::Zeroizing;

use super::KeysError;

/// A private key on P-256 with its public side. Its id is its thumbprint (RFC 7638), the same in every process.
pub struct SigningKey {
    kid: String,
    private: EncodingKey,
    public: Jwk,
}

impl SigningKey {
    /// A new key in PKCS #8.
    pub fn generate() -> Zeroizing<Vec<u8>> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Zeroizing::new(pkcs8.expect("the system has randomness").as_ref().to_vec())
    }

    /// From PKCS #8.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeysError> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| KeysError::Unusable)?;
        let private = EncodingKey::from_ec_der(pkcs8);
        let mut public = Jwk::from_encoding_key(&private, Algorithm::ES256).map_err(|_| KeysError::Unusable)?;
        let kid = public
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|_| KeysError::Unusable)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_operations = Some(vec![KeyOperations::Verify]);
        Ok(Self { kid, private, public })
    }

    /// Its id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its public side, as it is published.
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// An access token with these claims (RFC 9068).
    pub fn sign(&self, claims: &Claims) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(ACCESS_TOKEN_TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        encode(&header, claims, &self.private).expect("a key that was checked signs")
    }
}
