//! Who is let in: the principal a gateway verified in this process, or the bearer of a good token.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, header};
use platform_identity::{Principal, Subject, TokenError, VerifiedPrincipal, Verifier};
use platform_problem::{Problem, codes};

use super::{Auth, Policy};

/// The verifiers of a service. The default has none and lets nobody in by token.
#[derive(Clone, Default)]
pub struct Guard {
    people: Option<Arc<Verifier>>,
    services: Option<Arc<Verifier>>,
}

impl Guard {
    /// A guard that verifies people's tokens, and services' tokens for this service's audience.
    pub fn new(people: Arc<Verifier>, services: Arc<Verifier>) -> Self {
        Self {
            people: Some(people),
            services: Some(services),
        }
    }

    /// Establishes who asks and whether the policy lets them; the principal is then among the extensions.
    ///
    /// In one process the gateway has verified the token and left a [`VerifiedPrincipal`], which no client can send.
    pub async fn admit(&self, policy: &Policy, parts: &mut Parts) -> Result<(), Problem> {
        let principal = match policy.auth {
            Auth::None | Auth::Client => return Ok(()),
            Auth::Service => Some(self.process(policy, parts).await?),
            Auth::Optional | Auth::Required => self.person(parts).await?,
        };
        let Some(principal) = principal else {
            return match policy.auth {
                Auth::Optional => Ok(()),
                _ => Err(unauthenticated()),
            };
        };
        let is_process = policy.auth == Auth::Service && matches!(principal.subject, Subject::Service(_));
        let is_wanted =
            is_process || policy.roles.is_empty() || policy.roles.iter().any(|role| principal.roles.has(*role));
        if !is_wanted {
            return Err(Problem::new(&codes::FORBIDDEN));
        }
        if parts.extensions.get::<VerifiedPrincipal>().is_none() || policy.auth == Auth::Service {
            parts.extensions.insert(VerifiedPrincipal(principal));
        }
        Ok(())
    }

    /// The bearer of a service's token or, where roles are named as well, of a person's. It must come with the request: what
    /// a gateway verified is no proof here.
    async fn process(&self, policy: &Policy, parts: &Parts) -> Result<Arc<Principal>, Problem> {
        let token = bearer(&parts.headers)?.ok_or_else(unauthenticated)?;
        if policy.roles.is_empty() {
            return verify(self.services.as_deref(), token).await;
        }
        match verify(self.services.as_deref(), token).await {
            Ok(principal) => Ok(principal),
            Err(_) => verify(self.people.as_deref(), token).await,
        }
    }

    async fn person(&self, parts: &Parts) -> Result<Option<Arc<Principal>>, Problem> {
        if let Some(VerifiedPrincipal(principal)) = parts.extensions.get() {
            return Ok(Some(principal.clone()));
        }
        match bearer(&parts.headers)? {
            Some(token) => verify(self.people.as_deref(), token).await.map(Some),
            None => Ok(None),
        }
    }
}

/// The token of `Authorization: Bearer <token>`; `None` without the header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(token_invalid("Authorization is given more than once"));
    }
    let text = value
        .to_str()
        .map_err(|_| token_invalid("Authorization is not readable"))?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(token_invalid("Authorization is not of the form \"Bearer <token>\"")),
    }
}

async fn verify(verifier: Option<&Verifier>, token: &str) -> Result<Arc<Principal>, Problem> {
    let Some(verifier) = verifier else {
        return Err(refused(TokenError::UnknownKey, false));
    };
    let verified = verifier.verify(token).await;
    verified.map_err(|error| refused(error, verifier.keys().seen()))
}

/// The refusal of a token. While no key was ever seen nothing can be said about it.
fn refused(error: TokenError, keys_seen: bool) -> Problem {
    if error == TokenError::UnknownKey && !keys_seen {
        return Problem::new(&codes::UNAVAILABLE).detail("tokens cannot be verified yet");
    }
    token_invalid("the access token is malformed, expired, revoked or not meant for this shop")
}

fn unauthenticated() -> Problem {
    Problem::new(&codes::UNAUTHENTICATED)
}

/// RFC 6750, section 3.1.
fn token_invalid(detail: &str) -> Problem {
    Problem::new(&codes::TOKEN_INVALID)
        .detail(detail)
        .header("www-authenticate", "Bearer error=\"invalid_token\"")
}
