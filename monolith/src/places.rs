//! Where the four services are, as an operator sets it.

use auth_service::app as auth;
use order_service::app as order;
use platform_rpc::Target;
use platform_runtime::settings::{FromSettings, Settings};
use platform_sql::Schema;
use user_service::app as user;

/// Where each service is; none means in this process.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// `AUTH_SERVICE_URL`.
    pub auth: Option<Target>,
    /// `USER_SERVICE_URL`.
    pub user: Option<Target>,
    /// `PRODUCT_SERVICE_URL`.
    pub product: Option<Target>,
    /// `ORDER_SERVICE_URL`.
    pub order: Option<Target>,
}

impl FromSettings for Places {
    fn load(settings: &mut Settings) -> Self {
        let about = "where the service is, if not in this process: http:// or grpc://, several comma-separated";
        Self {
            auth: settings.optional("AUTH_SERVICE_URL", about),
            user: settings.optional("USER_SERVICE_URL", about),
            product: settings.optional("PRODUCT_SERVICE_URL", about),
            order: settings.optional("ORDER_SERVICE_URL", about),
        }
    }
}

impl Places {
    /// The schemas of the services in this process, in the order in which they are opened.
    pub fn schemas(&self) -> Vec<Schema> {
        let all = [
            (&self.user, user::SCHEMA),
            (&self.auth, auth::SCHEMA),
            (&self.product, product_service::SCHEMA),
            (&self.order, order::SCHEMA),
        ];
        let local = all.into_iter().filter(|(place, _)| place.is_none());
        local.map(|(_, schema)| schema).collect()
    }

    /// Whether all four are in this process.
    pub fn is_whole(&self) -> bool {
        self.schemas().len() == 4
    }

    /// For what reads or writes the database of products.
    pub fn require_products(&self) -> Result<(), NotHere> {
        self.product.as_ref().map_or(Ok(()), |_| Err(NotHere::PRODUCTS))
    }

    /// Whether a service of this process calls one in another and auth is elsewhere, too: then it needs a secret that auth
    /// knows.
    pub fn needs_secret(&self) -> bool {
        self.auth.is_some() && self.product.is_some() && self.order.is_none()
    }
}

/// A service is asked for that lives in another process; the name of the setting that says so.
#[derive(Debug, thiserror::Error)]
#[error("{0}: is set, and this is for the process that holds the service: run it there")]
pub struct NotHere(&'static str);

impl NotHere {
    /// Auth.
    pub const AUTH: Self = Self("AUTH_SERVICE_URL");
    /// Products.
    pub const PRODUCTS: Self = Self("PRODUCT_SERVICE_URL");
}
