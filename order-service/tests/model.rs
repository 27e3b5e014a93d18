//! The checkout protocol as a model, visited whole by `stateright`: every request and reply lost, repeated, reordered
//! or late for ever, workers that stop at any point, and expiry, deadline, cancel and the admin at any time.
//!
//! It is a second telling of the protocol, apart from the service's code: it depends on `stateright` alone. The code
//! is held to the same rules by the crash and fault tests; the model says that the rules are the right ones, and the
//! mutants say that each of them is needed.
//!
//! # What is modelled
//! - [`order`]: the order row, its version, and what `advance` does next for the providers none, hold, one that finds a
//!   payment by the order's id, and one (Stripe's kind) that knows it by its own id alone.
//! - [`rows`]: placing with a key, cancel, every arrow as a compare-and-set with its outbox row.
//! - [`stock`]: reserve, confirm, release, return, sell, `sell(only_if_free)`, the sweep, the admin's changes; stock and
//!   reservation rows. [`payment`]: create, authorise, capture, void, refund, ask. [`locks`]: which rows a stock
//!   transaction locks, and in which order.
//! - [`world`]: two or three workers, each at a call, about to write, or idle, and all that was ever sent. A call that was
//!   sent may arrive at any later time, any number of times, with nobody to hear its answer; a worker may wait in vain.
//!   A frozen worker is one that is not scheduled; what it holds is as old as that.
//! - [`invariants`]: the numbered list that `stoa reconcile` checks, in every state. [`recovery`]: from every reachable
//!   state, with the faults over and all workers dead, one worker brings every order to rest, and the invariants that
//!   hold only at rest hold there. So no state is stuck.
//! - [`configurations`]: small shops, a race each, every one visited whole. [`mutants`]: each of the [`rules`] taken out
//!   once; the test fails if the checker does not find what breaks.
//!
//! # What is abstracted
//! - Time: a deadline or an expiry may strike at any moment, so no duration matters. Leases, back-off, attempts and
//!   the breaker are gone: a worker may take any open order at any time. No invariant needs the deadline; it is there
//!   because clients do not wait for ever.
//! - A transaction is one step (but see [`locks`]). The ledger is the sum of what changed `on_hand`; the request hash is
//!   left out, since an order's lines never change; a cancel's read and write are one step, as it repeats until they are.
//! - A total is 0, 1 or 2, a quantity 1. Overflow, currencies, names and an unknown product are tested with the code; here
//!   a product is refused when it is short or deleted.
//! - An answer belongs to its call, as over HTTP and gRPC; `old_answers` drops even that. A provider's replayed error
//!   is one whose call took effect; after one that did nothing the caller needs a new key.
//! - Not here: who is told what (statuses, 201 or 202), delivery of events, fulfilment, partial refunds.
//!
//! # How to read a counterexample
//! A failing test prints the shortest way from the first state, each step with the world after it:
//! ```text
//! without ReleaseLeavesTombstone: broken "4: cancelled, rejected or refunded means neither held nor sold" in 6 steps
//!   at first
//!       order 0 Pending v1, Absent; product 0: 0 of 1 reserved; ..
//!   Advance { worker: 0, order: 0, past_deadline: false }           worker 0 read the row and calls reserve
//!   Cancel { order: 0 }                                             the row is CANCELLING
//!   Advance { worker: 1, order: 0, past_deadline: false }           worker 1 calls release
//!   Answered { worker: 1, refused: false }                          it finds no row, and answers that it is released
//!   ArrivesUnheard { order: 0, request: Reserve, refused: false }   worker 0's call arrives at last, and holds
//!   Write { worker: 1 }                                             CANCELLED, with stock held for ever
//! ```
//! (The comments are not printed.) `cargo test -p order-service --test it model -- --nocapture` shows the like for every
//! mutant, and the number of states of every configuration.
//!
//! # How to add a rule
//! 1. Write the protocol with it, and a variant of [`rules::Rule`] that says what happens without it; ask
//!    `shop.holds(Rule::..)` at the one place that differs.
//! 2. Add a line to [`mutants`] that names the configuration and the invariant that breaks. It does not compile without.
//! 3. If the test says that the invariant still holds, the configurations cannot see the rule: widen one, or add one.
//!    Keep each under a few seconds; a new kind of fault is an [`shop::Event`], a new change of the admin a [`shop::Change`].

mod check;
mod configurations;
mod durable;
mod invariants;
mod locks;
mod message;
mod mutants;
mod order;
mod payment;
mod recovery;
mod rows;
mod rules;
mod shop;
mod stock;
mod world;
