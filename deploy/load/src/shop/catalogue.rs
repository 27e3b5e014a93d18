//! The preparation's products: made one by one or by import, and read back.

use std::ops::Range;

use anyhow::{Context, Result, ensure};
use http::StatusCode;
use serde_json::Value;

use super::{JSON, Wanted, admin_token};
use crate::client::{Client, Target, Template};
use crate::shape::{NewProduct, Shape};

const IMPORT_CHUNK: usize = 20_000;

/// Creates the products one by one, or finds them there.
pub(super) async fn create(client: &mut Client, target: &Target, wanted: &Wanted) -> Result<()> {
    let token = admin_token(client, target, wanted).await?;
    let creating = Template::post(target, Shape::Stoa.products_path(), JSON, "")?.bearer(&token)?;
    for index in 0..wanted.products {
        let body = NewProduct {
            index,
            stock: wanted.stock,
        }
        .body()
        .to_string();
        let (status, answer) = client.json(creating.with_body(body.into())).await?;
        let is_there = status == StatusCode::CONFLICT && answer["code"] == "sku_taken";
        ensure!(
            status == StatusCode::CREATED || is_there,
            "creating a product answered {status}: {answer}"
        );
    }
    Ok(())
}

/// Creates these products, or finds them there, in requests of some thousand lines.
pub async fn import(target: &Target, wanted: &Wanted, products: Range<usize>) -> Result<()> {
    import_as(target, wanted, products, NewProduct::body).await
}

/// As [`import`], each product written by `body`.
pub async fn import_as(
    target: &Target,
    wanted: &Wanted,
    products: Range<usize>,
    body: impl Fn(&NewProduct) -> Value,
) -> Result<()> {
    let mut client = Client::new(target);
    let path = format!("{}/import", Shape::Stoa.products_path());
    let mut from = products.start;
    while from < products.end {
        let to = products.end.min(from + IMPORT_CHUNK);
        let mut lines = Vec::new();
        for index in from..to {
            serde_json::to_writer(
                &mut lines,
                &body(&NewProduct {
                    index,
                    stock: wanted.stock,
                }),
            )?;
            lines.push(b'\n');
        }
        // A token a request: a million lines outlive one token.
        let token = admin_token(&mut client, target, wanted).await?;
        let request = Template::post(target, &path, "application/x-ndjson", lines)?
            .bearer(&token)?
            .request();
        let (status, answer) = client.json(request).await?;
        ensure!(
            status == StatusCode::OK && answer["failed"] == 0,
            "import answered {status}: {answer}"
        );
        from = to;
    }
    Ok(())
}

/// Up to `limit` ids of products of the shop's list, a hundred at a time.
pub async fn product_ids(target: &Target, shape: Shape, limit: usize) -> Result<Vec<String>> {
    Ok(walk(&mut Client::new(target), target, shape, 100, limit)
        .await?
        .product_ids)
}

/// What a walk over the list has seen.
pub(super) struct Walked {
    pub(super) product_ids: Vec<String>,
    pub(super) page_paths: Vec<String>,
}

/// Walks the list until it has seen `limit` products.
pub(super) async fn walk(
    client: &mut Client,
    target: &Target,
    shape: Shape,
    page: usize,
    limit: usize,
) -> Result<Walked> {
    let mut walked = Walked {
        product_ids: Vec::new(),
        page_paths: Vec::new(),
    };
    let mut cursor = None;
    while walked.product_ids.len() < limit {
        let path = shape.page_path(page, cursor.as_deref(), walked.product_ids.len());
        let (status, answer) = client.json(Template::get(target, &path)?.request()).await?;
        ensure!(status == StatusCode::OK, "{path} answered {status}: {answer}");
        let items = answer["items"].as_array().context("a list has items")?;
        if items.is_empty() {
            break;
        }
        for item in items {
            walked
                .product_ids
                .push(shape.id_of(item).context("a product has an id")?);
        }
        walked.page_paths.push(path);
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        if shape == Shape::Stoa && cursor.is_none() {
            break;
        }
    }
    Ok(walked)
}
