//! Import and export through a real listener.

use bytes::Bytes;
use reqwest::{Body, Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api::{Shop, header, refusal, refused};

const IMPORT: &str = "/api/products/import";
const EXPORT: &str = "/api/products/export";

impl Shop {
    async fn import(&self, query: &str, content_type: &str, body: impl Into<Body>) -> Response {
        let request = self.admin(Method::POST, &format!("{IMPORT}{query}"));
        request
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .unwrap()
    }

    async fn export(&self, accept: &str) -> Response {
        self.admin(Method::GET, EXPORT)
            .header("accept", accept)
            .send()
            .await
            .unwrap()
    }
}

fn table(lines: usize) -> String {
    let lines: Vec<String> = (0..lines).map(|n| format!("sku-{n},Lamp {n},1.00,1\r\n")).collect();
    format!("sku,name,price,stock\r\n{}", lines.concat())
}

#[tokio::test]
async fn a_file_that_is_sent_is_there_and_comes_back() {
    let shop = Shop::open().await;
    let text = "sku,name,price,stock\na,Lamp,19.99,3\nb,,1.00,1\n";
    let answer = shop.import("?currency=EUR", "text/csv; charset=utf-8", text).await;
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "content-type")),
        (200, "application/json")
    );
    let report: Value = answer.json().await.unwrap();
    let expected = json!({"created": 1, "updated": 0, "failed": 1, "warnings": [], "truncated": false,
        "errors": [{"line": 3, "detail": "name is missing, which a new product needs"}]});
    assert_eq!(report, expected);
    let found = &shop.list("?q=lamp").await["items"][0];
    assert_eq!(found["price"], json!({"amount": 1999, "currency": "EUR"}));

    let lines = "{\"sku\":\"a\",\"stock\":9}\n{\"sku\":\"c\",\"name\":\"C\",\"price\":{\"amount\":1,\"currency\":\"USD\"},\"stock\":null}\n";
    let answer = shop.import("?stock=set", "application/x-ndjson", lines).await;
    let report: Value = answer.json().await.unwrap();
    assert_eq!((&report["created"], &report["updated"]), (&json!(1), &json!(1)));
    assert_eq!(
        shop.list("?q=lamp").await["items"][0]["stock"],
        9,
        "a reader sees it at once"
    );

    let answer = shop.export("text/csv").await;
    assert_eq!(header(&answer, "content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        header(&answer, "content-disposition"),
        "attachment; filename=\"products.csv\""
    );
    let rows = answer.text().await.unwrap();
    assert!(
        rows.contains("\r\na,Lamp,,,,,,,,19.99,,EUR,9,true,,,,,\r\nc,C,,"),
        "{rows}"
    );
    let answer = shop.export("application/x-ndjson").await;
    assert_eq!(header(&answer, "content-type"), "application/x-ndjson");
    let first: Value = serde_json::from_str(answer.text().await.unwrap().lines().next().unwrap()).unwrap();
    assert_eq!((&first["sku"], &first["stock"]), (&json!("a"), &json!(9)));
}

#[tokio::test]
async fn files_are_an_admins_business() {
    let shop = Shop::open().await;
    for (method, path) in [(Method::POST, IMPORT), (Method::GET, EXPORT)] {
        let nobody = shop.ask(method.clone(), path).body("sku\n").send().await.unwrap();
        assert_eq!(nobody.status(), 401, "{method} {path}");
        let customer = shop.ask(method.clone(), path).bearer_auth(&shop.customer).body("sku\n");
        assert_eq!(customer.send().await.unwrap().status(), 403, "{method} {path}");
    }
}

#[tokio::test]
async fn what_cannot_be_taken_at_all_is_refused() {
    let shop = Shop::open().await;
    for content_type in [
        "application/json",
        "text/csv; charset=iso-8859-1",
        "multipart/form-data",
        "text/plain",
        "",
    ] {
        let answer = shop.import("", content_type, "sku\n").await;
        assert_eq!(
            refusal(answer).await,
            refused(415, "unsupported_media_type", &[]),
            "{content_type}"
        );
    }
    let answer = shop.import("", "text/csv", "colour\nred\n").await;
    let body: Value = answer.json().await.unwrap();
    assert_eq!((&body["code"], &body["created"]), (&json!("invalid"), &json!(0)));
    assert!(body["detail"].as_str().unwrap().contains("column sku"), "{body}");
    let answer = shop.import("?stock=maybe&currency=usd", "text/csv", "sku\n").await;
    assert_eq!(refusal(answer).await.0, 422);
    let answer = shop.import("?dry_run=true", "text/csv", "sku\n").await;
    assert_eq!(refusal(answer).await, refused(422, "invalid", &["?dry_run"]));
    let answer = shop.export("text/html").await;
    assert_eq!(refusal(answer).await, refused(406, "not_acceptable", &[]));
    let answer = shop.export("*/*").await;
    assert_eq!(header(&answer, "content-type"), "text/csv; charset=utf-8");
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_whole_chunks() {
    let shop = Shop::open().await;
    let text = table(4_300);
    let arrives = text.find("sku-4200,").unwrap() + 4;
    let host = shop.address.strip_prefix("http://").unwrap().to_owned();
    let mut connection = TcpStream::connect(&host).await.unwrap();
    let head = format!(
        "POST {IMPORT} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\ncontent-type: text/csv\r\ncontent-length: {}\r\n\r\n",
        shop.admin,
        text.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&text.as_bytes()[..arrives]).await.unwrap();
    // The other half stays open for an answer.
    connection.shutdown().await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let there = shop.list("?count=true&limit=1").await["total"].as_u64().unwrap();
    assert!(there == 4_000 || there == 2_000, "{there} of whole chunks; {answer}");
    let answer = shop.import("", "text/csv", text).await;
    let report: Value = answer.json().await.unwrap();
    assert_eq!(
        (&report["created"], &report["updated"]),
        (&json!(4_300 - there), &json!(there))
    );
}

#[tokio::test]
async fn a_long_file_streams_both_ways() {
    let shop = Shop::open().await;
    let text = table(4_000);
    let (sender, pieces) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let (begin, rest) = text.split_at(text.find("sku-2100,").unwrap());
    let (begin, rest) = (Bytes::from(begin.to_owned()), Bytes::from(rest.to_owned()));
    let body = Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(pieces));
    let sending = shop.import("", "text/csv", body);
    let feeding = async {
        sender.send(Ok(begin)).await.unwrap();
        // What has arrived is written before the rest is sent.
        while shop.list("?count=true&limit=1").await["total"] != 2_000 {
            tokio::task::yield_now().await;
        }
        sender.send(Ok(rest)).await.unwrap();
        drop(sender);
    };
    let (answer, ()) = tokio::join!(sending, feeding);
    assert_eq!(answer.json::<Value>().await.unwrap()["created"], 4_000);
    let exported = shop.export("text/csv").await.text().await.unwrap();
    assert_eq!(exported.lines().count(), 4_001);
}
