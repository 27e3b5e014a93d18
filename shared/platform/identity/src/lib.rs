//! Who is asking: claims, verification, keys and revocations, the same in every process.
//!
//! auth-service signs [`Claims`]; everybody else holds a [`Verifier`] and learns a [`Principal`] from it. The gateway
//! verifies a token and hands the result on inside the process as a [`VerifiedPrincipal`] request extension, which no
//! client can forge because extensions do not cross a wire; a service that finds none verifies the bearer token itself.
//!
//! Start reading at [`Verifier::verify`]. To add a claim: a field of [`Claims`], optional for one release.
//! Feature `testing` has an issuer of tokens for tests.

mod claims;
mod keys;
mod principal;
mod revocations;
#[cfg(feature = "testing")]
pub mod testing;
mod verifier;

pub use claims::{ACCESS_TOKEN_TYPE, Claims};
pub use keys::{JwksError, JwksSource, Keys};
pub use principal::{Principal, Role, Roles, Subject, VerifiedPrincipal};
pub use revocations::Revocations;
pub use verifier::{Audience, TokenError, Verifier};

/// The key set document (RFC 7517) as it travels.
pub use jsonwebtoken::jwk::JwkSet;
