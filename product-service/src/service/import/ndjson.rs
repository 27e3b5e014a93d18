//! A product a line, as JSON: the members of the API, and those of the family that an export has beside.

use std::fmt;

use platform_problem::Faults;
use product_api::Image;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::row::{FamilySaid, Said};
use crate::service::draft::{Given, ImageDraft, ProductDraft};
use crate::service::file::{FAMILY_DESCRIPTION, FAMILY_IMAGES, FAMILY_NAME};
use crate::store::Field;

/// What a product of the API has and nobody writes.
const READ_ONLY: [&str; 4] = ["id", "version", "created_at", "updated_at"];

/// What can be left out.
const FIELDS: [Field; 14] = [
    Field::Name,
    Field::Description,
    Field::Category,
    Field::Tags,
    Field::Vendor,
    Field::Images,
    Field::Family,
    Field::Options,
    Field::Price,
    Field::CompareAtPrice,
    Field::Stock,
    Field::Published,
    Field::Barcode,
    Field::WeightGrams,
];

/// What a line says.
pub(super) fn read(line: &str) -> Result<Said, String> {
    let members: Members<'_> = serde_json::from_str(line).map_err(|error| {
        let message = error.to_string();
        format!("is not a JSON object: {}", message.replace(" at line 1 ", " at "))
    })?;
    let mut said = Said::default();
    let (mut name, mut description, mut pictures) = (None, None, None);
    let faults = &mut said.faults;
    for (member, raw) in &members.0 {
        match member.as_str() {
            FAMILY_NAME => name = value(faults, member, raw),
            FAMILY_DESCRIPTION => description = value(faults, member, raw),
            FAMILY_IMAGES => pictures = images(faults, member, raw),
            member if READ_ONLY.contains(&member) => {}
            member => set(&mut said.draft, faults, member, raw),
        }
    }
    let is_there = |field: &Field| members.0.iter().any(|(member, _)| *member == field.to_string());
    said.unsaid.extend(FIELDS.iter().filter(|field| !is_there(field)));
    // What is there and cannot be read was told; it is not missing beside.
    let is_null = |field: Field| {
        members
            .0
            .iter()
            .any(|(member, raw)| *member == field.to_string() && raw.get() == "null")
    };
    let required = [
        (Field::Sku, said.draft.sku.is_none()),
        (Field::Name, said.draft.name.is_none()),
        (Field::Price, said.draft.price.is_none()),
    ];
    let unread = required
        .into_iter()
        .filter(|(field, is_none)| *is_none && is_there(field) && !is_null(*field));
    said.unsaid.extend(unread.map(|(field, _)| field));
    let name: Option<String> = name.flatten();
    said.family = name.map(|name| FamilySaid {
        name,
        description: description.flatten().unwrap_or_default(),
        images: pictures.unwrap_or_default(),
    });
    Ok(said)
}

fn set(draft: &mut ProductDraft, faults: &mut Faults, member: &str, raw: &RawValue) {
    match member {
        "sku" => draft.sku = value(faults, member, raw).flatten(),
        "name" => draft.name = value(faults, member, raw).flatten(),
        "description" => draft.description = value(faults, member, raw).flatten(),
        "category" => draft.category = value(faults, member, raw).flatten(),
        "tags" => draft.tags = value(faults, member, raw).flatten(),
        "vendor" => draft.vendor = value(faults, member, raw).flatten(),
        "images" => draft.images = images(faults, member, raw),
        "family" => draft.family = value(faults, member, raw).flatten(),
        "options" => draft.options = value(faults, member, raw).flatten(),
        "price" => draft.price = value(faults, member, raw).flatten(),
        "compare_at_price" => draft.compare_at_price = value(faults, member, raw).flatten(),
        "stock" => draft.stock = value(faults, member, raw).unwrap_or(Given::Null),
        "published" => draft.published = value(faults, member, raw).flatten(),
        "barcode" => draft.barcode = value(faults, member, raw).flatten(),
        "weight_grams" => draft.weight_grams = value(faults, member, raw).flatten(),
        _ => faults.add(format!("/{member}"), "is not a known member"),
    }
}

fn images(faults: &mut Faults, member: &str, raw: &RawValue) -> Option<Vec<Image>> {
    let drafts: Vec<ImageDraft> = value::<Option<_>>(faults, member, raw)??;
    Some(drafts.into_iter().map(Image::from).collect())
}

/// The value of a member, or the fault noted.
fn value<T: DeserializeOwned>(faults: &mut Faults, member: &str, raw: &RawValue) -> Option<T> {
    let read = serde_json::from_str(raw.get()).map_err(|error| {
        let message = error.to_string();
        // The place within the member helps nobody.
        let end = message.rfind(" at line ").unwrap_or(message.len());
        message[..end].to_owned()
    });
    faults.take(&format!("/{member}"), read)
}

/// The members of an object in their order, unread.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a product")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom(format_args!("{name:?} stands twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
