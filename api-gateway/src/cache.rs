//! The public cache: what services in other processes answer to everybody, kept for a moment.
//!
//! Only routes whose policy says `cache: public`, only GET and HEAD, only answers of 200 that name nobody, and never for those
//! who run the shop: they see more. A service in this process keeps its own answers and is always asked.
//!
//! - *Fresh* for four fifths of a second, then for the last fifth shown while it is asked for anew (stale-while-revalidate):
//!   what an answer says of stock is never older than a second.
//! - A thousand requests for what is not kept are one call (coalescing). It is made by a task of its own, so nobody's leaving
//!   ends it; with nothing of the request but its address, so nothing that one client says is in what others get; and given up
//!   when the route's time is over. What a service refuses is for the one who asked first; the others ask for themselves.
//! - When the service fails, or says nothing for two seconds, what was kept up to a minute ago is shown rather than nothing
//!   (stale-if-error).
//! - An event of a change, and a write that passes this gateway, end at once what was kept of that thing and of lists (see
//!   [`Freshness`](platform_events::Freshness)); an answer that was on its way meanwhile is not kept, and nobody who asks after
//!   the change gets it. Where an event is lost, or a write goes on after its answer was given up, the second ends it.
//!
//! An answer is the same with and without the cache, header by header. Bounded are its size in bytes and the calls under way.
//! Metrics: `gateway_cache_total` by `outcome` (`hit`, `revalidating`, `miss`, `coalesced`, `stale`),
//! `gateway_cache_purges_total`.

mod answer;
mod figures;
mod key;
mod purge;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures::future::{BoxFuture, FutureExt, Shared};
use http::request::Parts;
use moka::future::Cache;
use platform_events::{Bus, BusError};
use platform_runtime::context::RequestContext;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;
use uuid::Uuid;

use crate::upstream::remote::Repeat;
use crate::upstream::{Service, Upstreams};
use answer::Answer;
use figures::Figures;
pub(crate) use purge::Writing;
use purge::{Purge, Written};

/// All that is kept.
const CAPACITY_BYTES: u64 = 64 * 1024 * 1024;
/// How many calls are under way at most, those included that nobody waits for any more. Beyond it everybody asks for himself.
const MAX_CALLS: usize = 1024;
/// How long an answer is shown without a thought.
const FRESH: Duration = Duration::from_millis(800);
/// How long it is shown at all, while its service answers.
const LIFETIME: Duration = Duration::from_secs(1);
/// How long it is shown when its service does not.
const STALE_IF_ERROR: Duration = Duration::from_mins(1);
/// How long the service is waited for by somebody who could be shown that.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a call may take where no route says so.
const USUAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers of services in other processes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PublicCache(Arc<Inner>);

struct Inner {
    kept: Cache<Arc<str>, Arc<Answer>>,
    filling: Mutex<HashMap<Arc<str>, Filling>>,
    purge: Purge,
    figures: Figures,
    upstreams: Arc<Upstreams>,
}

/// A call that is under way.
#[derive(Clone)]
struct Filling {
    mark: u64,
    /// None: what came cannot be kept in memory, or the call broke off.
    answer: Shared<BoxFuture<'static, Option<Arc<Answer>>>>,
}

/// What an answer is about: the key of its address, and the thing that the path ends with; without one it is a list.
#[derive(Clone, Copy)]
struct Subject<'a> {
    key: &'a str,
    thing: Option<Uuid>,
}

impl PublicCache {
    pub(crate) fn new(upstreams: Arc<Upstreams>) -> Self {
        let weigh =
            |key: &Arc<str>, answer: &Arc<Answer>| u32::try_from(key.len() + answer.bytes()).unwrap_or(u32::MAX);
        let kept = Cache::builder()
            .weigher(weigh)
            .max_capacity(CAPACITY_BYTES)
            .time_to_live(STALE_IF_ERROR);
        Self(Arc::new(Inner {
            kept: kept.build(),
            filling: Mutex::default(),
            purge: Purge::default(),
            figures: Figures::default(),
            upstreams,
        }))
    }

    /// Ends what was kept when an event says that it changed, from now on.
    pub(crate) async fn follow(&self, bus: &dyn Bus) -> Result<(), BusError> {
        bus.subscribe_broadcast(Purge::topics(), Arc::new(self.0.purge.clone()))
            .await
    }

    /// To be held while a write passes: when it is dropped, what the path names is not shown any more as it was. Whether the
    /// write succeeded need not be known, nor whether its client waited for the answer. What is sent to a list, which has
    /// answers of its own, is added to it and changes nothing else.
    pub(crate) fn writing(&self, path: &str, is_of_list: bool) -> Writing {
        self.0.purge.writing(Written::of(path, is_of_list))
    }

    /// The answer to a GET or HEAD, kept or asked for now. None: ask for yourself.
    pub(crate) async fn answer(&self, service: Service, parts: &Parts) -> Option<Response> {
        let Inner { kept, figures, .. } = &*self.0;
        let key = key::of(&parts.uri)?;
        let thing = parts.uri.path().rsplit('/').next().and_then(|last| last.parse().ok());
        let subject = Subject { key: &key, thing };
        let kept = kept.get(&*key).await;
        let kept = kept.filter(|answer| answer.mark == self.mark(thing));
        let age = kept.as_ref().map_or(Duration::MAX, |answer| answer.asked.elapsed());
        if let Some(answer) = kept.as_ref().filter(|_| age < LIFETIME) {
            if age < FRESH {
                figures.hit.increment(1);
            } else {
                figures.revalidating.increment(1);
                self.fill(service, subject, parts);
            }
            return Some(answer.respond(parts));
        }

        let (filling, is_first) = self.fill(service, subject, parts)?;
        let kept = kept.filter(|_| age < STALE_IF_ERROR);
        let patience = if kept.is_some() { PATIENCE } else { Duration::MAX };
        let filled = timeout(patience, filling.answer).await.ok().flatten();
        let has_failed = filled.as_ref().is_none_or(|answer| answer.is_failure());
        if has_failed && let Some(answer) = kept {
            figures.stale.increment(1);
            return Some(answer.respond(parts));
        }
        let filled = filled.filter(|answer| answer.may_be_told(is_first));
        let outcome = if is_first { &figures.miss } else { &figures.coalesced };
        outcome.increment(1);
        filled.map(|answer| answer.respond(parts))
    }

    /// The call that is under way for this, or a new one; and whether it is new. None: there are too many.
    fn fill(&self, service: Service, subject: Subject<'_>, parts: &Parts) -> Option<(Filling, bool)> {
        let Subject { key, thing } = subject;
        let mark = self.mark(thing);
        let mut filling = self.filling();
        if let Some(running) = filling.get(key).filter(|running| running.mark == mark) {
            return Some((running.clone(), false));
        }
        if filling.len() >= MAX_CALLS {
            return None;
        }
        let context = parts.extensions.get().cloned().unwrap_or_else(RequestContext::detached);
        let call = Call {
            cache: self.clone(),
            key: Arc::from(key),
            thing,
            mark,
        };
        let key = call.key.clone();
        let call = call.run(service, anonymous(parts, &context), context.deadline());
        let call = tokio::spawn(context.scope(call).in_current_span());
        let new = Filling {
            mark,
            answer: async move { call.await.ok().flatten() }.boxed().shared(),
        };
        filling.insert(key, new.clone());
        Some((new, true))
    }

    fn mark(&self, thing: Option<Uuid>) -> u64 {
        let freshness = &self.0.purge.freshness;
        thing.map_or_else(|| freshness.of_lists(), |id| freshness.of(id))
    }

    /// Nothing panics while it is held.
    fn filling(&self) -> MutexGuard<'_, HashMap<Arc<str>, Filling>> {
        self.0.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a task works at that asks a service. However it ends, it does not count as under way any more.
struct Call {
    cache: PublicCache,
    key: Arc<str>,
    thing: Option<Uuid>,
    mark: u64,
}

impl Call {
    async fn run(self, service: Service, request: Request, deadline: Option<Instant>) -> Option<Arc<Answer>> {
        let asked = Instant::now();
        let asking = async {
            let response = self.cache.0.upstreams.call(service, request).await;
            Answer::read(response, asked, self.mark).await
        };
        let until = deadline.unwrap_or(asked + USUAL_TIMEOUT);
        let answer = Arc::new(timeout_at(until, asking).await.ok()??);
        let is_news = self.cache.mark(self.thing) != self.mark;
        if answer.is_for_all() && !is_news {
            self.cache.0.kept.insert(self.key.clone(), answer.clone()).await;
        }
        Some(answer)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut filling = self.cache.filling();
        if filling.get(&self.key).is_some_and(|running| running.mark == self.mark) {
            filling.remove(&self.key);
        }
    }
}

/// The request as nobody in particular would make it, for the whole answer. Headers of a client that are not part of the key
/// must not decide about what others get.
fn anonymous(parts: &Parts, context: &RequestContext) -> Request {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = parts.uri.clone();
    let extensions = request.extensions_mut();
    extensions.insert(context.clone());
    extensions.insert(parts.extensions.get::<Repeat>().copied().unwrap_or_default());
    request
}
