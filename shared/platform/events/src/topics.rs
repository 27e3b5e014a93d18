//! Which events a subscription wants.

/// A set of topics: exact (`stock.changed`) or all of one kind of thing (`product.*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics(Vec<String>);

impl Topics {
    /// From patterns; `*` stands for everything after its dot.
    pub fn new<T: Into<String>>(patterns: impl IntoIterator<Item = T>) -> Self {
        Self(patterns.into_iter().map(Into::into).collect())
    }

    /// Whether one of the patterns covers a topic.
    pub fn cover(&self, topic: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => topic.starts_with(prefix),
            None => topic == pattern,
        })
    }

    /// The patterns as given; a broker filters by them.
    pub fn patterns(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_exact_or_ends_in_a_star() {
        let topics = Topics::new(["product.*", "stock.changed"]);
        assert!(topics.cover("product.updated"));
        assert!(topics.cover("stock.changed"));
        assert!(!topics.cover("stock.changed.twice"));
        assert!(!topics.cover("production.began"));
    }
}
