//! What a file may name, by where it lies.

use std::path::{Path, PathBuf};

/// A source file: its path from the root, and its code without comments and without what stands in quotes.
struct Source {
    path: String,
    code: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push(Source {
                    path,
                    code: code_of(&text),
                });
            }
        }
    }
    found
}

/// Drops line comments and the insides of plain string literals; enough for a search by word.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let mut is_quoted = false;
        let mut before = ' ';
        for (at, character) in line.char_indices() {
            if !is_quoted && line[at..].starts_with("//") {
                break;
            }
            if character == '"' && before != '\\' && before != '\'' {
                is_quoted = !is_quoted;
            }
            if !is_quoted {
                code.push(character);
            }
            before = character;
        }
        code.push('\n');
    }
    code
}

/// The lines of a file that name one of the words.
fn naming(source: &Source, words: &[&str]) -> Vec<String> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let names = |line: &str| line.split(|c| !is_part(c)).any(|word| words.contains(&word));
    let lines = source.code.lines().enumerate().filter(|(_, line)| names(line));
    lines
        .map(|(at, line)| format!("{}:{}: {}", source.path, at + 1, line.trim()))
        .collect()
}

fn assert_nothing_names(is_bound: impl Fn(&str) -> bool, words: &[&str], rule: &str) {
    let bound: Vec<Source> = sources().into_iter().filter(|source| is_bound(&source.path)).collect();
    let offences: Vec<String> = bound.iter().flat_map(|source| naming(source, words)).collect();
    assert!(offences.is_empty(), "{rule}:\n{}", offences.join("\n"));
}

fn is_rules(path: &str) -> bool {
    path.contains("-service/src/service.rs") || path.contains("-service/src/service/")
}

fn is_adapter(path: &str) -> bool {
    ["/src/http.rs", "/src/http/", "/src/grpc.rs", "/src/grpc/"]
        .iter()
        .any(|part| path.contains(part))
        && path.contains("-service/")
}

#[test]
fn business_rules_name_no_framework_and_no_database() {
    assert_nothing_names(
        is_rules,
        &["axum", "tonic", "sqlx", "reqwest", "http"],
        "service.rs speaks in domain types",
    );
}

#[test]
fn adapters_do_not_touch_a_store() {
    assert_nothing_names(
        is_adapter,
        &["store", "sqlx"],
        "http and grpc translate and call the service",
    );
}

#[test]
fn the_platform_knows_no_domain_word() {
    let is_platform = |path: &str| path.starts_with("shared/platform/") && path.contains("/src/");
    let words = [
        "Product",
        "ProductId",
        "Sku",
        "Order",
        "OrderId",
        "Stock",
        "Cart",
        "Catalogue",
        "checkout",
    ];
    assert_nothing_names(is_platform, &words, "platform/* knows no domain word");
}

#[test]
fn no_module_is_a_drawer_for_everything() {
    let drawers = ["utils", "util", "common", "helpers", "helper", "manager", "misc"];
    let sources = sources();
    let is_drawer = |source: &&Source| {
        Path::new(&source.path)
            .iter()
            .any(|part| drawers.contains(&part.to_string_lossy().trim_end_matches(".rs")))
    };
    let offences: Vec<&str> = sources
        .iter()
        .filter(is_drawer)
        .map(|source| source.path.as_str())
        .collect();
    assert!(offences.is_empty(), "name a module by what it does: {offences:?}");
}

#[test]
fn statements_are_not_formatted_outside_platform_sql() {
    let is_other =
        |path: &str| !path.starts_with("shared/platform/sql/") && !path.starts_with("shared/platform/testing/");
    assert_nothing_names(
        is_other,
        &["AssertSqlSafe"],
        "formatted SQL has no place outside platform/sql",
    );
}

#[test]
fn the_search_sees_code_and_not_comments() {
    let text = "use axum::Router; // sqlx\nlet a = \"reqwest\";\n";
    let source = Source {
        path: "x.rs".to_owned(),
        code: code_of(text),
    };
    assert_eq!(
        naming(&source, &["axum", "sqlx", "reqwest"]),
        ["x.rs:1: use axum::Router;"]
    );
}
