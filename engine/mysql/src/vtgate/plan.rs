//! Plans of statements, as `VEXPLAIN PLAN` gives them.

use crate::{error::Error, session::Session};

/// A plan: a document of which the outermost operator's fields come first.
pub(super) struct Plan(String);

impl Plan {
    /// The plan of `statement`, which is not run; `None` where vtgate has none, as for a table that it
    /// does not know.
    pub(super) async fn of(session: &mut Session, statement: &str) -> Result<Option<Self>, Error> {
        let sql = format!("VEXPLAIN PLAN {statement}");
        match session.query_for("asking vtgate for a plan", &sql).await {
            Ok(rows) => Ok(rows.first().map(|row| row.text("JSON").map(Self)).transpose()?),
            Err(error @ Error::Gate { .. }) if !error.class().may_pass() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The first field of that name that holds a text. A quote within a text is escaped, so that no text
    /// looks like a field.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let (_, behind) = self.0.split_once(&format!("\"{name}\": \""))?;
        behind.split('"').next()
    }

    /// The keyspace that the outermost operator is for.
    pub(super) fn keyspace(&self) -> Option<&str> {
        self.field("Name")
    }

    /// How the outermost operator finds its shards, such as `Scatter`.
    pub(super) fn variant(&self) -> &str {
        self.field("Variant").unwrap_or_default()
    }

    /// The sequence that an `INSERT` takes numbers from.
    pub(super) fn sequence(&self) -> Option<String> {
        // `select next :n /* INT64 */ values from t_seq:Values::(:vtg1)`
        let (_, from) = self.field("AutoIncrement")?.split_once(" from ")?;
        let (table, _) = from.split_once(":Values")?;
        Some(table.trim_matches('`').replace("``", "`"))
    }
}
