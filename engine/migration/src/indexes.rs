//! What is created on the target after its rows: secondary indexes, foreign keys, and an
//! `AUTO_INCREMENT` that goes on after the source's.

use std::time::Duration;

use whimbrel_model::TableId;
use whimbrel_mysql::{
    Session,
    catalog::{self, Description},
    ddl::{CreateTable, Item, ItemKind, quoted},
};

use crate::{
    error::RunError,
    link::{Link, SharedLink, on_link},
    progress::Progress,
    store::StoredTarget,
};

/// How long one ALTER may take. An index of a table of terabytes is built in days, not weeks.
const ALTER_TIME_MAX: Duration = Duration::from_secs(7 * 86_400);

/// How often the server may say that what was missing is there: once for each statement that was
/// under way. A name that something else has is an error in the end.
const FOUND_MAX: u32 = 3;

/// The two sides of the tables whose definitions are completed.
#[derive(Debug)]
pub(crate) struct Definitions<'a> {
    pub(crate) source: SharedLink,
    pub(crate) target: Link,
    pub(crate) target_database: &'a str,
    pub(crate) source_database: &'a str,
    pub(crate) targets: &'a [StoredTarget],
}

impl Definitions<'_> {
    /// Creates the secondary indexes of what a source table is moved into, in one statement. What is
    /// there already is left alone, so that a run that died in between goes on.
    pub(crate) async fn add_indexes(
        &mut self,
        table: TableId,
        progress: &Progress,
    ) -> Result<(), RunError> {
        self.add_indexes_of(Some(table), progress).await
    }

    /// Creates the secondary indexes of the targets that are made by expressions.
    pub(crate) async fn add_indexes_of_made(
        &mut self,
        progress: &Progress,
    ) -> Result<(), RunError> {
        self.add_indexes_of(None, progress).await
    }

    async fn add_indexes_of(
        &mut self,
        moved_from: Option<TableId>,
        progress: &Progress,
    ) -> Result<(), RunError> {
        let targets = self.targets;
        for target in targets.iter().filter(|target| target.moved_from == moved_from) {
            self.add_missing(target, (ItemKind::Index, "secondary indexes"), progress).await?;
        }
        progress.waits("indexes", None);
        Ok(())
    }

    /// Creates the foreign keys of all tables, as [`Definitions::add_indexes`] does indexes.
    pub(crate) async fn add_foreign_keys(&mut self, progress: &Progress) -> Result<(), RunError> {
        let targets = self.targets;
        for target in targets {
            self.add_missing(target, (ItemKind::ForeignKey, "foreign keys"), progress).await?;
        }
        progress.waits("indexes", None);
        Ok(())
    }

    /// Adds what is missing, and looks again after each statement, whatever it came to: one whose
    /// answer was lost, or that another runner began, may still be at work or be done.
    async fn add_missing(
        &mut self,
        target: &StoredTarget,
        (kind, what): (ItemKind, &str),
        progress: &Progress,
    ) -> Result<(), RunError> {
        let (mut failure_count, mut found_count) = (0, 0);
        loop {
            let Some(wanted) = self.wanted(target).await? else { return Ok(()) };
            let found = self.found(target.table.name()).await?.create;
            let Some(alter) = missing(&wanted, &found, kind).into_iter().next() else {
                return Ok(());
            };
            progress.waits("indexes", Some(format!("{what} of `{}`", target.table.name())));
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
    pub(crate) async fn raise_auto_increment(&mut self) -> Result<(), RunError> {
        for table in self.targets.iter().filter(|it| it.moved_from.is_some()) {
            let name = table.table.name();
            let (source, target) = (self.source(name).await?, self.found(name).await?);
            if source.auto_increment > target.auto_increment
                && let Some(next) = source.auto_increment
            {
                let alter = format!("ALTER TABLE {} AUTO_INCREMENT = {next}", quoted(name));
                on_link!(self.target, session => run(session, &alter))?;
            }
        }
        Ok(())
    }

    /// The definition that a target is to have in the end; `None` for one that is as it was found.
    async fn wanted(&mut self, target: &StoredTarget) -> Result<Option<CreateTable>, RunError> {
        if target.moved_from.is_some() {
            return Ok(Some(self.source(target.table.name()).await?.create));
        }
        let Some(wanted) = &target.wanted else { return Ok(None) };
        let wanted = CreateTable::parse(wanted);
        Ok(Some(wanted.map_err(|_| RunError::State { what: "definition of a target" })?))
    }

    async fn source(&mut self, name: &str) -> Result<Description, RunError> {
        let mut link = self.source.lock().await;
        on_link!(link, session => describe(session, self.source_database, name))
    }

    async fn found(&mut self, name: &str) -> Result<Description, RunError> {
        on_link!(self.target, session => describe(session, self.target_database, name))
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

async fn describe(
    session: &mut Session,
    database: &str,
    table: &str,
) -> Result<Description, RunError> {
    Ok(catalog::describe(session, database, table).await?)
}

async fn run(session: &mut Session, alter: &str) -> Result<(), RunError> {
    session.execute_within(alter.as_bytes(), ALTER_TIME_MAX).await?;
    Ok(())
}

/// A statement that the target refuses, by name: what it says alone may tell nothing.
fn refused(statement: String, error: RunError) -> RunError {
    if let RunError::Server(cause) = error {
        return RunError::Definition { statement, cause };
    }
    error
}
