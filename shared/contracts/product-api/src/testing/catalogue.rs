//! The suite of behaviours that every implementation of [`Products`] passes, a file per kind of call.
//!
//! A test of an implementation writes a [`ProductsBackend`] for it and expands
//! [`products_contract_suite!`](crate::products_contract_suite). To add a behaviour: a function in one of the files, and its
//! name in the macro; a test fails while the macro lacks it.

use std::sync::Arc;

use async_trait::async_trait;
use values::{Currency, Money, ProductId};

use crate::{Image, ListProducts, NewProduct, Options, ProductUpdate, Products, View};

pub mod changes;
pub mod listing;
pub mod reading;
pub mod writing;

/// An implementation under test, with what a test does behind its back. Each test gets an empty one of its own, whose
/// currency is the dollar.
#[async_trait]
pub trait ProductsBackend: Send + Sync {
    /// The implementation.
    fn products(&self) -> Arc<dyn Products>;

    /// As the admin's `set`: what can be bought from now on, or none for not counted.
    async fn set_stock(&self, id: ProductId, stock: Option<i64>);

    /// From now on nothing can be read or written any more.
    async fn break_down(&self);
}

/// Expands the contract suite of [`Products`]: a module with one test per behaviour.
///
/// The expression makes a [`ProductsBackend`] and may `.await`. The calling crate needs `tokio` with its macros.
#[macro_export]
macro_rules! products_contract_suite {
    ($module:ident, $backend:expr) => {
        $crate::products_contract_suite!(@expand $module, $backend,
            reading: [
                a_product_is_read_as_it_was_created,
                what_never_was_is_not_found,
                what_is_unpublished_is_for_admins_alone,
                those_of_many_that_there_are_are_found,
                nothing_is_found_of_nothing,
                a_hundred_are_found_in_one_go,
                a_catalogue_that_broke_down_answers_unavailable,
            ],
            writing: [
                creating_answers_every_field_as_it_was_given,
                the_least_product_has_nothing_but_what_it_needs,
                a_sku_is_taken_by_the_living,
                options_are_taken_within_their_family,
                updating_replaces_all_but_stock,
                updating_the_version_that_is_there_writes,
                updating_another_version_changes_nothing,
                updating_what_never_was_is_not_found,
                updating_to_what_is_taken_is_refused,
                deleting_hides_a_product_and_frees_its_sku,
                deleting_twice_is_not_found,
                deleting_another_version_changes_nothing,
            ],
            listing: [
                pages_of_every_order_make_up_the_whole,
                filters_narrow_each_other,
                an_order_is_kept_across_the_wire,
                words_are_searched,
                a_family_is_one_row,
                matches_are_counted_if_that_is_asked,
                an_admin_sees_what_is_unpublished,
                an_empty_page_is_a_page,
                an_unreadable_cursor_is_refused,
                a_cursor_of_another_list_is_refused,
                the_largest_page_arrives,
            ],
            changes: [
                every_write_is_a_change,
                changes_come_in_pages,
                an_unreadable_cursor_of_changes_is_refused,
                a_cursor_of_a_list_is_none_of_changes,
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
                    $crate::testing::catalogue::$file::$behaviour(&backend).await;
                })+
            })+
        }
    };
}

/// A price in dollars' cents.
fn usd(cents: i64) -> Money {
    Money::new(cents, Currency::USD).expect("a test's price is within bounds")
}

/// A simple product that is for sale, ten pieces at 19.99.
fn lamp(sku: &str) -> NewProduct {
    let details = ProductUpdate {
        sku: sku.to_owned().try_into().expect("a test's sku is one"),
        name: format!("Lamp {sku}"),
        description: String::new(),
        category: None,
        tags: Vec::new(),
        vendor: None,
        images: Vec::new(),
        family: None,
        options: Options::default(),
        price: usd(1999),
        compare_at_price: None,
        published: true,
        barcode: None,
        weight_grams: None,
    };
    NewProduct {
        details,
        stock: Some(10),
    }
}

/// A variant of a family.
fn variant(sku: &str, family: &str, size: &str) -> NewProduct {
    let mut new = lamp(sku);
    new.details.family = Some(family.to_owned());
    new.details.options = Options(vec![("Size".to_owned(), size.to_owned())]);
    new
}

/// A product with something in every field.
fn full(sku: &str) -> NewProduct {
    let mut new = lamp(sku);
    new.details = ProductUpdate {
        name: "Étagère \u{1f4a1} \"noir\"".to_owned(),
        description: "<p>two\nlines</p>".to_owned(),
        category: Some("Light".to_owned()),
        tags: vec!["new".to_owned(), "Éco".to_owned()],
        vendor: Some("Stoa".to_owned()),
        images: vec![
            Image {
                url: "https://example.org/1.png".to_owned(),
                alt: "front".to_owned(),
            },
            Image {
                url: "https://example.org/2.png".to_owned(),
                alt: String::new(),
            },
        ],
        family: Some("etagere".to_owned()),
        options: Options(vec![
            ("Size".to_owned(), "S".to_owned()),
            ("Color".to_owned(), "Navy".to_owned()),
        ]),
        compare_at_price: Some(usd(2999)),
        published: false,
        barcode: Some("4006381333931".to_owned()),
        weight_grams: Some(0),
        ..new.details
    };
    new
}

/// Everything, as the public sees it.
fn everything() -> ListProducts {
    ListProducts {
        view: View::Public,
        q: None,
        category: None,
        tag: None,
        family: None,
        min_price: None,
        max_price: None,
        currency: None,
        in_stock: false,
        group_by_family: false,
        sort: None,
        limit: 100,
        cursor: None,
        count: false,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_macro_names_every_behaviour() {
        let listed = include_str!("catalogue.rs");
        for source in [
            include_str!("catalogue/changes.rs"),
            include_str!("catalogue/listing.rs"),
            include_str!("catalogue/reading.rs"),
            include_str!("catalogue/writing.rs"),
        ] {
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
