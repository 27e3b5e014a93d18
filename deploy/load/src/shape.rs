//! How a shop's API looks from outside: paths, bodies and the fields that are read back.

use std::fmt::Write;

use serde_json::{Value, json};

/// Which API the shop speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Shape {
    /// Ours: `/api/...`, ids are strings, lists walk by cursor.
    Stoa,
    /// The gin peers': no prefix, numeric ids, lists walk by offset, no search, products come with the database.
    Gin,
}

/// One product as the preparation writes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewProduct {
    /// Its place among the products of the preparation, from 0.
    pub index: usize,
    /// How many are on the shelf.
    pub stock: u64,
}

const ADJECTIVES: [&str; 10] = [
    "Sturdy", "Quiet", "Bright", "Plain", "Folding", "Heavy", "Light", "Round", "Narrow", "Warm",
];
const NOUNS: [&str; 10] = [
    "lamp", "chair", "kettle", "basket", "ladder", "blanket", "mirror", "table", "shelf", "bucket",
];

impl Shape {
    /// What answers 200 once the shop takes requests.
    pub fn ready_path(self) -> &'static str {
        match self {
            Self::Stoa => "/health/ready",
            Self::Gin => "/health",
        }
    }

    /// Where an account is made.
    pub fn register_path(self) -> &'static str {
        match self {
            Self::Stoa => "/api/auth/register",
            Self::Gin => "/auth/register",
        }
    }

    /// Where a token is had.
    pub fn login_path(self) -> &'static str {
        match self {
            Self::Stoa => "/api/auth/login",
            Self::Gin => "/auth/login",
        }
    }

    /// The field of the login's answer that holds the token.
    pub fn token_field(self) -> &'static str {
        match self {
            Self::Stoa => "access_token",
            Self::Gin => "token",
        }
    }

    /// The list of products, which is also where products are created.
    pub fn products_path(self) -> &'static str {
        match self {
            Self::Stoa => "/api/products",
            Self::Gin => "/products",
        }
    }

    /// One product.
    pub fn product_path(self, id: &str) -> String {
        format!("{}/{id}", self.products_path())
    }

    /// The page of products that comes after `cursor`, or after the `seen` first ones where a list walks by offset.
    pub fn page_path(self, limit: usize, cursor: Option<&str>, seen: usize) -> String {
        let path = self.products_path();
        match (self, cursor) {
            (Self::Stoa, None) => format!("{path}?limit={limit}"),
            (Self::Stoa, Some(cursor)) => format!("{path}?limit={limit}&cursor={}", escaped(cursor)),
            (Self::Gin, _) => format!("{path}?limit={limit}&offset={seen}"),
        }
    }

    /// The search for `words`, where there is one.
    pub fn search_path(self, words: &str) -> Option<String> {
        match self {
            Self::Stoa => Some(format!("{}?limit=20&q={}", self.products_path(), escaped(words))),
            Self::Gin => None,
        }
    }

    /// The caller's orders, and where orders are placed.
    pub fn orders_path(self) -> &'static str {
        match self {
            Self::Stoa => "/api/orders",
            Self::Gin => "/orders",
        }
    }

    /// An id as it stands in a JSON body.
    pub fn id_literal(self, id: &str) -> String {
        match self {
            Self::Stoa => format!("\"{id}\""),
            Self::Gin => id.to_owned(),
        }
    }

    /// An id as the shop's JSON shows it.
    pub fn id_of(self, product: &Value) -> Option<String> {
        match (self, &product["id"]) {
            (Self::Stoa, Value::String(id)) => Some(id.clone()),
            (Self::Gin, Value::Number(id)) => Some(id.to_string()),
            _ => None,
        }
    }

    /// Whether products have to be created; else they come with the shop's own seed.
    pub fn takes_products(self) -> bool {
        self == Self::Stoa
    }
}

/// A line of an order, of one piece.
pub fn order_line(id_literal: &str) -> String {
    format!(r#"{{"product_id":{id_literal},"quantity":1}}"#)
}

/// The body of an order of these lines.
pub fn order_body<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut body = String::from(r#"{"items":["#);
    for (nth, line) in lines.enumerate() {
        if nth > 0 {
            body.push(',');
        }
        body.push_str(line);
    }
    body.push_str("]}");
    body
}

impl NewProduct {
    /// Its sku; the same index has the same sku in every preparation.
    pub fn sku(&self) -> String {
        format!("BENCH-{:07}", self.index)
    }

    /// What the shop is sent: as long as the description of the peers' products, so that answers weigh the same.
    pub fn body(&self) -> Value {
        let index = self.index;
        let filler = "It is useful around the house and in the garden. ".repeat(3);
        json!({
            "sku": self.sku(),
            "name": format!("{} {} {index}", ADJECTIVES[index % 10], NOUNS[index / 10 % 10]),
            "description": format!("A sturdy thing, number {index}. {filler}"),
            "category": format!("bench-{}", index % 2),
            "tags": [format!("bench-{}", index / 2 % 2)],
            "price": {"amount": 100 + index * 7, "currency": "USD"},
            "stock": self.stock,
        })
    }
}

/// What shoppers look for: one word, two words, and a word half typed.
pub fn search_words() -> Vec<String> {
    let mut words = Vec::new();
    for (adjective, noun) in ADJECTIVES.iter().zip(NOUNS) {
        words.push(noun.to_owned());
        words.push(format!("{adjective} {noun}"));
        words.push(noun[..3].to_owned());
    }
    words
}

/// Percent-encodes what may not stand in a query (RFC 3986: all but the unreserved characters).
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            write!(safe, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_of_three_is_the_json_that_each_shop_reads() {
        for (shape, ids, first) in [
            (Shape::Stoa, ["a", "b", "c"], json!("a")),
            (Shape::Gin, ["1", "2", "3"], json!(1)),
        ] {
            let lines: Vec<String> = ids.iter().map(|id| order_line(&shape.id_literal(id))).collect();
            let body: Value = serde_json::from_str(&order_body(lines.iter().map(String::as_str))).unwrap();
            assert_eq!(body["items"].as_array().unwrap().len(), 3);
            assert_eq!(body["items"][0], json!({"product_id": first, "quantity": 1}));
        }
    }

    #[test]
    fn an_id_is_read_back_in_the_form_that_its_shop_uses() {
        assert_eq!(Shape::Stoa.id_of(&json!({"id": "018f"})).as_deref(), Some("018f"));
        assert_eq!(Shape::Gin.id_of(&json!({"id": 7})).as_deref(), Some("7"));
        assert_eq!(Shape::Gin.id_of(&json!({"id": "018f"})), None);
    }

    #[test]
    fn a_page_is_asked_for_by_cursor_or_by_offset() {
        assert_eq!(
            Shape::Stoa.page_path(20, Some("a+/="), 40),
            "/api/products?limit=20&cursor=a%2B%2F%3D"
        );
        assert_eq!(Shape::Gin.page_path(20, None, 40), "/products?limit=20&offset=40");
    }

    #[test]
    fn search_words_are_escaped_and_absent_where_there_is_no_search() {
        assert_eq!(
            Shape::Stoa.search_path("Warm bucket").unwrap(),
            "/api/products?limit=20&q=Warm%20bucket"
        );
        assert_eq!(Shape::Gin.search_path("Warm"), None);
    }
}
