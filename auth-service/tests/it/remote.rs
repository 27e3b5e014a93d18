//! The contract, kept in this process, over HTTP and over gRPC.

use std::net::IpAddr;
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

fn serve(server: &Server) -> Served {
    Served::start(NAME, server.app.routes(), |guard| server.app.grpc(guard))
}

fn connect(served: &Served, scheme: Scheme) -> Arc<dyn Accounts> {
    auth_client::connect(&served.target(scheme), &Outgoing::default()).accounts
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
    let served = serve(&server);
    let remote = |scheme| connect(&served, scheme);
    for accounts in [server.app.accounts(), remote(Scheme::Http), remote(Scheme::Grpc)] {
        a_token_proves_its_bearer_to_one_service(&server, accounts.clone()).await;
        the_keys_are_those_of_auth(&server, accounts).await;
    }
}

#[tokio::test]
async fn who_guesses_too_often_is_told_to_wait_and_holds_up_nobody_else() {
    for scheme in [Scheme::Http, Scheme::Grpc] {
        let server = Server::new().await;
        let served = serve(&server);
        let accounts = connect(&served, scheme);
        let guess = request("guess", "product");
        for _ in 0..30 {
            let error = accounts.service_token(&guess).await.err().unwrap();
            assert!(matches!(error, AccountsError::ClientRefused), "{error:?}");
        }
        let error = accounts.service_token(&guess).await.err().unwrap();
        let AccountsError::Unavailable(Some(source)) = error else {
            panic!("{error:?} says that the client is not accepted");
        };
        let answered = source.to_string();
        assert!(answered.starts_with("answered 429 (rate_limited)"), "{answered}");
        let proved = accounts.service_token(&request("order's secret", "product")).await;
        assert!(proved.is_ok(), "{:?}", proved.err());
    }
}

#[tokio::test]
async fn over_grpc_a_guess_counts_for_where_it_comes_from_whatever_it_claims() {
    let server = Server::new().await;
    let served = serve(&server);
    let url = format!(
        "http://{}/stoa.auth.v1.AccountService/IssueServiceToken",
        served.address
    );
    let client = |from: [u8; 4]| {
        let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge();
        client.local_address(IpAddr::from(from)).build().unwrap()
    };
    let guess = async |client: &reqwest::Client, claimed: u8| {
        let call = client.post(&url).body(vec![0; 5]).header("te", "trailers");
        let call = call.header("x-forwarded-for", format!("192.0.2.{claimed}"));
        let answer = call.header("content-type", "application/grpc").send().await.unwrap();
        tonic::Code::from_bytes(answer.headers()["grpc-status"].as_bytes())
    };
    let (here, elsewhere) = (client([127, 0, 0, 1]), client([127, 0, 0, 2]));
    for claimed in 0..30 {
        assert_eq!(guess(&here, claimed).await, tonic::Code::Unauthenticated);
    }
    assert_eq!(guess(&here, 30).await, tonic::Code::ResourceExhausted);
    assert_eq!(guess(&elsewhere, 30).await, tonic::Code::Unauthenticated);
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
