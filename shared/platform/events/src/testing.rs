//! What every bus must do: [`bus_contract!`](crate::bus_contract!) expands the functions of [`contract`] for one.

pub mod contract;
mod fakes;

pub use fakes::{Behaviour, InMemoryOutbox, Recorder, event};

/// Runs the contract suite against a bus: `bus_contract!(make)`, where `make` is an `async fn() -> Option<impl Bus>` whose
/// durable subscriptions try an event three times and then give it up, with pauses of milliseconds. None: it cannot run
/// here, and has said so.
#[macro_export]
macro_rules! bus_contract {
    ($make:ident) => {
        $crate::bus_contract!($make, [
            a_durable_subscriber_gets_its_topics_in_order,
            two_durable_subscribers_both_get_every_event,
            an_event_that_fails_for_a_while_is_tried_again_and_overtaken_by_none,
            poison_becomes_a_dead_letter_at_once_and_the_next_event_follows,
            an_event_that_always_fails_becomes_a_dead_letter_after_bounded_attempts,
            a_panic_is_a_failure_like_another,
            a_subscriber_that_is_stuck_holds_up_no_other,
            a_broadcast_subscriber_that_is_stuck_slows_no_publisher,
            every_broadcast_subscriber_gets_what_comes_from_now_on,
            a_batch_is_published_whole,
            the_name_of_a_durable_subscription_is_taken_once,
            a_name_that_is_not_of_service_and_purpose_is_refused,
            a_bus_that_works_says_so,
        ]);
    };
    ($make:ident, [$($test:ident),+ $(,)?]) => {
        $(#[tokio::test]
        async fn $test() {
            let Some(bus) = $make().await else { return };
            let bus: std::sync::Arc<dyn $crate::Bus> = std::sync::Arc::new(bus);
            $crate::testing::contract::$test(bus).await;
        })+
    };
}
