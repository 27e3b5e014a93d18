//! The contract, kept in this process, over HTTP and over gRPC.

use std::sync::Arc;

use auth_api::{Accounts, AccountsError, ServiceTokenRequest};
use auth_service::app::NAME;
use platform_identity::{Audience, JwksSource};
use platform_rpc::{Outgoing, Scheme, Target};
use platform_testing::{Served, free_address};

use crate::server::Server;

fn request(secret: &str, audience: &str) -> ServiceTokenRequest {
    ServiceTokenRequest {
        client_id: "order-service".to_owned(),
        client_secret: secret.to_owned(),
        audience: audience.to_owned(),
    }
}

async fn a_token_proves_its_bearer_to_one_service(server: &Server, accounts: Arc<dyn Accounts>) {
    let token = accounts
        .service_token(&request("order's secret", "product"))
        .await
        .unwrap();
    let verified = server.verifier(Audience::Service("product"));
    let principal = verified.verify(&token.access_token).await.unwrap();
    assert_eq!(principal.expires_at, token.expires_at);
    for refused in [request("wrong", "product"), request("order's secret", "user")] {
        let error = accounts.service_token(&refused).await.err().unwrap();
        assert!(matches!(error, AccountsError::ClientRefused), "{error:?}");
    }
}

async fn the_keys_are_those_of_auth(server: &Server, accounts: Arc<dyn Accounts>) {
    let keys = accounts.jwks().await.unwrap();
    assert_eq!(keys, server.app.accounts().jwks().await.unwrap());
    let read = auth_client::AccountsKeys::new(accounts).fetch().await.unwrap();
    assert_eq!(read.keys.len(), 2, "the current and the next");
}

#[tokio::test]
async fn it_is_kept_in_every_place() {
    let server = Server::new().await;
    let served = Served::start(NAME, server.app.routes(), |guard| server.app.grpc(guard));
    let connect = |scheme| auth_client::connect(&served.target(scheme), &Outgoing::default()).accounts;
    for accounts in [server.app.accounts(), connect(Scheme::Http), connect(Scheme::Grpc)] {
        a_token_proves_its_bearer_to_one_service(&server, accounts.clone()).await;
        the_keys_are_those_of_auth(&server, accounts).await;
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let nowhere: Target = format!("http://{}", free_address()).parse().unwrap();
    for scheme in [Scheme::Http, Scheme::Grpc] {
        let accounts = auth_client::connect(&nowhere.over(scheme), &Outgoing::default()).accounts;
        assert!(matches!(accounts.jwks().await, Err(AccountsError::Unavailable(_))));
        let token = accounts.service_token(&request("order's secret", "product")).await;
        assert!(matches!(token, Err(AccountsError::Unavailable(_))));
    }
}
