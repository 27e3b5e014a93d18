//! Lists and searches: the same on both engines, complete however they are paged, and without a sort or a scan.

use std::collections::HashSet;

use platform_sql::testing::TestDatabase;
use product_api::{Product, View};
use product_service::store::{BatchRow, Identity, ListQuery, Order, SearchTerms, Stores};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use values::{Currency, Money, Timestamp};

use crate::samples::{act, all, options, product, record, skus, usd};
use crate::store::open;

platform_sql::stores!(
    "product",
    open,
    [
        every_walk_through_pages_gives_the_whole_list,
        lists_are_in_the_order_asked_for,
        a_family_is_one_row_with_its_first_member,
        a_search_is_ranked_in_tiers,
        at_most_a_thousand_matches_are_ranked,
        any_text_is_a_search,
    ]
);

const ORDERS: [Order; 5] = [
    Order::Newest,
    Order::Oldest,
    Order::Cheapest,
    Order::Dearest,
    Order::Name,
];

/// A catalogue in which everything occurs, with many ties.
fn catalogue() -> Vec<Product> {
    let euro: Currency = "EUR".parse().unwrap();
    let words = ["Navy", "navy blue", "Café", "cafe", "Tube 26", "tubes", "Ünder", "Lamp"];
    let of = |n: usize, step: usize| words[n / step % words.len()];
    let made = (0..120).map(|n| {
        let family = (n % 3 == 0).then(|| format!("family-{}", n % 5));
        let price = if n % 11 == 0 {
            Money::new(500, euro).unwrap()
        } else {
            usd([999, 1999, 1999, 500][n % 4])
        };
        Product {
            name: format!("{} {}", of(n, 1), of(n, 3)),
            description: format!("<p>{} &amp; {}</p>", of(n, 5), of(n, 7)),
            category: [None, Some("Wheels".to_owned()), Some("Tools".to_owned())][n % 3].clone(),
            tags: ["new", "sale", "Été"]
                .iter()
                .take(n % 4)
                .map(|tag| (*tag).to_owned())
                .collect(),
            options: if family.is_some() {
                options(&[("N", &n.to_string())])
            } else {
                options(&[])
            },
            family,
            price,
            stock: [None, Some(0), Some(3)][n % 3],
            published: n % 7 != 0,
            // Ties: ten of a moment.
            created_at: Timestamp::from_micros(1_000_000 * i64::try_from(n / 10).unwrap()),
            ..product(&format!("SKU-{n:03}"), "x")
        }
    });
    made.collect()
}

async fn fill(stores: &Stores, products: &[Product]) {
    let rows = products.iter().map(|product| BatchRow {
        product: product.clone(),
        identity: Identity::Sku,
        fallback_skus: Vec::new(),
        unsaid: std::sync::Arc::default(),
        family: None,
        set_stock: false,
    });
    let rows: Vec<BatchRow> = rows.collect();
    for rows in rows.chunks(500) {
        stores.products.upsert_batch(rows.into(), act()).await.unwrap();
    }
}

/// Every order with every kind of filter and search, for both views.
fn queries() -> Vec<ListQuery> {
    let mut queries = Vec::new();
    for order in ORDERS {
        let plain = all(order);
        let category = Some("Wheels".to_owned());
        let tag = Some("sale".to_owned());
        let family = Some("family-0".to_owned());
        let price = (Some(600), Some(1_999));
        queries.push(plain.clone());
        queries.push(ListQuery {
            category: category.clone(),
            ..plain.clone()
        });
        queries.push(ListQuery {
            tag: tag.clone(),
            ..plain.clone()
        });
        queries.push(ListQuery {
            family: family.clone(),
            ..plain.clone()
        });
        queries.push(ListQuery {
            category,
            tag: tag.clone(),
            in_stock: true,
            ..plain.clone()
        });
        queries.push(ListQuery {
            family,
            tag,
            ..plain.clone()
        });
        queries.push(ListQuery {
            min_price: price.0,
            max_price: price.1,
            currency: Some(Currency::USD),
            ..plain
        });
    }
    let searches: Vec<ListQuery> = ["navy", "cafe", "tube", "sku 01", "sku-017"]
        .iter()
        .flat_map(|text| {
            let search = SearchTerms::of(text);
            [Order::Relevance, Order::Cheapest].map(|order| ListQuery {
                search: search.clone(),
                ..all(order)
            })
        })
        .collect();
    queries.extend(searches);
    let grouped = queries.clone().into_iter().map(|query| ListQuery {
        group_by_family: true,
        ..query
    });
    queries.extend(grouped.collect::<Vec<_>>());
    let admin = queries.clone().into_iter().map(|query| ListQuery {
        view: View::Admin,
        ..query
    });
    queries.extend(admin.collect::<Vec<_>>());
    queries
}

async fn every_walk_through_pages_gives_the_whole_list(stores: Stores) {
    fill(&stores, &catalogue()).await;
    for query in queries() {
        let whole = stores.products.list(&query).await.unwrap();
        assert_eq!(
            stores.products.count(&query).await.unwrap(),
            i64::try_from(whole.len()).unwrap(),
            "{query:?}"
        );
        let mut walked = Vec::new();
        let mut page = ListQuery {
            limit: 7,
            ..query.clone()
        };
        loop {
            let rows = stores.products.list(&page).await.unwrap();
            let Some(last) = rows.last() else { break };
            page.after = Some(last.place.clone());
            walked.extend(rows);
        }
        assert_eq!(walked, whole, "{query:?}");
    }
}

/// What a list must be, worked out from the products themselves.
fn expected(products: &[Product], query: &ListQuery) -> Vec<String> {
    let matches = |product: &&Product| {
        let price = product.price.amount();
        let in_currency = query
            .currency
            .is_none_or(|currency| currency == product.price.currency());
        (query.view == View::Admin || product.published)
            && query
                .category
                .as_ref()
                .is_none_or(|category| product.category.as_ref() == Some(category))
            && query.tag.as_ref().is_none_or(|tag| product.tags.contains(tag))
            && query
                .family
                .as_ref()
                .is_none_or(|family| product.family.as_ref() == Some(family))
            && query.min_price.is_none_or(|least| price >= least)
            && query.max_price.is_none_or(|most| price <= most)
            && (!query.in_stock || product.stock != Some(0))
            && in_currency
    };
    let mut found: Vec<&Product> = products.iter().filter(matches).collect();
    found.sort_by(|a, b| {
        let by_time = a.created_at.cmp(&b.created_at).then(a.id.cmp(&b.id));
        let by_price = a.price.amount().cmp(&b.price.amount()).then(a.id.cmp(&b.id));
        match query.order {
            Order::Newest | Order::Relevance => by_time.reverse(),
            Order::Oldest => by_time,
            Order::Cheapest => by_price,
            Order::Dearest => by_price.reverse(),
            Order::Name => record(a).name_key.cmp(&record(b).name_key).then(a.id.cmp(&b.id)),
        }
    });
    if query.group_by_family {
        let mut seen = HashSet::new();
        found.retain(|product| {
            let family = product.family.clone();
            family.is_none_or(|family| seen.insert(family))
        });
    }
    found.iter().map(|product| product.sku.to_string()).collect()
}

async fn lists_are_in_the_order_asked_for(stores: Stores) {
    let products = catalogue();
    fill(&stores, &products).await;
    for query in queries().into_iter().filter(|query| query.search.is_none()) {
        let rows = stores.products.list(&query).await.unwrap();
        assert_eq!(skus(&rows), expected(&products, &query), "{query:?}");
    }
}

async fn a_family_is_one_row_with_its_first_member(stores: Stores) {
    let member = |sku: &str, size: &str, price: i64, published: bool| Product {
        family: Some("shirt".to_owned()),
        options: options(&[("Size", size)]),
        price: usd(price),
        published,
        ..product(sku, "Shirt")
    };
    let products = [
        member("s", "S", 3_000, true),
        member("m", "M", 2_000, true),
        member("l", "L", 1_000, false),
        product("lamp", "Lamp"),
    ];
    fill(&stores, &products).await;
    for search in [None, SearchTerms::of("shirt")] {
        let query = ListQuery {
            group_by_family: true,
            search,
            ..all(Order::Dearest)
        };
        let rows = stores.products.list(&query).await.unwrap();
        assert_eq!((skus(&rows)[0], rows[0].group), ("s", Some((2_000, 2))));
        let rows = stores
            .products
            .list(&ListQuery {
                view: View::Admin,
                ..query
            })
            .await
            .unwrap();
        assert_eq!((skus(&rows)[0], rows[0].group), ("s", Some((1_000, 3))));
    }
    let rows = stores
        .products
        .list(&ListQuery {
            group_by_family: true,
            ..all(Order::Name)
        })
        .await
        .unwrap();
    assert_eq!((skus(&rows)[0], rows[0].group), ("lamp", Some((1_999, 1))));
}

async fn a_search_is_ranked_in_tiers(stores: Stores) {
    let described = Product {
        description: "a red bike".to_owned(),
        ..product("d", "Thing")
    };
    let products = [
        product("red bike", "Exact"),
        product("a", "Red bikes"),
        product("b", "A bike that is red, a bike"),
        described,
        product("c", "Blue bike"),
    ];
    fill(&stores, &products).await;
    let search = |text: &str| ListQuery {
        search: SearchTerms::of(text),
        ..all(Order::Relevance)
    };
    let rows = stores.products.list(&search("RED bike")).await.unwrap();
    assert_eq!(skus(&rows), ["red bike", "a", "b", "d"]);
    let rows = stores.products.list(&search("bik")).await.unwrap();
    assert_eq!(skus(&rows).len(), 5);
    assert!(
        stores.products.list(&search("bik red")).await.unwrap().is_empty(),
        "only the last word is a beginning"
    );
}

async fn at_most_a_thousand_matches_are_ranked(stores: Stores) {
    let old = Product {
        created_at: Timestamp::from_micros(1),
        ..product("lamp", "Lamp")
    };
    let mut products = vec![old, product("first", "Lamp")];
    products.extend((0..1_100).map(|n| product(&format!("n{n}"), "Lamp")));
    fill(&stores, &products).await;
    let query = ListQuery {
        search: SearchTerms::of("lamp"),
        ..all(Order::Relevance)
    };
    let rows = stores
        .products
        .list(&ListQuery {
            limit: 2_000,
            ..query.clone()
        })
        .await
        .unwrap();
    assert_eq!(
        (rows.len(), stores.products.count(&query).await.unwrap()),
        (1_000, 1_000)
    );
    assert_eq!(skus(&rows)[0], "lamp", "what has the sku is always among them");
    assert!(!skus(&rows).contains(&"first") && skus(&rows).contains(&"n1099"));
}

async fn any_text_is_a_search(stores: Stores) {
    fill(&stores, &catalogue()).await;
    let mut runner = TestRunner::default();
    for _ in 0..64 {
        let text = "\\PC{0,40}".new_tree(&mut runner).unwrap().current();
        if let Some(search) = SearchTerms::of(&text) {
            let query = ListQuery {
                search: Some(search),
                ..all(Order::Relevance)
            };
            stores.products.list(&query).await.unwrap();
        }
    }
}

/// Words that are alike, that are one another's beginnings, and that mean something to a query language.
fn text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "red",
        "Red",
        "re",
        "r",
        "bike",
        "bikes",
        "BIKE-1",
        "café",
        "cafe",
        "Caf\u{65}\u{301}",
        "AND",
        "OR",
        "NOT",
        "NEAR",
        "*",
        "'",
        "\"",
        "&",
        "|",
        "!",
        ":*",
        "%",
        "_",
        "x1",
        "1",
        "1x",
        "ß",
        "ﬁn",
        "fin",
        "ΟΔΟΣ",
        "οδός",
        "東京",
        "東",
    ]);
    let separator = prop::sample::select(vec![" ", "-", ", ", ""]);
    prop::collection::vec([word, separator], 1..5).prop_map(|parts| parts.concat().concat())
}

#[tokio::test]
async fn a_search_gives_the_same_on_both_engines_postgres() {
    let Some(server) = TestDatabase::postgres().await else {
        return;
    };
    let file = TestDatabase::sqlite();
    let postgres = open(server.open("product").await).await;
    let sqlite: Stores = open(file.open("product").await).await;
    let mut runner = TestRunner::default();
    let mut draw = move || text().new_tree(&mut runner).unwrap().current();
    let products: Vec<Product> = (0..300)
        .map(|n| {
            let name = draw();
            let name = if name.trim().is_empty() { "x".to_owned() } else { name };
            Product {
                description: draw(),
                ..product(&format!("{n}-{}", n % 7), &name)
            }
        })
        .collect();
    for stores in [&postgres, &sqlite] {
        fill(stores, &products).await;
    }
    let mut found = 0;
    for _ in 0..300 {
        let Some(search) = SearchTerms::of(&draw()) else {
            continue;
        };
        let query = ListQuery {
            search: Some(search),
            ..all(Order::Relevance)
        };
        let rows = postgres.products.list(&query).await.unwrap();
        let others = sqlite.products.list(&query).await.unwrap();
        assert_eq!(skus(&rows), skus(&others), "{query:?}");
        found += rows.len();
    }
    assert!(found > 300, "the texts hardly ever match");
}
