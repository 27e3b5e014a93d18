//! A fake of the stock, and the suites of behaviours that every implementation of [`Stock`] and of
//! [`Products`](crate::Products) (see [`catalogue`]) passes.
//!
//! A test of a caller holds an [`InMemoryStock`] and a [`ManualClock`]: put products on its shelf, move the clock,
//! sweep, lose answers. A test of an implementation writes a [`StockBackend`] for it and expands
//! [`stock_contract_suite!`](crate::stock_contract_suite). To add a behaviour: a function in the file of its operation
//! under `contract/`, and its name in the macro; a test fails while the macro lacks it.

use std::sync::Arc;

use async_trait::async_trait;
use platform_clock::ManualClock;
use values::{Currency, Money, ProductId, Sku};

use crate::Stock;

pub mod catalogue;
pub mod contract;
mod in_memory;
mod in_memory_rules;

pub use in_memory::InMemoryStock;

/// How long goods are held: what every implementation promises.
pub const HELD_FOR: std::time::Duration = std::time::Duration::from_mins(15);

/// A product as a test puts it on the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShelfProduct {
    /// Its id.
    pub id: ProductId,
    /// Its sku.
    pub sku: Sku,
    /// Its name.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
    /// Whether it is for sale.
    pub published: bool,
    /// Whether it was deleted.
    pub deleted: bool,
}

impl ShelfProduct {
    /// A product for sale at a price in dollar cents, with a name and a sku made from its id.
    pub fn priced(id: ProductId, cents: i64) -> Self {
        let tail = id.to_string().split_off(24);
        Self {
            id,
            sku: Sku::try_from(format!("SKU-{tail}")).expect("letters, digits and hyphens are a sku"),
            name: format!("Product {tail}"),
            price: Money::new(cents, Currency::USD).expect("a test's price is within bounds"),
            published: true,
            deleted: false,
        }
    }
}

/// What is on the shelf of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shelf {
    /// Whether the product is counted.
    pub counted: bool,
    /// How many are there.
    pub on_hand: i64,
    /// How many of those are held.
    pub reserved: i64,
}

impl Shelf {
    /// A counted product's shelf.
    pub const fn counted(on_hand: i64, reserved: i64) -> Self {
        Self {
            counted: true,
            on_hand,
            reserved,
        }
    }
}

/// An implementation under test, with what a test does behind its back. Each test gets an empty one of its own.
#[async_trait]
pub trait StockBackend: Send + Sync {
    /// The implementation.
    fn stock(&self) -> Arc<dyn Stock>;

    /// The clock it goes by.
    fn clock(&self) -> &ManualClock;

    /// Creates a product with an uncounted shelf, or replaces all but its stock.
    async fn put(&self, product: &ShelfProduct);

    /// As the admin's `set`: what can be bought from now on, or none for not counted.
    async fn set_stock(&self, id: ProductId, stock: Option<i64>);

    /// What is on the shelf.
    async fn shelf(&self, id: ProductId) -> Shelf;

    /// Lets go of what was held for too long.
    async fn sweep(&self);

    /// From now on nothing can be read or written any more.
    async fn break_down(&self);
}

/// Expands the contract suite of [`Stock`]: a module with one test per behaviour.
///
/// ```ignore
/// product_api::stock_contract_suite!(in_memory, InMemoryStock::backend());
/// ```
/// The expression makes a [`StockBackend`] and may `.await`. The calling crate needs `tokio` with its macros.
#[macro_export]
macro_rules! stock_contract_suite {
    ($module:ident, $backend:expr) => {
        $crate::stock_contract_suite!(@expand $module, $backend,
            reserve: [
                reserving_holds_the_goods_and_answers_names_and_prices,
                reserving_again_answers_the_same_and_holds_once,
                reserving_again_answers_the_price_of_the_first_time,
                reserving_with_other_lines_is_refused,
                reserving_more_than_there_is_reserves_nothing,
                a_refusal_names_every_line_that_is_short_and_what_there_was,
                a_refusal_stays_the_answer_after_restocking,
                a_refusal_for_other_lines_is_refused,
                what_others_hold_cannot_be_reserved,
                an_unknown_product_is_refused_and_stored,
                an_unpublished_product_is_refused,
                a_deleted_product_is_refused,
                two_currencies_are_refused_and_stored,
                unknown_goods_are_named_before_short_ones,
                two_currencies_are_named_before_short_goods,
                an_uncounted_product_takes_part_with_its_price_alone,
                a_tombstone_matches_every_request,
                reserving_after_the_sale_answers_sold,
                reserving_after_the_return_answers_returned,
                a_hundred_lines_are_held_in_one_go,
            ],
            sell: [
                selling_takes_the_goods_off_the_shelf,
                selling_again_answers_the_same_and_sells_once,
                selling_again_answers_the_price_of_the_first_time,
                selling_with_other_lines_is_refused,
                selling_more_than_there_is_sells_nothing,
                selling_what_others_hold_is_refused,
                selling_what_cannot_be_bought_is_refused_and_stored,
                selling_what_is_held_confirms_it,
                selling_what_is_held_keeps_the_price_it_was_held_at,
                selling_after_release_answers_released,
                selling_after_expiry_answers_expired,
                selling_after_the_return_answers_returned,
                selling_after_a_refusal_answers_the_refusal,
                selling_uncounted_goods_leaves_the_shelf_alone,
                selling_only_if_free_sells_what_costs_nothing,
                selling_only_if_free_holds_what_has_a_price,
                selling_only_if_free_never_sells_what_is_held_at_a_price,
                selling_only_if_free_sells_what_is_held_for_nothing,
                selling_only_if_free_answers_what_was_sold,
                selling_only_if_free_is_refused_for_lack_of_stock,
            ],
            confirm: [
                confirming_turns_what_is_held_into_a_sale,
                confirming_again_is_fine_and_sells_once,
                confirming_what_was_never_held_is_gone,
                confirming_what_was_released_is_gone,
                confirming_what_expired_is_gone,
                confirming_what_was_refused_is_gone,
                confirming_what_was_returned_is_gone,
                confirming_goes_by_whether_the_line_was_counted_when_held,
                confirming_a_deleted_product_sells_it,
            ],
            release: [
                releasing_puts_back_what_was_held,
                releasing_again_is_fine_and_puts_back_once,
                releasing_nothing_writes_a_tombstone_that_no_reserve_gets_past,
                releasing_nothing_writes_a_tombstone_that_no_sale_gets_past,
                releasing_what_expired_is_fine,
                releasing_what_was_refused_is_fine_and_keeps_the_refusal,
                releasing_what_was_sold_is_too_late,
                releasing_what_was_returned_is_too_late,
                releasing_goes_by_whether_the_line_was_counted_when_held,
            ],
            return_goods: [
                returning_puts_back_what_was_sold,
                returning_again_is_fine_and_puts_back_once,
                returning_what_was_never_sold_is_a_fault,
                returning_a_confirmed_reservation_puts_it_back,
                returning_goes_by_whether_the_line_was_counted_when_sold,
                what_was_returned_can_be_sold_again,
            ],
            expire: [
                what_is_held_expires_after_fifteen_minutes,
                nothing_expires_before_its_time,
                what_was_sold_never_expires,
                what_was_sold_from_a_hold_never_expires,
                what_is_held_too_long_may_be_confirmed_until_it_is_swept,
                expiring_puts_back_once,
            ],
            reading: [
                reservations_are_paged_in_the_order_of_their_ids,
                reservations_show_every_state_with_its_lines,
                there_are_no_reservations_at_first,
                a_page_says_when_it_was_read,
                a_shelf_that_adds_up_has_no_faults,
                a_stock_that_broke_down_answers_unavailable,
            ],
            race: [
                the_last_piece_has_one_winner_among_many,
                twins_of_one_order_sell_once,
                opposite_orders_do_not_lock_each_other_out,
                confirm_release_and_expiry_race_and_one_wins,
                a_release_that_races_a_sale_agrees_with_it,
                a_busy_day_adds_up,
            ],
        );
    };
    (@expand $module:ident, $backend:expr, $($file:ident: [$($behaviour:ident),+ $(,)?]),+ $(,)?) => {
        #[allow(unused_imports, reason = "the backend may be named by a full path")]
        mod $module {
            use super::*;

            $(mod $file {
                use super::*;

                $(#[::tokio::test]
                async fn $behaviour() {
                    let backend = $backend;
                    $crate::testing::contract::$file::$behaviour(&backend).await;
                })+
            })+
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::stock_contract_suite!(in_memory, InMemoryStock::default());

    #[test]
    fn the_macro_names_every_behaviour() {
        let listed = include_str!("testing.rs");
        for source in contract::SOURCES {
            for line in source.lines() {
                let Some(signature) = line.strip_prefix("pub async fn ") else {
                    continue;
                };
                let (name, _) = signature.split_once('(').unwrap();
                assert!(listed.contains(&format!("{name},")), "{name} is not in the suite");
            }
        }
    }
}
