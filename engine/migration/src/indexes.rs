//! What is created on the target after its rows: secondary indexes, foreign keys, and an
//! `AUTO_INCREMENT` that goes on after the source's.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use whimbrel_model::TableId;
use whimbrel_mysql::{
    Error, Session,
    catalog::{self, CatalogError, Description},
    ddl::{CreateTable, Item, ItemKind, quoted},
};

use crate::{
    error::RunError,
    link::{Link, SharedLink, on_link},
    progress::Progress,
    shards::Shard,
    store::StoredTarget,
};

/// How long one ALTER may take. An index of a table of terabytes is built in days, not weeks.
const ALTER_TIME_MAX: Duration = Duration::from_secs(7 * 86_400);

/// How often the server may say that what was missing is there: once for each statement that was
/// under way. A name that something else has is an error in the end.
const FOUND_MAX: u32 = 3;

/// How many tables are looked at together: as many as a server tells of in one answer.
const LOOKED_AT_ONCE: usize = 100;

/// What is created of a table's definition, and what it is called.
const INDEXES: (ItemKind, &str) = (ItemKind::Index, "secondary indexes");
const FOREIGN_KEYS: (ItemKind, &str) = (ItemKind::ForeignKey, "foreign keys");

/// The two sides of the tables whose definitions are completed, on one of the target's shards.
#[derive(Debug)]
pub(crate) struct Definitions<'a> {
    pub(crate) source: SharedLink,
    pub(crate) target: Link,
    pub(crate) shard: Arc<Shard>,
    pub(crate) source_database: &'a str,
    pub(crate) targets: &'a [StoredTarget],
}

/// What completes the definitions of tables.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Completion<'a> {
    /// The secondary indexes of what these source tables are moved into.
    Indexes(&'a [TableId]),
    /// The secondary indexes of the targets that are made by expressions.
    IndexesOfMade,
    /// The foreign keys of all tables.
    ForeignKeys,
    /// `AUTO_INCREMENT`s that go on after the source's.
    AutoIncrement,
}

impl Definitions<'_> {
    /// Adds what is missing, in one statement a table. What is there already is left alone, so that a run
    /// that died in between goes on.
    pub(crate) async fn complete(
        &mut self,
        what: Completion<'_>,
        progress: &Progress,
    ) -> Result<(), RunError> {
        let completed = match what {
            Completion::Indexes(tables) => {
                let is_of =
                    |it: &&StoredTarget| it.moved_from.is_some_and(|from| tables.contains(&from));
                self.add(is_of, INDEXES, progress).await
            }
            Completion::IndexesOfMade => {
                self.add(|target| target.moved_from.is_none(), INDEXES, progress).await
            }
            Completion::ForeignKeys => self.add(|_| true, FOREIGN_KEYS, progress).await,
            // A sequence takes its place: see `sequences`.
            Completion::AutoIncrement if self.shard.is_part => Ok(()),
            Completion::AutoIncrement => self.raise_auto_increment().await,
        };
        completed.map_err(|error| self.shard.told(error))
    }

    /// What the progress report calls those who wait here.
    fn who(&self) -> Cow<'static, str> {
        match self.shard.name {
            None => Cow::Borrowed("indexes"),
            Some(_) => Cow::Owned(format!("indexes on {}", self.shard.label())),
        }
    }

    async fn add(
        &mut self,
        is_of: impl Fn(&&StoredTarget) -> bool,
        (kind, what): (ItemKind, &str),
        progress: &Progress,
    ) -> Result<(), RunError> {
        let targets: Vec<&StoredTarget> = self.targets.iter().filter(is_of).collect();
        for targets in targets.chunks(LOOKED_AT_ONCE) {
            let incomplete = self.incomplete(targets, kind).await?;
            for (target, left) in incomplete.iter().zip((0..incomplete.len()).rev()) {
                let name = target.table.name();
                let doing = match left {
                    0 => format!("{what} of `{name}`"),
                    left => format!("{what} of `{name}` and of {left} tables more"),
                };
                self.add_missing(target, kind, (&doing, progress)).await?;
            }
        }
        progress.waits(self.who(), None);
        Ok(())
    }

    /// Those of `targets` that lack an item of the kind: most of many tables lack nothing, and are told
    /// so by a few questions for all of them.
    async fn incomplete<'t>(
        &mut self,
        targets: &[&'t StoredTarget],
        kind: ItemKind,
    ) -> Result<Vec<&'t StoredTarget>, RunError> {
        let moved = targets.iter().filter(|target| target.moved_from.is_some());
        let mut source = self.sources(&names(moved)).await?;
        let mut found = self.found(&names(targets.iter())).await?;
        let mut incomplete = Vec::new();
        for target in targets {
            let name = target.table.name();
            let wanted = match target.moved_from {
                Some(_) => Some(there(&mut source, name)?.create),
                None => target.wanted.as_deref().map(parsed).transpose()?,
            };
            let wanted = wanted.map(|wanted| self.shard.definition(&wanted));
            let Some(wanted) = wanted else { continue };
            if !missing(&wanted, &there(&mut found, name)?.create, kind).is_empty() {
                incomplete.push(*target);
            }
        }
        Ok(incomplete)
    }

    /// Adds what is missing, and looks again after each statement, whatever it came to: one whose
    /// answer was lost, or that another runner began, may still be at work or be done.
    async fn add_missing(
        &mut self,
        target: &StoredTarget,
        kind: ItemKind,
        (doing, progress): (&str, &Progress),
    ) -> Result<(), RunError> {
        let (mut failure_count, mut found_count) = (0, 0);
        loop {
            let name = target.table.name();
            let Some(wanted) = self.wanted(target).await? else { return Ok(()) };
            let found = there(&mut self.found(&[name.to_owned()]).await?, name)?.create;
            let Some(alter) = missing(&wanted, &found, kind).into_iter().next() else {
                return Ok(());
            };
            progress.waits(self.who(), Some(doing.to_owned()));
            let ended = match self.target.session().await {
                Ok(session) => run(session, &alter).await,
                Err(error) => Err(error.into()),
            };
            if ended.as_ref().is_err_and(is_there_already) && found_count < FOUND_MAX {
                found_count += 1;
                continue;
            }
            match self.target.ended(ended, &mut failure_count).await {
                Some(ended) => ended.map_err(|error| refused(alter, error))?,
                None => continue,
            }
            failure_count = 0;
        }
    }

    /// Lets the target's `AUTO_INCREMENT` go on where the source's would: rows with the highest numbers
    /// may be gone, and their numbers must not be given again.
    async fn raise_auto_increment(&mut self) -> Result<(), RunError> {
        let moved: Vec<&StoredTarget> =
            self.targets.iter().filter(|it| it.moved_from.is_some()).collect();
        for targets in moved.chunks(LOOKED_AT_ONCE) {
            let names = names(targets.iter());
            let mut source = {
                let mut link = self.source.lock().await;
                on_link!(link, session => numbers(session, self.source_database, &names))?
            };
            let mut found =
                on_link!(self.target, session => numbers(session, &self.shard.schema, &names))?;
            for name in names {
                let (source, target) = (source.remove(&name), found.remove(&name));
                if let Some(next) = source.filter(|source| target < Some(*source)) {
                    let alter = format!("ALTER TABLE {} AUTO_INCREMENT = {next}", quoted(&name));
                    on_link!(self.target, session => run(session, &alter))?;
                }
            }
        }
        Ok(())
    }

    /// The definition that a target is to have in the end; `None` for one that is as it was found.
    async fn wanted(&mut self, target: &StoredTarget) -> Result<Option<CreateTable>, RunError> {
        if target.moved_from.is_some() {
            let name = target.table.name();
            let mut source = self.sources(&[name.to_owned()]).await?;
            return Ok(Some(self.shard.definition(&there(&mut source, name)?.create)));
        }
        let wanted = target.wanted.as_deref().map(parsed).transpose()?;
        Ok(wanted.map(|wanted| self.shard.definition(&wanted)))
    }

    async fn sources(&mut self, names: &[String]) -> Result<Described, RunError> {
        let mut link = self.source.lock().await;
        on_link!(link, session => describe(session, self.source_database, names))
    }

    async fn found(&mut self, names: &[String]) -> Result<Described, RunError> {
        on_link!(self.target, session => describe(session, &self.shard.schema, names))
    }
}

/// The statements that add the items of one kind whose names `found` does not know: one for all, and
/// one for each FULLTEXT index, of which InnoDB builds one at a time.
fn missing(wanted: &CreateTable, found: &CreateTable, kind: ItemKind) -> Vec<String> {
    let is_missing = |item: &&Item| {
        let mut there = found.items_of(kind);
        !there.any(|there| there.name.eq_ignore_ascii_case(&item.name))
    };
    let (alone, together): (Vec<&Item>, Vec<&Item>) = wanted
        .items_of(kind)
        .filter(is_missing)
        .partition(|item| item.text.starts_with("FULLTEXT"));
    std::iter::once(together)
        .chain(alone.into_iter().map(|item| vec![item]))
        .filter_map(|items| wanted.add_statement(&items))
        .collect()
}

/// Whether the server says that the index or the foreign key has been made meanwhile.
/// Source: MySQL, `ER_DUP_KEYNAME`, `ER_FK_DUP_NAME`.
fn is_there_already(error: &RunError) -> bool {
    matches!(error, RunError::Server(cause) if matches!(cause.code(), Some(1061 | 1826)))
}

/// Tables by their names, as they are on one side.
type Described = BTreeMap<String, Result<Description, CatalogError>>;

async fn describe(
    session: &mut Session,
    database: &str,
    names: &[String],
) -> Result<Described, RunError> {
    Ok(catalog::describe_all(session, database, names).await?.into_iter().collect())
}

/// One of those that were asked for.
fn there(described: &mut Described, name: &str) -> Result<Description, RunError> {
    let none = || Err(CatalogError::NoTable { table: name.to_owned() });
    Ok(described.remove(name).unwrap_or_else(none).map_err(Error::from)?)
}

/// The next numbers of those of a database's tables that number their rows.
pub(crate) async fn numbers(
    session: &mut Session,
    database: &str,
    names: &[String],
) -> Result<BTreeMap<String, u64>, RunError> {
    Ok(catalog::auto_increments(session, database, names).await?)
}

fn names<'t>(targets: impl Iterator<Item = &'t &'t StoredTarget>) -> Vec<String> {
    targets.map(|target| target.table.name().to_owned()).collect()
}

fn parsed(definition: &str) -> Result<CreateTable, RunError> {
    CreateTable::parse(definition).map_err(|_| RunError::State { what: "definition of a target" })
}

async fn run(session: &mut Session, alter: &str) -> Result<(), RunError> {
    session.execute_within(alter.as_bytes(), ALTER_TIME_MAX).await?;
    Ok(())
}

/// A statement that the target refuses, by name: what it says alone may tell nothing.
fn refused(statement: String, error: RunError) -> RunError {
    if let RunError::Server(cause) = error {
        return RunError::Definition { statement, is_after_rows: true, cause };
    }
    error
}
