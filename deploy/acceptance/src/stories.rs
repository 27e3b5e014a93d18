//! What is told to a shop.

mod accounts;
mod catalogue;
mod door;
mod imports;
mod lists;
mod orders;
mod races;
mod sessions;
mod stock;

use futures::future::BoxFuture;

use crate::visit::{Unmet, Visit};

/// A story.
pub type Story = for<'a> fn(&'a Visit<'a>) -> BoxFuture<'a, Result<(), Unmet>>;

/// A list of stories under their names.
macro_rules! stories {
    ($($module:ident::$name:ident),* $(,)?) => {
        /// Every story, in the order in which they are told.
        pub const ALL: &[(&str, Story)] = &[$(
            (stringify!($name), |visit| Box::pin($module::$name(visit))),
        )*];
    };
}

stories! {
    door::every_process_tells_of_its_health,
    door::the_api_documents_itself,
    door::what_does_not_exist_is_refused_in_one_form,
    door::what_can_be_read_in_two_ways_is_refused,
    door::a_body_is_held_to_its_form,
    door::nobody_is_whom_they_say_they_are_by_a_header,
    accounts::somebody_registers,
    accounts::several_faults_are_told_together,
    accounts::a_profile_is_its_owners,
    accounts::admins_see_all_users,
    sessions::an_unknown_address_is_refused_like_a_wrong_password,
    sessions::a_refresh_token_is_good_once,
    sessions::a_logout_ends_a_session,
    sessions::a_new_password_ends_other_sessions,
    catalogue::a_product_is_put_on_sale,
    catalogue::a_product_is_created_once_by_its_key,
    catalogue::a_stale_update_is_refused,
    catalogue::what_was_seen_is_not_sent_again,
    catalogue::a_deleted_product_frees_its_sku,
    catalogue::an_unpublished_product_is_an_admins_alone,
    catalogue::customers_do_not_change_the_catalogue,
    lists::lists_have_filters_sorts_and_pages,
    lists::a_family_is_one_row,
    lists::a_search_finds_what_begins_so,
    lists::a_cursor_belongs_to_its_list,
    stock::an_admin_changes_the_shelf,
    stock::a_change_of_stock_happens_once_by_its_key,
    imports::a_merchants_export_is_imported_once,
    imports::an_export_reads_back,
    orders::an_order_is_bought_and_repeated,
    orders::a_key_means_one_thing,
    orders::too_little_is_refused_for_ever,
    orders::what_is_not_for_sale_is_not_sold,
    orders::a_cancel_brings_the_goods_back_once,
    orders::somebody_elses_order_is_not_there,
    orders::a_history_has_pages,
    orders::a_quote_holds_nothing,
    orders::a_refused_order_stays_out_of_the_history,
    races::the_last_one_is_sold_once,
    races::opposite_orders_both_go_through,
    races::twins_buy_once,
}
