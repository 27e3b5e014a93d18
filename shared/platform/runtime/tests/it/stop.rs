//! How a process ends.

use std::time::Duration;

use platform_runtime::listener::Limits;
use tokio::net::TcpStream;

use crate::wire::{read_all, read_answer, start, write};

const GATE: &str = "GET /gate HTTP/1.1\r\nHost: t\r\n\r\n";

#[tokio::test]
async fn a_draining_process_is_not_ready_and_goes_on_serving_while_it_asks_to_be_left() {
    let process = start(Limits::public(true), Duration::from_hours(1));
    assert!(
        process
            .send("GET /health/ready HTTP/1.1")
            .await
            .contains(r#"{"status":"ok","checks":{"database":"ok"}}"#)
    );
    process.lifecycle.stop();
    let ready = process.send("GET /health/ready HTTP/1.1").await;
    assert!(
        ready.starts_with("HTTP/1.1 503") && ready.contains("stopping"),
        "{ready}"
    );
    assert!(process.send("GET /health HTTP/1.1").await.starts_with("HTTP/1.1 200"));

    let mut kept = process.connect().await;
    write(&mut kept, "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n").await;
    let answer = read_all(&mut kept).await;
    assert!(
        answer.contains("connection: close") && answer.ends_with("hello"),
        "{answer}"
    );

    // A second signal cuts the delay of an hour short.
    process.lifecycle.stop();
    assert!(process.ended.await.unwrap());
}

#[tokio::test]
async fn what_runs_is_finished_and_what_comes_is_refused() {
    let mut process = start(Limits::public(true), Duration::ZERO);
    let (mut running, mut idle) = (process.connect().await, process.connect().await);
    write(&mut idle, "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n").await;
    read_answer(&mut idle).await;
    write(&mut running, GATE).await;
    process.began.recv().await.unwrap();

    process.lifecycle.stop();
    assert_eq!(read_all(&mut idle).await, "", "an idle connection is closed");
    while TcpStream::connect(process.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!process.ended.is_finished());
    process.go_on.notify_one();
    let answer = read_all(&mut running).await;
    assert!(
        answer.contains("connection: close") && answer.ends_with("through"),
        "{answer}"
    );
    assert!(process.ended.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn work_that_does_not_end_is_left_behind_in_time() {
    let process = start(Limits::public(true), Duration::ZERO);
    let patient = process.lifecycle.spawn(std::future::pending::<()>());
    process.lifecycle.stop();
    assert!(!process.ended.await.unwrap());
    patient.abort();
}
