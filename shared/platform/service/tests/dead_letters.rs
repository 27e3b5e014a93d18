//! The command `events dlq`, on letters in databases of both engines.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::sync::Arc;

use clap::Parser;
use platform_clock::{Clock, ManualClock};
use platform_events::testing::{Behaviour, Recorder, event};
use platform_events::{DeadLetter, Event};
use platform_service::{Events, Subscription, events};
use platform_sql::testing::TestDatabase;
use platform_sql::{Database, Migrations, Schema};

const SCHEMA: Schema = Schema {
    service: "shelf",
    sqlite: Migrations::new(&[]),
    postgres: Migrations::new(&[]),
};

macro_rules! on_both_engines {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::TestDatabase::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                let Some(database) = super::TestDatabase::postgres().await else { return };
                super::$test(database).await;
            })+
        }
    };
}

on_both_engines!(
    every_letter_is_listed_and_one_is_shown_whole,
    a_letter_that_is_taken_now_is_gone_and_one_that_is_refused_stays,
    a_command_about_what_is_not_there_says_so,
    the_command_opens_the_schemas_itself_and_looks_while_they_are_worked_on,
);

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: Events,
}

fn parse(line: &str) -> Events {
    Line::try_parse_from(line.split(' ')).unwrap().command
}

/// Some letters, and what the commands say of them.
struct Scene {
    database: Database,
    kept: Vec<Event>,
    subscriptions: Vec<Subscription>,
}

impl Scene {
    /// Subscription `shelf.till` has given up on 250 events, `shelf.sign` on one.
    async fn set(database: &TestDatabase, handler: Arc<Recorder>) -> Self {
        let database = database.open("shelf").await;
        database.migrate(&SCHEMA).await.unwrap();
        let (letters, clock) = (database.dead_letters(), ManualClock::default());
        let kept: Vec<Event> = (0..251).map(|number| event("thing.made.v1", number)).collect();
        for (number, event) in kept.iter().enumerate() {
            let letter = DeadLetter {
                subscription: if number == 250 { "shelf.sign" } else { "shelf.till" }.to_owned(),
                event: event.clone(),
                reason: "broken\nin two".to_owned(),
                attempts: 5,
                at: clock.now(),
            };
            letters.put(&letter).await.unwrap();
        }
        let till = Subscription {
            name: "shelf.till",
            handler,
        };
        Self {
            database,
            kept,
            subscriptions: vec![till],
        }
    }

    /// What a command prints, or why it fails.
    async fn says(&self, line: &str) -> (String, Result<(), String>) {
        let (Events::Dlq(command), mut out) = (parse(line), Vec::new());
        let letters = [self.database.dead_letters()];
        let outcome = command.run(&letters, &self.subscriptions, &mut out).await;
        (
            String::from_utf8(out).unwrap(),
            outcome.map_err(|error| error.to_string()),
        )
    }
}

async fn every_letter_is_listed_and_one_is_shown_whole(database: TestDatabase) {
    let scene = Scene::set(&database, Recorder::taking()).await;
    let (all, _) = scene.says("stoa dlq list").await;
    assert_eq!(all.lines().count(), 251);
    let id = scene.kept[250].id;
    let line = format!("shelf.sign\t{id}\tthing.made.v1\t2026-01-01T00:00:00.000000Z\t5\tbroken in two");
    assert_eq!(all.lines().next(), Some(&*line));
    let (of_till, _) = scene.says("stoa dlq list --subscription shelf.till").await;
    assert_eq!(of_till.lines().count(), 250);

    let (shown, _) = scene.says(&format!("stoa dlq show shelf.sign {id}")).await;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["reason"], "broken\nin two");
    assert_eq!(shown["event"], serde_json::to_value(&scene.kept[250]).unwrap());
}

async fn a_letter_that_is_taken_now_is_gone_and_one_that_is_refused_stays(database: TestDatabase) {
    let mended = Recorder::behaving(|event, _| match event.subject.as_str() {
        "7" | "120" => Behaviour::Poison,
        _ => Behaviour::Take,
    });
    let scene = Scene::set(&database, mended.clone()).await;
    let id = scene.kept[3].id;
    let (said, outcome) = scene.says(&format!("stoa dlq replay shelf.till {id}")).await;
    assert_eq!((said, outcome), (format!("{id} was taken\n"), Ok(())));
    assert_eq!(mended.taken(), ["3"]);

    let (said, outcome) = scene.says("stoa dlq replay shelf.till --all").await;
    assert_eq!(outcome, Err("2 dead letters were refused again".to_owned()));
    assert_eq!((said.lines().count(), mended.taken().len()), (249, 248));
    let (left, _) = scene.says("stoa dlq list --subscription shelf.till").await;
    assert_eq!(left.lines().count(), 2);
}

async fn a_command_about_what_is_not_there_says_so(database: TestDatabase) {
    let scene = Scene::set(&database, Recorder::taking()).await;
    let id = scene.kept[0].id;
    let refusal = async |line: String| scene.says(&line).await.1.unwrap_err();
    assert_eq!(
        refusal(format!("stoa dlq show shelf.sign {id}")).await,
        format!("subscription shelf.sign has no dead letter {id}")
    );
    assert_eq!(
        refusal("stoa dlq replay shelf.sign --all".to_owned()).await,
        "no subscription shelf.sign lives in this process"
    );
    for unclear in ["stoa dlq replay shelf.till", "stoa dlq show shelf.till 7"] {
        assert!(Line::try_parse_from(unclear.split(' ')).is_err(), "{unclear}");
    }
}

async fn the_command_opens_the_schemas_itself_and_looks_while_they_are_worked_on(database: TestDatabase) {
    let run = async |line: &str| events(database.config(), &[SCHEMA], &[], parse(line)).await;
    assert!(run("stoa dlq list").await.is_err());
    let scene = Scene::set(&database, Recorder::taking()).await;
    run("stoa dlq list").await.unwrap();
    scene.database.close().await;
    drop(scene);
    let refused = run("stoa dlq replay shelf.till --all").await.unwrap_err();
    assert_eq!(refused.to_string(), "no subscription shelf.till lives in this process");
}
