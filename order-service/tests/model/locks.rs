//! The rows that a stock transaction locks, one at a time. In [`super::world`] a transaction is one step; here is why
//! two of them never wait for each other: reservation rows first, sorted by order, then stock rows, sorted by product.

use stateright::{Checker, Model, Property};

const NO_DEADLOCK: &str = "while a transaction is open, one can go on";

/// A row that a transaction locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Reservation(u8),
    Stock(u8),
}

/// An order in a transaction, with its lines as they were given.
type Lines = (u8, &'static [u8]);

/// In which order a transaction takes its locks; each switch is one rule.
#[derive(Clone, Copy)]
struct Sorting {
    orders_sorted: bool,
    products_sorted: bool,
    reservations_first: bool,
}

const RULES: Sorting = Sorting {
    orders_sorted: true,
    products_sorted: true,
    reservations_first: true,
};

impl Sorting {
    fn locks(self, batch: &[Lines]) -> Vec<Row> {
        let mut orders = batch.to_vec();
        if self.orders_sorted {
            orders.sort_by_key(|(order, _)| *order);
        }
        let stock = |products: &[u8]| {
            let mut products = products.to_vec();
            if self.products_sorted {
                products.sort_unstable();
            }
            products.into_iter().map(Row::Stock)
        };
        let mut locks = Vec::new();
        if self.reservations_first {
            locks.extend(orders.iter().map(|(order, _)| Row::Reservation(*order)));
            let lines: Vec<u8> = orders
                .iter()
                .flat_map(|(_, products)| products.iter().copied())
                .collect();
            locks.extend(stock(&lines));
        } else {
            for (order, products) in orders {
                locks.push(Row::Reservation(order));
                locks.extend(stock(products));
            }
        }
        locks
    }
}

/// Two transactions. A state counts the locks that each has taken; one more than all of them: committed.
struct TwoTransactions {
    locks: [Vec<Row>; 2],
}

impl TwoTransactions {
    fn is_committed(&self, taken: [usize; 2], transaction: usize) -> bool {
        taken[transaction] > self.locks[transaction].len()
    }

    fn can_go_on(&self, taken: [usize; 2], transaction: usize) -> bool {
        let other = 1 - transaction;
        let Some(wanted) = self.locks[transaction].get(taken[transaction]) else {
            return !self.is_committed(taken, transaction);
        };
        self.is_committed(taken, other) || !self.locks[other][..taken[other]].contains(wanted)
    }
}

impl Model for TwoTransactions {
    type State = [usize; 2];
    type Action = usize;

    fn init_states(&self) -> Vec<[usize; 2]> {
        vec![[0, 0]]
    }

    fn actions(&self, taken: &[usize; 2], actions: &mut Vec<usize>) {
        actions.extend((0..2).filter(|&transaction| self.can_go_on(*taken, transaction)));
    }

    fn next_state(&self, taken: &[usize; 2], transaction: usize) -> Option<[usize; 2]> {
        let mut next = *taken;
        next[transaction] += 1;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<TwoTransactions>> {
        vec![Property::always(
            NO_DEADLOCK,
            |model: &TwoTransactions, taken: &[usize; 2]| {
                let both = [0, 1];
                both.iter().all(|&one| model.is_committed(*taken, one))
                    || both.iter().any(|&one| model.can_go_on(*taken, one))
            },
        )]
    }
}

fn deadlocks(sorting: Sorting, batches: [&[Lines]; 2]) -> bool {
    let model = TwoTransactions {
        locks: batches.map(|batch| sorting.locks(batch)),
    };
    model.checker().spawn_bfs().join().discovery(NO_DEADLOCK).is_some()
}

const OPPOSITE: [&[Lines]; 2] = [&[(0, &[0, 1])], &[(1, &[1, 0])]];
const OPPOSITE_BATCHES: [&[Lines]; 2] = [&[(0, &[0]), (1, &[1])], &[(1, &[1]), (0, &[0])]];
const BATCH_AND_ORDER: [&[Lines]; 2] = [&[(0, &[1]), (1, &[0])], &[(1, &[0, 1])]];

#[test]
fn sorted_locks_never_deadlock() {
    for batches in [OPPOSITE, OPPOSITE_BATCHES, BATCH_AND_ORDER] {
        assert!(!deadlocks(RULES, batches));
    }
}

#[test]
fn products_locked_as_given_deadlock() {
    assert!(deadlocks(
        Sorting {
            products_sorted: false,
            ..RULES
        },
        OPPOSITE
    ));
}

#[test]
fn orders_locked_as_given_deadlock() {
    assert!(deadlocks(
        Sorting {
            orders_sorted: false,
            ..RULES
        },
        OPPOSITE_BATCHES
    ));
}

#[test]
fn stock_locked_before_the_next_reservation_deadlocks() {
    assert!(deadlocks(
        Sorting {
            reservations_first: false,
            ..RULES
        },
        BATCH_AND_ORDER
    ));
}
