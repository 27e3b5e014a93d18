//! What a list is asked with and what it answers.

use product_api::{Product, View};
use uuid::Uuid;
use values::Currency;

use crate::text::Terms;

/// Filters, order and place of a page; everything is resolved, nothing is checked any more.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Whose eyes.
    pub view: View,
    /// What is searched for.
    pub search: Option<SearchTerms>,
    /// Exactly this category.
    pub category: Option<String>,
    /// Has this tag.
    pub tag: Option<String>,
    /// A variant of this family.
    pub family: Option<String>,
    /// Minor units, inclusive.
    pub min_price: Option<i64>,
    /// Minor units, inclusive.
    pub max_price: Option<i64>,
    /// The currency of price filters and price orders; none where there are none.
    pub currency: Option<Currency>,
    /// Above zero or not counted.
    pub in_stock: bool,
    /// One row a family.
    pub group_by_family: bool,
    /// The order; [`Order::Relevance`] only with a search.
    pub order: Order,
    /// Where the page before ended.
    pub after: Option<Place>,
    /// At most so many rows.
    pub limit: u32,
}

/// The words of a search, made of any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchTerms(pub(crate) Terms);

impl SearchTerms {
    /// `None` for a text without a word, which nothing matches.
    pub fn of(text: &str) -> Option<Self> {
        Terms::of(text).map(Self)
    }
}

/// The order of a list; ties are broken by id, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Newest first.
    Newest,
    /// Oldest first.
    Oldest,
    /// Cheapest first.
    Cheapest,
    /// Dearest first.
    Dearest,
    /// By the key of the name.
    Name,
    /// By tier, then newest first.
    Relevance,
}

/// The last row of a page, in terms of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In an order by time.
    Time(i64, Uuid),
    /// In an order by price.
    Price(i64, Uuid),
    /// In the order of names.
    Name(String, Uuid),
    /// In the order of relevance: tier, time.
    Tier(i64, i64, Uuid),
}

/// A row of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The product; of a family the first in the order asked for.
    pub product: Product,
    /// Its place.
    pub place: Place,
    /// The lowest price and the number of matching members; only where rows are grouped.
    pub group: Option<(i64, i64)>,
}
