//! The way from this process to services in others.

use std::sync::Arc;

use auth_client::{SwitchedAccounts, credential};
use auth_service::service_clients::OwnClient;
use platform_clock::Clock;
use platform_rpc::{Credential, Outgoing, Target};

/// What every call that leaves the process goes by.
pub struct Outside {
    outgoing: Outgoing,
    accounts: Arc<SwitchedAccounts>,
    client: OwnClient,
    clock: Arc<dyn Clock>,
}

impl Outside {
    /// Calls prove themselves by tokens of `accounts`, wherever those are.
    pub fn new(accounts: Arc<SwitchedAccounts>, client: OwnClient, clock: Arc<dyn Clock>) -> Self {
        Self {
            outgoing: Outgoing::default(),
            accounts,
            client,
            clock,
        }
    }

    /// What all calls share.
    pub fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// auth-service, which needs no proof: it gives the first one.
    pub fn auth(&self, target: &Target) -> auth_client::Remote {
        auth_client::connect(target, &self.outgoing)
    }

    /// user-service.
    pub fn users(&self, target: &Target) -> user_client::Remote {
        user_client::connect(target, &self.outgoing, Some(self.credential("user")))
    }

    /// product-service.
    pub fn products(&self, target: &Target) -> product_client::Remote {
        product_client::connect(target, &self.outgoing, Some(self.credential("product")))
    }

    /// order-service.
    pub fn orders(&self, target: &Target) -> order_client::Remote {
        order_client::connect(target, &self.outgoing, Some(self.credential("order")))
    }

    fn credential(&self, audience: &str) -> Credential {
        let OwnClient { id, secret, .. } = &self.client;
        credential(self.accounts.clone(), id, secret.expose(), audience, self.clock.clone())
    }
}
