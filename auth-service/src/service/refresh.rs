//! Going on with a session, and ending it.

use super::{AuthError, AuthService, Grant};
use crate::network::Network;
use crate::refresh_token::RefreshToken;
use crate::store::{Rotated, Rotation};

impl AuthService {
    /// A new pair for a refresh token, which is spent by that. For a moment after it, while its successor is unused, it
    /// gives the same successor again; later it betrays that two have it, and the session ends.
    pub async fn refresh(&self, text: &str, network: Network) -> Result<Grant, AuthError> {
        let ring = self.0.keys.ring();
        let token = ring.refresh.read(text).ok_or(AuthError::RefreshTokenInvalid)?;
        let mut successors: Vec<RefreshToken> = ring.refresh.successors(&token).collect();
        let cause = self.cause();
        let rotation = Rotation {
            session: token.session(),
            presented: token.hash(),
            successor: successors[0].hash(),
            grace_from: cause.at.minus(self.0.timings.refresh_grace),
            network: ring.refresh.fingerprint(network.as_bytes()),
            expires_at: cause.at.plus(self.0.timings.session_idle),
        };
        match self.0.store.rotate_session(&rotation, &cause).await? {
            Rotated::Done(account) => Ok(self.grant(&ring, &account, successors.swap_remove(0))),
            Rotated::Again(account, current) => {
                let successor = successors.into_iter().find(|successor| successor.hash() == current);
                let successor = successor.ok_or(AuthError::RefreshTokenInvalid)?;
                Ok(self.grant(&ring, &account, successor))
            }
            Rotated::Reused => {
                metrics::counter!("auth_refresh_reuse_total").increment(1);
                tracing::warn!(session = %token.session(), "a spent refresh token was presented; its session is ended");
                Err(AuthError::RefreshTokenReused)
            }
            Rotated::Unknown => Err(AuthError::RefreshTokenInvalid),
        }
    }

    /// Ends the session of a refresh token. What is no token of ours has no session to end.
    pub async fn logout(&self, text: &str) -> Result<(), AuthError> {
        let Some(token) = self.0.keys.ring().refresh.read(text) else {
            return Ok(());
        };
        Ok(self.0.store.end_session(token.session(), &self.cause()).await?)
    }
}
