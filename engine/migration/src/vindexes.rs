//! Where the rows of a keyspace's tables are, as vtgate and the plan say together.

mod asked;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use whimbrel_model::{Column, Equality};
use whimbrel_mysql::{
    Class, ConnectOptions, Error, Role, Session, Severity, vtgate,
    vtgate::{Shape, TableVindex},
};
use whimbrel_plan::{KeyspaceVindex, Plan, Sharding, TableSharding, Unaddable, VschemaAddition};
use whimbrel_sharding::{Shards, Vindex, VindexError};

use self::words::in_words;
pub(crate) use self::words::{placings_of, unchanged};
use crate::{
    error::{RunError, TableProblem},
    lookups::{self, Lookup},
    materialize::is_kept_aside,
    placing::{Answered, Answers, AskedVindex, ByVindex, Placement, Places, unfit},
    store::{Placings, StoredTarget},
    vschema::named,
};

/// What mends a plan and a vschema that differ.
const SAY_THE_SAME: &str =
    "let `sharding` and the vschema say the same, or leave it out of `sharding`";

/// Where the rows of targets are.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// For each target; those beyond its end are where everything is.
    pub(crate) placements: Vec<Placement>,
    /// For each target of a sharded keyspace, to be compared with what it was.
    pub(crate) words: Placings,
    /// What places the rows of targets that are sharded, by the targets' places.
    pub(crate) by_vindex: BTreeMap<usize, Arc<ByVindex>>,
    /// The vindexes that vtgate is asked about, by the targets' places.
    pub(crate) asked: BTreeMap<usize, Arc<AskedVindex>>,
    /// The lookup vindexes that targets own.
    pub(crate) lookups: Vec<Lookup>,
}

/// Where vtgate says that the rows of a target are.
enum Where {
    /// On the first shard.
    Home,
    /// On every shard.
    Everywhere,
    /// Where its vindex says.
    ByVindex(Arc<ByVindex>),
    /// Where vtgate says for each value.
    Asked(Arc<AskedVindex>),
}

impl Where {
    fn placement(&self) -> Placement {
        match self {
            Self::Home => Placement::Home,
            Self::Everywhere => Placement::Everywhere,
            Self::ByVindex(by) => Placement::ByRow(Arc::clone(by) as Arc<dyn Places>),
            Self::Asked(vindex) => {
                let (vindex, answers) = (Arc::clone(vindex), Answers::default());
                Placement::ByRow(Arc::new(Answered { vindex, answers }))
            }
        }
    }
}

/// A keyspace, and the session through which it is asked.
#[derive(Debug)]
pub(crate) struct Keyspace {
    /// How a vtgate is connected to, in the keyspace.
    pub(crate) options: ConnectOptions,
    /// In the keyspace, on no shard.
    pub(crate) session: Session,
    /// What vtgate tells of it, without its tables.
    pub(crate) shape: Shape,
    /// Its shards.
    pub(crate) shards: Arc<Shards>,
    /// The number of the first of them among all shards of the target.
    first: usize,
    /// Where the rows of its tables are, as far as they were asked for.
    pub(crate) told: BTreeMap<String, vtgate::Placing>,
    /// All its vindexes.
    pub(crate) vindexes: Vec<KeyspaceVindex>,
}

impl Keyspace {
    /// The keyspace that `options` are for, whose shards are numbered from `first` on.
    ///
    /// # Errors
    ///
    /// [`RunError::Preflight`] when its shards do not have each row once; what vtgate says.
    pub(crate) async fn of(options: &ConnectOptions, first: usize) -> Result<Self, RunError> {
        let unknown = |error: Error| {
            if error.class() != Class::SchemaGone {
                return error.into();
            }
            let keyspace = options.database().to_owned();
            RunError::Keyspace { keyspace, reason: "vtgate knows none of that name".to_owned() }
        };
        let mut session = Session::connect(options, Role::Target).await.map_err(unknown)?;
        let shape = vtgate::shape(&mut session, options.database(), &[]).await?;
        let names: Vec<String> = shape.shards.iter().map(|shard| shard.name.clone()).collect();
        let shards = Shards::new(&names).map_err(|error| {
            let findings = vtgate::findings(&shape);
            if findings.iter().any(|finding| finding.severity == Severity::Refusal) {
                return RunError::Preflight { findings };
            }
            RunError::Keyspace { keyspace: shape.keyspace.clone(), reason: error.to_string() }
        });
        let shards = Arc::new(shards?);
        let vindexes = named(vtgate::known_vindexes(&mut session, &shape.keyspace).await?);
        let (options, told) = (options.clone(), BTreeMap::new());
        Ok(Self { options, session, shards, shape, first, told, vindexes })
    }

    /// Asks vtgate where the rows of `tables` are, each table once.
    ///
    /// # Errors
    ///
    /// Those of [`vtgate::shape`].
    pub(crate) async fn ask(&mut self, tables: &[String]) -> Result<(), Error> {
        let unasked = tables.iter().filter(|table| !self.told.contains_key(*table));
        let unasked: Vec<String> = unasked.cloned().collect();
        if !unasked.is_empty() {
            let shape = vtgate::shape(&mut self.session, &self.shape.keyspace, &unasked).await?;
            self.told.extend(shape.tables);
        }
        Ok(())
    }

    /// The numbers of its shards among all shards of the target.
    pub(crate) fn range(&self) -> Range<usize> {
        self.first..self.first + self.shards.names().len()
    }

    /// Where the rows of `targets` are, of which `owned` are the names of those whose keys several sources
    /// may have.
    ///
    /// # Errors
    ///
    /// [`RunError::Tables`] for tables of which that is not known, or which plan and vtgate place
    /// otherwise; what vtgate says.
    pub(crate) async fn placing(
        &mut self,
        plan: &Plan,
        (targets, owned): (&[StoredTarget], &BTreeSet<String>),
    ) -> Result<Placed, RunError> {
        let own = targets.iter().filter(|it| !is_kept_aside(it) && self.has(it));
        let names: Vec<String> = own.map(|target| target.name().to_owned()).collect();
        self.ask(&names).await?;
        if !self.shape.is_sharded {
            return self.whole(plan, &names);
        }
        let (mut all, mut problems) = (Placed::default(), Vec::new());
        let mut vindexes = self.vindexes.clone();
        for target in targets {
            let is_own = !is_kept_aside(target) && self.has(target);
            let Some(told) = self.told.get(target.name()).filter(|_| is_own) else {
                all.placements.push(Placement::Home);
                continue;
            };
            let planned = plan.sharding.iter().find(|it| it.table == target.name());
            let placed = if *told == vtgate::Placing::Unknown {
                Err(self.unknown(target.name(), (planned, &mut vindexes)))
            } else {
                self.place(target, told, planned)
            };
            let placed = placed.and_then(|place| {
                if owned.contains(target.name()) {
                    together(target, told)?;
                }
                Ok((place, looked_up(target, told)?))
            });
            let placed = match placed {
                Ok((Where::Asked(vindex), lookups)) => {
                    asked::may_be(target, &lookups).map(|()| (Where::Asked(vindex), lookups))
                }
                other => other,
            };
            match placed {
                Ok((place, lookups)) => {
                    match &place {
                        Where::ByVindex(by) => {
                            all.by_vindex.insert(all.placements.len(), Arc::clone(by));
                        }
                        Where::Asked(vindex) => {
                            all.asked.insert(all.placements.len(), Arc::clone(vindex));
                        }
                        Where::Home | Where::Everywhere => {}
                    }
                    all.placements.push(place.placement());
                    all.words.insert(target.name().to_owned(), in_words(target.name(), told));
                    all.lookups.extend(lookups);
                }
                Err((what, remedy)) => {
                    problems.push(TableProblem { table: target.name().to_owned(), what, remedy });
                }
            }
        }
        problems.extend(asked::unanswered(&mut self.session, all.asked.values()).await?);
        if problems.is_empty() { Ok(all) } else { Err(RunError::Tables { problems }) }
    }

    /// Whether a target is in this keyspace, if it is not in another one's.
    fn has(&self, target: &StoredTarget) -> bool {
        let lookup = target.lookup.as_ref();
        lookup.is_none_or(|lookup| lookup.keyspace == self.shape.keyspace)
    }

    /// Where the rows of `target`, the table of a lookup vindex, are in this keyspace, which is not the
    /// plan's, and that in words; `None` if it has no such table.
    ///
    /// # Errors
    ///
    /// [`RunError::Tables`] if that is not known; what vtgate says.
    pub(crate) async fn beside(
        &mut self,
        target: &StoredTarget,
    ) -> Result<Option<(Placement, String)>, RunError> {
        if target.lookup.is_none() || !self.has(target) {
            return Ok(None);
        }
        let name = target.name().to_owned();
        let names = std::slice::from_ref(&name);
        let told = vtgate::shape(&mut self.session, &self.shape.keyspace, names).await?.tables;
        let told = told.get(&name).unwrap_or(&vtgate::Placing::Unknown);
        let placement = match self.place(target, told, None) {
            Ok(place @ (Where::ByVindex(_) | Where::Asked(_))) => place.placement(),
            Ok(Where::Home | Where::Everywhere) => Placement::On(self.first),
            Err((what, remedy)) => {
                let table = format!("{}.{name}", self.shape.keyspace);
                return Err(RunError::Tables {
                    problems: vec![TableProblem { table, what, remedy }],
                });
            }
        };
        Ok(Some((placement, in_words(&name, told))))
    }

    /// What is wrong with those of `tables` of which the vschema of this keyspace says nothing, or that it
    /// numbers from.
    ///
    /// # Errors
    ///
    /// What vtgate says.
    pub(crate) async fn unplaced(
        &mut self,
        tables: &[String],
    ) -> Result<Vec<TableProblem>, RunError> {
        let told = vtgate::shape(&mut self.session, &self.shape.keyspace, tables).await?.tables;
        let problem = |(table, told): (String, vtgate::Placing)| {
            let (what, remedy) = match told {
                vtgate::Placing::Unknown => self.unknown(&table, (None, &mut Vec::new())),
                vtgate::Placing::Sequence => of_sequence(),
                vtgate::Placing::Unsharded
                | vtgate::Placing::Reference { .. }
                | vtgate::Placing::Pinned
                | vtgate::Placing::Vindexes { .. } => return None,
            };
            Some(TableProblem { table: format!("{}.{table}", self.shape.keyspace), what, remedy })
        };
        Ok(told.into_iter().filter_map(problem).collect())
    }

    /// A keyspace of one shard that has everything.
    fn whole(&self, plan: &Plan, names: &[String]) -> Result<Placed, RunError> {
        let mut vindexes = self.vindexes.clone();
        let problem = |planned: &TableSharding| TableProblem {
            table: planned.table.clone(),
            what: format!(
                "the plan shards it, and the keyspace `{}` is not sharded",
                self.shape.keyspace
            ),
            remedy: match self.may_become_sharded(plan) {
                true => self.addition(&planned.table, (Some(planned), &mut vindexes)),
                false => "leave it out of `sharding`, or name another keyspace".to_owned(),
            },
        };
        let sharded = plan.sharding.iter().filter(|it| !matches!(it.how, Sharding::Read));
        let mut problems: Vec<TableProblem> = sharded.map(problem).collect();
        let told = |name: &&String| self.told.get(*name);
        for table in names.iter().filter(|name| told(name) == Some(&vtgate::Placing::Sequence)) {
            let (what, remedy) = of_sequence();
            problems.push(TableProblem { table: table.clone(), what, remedy });
        }
        if problems.is_empty() { Ok(Placed::default()) } else { Err(RunError::Tables { problems }) }
    }

    /// Where the rows of one target are; else what is wrong, and what mends it.
    fn place(
        &self,
        target: &StoredTarget,
        told: &vtgate::Placing,
        planned: Option<&TableSharding>,
    ) -> Result<Where, (String, String)> {
        let how = planned.map_or(&Sharding::Read, |planned| &planned.how);
        let refused = |what: &str, remedy: &str| Err((what.to_owned(), remedy.to_owned()));
        let vindexes = match told {
            vtgate::Placing::Vindexes { vindexes, .. } => vindexes,
            vtgate::Placing::Unknown => {
                return Err(self.unknown(target.name(), (planned, &mut self.vindexes.clone())));
            }
            vtgate::Placing::Reference { source: None } => return reference(how),
            vtgate::Placing::Reference { source: Some(keyspace) } => {
                return Err((
                    format!("its rows come from the reference table of keyspace `{keyspace}`"),
                    format!("name `{keyspace}` as the target, or leave the table out"),
                ));
            }
            vtgate::Placing::Unsharded => return Ok(Where::Home),
            vtgate::Placing::Sequence => return Err(of_sequence()),
            vtgate::Placing::Pinned => {
                return refused(
                    "the vschema pins it to one shard",
                    "give it a vindex, make it a reference table, or leave it out",
                );
            }
        };
        let Some(primary) = vindexes.first() else {
            return Err(self.unknown(target.name(), (planned, &mut self.vindexes.clone())));
        };
        let files = agreed(primary, how)?;
        let columns = sharding_columns(target, &primary.columns)?;
        let (table, shards) = (target.name().into(), Arc::clone(&self.shards));
        match Vindex::new(&primary.kind, &primary.params, files) {
            Ok(_) if matches!(how, Sharding::Asked) => Err(asked::needless(primary)),
            Ok(vindex) => {
                let first = self.first;
                Ok(Where::ByVindex(Arc::new(ByVindex { table, columns, vindex, shards, first })))
            }
            Err(error) if matches!(how, Sharding::Asked) => {
                let column = asked::only_column(columns, &error)?;
                let name = (self.shape.keyspace.clone(), primary.name.clone());
                let first = self.first;
                Ok(Where::Asked(Arc::new(AskedVindex { table, name, column, shards, first })))
            }
            Err(error) => Err(uncomputed(&error)),
        }
    }

    /// A table of which the vschema says nothing: vtgate would not find its rows. `vindexes` gets the one that
    /// it is to have.
    fn unknown(
        &self,
        table: &str,
        planned: (Option<&TableSharding>, &mut Vec<KeyspaceVindex>),
    ) -> (String, String) {
        let what = format!("the vschema of `{}` does not know it", self.shape.keyspace);
        (what, self.addition(table, planned))
    }

    /// How a table gets into the vschema: by a statement, where one says it.
    fn addition(
        &self,
        table: &str,
        (planned, vindexes): (Option<&TableSharding>, &mut Vec<KeyspaceVindex>),
    ) -> String {
        let keyspace = &self.shape.keyspace;
        let added = match planned {
            Some(planned) => VschemaAddition::vindex(keyspace, planned, vindexes),
            None => Err(Unaddable::Unsaid),
        };
        match added {
            Ok(addition) => {
                format!("`{addition}`, or say `vschema: apply` beside the target's `keyspace`")
            }
            Err(why) => why.remedy((keyspace, table)),
        }
    }
}

/// The columns that say where a target's rows are, each with its place among their cells.
fn sharding_columns(
    target: &StoredTarget,
    names: &[String],
) -> Result<Vec<(usize, Column)>, (String, String)> {
    let mut columns = Vec::new();
    for name in names {
        let Some((place, column)) = column_of(target, name) else {
            return Err((
                format!("its vindex is of `{name}`, which is none of its columns that are written"),
                "correct the vschema, or add the column".to_owned(),
            ));
        };
        if let Some(why) = unfit(column) {
            return Err((
                format!("its vindex is of `{name}`: {why}"),
                "shard the table by an integer, text or VARBINARY".to_owned(),
            ));
        }
        if column.nullable {
            return Err((
                format!("its vindex is of `{name}`, which may be NULL"),
                format!("declare `{name}` NOT NULL, or shard the table by another column"),
            ));
        }
        if target.rollup.is_some() && column.column_type.equality() != Some(Equality::Bytes) {
            return Err((
                format!(
                    "it is sharded by `{name}`, whose values are one group where they compare equal"
                ),
                format!("give `{name}` a binary collation"),
            ));
        }
        columns.push((place, column.clone()));
    }
    Ok(columns)
}

/// A table whose rows nobody but vtgate writes.
fn of_sequence() -> (String, String) {
    (
        "it is a sequence in the vschema, whose only row is vtgate's".to_owned(),
        "leave it out, or write it under another name".to_owned(),
    )
}

/// A table that every shard has all of: what the plan says, if anything.
fn reference(how: &Sharding) -> Result<Where, (String, String)> {
    match how {
        Sharding::Reference | Sharding::Read => Ok(Where::Everywhere),
        Sharding::Asked => Err((
            "the plan asks vtgate where each row goes, and the vschema says it is a reference table"
                .to_owned(),
            SAY_THE_SAME.to_owned(),
        )),
        Sharding::Vindex { kind, .. } => Err((
            format!("the plan shards it by `{kind}`, and the vschema says it is a reference table"),
            SAY_THE_SAME.to_owned(),
        )),
    }
}

/// The lookup vindexes that a target owns.
fn looked_up(
    target: &StoredTarget,
    told: &vtgate::Placing,
) -> Result<Vec<Lookup>, (String, String)> {
    let vtgate::Placing::Vindexes { vindexes, .. } = told else { return Ok(Vec::new()) };
    let lookups = Lookup::owned(target.name(), vindexes)?;
    match lookups.first() {
        Some(first) if target.moved_from.is_none() => Err((
            format!(
                "it owns the lookup vindex `{}`, whose table is kept for tables that are moved as they \
                 are",
                first.vindex
            ),
            "take the lookup vindex out of the vschema and make it anew after the cutover \
             (`vtctldclient LookupVindex create`)"
                .to_owned(),
        )),
        _ => Ok(lookups),
    }
}

/// What the plan says of a vindex that vtgate tells of, which must not be something else: the contents
/// of its files.
fn agreed<'p>(
    told: &TableVindex,
    how: &'p Sharding,
) -> Result<&'p BTreeMap<String, String>, (String, String)> {
    const NONE: &BTreeMap<String, String> = &BTreeMap::new();
    let told_as = || format!("`{}` of ({})", told.kind, told.columns.join(", "));
    let otherwise = |planned: String| {
        Err((
            format!("the plan says {planned}, and the vschema {}", told_as()),
            SAY_THE_SAME.to_owned(),
        ))
    };
    match how {
        Sharding::Read | Sharding::Asked => Ok(NONE),
        Sharding::Reference => otherwise("that it is a reference table".to_owned()),
        Sharding::Vindex { columns, kind, params, files } => {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let is_same = *kind == told.kind
                && names.iter().eq(told.columns.iter())
                && params.iter().all(|(name, value)| {
                    files.contains_key(name) || told.params.get(name) == Some(value)
                });
            if is_same {
                Ok(files)
            } else {
                otherwise(format!("`{kind}` of ({})", names.join(", ")))
            }
        }
    }
}

/// Proves that all rows of one key are on one shard: only there is it found that two sources have it.
fn together(target: &StoredTarget, told: &vtgate::Placing) -> Result<(), (String, String)> {
    let vtgate::Placing::Vindexes { vindexes, .. } = told else { return Ok(()) };
    let names = vindexes.first().map_or(&[][..], |primary| &primary.columns);
    let is_of_key = |name: &String| {
        let mut key = target.table.key_columns();
        key.any(|column| {
            column.name.eq_ignore_ascii_case(name)
                && column.column_type.equality() == Some(Equality::Bytes)
        })
    };
    let Some(other) = names.iter().find(|name| !is_of_key(name)) else { return Ok(()) };
    Err((
        format!(
            "several sources may have one key of it, and it is sharded by `{other}`: two rows of one key \
             could be on two shards"
        ),
        "shard it by columns of its key that compare by their bytes (integers, VARBINARY, text of a \
         binary collation), or add `columns: { origin: table_name() }` and `key: [origin, …]`"
            .to_owned(),
    ))
}

fn uncomputed(error: &VindexError) -> (String, String) {
    let remedy = match error {
        VindexError::FileMissing { .. } => {
            "say the vindex in the plan's `sharding`, with the file's path beside the plan"
        }
        VindexError::Unknown { .. } => {
            "if it always gives a value the same keyspace id, say `ask_vtgate: true` of the table in the \
             plan's `sharding`; otherwise shard the table by a vindex that is computed from its row"
        }
        VindexError::NotComputed { .. }
        | VindexError::ParamMissing { .. }
        | VindexError::ParamUnknown { .. }
        | VindexError::ParamWrong { .. } => {
            "shard the table by a vindex that is computed from its row"
        }
    };
    (format!("where its rows are cannot be computed: {error}"), remedy.to_owned())
}

/// The column of a target's rows that it knows by `name`, and its place among their cells.
fn column_of<'t>(target: &'t StoredTarget, name: &str) -> Option<(usize, &'t Column)> {
    match &target.rollup {
        Some(rollup) => lookups::column_of(&target.table, &rollup.kept_group(name)?),
        None => lookups::column_of(&target.table, name),
    }
}
