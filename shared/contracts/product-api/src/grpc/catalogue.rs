//! Products and changes, one by one.

use values::grpc::{MessageError, each, field, moment, required};
use values::{Money, Sku};

use super::proto;
use super::value::{product_id, view_of};
use crate::calls::{ChangesSince, DeleteProduct, GetProduct, GetProducts, ProductsFound, UpdateProduct};
use crate::{Change, ChangesPage, NewProduct, Options, Product, ProductUpdate};

impl From<Product> for proto::Product {
    fn from(product: Product) -> Self {
        Self {
            id: product.id.to_string(),
            sku: product.sku.into(),
            name: product.name,
            description: product.description,
            category: product.category,
            tags: product.tags,
            vendor: product.vendor,
            images: product.images.into_iter().map(Into::into).collect(),
            family: product.family,
            options: product.options.into(),
            price: Some(product.price.into()),
            compare_at_price: product.compare_at_price.map(Into::into),
            stock: product.stock,
            published: product.published,
            barcode: product.barcode,
            weight_grams: product.weight_grams,
            version: product.version,
            created_at: Some(product.created_at.into()),
            updated_at: Some(product.updated_at.into()),
        }
    }
}

impl TryFrom<proto::Product> for Product {
    type Error = MessageError;

    fn try_from(product: proto::Product) -> Result<Self, MessageError> {
        Ok(Self {
            id: product_id("id", &product.id)?,
            sku: field("sku", Sku::try_from(product.sku))?,
            name: product.name,
            description: product.description,
            category: product.category,
            tags: product.tags,
            vendor: product.vendor,
            images: product.images.into_iter().map(Into::into).collect(),
            family: product.family,
            options: field("options", product.options.try_into())?,
            price: money("price", product.price)?,
            compare_at_price: optional_money("compare_at_price", product.compare_at_price)?,
            stock: product.stock,
            published: product.published,
            barcode: product.barcode,
            weight_grams: product.weight_grams,
            version: product.version,
            created_at: moment("created_at", product.created_at)?,
            updated_at: moment("updated_at", product.updated_at)?,
        })
    }
}

impl From<Options> for Vec<proto::ProductOption> {
    fn from(options: Options) -> Self {
        let pairs = options.0.into_iter();
        pairs
            .map(|(name, value)| proto::ProductOption { name, value })
            .collect()
    }
}

impl TryFrom<Vec<proto::ProductOption>> for Options {
    type Error = MessageError;

    fn try_from(options: Vec<proto::ProductOption>) -> Result<Self, MessageError> {
        let pairs = options.into_iter().map(|option| (option.name, option.value));
        Ok(Self::new(pairs.collect())?)
    }
}

impl From<ProductUpdate> for proto::ProductDetails {
    fn from(update: ProductUpdate) -> Self {
        Self {
            sku: update.sku.into(),
            name: update.name,
            description: update.description,
            category: update.category,
            tags: update.tags,
            vendor: update.vendor,
            images: update.images.into_iter().map(Into::into).collect(),
            family: update.family,
            options: update.options.into(),
            price: Some(update.price.into()),
            compare_at_price: update.compare_at_price.map(Into::into),
            published: Some(update.published),
            barcode: update.barcode,
            weight_grams: update.weight_grams,
        }
    }
}

impl From<NewProduct> for proto::CreateProductRequest {
    fn from(NewProduct { details, stock }: NewProduct) -> Self {
        Self {
            details: Some(details.into()),
            stock,
        }
    }
}

impl From<UpdateProduct> for proto::UpdateProductRequest {
    fn from(call: UpdateProduct) -> Self {
        Self {
            id: call.id.to_string(),
            details: Some(call.update.into()),
            expected_version: call.expected_version,
        }
    }
}

impl From<GetProduct> for proto::GetProductRequest {
    fn from(GetProduct { id, view }: GetProduct) -> Self {
        Self {
            id: id.to_string(),
            view: proto::View::from(view).into(),
        }
    }
}

impl TryFrom<proto::GetProductRequest> for GetProduct {
    type Error = MessageError;

    fn try_from(request: proto::GetProductRequest) -> Result<Self, MessageError> {
        Ok(Self {
            id: product_id("id", &request.id)?,
            view: view_of(request.view)?,
        })
    }
}

impl From<GetProducts> for proto::BatchGetProductsRequest {
    fn from(GetProducts { ids, view }: GetProducts) -> Self {
        Self {
            ids: ids.iter().map(ToString::to_string).collect(),
            view: proto::View::from(view).into(),
        }
    }
}

impl TryFrom<proto::BatchGetProductsRequest> for GetProducts {
    type Error = MessageError;

    fn try_from(request: proto::BatchGetProductsRequest) -> Result<Self, MessageError> {
        let ids = each("ids", request.ids, |id| Ok(id.parse()?))?;
        field("ids", Self::new(ids, view_of(request.view)?))
    }
}

impl From<ProductsFound> for proto::BatchGetProductsResponse {
    fn from(found: ProductsFound) -> Self {
        Self {
            products: found.items.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<proto::BatchGetProductsResponse> for ProductsFound {
    type Error = MessageError;

    fn try_from(response: proto::BatchGetProductsResponse) -> Result<Self, MessageError> {
        Ok(Self {
            items: each("products", response.products, Product::try_from)?,
        })
    }
}

impl From<DeleteProduct> for proto::DeleteProductRequest {
    fn from(call: DeleteProduct) -> Self {
        Self {
            id: call.id.to_string(),
            expected_version: call.expected_version,
        }
    }
}

impl TryFrom<proto::DeleteProductRequest> for DeleteProduct {
    type Error = MessageError;

    fn try_from(request: proto::DeleteProductRequest) -> Result<Self, MessageError> {
        Ok(Self {
            id: product_id("id", &request.id)?,
            expected_version: request.expected_version,
        })
    }
}

impl From<ChangesSince> for proto::ListProductChangesRequest {
    fn from(ChangesSince { cursor, limit }: ChangesSince) -> Self {
        Self { cursor, limit }
    }
}

impl From<proto::ListProductChangesRequest> for ChangesSince {
    fn from(request: proto::ListProductChangesRequest) -> Self {
        Self {
            cursor: request.cursor,
            limit: request.limit,
        }
    }
}

impl From<Change> for proto::Change {
    fn from(change: Change) -> Self {
        Self {
            product_id: change.product_id.to_string(),
            sku: change.sku.into(),
            name: change.name,
            price: Some(change.price.into()),
            available: change.available,
            for_sale: change.for_sale,
            version: change.version,
            stock_seq: change.stock_seq,
        }
    }
}

impl TryFrom<proto::Change> for Change {
    type Error = MessageError;

    fn try_from(change: proto::Change) -> Result<Self, MessageError> {
        Ok(Self {
            product_id: product_id("product_id", &change.product_id)?,
            sku: field("sku", Sku::try_from(change.sku))?,
            name: change.name,
            price: money("price", change.price)?,
            available: change.available,
            for_sale: change.for_sale,
            version: change.version,
            stock_seq: change.stock_seq,
        })
    }
}

impl From<ChangesPage> for proto::ListProductChangesResponse {
    fn from(page: ChangesPage) -> Self {
        Self {
            items: page.items.into_iter().map(Into::into).collect(),
            cursor: page.cursor,
            more: page.more,
        }
    }
}

impl TryFrom<proto::ListProductChangesResponse> for ChangesPage {
    type Error = MessageError;

    fn try_from(response: proto::ListProductChangesResponse) -> Result<Self, MessageError> {
        Ok(Self {
            items: each("items", response.items, Change::try_from)?,
            cursor: response.cursor,
            more: response.more,
        })
    }
}

pub(super) fn money(name: &str, money: Option<proto::Money>) -> Result<Money, MessageError> {
    field(name, Money::try_from(required(name, money)?))
}

pub(super) fn optional_money(name: &str, money: Option<proto::Money>) -> Result<Option<Money>, MessageError> {
    field(name, money.map(Money::try_from).transpose())
}
