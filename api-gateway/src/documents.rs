//! What the services offer, as they have checked it in under their contracts.

use platform_problem::ProblemType;
use utoipa::openapi::{Info, OpenApi, Paths};

use crate::{Service, TableError};

/// The document of every service.
pub fn documents() -> Result<Vec<(Service, OpenApi)>, TableError> {
    let texts = [
        (Service::Auth, auth_api::OPENAPI),
        (Service::User, user_api::OPENAPI),
        (Service::Product, product_api::OPENAPI),
        (Service::Order, order_api::OPENAPI),
    ];
    let read = |(service, text)| match serde_json::from_str(text) {
        Ok(document) => Ok((service, document)),
        Err(error) => Err(TableError::Unreadable(service, error)),
    };
    texts.into_iter().map(read).collect()
}

/// One document over several.
pub fn merged(documents: &[(Service, OpenApi)]) -> OpenApi {
    let about = "A headless commerce backend. Every refusal is problem+json with a stable code.";
    let mut info = Info::new("Stoa", env!("CARGO_PKG_VERSION"));
    info.description = Some(about.to_owned());
    let mut all = OpenApi::new(info, Paths::new());
    for (_, document) in documents {
        all.merge(document.clone());
    }
    all
}

/// Every refusal a client can meet, for the documentation.
pub fn problems() -> Vec<&'static ProblemType> {
    let of_services = [
        auth_api::PROBLEMS,
        user_api::PROBLEMS,
        product_api::PROBLEMS,
        order_api::PROBLEMS,
    ];
    platform_problem::codes::ALL
        .iter()
        .copied()
        .chain(of_services.concat())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Merging keeps the first of two things of one name, silently.
    #[test]
    fn what_has_one_name_in_two_documents_is_one_thing() {
        let mut known = HashMap::new();
        let mut operation_ids = HashMap::new();
        for (service, document) in documents().unwrap() {
            let components = document.components.unwrap();
            let schemas = components
                .schemas
                .into_iter()
                .map(|(name, schema)| (name, serde_json::to_value(schema)));
            let responses = components.responses.into_iter();
            let responses =
                responses.map(|(name, response)| (format!("response {name}"), serde_json::to_value(response)));
            for (name, thing) in schemas.chain(responses) {
                let thing = thing.unwrap();
                let first = known.entry(name.clone()).or_insert((service, thing.clone()));
                assert_eq!(first.1, thing, "{name} of {service} is not that of {}", first.0);
            }
            for (path, item) in document.paths.paths {
                for id in [&item.get, &item.put, &item.post, &item.delete, &item.patch]
                    .into_iter()
                    .flatten()
                {
                    let id = id.operation_id.clone().unwrap();
                    let other = operation_ids.insert(id.clone(), path.clone());
                    assert_eq!(other, None, "{id} is used twice");
                }
            }
        }
    }

    #[test]
    fn the_merged_document_has_every_operation() {
        let documents = documents().unwrap();
        let count = |document: &OpenApi| document.paths.paths.len();
        let all = merged(&documents);
        assert_eq!(
            count(&all),
            documents.iter().map(|(_, document)| count(document)).sum::<usize>()
        );
        assert!(
            serde_json::to_value(&all).unwrap()["openapi"]
                .as_str()
                .unwrap()
                .starts_with("3.1")
        );
    }

    #[test]
    fn every_reference_and_every_response_of_a_document_can_be_read() {
        for (service, document) in documents().unwrap() {
            let document = serde_json::to_value(&document).unwrap();
            let text = document.to_string();
            for reference in text.split("\"$ref\":\"#").skip(1) {
                let pointer = reference.split('"').next().unwrap();
                assert!(
                    document.pointer(pointer).is_some(),
                    "{pointer} of {service} leads nowhere"
                );
            }
            let items = document["paths"].as_object().unwrap().values();
            let operations = items.flat_map(|item| item.as_object().unwrap().values());
            let responses = operations.flat_map(|operation| operation["responses"].as_object().unwrap());
            for (status, response) in responses {
                let is_described = response["description"].is_string() || response["$ref"].is_string();
                assert!(is_described, "{status} of {service}: {response}");
            }
        }
    }

    #[test]
    fn codes_are_unique_over_all_services() {
        let mut seen = HashMap::new();
        for problem in problems() {
            let other = seen.insert(problem.code, problem);
            assert!(
                other.is_none_or(|other| other == problem),
                "{} means two things",
                problem.code
            );
        }
    }
}
