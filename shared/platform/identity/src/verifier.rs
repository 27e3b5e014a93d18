//! Verification of access tokens.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use moka::sync::Cache;
use platform_clock::Clock;
use values::Timestamp;

use crate::{ACCESS_TOKEN_TYPE, Claims, Keys, Principal, Revocations, Role, Subject};

/// Whom a verifier takes tokens from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// People: audience `stoa`, subject a user id.
    People,
    /// Processes that call this service: audience `stoa:<service>`, subject a client id.
    Service(&'static str),
}

impl Audience {
    /// The value of the claim `aud`.
    pub fn claim(&self) -> String {
        match self {
            Self::People => "stoa".to_owned(),
            Self::Service(name) => format!("stoa:{name}"),
        }
    }
}

/// Why a token was not accepted. Clients are told no more than that it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a signed token of ours: malformed, of another type or algorithm, a broken signature, a missing claim.
    #[error("not a token of this shop")]
    Malformed,
    /// Signed with a key that is not known.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// Another issuer or audience.
    #[error("meant for somebody else")]
    WrongAudience,
    /// Too late or too early.
    #[error("expired or not valid yet")]
    Expired,
    /// The session ended.
    #[error("the session was revoked")]
    Revoked,
}

/// Verifies tokens of one issuer for one audience, and remembers the good ones.
pub struct Verifier {
    issuer: String,
    audience: Audience,
    aud: String,
    keys: Arc<Keys>,
    revocations: Revocations,
    clock: Arc<dyn Clock>,
    verified: Cache<[u8; 32], Verified>,
}

#[derive(Clone)]
struct Verified {
    principal: Arc<Principal>,
    not_before: Timestamp,
}

impl Verifier {
    /// Clocks of two machines may differ by so much.
    const LEEWAY: Duration = Duration::from_secs(5);

    /// A longer text is no token of ours.
    const MAX_TOKEN_BYTES: usize = 4096;

    /// Tokens remembered, about 300 bytes each.
    const CACHED: u64 = 20_000;

    /// A verifier with an empty memory.
    pub fn new(
        issuer: impl Into<String>,
        audience: Audience,
        keys: Arc<Keys>,
        revocations: Revocations,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let verified = Cache::builder()
            .max_capacity(Self::CACHED)
            .time_to_live(Duration::from_hours(1))
            .build();
        let aud = audience.claim();
        Self {
            issuer: issuer.into(),
            audience,
            aud,
            keys,
            revocations,
            clock,
            verified,
        }
    }

    /// The keys it verifies with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Who the bearer of the token is. Times and revocation are checked each time, the signature once.
    pub async fn verify(&self, token: &str) -> Result<Arc<Principal>, TokenError> {
        if token.len() > Self::MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let digest = digest::digest(&digest::SHA256, token.as_bytes());
        let key: [u8; 32] = digest.as_ref().try_into().expect("a SHA-256 digest has 32 bytes");
        let found = match self.verified.get(&key) {
            Some(found) => found,
            None => self.verify_signature(token).await?,
        };
        self.check_now(&found)?;
        let principal = found.principal.clone();
        self.verified.entry(key).or_insert(found);
        Ok(principal)
    }

    async fn verify_signature(&self, token: &str) -> Result<Verified, TokenError> {
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        let is_access_token = header
            .typ
            .as_deref()
            .is_some_and(|typ| typ.eq_ignore_ascii_case(ACCESS_TOKEN_TYPE));
        if !is_access_token || header.alg != Algorithm::ES256 {
            return Err(TokenError::Malformed);
        }
        let kid = header.kid.ok_or(TokenError::Malformed)?;
        let key = self.keys.find(&kid).await.ok_or(TokenError::UnknownKey)?;
        // Only the signature: issuer, audience and times are checked below, against our own clock.
        let mut signature_only = Validation::new(Algorithm::ES256);
        signature_only.validate_exp = false;
        signature_only.validate_aud = false;
        signature_only.required_spec_claims.clear();
        let claims = decode::<Claims>(token, &key, &signature_only)
            .map_err(|_| TokenError::Malformed)?
            .claims;
        self.accept(claims)
    }

    fn accept(&self, claims: Claims) -> Result<Verified, TokenError> {
        if claims.iss != self.issuer || claims.aud != self.aud {
            return Err(TokenError::WrongAudience);
        }
        let subject = match self.audience {
            Audience::People => Subject::User(claims.sub.parse().map_err(|_| TokenError::Malformed)?),
            Audience::Service(_) => Subject::Service(claims.sub),
        };
        let seconds = |seconds: i64| Timestamp::from_micros(seconds.saturating_mul(1_000_000));
        let principal = Principal {
            subject,
            session: claims.sid,
            roles: claims
                .roles
                .iter()
                .filter_map(|name| name.parse::<Role>().ok())
                .collect(),
            client_id: claims.client_id,
            expires_at: seconds(claims.exp),
        };
        Ok(Verified {
            principal: Arc::new(principal),
            not_before: seconds(claims.nbf),
        })
    }

    fn check_now(&self, found: &Verified) -> Result<(), TokenError> {
        let now = self.clock.now();
        let is_over = now >= found.principal.expires_at.plus(Self::LEEWAY);
        let is_early = now.plus(Self::LEEWAY) < found.not_before;
        if is_over || is_early {
            return Err(TokenError::Expired);
        }
        match found.principal.session {
            Some(session) if self.revocations.contains(session) => Err(TokenError::Revoked),
            _ => Ok(()),
        }
    }
}
