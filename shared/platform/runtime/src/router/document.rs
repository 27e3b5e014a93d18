//! Reads policies from OpenAPI operations, and completes the document with what follows from them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::openapi::content::Content;
use utoipa::openapi::path::{HttpMethod, Operation, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi, Paths, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::policy::EXTENSION;
use super::{Auth, Policy, is_internal};

const BEARER: &str = "bearer";
const PROBLEM: &str = "Problem";
const PROBLEM_TYPE: &str = "application/problem+json";

/// A refusal: RFC 9457 problem details. `code` is stable; members of its own may stand beside these.
#[derive(Serialize, ToSchema)]
struct ProblemBody {
    /// Where the code is explained.
    r#type: String,
    /// What kind of refusal it is, for a person.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable, in `snake_case`: what a program compares.
    code: String,
    /// What is the matter this time.
    detail: Option<String>,
    /// Finds the request in the logs.
    request_id: String,
    /// The fields at fault, for `invalid`.
    errors: Option<Vec<ProblemField>>,
}

/// One field at fault.
#[derive(Serialize, ToSchema)]
struct ProblemField {
    /// A JSON pointer into the body, or `?name` for a parameter.
    pointer: String,
    /// What is wrong with it.
    detail: String,
}

/// A document that grows by one path at a time.
pub(super) struct Document(OpenApi);

impl Document {
    pub(super) fn new(info: Info) -> Self {
        let mut openapi = OpenApi::new(info, Paths::new());
        openapi.components = Some(Components::new());
        Self(openapi)
    }

    /// Adds operations, with the security requirement and the refusals that follow from their policies.
    pub(super) fn add(
        &mut self,
        path: &str,
        mut item: PathItem,
        schemas: Vec<(String, RefOr<Schema>)>,
        policies: &[(HttpMethod, Policy)],
    ) {
        for (method, policy) in policies {
            if let Some(operation) = operation_mut(&mut item, method) {
                operation.security = security_of(policy);
                let responses = &mut operation.responses.responses;
                responses
                    .entry("default".to_owned())
                    .or_insert_with(|| Ref::from_response_name(PROBLEM).into());
                describe(responses);
                // Written in full, so that a reader of the document need not know the defaults.
                let written = serde_json::to_value(policy).expect("a policy is plain data");
                operation
                    .extensions
                    .get_or_insert_default()
                    .insert(EXTENSION.to_owned(), written);
            }
        }
        match self.0.paths.paths.get_mut(path) {
            Some(existing) => existing.merge_operations(item),
            None => drop(self.0.paths.paths.insert(path.to_owned(), item)),
        }
        self.components().schemas.extend(schemas);
    }

    /// The document, with what its operations refer to.
    pub(super) fn finish(mut self) -> OpenApi {
        if self.0.paths.paths.is_empty() {
            return self.0;
        }
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        let content = Content::new(Some(Ref::from_schema_name(PROBLEM)));
        let mut refusal = Response::new("A refusal; `code` says which.");
        refusal.content.insert(PROBLEM_TYPE.to_owned(), content.into());
        let components = self.components();
        components
            .security_schemes
            .insert(BEARER.to_owned(), SecurityScheme::Http(scheme).into());
        components.responses.insert(PROBLEM.to_owned(), refusal.into());
        components.schemas.insert(PROBLEM.to_owned(), ProblemBody::schema());
        components
            .schemas
            .insert("ProblemField".to_owned(), ProblemField::schema());
        self.0
    }

    fn components(&mut self) -> &mut Components {
        self.0.components.get_or_insert_default()
    }
}

/// OpenAPI 3.1 demands a description of every response: where none is written, the name of the status.
fn describe(responses: &mut BTreeMap<String, RefOr<Response>>) {
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            let status = status
                .parse()
                .ok()
                .and_then(|code| http::StatusCode::from_u16(code).ok());
            let reason = status.and_then(|status| status.canonical_reason());
            reason.unwrap_or("An answer").clone_into(&mut response.description);
        }
    }
}

/// The operations of a path.
pub(super) fn operations(item: &PathItem) -> Vec<(HttpMethod, &Operation)> {
    let all = [
        (HttpMethod::Get, &item.get),
        (HttpMethod::Put, &item.put),
        (HttpMethod::Post, &item.post),
        (HttpMethod::Delete, &item.delete),
        (HttpMethod::Options, &item.options),
        (HttpMethod::Head, &item.head),
        (HttpMethod::Patch, &item.patch),
        (HttpMethod::Trace, &item.trace),
    ];
    let present = all
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)));
    present.collect()
}

/// The policy beside an operation, or what is wrong with it.
pub(super) fn policy_of(operation: &Operation, path: &str) -> Result<Policy, String> {
    let written = operation
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.get(EXTENSION));
    let Some(written) = written else {
        return Err(format!("has no {EXTENSION}, and what is not declared is denied"));
    };
    let policy: Policy = serde_json::from_value(written.clone()).map_err(|error| format!("{EXTENSION}: {error}"))?;
    if is_internal(path) != matches!(policy.auth, Auth::Service | Auth::Client) {
        return Err("a path below /internal/ and auth \"service\" or \"client\" belong together".to_owned());
    }
    if policy.timeout_ms == 0 {
        return Err("a time-out of 0 ms leaves no time to answer".to_owned());
    }
    let checks_roles = matches!(policy.auth, Auth::Required);
    if !policy.roles.is_empty() && !checks_roles {
        return Err("roles need auth \"required\"".to_owned());
    }
    Ok(policy)
}

/// Operation ids that are missing or used twice: clients are generated from them.
pub(super) fn faulty_ids<'a>(items: impl Iterator<Item = (&'a str, &'a PathItem)>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for (path, item) in items {
        for (method, operation) in operations(item) {
            match &operation.operation_id {
                Some(id) if seen.insert(id.as_str()) => {}
                Some(id) => faults.push(format!("{} {path}: operation id {id} is taken", name_of(&method))),
                None => faults.push(format!("{} {path}: has no operation id", name_of(&method))),
            }
        }
    }
    faults
}

/// The method as HTTP spells it.
pub(super) fn name_of(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Put => "PUT",
        HttpMethod::Post => "POST",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Head => "HEAD",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Trace => "TRACE",
    }
}

/// The method as the `http` crate has it.
pub(super) fn to_http(method: &HttpMethod) -> http::Method {
    name_of(method).parse().expect("all of them are valid")
}

fn operation_mut<'a>(item: &'a mut PathItem, method: &HttpMethod) -> Option<&'a mut Operation> {
    match method {
        HttpMethod::Get => item.get.as_mut(),
        HttpMethod::Put => item.put.as_mut(),
        HttpMethod::Post => item.post.as_mut(),
        HttpMethod::Delete => item.delete.as_mut(),
        HttpMethod::Options => item.options.as_mut(),
        HttpMethod::Head => item.head.as_mut(),
        HttpMethod::Patch => item.patch.as_mut(),
        HttpMethod::Trace => item.trace.as_mut(),
    }
}

fn security_of(policy: &Policy) -> Option<Vec<SecurityRequirement>> {
    let token = || SecurityRequirement::new(BEARER, Vec::<String>::new());
    match policy.auth {
        Auth::None | Auth::Client => None,
        Auth::Optional => Some(vec![SecurityRequirement::default(), token()]),
        Auth::Required | Auth::Service => Some(vec![token()]),
    }
}
