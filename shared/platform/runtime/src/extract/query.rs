//! Query strings.

use std::collections::HashSet;
use std::fmt;

use axum::extract::FromRequestParts;
use http::request::Parts;
use platform_problem::{Faults, Problem};
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};

/// The parameters of a query string. A parameter that is unknown, given twice or of the wrong type: 422 with the
/// pointer `?name`.
///
/// The fields of `T` are the parameters; `T` must not use `#[serde(flatten)]`, which hides them.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let mut faults = Faults::default();
    let known = fields_of::<T>();
    let mut seen = HashSet::new();
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        if known.is_some_and(|known| !known.contains(&name.as_ref())) {
            faults.add(format!("?{name}"), "is not a known parameter");
        } else if seen.contains(&name) {
            faults.add(format!("?{name}"), "is given more than once");
        } else {
            seen.insert(name);
        }
    }
    faults.finish()?;
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let mut faults = Faults::default();
        faults.add(format!("?{}", error.path()), error.inner().to_string());
        faults.into_problem()
    })
}

/// The names of a struct's fields, as serde knows them; `None` for what is no struct.
fn fields_of<T: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let mut fields = None;
    // Always an error: the probe has no value to give, it only looks at what is asked for.
    let _ = T::deserialize(Probe(&mut fields));
    fields
}

struct Probe<'a>(&'a mut Option<&'static [&'static str]>);

#[derive(Debug)]
struct Probed;

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("probed")
    }
}

impl std::error::Error for Probed {}

impl de::Error for Probed {
    fn custom<M: fmt::Display>(_: M) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Probed;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Probed> {
        Err(Probed)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Probed> {
        *self.0 = Some(fields);
        Err(Probed)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Probed> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Page {
        limit: Option<u8>,
        #[serde(rename = "q")]
        text: Option<String>,
        #[serde(default)]
        count: bool,
    }

    fn pointers(query: &str) -> Vec<String> {
        let problem = parse::<Page>(query).unwrap_err();
        assert_eq!(problem.status(), 422);
        problem.errors().iter().map(|field| field.pointer.clone()).collect()
    }

    #[test]
    fn parameters_are_read() {
        let page: Page = parse("limit=5&q=two%20words&count=true").unwrap();
        let text = Some("two words".to_owned());
        assert_eq!(
            page,
            Page {
                limit: Some(5),
                text,
                count: true
            }
        );
        assert_eq!(
            parse::<Page>("").unwrap(),
            Page {
                limit: None,
                text: None,
                count: false
            }
        );
    }

    #[test]
    fn what_is_unknown_twice_or_of_the_wrong_type_is_refused_by_name() {
        assert_eq!(pointers("text=a&limit=1&limt=2"), ["?text", "?limt"]);
        assert_eq!(pointers("q=1&q=2"), ["?q"]);
        assert_eq!(pointers("limit=300"), ["?limit"]);
        assert_eq!(pointers("limit="), ["?limit"]);
    }
}
