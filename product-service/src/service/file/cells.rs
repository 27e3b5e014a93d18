//! Lists in one cell of a table: plainly where that can be read back, else as JSON.

use product_api::{Image, Options};
use serde::Deserialize;

use crate::service::draft::ImageDraft;

/// `new, on sale`, or a JSON array where a tag has a comma or blanks at its ends.
pub(in crate::service) fn write_tags(tags: &[String]) -> String {
    let is_plain = |tag: &String| !tag.is_empty() && tag.trim() == tag && !tag.contains(',');
    let starts_as_json = tags.first().is_some_and(|tag| tag.starts_with('['));
    if starts_as_json || !tags.iter().all(is_plain) {
        return to_json(&tags);
    }
    tags.join(", ")
}

/// Tags that are there already are left out.
pub(in crate::service) fn read_tags(cell: &str) -> Result<Vec<String>, String> {
    let cell = cell.trim();
    let tags: Vec<String> = if cell.starts_with('[') {
        from_json(cell, "a JSON array of texts")?
    } else {
        let tags = cell.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        tags.map(str::to_owned).collect()
    };
    let mut seen = std::collections::HashSet::new();
    Ok(tags.into_iter().filter(|tag| seen.insert(tag.clone())).collect())
}

/// Addresses with a blank between, or a JSON array where a picture has a text.
pub(in crate::service) fn write_images(images: &[Image]) -> String {
    let is_plain = |image: &Image| {
        let url = &image.url;
        image.alt.is_empty() && !url.is_empty() && !url.starts_with('[') && !url.contains(char::is_whitespace)
    };
    if !images.iter().all(is_plain) {
        return to_json(&images);
    }
    let urls: Vec<&str> = images.iter().map(|image| image.url.as_str()).collect();
    urls.join(" ")
}

pub(in crate::service) fn read_images(cell: &str) -> Result<Vec<Image>, String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Entry {
        Url(String),
        Image(ImageDraft),
    }

    let cell = cell.trim();
    if !cell.starts_with('[') {
        let urls = cell.split_whitespace().map(str::to_owned);
        return Ok(urls
            .map(|url| Image {
                url,
                alt: String::new(),
            })
            .collect());
    }
    let entries: Vec<Entry> = from_json(cell, "a JSON array of addresses, or of objects with url and alt")?;
    let images = entries.into_iter().map(|entry| match entry {
        Entry::Url(url) => Image {
            url,
            alt: String::new(),
        },
        Entry::Image(image) => image.into(),
    });
    Ok(images.collect())
}

/// `Color: Navy; Size: S`, or a JSON object where that could not be read back.
pub(in crate::service) fn write_options(options: &Options) -> String {
    let is_plain = |text: &str| !text.is_empty() && text.trim() == text && !text.contains(';');
    let starts_as_json = options.0.first().is_some_and(|(name, _)| name.starts_with('{'));
    let are_plain = options
        .0
        .iter()
        .all(|(name, value)| is_plain(name) && is_plain(value) && !name.contains(':'));
    if starts_as_json || !are_plain {
        return to_json(options);
    }
    let pairs: Vec<String> = options
        .0
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    pairs.join("; ")
}

pub(in crate::service) fn read_options(cell: &str) -> Result<Options, String> {
    let cell = cell.trim();
    if cell.starts_with('{') {
        return from_json(cell, "a JSON object of texts");
    }
    let mut options: Vec<(String, String)> = Vec::new();
    for pair in cell.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
        let pair_of = pair.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
        let Some((name, value)) = pair_of else {
            return Err(format!("{pair:?} is not of the form Name: Value"));
        };
        if options.iter().any(|(known, _)| known == name) {
            return Err(format!("the option {name:?} stands twice"));
        }
        options.push((name.to_owned(), value.to_owned()));
    }
    Ok(Options(options))
}

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts, lists and pairs of texts are JSON")
}

fn from_json<T: for<'de> Deserialize<'de>>(cell: &str, expected: &str) -> Result<T, String> {
    serde_json::from_str(cell).map_err(|error| format!("is not {expected}: {error}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_people_type_is_read() {
        assert_eq!(read_tags(" new,on sale , ,new").unwrap(), texts(&["new", "on sale"]));
        assert_eq!(read_tags("").unwrap(), texts(&[]));
        assert!(read_tags("[1]").is_err());
        let images = read_images("https://a.example/1.png\nhttps://a.example/2.png").unwrap();
        assert_eq!(images.len(), 2);
        assert_eq!(read_images("[\"https://a.example/1.png\"]").unwrap()[0], images[0]);
        let options = read_options("Size: S; Print:a:b;").unwrap();
        let expected = [("Size", "S"), ("Print", "a:b")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(options.0, expected);
        assert!(read_options("Size").is_err() && read_options("a: 1; a: 2").is_err());
    }

    proptest! {
        #[test]
        fn tags_read_back(tags in prop::collection::hash_set("[a-c\\[\\]\", é;:{]{1,4}", 0..4)) {
            let tags: Vec<String> = tags.into_iter().collect();
            prop_assert_eq!(read_tags(&write_tags(&tags)).unwrap(), tags);
        }

        #[test]
        fn images_read_back(pairs in prop::collection::vec(("https://[a-c\\[,]{1,4}", "[a-c \"]{0,3}"), 0..4)) {
            let images: Vec<Image> = pairs.into_iter().map(|(url, alt)| Image { url, alt }).collect();
            prop_assert_eq!(read_images(&write_images(&images)).unwrap(), images);
        }

        #[test]
        fn options_read_back(pairs in prop::collection::btree_map("[a-c {:;\"]{1,4}", "[a-c {:;\"]{1,4}", 0..4)) {
            let options = Options(pairs.into_iter().collect());
            prop_assert_eq!(read_options(&write_options(&options)).unwrap(), options);
        }
    }
}
