//! The command `migrate`.

use std::io::Write;
use std::sync::Arc;

use platform_clock::{Clock, SystemClock};
use platform_runtime::command::{Migrate, Outcome};
use platform_sql::{DatabaseConfig, Schema, schema};

/// Brings the schemas of a process up to date, or prints what is missing.
pub async fn migrate(config: &DatabaseConfig, schemas: &[Schema], what: Migrate) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    if let Some(login) = &what.provision {
        schema::provision(config, schemas, login.as_deref()).await?;
    }
    if !what.plan && !what.check {
        return Ok(schema::apply(config, schemas, &clock).await?);
    }
    let pending = schema::pending(config, schemas, &clock).await?;
    for step in &pending {
        writeln!(std::io::stdout(), "{step}")?;
    }
    match pending.len() {
        missing if what.check && missing > 0 => Err(format!("{missing} migrations are missing").into()),
        _ => Ok(()),
    }
}
