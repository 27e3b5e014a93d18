//! An issuer of tokens for tests, with a key of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use platform_clock::Clock;
use values::{SessionId, UserId};

use crate::{ACCESS_TOKEN_TYPE, Audience, Claims, JwksError, JwksSource, Keys, Revocations, Role, Verifier};

/// Signs tokens and answers for the key.
pub struct TestIssuer {
    key: EncodingKey,
    kid: String,
    clock: Arc<dyn Clock>,
}

impl TestIssuer {
    /// An issuer named `stoa` with a new key.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .expect("a key can be made");
        let kid = clock.new_id().to_string();
        Arc::new(Self {
            key: EncodingKey::from_ec_der(pkcs8.as_ref()),
            kid,
            clock,
        })
    }

    /// A verifier that trusts this issuer.
    pub fn verifier(self: &Arc<Self>, audience: Audience) -> Arc<Verifier> {
        self.verifier_with(audience, Revocations::new())
    }

    /// A verifier that trusts this issuer and knows some ended sessions.
    pub fn verifier_with(self: &Arc<Self>, audience: Audience, revocations: Revocations) -> Arc<Verifier> {
        let keys = Arc::new(Keys::new(self.clone(), self.clock.clone()));
        Arc::new(Verifier::new("stoa", audience, keys, revocations, self.clock.clone()))
    }

    /// The claims of a person's token, good for 15 minutes from now.
    pub fn claims(&self, user: UserId, roles: &[Role]) -> Claims {
        let now = self.clock.now();
        Claims {
            iss: "stoa".to_owned(),
            aud: Audience::People.claim(),
            sub: user.to_string(),
            client_id: "stoa".to_owned(),
            iat: now.as_secs(),
            nbf: now.as_secs(),
            exp: now.plus(Duration::from_mins(15)).as_secs(),
            jti: self.clock.new_id().to_string(),
            sid: Some(SessionId::from(self.clock.new_id())),
            roles: roles.iter().map(|role| role.name().to_owned()).collect(),
        }
    }

    /// A person's token.
    pub fn user_token(&self, user: UserId, roles: &[Role]) -> String {
        self.sign(&self.claims(user, roles))
    }

    /// A service's token for the service of that name.
    pub fn service_token(&self, client_id: &str, service: &'static str) -> String {
        let person = self.claims(UserId::from(self.clock.new_id()), &[]);
        let sub = client_id.to_owned();
        let aud = Audience::Service(service).claim();
        self.sign(&Claims {
            sub: sub.clone(),
            client_id: sub,
            aud,
            sid: None,
            ..person
        })
    }

    /// A token with any claims.
    pub fn sign(&self, claims: &Claims) -> String {
        self.sign_as(ACCESS_TOKEN_TYPE, claims)
    }

    /// A token of any type with any claims.
    pub fn sign_as(&self, typ: &str, claims: &Claims) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.kid.clone());
        encode(&header, claims, &self.key).expect("claims can be signed")
    }
}

#[async_trait]
impl JwksSource for TestIssuer {
    async fn fetch(&self) -> Result<JwkSet, JwksError> {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::ES256).map_err(|e| JwksError(e.to_string()))?;
        jwk.common.key_id = Some(self.kid.clone());
        Ok(JwkSet { keys: vec![jwk] })
    }
}
