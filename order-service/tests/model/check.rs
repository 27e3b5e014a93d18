//! Running the model: a shop as a `stateright` model, checked whole, or until a mutant is found out.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model, Path, Property};

use super::durable::Durable;
use super::invariants;
use super::order::Status;
use super::rules::{Rule, Rules};
use super::shop::Shop;
use super::world::{Action, World};

pub(super) const RECOVERS: &str = "9: with the faults over every order comes to rest as it should";

/// A mutant may have no end of states. It is found out long before this many, or it is not.
const MUTANT_STATES: usize = 2_000_000;

/// A shop under check.
pub(super) struct Checked {
    pub(super) shop: Shop,
    /// What was found to recover: many worlds differ only in what is on its way.
    recovering: Mutex<HashSet<Durable>>,
    /// The properties that were found broken.
    broken: Mutex<BTreeSet<&'static str>>,
}

impl Checked {
    fn new(shop: Shop) -> Checked {
        Checked {
            shop,
            recovering: Mutex::default(),
            broken: Mutex::default(),
        }
    }

    /// Reports a property as broken once. The search is breadth first, so the first counterexample is a shortest one,
    /// but stateright keeps the last that it finds in a block of work.
    pub(super) fn judge(&self, name: &'static str, holds: bool) -> bool {
        holds || !self.broken.lock().expect("no checker thread panicked").insert(name)
    }

    fn recovers(&self, durable: &Durable) -> bool {
        let mut known = self.recovering.lock().expect("no checker thread panicked");
        if known.contains(durable) {
            return true;
        }
        let recovers = self.shop.recovers(durable);
        if recovers {
            known.insert(*durable);
        }
        recovers
    }
}

impl Model for Checked {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.shop.first_world()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.shop.choices(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let next = self.shop.after(world, action);
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Checked>> {
        let mut properties = invariants::always();
        properties.push(Property::always(RECOVERS, |checked: &Checked, world: &World| {
            checked.judge(RECOVERS, checked.recovers(&world.durable))
        }));
        properties.extend(self.shop.ends.iter().map(|&status| reaches(status)));
        properties
    }
}

/// That an order can get into a state at all.
fn reaches(status: Status) -> Property<Checked> {
    match status {
        Status::Paid => Property::sometimes("an order gets PAID", |_, world: &World| world.any_is(Status::Paid)),
        Status::Rejected => Property::sometimes("an order gets REJECTED", |_, world: &World| {
            world.any_is(Status::Rejected)
        }),
        Status::Cancelled => Property::sometimes("an order gets CANCELLED", |_, world: &World| {
            world.any_is(Status::Cancelled)
        }),
        Status::Refunded => Property::sometimes("an order gets REFUNDED", |_, world: &World| {
            world.any_is(Status::Refunded)
        }),
        other => unreachable!("{other:?} is no end"),
    }
}

/// Visits every reachable world of a shop and tells how many. Fails with a shortest way to the first violation.
pub(super) fn assert_sound(name: &str, shop: Shop) -> String {
    let started = Instant::now();
    let checker = Checked::new(shop)
        .checker()
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let effort = effort(&checker, started);
    for property in checker.model().properties() {
        let found = checker.discovery(property.name);
        match (property.expectation, found) {
            (Expectation::Sometimes, None) => panic!("{name}: never \"{}\"", property.name),
            (Expectation::Always, Some(path)) => {
                panic!(
                    "{name}: broken \"{}\"{}",
                    property.name,
                    explain(&checker.model().shop, path)
                )
            }
            _ => {}
        }
    }
    format!("{name}: {effort}")
}

/// Takes one rule out of a shop and tells how this invariant breaks. Fails if it does not.
pub(super) fn assert_needed(shop: &Shop, rule: Rule, invariant: &'static str) -> String {
    let mutant = Shop {
        rules: Rules::without(rule),
        ..shop.clone()
    };
    let until = HasDiscoveries::AnyOf(BTreeSet::from([invariant]));
    let started = Instant::now();
    let checker = Checked::new(mutant)
        .checker()
        .finish_when(until)
        .target_state_count(MUTANT_STATES)
        .spawn_bfs()
        .join();
    let Some(path) = checker.discovery(invariant) else {
        let broken: Vec<_> = checker.discoveries().into_keys().collect();
        panic!("without {rule:?} \"{invariant}\" still holds; found: {broken:?}");
    };
    let explained = explain(&checker.model().shop, path);
    let effort = effort(&checker, started);
    format!("without {rule:?}: broken \"{invariant}\" ({effort}){explained}")
}

fn effort(checker: &impl Checker<Checked>, started: Instant) -> String {
    let (states, steps) = (checker.unique_state_count(), checker.state_count());
    format!(
        "{states} states, {steps} steps, depth {}, {:.1} s",
        checker.max_depth(),
        started.elapsed().as_secs_f32()
    )
}

/// Each step of a counterexample, and what the world looked like after it.
fn explain(shop: &Shop, path: Path<World, Action>) -> String {
    let steps = path.into_vec();
    let mut text = format!(" in {} steps", steps.len() - 1);
    let mut done = None;
    for (world, next) in &steps {
        let step = done.map_or_else(|| "at first".to_owned(), |action| format!("{action:?}"));
        write!(text, "\n  {step}\n      {}", world.summary(shop)).expect("a String takes all");
        done = *next;
    }
    text
}
