//! The refusals of catalogue and stock.

use platform_problem::ProblemType;

/// A living product has the sku.
pub const SKU_TAKEN: ProblemType = ProblemType {
    code: "sku_taken",
    status: 409,
    title: "Sku taken",
    about: "A product that was not deleted has this sku.",
};

/// A living member of the family has the options.
pub const FAMILY_OPTIONS_TAKEN: ProblemType = ProblemType {
    code: "options_taken",
    status: 409,
    title: "Options taken",
    about: "The family has a variant with these options; two variants must differ.",
};

/// A PUT tried to write stock.
pub const STOCK_NOT_WRITABLE: ProblemType = ProblemType {
    code: "stock_not_writable",
    status: 422,
    title: "Stock is not writable here",
    about: "A sale may have happened meanwhile: change stock with POST /api/products/{id}/stock.",
};

/// A delta on a product that is not counted.
pub const STOCK_NOT_COUNTED: ProblemType = ProblemType {
    code: "stock_not_counted",
    status: 409,
    title: "Stock is not counted",
    about: "The product's stock is null; set a number before changing it by a delta.",
};

/// Fewer left than asked for.
pub const INSUFFICIENT_STOCK: ProblemType = ProblemType {
    code: "insufficient_stock",
    status: 409,
    title: "Not enough in stock",
    about: "Fewer pieces can be had than were asked for; items says what is short and how many there are.",
};

/// An order names what cannot be bought.
pub const UNKNOWN_PRODUCT: ProblemType = ProblemType {
    code: "unknown_product",
    status: 422,
    title: "Unknown product",
    about: "An item names a product that does not exist or is not for sale.",
};

/// An order in two currencies.
pub const MIXED_CURRENCY: ProblemType = ProblemType {
    code: "mixed_currency",
    status: 422,
    title: "More than one currency",
    about: "All items of an order must have prices in one currency.",
};

/// An order id was used again for other goods. Between processes alone: people cannot meet it.
pub const ORDER_ID_REUSED: ProblemType = ProblemType {
    code: "order_id_reused",
    status: 409,
    title: "Order id reused",
    about: "The order id was used for another request: a fault of the caller.",
};

/// All that people can meet, for the documentation.
pub const PROBLEMS: &[&ProblemType] = &[
    &SKU_TAKEN,
    &FAMILY_OPTIONS_TAKEN,
    &STOCK_NOT_WRITABLE,
    &STOCK_NOT_COUNTED,
    &INSUFFICIENT_STOCK,
    &UNKNOWN_PRODUCT,
    &MIXED_CURRENCY,
];
