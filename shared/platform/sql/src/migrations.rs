//! A service's schema, as numbered steps embedded in its binary.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};

use crate::Error;

/// Name and SQL of migrations. The platform's own, for the tables of this crate, are numbered from 1,000,001 and applied
/// before every service's, which may build on its tables.
pub(crate) type Steps = &'static [(&'static str, &'static str)];

/// The steps of one service on one engine, made by [`migrations!`](crate::migrations!).
#[derive(Debug, Clone, Copy)]
pub struct Migrations {
    steps: Steps,
}

/// Embeds `<folder>/<name>.sql` of the calling crate as [`Migrations`]. Names begin with their number; those of the two
/// engines are the same. A file that begins with `-- no-transaction` runs outside one.
///
/// ```ignore
/// const MIGRATIONS: Migrations = platform_sql::migrations!("migrations/sqlite", ["0001_create", "0002_search"]);
/// ```
#[macro_export]
macro_rules! migrations {
    ($folder:literal, [$($name:literal),+ $(,)?]) => {
        $crate::Migrations::new(&[$((
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $folder, "/", $name, ".sql")),
        )),+])
    };
}

impl Migrations {
    /// From `("0001_create", "CREATE TABLE ..")` in order.
    pub const fn new(steps: &'static [(&'static str, &'static str)]) -> Self {
        Self { steps }
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.steps.iter().map(|(name, _)| *name)
    }

    /// Those that a schema with the given versions lacks.
    pub(crate) fn without(&self, platform: Steps, applied: &[i64]) -> Vec<&'static str> {
        let names = platform.iter().map(|(name, _)| *name).chain(self.names());
        names.filter(|name| !applied.contains(&version(name))).collect()
    }

    /// Applies what is missing. The caller holds whatever serialises this. A schema that is newer than this binary is
    /// fine: migrations expand first.
    pub(crate) async fn apply<C: Migrate>(&self, platform: Steps, connection: &mut C) -> Result<(), Error> {
        // One after the other and not together: steps run by number, and a service's may build on the platform's tables.
        for steps in [platform, self.steps] {
            run(steps, connection).await?;
        }
        Ok(())
    }
}

async fn run<C: Migrate>(steps: Steps, connection: &mut C) -> Result<(), Error> {
    let steps = steps.iter().map(|&(name, sql)| {
        Migration::new(
            version(name),
            name.into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            sql.starts_with("-- no-transaction"),
        )
    });
    let mut migrator = Migrator::with_migrations(steps.collect());
    migrator.set_ignore_missing(true).set_locking(false);
    Ok(migrator.run_direct(None, connection, false).await?)
}

fn version(name: &str) -> i64 {
    let digits = name.split('_').next().unwrap_or_default();
    digits.parse().expect("a migration's name begins with its number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_by_number() {
        let migrations = Migrations::new(&[("0001_create", ""), ("0002_more", "")]);
        let platform = &[("1000001_platform", "")];
        assert_eq!(migrations.without(platform, &[1, 7]), ["1000001_platform", "0002_more"]);
        assert!(migrations.without(platform, &[1, 2, 3, 1_000_001]).is_empty());
    }
}
