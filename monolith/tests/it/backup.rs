//! The drill: back up a shop that sells, lose it, restore it, and look whether the books agree.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use platform_sql::testing::TestDatabase;
use platform_testing::{Outcome, Process, free_address, run};
use tokio::process::Command;

use crate::extraction::buyer::{Bought, Buyer, Door, Session};
use crate::extraction::{Settings, borrowed};
use crate::topologies::binary;
use crate::topologies::cluster::{ADMIN, ADMIN_PASSWORD};

pub(crate) fn settings(place: (&'static str, String)) -> Settings {
    vec![
        place,
        ("LISTEN_ADDR", free_address().to_string()),
        ("ADMIN_LISTEN_ADDR", free_address().to_string()),
        ("BOOTSTRAP_ADMIN_EMAIL", ADMIN.to_owned()),
        ("BOOTSTRAP_ADMIN_PASSWORD", ADMIN_PASSWORD.to_owned()),
        ("RATE_LIMITS", "off".to_owned()),
    ]
}

pub(crate) async fn stoa(arguments: &[&str], settings: &Settings) -> Outcome {
    run(&binary("stoa"), arguments, &borrowed(settings)).await
}

pub(crate) async fn open(settings: &Settings) -> (Process, Door) {
    let address = settings[1].1.parse().unwrap();
    let process = Process::launch_on(address, &binary("stoa"), &["serve"], &borrowed(settings))
        .ready()
        .await;
    (process, Door::at(address))
}

pub(crate) async fn assert_that_the_books_agree(settings: &Settings) {
    let books = stoa(&["reconcile"], settings).await;
    assert!(books.status.success(), "{}{}", books.stdout, books.stderr);
}

/// What was bought before the backup is there, and what there is fits together: orders bought while it was made are there or not.
async fn assert_that_it_is_there(door: &Door, session: &Session, before: &Bought) {
    for (key, id) in before {
        let order = door.get(&format!("/api/orders/{id}"), session).await;
        assert_eq!(order["status"], "confirmed", "{key}: {order}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_on_files_is_restored_as_it_was_at_one_moment() {
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name);
    let place = |dir: &Path| ("DATA_DIR", dir.to_str().unwrap().to_owned());
    let settings_of_lost = settings(place(&path("lost")));
    let (process, door) = open(&settings_of_lost).await;
    let session = door.register("ada@shop.example").await;
    let product = door.put_on_sale(5_000).await;
    let before = door.buy(&session, &product, &["one", "two", "three"]).await;
    let buyer = Buyer::begin(&door, &session, &product);
    buyer.buys(10).await;

    let backup = path("backup");
    let backup = backup.to_str().unwrap();
    let made = stoa(&["backup", backup], &settings_of_lost).await;
    assert!(made.status.success(), "{}", made.stderr);
    assert_eq!(made.stdout.lines().count(), 5, "{}", made.stdout);
    buyer.buys(10).await;
    let again = stoa(&["backup", backup], &settings_of_lost).await;
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    process.kill().await;
    // The buyer finds nobody from now on.
    buyer.abort();

    let restored = settings(place(&path("restored")));
    let put_back = stoa(&["restore", backup], &restored).await;
    assert!(put_back.status.success(), "{}", put_back.stderr);
    assert_that_the_books_agree(&restored).await;
    let over = stoa(&["restore", backup], &settings_of_lost).await;
    assert!(over.stderr.contains("is there already"), "{}", over.stderr);
    let (process, door) = open(&restored).await;
    // Keys and sessions came along.
    assert_that_it_is_there(&door, &session, &before).await;
    let session = door.refresh(&session).await;
    door.buy(&session, &product, &["after"]).await;
    assert_that_the_books_agree(&restored).await;
    assert!(process.terminate().await.success());

    // Without a shop the files are copied as they lie.
    let at_rest = path("at rest");
    let made = stoa(&["backup", at_rest.to_str().unwrap()], &restored).await;
    assert!(made.status.success(), "{}", made.stderr);
    let twice = settings(place(&path("twice")));
    assert!(
        stoa(&["restore", at_rest.to_str().unwrap()], &twice)
            .await
            .status
            .success()
    );
    assert_that_the_books_agree(&twice).await;
}

/// A program of the server under test, which `.ci/postgres` puts into the path.
async fn program(name: &str, arguments: &[&str]) {
    let ran = Command::new(name)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_on_postgres_is_restored_from_a_dump() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let server = database.server();
    // Without what only our own driver knows.
    let url = server.url.split('?').next().unwrap().to_owned();
    let files = tempfile::tempdir().unwrap();
    let mut settings = settings(("DATABASE_URL", url.clone()));
    settings.push(("DATA_DIR", files.path().to_str().unwrap().to_owned()));
    let (process, door) = open(&settings).await;
    let session = door.register("ada@shop.example").await;
    let product = door.put_on_sale(5_000).await;
    let before = door.buy(&session, &product, &["one", "two", "three"]).await;
    let buyer = Buyer::begin(&door, &session, &product);
    buyer.buys(10).await;
    let dump: PathBuf = files.path().join("dump");
    let dump = dump.to_str().unwrap();
    program("pg_dump", &["--format=custom", "--file", dump, &url]).await;
    buyer.buys(10).await;
    process.kill().await;
    buyer.abort();

    // All four schemas are of one moment, for a dump sees one. Roles are the server's and stay.
    program("pg_restore", &["--clean", "--if-exists", "--dbname", &url, dump]).await;
    assert_that_the_books_agree(&settings).await;
    let (process, door) = open(&settings).await;
    assert_that_it_is_there(&door, &session, &before).await;
    door.buy(&session, &product, &["after"]).await;
    assert_that_the_books_agree(&settings).await;
    assert!(process.terminate().await.success());
}
