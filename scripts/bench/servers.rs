//! Servers of a size that production has, and the moment at which they have nothing left to do.

use std::process::Command;

use whimbrel_kit::{KitError, Server, ServerBuilder, eventually};

use crate::Result;

/// Room for the tables in memory, no encryption for any contender, and plans in the form that old tools can read. The
/// kit's own flags have GTIDs, a row binlog on both sides, and no wait for the disk at a commit.
pub(crate) const FLAGS: [&str; 6] = [
    "--innodb-buffer-pool-size=1G",
    "--innodb-redo-log-capacity=1G",
    "--max-connections=151",
    "--table-open-cache=4000",
    "--tls-version=",
    "--explain-format=TRADITIONAL",
];
/// How long a server may take to write its changed pages.
const REST_SECONDS_MAX: u64 = 600;
/// How many changed pages and old row versions a server at rest may have: it touches some of its own tables by itself.
const LEFT_MAX: u64 = 200;

/// A server of the bench.
pub(crate) fn builder() -> ServerBuilder {
    FLAGS.iter().fold(Server::builder(), |builder, &flag| builder.flag(flag))
}

/// Waits until the server has removed old row versions and written its changed pages, and the system has written its
/// files: what one contender leaves behind is not paid by the next.
pub(crate) async fn rest(server: &Server) -> Result<()> {
    server
        .execute(
            "SET GLOBAL innodb_max_dirty_pages_pct_lwm = 0; SET GLOBAL innodb_max_dirty_pages_pct = 0;
             SET GLOBAL innodb_purge_rseg_truncate_frequency = 1",
        )
        .await?;
    eventually("a server's rest", REST_SECONDS_MAX, async || {
        let left: Option<u64> = server
            .row(
                "SELECT CAST(SUM(n) AS UNSIGNED) FROM (
                   SELECT VARIABLE_VALUE n FROM performance_schema.global_status
                   WHERE VARIABLE_NAME = 'Innodb_buffer_pool_pages_dirty'
                   UNION ALL SELECT COUNT FROM information_schema.INNODB_METRICS
                   WHERE NAME = 'trx_rseg_history_len') work",
            )
            .await?;
        Ok::<bool, KitError>(left.is_some_and(|left| left <= LEFT_MAX))
    })
    .await?;
    server
        .execute(
            "SET GLOBAL innodb_max_dirty_pages_pct = DEFAULT; SET GLOBAL innodb_max_dirty_pages_pct_lwm = DEFAULT;
             SET GLOBAL innodb_purge_rseg_truncate_frequency = DEFAULT",
        )
        .await?;
    if Command::new("sync").status()?.success() { Ok(()) } else { Err("sync failed".into()) }
}
