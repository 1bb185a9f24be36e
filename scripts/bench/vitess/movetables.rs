//! Vitess's own way to move tables.

use whimbrel_kit::eventually;

use super::meter::Meter;
use super::{Place, SECONDS_MAX, SOURCE};
use crate::Result;
use crate::measure::Usage;

/// What makes MoveTables quickest.
const OVERRIDES: &str = "--config-overrides=vreplication-parallel-insert-workers=4";
/// The name of the workflow.
const WORKFLOW: &str = "bench";

impl Place<'_> {
    /// Copies by MoveTables.
    pub(super) async fn copy(&self) -> Result<Usage> {
        let meter = Meter::start(self)?;
        let tables = format!("--tables={}", self.set.tables.join(","));
        let source = format!("--source-keyspace={SOURCE}");
        self.command("create", &[&source, &tables, "--tablet-types=primary", OVERRIDES]).await?;
        eventually("the copy", SECONDS_MAX, async || {
            // Its count of copied rows is not brought up to date at the end.
            let ended = format!(
                "SELECT COUNT(*) = SUM(state = 'Running' AND EXISTS (SELECT * FROM _vt.vreplication_log \
                   WHERE vrepl_id = stream.id AND type = 'Ended Copy Phase')) \
                 FROM _vt.vreplication stream WHERE workflow = '{WORKFLOW}'"
            );
            for server in self.servers()? {
                if server.row(&ended).await? != Some(Some(true)) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await?;
        Ok(meter.end())
    }

    /// Starts the workflow, and waits until it has caught up.
    pub(super) async fn catch_up(&self) -> Result<Usage> {
        let executed: String = self
            .source
            .row("SELECT @@GLOBAL.gtid_executed")
            .await?
            .ok_or("the source has no position")?;
        let meter = Meter::start(self)?;
        self.workflow("start").await?;
        eventually("catching up", SECONDS_MAX, async || {
            for server in self.servers()? {
                let has: Option<bool> = server
                    .row(&format!(
                        "SELECT MIN(GTID_SUBSET('{executed}', SUBSTRING_INDEX(pos, '/', -1))) \
                         FROM _vt.vreplication WHERE workflow = '{WORKFLOW}'"
                    ))
                    .await?;
                if has != Some(true) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await?;
        Ok(meter.end())
    }

    /// Tells the workflow of MoveTables what to do.
    pub(super) async fn command(&self, action: &str, more: &[&str]) -> Result<()> {
        let keyspace = format!("--target-keyspace={}", self.keyspace);
        let workflow = format!("--workflow={WORKFLOW}");
        let mut command = vec!["MoveTables", &workflow, &keyspace, action];
        command.extend(more);
        self.cluster.vtctldclient(&command).await?;
        Ok(())
    }

    /// Starts or stops the workflow.
    pub(super) async fn workflow(&self, action: &str) -> Result<()> {
        let keyspace = format!("--keyspace={}", self.keyspace);
        let workflow = format!("--workflow={WORKFLOW}");
        self.cluster.vtctldclient(&["Workflow", &keyspace, action, &workflow]).await?;
        Ok(())
    }
}
