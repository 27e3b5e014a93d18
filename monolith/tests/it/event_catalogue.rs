//! `shared/contracts/EVENTS.md` says what the contracts' event types say: every kind, every member, an example each.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use auth_api::events::{ACCOUNT_REGISTERED, AccountRegistered, SESSION_REVOKED, SessionRevoked};
use order_api::events::{ORDER_CANCELLED, ORDER_CONFIRMED, ORDER_PAID, ORDER_REJECTED, OrderChanged};
use product_api::events::{
    PRODUCT_CREATED, PRODUCT_DELETED, PRODUCT_UPDATED, ProductChanged, STOCK_CHANGED, StockChanged,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use user_api::events::{USER_CREATED, USER_UPDATED, UserChanged};
use utoipa::PartialSchema;

const MARKER: &str =
    "<!-- From here on the page is made from the types by `monolith/tests/it/event_catalogue.rs`. -->\n";

/// An event as the page shows it.
struct Documented {
    kind: &'static str,
    schema: Value,
    example: Value,
}

fn documented<T: PartialSchema + DeserializeOwned + Serialize>(kind: &'static str, example: Value) -> Documented {
    let read: T = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(
        serde_json::to_value(read).unwrap(),
        example,
        "the example of {kind} is not what is sent"
    );
    Documented {
        kind,
        schema: serde_json::to_value(T::schema()).unwrap(),
        example,
    }
}

fn all() -> Vec<Documented> {
    let id = "01936b2e-5c00-7000-8000-000000000001";
    let user = || json!({"user_id": id});
    let product = || json!({"product_id": id, "version": 3});
    let order = || json!({"order_id": id, "version": 2});
    vec![
        documented::<AccountRegistered>(ACCOUNT_REGISTERED, user()),
        documented::<SessionRevoked>(SESSION_REVOKED, json!({"session_id": id})),
        documented::<OrderChanged>(ORDER_CONFIRMED, order()),
        documented::<OrderChanged>(ORDER_PAID, order()),
        documented::<OrderChanged>(ORDER_REJECTED, order()),
        documented::<OrderChanged>(ORDER_CANCELLED, order()),
        documented::<ProductChanged>(PRODUCT_CREATED, product()),
        documented::<ProductChanged>(PRODUCT_UPDATED, product()),
        documented::<ProductChanged>(PRODUCT_DELETED, product()),
        documented::<StockChanged>(STOCK_CHANGED, json!({"product_id": id, "available": 41, "seq": 17})),
        documented::<UserChanged>(USER_CREATED, user()),
        documented::<UserChanged>(USER_UPDATED, user()),
    ]
}

fn contracts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/contracts")
}

/// The kinds that the contracts' sources name, with what is said of each there.
fn named_in_the_sources() -> BTreeMap<String, String> {
    let mut named = BTreeMap::new();
    for contract in std::fs::read_dir(contracts()).unwrap() {
        let Ok(source) = std::fs::read_to_string(contract.unwrap().path().join("src/events.rs")) else {
            continue;
        };
        let mut said = String::new();
        for line in source.lines() {
            if let Some(text) = line.strip_prefix("/// ") {
                let _ = write!(said, "{}{text}", if said.is_empty() { "" } else { " " });
                continue;
            }
            let said = std::mem::take(&mut said);
            let is_kind = line.starts_with("pub const ") && line.contains(": &str = ");
            if let Some(kind) = line.split('"').nth(1).filter(|_| is_kind) {
                named.insert(kind.to_owned(), said);
            }
        }
    }
    named
}

fn type_of(member: &Value) -> String {
    if let Some(name) = member["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        assert!(name.ends_with("Id"), "{name} needs words of its own here");
        return "UUID".to_owned();
    }
    match &member["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        one => one.as_str().unwrap().to_owned(),
    }
}

fn page() -> String {
    let said = named_in_the_sources();
    let mut page = String::from(MARKER);
    for event in all() {
        let topic = event.kind.rsplit_once(".v").unwrap().0;
        let what = &said[event.kind];
        let _ = write!(
            page,
            "\n## `{}`\n\n{what} Subject `{topic}`.\n\n| member | type | |\n|---|---|---|\n",
            event.kind
        );
        for (name, member) in event.schema["properties"].as_object().unwrap() {
            let meaning = member["description"].as_str().unwrap_or_default();
            let _ = writeln!(page, "| `{name}` | {} | {meaning} |", type_of(member));
        }
        let _ = write!(page, "\n```json\n{}\n```\n", event.example);
    }
    page
}

#[test]
fn every_event_that_a_contract_names_is_documented() {
    let documented: Vec<&str> = all().iter().map(|event| event.kind).collect();
    let missing: Vec<String> = named_in_the_sources().into_keys().collect();
    let missing: Vec<&String> = missing
        .iter()
        .filter(|kind| !documented.contains(&kind.as_str()))
        .collect();
    assert!(missing.is_empty(), "add to this test: {missing:?}");
}

#[test]
fn the_page_says_what_the_types_say() {
    let path = contracts().join("EVENTS.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let (words, generated) = written.split_at(written.find(MARKER).unwrap());
    if generated != page() {
        let new = path.with_extension("md.new");
        std::fs::write(&new, format!("{words}{}", page())).unwrap();
        panic!(
            "EVENTS.md is out of date: look at {} and put it in its place",
            new.display()
        );
    }
}
