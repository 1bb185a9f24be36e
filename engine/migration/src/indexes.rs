//! What is created on the target after its rows: secondary indexes, foreign keys, and an
//! `AUTO_INCREMENT` that goes on after the source's.

use std::time::Duration;

use whimbrel_model::Table;
use whimbrel_mysql::{
    Session,
    catalog::{self, Description},
    ddl::{Item, ItemKind, quoted},
};

use crate::{
    error::RunError,
    link::{Link, on_link},
    progress::Progress,
};

/// How long one ALTER may take. An index of a table of terabytes is built in days, not weeks.
const ALTER_TIME_MAX: Duration = Duration::from_secs(7 * 86_400);

/// The two sides of the tables whose definitions are completed.
#[derive(Debug)]
pub(crate) struct Definitions<'a> {
    pub(crate) source: Link,
    pub(crate) target: Link,
    pub(crate) target_database: &'a str,
    pub(crate) tables: &'a [Table],
}

impl Definitions<'_> {
    /// Creates the secondary indexes, all of a table's in one statement, then the foreign keys. What
    /// is there already is left alone, so that a run that died in between goes on.
    pub(crate) async fn complete(&mut self, progress: &Progress) -> Result<(), RunError> {
        let kinds =
            [(ItemKind::Index, "secondary indexes"), (ItemKind::ForeignKey, "foreign keys")];
        for (kind, what) in kinds {
            for table in self.tables {
                progress.waits("indexes", Some(format!("{what} of `{}`", table.name())));
                let (wanted, found) = self.describe(table).await?;
                for alter in missing(&wanted, &found, kind) {
                    on_link!(self.target, session => run(session, &alter))?;
                }
            }
        }
        progress.waits("indexes", None);
        Ok(())
    }

    /// Lets the target's `AUTO_INCREMENT` go on where the source's would: rows with the highest numbers
    /// may be gone, and their numbers must not be given again.
    pub(crate) async fn raise_auto_increment(&mut self) -> Result<(), RunError> {
        for table in self.tables {
            let (source, target) = self.describe(table).await?;
            if source.auto_increment > target.auto_increment
                && let Some(next) = source.auto_increment
            {
                let alter = format!("ALTER TABLE {} AUTO_INCREMENT = {next}", quoted(table.name()));
                on_link!(self.target, session => run(session, &alter))?;
            }
        }
        Ok(())
    }

    /// The table as it is on the source and on the target.
    async fn describe(&mut self, table: &Table) -> Result<(Description, Description), RunError> {
        let name = table.name();
        let source = on_link!(self.source, session => describe(session, table.schema(), name))?;
        let target =
            on_link!(self.target, session => describe(session, self.target_database, name))?;
        Ok((source, target))
    }
}

/// The statements that add the items of one kind whose names `found` does not know: one for all, and
/// one for each FULLTEXT index, of which InnoDB builds one at a time.
fn missing(wanted: &Description, found: &Description, kind: ItemKind) -> Vec<String> {
    let is_missing = |item: &&Item| {
        let mut there = found.create.items_of(kind);
        !there.any(|there| there.name.eq_ignore_ascii_case(&item.name))
    };
    let (alone, together): (Vec<&Item>, Vec<&Item>) = wanted
        .create
        .items_of(kind)
        .filter(is_missing)
        .partition(|item| item.text.starts_with("FULLTEXT"));
    std::iter::once(together)
        .chain(alone.into_iter().map(|item| vec![item]))
        .filter_map(|items| wanted.create.add_statement(&items))
        .collect()
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
