//! Pages of a search: at most the first 1,000 matches, ranked in tiers that are computed in the same way everywhere.
//!
//! Which 1,000: those whose sku is what was searched for, then the newest. Tiers: 0 the sku, 1 the start of the name,
//! 2 in the name, 3 the rest. Words are letters and digits alone, so they mean nothing to LIKE.

use product_api::View;
use sqlx::QueryBuilder;

use super::list::{Keys, PRODUCT, push_after, push_filters, push_order, push_order_columns};
use super::rows::{COLUMNS, JOIN_STOCK};
use super::{Db, SEARCH, SEARCH_PLACE, push_match};
use crate::store::ListQuery;
use crate::text::Terms;

/// A product without a family is alone.
const FAMILY: &str = "PARTITION BY r.family, CASE WHEN r.family IS NULL THEN r.seq END";

const RANKED: Keys = Keys {
    created: "r.created_at",
    currency: "r.currency",
    price: "r.price",
    name: "r.name_key",
    tier: "r.tier",
    id: "r.id",
};

pub(super) fn page(query: &ListQuery, terms: &Terms) -> QueryBuilder<Db> {
    let mut sql = QueryBuilder::new("WITH ");
    push_matches(&mut sql, query, terms);
    push_ranked(&mut sql, query, terms);
    sql.push(" SELECT ").push(COLUMNS).push(", p.name_key, r.tier");
    if query.group_by_family {
        sql.push(", r.price_from, r.variants");
    }
    sql.push(" FROM (SELECT * FROM ranked r WHERE r.place = 1");
    if let Some(place) = &query.after {
        sql.push(" AND ");
        push_after(&mut sql, RANKED, query.order, place);
    }
    push_order(&mut sql, RANKED, query.order);
    sql.push(" LIMIT ").push_bind(i64::from(query.limit));
    sql.push(") AS r CROSS JOIN products p")
        .push(JOIN_STOCK)
        .push(" WHERE p.seq = r.seq");
    push_order(&mut sql, RANKED, query.order);
    sql
}

pub(super) fn push_count(sql: &mut QueryBuilder<Db>, query: &ListQuery, terms: &Terms) {
    sql.push("WITH ");
    push_matches(sql, query, terms);
    if !query.group_by_family {
        sql.push(" SELECT COUNT(*) FROM matches");
        return;
    }
    push_ranked(sql, query, terms);
    sql.push(" SELECT COUNT(*) FROM ranked r WHERE r.place = 1");
}

/// `matches(seq)`: which products take part.
fn push_matches(sql: &mut QueryBuilder<Db>, query: &ListQuery, terms: &Terms) {
    sql.push("newest AS (SELECT p.seq FROM ").push(SEARCH);
    push_stock_if_needed(sql, query);
    sql.push(" WHERE ");
    push_match(sql, terms);
    push_visible(sql, query);
    sql.push(format_args!(
        " ORDER BY {SEARCH_PLACE} DESC LIMIT 1000), exact AS (SELECT p.seq FROM products p"
    ));
    push_stock_if_needed(sql, query);
    sql.push(" WHERE p.sku_key = ").push_bind(terms.key.clone());
    push_visible(sql, query);
    sql.push(
        " ORDER BY p.seq DESC LIMIT 1000),
        found AS (SELECT seq, 0 AS late FROM exact UNION ALL SELECT seq, 1 AS late FROM newest),
        matches AS (SELECT seq FROM found GROUP BY seq ORDER BY MIN(late), seq DESC LIMIT 1000)",
    );
}

fn push_stock_if_needed(sql: &mut QueryBuilder<Db>, query: &ListQuery) {
    if query.in_stock {
        sql.push(JOIN_STOCK);
    }
}

fn push_visible(sql: &mut QueryBuilder<Db>, query: &ListQuery) {
    sql.push(" AND p.deleted_at IS NULL");
    if query.view == View::Public {
        sql.push(" AND p.published = TRUE");
    }
    push_filters(sql, query, "p", "s", PRODUCT, query.tag.as_deref());
}

/// `ranked`: the matches with their tier and, where rows are grouped, their place in the family.
fn push_ranked(sql: &mut QueryBuilder<Db>, query: &ListQuery, terms: &Terms) {
    sql.push(
        ", tiered AS (SELECT p.seq, p.id, p.created_at, p.currency, p.price, p.name_key, p.family, CAST(CASE
             WHEN p.sku_key = ",
    );
    sql.push_bind(terms.key.clone()).push(" THEN 0 WHEN p.name_key LIKE ");
    sql.push_bind(format!("{}%", terms.key)).push(" THEN 1 WHEN ");
    for word in &terms.whole {
        sql.push("' ' || p.name_key || ' ' LIKE ")
            .push_bind(format!("% {word} %"))
            .push(" AND ");
    }
    sql.push("' ' || p.name_key LIKE ")
        .push_bind(format!("% {}%", terms.prefix));
    sql.push(" THEN 2 ELSE 3 END AS BIGINT) AS tier FROM matches CROSS JOIN products p WHERE p.seq = matches.seq)");
    if !query.group_by_family {
        sql.push(", ranked AS (SELECT r.*, 1 AS place FROM tiered r)");
        return;
    }
    sql.push(format_args!(
        ", ranked AS (SELECT r.*, ROW_NUMBER() OVER ({FAMILY} ORDER BY "
    ));
    push_order_columns(sql, RANKED, query.order);
    sql.push(format_args!(
        ") AS place, MIN(r.price) OVER ({FAMILY}, r.currency) AS price_from, COUNT(*) OVER ({FAMILY}) AS variants
         FROM tiered r)"
    ));
}
