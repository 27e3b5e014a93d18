//! The contract as protocol buffers: messages, the service, and conversions between messages and the contract's own types.

use values::grpc::moment;

use crate::{ServiceToken, ServiceTokenRequest};

pub use values::grpc::MessageError;

/// What is made of the files below `proto/`.
#[allow(
    missing_docs,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "it is generated"
)]
pub mod proto {
    tonic::include_proto!("stoa.auth.v1");
}

/// The descriptors of all files, encoded, for reflection.
pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");

impl From<&ServiceTokenRequest> for proto::IssueServiceTokenRequest {
    fn from(request: &ServiceTokenRequest) -> Self {
        Self {
            client_id: request.client_id.clone(),
            client_secret: request.client_secret.clone(),
            audience: request.audience.clone(),
        }
    }
}

impl From<proto::IssueServiceTokenRequest> for ServiceTokenRequest {
    fn from(message: proto::IssueServiceTokenRequest) -> Self {
        Self {
            client_id: message.client_id,
            client_secret: message.client_secret,
            audience: message.audience,
        }
    }
}

impl From<ServiceToken> for proto::ServiceToken {
    fn from(token: ServiceToken) -> Self {
        Self {
            access_token: token.access_token,
            expires_at: Some(token.expires_at.into()),
        }
    }
}

impl TryFrom<proto::ServiceToken> for ServiceToken {
    type Error = MessageError;

    fn try_from(message: proto::ServiceToken) -> Result<Self, MessageError> {
        Ok(Self {
            access_token: message.access_token,
            expires_at: moment("expires_at", message.expires_at)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use values::Timestamp;

    use super::*;
    use crate::ServiceTokenAnswer;

    fn request() -> ServiceTokenRequest {
        ServiceTokenRequest {
            client_id: "order-service".to_owned(),
            client_secret: "hush".to_owned(),
            audience: "product".to_owned(),
        }
    }

    fn with_a_field_of_tomorrow(mut body: Value) -> Value {
        body["added_later"] = json!({"a": [1]});
        body
    }

    #[test]
    fn what_goes_over_the_wire_comes_back_the_same_in_both_forms() {
        let written = serde_json::to_value(request()).unwrap();
        let from_json: ServiceTokenRequest = serde_json::from_value(with_a_field_of_tomorrow(written.clone())).unwrap();
        let from_message = ServiceTokenRequest::from(proto::IssueServiceTokenRequest::from(&request()));
        for back in [from_json, from_message] {
            assert_eq!(serde_json::to_value(back).unwrap(), written);
        }

        let expires_at = Timestamp::from_micros(1_700_000_000_123_456);
        let answer = ServiceTokenAnswer {
            access_token: "a.b.c".to_owned(),
            token_type: "Bearer".to_owned(),
            expires_in: 3600,
            expires_at,
        };
        let written = with_a_field_of_tomorrow(serde_json::to_value(&answer).unwrap());
        let from_json = ServiceToken::from(serde_json::from_value::<ServiceTokenAnswer>(written).unwrap());
        let from_message = ServiceToken::try_from(proto::ServiceToken::from(ServiceToken::from(answer))).unwrap();
        for back in [from_json, from_message] {
            assert_eq!((back.access_token.as_str(), back.expires_at), ("a.b.c", expires_at));
        }
    }

    #[test]
    fn a_token_without_an_end_is_none() {
        let message = proto::ServiceToken {
            access_token: "a.b.c".to_owned(),
            expires_at: None,
        };
        let error = ServiceToken::try_from(message).err().unwrap();
        assert_eq!(error.pointer, "/expires_at");
    }

    #[test]
    fn a_request_that_is_logged_tells_no_secret() {
        let logged = format!("{:?}", request());
        assert!(logged.contains("order-service") && !logged.contains("hush"), "{logged}");
    }
}
