//! Lists: filters, sorts, pages, families, search.

use serde_json::{Value, json};

use crate::visit::{Reply, Unmet, Visit};

async fn list(visit: &Visit<'_>, query: &str) -> Result<Reply, Unmet> {
    visit.get(&format!("/api/products?{query}")).send().await?.expect(200)
}

fn skus(visit: &Visit<'_>, reply: &Reply) -> Vec<String> {
    let own = format!("{}-", visit.shop.tag());
    let of = |sku: &Value| sku.as_str().unwrap_or_default().trim_start_matches(&own).to_owned();
    reply.each("sku").iter().map(of).collect()
}

/// Holds a list to the skus it must have, in their order.
async fn finds(visit: &Visit<'_>, query: &str, expected: &[&str]) -> Result<(), Unmet> {
    let found = skus(visit, &list(visit, query).await?);
    visit.check(
        found == expected,
        format_args!("?{query} found {found:?}, not {expected:?}"),
    )
}

/// Six products of one category.
async fn stock_up(visit: &Visit<'_>, category: &str) -> Result<(), Unmet> {
    for (at, (sku, name, amount, stock)) in [
        ("A", "Zither", 300, json!(0)),
        ("B", "Élan vital", 100, json!(5)),
        ("C", "Banjo", 500, json!(null)),
        ("D", "anvil", 200, json!(1)),
        ("E", "Bagpipe", 100, json!(2)),
        ("F", "Straße", 400, json!(3)),
    ]
    .into_iter()
    .enumerate()
    {
        let tags = if at % 2 == 0 {
            json!([format!("{category} even")])
        } else {
            json!([])
        };
        let details = json!({
            "name": name, "price": {"amount": amount, "currency": "USD"}, "stock": stock,
            "category": category, "tags": tags,
        });
        visit
            .create_product(&format!("{category}-{sku}").replace(visit.shop.tag(), ""), details)
            .await?;
    }
    Ok(())
}

pub(super) async fn lists_have_filters_sorts_and_pages(visit: &Visit<'_>) -> Result<(), Unmet> {
    let category = format!("{}pages", visit.shop.tag());
    stock_up(visit, &category).await?;
    let of = |rest: &str| format!("category={category}{rest}");
    let named = |letters: &str| {
        letters
            .chars()
            .map(|letter| format!("pages-{letter}"))
            .collect::<Vec<_>>()
    };
    for (rest, expected) in [
        ("", "FEDCBA"),
        ("&sort=created_at", "ABCDEF"),
        ("&sort=name", "DECBFA"),
        ("&sort=-price", "CFADEB"),
        ("&in_stock=true", "FEDCB"),
        ("&min_price=200&max_price=400&sort=created_at", "ADF"),
        ("&currency=EUR&sort=price", ""),
    ] {
        let expected = named(expected);
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        finds(visit, &of(rest), &expected).await?;
    }
    let even = list(visit, &format!("tag={category}%20even&count=true&limit=1")).await?;
    visit.check(even.body["total"] == 3, "count=true counts all matches")?;

    // Every page, by two, forward to the end.
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = list(visit, &of(&format!("&sort=price&limit=2{cursor}"))).await?;
        seen.extend(skus(visit, &page));
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    visit.check(seen.len() == 6, format_args!("pages have {seen:?}"))?;
    for wrong in [
        "limit=0",
        "limit=101",
        "sort=colour",
        "min_price=x",
        "in_stock=maybe",
        "colour=red",
    ] {
        visit.get(&format!("/api/products?{wrong}")).send().await?.expect(422)?;
    }
    Ok(())
}

pub(super) async fn a_cursor_belongs_to_its_list(visit: &Visit<'_>) -> Result<(), Unmet> {
    let category = format!("{}cursors", visit.shop.tag());
    stock_up(visit, &category).await?;
    let page = list(visit, &format!("category={category}&limit=2")).await?;
    let cursor = page.text("/next_cursor")?;
    let ask = |query: String| visit.get(&format!("/api/products?{query}")).send();
    ask(format!("category={category}&sort=name&cursor={cursor}"))
        .await?
        .refused(422, "cursor_mismatch")?;
    ask(format!("tag=x&cursor={cursor}"))
        .await?
        .refused(422, "cursor_mismatch")?;
    ask("cursor=%21%21".to_owned()).await?.refused(422, "cursor_invalid")?;
    Ok(())
}

pub(super) async fn a_family_is_one_row(visit: &Visit<'_>) -> Result<(), Unmet> {
    let family = format!("{}-shirt", visit.shop.tag());
    let category = format!("{}families", visit.shop.tag());
    for (size, amount) in [("S", 1500), ("M", 1200), ("L", 1700)] {
        let details = json!({
            "family": family, "category": category, "options": {"Size": size},
            "price": {"amount": amount, "currency": "USD"},
        });
        visit.create_product(&format!("SHIRT-{size}"), details).await?;
    }
    visit.create_product("HAT", json!({"category": category})).await?;
    let rows = list(visit, &format!("category={category}&group=family")).await?;
    let items = rows.body["items"].as_array().cloned().unwrap_or_default();
    let shirt = items.iter().find(|item| item["family"] == family.as_str());
    let is_one_row =
        items.len() == 2 && shirt.is_some_and(|shirt| shirt["price_from"]["amount"] == 1200 && shirt["variants"] == 3);
    visit.check(is_one_row, format_args!("{}", rows.text))?;
    let members = list(visit, &format!("family={family}&sort=price")).await?;
    let names = skus(visit, &members);
    visit.check(names == ["SHIRT-M", "SHIRT-S", "SHIRT-L"], format_args!("{names:?}"))
}

pub(super) async fn a_search_finds_what_begins_so(visit: &Visit<'_>) -> Result<(), Unmet> {
    let tag = visit.shop.tag();
    for (sku, name, description) in [
        ("S1", format!("Crème brûlée dish {tag}"), "for two"),
        ("S2", format!("{tag} spoon"), "goes with a creme brulee"),
        ("S3", format!("Fork {tag}"), "three-pronged"),
    ] {
        visit
            .create_product(sku, json!({"name": name, "description": description}))
            .await?;
    }
    let query = |words: &str| format!("q={words}%20{tag}");
    finds(visit, &query("creme"), &["S1", "S2"]).await?;
    finds(visit, &query("CR%C3%88ME"), &["S1", "S2"]).await?;
    finds(visit, &format!("q={tag}%20pron"), &["S3"]).await?;
    finds(visit, &query("knife"), &[]).await?;
    finds(visit, &format!("q={tag}-s1"), &["S1"]).await?;
    for odd in [
        "%22",
        "*",
        "AND%20OR%20NOT",
        "%25",
        "a%3Ab",
        "%28",
        "'",
        "-",
        "%F0%9F%8D%B0",
    ] {
        // Any text is a valid query; what it finds depends on the letters of the tag.
        let asked = visit.get(&format!("/api/products?q={odd}&limit=1")).unrecorded();
        asked.send().await?.expect(200)?;
    }
    Ok(())
}
