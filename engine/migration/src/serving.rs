//! The watch over the target's keyspace and those of its lookup vindexes: once other shards serve it, or its
//! vschema places rows elsewhere, nobody reads what is written to the former ones; nor what goes past vtgate to
//! a server that is no primary any more.

use std::{collections::BTreeMap, ops::Bound, sync::Arc, time::Duration};

use whimbrel_flow::Clock;
use whimbrel_mysql::{Role, vtgate, vtgate::Shape};
use whimbrel_plan::{Plan, Target};

use crate::{
    error::RunError,
    link::Link,
    reach::endpoint,
    shards::Shard,
    shared::Shared,
    store::Placings,
    vindexes::{placings_of, unchanged},
    ways::Way,
};

/// How often vtgate is asked for its shards. A lane that writes to one that was left is refused by its
/// tablet, and waits: what this bounds is how long nobody knows why.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How often it is looked again while other shards seem to serve, or rows to belong elsewhere, and how many looks
/// in a row have to say so: each may be at another vtgate, which learns of the topology in its own time.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(1);
const CHANGED_LOOKS: u32 = 5;

/// How many tables are looked at each time, by three statements each; all of them in turn.
const TABLES_AT_ONCE: usize = 20;

/// How long vtgate may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// So many looks in a row without an answer are told: a restart of vtgate takes fewer.
const UNANSWERED_MAX: u32 = 6;

/// How long the shards may take to store what was taken in, once others serve. Those that stay need far
/// less; those that were left take nothing more, however long they are tried. What is not stored by then
/// comes again with the next run.
pub(crate) const STORE_TIME_MAX: Duration = Duration::from_secs(10);

/// A way past vtgate is to lead to the shard's primary again after so many looks: a name that follows the
/// primary takes fewer, and sessions that wait for work are proven as often.
const ASTRAY_MAX: u32 = 3;

/// The shards of a run, and how vtgate is asked for those that serve.
#[derive(Debug)]
pub(crate) struct Serving {
    link: Link,
    keyspace: String,
    began: Vec<String>,
    /// Where the rows of its sharded tables are.
    placings: Placings,
    /// The tables that were looked at last: those behind it are next.
    looked_upto: String,
    /// The shards whose rows go past vtgate.
    straight: Vec<Straight>,
}

/// A shard whose rows go past vtgate.
#[derive(Debug)]
struct Straight {
    shard: Arc<Shard>,
    way: Arc<Way>,
    /// To the shard, through vtgate.
    link: Link,
    /// So many looks in a row have found vtgate to write to another server.
    astray: u32,
}

/// What the shape of a keyspace means for a run that writes to its shards.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// The run's shards serve, and there are no others.
    Same,
    /// The run's shards serve; these have tablets, too.
    Beside(Vec<String>),
}

impl Serving {
    /// Those of a run of `plan` into `shards`, one for each of their keyspaces; none where the target is one
    /// database.
    ///
    /// # Errors
    ///
    /// [`RunError::Options`].
    pub(crate) fn of(
        plan: &Plan,
        (shards, placings): (&[Arc<Shard>], &Placings),
        clock: &Clock,
    ) -> Result<Vec<Self>, RunError> {
        let Target::Vitess(target) = &plan.target else { return Ok(Vec::new()) };
        let options = endpoint(&target.endpoint)?;
        let names = shards.iter().filter_map(|it| Some((it.name.as_deref()?, it.is_beside)));
        let keyspaces = by_keyspace(options.database(), names, placings);
        let straight = |keyspace| {
            let own = shards.iter().filter(|_| keyspace == options.database());
            own.filter_map(|shard| Straight::of(shard, clock)).collect()
        };
        let serving = keyspaces.into_iter().map(|(keyspace, (began, placings))| Self {
            link: Link::new(options.for_keyspace(keyspace), Role::Target, clock.clone()),
            keyspace: keyspace.to_owned(),
            began,
            placings,
            looked_upto: String::new(),
            straight: straight(keyspace),
        });
        Ok(serving.collect())
    }

    /// Looks until other shards serve; the error that this is. A vtgate that does not answer is asked
    /// another time: whoever needs it to write says so. One that says otherwise than the others is told of.
    pub(crate) async fn changed(mut self, shared: &Shared) -> RunError {
        let (mut unanswered, mut changed) = (0, 0);
        let mut pause = LOOK_EVERY;
        loop {
            shared.clock.sleep(pause).await;
            pause = LOOK_EVERY;
            for straight in &mut self.straight {
                if let Err(error) = straight.look(shared).await {
                    return error;
                }
            }
            let look = self.look(shared).await;
            // The next look may be at another vtgate.
            self.link.close().await;
            let warning = match look {
                Err(error) => {
                    changed += 1;
                    if changed == CHANGED_LOOKS {
                        return error;
                    }
                    shared.progress.warns(
                        self.vtgates(),
                        Some(format!("a vtgate says: {}", error.while_waiting())),
                    );
                    pause = LOOK_AGAIN_EVERY;
                    continue;
                }
                Ok(Some(Look::Same)) => {
                    unanswered = 0;
                    None
                }
                Ok(Some(Look::Beside(others))) => {
                    unanswered = 0;
                    Some(self.beside(&others))
                }
                Ok(None) => {
                    unanswered += 1;
                    (unanswered >= UNANSWERED_MAX).then(|| {
                        format!("vtgate does not tell which shards serve `{}`", self.keyspace)
                    })
                }
            };
            let disagree = (changed > 0).then(|| {
                format!(
                    "vtgates of `{}` disagree on its shards or its vschema: one does not follow the topology, \
                     or is late",
                    self.keyspace
                )
            });
            changed = 0;
            shared.progress.warns(self.vtgates(), disagree);
            shared.progress.warns(format!("shards of {}", self.keyspace), warning);
        }
    }

    /// What the progress report calls those who are asked.
    fn vtgates(&self) -> String {
        format!("vtgates of {}", self.keyspace)
    }

    /// What vtgate says; `None` when it does not answer, or names no shard.
    ///
    /// # Errors
    ///
    /// [`RunError::Tables`] when rows belong elsewhere than when the plan began; [`RunError::Resharded`].
    async fn look(&mut self, shared: &Shared) -> Result<Option<Look>, RunError> {
        let behind = (Bound::Excluded(self.looked_upto.clone()), Bound::Unbounded);
        let tables = self.placings.range(behind).take(TABLES_AT_ONCE);
        let tables: Vec<String> = tables.map(|(name, _)| name.clone()).collect();
        let asking = async {
            let session = self.link.session().await?;
            vtgate::shape(session, &self.keyspace, &tables).await
        };
        match shared.clock.timeout(ANSWER_TIME_MAX, asking).await {
            Ok(Ok(shape)) => {
                let now = placings_of(&shape.tables);
                unchanged(&now, &self.placings)?;
                let look = judged(&self.began, shape)?;
                // Behind the last one it begins anew.
                self.looked_upto = tables.into_iter().next_back().unwrap_or_default();
                Ok(look)
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "vtgate was not asked for its shards");
                Ok(None)
            }
            Err(_) => Ok(None),
        }
    }

    fn beside(&self, others: &[String]) -> String {
        format!(
            "keyspace `{}` has tablets of `{}`, too: when a resharding makes them serve, this run ends, \
             and its rows must be moved again; cancel the resharding, or let it wait until the move is over",
            self.keyspace,
            others.join("`, `")
        )
    }
}

impl Straight {
    /// That of a shard; `None` where its rows go through vtgate.
    fn of(shard: &Arc<Shard>, clock: &Clock) -> Option<Self> {
        let way = Arc::clone(shard.way.as_ref()?);
        let link = Link::new(way.gate().clone(), Role::Target, clock.clone());
        Some(Self { shard: Arc::clone(shard), way, link, astray: 0 })
    }

    /// Looks whether the way still leads where vtgate writes to. A vtgate that does not answer is asked another
    /// time: what is kept of the run goes through it, so that a run does not get far without it.
    ///
    /// # Errors
    ///
    /// That it leads to another server, once it has done so for a while.
    async fn look(&mut self, shared: &Shared) -> Result<(), RunError> {
        let asking = async {
            let session = self.link.session().await?;
            vtgate::server_behind(session).await
        };
        let Ok(Ok(primary)) = shared.clock.timeout(ANSWER_TIME_MAX, asking).await else {
            self.link.drop_session();
            return Ok(());
        };
        if self.way.leads_to(&primary) {
            self.astray = 0;
            return Ok(());
        }
        self.astray += 1;
        let shard = self.shard.label();
        tracing::warn!(shard, primary, "rows go to another server than vtgate's");
        if self.astray <= ASTRAY_MAX {
            return Ok(());
        }
        let reason = format!("vtgate writes to the one whose `server_uuid` is {primary}");
        Err(self.shard.told(self.way.astray(reason).into()))
    }
}

/// By keyspace, the names of its shards and where the rows of its tables are. What is of another keyspace than
/// the target's `own` is called by both names: a shard where that is said beside it, a table where shards of
/// such a keyspace are among them.
fn by_keyspace<'a>(
    own: &'a str,
    shards: impl Iterator<Item = (&'a str, bool)>,
    placings: &'a Placings,
) -> BTreeMap<&'a str, (Vec<String>, Placings)> {
    let mut keyspaces: BTreeMap<&str, (Vec<String>, Placings)> = BTreeMap::new();
    for (name, is_beside) in shards {
        let beside = name.split_once('/').filter(|_| is_beside);
        let (keyspace, name) = beside.unwrap_or((own, name));
        keyspaces.entry(keyspace).or_default().0.push(name.to_owned());
    }
    for (table, words) in placings {
        let beside = table.split_once('/');
        let beside = beside.filter(|(keyspace, _)| keyspaces.contains_key(keyspace));
        let (keyspace, name) = beside.unwrap_or((own, table));
        keyspaces.entry(keyspace).or_default().1.insert(name.to_owned(), words.clone());
    }
    keyspaces
}

/// What `shape` means for a run into the shards `began`, both in the order of their key ranges; `None` where vtgate
/// names none: it has lost its topology, and the shards go on without it.
///
/// # Errors
///
/// [`RunError::Resharded`] when others serve.
fn judged(began: &[String], shape: Shape) -> Result<Option<Look>, RunError> {
    let now: Vec<String> = shape.shards.into_iter().map(|shard| shard.name).collect();
    if now.is_empty() {
        return Ok(None);
    }
    if now != began {
        return Err(RunError::Resharded { began: began.join(", "), now: now.join(", ") });
    }
    Ok(Some(match shape.other_shards {
        others if others.is_empty() => Look::Same,
        others => Look::Beside(others),
    }))
}

#[cfg(test)]
mod tests;
