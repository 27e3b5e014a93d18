//! Those who run the shop.

use auth_service::command::{Admin, AdminCommandError};
use auth_service::password::Password;
use auth_service::service::admin::{AdminError, Bootstrapped, FirstAdmin};

use super::{OTHER_PASSWORD, PASSWORD, World, claims, email, home, open};

platform_sql::stores!(
    "auth",
    open,
    [
        the_first_admin_is_who_the_settings_name,
        the_first_admin_is_made_up_on_a_terminal_and_shown_once,
        without_settings_or_terminal_nobody_runs_the_shop,
        an_account_with_the_address_runs_the_shop_if_its_password_fits,
        whoever_took_the_address_first_does_not_get_the_shop,
        where_somebody_runs_the_shop_no_first_admin_is_made,
        the_command_makes_somebody_who_can_sign_in,
        the_command_grants_and_revokes,
        the_command_says_what_is_wrong,
    ]
);

fn given(password: &str) -> FirstAdmin {
    FirstAdmin::Given {
        email: email("boss@example.org"),
        password: Password::chosen(password.to_owned()).unwrap(),
    }
}

impl World {
    async fn bootstrap(&self, first: FirstAdmin) -> Bootstrapped {
        self.service.bootstrap(first).await.unwrap()
    }

    /// Whether somebody who signs in so may run the shop.
    async fn runs_the_shop(&self, address: &str, password: &str) -> bool {
        let signed_in = self.login(address, password, home()).await.unwrap();
        claims(&signed_in.grant.access_token).roles == ["admin", "customer"]
    }
}

fn announced(bootstrapped: &Bootstrapped) -> String {
    let mut said = Vec::new();
    bootstrapped.announce(&mut said).unwrap();
    String::from_utf8(said).unwrap()
}

async fn the_first_admin_is_who_the_settings_name(world: World) {
    let made = world.bootstrap(given(PASSWORD)).await;
    assert!(matches!(&made, Bootstrapped::Given(email) if email.as_str() == "boss@example.org"));
    assert_eq!(announced(&made), "", "beside the log nothing is said");
    assert!(world.runs_the_shop("boss@example.org", PASSWORD).await);
    assert!(matches!(world.bootstrap(given(PASSWORD)).await, Bootstrapped::Present));
}

async fn the_first_admin_is_made_up_on_a_terminal_and_shown_once(world: World) {
    let made = world.bootstrap(FirstAdmin::MadeUp).await;
    let Bootstrapped::MadeUp { email, password } = &made else {
        panic!("it was not made");
    };
    assert_eq!(password.len(), 24);
    assert!(announced(&made).contains(password.as_str()));
    assert!(world.runs_the_shop(email.as_str(), password).await);
    let again = world.bootstrap(FirstAdmin::MadeUp).await;
    assert!(matches!(again, Bootstrapped::Present));
    assert_eq!(announced(&again), "");
}

async fn without_settings_or_terminal_nobody_runs_the_shop(world: World) {
    assert!(matches!(
        world.bootstrap(FirstAdmin::Nobody).await,
        Bootstrapped::Nobody
    ));
    assert!(!world.store.has_admin().await.unwrap());
}

async fn an_account_with_the_address_runs_the_shop_if_its_password_fits(world: World) {
    world.register("boss@example.org").await;
    assert!(matches!(world.bootstrap(given(PASSWORD)).await, Bootstrapped::Given(_)));
    assert!(world.runs_the_shop("boss@example.org", PASSWORD).await);
}

async fn whoever_took_the_address_first_does_not_get_the_shop(world: World) {
    world.register("boss@example.org").await;
    assert!(matches!(
        world.bootstrap(given(OTHER_PASSWORD)).await,
        Bootstrapped::Occupied(_)
    ));
    assert!(!world.store.has_admin().await.unwrap());
    assert!(!world.runs_the_shop("boss@example.org", PASSWORD).await);
}

async fn where_somebody_runs_the_shop_no_first_admin_is_made(world: World) {
    world.register("ada@example.org").await;
    world.service.grant_admin(&email("ada@example.org")).await.unwrap();
    for first in [given(PASSWORD), FirstAdmin::MadeUp, FirstAdmin::Nobody] {
        assert!(matches!(world.bootstrap(first).await, Bootstrapped::Present));
    }
    assert!(world.login("boss@example.org", PASSWORD, home()).await.is_err());
}

async fn the_command_makes_somebody_who_can_sign_in(world: World) {
    let create = || Admin::Create {
        email: "boss@example.org".to_owned(),
        name: None,
        password_stdin: false,
    };
    let said = create().run(&world.service).await.unwrap();
    let password = said.rsplit(' ').next().unwrap();
    assert!(world.runs_the_shop("boss@example.org", password).await);
    let again = create().run(&world.service).await.unwrap_err();
    assert_eq!(
        again.to_string(),
        "there is an account boss@example.org already: use `admin grant`"
    );
}

async fn the_command_grants_and_revokes(world: World) {
    let session = world.register("ada@example.org").await.grant.refresh_token;
    let address = || "ada@example.org".to_owned();
    for _ in 0..2 {
        Admin::Grant { email: address() }.run(&world.service).await.unwrap();
    }
    assert!(world.runs_the_shop("ada@example.org", PASSWORD).await);
    let said = Admin::Revoke { email: address() }.run(&world.service).await.unwrap();
    assert!(said.contains("nobody runs the shop now"), "{said}");
    assert!(!world.runs_the_shop("ada@example.org", PASSWORD).await);
    assert!(world.refresh(&session).await.is_err(), "sessions of before are ended");
}

async fn the_command_says_what_is_wrong(world: World) {
    let nobody = Admin::Grant {
        email: "nobody@example.org".to_owned(),
    };
    let unknown = nobody.run(&world.service).await.unwrap_err();
    assert!(matches!(unknown, AdminCommandError::Admin(AdminError::Unknown(_))));
    let no_address = Admin::Revoke {
        email: "nobody".to_owned(),
    };
    assert!(matches!(
        no_address.run(&world.service).await,
        Err(AdminCommandError::Email(_))
    ));
    let nameless = Admin::Create {
        email: "boss@example.org".to_owned(),
        name: Some(" ".to_owned()),
        password_stdin: false,
    };
    assert!(matches!(
        nameless.run(&world.service).await,
        Err(AdminCommandError::Name(_))
    ));
    assert!(!world.store.has_admin().await.unwrap());
}
