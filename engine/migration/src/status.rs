//! What the target tells of a plan, whether a runner lives or not.

use std::collections::BTreeMap;

use serde::Serialize;
use whimbrel_flow::Clock;
use whimbrel_plan::Plan;

use crate::{
    error::RunError,
    pieces::rows_held_by_all,
    prepare::is_begun,
    progress::Report,
    reach::reach,
    runners,
    store::{self, Control, PlanKey},
};

/// A plan as the target knows it.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The plan's name.
    pub plan: String,
    /// `copying`, `indexing` or `following`.
    pub phase: String,
    /// Whether a runner is at work now.
    pub is_running: bool,
    /// When the runner last reported, in seconds before now by the target's clock.
    pub reported_seconds_ago: f64,
    /// The transactions that every lane has applied, per lane, of one shard after the other.
    pub positions: Vec<String>,
    /// Pieces of tables that the target holds, and all of them.
    pub pieces_held: u64,
    /// All pieces that are known now.
    pub pieces: u64,
    /// How many rows failed and wait among the dead letters, by target.
    pub dead_letters: BTreeMap<String, u64>,
    /// About how many bytes are kept aside for each rolled-up target, indexes included.
    pub kept_bytes: BTreeMap<String, u64>,
    /// What the last runner reported.
    pub report: Option<Report>,
    /// Why the last run ended, if it failed.
    pub last_error: Option<String>,
    /// What to do next.
    pub next_step: String,
}

/// Asks the target, and only the target, for the state of a plan.
///
/// # Errors
///
/// [`RunError::NoState`] when the plan was never begun there; otherwise what the server said.
pub async fn status(plan: &Plan, clock: &Clock) -> Result<Status, RunError> {
    let key = PlanKey::new(&plan.name);
    let mut target = reach(plan).await?;
    if !is_begun(&mut target, &key).await? {
        return Err(RunError::NoState { plan: plan.name.clone() });
    }
    let (session, home) = target.home();
    let sql = format!(
        "SELECT phase, progress, last_error, format, \
         TIMESTAMPDIFF(MICROSECOND, updated_at, NOW(6)) AS age_micros \
         FROM `_whimbrel_plan` WHERE {}",
        key.matches()
    );
    let rows = session.query(&sql).await?;
    let row = rows.first().ok_or_else(|| RunError::NoState { plan: plan.name.clone() })?;
    let format: u64 = row.number("format")?;
    if format > u64::from(store::FORMAT) {
        return Err(RunError::NewerFormat { plan: plan.name.clone(), format });
    }
    let age_micros: i64 = row.number("age_micros")?;
    let last_error = row.optional_text("last_error")?;
    let is_running = runners::is_at_work(session, (&key, home), clock).await?;
    let dead_letters = store::dead_letters(session, &key).await?;
    let rollups = store::rollups(session, &key).await?;
    let pieces = Control::pieces(session, &key).await?;
    let lookups = store::lookups(session, &key).await?;
    let began = if home.name.is_some() { store::shards(session, &key).await? } else { Vec::new() };
    target.reach_beside(lookups.values()).await?;
    let now = target.shard_names();
    if began != now {
        return Err(RunError::Resharded { began: began.join(", "), now: now.join(", ") });
    }
    let (mut marks, mut positions, mut kept_bytes) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (session, shard) in target.each() {
        let of_shard = async {
            marks.push(Control::marks(session, &key).await?);
            positions.extend(store::positions(session, &key).await?);
            for rollup in &rollups {
                let bytes = store::kept_bytes(session, rollup).await?;
                *kept_bytes.entry(rollup.visible().to_owned()).or_default() += bytes;
            }
            Ok(())
        };
        of_shard.await.map_err(|error| shard.told(error))?;
    }
    let held = pieces.iter().filter(|piece| rows_held_by_all(&marks, piece.id).is_some());
    let phase = row.text("phase")?;
    Ok(Status {
        next_step: next_step(&phase, is_running, last_error.as_deref()).to_owned(),
        plan: plan.name.clone(),
        phase,
        is_running,
        reported_seconds_ago: std::time::Duration::from_micros(
            u64::try_from(age_micros).unwrap_or(0),
        )
        .as_secs_f64(),
        positions,
        pieces_held: held.count() as u64,
        pieces: pieces.len() as u64,
        dead_letters,
        kept_bytes,
        // A report of another version is of no use; everything else here does not depend on it.
        report: serde_json::from_str(&row.text("progress")?).ok(),
        last_error,
    })
}

fn next_step(phase: &str, is_running: bool, last_error: Option<&str>) -> &'static str {
    match (is_running, last_error, phase) {
        (true, _, "following") => "nothing: the target follows the source",
        (true, _, _) => "nothing: a runner is at work",
        (false, Some(_), _) => {
            "mend what the last error names, then `whimbrel run PLAN`: it goes on where it stopped"
        }
        (false, None, "following") => {
            "`whimbrel run PLAN` to follow on, before the source purges the log from here"
        }
        (false, None, _) => "`whimbrel run PLAN`: it goes on where it stopped",
    }
}
