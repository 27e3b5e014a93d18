//! What was asked for: the table of `--help` and the output of `config`.

use std::fmt::Write;

/// The settings a process read, in the order in which it first asked.
#[derive(Debug, Clone, Default)]
pub struct Listing(Vec<Entry>);

#[derive(Debug, Clone)]
struct Entry {
    name: &'static str,
    default: Option<String>,
    help: &'static str,
    value: Option<String>,
    secret: bool,
}

impl Listing {
    /// Name, help and default, one setting a line.
    pub fn help(&self) -> String {
        let width = self.0.iter().map(|entry| entry.label().len()).max().unwrap_or(0);
        let mut table = String::new();
        for entry in &self.0 {
            let default = entry
                .default
                .as_ref()
                .map(|text| format!(" [default: {text}]"))
                .unwrap_or_default();
            let _ = writeln!(table, "  {:width$}  {}{default}", entry.label(), entry.help);
        }
        table
    }

    /// `NAME=value`, one setting a line; what is unset and has no default is a comment.
    pub fn values(&self) -> String {
        let mut lines = String::new();
        for entry in &self.0 {
            let _ = match (&entry.value, &entry.default) {
                (Some(value), _) => writeln!(lines, "{}={value}", entry.name),
                (None, Some(default)) => writeln!(lines, "{}={default}  # default", entry.name),
                (None, None) => writeln!(lines, "# {} is not set", entry.name),
            };
        }
        lines
    }

    pub(super) fn add(
        &mut self,
        name: &'static str,
        default: Option<String>,
        help: &'static str,
        value: Option<String>,
    ) {
        self.push(Entry {
            name,
            default,
            help,
            value,
            secret: false,
        });
    }

    pub(super) fn add_secret(&mut self, name: &'static str, help: &'static str, is_set: bool) {
        let value = is_set.then(|| "***".to_owned());
        self.push(Entry {
            name,
            default: None,
            help,
            value,
            secret: true,
        });
    }

    /// Several parts of a process may ask for the same setting; it is listed once.
    fn push(&mut self, entry: Entry) {
        if !self.0.iter().any(|known| known.name == entry.name) {
            self.0.push(entry);
        }
    }
}

impl Entry {
    fn label(&self) -> String {
        if self.secret {
            return format!("{0}, {0}_FILE", self.name);
        }
        self.name.to_owned()
    }
}
