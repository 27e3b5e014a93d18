//! A schema moves from a file to a server while it is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use platform_clock::{Clock, SystemClock};
use platform_sql::handover::{Derived, Handed, Handover, HandoverError, Owners, finish, take_back};
use platform_sql::testing::TestDatabase;
use platform_sql::{Database, Error, Migrations, OwnerError, PgDatabase, PostgresConfig, Schema, SqliteDatabase};
use sqlx::{AssertSqlSafe, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

const SCHEMA: Schema = Schema {
    service: "attic",
    sqlite: Migrations::new(&[(
        "0001_create",
        "CREATE TABLE room (name TEXT NOT NULL PRIMARY KEY) STRICT;
         CREATE TABLE thing (number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, label TEXT NOT NULL,
             is_new INTEGER NOT NULL, hash BLOB, room TEXT REFERENCES room (name)) STRICT;
         CREATE UNIQUE INDEX thing_label ON thing (label);
         CREATE TABLE part (thing BLOB NOT NULL REFERENCES thing (id) ON DELETE CASCADE, name TEXT NOT NULL,
             pieces INTEGER, PRIMARY KEY (thing, name)) STRICT, WITHOUT ROWID;
         CREATE TABLE ledger (at INTEGER NOT NULL, note TEXT) STRICT;",
    )]),
    postgres: Migrations::new(&[(
        "0001_create",
        r#"CREATE TABLE room (name TEXT COLLATE "C" NOT NULL PRIMARY KEY);
         CREATE TABLE thing (number BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE, id UUID NOT NULL PRIMARY KEY,
             label TEXT COLLATE "C" NOT NULL, is_new BOOLEAN NOT NULL, hash BYTEA, room TEXT COLLATE "C" REFERENCES room (name));
         CREATE UNIQUE INDEX thing_label ON thing (label);
         CREATE TABLE part (thing UUID NOT NULL REFERENCES thing (id) ON DELETE CASCADE, name TEXT COLLATE "C" NOT NULL,
             pieces BIGINT, PRIMARY KEY (thing, name));
         CREATE TABLE ledger (at BIGINT NOT NULL, note TEXT);
         CREATE TABLE loud (number BIGINT NOT NULL PRIMARY KEY REFERENCES thing (number), label TEXT NOT NULL);"#,
    )]),
};

const OWNERS: Owners = Owners {
    from: "house",
    to: "attic-service",
};

/// What each engine would keep in its own form.
struct Loud;

#[async_trait]
impl Derived for Loud {
    fn table(&self) -> &'static str {
        "loud"
    }

    fn of(&self) -> &'static str {
        "thing"
    }

    async fn derive(&self, connection: &mut PgConnection, keys: &[Uuid]) -> Result<(), Error> {
        let sql = "WITH gone AS (DELETE FROM loud WHERE number IN (SELECT number FROM thing WHERE id = ANY($1))
                       OR number NOT IN (SELECT number FROM thing))
             INSERT INTO loud SELECT number, upper(label) FROM thing WHERE id = ANY($1)
             ON CONFLICT (number) DO UPDATE SET label = excluded.label";
        sqlx::query(sql).bind(keys).execute(connection).await?;
        Ok(())
    }
}

/// A file with a schema, and a server without.
struct House {
    file: SqliteDatabase,
    server: PostgresConfig,
    _dir: TempDir,
    _database: TestDatabase,
}

impl House {
    async fn build() -> Option<Self> {
        let database = TestDatabase::postgres().await?;
        let server = database.server().clone();
        let dir = tempfile::tempdir().unwrap();
        let file = SqliteDatabase::open(dir.path(), SCHEMA.service).await.unwrap();
        file.migrate(&SCHEMA.sqlite).await.unwrap();
        file.claim_owner(OWNERS.from, "ATTIC_URL", SystemClock.now())
            .await
            .unwrap();
        Some(Self {
            file,
            server,
            _dir: dir,
            _database: database,
        })
    }

    async fn begin(&self) -> Result<Handover, HandoverError> {
        Handover::begin(
            &self.file,
            &self.server,
            &SCHEMA,
            OWNERS,
            Some(Arc::new(Loud)),
            Arc::new(SystemClock),
        )
        .await
    }

    async fn hand_over(&self) -> Handed {
        let mut handover = self.begin().await.unwrap();
        handover.copy(&mut |_, _| {}).await.unwrap();
        let handed = handover.complete().await.unwrap();
        handover.validate().await;
        handed
    }

    async fn write(&self, sql: &str) -> Result<(), Error> {
        write(&self.file, sql).await
    }

    async fn there(&self) -> PgDatabase {
        PgDatabase::connect(&self.server, SCHEMA.service, Arc::new(SystemClock))
            .await
            .unwrap()
    }

    /// What a query says on the server.
    async fn said(&self, sql: &str) -> Vec<String> {
        let rows = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        rows.fetch_all(self.there().await.reader().pool()).await.unwrap()
    }

    async fn claim(&self, owner: &str) -> Result<(), OwnerError> {
        self.there()
            .await
            .claim_owner(owner, "ATTIC_URL", SystemClock.now())
            .await
    }
}

async fn write(file: &SqliteDatabase, sql: &str) -> Result<(), Error> {
    let writer = file.writer();
    let unit = writer.run(sql.to_owned(), |connection, sql| {
        Box::pin(async move {
            sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(connection).await?;
            Ok(())
        })
    });
    unit.await
}

fn id(number: u32) -> String {
    format!("X'{number:032x}'")
}

const ODD: &str = "tab\tline\nreturn\rback\\slash \\N \\. 'quotes' \u{8}\u{b}\u{c} ü 🫖 ,";

/// Rows that are hard to carry, and many.
async fn fill(house: &House) {
    house.write("INSERT INTO room VALUES ('cellar'), ('')").await.unwrap();
    for number in 0..2_000 {
        let sql = format!(
            "INSERT INTO thing (id, label, is_new, hash, room) VALUES ({0}, 'thing {number}', {number} % 2, {0}, 'cellar');
             INSERT INTO part VALUES ({0}, 'lid, with ''lace''', NULL), ({0}, 'key', {number}); INSERT INTO ledger VALUES ({number}, NULL)",
            id(number)
        );
        house.write(&sql).await.unwrap();
    }
    let odd = ODD.replace('\'', "''");
    house
        .write(&format!(
            "UPDATE thing SET label = '{odd}', hash = X'00ff5c', room = '' WHERE number = 7"
        ))
        .await
        .unwrap();
    // A number that was given out is never given out again.
    let last = id(999_999);
    house
        .write(&format!(
            "INSERT INTO thing (id, label, is_new) VALUES ({last}, 'last', 1)"
        ))
        .await
        .unwrap();
    house
        .write(&format!("DELETE FROM thing WHERE id = {last}"))
        .await
        .unwrap();
}

/// Writes until it is told to stop or refused; answers how often.
async fn keep_busy(file: &SqliteDatabase, stop: &AtomicBool) -> u32 {
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        let (one, two, gone, new) = (
            id(10 + written % 400),
            id(500 + written % 500),
            id(1_000 + written % 900),
            id(10_000 + written),
        );
        // Two swap their labels, one goes with its parts, one comes; all in one commit.
        let sql = format!(
            "CREATE TEMP TABLE IF NOT EXISTS swap (label TEXT); DELETE FROM swap; INSERT INTO swap SELECT label FROM thing WHERE id = {one};
             UPDATE thing SET label = 'on its way' WHERE id = {one};
             UPDATE thing SET label = (SELECT label FROM swap), is_new = NOT is_new WHERE id = {two};
             UPDATE thing SET label = 'swapped {written}' WHERE id = {one};
             DELETE FROM thing WHERE id = {gone};
             INSERT INTO thing (id, label, is_new) VALUES ({new}, 'new {written}', 1); INSERT INTO part VALUES ({new}, 'lid', 1);
             INSERT INTO ledger VALUES ({written}, 'swap')"
        );
        match write(file, &sql).await {
            Ok(()) => written += 1,
            Err(Error::Unavailable(_)) => break,
            Err(error) => panic!("{error:?}"),
        }
    }
    written
}

async fn assert_that_things_are_the_same(house: &House) {
    let here = "SELECT hex(id) || ' ' || label || ' ' || is_new || ' ' || iif(hash IS NULL, '-', hex(hash)) || ' ' || coalesce(room, '-') || ' ' || number
        FROM thing ORDER BY number";
    let there = "SELECT upper(replace(id::text, '-', '')) || ' ' || label || ' ' || is_new::int || ' ' ||
        coalesce(upper(encode(hash, 'hex')), '-') || ' ' || coalesce(room, '-') || ' ' || number FROM thing ORDER BY number";
    let here: Vec<String> = sqlx::query_scalar(here)
        .fetch_all(house.file.reader().pool())
        .await
        .unwrap();
    let there = house.said(there).await;
    assert_eq!(here.len(), there.len());
    for (here, there) in here.iter().zip(&there) {
        assert_eq!(here, there);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_arrives_as_it_is_while_it_changes() {
    let Some(house) = House::build().await else { return };
    fill(&house).await;
    let mut handover = house.begin().await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (file, stopping) = (house.file.clone(), stop.clone());
    let busy = tokio::spawn(async move { keep_busy(&file, &stopping).await });
    let mut told = Vec::new();
    handover
        .copy(&mut |table, rows| told.push(format!("{table} {rows}")))
        .await
        .unwrap();
    assert!(
        told.iter().any(|line| line.starts_with("thing ")) && told.iter().any(|line| line.starts_with("loud ")),
        "{told:?}"
    );
    for _ in 0..5 {
        handover.catch_up().await.unwrap();
    }
    assert!(!handover.is_awaited().await.unwrap());
    let handed = handover.complete().await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let written = busy.await.unwrap();
    assert!(written > 10, "{written}");
    handover.validate().await;

    // Nothing can be written here any more, and there it is somebody's.
    assert!(matches!(
        house.write("DELETE FROM part").await,
        Err(Error::Unavailable(_))
    ));
    let refused = house
        .file
        .claim_owner(OWNERS.from, "ATTIC_URL", SystemClock.now())
        .await;
    assert!(refused.is_err());
    house.claim(OWNERS.to).await.unwrap();
    let counted: i64 = sqlx::query_scalar(
        "SELECT (SELECT COUNT(*) FROM thing) + (SELECT COUNT(*) FROM part) + (SELECT COUNT(*) FROM ledger) + (SELECT COUNT(*) FROM room)",
    )
    .fetch_one(house.file.reader().pool())
    .await
    .unwrap();
    assert_eq!(handed.rows, counted.cast_unsigned());
    assert_that_things_are_the_same(&house).await;
    assert_eq!(house.said("SELECT label FROM thing WHERE number = 7").await, [ODD]);
    let (loud, things) = (
        "SELECT label FROM loud ORDER BY number",
        "SELECT upper(label) FROM thing ORDER BY number",
    );
    assert_eq!(house.said(loud).await, house.said(things).await);
    let next = "INSERT INTO thing (id, label, is_new) VALUES (gen_random_uuid(), 'next', TRUE) RETURNING number::text";
    let most: i64 = sqlx::query_scalar("SELECT MAX(seq) FROM sqlite_sequence WHERE name = 'thing'")
        .fetch_one(house.file.reader().pool())
        .await
        .unwrap();
    assert_eq!(house.said(next).await, [(most + 1).to_string()]);
    let keys = "SELECT conname::text || convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 1";
    assert_eq!(
        house.said(keys).await,
        ["loud_number_fkeytrue", "part_thing_fkeytrue", "thing_room_fkeytrue"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_over_that_is_given_up_leaves_the_file_as_it_was() {
    let Some(house) = House::build().await else { return };
    house.write("INSERT INTO room VALUES ('cellar')").await.unwrap();
    for _ in 0..2 {
        let mut handover = house.begin().await.unwrap();
        assert!(matches!(house.begin().await, Err(HandoverError::Busy(_))));
        handover.copy(&mut |_, _| {}).await.unwrap();
        // Nobody can open what is being filled.
        assert!(house.there().await.is_being_filled().await.unwrap());
        assert!(matches!(house.claim(OWNERS.to).await, Err(OwnerError::Filling)));
        drop(handover);
        house.write("INSERT INTO ledger VALUES (1, 'goes on')").await.unwrap();
    }
    house
        .file
        .claim_owner(OWNERS.from, "ATTIC_URL", SystemClock.now())
        .await
        .unwrap();
    // What it noted is forgotten.
    let noted = house.write("SELECT * FROM temp.handover_changes").await;
    assert!(matches!(noted, Err(Error::Fault(_))), "{noted:?}");
    assert_eq!(house.hand_over().await.rows, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_is_somebodys_is_left_alone() {
    let Some(house) = House::build().await else { return };
    house.there().await.migrate(&SCHEMA.postgres).await.unwrap();
    house.claim("attic-service").await.unwrap();
    let refused = house.begin().await.unwrap_err();
    assert!(
        matches!(&refused, HandoverError::Taken { owner, .. } if owner == "attic-service"),
        "{refused}"
    );
}

/// The owner row of the file is the decision; whatever was not done after it is done by the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_is_finished_or_undone() {
    let Some(house) = House::build().await else { return };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    house.write("INSERT INTO room VALUES ('cellar')").await.unwrap();
    let loud: Option<&dyn Derived> = Some(&Loud);
    let finishing = || finish(&house.file, &house.server, &SCHEMA, OWNERS, loud, clock.clone());
    let taking_back = || take_back(&house.file, &house.server, &SCHEMA, OWNERS, loud, clock.clone());
    assert!(matches!(finishing().await, Err(HandoverError::NotHandedOver(_))));
    assert!(matches!(taking_back().await, Err(HandoverError::NotHandedOver(_))));
    house.hand_over().await;
    // As if the process had died before the other side was told.
    let untell = "UPDATE schema_owner SET handed_over_to = 'stoa extract' RETURNING owner";
    house.said(untell).await;
    assert!(house.there().await.is_being_filled().await.unwrap());
    finishing().await.unwrap();
    finishing().await.unwrap();
    house.claim(OWNERS.to).await.unwrap();

    // Somebody is there.
    let there = Database::Postgres(house.there().await);
    assert!(there.attend(platform_sql::Company::Others).await.unwrap());
    assert!(matches!(taking_back().await, Err(HandoverError::StillServed(_))));
    there.close().await;
    // Half undone, then undone.
    house.said(untell).await;
    taking_back().await.unwrap();
    house
        .write("INSERT INTO ledger VALUES (1, 'here again')")
        .await
        .unwrap();
    house
        .file
        .claim_owner(OWNERS.from, "ATTIC_URL", SystemClock.now())
        .await
        .unwrap();
    assert!(matches!(house.claim(OWNERS.to).await, Err(OwnerError::Filling)));

    // Once something was written there, it stays there.
    house.hand_over().await;
    house
        .said("INSERT INTO ledger VALUES (2, 'there') RETURNING note")
        .await;
    let refused = taking_back().await.unwrap_err();
    assert!(
        matches!(&refused, HandoverError::Differs { table, .. } if table == "ledger"),
        "{refused}"
    );
}
