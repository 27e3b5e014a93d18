//! The commands beside `serve`.

use platform_sql::testing::TestDatabase;
use reqwest::Method;
use serde_json::Value;

use super::on_both_engines;
use super::shop::{Shop, answer, settings, stoa};

on_both_engines!(
    migrations_can_be_looked_at_before_they_are_applied,
    an_admin_is_made_by_command_and_unmade_again,
    a_demo_is_filled_once_however_often_it_is_asked_for,
    a_catalogue_comes_in_by_a_file_and_goes_out_beside_a_running_shop,
);

async fn migrations_can_be_looked_at_before_they_are_applied(database: TestDatabase) {
    let settings = settings(&database);
    let migrate = async |arguments: &[&str]| stoa(&[&["migrate"], arguments].concat(), &settings).await;
    assert_eq!(migrate(&["--check"]).await.status.code(), Some(1));
    let plan = migrate(&["--plan"]).await.stdout;
    for step in [
        "auth 0001_accounts\n",
        "product 0001_catalogue\n",
        "order 0001_orders\n",
        "user 0001_users\n",
    ] {
        assert!(plan.contains(step), "{plan}");
    }
    assert!(migrate(&[]).await.status.success());
    assert_eq!(migrate(&["--plan"]).await.stdout, "");
    assert!(migrate(&["--check"]).await.status.success());
}

async fn an_admin_is_made_by_command_and_unmade_again(database: TestDatabase) {
    let mut settings = settings(&database);
    settings.retain(|(name, _)| !name.starts_with("BOOTSTRAP"));
    let made = stoa(&["admin", "create", "boss@shop.example"], &settings).await;
    assert!(made.status.success(), "{}", made.stderr);
    let password = made.stdout.trim().rsplit(' ').next().unwrap();

    let shop = Shop::open_with(&["serve"], &settings).await;
    let boss = shop.sign_in("boss@shop.example", password).await;
    shop.stock_up(&boss, "TEA", 1).await;
    shop.stop().await;

    let unmade = stoa(&["admin", "revoke", "boss@shop.example"], &settings).await;
    assert!(unmade.status.success(), "{}", unmade.stderr);
    let shop = Shop::open_with(&["serve"], &settings).await;
    let nobody = shop.sign_in("boss@shop.example", password).await;
    let users = shop.request(Method::GET, "/api/users").bearer_auth(nobody);
    assert_eq!(answer(users).await.0, 403);
    shop.stop().await;
}

async fn a_demo_is_filled_once_however_often_it_is_asked_for(database: TestDatabase) {
    let mut settings = settings(&database);
    settings.retain(|(name, _)| !name.starts_with("BOOTSTRAP"));
    let mut sold = 0;
    for time in ["first", "second"] {
        let shop = Shop::open_with(&["serve", "--demo"], &settings).await;
        let list = shop.request(Method::GET, "/api/products?count=true&q=mug");
        let (_, mugs) = answer(list).await;
        assert_eq!(mugs["total"], 3, "{mugs}");
        let mug: &Value = &mugs["items"][0];
        let customer = shop.sign_in("customer@demo.example", "demo customer password").await;
        let (status, _) = shop.order(&customer, time, mug["id"].as_str().unwrap(), 1).await;
        assert_eq!(status, 201);
        sold += 1;
        assert_eq!(
            shop.orders(&customer).await.len(),
            sold,
            "the second start forgot nothing"
        );
        let admin = shop.sign_in("admin@demo.example", "demo admin password").await;
        let users = shop.request(Method::GET, "/api/users").bearer_auth(admin);
        assert_eq!(answer(users).await.1["items"].as_array().unwrap().len(), 2);
        shop.stop().await;
    }
}

async fn a_catalogue_comes_in_by_a_file_and_goes_out_beside_a_running_shop(database: TestDatabase) {
    let settings = settings(&database);
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let [file, table] = [path("goods.csv"), path("out.csv")];
    std::fs::write(&file, "sku,name,price,stock\nTEA,Tea,2.50,3\nBAD,,1,1\nMILK,Milk,1,\n").unwrap();
    let import = stoa(&["import", &file], &settings).await;
    assert_eq!(import.status.code(), Some(1), "{}", import.stderr);
    assert!(import.stdout.starts_with("line 3: "), "{}", import.stdout);
    assert!(
        import.stdout.ends_with("2 created, 0 updated, 1 refused\n"),
        "{}",
        import.stdout
    );
    assert_eq!(import.stderr, "error: 1 line was refused\n");

    let shop = Shop::open_with(&["serve"], &settings).await;
    let export = stoa(&["export", &table], &settings).await;
    assert!(export.status.success(), "{}", export.stderr);
    let lines = stoa(&["export", "--format", "ndjson"], &settings).await.stdout;
    assert_eq!(lines.lines().count(), 2, "{lines}");
    shop.stop().await;

    let again = stoa(&["import", &table], &settings).await;
    assert!(again.status.success(), "{}{}", again.stdout, again.stderr);
    assert!(
        again.stdout.ends_with("0 created, 2 updated, 0 refused\n"),
        "{}",
        again.stdout
    );
    for (arguments, said) in [
        (["import", "/nowhere/goods.csv"], "/nowhere/goods.csv"),
        (["import", "goods.xlsx"], "--format"),
    ] {
        let refused = stoa(&arguments, &settings).await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            refused.stderr.contains(said) && refused.stderr.lines().count() == 1,
            "{}",
            refused.stderr
        );
    }
}

#[tokio::test]
async fn an_import_into_a_running_shop_of_files_is_refused_in_one_line() {
    let database = TestDatabase::sqlite();
    let shop = Shop::open(&database).await;
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    let refused = stoa(&["import", file.path().to_str().unwrap()], &settings(&database)).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("DATA_DIR"), "{}", refused.stderr);
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    shop.stop().await;
}

#[tokio::test]
async fn a_shop_that_has_an_admin_gets_none_whose_password_is_public() {
    let database = TestDatabase::sqlite();
    let made = stoa(&["admin", "create", "boss@shop.example"], &settings(&database)).await;
    assert!(made.status.success(), "{}", made.stderr);
    let shop = Shop::open_with(&["serve", "--demo"], &settings(&database)).await;
    let body = serde_json::json!({"email": "admin@demo.example", "password": "demo admin password"});
    let login = shop.request(Method::POST, "/api/auth/login").json(&body);
    assert_eq!(answer(login).await.0, 401);
    shop.stop().await;
}
