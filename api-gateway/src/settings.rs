//! What an operator can set.

use platform_runtime::settings::{FromSettings, Settings};

use crate::cors::Origin;

/// The settings of a gateway, in a process of its own or in the monolith.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// Web pages of these origins may call the API.
    pub cors_allowed_origins: Vec<Origin>,
    /// How many proxies stand in front of us and are believed.
    pub trusted_proxy_hops: usize,
    /// Whether requests are limited by address and account.
    pub rate_limits: bool,
}

impl FromSettings for GatewaySettings {
    fn load(settings: &mut Settings) -> Self {
        Self {
            cors_allowed_origins: settings.list(
                "CORS_ALLOWED_ORIGINS",
                "origins whose web pages may call the API, comma-separated, such as https://shop.example",
            ),
            trusted_proxy_hops: settings.get("TRUSTED_PROXY_HOPS", "0", "how many proxies in front to believe"),
            rate_limits: settings.flag("RATE_LIMITS", "on", "limits by address and account; off for load tests"),
        }
    }
}
