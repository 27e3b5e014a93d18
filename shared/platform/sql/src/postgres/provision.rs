//! A schema and a role per service.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::{Error, OpenError};

/// How long a server may take to accept the first connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a service lives on a server.
pub(super) struct Names {
    pub(super) schema: String,
    pub(super) role: String,
}

impl Names {
    /// Checked, so that they can stand in statements that take no bound values.
    fn new(database: &str, service: &str) -> Result<Self, OpenError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let role = format!("{database}_{service}");
        if service.is_empty() || !service.bytes().all(plain) || database.contains(['"', '\0']) || role.len() > 63 {
            return Err(OpenError::BadName(role));
        }
        Ok(Self {
            schema: service.to_owned(),
            role,
        })
    }

    /// What every connection says first.
    pub(super) fn session(&self) -> String {
        format!(r#"SET ROLE "{}"; SET search_path = "{}""#, self.role, self.schema)
    }

    fn missing(&self) -> OpenError {
        OpenError::NotProvisioned {
            schema: self.schema.clone(),
            role: self.role.clone(),
        }
    }
}

/// Makes schema `<service>` and NOLOGIN role `<database>_<service>` with rights in that schema alone, and lets `login`
/// become it. Does nothing to what is there. The login of `url` must be allowed to create roles and schemas.
pub async fn provision(url: &str, service: &str, login: Option<&str>) -> Result<(), OpenError> {
    let options: PgConnectOptions = url.parse().map_err(Error::from)?;
    let mut connection = reach(&options).await?;
    let names = names(&mut connection, service).await?;
    create(&mut connection, &names).await?;
    if let Some(login) = login {
        if login.contains(['"', '\0']) {
            return Err(OpenError::BadName(login.to_owned()));
        }
        execute(&mut connection, format!(r#"GRANT "{}" TO "{login}""#, names.role)).await?;
    }
    connection.close().await.map_err(Error::from)?;
    Ok(())
}

/// Checks that the login can work as the service's role in its schema; makes both if they are missing and it may.
pub(super) async fn ensure(options: &PgConnectOptions, service: &str) -> Result<Names, OpenError> {
    let mut connection = reach(options).await?;
    let names = names(&mut connection, service).await?;
    if !usable(&mut connection, &names).await? {
        if !may_create(&mut connection).await? {
            return Err(names.missing());
        }
        create(&mut connection, &names).await?;
    }
    connection.close().await.map_err(Error::from)?;
    Ok(names)
}

/// The same for somebody who may not make anything.
pub(super) async fn require(options: &PgConnectOptions, service: &str) -> Result<Names, OpenError> {
    let mut connection = reach(options).await?;
    let names = names(&mut connection, service).await?;
    if !usable(&mut connection, &names).await? {
        return Err(names.missing());
    }
    connection.close().await.map_err(Error::from)?;
    Ok(names)
}

/// The driver has no limit of its own: an address that swallows packets would hold up the start for minutes.
async fn reach(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    match tokio::time::timeout(PATIENCE, options.connect()).await {
        Ok(connected) => Ok(connected?),
        Err(_) => Err(Error::unavailable(format!("no answer in {} s", PATIENCE.as_secs()))),
    }
}

async fn names(connection: &mut PgConnection, service: &str) -> Result<Names, OpenError> {
    let database: String = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(connection)
        .await
        .map_err(Error::from)?;
    Names::new(&database, service)
}

/// Tried rather than looked up: what a membership allows differs from version to version.
async fn usable(connection: &mut PgConnection, names: &Names) -> Result<bool, Error> {
    let mut transaction = connection.begin().await?;
    let tried = execute(&mut transaction, names.session()).await;
    let usable = match tried {
        Ok(()) => {
            let may = sqlx::query_scalar("SELECT COALESCE(has_schema_privilege(to_regnamespace($1), 'CREATE'), false)");
            may.bind(&names.schema).fetch_one(&mut *transaction).await?
        }
        Err(Error::Fault(_)) => false,
        Err(error) => return Err(error),
    };
    transaction.rollback().await?;
    Ok(usable)
}

async fn may_create(connection: &mut PgConnection) -> Result<bool, Error> {
    let may = sqlx::query_scalar(
        "SELECT (rolsuper OR rolcreaterole) AND has_database_privilege(current_database(), 'CREATE')
         FROM pg_roles WHERE rolname = current_user",
    );
    Ok(may.fetch_one(connection).await?)
}

/// In one transaction, one process at a time: roles belong to the whole server.
async fn create(connection: &mut PgConnection, names: &Names) -> Result<(), Error> {
    let (role, schema) = (&names.role, &names.schema);
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('stoa provision', 0))")
        .execute(&mut *transaction)
        .await?;
    let role_exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)")
        .bind(role)
        .fetch_one(&mut *transaction)
        .await?;
    if !role_exists {
        execute(&mut transaction, format!(r#"CREATE ROLE "{role}" NOLOGIN"#)).await?;
    }
    let is_superuser = sqlx::query_scalar("SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
    let is_superuser: bool = is_superuser.fetch_one(&mut *transaction).await?;
    if !is_superuser {
        execute(&mut transaction, format!(r#"GRANT "{role}" TO CURRENT_USER"#)).await?;
    }
    execute(
        &mut transaction,
        format!(r#"CREATE SCHEMA IF NOT EXISTS "{schema}" AUTHORIZATION "{role}""#),
    )
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// For statements that take no bound values; the names in them were checked.
async fn execute(connection: &mut PgConnection, sql: String) -> Result<(), Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}
