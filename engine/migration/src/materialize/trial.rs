//! What only a server can say of tables that are to be made: each is made under another name, looked at and removed
//! again, before anything is made that stays.

use std::collections::BTreeSet;

use whimbrel_mysql::{
    Session,
    catalog::{self, Description},
    ddl::{quoted, renamed},
};
use whimbrel_plan::{BoundTarget, Definitions, Plan, Written};

use super::{bound, described, groups, unmade};
use crate::{
    error::{RunError, TableProblem},
    rollup::{Rollup, kept_name},
    store::StoredTarget,
    tables,
};

/// The targets of groups, as they will be; all others are known from the plan. Those of `missing` are not there
/// yet.
///
/// # Errors
///
/// [`RunError::Definition`] for a table that the server does not make, [`RunError::Tables`] for one that cannot show
/// what is asked for, or whose kept rows cannot be indexed.
pub(crate) async fn tried(
    plan: &Plan,
    (target, database): (&mut Session, &str),
    (mut definitions, made): (Definitions, &[BoundTarget]),
    missing: &BTreeSet<String>,
) -> Result<Vec<StoredTarget>, RunError> {
    let trial = kept_name("trial", &plan.name);
    let mut all = Vec::new();
    for made in made {
        let mut visible = match missing.contains(&made.name) {
            true => made_once(target, (database, &trial), made).await?,
            false => Some(catalog::describe(target, database, &made.name).await?),
        };
        if let Some(visible) = &mut visible {
            made.name.clone_into(&mut visible.name);
            definitions.targets.insert(made.name.clone(), described(visible)?);
        }
        all.push(visible);
    }
    // The server may have understood a definition otherwise.
    let known = bound(plan, &definitions)?;
    let (mut stored, mut problems) = (Vec::new(), Vec::new());
    for ((made, known), visible) in made.iter().zip(&known.targets).zip(all) {
        let (Written::Groups(groups), Some(mut visible)) = (&known.written, visible) else {
            continue;
        };
        let mut rollup = |visible: &Description| {
            let rollup = groups::rollup(visible, known, groups, &definitions.sources);
            rollup.map_err(|found| problems.extend(found)).ok()
        };
        let Some(kept) = rollup(&visible) else { continue };
        visible.name.clone_from(&trial);
        let Some(beside) = rollup(&visible) else { continue };
        problems.extend(kept_is_made((target, &beside), &made.name).await?);
        stored.push(StoredTarget {
            table: kept.contributions().clone(),
            rollup: Some(kept),
            moved_from: None,
            wanted: None,
            lookup: None,
        });
    }
    if problems.is_empty() { Ok(stored) } else { Err(RunError::Tables { problems }) }
}

/// The table as the server makes it, whole: with all indexes, whenever they are made.
async fn made_once(
    target: &mut Session,
    (database, trial): (&str, &str),
    made: &BoundTarget,
) -> Result<Option<Description>, RunError> {
    let Some(statement) = &made.statement else { return Ok(None) };
    // Of what cannot be read the server tells when it is made.
    let Some(create) = renamed(statement, trial) else { return Ok(None) };
    let remove = format!("DROP TABLE IF EXISTS {}", quoted(trial));
    target.execute(remove.as_bytes()).await?;
    if let Err(cause) = target.execute(create.as_bytes()).await {
        return Err(unmade(statement.clone(), cause));
    }
    let description = catalog::describe(target, database, trial).await;
    target.execute(remove.as_bytes()).await?;
    Ok(Some(description?))
}

/// Makes and removes what is kept beside a trial of `name`; what is wrong with it.
async fn kept_is_made(
    (target, beside): (&mut Session, &Rollup),
    name: &str,
) -> Result<Option<TableProblem>, RunError> {
    let problem = tables::make_kept_of(target, beside, name).await?;
    for statement in beside.drop_statements() {
        target.execute(statement.as_bytes()).await?;
    }
    Ok(problem)
}
