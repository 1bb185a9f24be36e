//! What is stored through vtgate to be found on a shard's own server.

use whimbrel_mysql::{Error, Session};

use super::PlanKey;

/// One row a plan, on each shard whose rows are written past vtgate.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS `_whimbrel_tokens` (
       plan VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
       token BINARY(16) NOT NULL
     ) ENGINE=InnoDB CHARACTER SET utf8mb4";

/// Stores a random token.
///
/// # Errors
///
/// [`Error`] when the server does not let us.
pub(crate) async fn draw_token(session: &mut Session, plan: &PlanKey) -> Result<(), Error> {
    session.execute(TABLE.as_bytes()).await?;
    let replace = format!(
        "REPLACE INTO `_whimbrel_tokens` (plan, token) VALUES ({}, RANDOM_BYTES(16))",
        plan.literal()
    );
    session.execute(replace.as_bytes()).await?;
    Ok(())
}

/// The token that was stored last; `None` where there is none.
///
/// # Errors
///
/// [`Error`] when the server does not answer, or has no such table.
pub(crate) async fn token(session: &mut Session, plan: &PlanKey) -> Result<Option<String>, Error> {
    let sql =
        format!("SELECT HEX(token) AS token FROM `_whimbrel_tokens` WHERE {}", plan.matches());
    session.query(&sql).await?.first().map(|row| row.text("token")).transpose()
}
