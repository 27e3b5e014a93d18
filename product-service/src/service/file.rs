//! What files of products look like, for the import and the export alike.

pub(super) mod cells;
pub(super) mod price;

/// A format that is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// A table: see [`COLUMNS`]. The import takes a Shopify product export as well.
    Csv,
    /// A product a line, as JSON.
    Ndjson,
}

/// The columns of our own tables, in the order of an export.
pub const COLUMNS: [&str; 19] = [
    "sku",
    "name",
    "description",
    "category",
    "tags",
    "vendor",
    "images",
    "family",
    "options",
    "price",
    "compare_at_price",
    "currency",
    "stock",
    "published",
    "barcode",
    "weight_grams",
    FAMILY_NAME,
    FAMILY_DESCRIPTION,
    FAMILY_IMAGES,
];

/// What the family is called, where that is not what its member is called.
pub(super) const FAMILY_NAME: &str = "family_name";
/// The description of the family; counts only beside a name.
pub(super) const FAMILY_DESCRIPTION: &str = "family_description";
/// The pictures of the family; count only beside a name.
pub(super) const FAMILY_IMAGES: &str = "family_images";

impl FileFormat {
    /// The media type it travels as.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}
