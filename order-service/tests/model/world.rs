//! The model: what survives, what is on its way, what each worker is at, and everything that can happen next.

use std::collections::BTreeSet;

use super::durable::Durable;
use super::message::{Answer, PaymentState, Request, Sent};
use super::order::{Driver, Row, Status, Step, Write};
use super::payment;
use super::shop::{Event, ORDERS, Shop, WORKERS};

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) durable: Durable,
    sent: [Sent; ORDERS],
    /// Every answer that was ever given; filled only where old answers may come back.
    heard: BTreeSet<(usize, Request, Answer)>,
    workers: [Worker; WORKERS],
}

/// One run of `advance`. A worker that is never scheduled again is a frozen or a dead one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Worker {
    Idle,
    Calling { order: usize, seen: Row, request: Request },
    Writing { order: usize, seen: Row, write: Write },
}

/// What can happen. Read a counterexample as a list of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// A client's request is committed as this order, or meets the one with its key.
    Place { order: usize },
    /// The same, but the process dies before the commit.
    PlaceAndDie { order: usize },
    /// A client cancels.
    Cancel { order: usize },
    /// A worker reads an open order and makes its first step.
    Advance {
        worker: usize,
        order: usize,
        past_deadline: bool,
    },
    /// The worker's call arrives and its answer comes back.
    Answered { worker: usize, refused: bool },
    /// The worker's call is answered with what was answered to the same call before.
    AnsweredFromThePast { worker: usize, answer: Answer },
    /// The worker's call is done, answered with a 500, and that 500 is what this call gets from now on.
    AnsweredWithAnErrorForEver { worker: usize },
    /// A call that was sent once arrives, late or again; nobody hears the answer.
    ArrivesUnheard {
        order: usize,
        request: Request,
        refused: bool,
    },
    /// The worker waited in vain, or died.
    NoAnswer { worker: usize },
    /// The worker writes what it decided.
    Write { worker: usize },
    /// The worker dies before it writes.
    DiesBeforeWriting { worker: usize },
    /// The sweep finds this order's reservation past its expiry.
    Expire { order: usize },
    /// The admin makes the shop's change of this number.
    Admin { change: usize },
}

impl Shop {
    pub(super) fn first_world(&self) -> World {
        let mut durable = Durable::at_first(self);
        if !self.has(Event::OneKey) {
            for order in self.order_ids() {
                durable.rows[order] = Some(Row::placed(self.provider));
                durable.named[order] = true;
            }
        }
        let idle = [Worker::Idle; WORKERS];
        World {
            durable,
            sent: [Sent::default(); ORDERS],
            heard: BTreeSet::new(),
            workers: idle,
        }
    }

    /// Everything that can happen in a world. What would change nothing may be among it.
    pub(super) fn choices(&self, world: &World, actions: &mut Vec<Action>) {
        for order in self.order_ids() {
            self.choices_of_order(world, order, actions);
        }
        for worker in 0..self.workers {
            self.choices_of_worker(world, worker, actions);
        }
        for change in 0..self.changes.len() {
            if world.durable.changes_made & (1 << change) == 0 {
                actions.push(Action::Admin { change });
            }
        }
    }

    fn choices_of_order(&self, world: &World, order: usize, actions: &mut Vec<Action>) {
        if self.has(Event::OneKey) && !world.durable.named[order] {
            actions.push(Action::Place { order });
            actions.push(Action::PlaceAndDie { order });
        }
        if self.has(Event::Cancel) {
            actions.push(Action::Cancel { order });
        }
        if self.has(Event::Expiry) {
            actions.push(Action::Expire { order });
        }
        for request in world.sent[order].requests() {
            actions.push(Action::ArrivesUnheard {
                order,
                request,
                refused: false,
            });
            if self.may_refuse(&world.durable, order, request) {
                actions.push(Action::ArrivesUnheard {
                    order,
                    request,
                    refused: true,
                });
            }
        }
    }

    fn choices_of_worker(&self, world: &World, worker: usize, actions: &mut Vec<Action>) {
        match world.workers[worker] {
            Worker::Idle => {
                for (order, row) in world.durable.rows.iter().enumerate() {
                    let Some(row) = row else { continue };
                    actions.push(Action::Advance {
                        worker,
                        order,
                        past_deadline: false,
                    });
                    if row.status == Status::Pending && self.has(Event::Deadline) {
                        actions.push(Action::Advance {
                            worker,
                            order,
                            past_deadline: true,
                        });
                    }
                }
            }
            Worker::Calling { order, request, .. } => {
                actions.push(Action::NoAnswer { worker });
                if !world.durable.replays_error(order, request) {
                    actions.push(Action::Answered { worker, refused: false });
                    if self.may_refuse(&world.durable, order, request) {
                        actions.push(Action::Answered { worker, refused: true });
                    }
                    if self.has(Event::ReplayedError) && payment::key_of(request).is_some() {
                        actions.push(Action::AnsweredWithAnErrorForEver { worker });
                    }
                }
                for &(of, call, answer) in &world.heard {
                    if of == order && call == request {
                        actions.push(Action::AnsweredFromThePast { worker, answer });
                    }
                }
            }
            Worker::Writing { .. } => {
                actions.push(Action::Write { worker });
                actions.push(Action::DiesBeforeWriting { worker });
            }
        }
    }

    fn may_refuse(&self, durable: &Durable, order: usize, request: Request) -> bool {
        let wanted = match request {
            Request::Authorise { .. } => self.has(Event::Decline),
            Request::Capture { .. } => self.has(Event::CaptureRefusal),
            _ => false,
        };
        wanted && durable.may_refuse(order, request)
    }

    /// What an action makes of a world.
    pub(super) fn after(&self, world: &World, action: Action) -> World {
        let mut next = world.clone();
        match action {
            Action::Place { order } => next.durable.place(self, order),
            Action::PlaceAndDie { order } => next.durable.place_and_die(self, order),
            Action::Cancel { order } => next.durable.cancel(self, order),
            Action::Expire { order } => next.durable.expire(self, order),
            Action::Admin { change } => {
                next.durable.admin(self, self.changes[change]);
                next.durable.changes_made |= 1 << change;
            }
            Action::ArrivesUnheard {
                order,
                request,
                refused,
            } => {
                next.arrives(self, order, request, refused);
            }
            Action::Advance {
                worker,
                order,
                past_deadline,
            } => next.advance(self, worker, order, past_deadline),
            Action::Write { worker } => next.commit(self, worker),
            Action::DiesBeforeWriting { worker } => next.workers[worker] = Worker::Idle,
            Action::Answered { worker, .. }
            | Action::AnsweredFromThePast { worker, .. }
            | Action::AnsweredWithAnErrorForEver { worker }
            | Action::NoAnswer { worker } => next.end_call(self, worker, action),
        }
        next
    }

    /// How a worker drives a row.
    pub(super) fn driver(&self, durable: &Durable, row: &Row, worker: usize) -> Driver<'_> {
        let old_version = worker == 1 && self.has(Event::OldVersion);
        Driver {
            shop: self,
            provider: durable.provider_of(self, row),
            old_version,
        }
    }

    /// A call reaches its receiver.
    pub(super) fn call(&self, durable: &mut Durable, order: usize, request: Request, refused: bool) -> Answer {
        match request {
            Request::Reserve
            | Request::Confirm
            | Request::Release
            | Request::Return
            | Request::Sell
            | Request::SellIfFree => durable.stock_call(self, order, request),
            _ => durable.payment_call(self, order, request, refused),
        }
    }
}

impl World {
    /// A world in one line, for a counterexample: rows, reservations, payments, shelves and workers.
    pub(super) fn summary(&self, shop: &Shop) -> String {
        let mut parts = Vec::new();
        for order in shop.order_ids() {
            let row = self.durable.rows[order].map(|row| format!("{:?} v{}", row.status, row.version));
            let row = row.unwrap_or_else(|| "not placed".to_owned());
            parts.push(format!(
                "order {order} {row}, {:?}",
                self.durable.reservations[order].state
            ));
            for (id, payment) in self.durable.payments[order].iter().enumerate() {
                if payment.state != PaymentState::Absent {
                    parts.push(format!("payment {id} {:?}", payment.state));
                }
            }
        }
        for (index, product) in self.durable.products.iter().enumerate() {
            parts.push(format!(
                "product {index}: {} of {} reserved",
                product.reserved, product.on_hand
            ));
        }
        for (worker, state) in self.workers.iter().enumerate() {
            match state {
                Worker::Idle => {}
                Worker::Calling { request, .. } => parts.push(format!("worker {worker} waits for {request:?}")),
                Worker::Writing { write, .. } => {
                    parts.push(format!("worker {worker} is about to write {:?}", write.to));
                }
            }
        }
        parts.join("; ")
    }

    /// Whether an order is in this state.
    pub(super) fn any_is(&self, status: Status) -> bool {
        self.durable.rows.iter().flatten().any(|row| row.status == status)
    }

    fn advance(&mut self, shop: &Shop, worker: usize, order: usize, past_deadline: bool) {
        let Some(row) = self.durable.rows[order] else { return };
        let step = shop.driver(&self.durable, &row, worker).start(&row, past_deadline);
        self.proceed(worker, order, row, step);
    }

    fn arrives(&mut self, shop: &Shop, order: usize, request: Request, refused: bool) -> Answer {
        let answer = shop.call(&mut self.durable, order, request, refused);
        if shop.has(Event::OldAnswer) {
            self.heard.insert((order, request, answer));
        }
        answer
    }

    fn end_call(&mut self, shop: &Shop, worker: usize, action: Action) {
        let Worker::Calling { order, seen, request } = self.workers[worker] else {
            return;
        };
        let answer = match action {
            Action::Answered { refused, .. } => Some(self.arrives(shop, order, request, refused)),
            Action::AnsweredFromThePast { answer, .. } => Some(answer),
            Action::AnsweredWithAnErrorForEver { .. } => {
                self.arrives(shop, order, request, false);
                self.durable.replay_error(order, request);
                None
            }
            _ => None,
        };
        let driver = shop.driver(&self.durable, &seen, worker);
        let step = match answer {
            Some(answer) => driver.next(&seen, request, answer),
            None => driver.unknown(&seen),
        };
        self.proceed(worker, order, seen, step);
    }

    fn proceed(&mut self, worker: usize, order: usize, seen: Row, step: Step) {
        self.workers[worker] = match step {
            Step::Call(request) => {
                self.sent[order].add(request);
                Worker::Calling { order, seen, request }
            }
            Step::Write(write) => Worker::Writing { order, seen, write },
            Step::Stop => Worker::Idle,
        };
    }

    fn commit(&mut self, shop: &Shop, worker: usize) {
        let Worker::Writing { order, seen, write } = self.workers[worker] else {
            return;
        };
        self.durable.write(shop, order, &seen, write);
        self.workers[worker] = Worker::Idle;
    }
}
