//! What the account of a session may do, and the settings of its server.

use std::collections::BTreeMap;

use crate::{
    ddl::{Grants, quoted},
    error::Error,
    session::Session,
};

/// An account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) grants: Grants,
    /// `` `user`@`host` ``, as a `GRANT` names it.
    name: String,
}

/// Global variables by name; what a server does not know is absent.
#[derive(Debug, Default)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Account {
    /// The session's account, with the privileges of the roles that are active.
    pub(crate) async fn read(session: &mut Session) -> Result<Self, Error> {
        let doing = "reading the account's privileges";
        let sql = "SELECT CURRENT_USER() AS account, CURRENT_ROLE() AS roles";
        let rows = session.query_for(doing, sql).await?;
        let Some(row) = rows.first() else {
            return Err(crate::session::unexpected(doing, "no row"));
        };
        let (account, roles) = (row.text("account")?, row.text("roles")?);
        let using = if roles == "NONE" { String::new() } else { format!(" USING {roles}") };
        let sql = format!("SHOW GRANTS FOR CURRENT_USER(){using}");
        let lines = session.query_for(doing, &sql).await?;
        let lines: Vec<String> =
            lines.iter().map(crate::session::Record::first_text).collect::<Result<_, _>>()?;
        let (user, host) = account.rsplit_once('@').unwrap_or((&account, "%"));
        Ok(Self {
            grants: Grants::parse(lines.iter().map(String::as_str)),
            name: format!("{}@{}", quoted(user), quoted(host)),
        })
    }

    /// The statement that gives it `privileges` on `scope`.
    pub(crate) fn grant(&self, privileges: &[&str], scope: &str) -> String {
        format!("GRANT {} ON {scope} TO {}", privileges.join(", "), self.name)
    }
}

impl Variables {
    /// The values of `names`.
    pub(crate) async fn read(session: &mut Session, names: &[&str]) -> Result<Self, Error> {
        let list: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        let sql = format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})", list.join(", "));
        let mut values = BTreeMap::new();
        for row in session.query_for("reading the server's settings", &sql).await? {
            values.insert(row.text("Variable_name")?, row.text("Value")?);
        }
        Ok(Self(values))
    }

    #[cfg(test)]
    pub(crate) fn of(values: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(values.iter().map(owned).collect())
    }

    /// The value; empty for a variable that the server does not know.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether the variable is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        let value = self.get(name);
        value.eq_ignore_ascii_case("ON") || value == "1"
    }

    /// The value as a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).parse().ok()
    }
}
