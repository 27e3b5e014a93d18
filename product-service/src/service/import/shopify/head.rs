//! What the variants of a Shopify product have in common.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use product_api::Image;

use super::super::csv::Record;
use super::super::report::Note;
use super::super::row::yes_or_no;
use super::clean_line;
use super::header::{Column, Header};
use crate::service::draft::{MAX_ALT, MAX_IMAGES, is_forbidden_in_prose, is_web_address};
use crate::service::file::cells::read_tags;

/// How much of past products is remembered, for lines that stand apart from the first ones of their product.
const MAX_REMEMBERED_BYTES: usize = 32 * 1024 * 1024;

/// What the variants of a product have in common.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) title: String,
    pub(super) body: String,
    pub(super) vendor: String,
    pub(super) category: String,
    pub(super) tags: Vec<String>,
    pub(super) published: Result<bool, String>,
    /// The names of the options by their places.
    pub(super) options: Vec<String>,
    pub(super) images: Vec<Image>,
}

/// A picture as a line has it.
pub(super) struct ImageLine {
    pub(super) line: u64,
    pub(super) url: String,
    pub(super) alt: String,
    /// Where it stands among the others, if the file says so.
    pub(super) position: Option<i64>,
}

/// The heads of past products, the latest ones.
#[derive(Default)]
pub(super) struct Heads {
    by_handle: HashMap<String, (Arc<Head>, usize)>,
    /// Handles in the order in which they came.
    order: VecDeque<String>,
    weight: usize,
}

impl Head {
    /// Of the line that has them.
    pub(super) fn read(header: &Header, record: &Record, images: Vec<Image>) -> Self {
        let cell = |column| header.cell(record, column);
        let category = cell(Column::Category).rsplit('>').next().unwrap_or_default();
        let kind = Some(cell(Column::Type)).filter(|kind| !kind.is_empty());
        Self {
            title: clean_line(cell(Column::Title)),
            body: cell(Column::Body).replace(is_forbidden_in_prose, " "),
            vendor: clean_line(cell(Column::Vendor)),
            category: clean_line(kind.unwrap_or(category)),
            // A cell that begins with a bracket is no JSON here.
            tags: read_tags(&format!(",{}", clean_line(cell(Column::Tags)))).unwrap_or_default(),
            published: published(cell(Column::Published), cell(Column::Status)),
            options: header
                .options(record, Column::OptionName)
                .into_iter()
                .map(clean_line)
                .collect(),
            images,
        }
    }

    /// The pictures of a variant: its own before the others.
    pub(super) fn images_with(&self, own: Option<String>) -> Vec<Image> {
        let Some(url) = own else {
            return self.images.clone();
        };
        let known = self.images.iter().find(|image| image.url == url);
        let own = known.cloned().unwrap_or(Image {
            url: url.clone(),
            alt: String::new(),
        });
        let others = self.images.iter().filter(|image| image.url != url).cloned();
        std::iter::once(own).chain(others).take(MAX_IMAGES).collect()
    }

    fn weight(&self) -> usize {
        let images = self.images.iter().map(|image| image.url.len() + image.alt.len() + 64);
        let texts = [&self.title, &self.body, &self.vendor, &self.category];
        let texts = texts.into_iter().chain(&self.tags).chain(&self.options);
        images.sum::<usize>() + texts.map(|text| text.len() + 32).sum::<usize>()
    }
}

impl Heads {
    pub(super) fn remember(&mut self, handle: &str, head: Arc<Head>) {
        let weight = 2 * handle.len() + head.weight();
        self.weight += weight;
        match self.by_handle.insert(handle.to_owned(), (head, weight)) {
            Some((_, old)) => self.weight -= old,
            None => self.order.push_back(handle.to_owned()),
        }
        while self.weight > MAX_REMEMBERED_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if let Some((_, weight)) = self.by_handle.remove(&oldest) {
                self.weight -= weight;
            }
        }
    }

    pub(super) fn get(&self, handle: &str) -> Option<Arc<Head>> {
        self.by_handle.get(handle).map(|(head, _)| head.clone())
    }
}

/// An empty cell means yes. What is a draft or archived is not shown.
fn published(published: &str, status: &str) -> Result<bool, String> {
    let is_hidden = ["draft", "archived", "unlisted"]
        .iter()
        .any(|hidden| status.eq_ignore_ascii_case(hidden));
    let is_published = if published.is_empty() {
        true
    } else {
        yes_or_no(published)?
    };
    Ok(is_published && !is_hidden)
}

/// The pictures of a product in their order, each once; what cannot be taken is told.
pub(super) fn images(mut lines: Vec<ImageLine>, notes: &mut Vec<Note>) -> Vec<Image> {
    lines.sort_by_key(|image| image.position.unwrap_or(i64::MAX));
    let mut seen = HashSet::new();
    let mut images = Vec::new();
    for image in lines {
        let Some(url) = address(&image.url) else {
            let fault = format!(
                "the image {:?} is left out: it is not an absolute http or https address",
                image.url
            );
            notes.push(Note::new(image.line, fault));
            continue;
        };
        if !seen.insert(url.clone()) {
            continue;
        }
        if images.len() == MAX_IMAGES {
            let fault = format!("the image is left out: a product has at most {MAX_IMAGES}");
            notes.push(Note::new(image.line, fault));
            continue;
        }
        let alt = clean_line(&image.alt);
        let cut: String = alt.chars().take(MAX_ALT).collect();
        if cut.len() < alt.len() {
            let fault = format!("the text of the image is cut after {MAX_ALT} characters");
            notes.push(Note::new(image.line, fault));
        }
        images.push(Image { url, alt: cut });
    }
    images
}

/// An address as a browser needs it.
pub(super) fn address(text: &str) -> Option<String> {
    let url = if text.starts_with("//") {
        format!("https:{text}")
    } else {
        text.to_owned()
    };
    let url = url.trim().replace(' ', "%20");
    is_web_address(&url).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_in_one_way_or_the_other_is_hidden() {
        let of = |text: &str, status: &str| published(text, status).ok();
        assert_eq!(
            (of("", ""), of("TRUE", "active"), of("yes", "")),
            (Some(true), Some(true), Some(true))
        );
        assert_eq!((of("false", "active"), of("true", "Draft")), (Some(false), Some(false)));
        assert_eq!(of("maybe", ""), None);
    }

    #[test]
    fn an_address_is_made_whole() {
        assert_eq!(
            address("//cdn.example/a b.png").as_deref(),
            Some("https://cdn.example/a%20b.png")
        );
        assert_eq!(address("images/a.png"), None);
        assert_eq!(address(""), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut heads = Heads::default();
        let head = |bytes| {
            let header = Header::of_names(&["Handle".to_owned()]).unwrap();
            let mut head = Head::read(&header, &Record::default(), Vec::new());
            head.body = "x".repeat(bytes);
            Arc::new(head)
        };
        heads.remember("a", head(20 * 1024 * 1024));
        heads.remember("a", head(1024 * 1024));
        heads.remember("b", head(20 * 1024 * 1024));
        assert!(heads.get("a").is_some() && heads.get("b").is_some());
        heads.remember("c", head(20 * 1024 * 1024));
        assert!(heads.get("a").is_none() && heads.get("b").is_none() && heads.get("c").is_some());
    }
}
