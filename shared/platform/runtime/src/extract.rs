//! What handlers take from a request, with refusals in our own form.
//!
//! They carry the names of axum's, so that utoipa recognises them; import them from here and not from axum.

mod accept;
mod body;
mod caller;
pub mod etag;
mod idempotency;
mod json;
mod path;
mod query;

pub use accept::Accept;
pub use body::{body_refusal, read_body};
pub use caller::Caller;
pub use etag::{IfMatch, IfNoneMatch};
pub use idempotency::IdempotencyKey;
pub use json::Json;
pub use path::Path;
pub use query::Query;
