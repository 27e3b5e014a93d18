//! Whole catalogues.

use serde_json::Value;

use crate::visit::{Unmet, Visit};

/// A Shopify product export as merchants have it.
fn shopify(tag: &str) -> String {
    [
        "\u{feff}Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Image Src,Image Alt Text",
        "{tag}-tee,{tag} Tee,\"<p>Soft,\ntwo lines</p>\",Stoa,{tag}imported,\"cotton, summer\",true,Size,S,{tag}-TEE-S,150,shopify,4,deny,19.90,25.00,https://img.example/tee.jpg,front",
        "{tag}-tee,,,,,,,,M,{tag}-TEE-M,150,shopify,-2,deny,19.90,,https://img.example/tee-back.jpg,back",
        "{tag}-tee,,,,,,,,L,,150,,,deny,21.00,,,",
        "{tag}-tee,,,,,,,,,,,,,,,,https://img.example/tee-side.jpg,side",
        "{tag}-mug,{tag} Mug,,Stoa,{tag}imported,,false,Title,Default Title,'{tag}30235,300,shopify,7,continue,8,,,",
        "{tag}-bad,{tag} Bad,,Stoa,{tag}imported,,true,Title,Default Title,{tag}-BAD,1,shopify,7,deny,cheap,,,",
        "",
    ]
    .join("\r\n")
    .replace("{tag}", tag)
}

pub(super) async fn a_merchants_export_is_imported_once(visit: &Visit<'_>) -> Result<(), Unmet> {
    let tag = visit.shop.tag();
    let import = || {
        visit
            .post("/api/products/import")
            .admin()
            .body("text/csv", shopify(tag))
            .send()
    };
    let first = import().await?.expect(200)?;
    let first = first.has("/created", 4)?.has("/updated", 0)?.has("/failed", 1)?;
    visit.check(first.body["errors"][0]["line"] == 8, "the line of the wrong price")?;
    let again = import().await?.expect(200)?;
    again.has("/created", 0)?.has("/updated", 4)?.has("/failed", 1)?;

    let list = format!("/api/products?category={tag}imported&sort=price");
    let found = visit.get(&list).admin().send().await?.expect(200)?;
    let names = found.each("name");
    visit.check(names.len() == 4, format_args!("{names:?}"))?;
    let stocks = visit
        .get(&format!("/api/products?family={tag}-tee&sort=created_at"))
        .send()
        .await?;
    let stocks = stocks.expect(200)?.each("stock");
    let mut sorted: Vec<String> = stocks.iter().map(Value::to_string).collect();
    sorted.sort_unstable();
    visit.check(sorted == ["0", "4", "null"], format_args!("{stocks:?}"))
}

pub(super) async fn an_export_reads_back(visit: &Visit<'_>) -> Result<(), Unmet> {
    for format in ["text/csv", "application/x-ndjson"] {
        let export = || {
            visit
                .get("/api/products/export")
                .admin()
                .header("accept", format)
                .unrecorded()
                .send()
        };
        let before = export().await?.expect(200)?;
        let kind = before.header("content-type").to_owned();
        visit.check(kind.starts_with(format), format_args!("content-type: {kind}"))?;
        let import = visit
            .post("/api/products/import")
            .admin()
            .body(format, before.text.clone());
        let imported = import.unrecorded().send().await?.expect(200)?;
        imported.has("/created", 0)?.has("/failed", 0)?;
        let after = export().await?.expect(200)?;
        visit.check(after.text == before.text, format_args!("{format} is not what it was"))?;
    }
    Ok(())
}
