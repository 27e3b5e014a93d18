//! The public cache: what services in other processes answer to everybody, kept for a moment.
//!
//! Only routes whose policy says `cache: public`, only their GET, only answers of 200, and never for those who run the shop:
//! they see more. A service in this process keeps its own answers and is always asked.
//!
//! - *Fresh* for half a second, then for another half shown while it is asked for anew (stale-while-revalidate): what an answer
//!   says of stock is never older than a second.
//! - A thousand requests for what is not kept are one call (coalescing). It is made by a task of its own, so nobody's leaving
//!   ends it. What it answers other than 200 is for the one who asked first; the others ask for themselves.
//! - When the service fails, what was kept up to a minute ago is shown rather than nothing (stale-if-error).
//! - An event of a change, and a write that passes this gateway, end at once what was kept of that thing and of lists (see
//!   [`Freshness`]); an answer that was on its way meanwhile is not kept, and nobody who asks after the change gets it.
//!
//! An answer is the same with and without the cache, header by header. Bounded by its size in bytes. Metrics:
//! `gateway_cache_total` by `outcome` (`hit`, `revalidating`, `miss`, `coalesced`, `stale`), `gateway_cache_purges_total`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, Shared};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use http_body::Body as _;
use moka::future::Cache;
use platform_events::{Bus, BusError, Event, Freshness, Handler, HandlerError, Topics};
use platform_identity::VerifiedPrincipal;
use platform_runtime::context::RequestContext;
use platform_runtime::extract::{IfNoneMatch, etag};
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use crate::upstream::{Service, Upstreams};
use crate::way_back;

/// All that is kept.
const CAPACITY_BYTES: u64 = 64 * 1024 * 1024;
/// What is larger is passed on and not kept.
const MAX_BODY_BYTES: u64 = 8 * 1024 * 1024;
/// What the cache itself keeps beside an answer.
const OVERHEAD_BYTES: u32 = 1024;
/// How long an answer is shown without a thought.
const FRESH: Duration = Duration::from_millis(500);
/// How long it is shown at all, while its service answers.
const LIFETIME: Duration = Duration::from_secs(1);
/// How long it is shown when its service does not.
const STALE_IF_ERROR: Duration = Duration::from_mins(1);

/// Answers of services in other processes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PublicCache(Arc<Inner>);

struct Inner {
    kept: Cache<Arc<str>, Arc<Answer>>,
    filling: Mutex<HashMap<Arc<str>, Filling>>,
    freshness: Arc<Freshness>,
    upstreams: Arc<Upstreams>,
}

/// What a service said.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// When it was asked for.
    asked: Instant,
    /// What it was then.
    mark: u64,
}

/// A call that is under way.
#[derive(Clone)]
struct Filling {
    mark: u64,
    /// None: what came cannot be kept in memory, or the call broke off.
    answer: Shared<BoxFuture<'static, Option<Arc<Answer>>>>,
}

/// What an answer is about: its path and query, and the thing that the path ends with; without one it is a list.
#[derive(Clone, Copy)]
struct Subject<'a> {
    key: &'a str,
    thing: Option<Uuid>,
}

impl PublicCache {
    pub(crate) fn new(upstreams: Arc<Upstreams>) -> Self {
        let weigh = |key: &Arc<str>, answer: &Arc<Answer>| {
            let bytes = key.len().saturating_add(answer.body.len());
            u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(OVERHEAD_BYTES)
        };
        let kept = Cache::builder()
            .weigher(weigh)
            .max_capacity(CAPACITY_BYTES)
            .time_to_live(STALE_IF_ERROR);
        Self(Arc::new(Inner {
            kept: kept.build(),
            filling: Mutex::default(),
            freshness: Arc::default(),
            upstreams,
        }))
    }

    /// Ends what was kept when an event says that it changed, from now on.
    pub(crate) async fn follow(&self, bus: &dyn Bus) -> Result<(), BusError> {
        let topics = Topics::new(["product.*", "stock.changed"]);
        let purge = Arc::new(Purge(self.0.freshness.clone()));
        bus.subscribe_broadcast(topics, purge).await
    }

    /// To be held while a write passes: when it is dropped, what the path names is not shown any more as it was. Whether the
    /// write succeeded need not be known, nor whether its client waited for the answer.
    pub(crate) fn writing(&self, path: &str) -> Writing {
        Writing {
            freshness: self.0.freshness.clone(),
            thing: path.split('/').find_map(|segment| segment.parse().ok()),
        }
    }

    /// The answer to a GET, kept or asked for now. None: ask for yourself.
    pub(crate) async fn answer(&self, service: Service, parts: &Parts) -> Option<Response> {
        let key = parts.uri.path_and_query()?.as_str();
        let thing = parts.uri.path().rsplit('/').next().and_then(|last| last.parse().ok());
        let subject = Subject { key, thing };
        let kept = self.0.kept.get(key).await;
        let kept = kept.filter(|answer| answer.mark == self.mark(thing));
        let age = kept.as_ref().map_or(Duration::MAX, |answer| answer.asked.elapsed());
        if let Some(answer) = kept.as_ref().filter(|_| age < LIFETIME) {
            if age < FRESH {
                count("hit");
            } else {
                count("revalidating");
                self.fill(service, subject, parts);
            }
            return Some(answer.respond(&parts.headers));
        }

        let (filling, is_first) = self.fill(service, subject, parts);
        let filled = filling.answer.await;
        let failed = filled.as_ref().is_none_or(|answer| answer.status.is_server_error());
        if failed && let Some(answer) = kept.filter(|_| age < STALE_IF_ERROR) {
            count("stale");
            return Some(answer.respond(&parts.headers));
        }
        let filled = filled.filter(|answer| is_first || answer.status == StatusCode::OK);
        count(if is_first { "miss" } else { "coalesced" });
        filled.map(|answer| answer.respond(&parts.headers))
    }

    /// The call that is under way for this, or a new one; and whether it is new.
    fn fill(&self, service: Service, subject: Subject<'_>, parts: &Parts) -> (Filling, bool) {
        let Subject { key, thing } = subject;
        let mark = self.mark(thing);
        let mut filling = self.filling();
        if let Some(running) = filling.get(key).filter(|running| running.mark == mark) {
            return (running.clone(), false);
        }
        let (cache, key) = (self.clone(), Arc::<str>::from(key));
        let request = anonymous(parts);
        let call = {
            let key = key.clone();
            async move {
                let answer = cache.ask(service, request, mark).await;
                let is_news = cache.mark(thing) != mark;
                if let Some(answer) = answer
                    .as_ref()
                    .filter(|answer| answer.status == StatusCode::OK && !is_news)
                {
                    cache.0.kept.insert(key.clone(), answer.clone()).await;
                }
                let mut filling = cache.filling();
                if filling.get(&key).is_some_and(|running| running.mark == mark) {
                    filling.remove(&key);
                }
                answer
            }
        };
        let context = parts.extensions.get().cloned().unwrap_or_else(RequestContext::detached);
        let call = tokio::spawn(context.scope(call).in_current_span());
        let new = Filling {
            mark,
            answer: async move { call.await.ok().flatten() }.boxed().shared(),
        };
        filling.insert(key, new.clone());
        (new, true)
    }

    async fn ask(&self, service: Service, request: Request, mark: u64) -> Option<Arc<Answer>> {
        let asked = Instant::now();
        let mut response = self.0.upstreams.call(service, request).await;
        way_back::remove_internal(&mut response);
        let is_small = response.body().size_hint().lower() <= MAX_BODY_BYTES;
        let (head, body) = response.into_parts();
        let limit = usize::try_from(MAX_BODY_BYTES).unwrap_or(usize::MAX);
        let body = if is_small {
            to_bytes(body, limit).await.ok()?
        } else {
            return None;
        };
        let mut headers = head.headers;
        // Said anew by who sends it.
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::DATE);
        Some(Arc::new(Answer {
            status: head.status,
            headers,
            body,
            asked,
            mark,
        }))
    }

    fn mark(&self, thing: Option<Uuid>) -> u64 {
        let freshness = &self.0.freshness;
        thing.map_or_else(|| freshness.of_lists(), |id| freshness.of(id))
    }

    /// Nothing panics while it is held.
    fn filling(&self) -> MutexGuard<'_, HashMap<Arc<str>, Filling>> {
        self.0.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    fn respond(&self, wanted: &HeaderMap) -> Response {
        let whole = || {
            let mut response = Response::new(Body::from(self.body.clone()));
            *response.status_mut() = self.status;
            *response.headers_mut() = self.headers.clone();
            response
        };
        match self.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()) {
            Some(tag) if self.status == StatusCode::OK => {
                etag::conditional(&IfNoneMatch::of_headers(wanted), tag, whole)
            }
            _ => whole(),
        }
    }
}

/// The request as nobody in particular would make it, for the whole answer.
fn anonymous(parts: &Parts) -> Request {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = parts.uri.clone();
    *request.headers_mut() = parts.headers.clone();
    *request.extensions_mut() = parts.extensions.clone();
    request.extensions_mut().remove::<VerifiedPrincipal>();
    for name in [
        header::AUTHORIZATION,
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::RANGE,
    ] {
        request.headers_mut().remove(name);
    }
    request
}

fn count(outcome: &'static str) {
    metrics::counter!("gateway_cache_total", "outcome" => outcome).increment(1);
}

/// A write that passes.
pub(crate) struct Writing {
    freshness: Arc<Freshness>,
    thing: Option<Uuid>,
}

impl Drop for Writing {
    fn drop(&mut self) {
        metrics::counter!("gateway_cache_purges_total").increment(1);
        match self.thing {
            Some(id) => {
                self.freshness.touch(id);
                self.freshness.touch_lists();
            }
            None => self.freshness.touch_all(),
        }
    }
}

/// What events say.
struct Purge(Arc<Freshness>);

#[async_trait]
impl Handler for Purge {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let id: Uuid = event.subject.parse().map_err(|error| HandlerError::poison(&error))?;
        metrics::counter!("gateway_cache_purges_total").increment(1);
        self.0.touch(id);
        if event.topic() != "stock.changed" {
            self.0.touch_lists();
        }
        Ok(())
    }
}
