//! The SQL of both engines. It gets a connection, never begins and never commits.

use platform_events::Event;
use platform_sql::idempotency::{IdempotencyKey, Remembered, StoredAnswer};
use sqlx::Database;
use uuid::Uuid;

use super::{Db, engine};
use crate::shelf::{Goods, ShelfError};

pub(super) async fn put(connection: &mut <Db as Database>::Connection, goods: &Goods) -> Result<(), ShelfError> {
    let insert = sqlx::query("INSERT INTO shelf (id, label, on_hand) VALUES ($1, $2, $3)");
    let insert = insert.bind(goods.id).bind(&goods.label).bind(goods.on_hand);
    match insert.execute(connection).await.map_err(platform_sql::Error::from) {
        Err(error) if error.is_unique_violation("shelf_label", "shelf.label") => Err(ShelfError::LabelTaken),
        other => Ok(other.map(drop)?),
    }
}

pub(super) async fn find(
    connection: &mut <Db as Database>::Connection,
    id: Uuid,
) -> Result<Option<Goods>, platform_sql::Error> {
    let row = sqlx::query_as("SELECT id, label, on_hand FROM shelf WHERE id = $1");
    let row: Option<(Uuid, String, i64)> = row.bind(id).fetch_optional(connection).await?;
    Ok(row.map(|(id, label, on_hand)| Goods { id, label, on_hand }))
}

pub(super) async fn take(
    connection: &mut <Db as Database>::Connection,
    id: Uuid,
    quantity: i64,
    event: &Event,
) -> Result<i64, ShelfError> {
    let take =
        sqlx::query_scalar("UPDATE shelf SET on_hand = on_hand - $2 WHERE id = $1 AND on_hand >= $2 RETURNING on_hand");
    let left = take
        .bind(id)
        .bind(quantity)
        .fetch_optional(&mut *connection)
        .await
        .map_err(platform_sql::Error::from)?;
    let Some(left) = left else {
        return Err(ShelfError::NotEnough);
    };
    engine::outbox::append(connection, std::slice::from_ref(event)).await?;
    Ok(left)
}

pub(super) async fn take_for(
    connection: &mut <Db as Database>::Connection,
    consumer: &str,
    id: Uuid,
    event: &Event,
) -> Result<bool, ShelfError> {
    if !engine::inbox::first_time(connection, consumer, event.id, event.time).await? {
        return Ok(false);
    }
    take(connection, id, 1, event).await?;
    Ok(true)
}

pub(super) async fn press(
    connection: &mut <Db as Database>::Connection,
    key: &IdempotencyKey,
    id: Uuid,
    event: &Event,
) -> Result<Remembered, ShelfError> {
    let known = engine::idempotency::recall(connection, key, event.time).await?;
    if known != Remembered::Fresh {
        return Ok(known);
    }
    let left = take(connection, id, 1, event).await?;
    let answer = StoredAnswer {
        status: 200,
        headers: vec![("Location".to_owned(), format!("/shelf/{id}"))],
        body: left.to_string().into_bytes(),
    };
    engine::idempotency::remember(connection, key, &answer, event.time).await?;
    Ok(Remembered::Fresh)
}
