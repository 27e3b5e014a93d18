//! Settings: the one place that reads the environment.
//!
//! A process declares its settings by reading them. [`FromSettings::load`] asks a [`Settings`] for each value, with its
//! default and a help text; every question is recorded. So the same pass gives the configuration, the table of `--help`
//! and the output of `config`, and none of them can drift apart. Faults are collected, not returned: a load always runs to its end.
//!
//! An empty variable counts as unset. A secret also comes as `<NAME>_FILE`.
//!
//! ```
//! use platform_runtime::settings::{FromSettings, Settings};
//! use std::{net::SocketAddr, time::Duration};
//!
//! struct Config { listen: SocketAddr, drain_delay: Duration }
//!
//! impl FromSettings for Config {
//!     fn load(settings: &mut Settings) -> Self {
//!         Self {
//!             listen: settings.get("LISTEN_ADDR", "0.0.0.0:8080", "public listener"),
//!             drain_delay: settings.duration("DRAIN_DELAY", "5s", "how long to go on serving after SIGTERM"),
//!         }
//!     }
//! }
//!
//! let (config, _) = Settings::from_map([("DRAIN_DELAY", "500ms")]).load::<Config>().unwrap();
//! assert_eq!(config.drain_delay, Duration::from_millis(500));
//! let error = Settings::from_map([("LISTEN_ADDR", "foo")]).load::<Config>().err().unwrap();
//! assert_eq!(error.to_string(), r#"LISTEN_ADDR: "foo" is not a socket address (such as 0.0.0.0:8080)"#);
//! ```

mod kind;
mod listing;
mod secret;

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

pub use listing::Listing;
pub use secret::Secret;

/// A configuration that is read from settings.
pub trait FromSettings: Sized {
    /// Reads every setting, whatever the others say, so that all are listed. Faults are noted in the settings.
    fn load(settings: &mut Settings) -> Self;
}

/// The settings that cannot be used, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct SettingsError(Vec<String>);

impl SettingsError {
    /// A setting that turns out not to do when it is used.
    pub fn new(name: &str, reason: impl std::fmt::Display) -> Self {
        Self(vec![format!("{name}: {reason}")])
    }
}

/// Where values come from, and a record of what was asked for.
#[derive(Debug)]
pub struct Settings {
    values: HashMap<String, String>,
    listing: Listing,
    faults: Vec<String>,
}

impl Settings {
    /// The environment of the process.
    #[expect(clippy::disallowed_methods, reason = "the one home of the environment")]
    pub fn from_env() -> Self {
        let mut values = HashMap::new();
        for (name, value) in std::env::vars_os() {
            values.insert(
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            );
        }
        Self::from_map(values)
    }

    /// Given values, for tests and for `--help`.
    pub fn from_map<K: Into<String>, V: Into<String>>(values: impl IntoIterator<Item = (K, V)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self {
            values: values.collect(),
            listing: Listing::default(),
            faults: Vec::new(),
        }
    }

    /// The configuration and the list of what was read, or all that is wrong with it.
    pub fn load<C: FromSettings>(mut self) -> Result<(C, Listing), SettingsError> {
        let config = C::load(&mut self);
        if self.faults.is_empty() {
            return Ok((config, self.listing));
        }
        Err(SettingsError(self.faults))
    }

    /// The settings that a configuration reads, with nothing set: for `--help`.
    pub fn describe<C: FromSettings>() -> Listing {
        let mut settings = Self::from_map::<&str, &str>([]);
        C::load(&mut settings);
        settings.listing
    }

    /// A value with a default, which also serves as the example in an error.
    ///
    /// # Panics
    /// If the default itself is no value: a fault in the code, which the test that prints `--help` finds.
    pub fn get<T>(&mut self, name: &'static str, default: &str, help: &'static str) -> T
    where
        T: FromStr + 'static,
        T::Err: std::fmt::Display,
    {
        self.parsed(name, default, help, |text| kind::parse(text))
    }

    /// A value that may be left out.
    pub fn optional<T>(&mut self, name: &'static str, help: &'static str) -> Option<T>
    where
        T: FromStr + 'static,
        T::Err: std::fmt::Display,
    {
        let text = self.find(name);
        self.listing.add(name, None, help, text.clone());
        self.accept(name, None, kind::parse(&text?))
    }

    /// A duration such as `500ms`, `5s`, `2m` or `1h`.
    pub fn duration(&mut self, name: &'static str, default: &str, help: &'static str) -> Duration {
        self.parsed(name, default, help, kind::duration)
    }

    /// A duration that may be left out.
    pub fn optional_duration(&mut self, name: &'static str, help: &'static str) -> Option<Duration> {
        let text = self.find(name);
        self.listing.add(name, None, help, text.clone());
        self.accept(name, Some("5s"), kind::duration(&text?))
    }

    /// A switch: `on` or `off`, also `true`, `false`, `yes`, `no`, `1`, `0`.
    pub fn flag(&mut self, name: &'static str, default: &str, help: &'static str) -> bool {
        self.parsed(name, default, help, kind::flag)
    }

    /// Values separated by commas; none if unset.
    pub fn list<T>(&mut self, name: &'static str, help: &'static str) -> Vec<T>
    where
        T: FromStr + 'static,
        T::Err: std::fmt::Display,
    {
        let text = self.find(name);
        self.listing.add(name, Some("none".to_owned()), help, text.clone());
        let text = text.unwrap_or_default();
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let parsed: Result<Vec<T>, String> = parts.map(kind::parse).collect();
        self.accept(name, None, parsed).unwrap_or_default()
    }

    /// A secret, from the variable or from the file that `<NAME>_FILE` names. Never shown.
    pub fn secret(&mut self, name: &'static str, help: &'static str) -> Option<Secret> {
        let direct = self.find(name);
        let file = self.find(&format!("{name}_FILE"));
        self.listing.add_secret(name, help, direct.is_some() || file.is_some());
        match (direct, file) {
            (Some(_), Some(_)) => {
                self.invalid(name, format_args!("{name} and {name}_FILE are both set"));
                None
            }
            (Some(text), None) => Some(Secret::new(text)),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => Some(Secret::new(text.trim_end_matches(['\n', '\r']))).filter(|secret| !secret.is_empty()),
                Err(error) => {
                    self.faults.push(format!("{name}_FILE: cannot read {path:?}: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    /// Notes that a setting cannot be used, for rules that span several.
    pub fn invalid(&mut self, name: &str, reason: impl std::fmt::Display) {
        self.faults.push(format!("{name}: {reason}"));
    }

    /// The text of a variable; an empty one counts as unset.
    fn find(&self, name: &str) -> Option<String> {
        self.values.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        default: &str,
        help: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let text = self.find(name);
        self.listing.add(name, Some(default.to_owned()), help, text.clone());
        let given = text.and_then(|text| self.accept(name, Some(default), parse(&text)));
        given.unwrap_or_else(|| match parse(default) {
            Ok(value) => value,
            Err(error) => panic!("the default of {name} {error}"),
        })
    }

    fn accept<T>(&mut self, name: &'static str, example: Option<&str>, parsed: Result<T, String>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                let example = example.filter(|example| !example.is_empty());
                let hint = example
                    .map(|example| format!(" (such as {example})"))
                    .unwrap_or_default();
                self.faults.push(format!("{name}: {error}{hint}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct Config {
        port: u16,
        limits: bool,
        origins: Vec<String>,
        password: Option<Secret>,
        nats: Option<String>,
    }

    impl FromSettings for Config {
        fn load(settings: &mut Settings) -> Self {
            Self {
                port: settings.get("PORT", "8080", "where it listens"),
                limits: settings.flag("RATE_LIMITS", "on", "request limits"),
                origins: settings.list("ORIGINS", "who may call from a browser"),
                password: settings.secret("PASSWORD", "proof"),
                nats: settings.optional("NATS_URL", "the broker"),
            }
        }
    }

    fn load(values: &[(&str, &str)]) -> Result<(Config, Listing), SettingsError> {
        Settings::from_map(values.iter().copied()).load()
    }

    #[test]
    fn unset_and_empty_give_the_defaults() {
        let (config, _) = load(&[("PORT", ""), ("NATS_URL", "")]).unwrap();
        assert_eq!((config.port, config.limits), (8080, true));
        assert!(config.origins.is_empty() && config.password.is_none() && config.nats.is_none());
    }

    #[test]
    fn given_values_are_taken() {
        let values = [
            ("PORT", "1"),
            ("RATE_LIMITS", "off"),
            ("ORIGINS", "a, b,"),
            ("NATS_URL", "nats://x"),
        ];
        let (config, _) = load(&values).unwrap();
        assert_eq!((config.port, config.limits), (1, false));
        assert_eq!(config.origins, ["a", "b"]);
        assert_eq!(config.nats.as_deref(), Some("nats://x"));
    }

    #[test]
    fn all_bad_values_are_reported_in_one_line_by_name() {
        let error = load(&[("PORT", "70000"), ("RATE_LIMITS", "maybe")])
            .err()
            .unwrap()
            .to_string();
        assert_eq!(
            error,
            "PORT: \"70000\" is not a whole number from 0 to 65535 (such as 8080); \
             RATE_LIMITS: \"maybe\" is not on or off (such as on)"
        );
    }

    #[test]
    fn a_secret_comes_from_a_file_without_its_last_newline() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"hush\n").unwrap();
        let path = file.path().to_str().unwrap();
        let (config, _) = load(&[("PASSWORD_FILE", path)]).unwrap();
        assert_eq!(config.password.unwrap().expose(), "hush");
        let error = load(&[("PASSWORD_FILE", path), ("PASSWORD", "x")]).err().unwrap();
        assert_eq!(error.to_string(), "PASSWORD: PASSWORD and PASSWORD_FILE are both set");
        let error = load(&[("PASSWORD_FILE", "/nowhere/at/all")]).err().unwrap().to_string();
        assert!(
            error.starts_with("PASSWORD_FILE: cannot read \"/nowhere/at/all\": "),
            "{error}"
        );
    }

    #[test]
    fn secrets_are_never_shown() {
        let (config, listing) = load(&[("PASSWORD", "hush"), ("PORT", "1")]).unwrap();
        let shown = format!("{}{}{:?}", listing.help(), listing.values(), config.password);
        assert!(!shown.contains("hush"), "{shown}");
        assert!(listing.values().contains("PASSWORD=***"));
        assert!(listing.values().contains("PORT=1"));
    }

    #[test]
    fn help_lists_every_setting_with_its_default() {
        let help = Settings::describe::<Config>().help();
        for expected in [
            "PORT",
            "8080",
            "where it listens",
            "PASSWORD, PASSWORD_FILE",
            "NATS_URL",
        ] {
            assert!(help.contains(expected), "{expected} is missing in\n{help}");
        }
    }
}
