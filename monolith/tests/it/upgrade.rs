//! The policy of upgrades, tried: a release runs on the schema of the next one, beside it and after a roll-back.

use platform_sql::testing::TestDatabase;
use sqlx::{Connection, PgConnection};

use crate::backup::{assert_that_the_books_agree, open, settings, stoa};

/// What a release may do to a schema in use: it adds, and takes nothing away.
const NEXT_RELEASE: [(&str, &str); 4] = [
    (
        "auth",
        "ALTER TABLE auth.accounts ADD COLUMN locale TEXT; CREATE INDEX accounts_locale ON auth.accounts (locale)",
    ),
    (
        "user",
        r#"ALTER TABLE "user".users ADD COLUMN birthday BIGINT; ALTER TABLE "user".users ADD COLUMN tier TEXT NOT NULL DEFAULT 'none'"#,
    ),
    (
        "product",
        "ALTER TABLE product.products ADD COLUMN season TEXT;
         CREATE TABLE product.bundles (id UUID PRIMARY KEY, product_id UUID NOT NULL REFERENCES product.products (id))",
    ),
    (
        "order",
        r#"ALTER TABLE "order".orders ADD COLUMN gift BOOLEAN NOT NULL DEFAULT FALSE; ALTER TABLE "order".order_lines ADD COLUMN note TEXT"#,
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_runs_on_the_schema_of_the_next_one_on_postgres() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let server = database.server();
    let files = tempfile::tempdir().unwrap();
    let mut settings = settings(("DATABASE_URL", server.url.clone()));
    settings.push(("DATA_DIR", files.path().to_str().unwrap().to_owned()));
    let (process, door) = open(&settings).await;
    let session = door.register("ada@shop.example").await;
    let product = door.put_on_sale(100).await;
    let mut bought = door.buy(&session, &product, &["before"]).await;

    // The migration of the next release comes while this one serves.
    let mut connection = PgConnection::connect(&server.url).await.unwrap();
    for (schema, expand) in NEXT_RELEASE {
        sqlx::raw_sql(expand).execute(&mut connection).await.unwrap();
        let within = sqlx::query("SELECT set_config('search_path', $1, FALSE)").bind(schema);
        within.execute(&mut connection).await.unwrap();
        let note = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            VALUES (9001, 'of the next release', TRUE, 'x', 1)";
        sqlx::raw_sql(note).execute(&mut connection).await.unwrap();
    }
    bought.extend(door.buy(&session, &product, &["beside"]).await);
    door.register("grace@shop.example").await;
    assert!(process.terminate().await.success());

    // And when the next one was a mistake, this one is started again.
    let plan = stoa(&["migrate", "--plan"], &settings).await;
    assert!(
        plan.status.success() && plan.stdout.is_empty(),
        "{}{}",
        plan.stdout,
        plan.stderr
    );
    assert!(stoa(&["migrate", "--check"], &settings).await.status.success());
    let (process, door) = open(&settings).await;
    bought.extend(door.buy(&session, &product, &["after"]).await);
    door.assert_that_all_is_there(&session, &product, 100, &bought).await;
    assert_that_the_books_agree(&settings).await;
    assert!(process.terminate().await.success());
}

/// A process on a schema that is too old for it says which step is missing.
#[tokio::test]
async fn what_is_missing_is_planned_and_checked_before_it_is_applied() {
    let files = tempfile::tempdir().unwrap();
    let settings = settings(("DATA_DIR", files.path().to_str().unwrap().to_owned()));
    let check = stoa(&["migrate", "--check"], &settings).await;
    assert!(!check.status.success());
    let plan = stoa(&["migrate", "--plan"], &settings).await;
    assert!(plan.stdout.contains("order 0001_orders"), "{}", plan.stdout);
    assert!(stoa(&["migrate"], &settings).await.status.success());
    assert!(stoa(&["migrate", "--check"], &settings).await.status.success());
}
