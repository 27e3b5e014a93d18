//! Files of products, imported on both engines.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use platform_clock::SystemClock;
use platform_sql::Database;
use product_api::{Product, View};
use product_service::SCHEMA;
use product_service::service::{
    By, FileFormat, ImportError, ImportFailure, ImportOptions, ImportReport, Note, ProductService,
};
use product_service::store::Stores;

use crate::samples::{create, usd, variant};

const SHOPIFY: &str = include_str!("fixtures/shopify.csv");
const OWN: &str = include_str!("fixtures/own.csv");
const NDJSON: &str = include_str!("fixtures/products.ndjson");

const CSV: ImportOptions = ImportOptions {
    format: FileFormat::Csv,
    currency: None,
    sets_stock: false,
};

/// A catalogue whose prices are in dollars.
pub(crate) struct Shop {
    pub(crate) service: ProductService,
    pub(crate) stores: Stores,
}

pub(crate) async fn open(database: Database) -> Shop {
    database.migrate(&SCHEMA).await.unwrap();
    let clock = Arc::new(SystemClock);
    let stores = Stores::new(database, clock.clone());
    let service = ProductService::new(&stores, clock, "USD".parse().unwrap());
    Shop { service, stores }
}

platform_sql::stores!(
    "product",
    open,
    [
        every_quirk_of_a_shopify_export_is_reported,
        a_shopify_export_becomes_products,
        a_second_import_of_a_file_creates_and_changes_nothing,
        it_does_not_matter_how_lines_end_and_bytes_arrive,
        our_own_table_is_read_as_people_write_it,
        a_line_of_json_says_what_the_api_says,
        stock_is_set_only_if_that_is_asked_for,
        prices_are_in_the_currency_asked_for,
        what_a_file_has_no_column_for_is_kept,
        a_made_sku_gives_way_to_one_that_is_taken,
        skus_may_be_passed_on_within_a_file,
        what_breaks_off_leaves_whole_chunks,
        lists_of_notes_are_bounded,
        the_lines_of_one_product_are_bounded,
        columns_may_be_parted_by_semicolons,
        a_file_that_is_something_else_is_refused_whole,
    ]
);

impl Shop {
    /// The bytes come in pieces, as from a network.
    pub(crate) async fn import(&self, text: impl Into<Bytes>, options: ImportOptions) -> ImportReport {
        self.try_import(text, options, 1_000).await.unwrap()
    }

    async fn try_import(
        &self,
        text: impl Into<Bytes>,
        options: ImportOptions,
        piece: usize,
    ) -> Result<ImportReport, ImportFailure> {
        self.service
            .import(pieces(text, piece), options, By::default(), |_| {})
            .await
    }

    pub(crate) async fn export(&self, format: FileFormat) -> String {
        let pieces: Vec<Bytes> = self.service.export(format).try_collect().await.unwrap();
        String::from_utf8(pieces.concat()).unwrap()
    }

    /// The products in the order of an export.
    async fn products(&self) -> Vec<Product> {
        let page = self.stores.products.page_by_id(None, 1_000).await.unwrap();
        page.into_iter().map(|exported| exported.product).collect()
    }

    async fn product(&self, sku: &str) -> Product {
        let products = self.products().await;
        let found = products.into_iter().find(|product| product.sku.as_str() == sku);
        found.unwrap_or_else(|| panic!("there is no {sku}"))
    }

    pub(crate) async fn events(&self) -> usize {
        self.stores.database.outbox().pending(10_000).await.unwrap().len()
    }
}

fn pieces(text: impl Into<Bytes>, piece: usize) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Unpin {
    let text = text.into();
    let starts = (0..text.len()).step_by(piece);
    let pieces: Vec<Bytes> = starts
        .map(|start| text.slice(start..text.len().min(start + piece)))
        .collect();
    futures::stream::iter(pieces.into_iter().map(Ok))
}

fn counts(report: &ImportReport) -> (u64, u64, u64) {
    (report.created, report.updated, report.failed)
}

fn told(notes: &[Note]) -> Vec<String> {
    notes
        .iter()
        .map(|note| format!("{}: {}", note.line, note.detail))
        .collect()
}

/// All that a report tells, line by line.
fn lines(report: &ImportReport) -> String {
    format!(
        "{}\n---\n{}",
        told(&report.errors).join("\n"),
        told(&report.warnings).join("\n")
    )
}

fn faults(report: &ImportReport) -> Vec<String> {
    told(&report.errors)
}

async fn every_quirk_of_a_shopify_export_is_reported(shop: Shop) {
    let report = shop.import(SHOPIFY, CSV).await;
    assert_eq!(counts(&report), (11, 0, 6));
    insta::allow_duplicates! {
        insta::assert_snapshot!(lines(&report), @r#"
    14: inventory quantity "three" is not a whole number
    15: price "eight" is not a price such as 19.99
    16: price is missing, which a new product needs
    20: no line before has the title of "nobody"
    22: has 36 fields below 35 columns: is a quote missing?
    24: opens a quote that is never closed; line 25 was passed over
    ---
    6: the sku "30235" is that of "Linen Shirt" (Navy, S); "linen-shirt-navy-m" is used instead
    7: the stock is -3; it is taken as 0
    9: the image "images/relative.jpg" is left out: it is not an absolute http or https address
    13: is a gift card; it is taken as a product like any other
    18: the sku "SOAP" is that of "Soap"; "linen-shirt-sand-m" is used instead
    19: the image stands apart from the lines of its product and is left out
    21: the handle "Wild Berry!" becomes "wild-berry"
    23: has 20 fields below 35 columns; the others are taken as empty
    "#);
    }
}

async fn a_shopify_export_becomes_products(shop: Shop) {
    shop.import(SHOPIFY, CSV).await;
    let exported = shop.export(FileFormat::Csv).await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(exported, @r#"
    sku,name,description,category,tags,vendor,images,family,options,price,compare_at_price,currency,stock,published,barcode,weight_grams,family_name,family_description,family_images
    30235,Linen Shirt,"<p>Soft ""Irish"" linen, woven in one piece.</p>
    <ul>
    <li>Washed, twice</li>
    </ul>",Shirts,"Summer, linen, New In",Attica,"[{""url"":""https://cdn.example/linen-navy.jpg"",""alt"":""""},{""url"":""https://cdn.example/linen-2.jpg"",""alt"":""""},{""url"":""https://cdn.example/linen-1.jpg"",""alt"":""Front""},{""url"":""https://cdn.example/linen%203.jpg"",""alt"":""Back, ironed""}]",linen-shirt,Color: Navy; Size: S,59.00,79.00,USD,4,true,4006381333931,210,Linen Shirt,"<p>Soft ""Irish"" linen, woven in one piece.</p>
    <ul>
    <li>Washed, twice</li>
    </ul>","[{""url"":""https://cdn.example/linen-2.jpg"",""alt"":""""},{""url"":""https://cdn.example/linen-1.jpg"",""alt"":""Front""},{""url"":""https://cdn.example/linen%203.jpg"",""alt"":""Back, ironed""}]"
    linen-shirt-navy-m,Linen Shirt,"<p>Soft ""Irish"" linen, woven in one piece.</p>
    <ul>
    <li>Washed, twice</li>
    </ul>",Shirts,"Summer, linen, New In",Attica,"[{""url"":""https://cdn.example/linen-2.jpg"",""alt"":""""},{""url"":""https://cdn.example/linen-1.jpg"",""alt"":""Front""},{""url"":""https://cdn.example/linen%203.jpg"",""alt"":""Back, ironed""}]",linen-shirt,Color: Navy; Size: M,59.00,,USD,0,true,,211,,,
    LIN-S-S,Linen Shirt,"<p>Soft ""Irish"" linen, woven in one piece.</p>
    <ul>
    <li>Washed, twice</li>
    </ul>",Shirts,"Summer, linen, New In",Attica,"[{""url"":""https://cdn.example/linen-2.jpg"",""alt"":""""},{""url"":""https://cdn.example/linen-1.jpg"",""alt"":""Front""},{""url"":""https://cdn.example/linen%203.jpg"",""alt"":""Back, ironed""}]",linen-shirt,Color: Sand; Size: S,59.50,,USD,0,true,,,,,
    olive-oil,Olive Oil,<p>Cold pressed.</p>,Pantry,food,Attica,,olive-oil,,1012.50,,USD,,true,,500,,,
    SOAP,Soap,,,,,,soap,,3.20,,USD,,false,,90,,,
    gift-10,Gift Card,,,,Attica,,gift,Denominations: 10,10.00,,USD,,true,,0,,,
    CUP-XL,Cup,,,,,,cup,Size: XL; Print: Owl; Glaze: Matt,8.00,,USD,3,true,,,,,
    linen-shirt-sand-m,Linen Shirt,"<p>Soft ""Irish"" linen, woven in one piece.</p>
    <ul>
    <li>Washed, twice</li>
    </ul>",Shirts,"Summer, linen, New In",Attica,"[{""url"":""https://cdn.example/linen-2.jpg"",""alt"":""""},{""url"":""https://cdn.example/linen-1.jpg"",""alt"":""Front""},{""url"":""https://cdn.example/linen%203.jpg"",""alt"":""Back, ironed""}]",linen-shirt,Color: Sand; Size: M,59.00,,USD,2,true,,,,,
    JAM,Wild Berry,,Jam,,,,wild-berry,,4.00,,USD,1,true,,,,,
    SHORT,Short,,,,,,short,,4.00,,USD,1,true,,,,,
    LAST,Last,,,,,,last,,4.00,,USD,1,true,,,,,
    "#);
    }
    let hidden = shop.product("SOAP").await.id;
    let public = shop.stores.products.find(hidden, View::Public).await;
    assert_eq!(public.unwrap(), None, "it is not published");
}

async fn a_second_import_of_a_file_creates_and_changes_nothing(shop: Shop) {
    for (text, format) in [(SHOPIFY, FileFormat::Csv), (OWN, FileFormat::Csv)] {
        let options = ImportOptions { format, ..CSV };
        let first = shop.import(text, options).await;
        let (exported, events) = (shop.export(FileFormat::Ndjson).await, shop.events().await);
        let second = shop.import(text, options).await;
        assert_eq!(counts(&second), (0, first.created + first.updated, first.failed));
        assert_eq!(second.errors, first.errors);
        assert_eq!(second.warnings, first.warnings);
        assert_eq!(shop.export(FileFormat::Ndjson).await, exported);
        assert_eq!(shop.events().await, events, "nobody is told of what did not change");
    }
}

async fn it_does_not_matter_how_lines_end_and_bytes_arrive(shop: Shop) {
    let first = shop.import(SHOPIFY, CSV).await;
    let text = format!("\u{feff}{}", SHOPIFY.replace('\n', "\r\n"));
    for piece in [1, 7, 1_000_000] {
        let report = shop.try_import(text.clone(), CSV, piece).await.unwrap();
        assert_eq!(told(&report.errors), told(&first.errors), "{piece}");
        assert_eq!(told(&report.warnings), told(&first.warnings), "{piece}");
    }
    let description = shop.products().await[0].description.clone();
    assert!(
        description.contains("</p>\r\n<ul>"),
        "line breaks within a cell are its own: {description:?}"
    );
}

async fn our_own_table_is_read_as_people_write_it(shop: Shop) {
    let report = shop.import(OWN, CSV).await;
    assert_eq!(counts(&report), (2, 0, 5));
    insta::allow_duplicates! {
        insta::assert_snapshot!(lines(&report), @r#"
    5: another variant of the family has the same options
    6: sku is missing
    7: price "cheap" is not a price such as 19.99; stock "many" is not a whole number; published "perhaps" is neither true nor false; weight_grams must be between 0 and 1000000000
    8: currency must be an ISO 4217 currency code such as USD; options "Color" is not of the form Name: Value; images/0/url must be an absolute http or https address of up to 2048 characters; family must be a handle: letters and digits without upper case, hyphens and underscores
    9: price and stock are missing, which a new product needs
    ---
    1: the column "colour" is not known, or stands twice, and is passed over
    9: has 3 fields below 17 columns; nothing is said about the others
    "#);
    }
    let exported = shop.export(FileFormat::Csv).await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(exported, @r#"
    sku,name,description,category,tags,vendor,images,family,options,price,compare_at_price,currency,stock,published,barcode,weight_grams,family_name,family_description,family_images
    MUG-1,Mug,"Two
    lines",Kitchen,"blue, on sale",Attica,https://cdn.example/a.jpg https://cdn.example/b.jpg,mug,Color: Blue; Size: L,12.50,15.00,USD,5,true,4006381333931,350,,,
    MUG-2,Mug,,Kitchen,"[""a, b"",""c""]",,"[{""url"":""https://cdn.example/a.jpg"",""alt"":""A""}]",mug,Color: Red,1250,,JPY,,false,,,Mug,"Two
    lines",https://cdn.example/a.jpg https://cdn.example/b.jpg
    "#);
    }
}

async fn a_line_of_json_says_what_the_api_says(shop: Shop) {
    let options = ImportOptions {
        format: FileFormat::Ndjson,
        ..CSV
    };
    let report = shop.import(NDJSON, options).await;
    assert_eq!(counts(&report), (2, 1, 5));
    insta::allow_duplicates! {
        insta::assert_snapshot!(lines(&report), @r#"
    5: name and stock are missing, which a new product needs
    6: prize is not a known member; price invalid type: floating point `1.5`, expected i64; stock must be between 0 and 1000000000
    7: is not a JSON object: expected ident at column 2
    8: is not a JSON object: invalid type: sequence, expected a product at column 0
    9: is not a JSON object: "sku" stands twice at column 29
    ---
    "#);
    }
    let exported = shop.export(FileFormat::Ndjson).await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(exported, @r#"
    {"sku":"PEN","name":"Pen","description":"","category":null,"tags":["ink"],"vendor":null,"images":[],"family":"pen","options":{"Nib":"F","Ink":"Blue"},"price":{"amount":300,"currency":"USD"},"compare_at_price":null,"stock":10,"published":true,"barcode":null,"weight_grams":null,"family_name":"The Pen","family_description":"","family_images":[{"url":"https://cdn.example/pen.jpg","alt":""}]}
    {"sku":"INK","name":"Ink","description":"","category":null,"tags":[],"vendor":null,"images":[],"family":null,"options":{},"price":{"amount":900,"currency":"EUR"},"compare_at_price":null,"stock":null,"published":true,"barcode":null,"weight_grams":null}
    "#);
    }
}

async fn stock_is_set_only_if_that_is_asked_for(shop: Shop) {
    let table = |stock: &str| format!("sku,name,price,stock\na,Lamp,1.00,{stock}\n");
    shop.import(table("5"), CSV).await;
    shop.import(table("7"), CSV).await;
    assert_eq!(shop.product("a").await.stock, Some(5));
    let sets_stock = ImportOptions {
        sets_stock: true,
        ..CSV
    };
    shop.import(table("7"), sets_stock).await;
    assert_eq!(shop.product("a").await.stock, Some(7));
    shop.import("sku,name\na,Light\n", sets_stock).await;
    assert_eq!(shop.product("a").await.stock, Some(7), "the file says nothing about it");
    shop.import(table(""), sets_stock).await;
    assert_eq!(shop.product("a").await.stock, None, "an empty cell: it is not counted");
    let export = "Handle,Title,Variant SKU,Variant Price\na,Lamp,b,1.00\n";
    shop.import(export, sets_stock).await;
    assert_eq!(
        shop.product("b").await.stock,
        None,
        "without a tracker nothing is counted"
    );
    let counted = "Handle,Title,Variant Inventory Tracker,Variant Inventory Qty\na,Lamp,shopify,3\n";
    shop.import(counted, sets_stock).await;
    shop.import(export, sets_stock).await;
    assert_eq!(
        shop.product("b").await.stock,
        Some(3),
        "the file has no column of stock"
    );
}

async fn prices_are_in_the_currency_asked_for(shop: Shop) {
    let in_yen = ImportOptions {
        currency: Some("JPY".parse().unwrap()),
        ..CSV
    };
    let table = "sku,name,price,currency,stock\na,A,1980,,1\nb,B,19.80,eur,1\nc,C,19.80,,1\nd,D,1.234,BHD,1\n";
    let report = shop.import(table, in_yen).await;
    assert_eq!(
        faults(&report),
        ["4: price \"19.80\" has more than the 0 decimals of JPY"]
    );
    let prices: Vec<(i64, &str)> = shop
        .products()
        .await
        .iter()
        .map(|product| (product.price.amount(), product.price.currency().code()))
        .collect();
    assert_eq!(prices, [(1980, "JPY"), (1980, "EUR"), (1234, "BHD")]);
    let export = "Handle,Title,Variant Price,Variant Compare At Price\na,A,1980.00,2500\n";
    assert_eq!(counts(&shop.import(export, in_yen).await), (1, 0, 0));
}

async fn what_a_file_has_no_column_for_is_kept(shop: Shop) {
    shop.import(SHOPIFY, CSV).await;
    let before = shop.product("30235").await;
    let prices = "Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant Price\n\
                  linen-shirt,Linen Shirt,Color,Navy,Size,S,49.00\n";
    assert_eq!(counts(&shop.import(prices, CSV).await), (0, 1, 0));
    let after = shop.product("30235").await;
    let expected = Product {
        price: usd(4900),
        version: before.version + 1,
        updated_at: after.updated_at,
        ..before
    };
    assert_eq!(after, expected);
    let unknown = "Handle,Option1 Name,Option1 Value,Variant SKU\nnew,Size,S,N\n";
    let report = shop.import(unknown, CSV).await;
    assert_eq!(
        faults(&report),
        ["2: title and price are missing, which a new product needs"]
    );
    let names = "sku,name\n30235,Linen\nnone,None\n";
    let report = shop.import(names, CSV).await;
    assert_eq!(counts(&report), (0, 1, 1));
    assert_eq!(
        faults(&report),
        ["3: price and stock are missing, which a new product needs"]
    );
    assert_eq!(shop.product("30235").await.name, "Linen");
}

async fn a_made_sku_gives_way_to_one_that_is_taken(shop: Shop) {
    create(&shop.stores, &variant("tee-s", "other", "S")).await;
    let export = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n\
                  tee,Tee,Size,S,,1.00\ntee,,,S!,,1.00\n";
    let first = shop.import(export, CSV).await;
    assert_eq!(counts(&first), (2, 0, 0));
    let products = shop.products().await;
    let made: Vec<&str> = products[1..].iter().map(|product| product.sku.as_str()).collect();
    assert!(
        made.iter().all(|sku| sku.starts_with("tee-s-") && sku.len() == 14),
        "{made:?}"
    );
    let expected = format!(
        "2: the sku \"tee-s\" is that of \"other\" (S); {:?} is used instead",
        made[0]
    );
    assert_eq!(told(&first.warnings)[0], expected);
    assert_eq!(counts(&shop.import(export, CSV).await), (0, 2, 0));
    assert_eq!(shop.products().await, products);
}

async fn skus_may_be_passed_on_within_a_file(shop: Shop) {
    let export = |first: &str, second: &str| {
        format!(
            "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\ntee,Tee,Size,S,{first},1.00\ntee,,,M,{second},1.00\n"
        )
    };
    shop.import(export("a", "b"), CSV).await;
    // The one that takes a sku stands behind the one that lets it go, and the other way round.
    assert_eq!(counts(&shop.import(export("c", "a"), CSV).await), (0, 2, 0));
    assert_eq!(shop.product("a").await.options.0[0].1, "M");
    let report = shop.import(export("a", "d"), CSV).await;
    assert_eq!(told(&report.warnings).len(), 1, "{:?}", report.warnings);
    assert_eq!(shop.product("d").await.options.0[0].1, "M");
    assert_eq!(shop.import(export("a", "d"), CSV).await.warnings, []);
    assert_eq!(shop.product("a").await.options.0[0].1, "S");
}

/// A table of many lines.
fn table(lines: std::ops::Range<usize>) -> String {
    let lines: Vec<String> = lines.map(|n| format!("sku-{n},Product {n},1.00,1\n")).collect();
    format!("sku,name,price,stock\n{}", lines.concat())
}

async fn what_breaks_off_leaves_whole_chunks(shop: Shop) {
    let text = table(0..4_300);
    let end = text.find("sku-4200,").unwrap() + 4;
    let arrived = Bytes::from(text.as_bytes()[..end].to_vec());
    let arrived = pieces(arrived, 1_000).map_err(|never| match never {});
    let broken = futures::stream::iter([Err(std::io::Error::other("reset"))]);
    let mut heard = Vec::new();
    let failure = shop
        .service
        .import(arrived.chain(broken), CSV, By::default(), |so_far| {
            heard.push(so_far.created);
        })
        .await
        .unwrap_err();
    assert!(matches!(failure.error, ImportError::Source(_)), "{failure:?}");
    assert_eq!(failure.report.created, 4_000);
    assert_eq!(heard, [2_000, 4_000]);
    assert_eq!(shop.stores.products.page_by_id(None, 5_000).await.unwrap().len(), 4_000);
    assert_eq!(counts(&shop.import(text, CSV).await), (300, 4_000, 0));
    let exported = shop.stores.products.page_by_id(None, 5_000).await.unwrap();
    let skus: Vec<&str> = exported.iter().map(|exported| exported.product.sku.as_str()).collect();
    let expected: Vec<String> = (0..4_300).map(|n| format!("sku-{n}")).collect();
    assert_eq!(skus, expected, "an export has the order of the file");
}

async fn lists_of_notes_are_bounded(shop: Shop) {
    let lines: Vec<String> = (0..1_100).map(|n| format!("sku-{n},,1\n")).collect();
    let text = format!("sku,name,stock\n{}", lines.concat());
    let report = shop.import(text, CSV).await;
    assert_eq!(
        (report.failed, report.errors.len(), report.truncated),
        (1_100, 1_000, true)
    );
    assert_eq!((report.errors[0].line, report.errors[999].line), (2, 1_001));
}

async fn the_lines_of_one_product_are_bounded(shop: Shop) {
    let header = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Image Src\n";
    let lines: Vec<String> = (0..5_002).map(|n| format!("a,,,{n},1.00,\n")).collect();
    let text = format!("{header}a,A,Number,first,1.00,\n{}b,B,,,2.00,\n", lines.concat());
    let report = shop.try_import(text, CSV, 100_000).await.unwrap();
    assert_eq!(counts(&report), (5_001, 0, 3));
    assert_eq!(faults(&report)[0], "5002: a product has at most 5000 lines and 16 MiB");
}

async fn columns_may_be_parted_by_semicolons(shop: Shop) {
    let report = shop.import("SKU;Name;Price;Stock\na;Lamp, small;12,50;1\n", CSV).await;
    assert_eq!(counts(&report), (1, 0, 0));
    let lamp = shop.product("a").await;
    assert_eq!((lamp.name.as_str(), lamp.price), ("Lamp, small", usd(1250)));
    let report = shop.import("sku\tname\tprice\tstock\nb\tLamp\t12.50\t1\n", CSV).await;
    assert_eq!(counts(&report), (1, 0, 0));
}

async fn a_file_that_is_something_else_is_refused_whole(shop: Shop) {
    let long = "x".repeat(3 * 1024 * 1024);
    for text in [
        "",
        "\n\n",
        "a,b\n1,2\n",
        "{\"sku\": 1}",
        "\"sku,name\n",
        "\u{feff}",
        "PK\u{3}\u{4}",
        &long,
        "<html>",
    ] {
        let failure = shop.try_import(text.to_owned(), CSV, 1_000_000).await.unwrap_err();
        assert!(matches!(failure.error, ImportError::Unreadable(_)), "{text:.20}");
    }
    let utf16: Vec<u8> = "\u{feff}sku,name\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let failure = shop.try_import(utf16, CSV, 1).await.unwrap_err();
    assert_eq!(failure.error.to_string(), "the file is UTF-16; save it as UTF-8");
    assert_eq!(counts(&shop.import("sku,name,price,stock\n", CSV).await), (0, 0, 0));
    let lines = ImportOptions {
        format: FileFormat::Ndjson,
        ..CSV
    };
    assert_eq!(counts(&shop.import("", lines).await), (0, 0, 0));
}
