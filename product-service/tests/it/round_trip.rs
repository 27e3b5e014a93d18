//! An export is read back without loss: exported, imported into an empty shop and exported again, it is the same.

use platform_sql::testing::TestDatabase;
use product_api::{Image, Options, Product};
use product_service::NAME;
use product_service::service::{FileFormat, ImportOptions};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use values::{Currency, Money, Sku};

use crate::import::{Shop, open};
use crate::samples::{act, product, record};

/// How many catalogues are tried an engine and format.
const CATALOGUES: u32 = 4;

/// Text of one line, with what a table or JSON could stumble on.
fn line(most: usize) -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[a-zA-Zéß茶 ,;:'\"\\[\\]{}=+@\\\\-]{1,20}",
        "\\PC{1,20}",
        Just(" padded ".to_owned()),
        Just("\u{feff}bom".to_owned()),
        Just("'quoted'".to_owned()),
    ];
    let has_something = |text: &String| !text.trim().is_empty() && !text.contains(char::is_control);
    text.prop_filter("something that can be seen", has_something)
        .prop_map(move |text| text.chars().take(most).collect())
}

fn prose() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z<>/\"',\\n\\r\\t ]{0,60}",
        line(60).prop_map(|text| format!("<p>\r\n{text}\n</p>\n")),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    prop::collection::hash_map(line(10), line(10), 0..4).prop_map(|pairs| Options(pairs.into_iter().collect()))
}

fn images() -> impl Strategy<Value = Vec<Image>> {
    let image = (
        "https?://[a-z\\[]{1,3}[a-z,;\"']{0,8}",
        prop_oneof![Just(String::new()), prose()],
    );
    let image = image.prop_map(|(url, alt)| Image {
        url: url.replace("//[", "//a["),
        alt,
    });
    prop::collection::vec(image, 0..3)
}

fn money() -> impl Strategy<Value = (Money, Option<Money>)> {
    let currency = prop::sample::select(vec!["USD", "JPY", "BHD", "EUR"]);
    let amounts = (0..=Money::MAX_PRICE, prop::option::of(0..=Money::MAX_PRICE), currency);
    amounts.prop_map(|(price, compare_at, currency)| {
        let currency: Currency = currency.parse().unwrap();
        let money = |amount| Money::new(amount, currency).unwrap();
        (money(price), compare_at.map(money))
    })
}

fn any_product() -> impl Strategy<Value = Product> {
    let texts = (
        line(100),
        line(30),
        prose(),
        prop::option::of(line(20)),
        prop::option::of(line(20)),
    );
    let lists = (prop::collection::hash_set(line(12), 0..4), images(), options());
    let family = prop::option::of(prop::sample::select(vec!["tee", "mug-2", "茶_碗"]));
    let numbers = (
        money(),
        prop::option::of(0_i64..=1_000_000_000),
        prop::option::of(0_i64..=1_000_000_000),
    );
    let rest = (family, any::<bool>(), prop::option::of(line(20)));
    (texts, lists, numbers, rest).prop_map(|(texts, lists, numbers, rest)| {
        let (sku, name, description, category, vendor) = texts;
        let (tags, images, options) = lists;
        let ((price, compare_at_price), stock, weight_grams) = numbers;
        let (family, published, barcode) = rest;
        Product {
            sku: Sku::try_from(sku.trim().to_owned()).unwrap(),
            name,
            description,
            category,
            vendor,
            tags: tags.into_iter().collect(),
            images,
            options,
            price,
            compare_at_price,
            stock,
            weight_grams,
            family: family.map(str::to_owned),
            published,
            barcode,
            ..product("x", "x")
        }
    })
}

async fn shop_on(database: &TestDatabase) -> Shop {
    open(database.open(NAME).await).await
}

/// Writes the products that can be written: some have a sku or options twice.
async fn fill(shop: &Shop, products: &[Product]) -> usize {
    let mut written = 0;
    for product in products {
        let created = shop.stores.products.create(record(product), act(), None).await;
        written += usize::from(created.is_ok());
    }
    written
}

async fn is_read_back(products: &[Product], from: &TestDatabase, to: &TestDatabase, format: FileFormat) {
    let (from, to) = (shop_on(from).await, shop_on(to).await);
    let written = fill(&from, products).await;
    let exported = from.export(format).await;
    let options = ImportOptions {
        format,
        currency: None,
        sets_stock: false,
    };
    let report = to.import(exported.clone(), options).await;
    assert_eq!((report.created, report.failed), (written as u64, 0), "{report:?}");
    assert_eq!(report.warnings, []);
    assert_eq!(to.export(format).await, exported);
    let other = if format == FileFormat::Csv {
        FileFormat::Ndjson
    } else {
        FileFormat::Csv
    };
    assert_eq!(
        to.export(other).await,
        from.export(other).await,
        "nothing is lost between the formats"
    );
    let events = to.events().await;
    let report = to.import(exported, options).await;
    assert_eq!((report.created, report.updated), (0, written as u64));
    assert_eq!(to.events().await, events, "nothing changed");
}

/// Tries some catalogues; each gets two databases.
fn try_catalogues(format: FileFormat, databases: impl AsyncFn() -> Option<(TestDatabase, TestDatabase)>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config::with_cases(CATALOGUES));
    let catalogues = prop::collection::vec(any_product(), 1..40);
    let tried = runner.run(&catalogues, |products| {
        runtime.block_on(async {
            if let Some((from, to)) = databases().await {
                is_read_back(&products, &from, &to, format).await;
            }
        });
        Ok(())
    });
    tried.unwrap();
}

async fn on_sqlite() -> Option<(TestDatabase, TestDatabase)> {
    Some((TestDatabase::sqlite(), TestDatabase::sqlite()))
}

async fn on_postgres() -> Option<(TestDatabase, TestDatabase)> {
    Some((TestDatabase::postgres().await?, TestDatabase::postgres().await?))
}

#[test]
fn a_table_is_read_back_on_sqlite() {
    try_catalogues(FileFormat::Csv, on_sqlite);
}

#[test]
fn a_table_is_read_back_on_postgres() {
    try_catalogues(FileFormat::Csv, on_postgres);
}

#[test]
fn lines_of_json_are_read_back_on_sqlite() {
    try_catalogues(FileFormat::Ndjson, on_sqlite);
}

#[test]
fn lines_of_json_are_read_back_on_postgres() {
    try_catalogues(FileFormat::Ndjson, on_postgres);
}
