//! Asking for something, rather than sending a call and looking at what comes back.

use platform_problem::ReceivedProblem;

use crate::call::BoxError;

/// Why a question has no answer. What a neighbour refused is for its contract to understand; after anything else nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The neighbour, or somebody on the way, answered with a problem.
    #[error(transparent)]
    Refused(#[from] ReceivedProblem),
    /// No answer came, or one that cannot be read.
    #[error("there is no answer that can be read")]
    Unknown(#[source] BoxError),
}

#[cfg(feature = "http")]
mod http {
    use ::http::StatusCode;
    use bytes::Bytes;
    use platform_problem::ReceivedProblem;
    use serde::de::DeserializeOwned;

    use super::AskError;
    use crate::call::Call;
    use crate::neighbour::Neighbour;
    use crate::transport::http1::Http;

    impl Neighbour<Http> {
        /// Makes a call whose answer has a JSON body.
        pub async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, AskError> {
            let body = self.ask_bytes(call).await?;
            serde_json::from_slice(&body).map_err(|error| AskError::Unknown(error.into()))
        }

        /// Makes a call that is answered with 200 and a body to be kept as it is, or with 204 and none.
        pub async fn ask_bytes(&self, call: Call) -> Result<Bytes, AskError> {
            let answer = self.call(call).await.map_err(|error| AskError::Unknown(error.into()))?;
            let status = answer.status();
            let body = answer.into_body().to_bytes();
            match status {
                StatusCode::OK | StatusCode::NO_CONTENT => Ok(body),
                _ => Err(ReceivedProblem::from_http(status.as_u16(), &body).into()),
            }
        }
    }
}

#[cfg(feature = "grpc")]
impl From<tonic::Status> for AskError {
    fn from(status: tonic::Status) -> Self {
        if std::error::Error::source(&status).is_some() {
            // Ours: the call came to nothing on this side.
            return Self::Unknown(status.into());
        }
        Self::Refused(ReceivedProblem::from(&status))
    }
}
