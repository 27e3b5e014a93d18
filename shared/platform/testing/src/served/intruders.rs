//! Those who may not call what is between processes.

use platform_identity::Role;
use platform_runtime::router::{Auth, Policy, policies};
use reqwest::Method;

use super::Served;

/// Somebody without a service token of the right audience.
struct Intruder {
    name: &'static str,
    headers: Vec<(&'static str, String)>,
    is_admin: bool,
}

impl Served {
    /// Tries every internal route and every gRPC method as nobody, with forged headers, a forged token, a customer's and an
    /// admin's token and a service token for somebody else; each must be refused. Answers how many of both were tried.
    ///
    /// `for_admins` are the gRPC methods that an admin may call, by their last names; those must let the admin pass.
    ///
    /// # Panics
    /// If somebody is let in.
    pub async fn refuses_intruders(&self, for_admins: &[&str]) -> (usize, usize) {
        let intruders = self.intruders();
        let routes = policies(&self.internal).expect("the document was built from policies");
        // What hands out tokens checks the proof in the body, which its own tests try.
        let routes = routes.into_iter().filter(|(_, _, policy)| policy.auth != Auth::Client);
        let routes: Vec<_> = routes.collect();
        for (method, path, policy) in &routes {
            for intruder in &intruders {
                let status = self.try_route(method, path, policy, intruder).await;
                assert!(
                    matches!(status, 401 | 403),
                    "{method} {path} answered {status} to {}",
                    intruder.name
                );
            }
        }
        // Health and reflection are for anybody.
        let methods = self.grpc.paths().into_iter().filter(|path| !path.starts_with("/grpc."));
        let methods: Vec<&str> = methods.collect();
        for path in &methods {
            let is_for_admins = for_admins.iter().any(|name| path.ends_with(&format!("/{name}")));
            for intruder in &intruders {
                let code = self.try_method(path, intruder).await;
                let is_refused = matches!(code.as_str(), "16" | "7");
                let may = is_for_admins && intruder.is_admin;
                assert_eq!(
                    is_refused, !may,
                    "{path} answered gRPC status {code} to {}",
                    intruder.name
                );
            }
        }
        (routes.len(), methods.len())
    }

    fn intruders(&self) -> Vec<Intruder> {
        let bearer = |token: String| ("authorization", format!("Bearer {token}"));
        let person = |roles: &[Role]| bearer(self.issuer.user_token(self.clock.new_id().into(), roles));
        let forged = [
            ("x-user-id", "admin"),
            ("x-stoa-principal", "neighbour"),
            ("x-forwarded-user", "admin"),
            ("x-client-id", "neighbour"),
        ];
        let forged: Vec<_> = forged.map(|(name, value)| (name, value.to_owned())).into();
        let intruder = |name, headers, is_admin| Intruder {
            name,
            headers,
            is_admin,
        };
        let astray = self.issuer.service_token("neighbour", "elsewhere");
        let good = self.issuer.service_token("neighbour", self.service);
        let broken = good.rsplit_once('.').map(|(rest, _)| format!("{rest}.AAAA"));
        vec![
            intruder("nobody", Vec::new(), false),
            intruder("forged headers", forged, false),
            intruder("no scheme", vec![("authorization", good)], false),
            intruder("a forged token", vec![bearer(broken.unwrap_or_default())], false),
            intruder("a customer", vec![person(&[Role::Customer])], false),
            intruder("an admin", vec![person(&[Role::Customer, Role::Admin])], true),
            intruder("a service meant for another", vec![bearer(astray)], false),
        ]
    }

    async fn try_route(&self, method: &Method, path: &str, policy: &Policy, intruder: &Intruder) -> u16 {
        assert_eq!(policy.auth, Auth::Service, "{method} {path}");
        let url = format!("http://{}{path}", self.address);
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client can be built");
        let mut request = client.request(method.clone(), url).body("{}");
        for (name, value) in &intruder.headers {
            request = request.header(*name, value);
        }
        let request = request.header("content-type", "application/json");
        request.send().await.expect("it answers").status().as_u16()
    }

    /// With an empty message.
    async fn try_method(&self, path: &str, intruder: &Intruder) -> String {
        let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build();
        let client = client.expect("a client can be built");
        let url = format!("http://{}{path}", self.address);
        let mut request = client.post(url).body(vec![0; 5]);
        for (name, value) in &intruder.headers {
            request = request.header(*name, value);
        }
        let request = request
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let answer = request.send().await.expect("it answers");
        let code = answer.headers().get("grpc-status");
        // Only what is refused, here or by the method itself, comes without a message.
        code.map_or("0", |code| code.to_str().expect("a code is a number"))
            .to_owned()
    }
}
