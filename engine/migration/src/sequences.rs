//! Sequences: what numbers a keyspace's new rows where `AUTO_INCREMENT` did on the source.

use std::collections::BTreeSet;

use whimbrel_flow::Clock;
use whimbrel_mysql::{
    Class, ConnectOptions, Finding, Role, Session, Severity,
    catalog::{self, NumberedColumn},
    vtgate,
};
use whimbrel_plan::{Plan, SequenceName, VschemaAddition};

use crate::{
    error::{RunError, TableProblem},
    indexes::numbers,
    link::{Link, SharedLink, on_link},
    progress::Progress,
    vindexes::Keyspace,
    vschema::{ASK_EVERY, SERVED_WAIT_MAX, is_added_to, lacking_table},
};

/// How far ahead of the source's next number a sequence is set at most: rows that the source numbers
/// between two looks must stay below it, and numbers that nobody gets must stay few.
const MARGIN_MAX: u64 = 10_000;

/// The highest number of a sequence: its table keeps a `BIGINT`.
const NUMBER_MAX: u64 = i64::MAX.unsigned_abs();

/// How many tables are looked at together: as many as a server tells of in one answer.
const LOOKED_AT_ONCE: usize = 100;

/// A moved table that a sequence numbers.
#[derive(Debug, Clone)]
pub(crate) struct Numbered {
    table: String,
    /// The highest number that its column holds.
    number_max: u64,
    sequence: SequenceName,
    /// What the sequence is known to go on with, or more.
    reached: u64,
}

/// What a table's sequence is found to be.
enum Found {
    None,
    At(SequenceName),
    /// One that lacks something, which the run adds.
    ToAdd(SequenceName, Vec<VschemaAddition>),
    Problem {
        what: String,
        remedy: String,
    },
}

/// The sequences of a plan's tables.
#[derive(Debug, Default)]
pub(crate) struct Sequences {
    /// The tables that they number.
    pub(crate) numbered: Vec<Numbered>,
    /// What of the other tables a person should know.
    pub(crate) findings: Vec<Finding>,
    /// What the vschema lacks of them, where the run adds to it: they are taken to be there from now on.
    pub(crate) additions: Vec<VschemaAddition>,
}

impl Keyspace {
    /// The sequences of those of the `moved` tables that the source numbers.
    ///
    /// # Errors
    ///
    /// [`RunError::Tables`] for sequences that are not there, or of which plan and vschema tell otherwise;
    /// what the source or vtgate says.
    pub(crate) async fn sequences(
        &mut self,
        plan: &Plan,
        source: &mut Session,
        moved: &[String],
    ) -> Result<Sequences, RunError> {
        let moved: BTreeSet<&String> = moved.iter().collect();
        let mut columns = catalog::numbered_columns(source, &plan.source.database).await?;
        columns.retain(|column| moved.contains(&column.table));
        if self.shape.is_sharded {
            let names: Vec<String> = columns.iter().map(|column| column.table.clone()).collect();
            self.ask(&names).await?;
        }
        let (mut found, mut problems) = (Sequences::default(), Vec::new());
        for column in columns {
            let planned = plan.sharding.iter().find(|it| it.table == column.table);
            let planned = planned.and_then(|planned| planned.sequence.as_ref());
            // The only shard of another keyspace numbers rows itself.
            let told = self.told.get(&column.table).filter(|_| self.shape.is_sharded);
            let (has_vindex, drawn) = match told {
                Some(vtgate::Placing::Vindexes { sequence, .. }) => (true, sequence.clone()),
                _ => (false, None),
            };
            let sequence = match self.sequence((plan, planned), drawn.as_deref()).await? {
                Found::None => {
                    let is_sharded = self.shape.is_sharded;
                    found.findings.extend(is_sharded.then(|| self.without(&column)));
                    continue;
                }
                Found::Problem { what, remedy } => {
                    problems.push(TableProblem { table: column.table, what, remedy });
                    continue;
                }
                Found::At(sequence) => sequence,
                Found::ToAdd(sequence, mut missing) => {
                    missing.retain(|addition| !found.additions.contains(addition));
                    found.additions.extend(missing);
                    sequence
                }
            };
            if has_vindex && drawn.is_none() {
                self.numbers((plan, &column), &sequence, &mut found);
            }
            let NumberedColumn { table, number_max, .. } = column;
            found.numbered.push(Numbered { table, number_max, sequence, reached: 0 });
        }
        if problems.is_empty() { Ok(found) } else { Err(RunError::Tables { problems }) }
    }

    /// Lets the vschema say that `sequence` numbers a table, or says what does.
    fn numbers(
        &mut self,
        (plan, column): (&Plan, &NumberedColumn),
        sequence: &SequenceName,
        found: &mut Sequences,
    ) {
        let addition = VschemaAddition::AutoIncrement {
            keyspace: self.shape.keyspace.clone(),
            table: column.table.clone(),
            column: column.name.clone(),
            sequence: sequence.clone(),
        };
        if !is_added_to(plan) {
            found.findings.push(unused(column, sequence, &addition));
            return;
        }
        if let Some(vtgate::Placing::Vindexes { sequence: drawn, .. }) =
            self.told.get_mut(&column.table)
        {
            *drawn = Some(sequence.table.clone());
        }
        found.additions.push(addition);
    }

    /// The sequence that the plan names, or that the vschema does without its keyspace.
    async fn sequence(
        &mut self,
        (plan, planned): (&Plan, Option<&SequenceName>),
        told: Option<&str>,
    ) -> Result<Found, RunError> {
        let named = match (planned, told) {
            (None, None) => return Ok(Found::None),
            (Some(planned), Some(told)) if planned.table != told => {
                return Ok(Found::Problem {
                    what: format!(
                        "the plan numbers it by the sequence `{planned}`, and the vschema by `{told}`"
                    ),
                    remedy:
                        "let `sharding` and the vschema name the same sequence, or leave it out \
                             of `sharding`"
                            .to_owned(),
                });
            }
            (Some(planned), _) => return self.planned_sequence(plan, planned).await,
            (None, Some(told)) => {
                let keyspaces = vtgate::sequence_keyspaces(&mut self.session, told).await?;
                let [keyspace] = keyspaces.as_slice() else {
                    return Ok(ambiguous(told, &keyspaces));
                };
                SequenceName { keyspace: keyspace.clone(), table: told.to_owned() }
            }
        };
        self.usable(named).await
    }

    /// The sequence that the plan names, with what it lacks if the run adds that.
    async fn planned_sequence(
        &mut self,
        plan: &Plan,
        sequence: &SequenceName,
    ) -> Result<Found, RunError> {
        let name = (sequence.keyspace.as_str(), sequence.table.as_str());
        let is_known = vtgate::is_sequence(&mut self.session, name).await?;
        let unsharded = vtgate::unsharded_keyspaces(&mut self.session).await?;
        let may_be_made = is_added_to(plan) && unsharded.contains(&sequence.keyspace);
        if !(is_known || may_be_made) {
            return Ok(Found::Problem {
                what: format!("vtgate knows no sequence `{sequence}`"),
                remedy: format!(
                    "correct its name in `sharding`, or make it in a keyspace that is not sharded: {}",
                    made(sequence)
                ),
            });
        }
        if !is_added_to(plan) {
            return self.usable(sequence.clone()).await;
        }
        let mut missing = lacking_table(&mut self.session, sequence).await?;
        missing.extend((!is_known).then(|| VschemaAddition::Sequence(sequence.clone())));
        Ok(match missing.is_empty() {
            true => Found::At(sequence.clone()),
            false => Found::ToAdd(sequence.clone(), missing),
        })
    }

    /// `sequence`, if numbers can be drawn from it.
    async fn usable(&mut self, sequence: SequenceName) -> Result<Found, RunError> {
        let name = (sequence.keyspace.as_str(), sequence.table.as_str());
        Ok(match vtgate::sequence_cache(&mut self.session, name).await {
            Ok(Some(_)) => Found::At(sequence),
            Ok(None) => Found::Problem {
                what: format!("its sequence `{sequence}` has no row to draw numbers from"),
                remedy: format!("`{}` at vtgate", VschemaAddition::SequenceRow(sequence)),
            },
            Err(error) if error.class() == Class::SchemaGone => Found::Problem {
                what: format!("its sequence is `{sequence}`, and there is no such table"),
                remedy: made(&sequence),
            },
            Err(error) => return Err(error.into()),
        })
    }

    /// A table whose rows nothing numbers.
    fn without(&self, NumberedColumn { table, name, .. }: &NumberedColumn) -> Finding {
        let keyspace = &self.shape.keyspace;
        let sequence = SequenceName { keyspace: "KEYSPACE".into(), table: format!("{table}_seq") };
        let addition = VschemaAddition::AutoIncrement {
            keyspace: keyspace.clone(),
            table: table.clone(),
            column: name.clone(),
            sequence: sequence.clone(),
        };
        Finding {
            id: "vitess-no-sequence",
            severity: Severity::Warning,
            saw: format!(
                "the source numbers `{table}` by AUTO_INCREMENT, and no sequence numbers it in `{keyspace}`"
            ),
            why: "shards have no AUTO_INCREMENT: an INSERT that leaves the number out fails there",
            remedy: format!(
                "before the application writes there, in an unsharded keyspace: {}; then `{addition}`, \
                 and run again: the run sets it ahead of the source's numbers",
                made(&sequence)
            ),
        }
    }
}

/// A table for which vtgate does not draw from the sequence that the plan names, and what lets it.
fn unused(
    NumberedColumn { table, .. }: &NumberedColumn,
    sequence: &SequenceName,
    addition: &VschemaAddition,
) -> Finding {
    Finding {
        id: "vitess-sequence-unused",
        severity: Severity::Warning,
        saw: format!("the plan numbers `{table}` by `{sequence}`, and the vschema does not say so"),
        why: "vtgate draws no number for an INSERT that leaves it out, which fails",
        remedy: format!("before the application writes there: `{addition}`"),
    }
}

/// A sequence of which the vschema does not tell where it is.
fn ambiguous(told: &str, keyspaces: &[String]) -> Found {
    if keyspaces.is_empty() {
        return Found::Problem {
            what: format!("the vschema numbers it by `{told}`, which is a sequence of no keyspace"),
            remedy: format!(
                "make it: {}, or correct the vschema",
                made(&SequenceName { keyspace: "KEYSPACE".into(), table: told.into() })
            ),
        };
    }
    Found::Problem {
        what: format!(
            "the vschema numbers it by `{told}`, and the keyspaces `{}` each have such a sequence",
            keyspaces.join("`, `")
        ),
        remedy: format!(
            "say in the plan's `sharding` which one it is: `sequence: {}.{told}`",
            keyspaces[0]
        ),
    }
}

/// The statements that make a sequence.
fn made(sequence: &SequenceName) -> String {
    VschemaAddition::whole_sequence(sequence).map(|it| format!("`{it}`")).join(", ")
}

/// Sets sequences ahead of the source's numbers.
#[derive(Debug)]
pub(crate) struct Ahead {
    numbered: Vec<Numbered>,
    gate: Link,
    clock: Clock,
    source: SharedLink,
    source_database: String,
}

impl Ahead {
    /// For the tables `numbered`; `gate` is how their vtgate is connected to.
    pub(crate) fn new(
        numbered: Vec<Numbered>,
        (source, source_database): (SharedLink, String),
        (gate, clock): (&ConnectOptions, Clock),
    ) -> Self {
        let keyspace = numbered.first().map(|first| first.sequence.keyspace.as_str());
        let gate = gate.for_keyspace(keyspace.unwrap_or_default());
        let gate = Link::new(gate, Role::Target, clock.clone());
        Self { numbered, gate, clock, source, source_database }
    }

    /// Whether no sequence numbers any table.
    pub(crate) fn is_empty(&self) -> bool {
        self.numbered.is_empty()
    }

    /// Lets each sequence go on above all numbers that the source has given, those of rows that are gone
    /// included; one that is far enough ahead is left alone. Numbers that come to their end are told of.
    pub(crate) async fn set(&mut self, progress: &Progress) -> Result<(), RunError> {
        let Self { numbered, gate, clock, source, source_database } = self;
        for numbered in numbered.chunks_mut(LOOKED_AT_ONCE) {
            let names: Vec<String> = numbered.iter().map(|it| it.table.clone()).collect();
            let next = {
                let mut link = source.lock().await;
                on_link!(link, session => numbers(session, source_database, &names))?
            };
            for it in numbered {
                let Some(&next) = next.get(&it.table) else { continue };
                let margin = margin(next, it.number_max);
                if it.reached >= next.saturating_add(margin / 2) {
                    continue;
                }
                let at_least = next.saturating_add(margin);
                until_known(&it.sequence, gate, (clock, progress)).await?;
                let reached = on_link!(gate, session => advance(session, &it.sequence, at_least))?;
                progress.warns(format!("numbers of {}", it.table), it.end(reached));
                it.reached = reached.unwrap_or(at_least);
            }
        }
        Ok(())
    }
}

impl Numbered {
    /// Why rows get no numbers from the sequence that goes on with `reached`, or was left as it is; `None` if
    /// they do.
    fn end(&self, reached: Option<u64>) -> Option<String> {
        let Self { table, number_max, sequence, .. } = self;
        let fails = "rows that leave their number out are refused there";
        match reached {
            None => Some(format!(
                "the source's numbers of `{table}` are at the end of what a sequence has: `{sequence}` is left as \
                 it is, and {fails}, or get numbers that are taken; number them otherwise"
            )),
            Some(next) if next > *number_max => Some(format!(
                "`{sequence}` goes on with {next}, and the numbers of `{table}` end at {number_max}: {fails}; \
                 widen the column, or let the sequence's `cache` be far less than what is left"
            )),
            Some(_) => None,
        }
    }
}

/// How far ahead of `next` a sequence is set: half of what the column has left at most, so that a small
/// one is not used up by it.
fn margin(next: u64, number_max: u64) -> u64 {
    MARGIN_MAX.min(number_max.min(NUMBER_MAX).saturating_sub(next) / 2)
}

/// Waits until the vtgate that the link leads to knows the sequence, which was there when the run began: another
/// one may have said so. Each look is on a new connection; after the last one, drawing says what is wrong.
async fn until_known(
    sequence: &SequenceName,
    gate: &mut Link,
    (clock, progress): (&Clock, &Progress),
) -> Result<(), RunError> {
    let name = (sequence.keyspace.as_str(), sequence.table.as_str());
    let who = format!("sequence {sequence}");
    let waiting = async {
        while !on_link!(gate, session => is_known(session, name))? {
            progress.waits(who.clone(), Some("a vtgate that knows it".to_owned()));
            gate.close().await;
            clock.sleep(ASK_EVERY).await;
        }
        Ok(())
    };
    let waited = clock.timeout(SERVED_WAIT_MAX, waiting).await;
    progress.waits(who, None);
    waited.unwrap_or(Ok(()))
}

async fn is_known(session: &mut Session, name: (&str, &str)) -> Result<bool, RunError> {
    Ok(vtgate::is_sequence(session, name).await?)
}

async fn advance(
    session: &mut Session,
    sequence: &SequenceName,
    at_least: u64,
) -> Result<Option<u64>, RunError> {
    let name = (sequence.keyspace.as_str(), sequence.table.as_str());
    Ok(vtgate::advance_sequence(session, name, at_least).await?)
}

#[cfg(test)]
mod tests {
    use super::{MARGIN_MAX, margin};

    #[test]
    fn a_margin_leaves_a_column_half_of_its_numbers() {
        for (next, number_max, wanted) in [
            (1, u64::MAX, MARGIN_MAX),
            (101, 127, 13),
            (127, 127, 0),
            (200, 127, 0),
            (i64::MAX.unsigned_abs() - 8, u64::MAX, 4),
            (u64::MAX, u64::MAX, 0),
        ] {
            assert_eq!(margin(next, number_max), wanted, "{next} of {number_max}");
        }
    }
}
