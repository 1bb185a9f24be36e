//! QUERY events: statements as text, and the few that the server writes itself around rows.

use std::borrow::Cow;

use crate::bytes::{Bytes, Malformed};

/// A statement in the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    /// The database that names without one belong to; empty for none.
    pub(crate) database: &'a [u8],
    statement: &'a [u8],
    /// The number of the collation that the client's charset goes by.
    pub(crate) collation_id: Option<u16>,
}

/// Bytes of a LOAD DATA's part between the fixed part of a QUERY and its variables: the file's
/// number, where its name stands in the statement, and what to do with duplicates.
const LOAD_BYTES: usize = 13;

impl<'a> Query<'a> {
    /// Reads the body of a QUERY.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Self::read_with(body, 0)
    }

    /// Reads the body of an `EXECUTE_LOAD_QUERY`.
    pub(crate) fn read_load(body: &'a [u8]) -> Result<Self, Malformed> {
        Self::read_with(body, LOAD_BYTES)
    }

    fn read_with(body: &'a [u8], more: usize) -> Result<Self, Malformed> {
        let mut bytes = Bytes::new(body);
        bytes.take(8)?; // The session's number and how long the statement took.
        let database_length = usize::from(bytes.u8()?);
        bytes.u16()?; // The error that the statement ended in on the source.
        let variables_length = usize::from(bytes.u16()?);
        bytes.take(more)?;
        let variables = bytes.take(variables_length)?;
        let database = bytes.take(database_length)?;
        bytes.u8()?; // A zero byte ends it.
        let collation_id = collation_id(variables);
        Ok(Self { database, statement: bytes.rest(), collation_id })
    }

    /// The statement as text; `None` where its charset is not read here.
    pub(crate) fn text(&self) -> Option<Cow<'a, str>> {
        text(self.statement, self.collation_id)
    }
}

/// The collation of `character_set_client`, among the variables that a statement depends on. Each is
/// a code and a value of the length that the code has. Source: MySQL, `Query_event`.
fn collation_id(variables: &[u8]) -> Option<u16> {
    const CHARSET: u8 = 4;
    let mut bytes = Bytes::new(variables);
    loop {
        let length = match bytes.u8().ok()? {
            // Flags; the SQL mode; the increment and offset of AUTO_INCREMENT.
            0 => 4,
            1 => 8,
            3 => 4,
            CHARSET => return bytes.u16().ok(),
            // The catalog, old and new.
            2 => usize::from(bytes.u8().ok()?) + 1,
            5 | 6 => usize::from(bytes.u8().ok()?),
            // All others come after the charset.
            _ => return None,
        };
        bytes.take(length).ok()?;
    }
}

fn text(bytes: &[u8], collation_id: Option<u16>) -> Option<Cow<'_, str>> {
    if bytes.is_ascii() {
        return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
    }
    match collation_id? {
        // latin1, which the server takes as cp1252: the names of tables are compared, and none of
        // them can tell the sixteen punctuation marks apart from control characters.
        5 | 8 | 15 | 31 | 47 | 48 | 49 | 94 => {
            Some(Cow::Owned(bytes.iter().copied().map(char::from).collect()))
        }
        // utf8mb3 and utf8mb4, and no charset.
        33 | 45 | 46 | 63 | 76 | 83 | 192..=215 | 223..=247 | 254..=323 => {
            std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
        }
        _ => None,
    }
}

/// What a statement does to the transaction around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control<'a> {
    Begin,
    Commit,
    Rollback,
    RollbackTo,
    Savepoint,
    XaStart(&'a str),
    XaEnd,
    XaCommit(&'a str),
    XaRollback(&'a str),
    /// Nothing: it is a statement in its own right.
    None,
}

impl<'a> Control<'a> {
    /// What `statement`, as the server writes it, does. The identifier of an XA transaction is
    /// always written alike: two strings in hex and a number.
    pub(crate) fn of(statement: &'a str) -> Self {
        match statement.trim() {
            "BEGIN" | "START TRANSACTION" => return Self::Begin,
            "COMMIT" => return Self::Commit,
            "ROLLBACK" => return Self::Rollback,
            _ => {}
        }
        let after = |words: &str| statement.strip_prefix(words).map(str::trim);
        if let Some(xid) = after("XA START ").or_else(|| after("XA BEGIN ")) {
            Self::XaStart(xid)
        } else if after("XA END ").is_some() {
            Self::XaEnd
        } else if let Some(xid) = after("XA COMMIT ") {
            Self::XaCommit(xid)
        } else if let Some(xid) = after("XA ROLLBACK ") {
            Self::XaRollback(xid)
        } else if after("ROLLBACK TO ").is_some() {
            Self::RollbackTo
        } else if after("SAVEPOINT ").is_some() || after("RELEASE SAVEPOINT ").is_some() {
            Self::Savepoint
        } else {
            Self::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_in_their_clients_charset() {
        for (bytes, collation_id, expected) in [
            (&b"DROP TABLE t"[..], None, Some("DROP TABLE t")),
            (b"DROP TABLE \xe9", Some(8), Some("DROP TABLE \u{e9}")),
            ("DROP TABLE é".as_bytes(), Some(255), Some("DROP TABLE é")),
            (b"DROP TABLE \xe9", Some(255), None),
            (b"DROP TABLE \x81\x60", Some(28), None),
        ] {
            assert_eq!(text(bytes, collation_id).as_deref(), expected);
        }
    }

    #[test]
    fn control_statements_are_told_from_others() {
        for (statement, control) in [
            ("BEGIN", Control::Begin),
            ("COMMIT", Control::Commit),
            ("ROLLBACK", Control::Rollback),
            ("ROLLBACK TO `a`", Control::RollbackTo),
            ("SAVEPOINT `a`", Control::Savepoint),
            ("XA START X'61',X'',1", Control::XaStart("X'61',X'',1")),
            ("XA END X'61',X'',1", Control::XaEnd),
            ("XA COMMIT X'61',X'',1", Control::XaCommit("X'61',X'',1")),
            ("XA ROLLBACK X'61',X'',1", Control::XaRollback("X'61',X'',1")),
            ("TRUNCATE t", Control::None),
        ] {
            assert_eq!(Control::of(statement), control);
        }
    }

    #[test]
    fn the_charset_is_found_behind_other_variables() {
        let variables = b"\x00\0\0\0\0\x01\0\0\0\0\0\0\0\0\x06\x03std\x04\xff\x00\xff\x00\xff\x00";

        assert_eq!(collation_id(variables), Some(255));
        assert_eq!(collation_id(b"\x06\xff"), None);
    }
}
