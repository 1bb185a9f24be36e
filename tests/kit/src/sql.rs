//! Statements on connections of their own.

use std::net::Ipv4Addr;

use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Opts, OptsBuilder};

use crate::KitError;

/// `root` without a password on `port` of 127.0.0.1.
pub(crate) fn opts(port: u16, database: Option<&str>) -> Opts {
    // On loopback the driver would otherwise change to the server's socket behind our back.
    OptsBuilder::default()
        .ip_or_hostname(Ipv4Addr::LOCALHOST.to_string())
        .tcp_port(port)
        .user(Some("root"))
        .db_name(database)
        .prefer_socket(false)
        .into()
}

/// Runs statements separated by `;` and ignores their rows.
pub(crate) async fn execute(opts: Opts, statements: &str) -> Result<(), KitError> {
    let mut conn = Conn::new(opts).await?;
    conn.query_drop(statements).await?;
    conn.disconnect().await?;
    Ok(())
}

/// The rows that `statement` returns.
pub(crate) async fn rows<R>(opts: Opts, statement: &str) -> Result<Vec<R>, KitError>
where
    R: FromRow + Send + 'static,
{
    let mut conn = Conn::new(opts).await?;
    let rows = conn.query(statement).await?;
    conn.disconnect().await?;
    Ok(rows)
}
