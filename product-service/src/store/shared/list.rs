//! Pages of the catalogue, each found through one index: a page costs the same wherever it lies.
//!
//! The public list is one range of one index. An admin's is two of them, published and not, merged. A list by tag is
//! driven by `product_tags`, which has a copy of what lists are sorted by; every other one by `products`.

use platform_sql::Error;
use product_api::View;
use sqlx::{QueryBuilder, Row as _};

use super::rows::{self, COLUMNS, JOIN_STOCK, Row};
use super::{Connection, Db, search};
use crate::store::{ListQuery, Listed, Order, Place};

/// The columns that lists are sorted by, as a source of rows has them.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub(super) created: &'static str,
    pub(super) currency: &'static str,
    pub(super) price: &'static str,
    pub(super) name: &'static str,
    pub(super) tier: &'static str,
    pub(super) id: &'static str,
}

pub(super) const PRODUCT: Keys = Keys {
    created: "p.created_at",
    currency: "p.currency",
    price: "p.price",
    name: "p.name_key",
    tier: "",
    id: "p.id",
};

const TAG: Keys = Keys {
    created: "d.created_at",
    currency: "d.currency",
    price: "d.price",
    name: "d.name_key",
    tier: "",
    id: "d.product_id",
};

const MEMBER: Keys = Keys {
    created: "m.created_at",
    currency: "m.currency",
    price: "m.price",
    name: "m.name_key",
    tier: "",
    id: "m.id",
};

const PAGE: Keys = Keys {
    created: "created_at",
    currency: "currency",
    price: "price",
    name: "name_key",
    tier: "tier",
    id: "id",
};

/// The rows of a page in order.
pub(super) async fn list(connection: &mut Connection, query: &ListQuery) -> Result<Vec<Listed>, Error> {
    let mut sql = match &query.search {
        Some(terms) => search::page(query, &terms.0),
        None => page(query),
    };
    let found = sql.build().fetch_all(connection).await?;
    found.iter().map(|row| listed(row, query)).collect()
}

/// How many rows the pages have in all.
pub(super) async fn count(connection: &mut Connection, query: &ListQuery) -> Result<i64, Error> {
    let mut sql = QueryBuilder::new("");
    if let Some(terms) = &query.search {
        search::push_count(&mut sql, query, &terms.0);
    } else {
        sql.push("SELECT COUNT(*) FROM ");
        push_source(&mut sql, query);
        sql.push(" WHERE ");
        push_matching(&mut sql, query, None);
        if query.group_by_family {
            push_first_of_family(&mut sql, query);
        }
    }
    Ok(sql.build_query_scalar().fetch_one(connection).await?)
}

fn page(query: &ListQuery) -> QueryBuilder<Db> {
    let mut sql = QueryBuilder::new("");
    if query.view == View::Public {
        push_range(&mut sql, query, true);
        return sql;
    }
    sql.push("SELECT * FROM (");
    push_range(&mut sql, query, true);
    sql.push(") AS shown UNION ALL SELECT * FROM (");
    push_range(&mut sql, query, false);
    sql.push(") AS hidden");
    push_order(&mut sql, PAGE, query.order);
    sql.push(" LIMIT ").push_bind(i64::from(query.limit));
    sql
}

/// One range of one index.
fn push_range(sql: &mut QueryBuilder<Db>, query: &ListQuery, published: bool) {
    let keys = keys_of(query);
    sql.push("SELECT ").push(COLUMNS).push(", p.name_key");
    if query.group_by_family {
        push_family_columns(sql, query);
    }
    sql.push(" FROM ");
    push_source(sql, query);
    sql.push(" WHERE ");
    push_matching(sql, query, Some(published));
    if query.group_by_family {
        push_first_of_family(sql, query);
    }
    if let Some(place) = &query.after {
        sql.push(" AND ");
        push_after(sql, keys, query.order, place);
    }
    push_order(sql, keys, query.order);
    sql.push(" LIMIT ").push_bind(i64::from(query.limit));
}

/// The tag that drives the query. A family is the narrower range, so with one the tag is only looked up.
fn driving_tag(query: &ListQuery) -> Option<&str> {
    query.tag.as_deref().filter(|_| query.family.is_none())
}

fn keys_of(query: &ListQuery) -> Keys {
    if driving_tag(query).is_some() { TAG } else { PRODUCT }
}

fn push_source(sql: &mut QueryBuilder<Db>, query: &ListQuery) {
    // To SQLite CROSS JOIN says which table drives.
    let source = if driving_tag(query).is_some() {
        "product_tags d CROSS JOIN products p"
    } else {
        "products p"
    };
    sql.push(source).push(JOIN_STOCK);
}

/// What the view and the filters leave; `published` restricts it to one kind.
fn push_matching(sql: &mut QueryBuilder<Db>, query: &ListQuery, published: Option<bool>) {
    let published = published.or((query.view == View::Public).then_some(true));
    sql.push("p.deleted_at IS NULL");
    if let Some(tag) = driving_tag(query) {
        sql.push(" AND p.id = d.product_id AND d.tag = ")
            .push_bind(tag.to_owned());
        push_published(sql, " AND d.published = ", published);
        push_filters(sql, query, "p", "s", TAG, None);
    } else {
        push_published(sql, " AND p.published = ", published);
        push_filters(sql, query, "p", "s", PRODUCT, query.tag.as_deref());
    }
}

/// Literally, so that the planner of a prepared statement sees it.
fn push_published(sql: &mut QueryBuilder<Db>, condition: &str, published: Option<bool>) {
    if let Some(published) = published {
        sql.push(condition).push(if published { "TRUE" } else { "FALSE" });
    }
}

/// The filters on a product and its stock.
pub(super) fn push_filters(
    sql: &mut QueryBuilder<Db>,
    query: &ListQuery,
    product: &str,
    stock: &str,
    keys: Keys,
    tag: Option<&str>,
) {
    if let Some(category) = &query.category {
        sql.push(format_args!(" AND {product}.category = "))
            .push_bind(category.clone());
    }
    if let Some(family) = &query.family {
        sql.push(format_args!(" AND {product}.family = "))
            .push_bind(family.clone());
    }
    if let Some(currency) = query.currency {
        sql.push(format_args!(" AND {} = ", keys.currency))
            .push_bind(currency.code());
    }
    if let Some(least) = query.min_price {
        sql.push(format_args!(" AND {} >= ", keys.price)).push_bind(least);
    }
    if let Some(most) = query.max_price {
        sql.push(format_args!(" AND {} <= ", keys.price)).push_bind(most);
    }
    if let Some(tag) = tag {
        sql.push(format_args!(
            " AND EXISTS (SELECT 1 FROM product_tags t WHERE t.published = {product}.published
                 AND t.created_at = {product}.created_at AND t.product_id = {product}.id AND t.tag = "
        ));
        sql.push_bind(tag.to_owned()).push(")");
    }
    if query.in_stock {
        sql.push(format_args!(
            " AND ({stock}.counted = FALSE OR {stock}.on_hand > {stock}.reserved)"
        ));
    }
}

/// Members of the product's family that match, as `m`.
fn push_members(sql: &mut QueryBuilder<Db>, query: &ListQuery) {
    sql.push("products m");
    if query.in_stock {
        sql.push(" LEFT JOIN stock n ON n.product_id = m.id AND n.location = 'main'");
    }
    sql.push(" WHERE m.family = p.family AND m.deleted_at IS NULL");
    push_published(sql, " AND m.published = ", (query.view == View::Public).then_some(true));
    push_filters(sql, query, "m", "n", MEMBER, query.tag.as_deref());
}

fn push_family_columns(sql: &mut QueryBuilder<Db>, query: &ListQuery) {
    sql.push(", (SELECT MIN(m.price) FROM ");
    push_members(sql, query);
    sql.push(" AND m.currency = p.currency) AS price_from, (SELECT COUNT(*) FROM ");
    push_members(sql, query);
    sql.push(") AS variants");
}

/// Leaves out who is not the first of its family in the order.
fn push_first_of_family(sql: &mut QueryBuilder<Db>, query: &ListQuery) {
    sql.push(" AND (p.family IS NULL OR NOT EXISTS (SELECT 1 FROM ");
    push_members(sql, query);
    let (member, product) = (sort_column(MEMBER, query.order), sort_column(PRODUCT, query.order));
    let later = sign_of_later(query.order);
    sql.push(format_args!(" AND ({product}, p.id) {later} ({member}, m.id)))"));
}

/// What a family's members are compared by, beside their id; a search compares by itself.
fn sort_column(keys: Keys, order: Order) -> &'static str {
    match order {
        Order::Newest | Order::Oldest | Order::Relevance => keys.created,
        Order::Cheapest | Order::Dearest => keys.price,
        Order::Name => keys.name,
    }
}

fn sign_of_later(order: Order) -> &'static str {
    match order {
        Order::Oldest | Order::Cheapest | Order::Name => ">",
        Order::Newest | Order::Dearest | Order::Relevance => "<",
    }
}

/// The order itself, ties broken by id. Of relevance the tiers rise and the rest falls.
pub(super) fn push_order(sql: &mut QueryBuilder<Db>, keys: Keys, order: Order) {
    sql.push(" ORDER BY ");
    push_order_columns(sql, keys, order);
}

pub(super) fn push_order_columns(sql: &mut QueryBuilder<Db>, keys: Keys, order: Order) {
    let Keys {
        created,
        price,
        name,
        tier,
        id,
        ..
    } = keys;
    match order {
        Order::Newest => sql.push(format_args!("{created} DESC, {id} DESC")),
        Order::Oldest => sql.push(format_args!("{created}, {id}")),
        Order::Cheapest => sql.push(format_args!("{price}, {id}")),
        Order::Dearest => sql.push(format_args!("{price} DESC, {id} DESC")),
        Order::Name => sql.push(format_args!("{name}, {id}")),
        Order::Relevance => sql.push(format_args!("{tier}, {created} DESC, {id} DESC")),
    };
}

/// What comes after a place in the order.
pub(super) fn push_after(sql: &mut QueryBuilder<Db>, keys: Keys, order: Order, place: &Place) {
    let sign = sign_of_later(order);
    match place {
        Place::Time(at, id) => push_pair(sql, (keys.created, keys.id), sign, *at, *id),
        Place::Price(price, id) => push_pair(sql, (keys.price, keys.id), sign, *price, *id),
        Place::Name(name, id) => {
            sql.push(format_args!("({}, {}) {sign} (", keys.name, keys.id));
            sql.push_bind(name.clone()).push(", ").push_bind(*id).push(")");
        }
        Place::Tier(tier, at, id) => {
            sql.push(format_args!("({} > ", keys.tier)).push_bind(*tier);
            sql.push(format_args!(" OR ({} = ", keys.tier)).push_bind(*tier);
            sql.push(" AND ");
            push_pair(sql, (keys.created, keys.id), "<", *at, *id);
            sql.push("))");
        }
    }
}

fn push_pair(sql: &mut QueryBuilder<Db>, (column, id_column): (&str, &str), sign: &str, value: i64, id: uuid::Uuid) {
    sql.push(format_args!("({column}, {id_column}) {sign} ("));
    sql.push_bind(value).push(", ").push_bind(id).push(")");
}

/// After the columns of a product: its name's key or, in a search, its tier; then those of its family.
fn listed(row: &Row, query: &ListQuery) -> Result<Listed, Error> {
    let product = rows::product(row)?;
    let id = product.id.as_uuid();
    let place = match query.order {
        Order::Newest | Order::Oldest => Place::Time(product.created_at.as_micros(), id),
        Order::Cheapest | Order::Dearest => Place::Price(product.price.amount(), id),
        Order::Name => Place::Name(row.try_get("name_key")?, id),
        Order::Relevance => Place::Tier(row.try_get("tier")?, product.created_at.as_micros(), id),
    };
    let group = if query.group_by_family && product.family.is_some() {
        Some((row.try_get("price_from")?, row.try_get("variants")?))
    } else if query.group_by_family {
        Some((product.price.amount(), 1))
    } else {
        None
    };
    Ok(Listed { product, place, group })
}
