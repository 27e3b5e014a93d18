//! The end of a process that is told to stop.

use std::time::Duration;

use platform_sql::testing::TestDatabase;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::shop::{Shop, settings};

#[tokio::test]
async fn what_is_under_way_is_answered_before_the_process_ends() {
    let database = TestDatabase::sqlite();
    let shop = Shop::open(&database).await;
    let address = shop.process.address;
    let body = r#"{"email":"late@shop.example","password":"a password that is late","name":"Late"}"#;
    let head = format!(
        "POST /api/auth/register HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&body.as_bytes()[..10]).await.unwrap();
    // Answered after the first, so the first was taken by then.
    assert_eq!(shop.get(shop.process.url("/health")).await.0, 200);

    let ending = tokio::spawn(shop.process.terminate());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    client.write_all(&body.as_bytes()[10..]).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let status = ending.await.unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn while_it_drains_it_serves_and_asks_to_be_left() {
    let database = TestDatabase::sqlite();
    let mut settings = settings(&database);
    settings.push(("DRAIN_DELAY", "1m".to_owned()));
    let shop = Shop::open_with(&["serve"], &settings).await;
    let ready = shop.process.url("/health/ready");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let list = shop.request(Method::GET, "/api/products");
    let signal = Signal(shop.process.id());
    signal.send().await;
    let draining = async {
        while client.get(&ready).send().await.unwrap().status() != 503 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), draining).await.unwrap();
    let answer = list.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["connection"], "close");
    // The second signal cuts the delay short.
    shop.stop().await;
}

/// SIGTERM, to a process that is to be looked at afterwards.
struct Signal(u32);

impl Signal {
    async fn send(&self) {
        let mut kill = tokio::process::Command::new("kill");
        let sent = kill.args(["-TERM", &self.0.to_string()]).status().await.unwrap();
        assert!(sent.success());
    }
}
