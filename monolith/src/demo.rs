//! `serve --demo`: a small catalogue and two accounts to try the shop with.
//!
//! What is there already is left alone, so it can be given at every start. The passwords are public: a shop that already
//! has somebody who runs it gets no second admin.

use std::fmt;

use auth_service::network::Network;
use auth_service::password::Password;
use auth_service::service::admin::{Bootstrapped, FirstAdmin};
use auth_service::service::{AuthError, Registration};
use platform_problem::Faults;
use platform_runtime::command::Failure;
use product_api::ProductsError;
use product_service::service::ProductDraft;
use values::{Email, PersonName};

use crate::shop::Shop;

const CATALOGUE: &str = include_str!("../demo/catalogue.ndjson");
const CUSTOMER: (&str, &str) = ("customer@demo.example", "demo customer password");
const ADMIN: (&str, &str) = ("admin@demo.example", "demo admin password");

/// What a demo consists of; its `Display` is what an operator is told.
#[derive(Debug, PartialEq, Eq)]
pub struct Demo {
    /// Products put on sale now.
    pub added: usize,
    /// Products that were there.
    pub present: usize,
    /// Whether the admin was made now; else somebody ran the shop before.
    pub admin_added: bool,
}

/// Adds what is missing of the demo.
pub async fn fill(shop: &Shop) -> Result<Demo, Failure> {
    let (added, present) = fill_catalogue(shop).await?;
    add_customer(shop).await?;
    let admin_added = add_admin(shop).await?;
    Ok(Demo {
        added,
        present,
        admin_added,
    })
}

async fn fill_catalogue(shop: &Shop) -> Result<(usize, usize), Failure> {
    let products = shop.require_products()?.products();
    let (mut added, mut present) = (0, 0);
    for line in CATALOGUE.lines() {
        let draft: ProductDraft = serde_json::from_str(line)?;
        let mut faults = Faults::default();
        let Some(new) = draft.into_new(&mut faults) else {
            return Err(format!("{line}: {faults:?}").into());
        };
        match products.create(new).await {
            Ok(_) => added += 1,
            Err(ProductsError::SkuTaken | ProductsError::OptionsTaken) => present += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok((added, present))
}

async fn add_customer(shop: &Shop) -> Result<(), Failure> {
    let (email, password) = credentials(CUSTOMER)?;
    let name = PersonName::try_from("Demo Customer".to_owned())?;
    let registration = Registration { email, password, name };
    let attempt = shop
        .require_auth()?
        .service()
        .register(&registration, Network::of(None))
        .await;
    match attempt.outcome {
        Ok(_) | Err(AuthError::EmailTaken) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn add_admin(shop: &Shop) -> Result<bool, Failure> {
    let (email, password) = credentials(ADMIN)?;
    let first = FirstAdmin::Given { email, password };
    let bootstrapped = shop.require_auth()?.service().bootstrap(first).await?;
    Ok(matches!(bootstrapped, Bootstrapped::Given(_)))
}

fn credentials((email, password): (&str, &str)) -> Result<(Email, Password), Failure> {
    let email = Email::try_from(email.to_owned())?;
    Ok((email, Password::chosen(password.to_owned())?))
}

impl fmt::Display for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Demo: {} products were added, {} were there.",
            self.added, self.present
        )?;
        writeln!(f, "  customer  {}  password: {}", CUSTOMER.0, CUSTOMER.1)?;
        if self.admin_added {
            writeln!(f, "  admin     {}     password: {}", ADMIN.0, ADMIN.1)?;
        } else {
            writeln!(f, "  admin     as before ({} if the demo made it)", ADMIN.0)?;
        }
        write!(
            f,
            "These passwords are public: for trying it out, not for a shop that sells."
        )
    }
}
