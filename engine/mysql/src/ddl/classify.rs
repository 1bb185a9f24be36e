//! What a logged statement is, and which tables it names.

use whimbrel_model::Table;

use super::{
    alter,
    tokens::{Cursor, Kind, Reading, Token, tokens},
};

/// A table, in its database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// The database, as the statement spells it; the session's where it names none.
    pub database: String,
    /// The table, as the statement spells it.
    pub name: String,
}

/// What a statement in the binary log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK` of the transaction.
    Rollback,
    /// `SAVEPOINT`, `ROLLBACK TO`, `RELEASE SAVEPOINT`.
    Savepoint,
    /// A step of an XA transaction.
    Xa(Xa, Xid),
    /// `INSERT`, `UPDATE`, `DELETE`, `REPLACE`, `LOAD …`: changes rows by a statement.
    Dml {
        /// The tables it names where they are simply found; empty when they are not, and any table
        /// may be meant.
        tables: Vec<TableName>,
    },
    /// Changes tables or their indexes.
    Ddl(Ddl),
    /// `CREATE`, `ALTER` or `DROP DATABASE`.
    Database {
        /// The database.
        name: String,
        /// Whether its tables are gone.
        is_dropped: bool,
    },
    /// About something else than tables: accounts, views, routines, plugins, temporary tables.
    Other,
    /// Not recognised, or its text can be read in two ways: anything may have changed.
    Unknown,
}

/// A step of an XA transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Xa {
    /// `XA START`, `XA BEGIN`.
    Start,
    /// `XA END`.
    End,
    /// `XA PREPARE`.
    Prepare,
    /// `XA COMMIT`, with or without `ONE PHASE`.
    Commit,
    /// `XA ROLLBACK`.
    Rollback,
}

/// The identifier of an XA transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Xid {
    /// The format's number; 1 unless given.
    pub format: i64,
    /// The global part, at most 64 bytes.
    pub global: Vec<u8>,
    /// The branch, at most 64 bytes.
    pub branch: Vec<u8>,
}

/// A statement that changes tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ddl {
    /// The tables it names, old and new names alike; those of its foreign keys are not among them.
    pub tables: Vec<TableName>,
    /// Whether it leaves row images alone, provided that none of `indexes` is unique.
    pub keeps_rows: bool,
    /// The indexes that it drops or renames.
    pub indexes: Vec<String>,
}

impl Ddl {
    /// Whether rows of `table` look and are told apart as before.
    #[must_use]
    pub fn keeps_rows_of(&self, table: &Table) -> bool {
        let is_plain = |index: &String| {
            !table.has_other_unique_key() && !index.eq_ignore_ascii_case(table.key_name())
        };
        self.keeps_rows && self.indexes.iter().all(is_plain)
    }
}

/// What `statement` is, run in a session whose database is `default_database`.
///
/// Names are as spelt: whether `T` is `t` depends on the server's `lower_case_table_names`.
#[must_use]
pub fn classify(statement: &[u8], default_database: &str) -> Statement {
    if statement == b"BEGIN" {
        return Statement::Begin;
    }
    // Another charset's bytes may hide quotes.
    let Ok(statement) = std::str::from_utf8(statement) else { return Statement::Unknown };
    // The server has understood the statement, so a reading in which a quote does not end is none.
    let mut readings = [true, false].into_iter().flat_map(|has_escapes| {
        [true, false].map(|runs_newer| Reading { has_escapes, runs_newer })
    });
    let mut found = None;
    for reading in readings.by_ref().filter(|reading| reading.differs_for(statement)) {
        let Some(tokens) = tokens(statement, reading) else { continue };
        let read = Names { default_database }.classify_whole(&tokens);
        if found.as_ref().is_some_and(|found| *found != read) {
            return Statement::Unknown;
        }
        found = Some(read);
    }
    found.unwrap_or(Statement::Unknown)
}

/// Knows the database of names that have none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'d> {
    default_database: &'d str,
}

/// What begins a statement that is about no table.
const OTHER_STATEMENTS: &[&str] = &[
    "GRANT",
    "REVOKE",
    "SET",
    "FLUSH",
    "INSTALL",
    "UNINSTALL",
    "USE",
    "DO",
    "LOCK",
    "UNLOCK",
    "KILL",
    "RESET",
    "CHANGE",
    "BINLOG",
    "PURGE",
    "SHUTDOWN",
    "CLONE",
    "IMPORT",
];

/// What may be created, altered or dropped and is no table.
const OTHER_OBJECTS: &[&str] = &[
    "VIEW",
    "TRIGGER",
    "PROCEDURE",
    "FUNCTION",
    "EVENT",
    "USER",
    "ROLE",
    "SERVER",
    "TABLESPACE",
    "LOGFILE",
    "REFERENCE",
    "RESOURCE",
    "INSTANCE",
    "LIBRARY",
];

/// How many tokens may stand between `CREATE` and what is created: the longest is
/// `OR REPLACE ALGORITHM = … DEFINER = name @ host SQL SECURITY DEFINER`.
const MODIFIERS_MAX: usize = 20;

impl Names<'_> {
    fn classify_whole(self, tokens: &[Token<'_>]) -> Statement {
        let end = tokens.iter().rposition(|token| !token.is_symbol(";")).map_or(0, |last| last + 1);
        self.classify(tokens.get(..end).unwrap_or_default()).unwrap_or(Statement::Unknown)
    }

    fn classify(self, tokens: &[Token<'_>]) -> Option<Statement> {
        let mut cursor = Cursor::new(tokens);
        let first = cursor.next()?;
        let is = |words: &[&str]| words.iter().any(|word| first.is(word));
        if is(&["CREATE", "ALTER", "DROP"]) {
            return self.object(first, cursor);
        }
        if is(&["INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD", "WITH", "CALL"]) {
            return Some(Statement::Dml { tables: self.changed_tables(first, cursor) });
        }
        if is(&["XA"]) {
            return xa(cursor);
        }
        if let Some(statement) = boundary(first, cursor) {
            return Some(statement);
        }
        if is(&["RENAME"]) {
            return self.rename(cursor);
        }
        if is(&["TRUNCATE"]) {
            cursor.take("TABLE");
            return self.ddl(vec![self.table(&mut cursor)?], false);
        }
        if is(&["ANALYZE", "OPTIMIZE", "REPAIR", "CHECK", "CHECKSUM"]) {
            cursor.take_any(&["LOCAL", "NO_WRITE_TO_BINLOG"]);
            cursor.take_any(&["TABLE", "TABLES"]).then_some(())?;
            return self.ddl(self.list(&mut cursor)?, first.is("ANALYZE") || first.is("OPTIMIZE"));
        }
        is(OTHER_STATEMENTS).then_some(Statement::Other)
    }

    fn object(self, verb: &Token<'_>, mut cursor: Cursor<'_, '_>) -> Option<Statement> {
        let mut index_is_plain = true;
        for _ in 0..MODIFIERS_MAX {
            let token = cursor.next()?;
            let is = |words: &[&str]| words.iter().any(|word| token.is(word));
            if is(&["TEMPORARY"]) || is(OTHER_OBJECTS) {
                return Some(Statement::Other);
            }
            if is(&["UNIQUE"]) {
                index_is_plain = false;
            } else if is(&["TABLE", "TABLES"]) {
                return self.table_statement(verb, cursor);
            } else if is(&["INDEX"]) {
                return self.index(verb, cursor, index_is_plain);
            } else if is(&["DATABASE", "SCHEMA"]) {
                return self.database(verb, cursor);
            }
        }
        None
    }

    fn table_statement(self, verb: &Token<'_>, mut cursor: Cursor<'_, '_>) -> Option<Statement> {
        let checks =
            cursor.take_all(&["IF", "NOT", "EXISTS"]) || cursor.take_all(&["IF", "EXISTS"]);
        if verb.is("DROP") {
            return self.ddl(self.list(&mut cursor)?, false);
        }
        let table = self.table(&mut cursor)?;
        if verb.is("CREATE") {
            // On a table that is there `IF NOT EXISTS` does nothing, and one that is not there has
            // been dropped by a statement of its own.
            return self.ddl(vec![table], checks);
        }
        let changes = alter::changes(cursor.rest());
        let mut tables = vec![table];
        let mut renamed = changes.renamed_to.map(|tokens| self.table(&mut Cursor::new(tokens)));
        tables.extend(renamed.take().flatten());
        Some(Statement::Ddl(Ddl {
            tables,
            keeps_rows: changes.keeps_rows,
            indexes: changes.indexes,
        }))
    }

    fn index(
        self,
        verb: &Token<'_>,
        mut cursor: Cursor<'_, '_>,
        is_plain: bool,
    ) -> Option<Statement> {
        let index = cursor.name()?;
        while !cursor.take("ON") {
            cursor.next()?;
        }
        let tables = vec![self.table(&mut cursor)?];
        let indexes = if verb.is("DROP") { vec![index] } else { Vec::new() };
        Some(Statement::Ddl(Ddl { tables, keeps_rows: is_plain, indexes }))
    }

    fn database(self, verb: &Token<'_>, mut cursor: Cursor<'_, '_>) -> Option<Statement> {
        let _checks =
            cursor.take_all(&["IF", "NOT", "EXISTS"]) || cursor.take_all(&["IF", "EXISTS"]);
        // `ALTER DATABASE` without a name means the session's.
        let is_named = !verb.is("ALTER")
            || !cursor.peek().is_none_or(|token| {
                ["DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "ENCRYPTION", "READ"]
                    .iter()
                    .any(|word| token.is(word))
            });
        let name = if is_named { cursor.name()? } else { self.default_database.to_owned() };
        Some(Statement::Database { name, is_dropped: verb.is("DROP") })
    }

    fn rename(self, mut cursor: Cursor<'_, '_>) -> Option<Statement> {
        if cursor.take("USER") {
            return Some(Statement::Other);
        }
        cursor.take_any(&["TABLE", "TABLES"]).then_some(())?;
        let mut tables = Vec::new();
        loop {
            tables.push(self.table(&mut cursor)?);
            cursor.take("TO").then_some(())?;
            tables.push(self.table(&mut cursor)?);
            if !cursor.take_symbol(",") {
                break;
            }
        }
        cursor.is_at_end().then_some(())?;
        self.ddl(tables, false)
    }

    /// Tables that rows are changed in, where they are simply found.
    fn changed_tables(self, verb: &Token<'_>, mut cursor: Cursor<'_, '_>) -> Vec<TableName> {
        let modifiers = ["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "QUICK"];
        while cursor.take_any(&modifiers) {}
        if verb.is("LOAD") {
            while cursor.next().is_some_and(|token| !token.is("INTO")) {}
            cursor.take("TABLE");
        } else if verb.is("DELETE") {
            if !cursor.take("FROM") {
                return Vec::new();
            }
        } else if verb.is("INSERT") || verb.is("REPLACE") {
            cursor.take("INTO");
        } else if !verb.is("UPDATE") {
            return Vec::new();
        }
        let Some(table) = self.table(&mut cursor) else { return Vec::new() };
        // What follows the only table of a statement; more than one is not simple.
        let is_alone = match cursor.peek() {
            None => true,
            Some(token) if verb.is("UPDATE") => token.is("SET"),
            Some(token) if verb.is("DELETE") => {
                ["WHERE", "ORDER", "LIMIT", "PARTITION"].iter().any(|word| token.is(word))
            }
            Some(_) => true,
        };
        if is_alone { vec![table] } else { Vec::new() }
    }

    /// Tables with commas between, and nothing behind them but `RESTRICT` or `CASCADE`.
    fn list(self, cursor: &mut Cursor<'_, '_>) -> Option<Vec<TableName>> {
        let mut tables = vec![self.table(cursor)?];
        while cursor.take_symbol(",") {
            tables.push(self.table(cursor)?);
        }
        Some(tables)
    }

    fn table(self, cursor: &mut Cursor<'_, '_>) -> Option<TableName> {
        let first = cursor.name()?;
        if !cursor.take_symbol(".") {
            return Some(TableName { database: self.default_database.to_owned(), name: first });
        }
        Some(TableName { database: first, name: cursor.name()? })
    }

    #[expect(clippy::unnecessary_wraps, reason = "it ends functions that may not know")]
    fn ddl(self, tables: Vec<TableName>, keeps_rows: bool) -> Option<Statement> {
        Some(Statement::Ddl(Ddl { tables, keeps_rows, indexes: Vec::new() }))
    }
}

/// The statements that begin, end or divide a transaction.
fn boundary(first: &Token<'_>, mut cursor: Cursor<'_, '_>) -> Option<Statement> {
    if first.is("BEGIN") {
        cursor.take("WORK");
        return cursor.is_at_end().then_some(Statement::Begin);
    }
    if first.is("START") {
        return cursor.take("TRANSACTION").then_some(Statement::Begin);
    }
    if first.is("COMMIT") {
        cursor.take("WORK");
        return cursor.is_at_end().then_some(Statement::Commit);
    }
    if first.is("ROLLBACK") {
        cursor.take("WORK");
        if cursor.take("TO") {
            return Some(Statement::Savepoint);
        }
        return cursor.is_at_end().then_some(Statement::Rollback);
    }
    let divides = first.is("SAVEPOINT") || first.is("RELEASE") && cursor.take("SAVEPOINT");
    divides.then_some(Statement::Savepoint)
}

fn xa(mut cursor: Cursor<'_, '_>) -> Option<Statement> {
    let verb = cursor.next()?;
    let step = [
        ("START", Xa::Start),
        ("BEGIN", Xa::Start),
        ("END", Xa::End),
        ("PREPARE", Xa::Prepare),
        ("COMMIT", Xa::Commit),
        ("ROLLBACK", Xa::Rollback),
    ]
    .into_iter()
    .find_map(|(word, step)| verb.is(word).then_some(step))?;
    let global = bytes(&mut cursor)?;
    let branch = if cursor.take_symbol(",") { bytes(&mut cursor)? } else { Vec::new() };
    let format = if cursor.take_symbol(",") { cursor.next()?.text.parse().ok()? } else { 1 };
    Some(Statement::Xa(step, Xid { format, global, branch }))
}

/// `X'6162'` as servers log it, or a text without escapes.
fn bytes(cursor: &mut Cursor<'_, '_>) -> Option<Vec<u8>> {
    let is_hex = cursor.take("X");
    let token = cursor.next()?;
    matches!(token.kind, Kind::Text | Kind::DoubleQuoted).then_some(())?;
    let text = token.inner()?;
    if !is_hex {
        return (!text.contains(['\\', '\''])).then(|| text.as_bytes().to_vec());
    }
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests;
