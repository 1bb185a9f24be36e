//! What an account may do, as `SHOW GRANTS` prints it.

use super::tokens::{Cursor, Token, USUAL, split_at_commas, tokens};

/// The privileges of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Grants(Vec<Grant>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    is_revoked: bool,
    privileges: Vec<String>,
    /// A pattern as `LIKE` has it; `None` for all databases.
    database: Option<String>,
    /// `None` for all tables.
    table: Option<String>,
}

impl Grants {
    /// The privileges in the lines of `SHOW GRANTS`; lines of another form grant nothing here.
    pub(crate) fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        Self(lines.into_iter().filter_map(grant).collect())
    }

    /// Whether the account has `privilege` everywhere.
    pub(crate) fn has_globally(&self, privilege: &str) -> bool {
        self.0
            .iter()
            .any(|grant| !grant.is_revoked && grant.database.is_none() && grant.has(privilege))
    }

    /// Whether the account has `privilege` on all tables of `database`.
    pub(crate) fn has_on(&self, privilege: &str, database: &str) -> bool {
        let of_database = |grant: &&Grant| {
            grant.table.is_none()
                && grant.has(privilege)
                && grant.database.as_ref().is_some_and(|pattern| is_like(database, pattern))
        };
        let here = || self.0.iter().filter(of_database);
        if here().any(|grant| !grant.is_revoked) {
            return true;
        }
        self.has_globally(privilege) && !here().any(|grant| grant.is_revoked)
    }

    /// Whether the account has `privilege` on one table of `database` or more.
    pub(crate) fn has_on_tables(&self, privilege: &str, database: &str) -> bool {
        self.0.iter().any(|grant| {
            grant.table.is_some()
                && grant.has(privilege)
                && grant.database.as_deref() == Some(database)
        })
    }
}

impl Grant {
    fn has(&self, privilege: &str) -> bool {
        self.privileges.iter().any(|has| {
            has.eq_ignore_ascii_case(privilege)
                || has.eq_ignore_ascii_case("ALL PRIVILEGES")
                || has.eq_ignore_ascii_case("ALL")
        })
    }
}

fn grant(line: &str) -> Option<Grant> {
    let tokens = tokens(line, USUAL)?;
    let mut cursor = Cursor::new(&tokens);
    let is_revoked = cursor.take("REVOKE");
    (is_revoked || cursor.take("GRANT")).then_some(())?;
    let listed = cursor.rest();
    let on = listed.iter().position(|token| token.is("ON"))?;
    let (listed, scope) = listed.split_at_checked(on)?;
    let privileges = split_at_commas(listed).into_iter().filter_map(privilege).collect();
    let mut scope = Cursor::new(scope.get(1..)?);
    let database = if scope.take_symbol("*") { None } else { Some(scope.name()?) };
    scope.take_symbol(".").then_some(())?;
    let table = if scope.take_symbol("*") { None } else { Some(scope.name()?) };
    Some(Grant { is_revoked, privileges, database, table })
}

/// A privilege's words; `None` for one on some columns only.
fn privilege(tokens: &[Token<'_>]) -> Option<String> {
    let is_whole = !tokens.iter().any(|token| token.is_symbol("("));
    let words: Vec<&str> = tokens.iter().map(|token| token.text).collect();
    (is_whole && !words.is_empty()).then(|| words.join(" "))
}

/// `LIKE`, with a backslash before what is meant as it is.
fn is_like(name: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('%') => {
            let rest = rest.as_str();
            let mut tails = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            tails.any(|at| name.get(at..).is_some_and(|tail| is_like(tail, rest)))
        }
        Some(letter) => {
            let wanted = match letter {
                '_' => None,
                '\\' => Some(rest.next().unwrap_or('\\')),
                letter => Some(letter),
            };
            let mut letters = name.chars();
            let is_next = letters.next().is_some_and(|has| wanted.is_none_or(|one| one == has));
            is_next && is_like(letters.as_str(), rest.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_hold_where_they_were_granted() {
        let grants = Grants::parse([
            "GRANT SELECT, REPLICATION SLAVE ON *.* TO `u`@`%` WITH GRANT OPTION",
            "GRANT BACKUP_ADMIN,CLONE_ADMIN ON *.* TO `u`@`%`",
            "GRANT ALL PRIVILEGES ON `shop\\_%`.* TO `u`@`%`",
            "GRANT SELECT (`a`, `b`), UPDATE ON `crm`.`t` TO `u`@`%`",
            "REVOKE SELECT ON `hidden`.* FROM `u`@`%`",
            "GRANT `role`@`%` TO `u`@`%`",
            "GRANT PROXY ON ``@`` TO `u`@`%`",
        ]);

        assert!(grants.has_globally("REPLICATION SLAVE") && grants.has_globally("CLONE_ADMIN"));
        assert!(!grants.has_globally("REPLICATION CLIENT"));
        assert!(grants.has_on("SELECT", "crm") && !grants.has_on("SELECT", "hidden"));
        assert!(grants.has_on("INSERT", "shop_eu") && !grants.has_on("INSERT", "shopping"));
        assert!(grants.has_on_tables("UPDATE", "crm") && !grants.has_on_tables("SELECT", "crm"));
    }
}
