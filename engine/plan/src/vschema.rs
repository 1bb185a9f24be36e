//! What a plan says and a keyspace's vschema may lack, and the statements that add it.

use std::{collections::BTreeMap, fmt};

use crate::sharding::{SequenceName, Sharding, TableSharding};

/// The words that vtgate's grammar keeps for itself.
///
/// Source: Vitess 24, `go/vt/sqlparser/sql.y`, `reserved_keyword`.
const RESERVED: &str = " add all and as asc between binary both by case call change character check collate column \
    condition continue convert create cross cume_dist current_date current_time current_timestamp curtime \
    current_user substr substring database databases declare default delete dense_rank desc describe distinct \
    distinctrow div drop else elseif empty escape exists exit explain extract false first_value for force \
    foreign from fulltext generated group grouping groups having high_priority if ignore in index inner inout \
    insert interval into is join json_table key kill lag last_value lateral lead leading left like limit linear \
    localtime localtimestamp lock low_priority match maxvalue mod natural next no_write_to_binlog not now \
    nth_value ntile null of off on optimizer_costs or order out outer outfile over partition percent_rank \
    primary range rank read recursive regexp rename replace right rlike row row_number rows schema schemas \
    select separator set show signal spatial sql_big_result sql_small_result sqlexception sqlstate sqlwarning \
    stored straight_join sysdate system table then to trailing true undo union unique unlock update use using \
    utc_date utc_time utc_timestamp values virtual with when where window write xor ";

/// The parts of a vschema that a statement at vtgate adds, and of sequences their tables, each by the statement that
/// `Display` writes. It only ever adds: it is refused where such a part is there already.
///
/// Source: Vitess 24, `go/vt/topotools/vschema_ddl.go`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VschemaAddition {
    /// A table of a sharded keyspace, with what says where its rows are.
    Vindex {
        /// The keyspace.
        keyspace: String,
        /// The table.
        table: String,
        /// The columns that the vindex is of, at least one.
        columns: Vec<String>,
        /// The vindex, which is added to the keyspace where it is not there.
        vindex: KeyspaceVindex,
    },
    /// A table of a keyspace that is not sharded.
    Table {
        /// The keyspace.
        keyspace: String,
        /// The table.
        table: String,
    },
    /// The table of a sequence.
    SequenceTable(SequenceName),
    /// The row of that table, which its numbers come from.
    SequenceRow(SequenceName),
    /// That a table is a sequence.
    Sequence(SequenceName),
    /// That a sequence numbers a table's new rows.
    AutoIncrement {
        /// The table's keyspace.
        keyspace: String,
        /// The table, which the vschema knows.
        table: String,
        /// The column.
        column: String,
        /// The sequence, which a vschema knows.
        sequence: SequenceName,
    },
}

/// A vindex that tables of a keyspace share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyspaceVindex {
    /// Its name in the keyspace.
    pub name: String,
    /// Its type, such as `xxhash`.
    pub kind: String,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
}

/// Why no statement adds to a vschema what a plan says of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unaddable {
    /// The plan says of no vindex.
    Unsaid,
    /// There is no statement for reference tables.
    Reference,
    /// Its vindex needs a file, which has another path where vtgate runs.
    File(Box<VschemaAddition>),
    /// Both names that it could have are those of other vindexes.
    NamesTaken([String; 2]),
}

impl Unaddable {
    /// What a person does, who puts a table into the vschema of a keyspace.
    #[must_use]
    pub fn remedy(&self, (keyspace, table): (&str, &str)) -> String {
        match self {
            Self::Unsaid => {
                let name = "xxhash".to_owned();
                let kind = name.clone();
                let vindex = KeyspaceVindex { name, kind, params: BTreeMap::new() };
                let addition = VschemaAddition::Vindex {
                    keyspace: keyspace.to_owned(),
                    table: table.to_owned(),
                    columns: vec!["SHARDING_COLUMN".to_owned()],
                    vindex,
                };
                format!("say in it which shard has a row: `{addition}`")
            }
            Self::Reference => format!(
                "add `\"{table}\": {{\"type\": \"reference\"}}` to the vschema's tables with `vtctldclient \
                 ApplyVSchema`: no statement says it"
            ),
            Self::File(addition) => {
                format!("`{addition}`, with the path that the file has where vtgate runs")
            }
            Self::NamesTaken([first, second]) => format!(
                "give it its vindex under another name: `{first}` and `{second}` are vindexes of the \
                 keyspace that differ from the plan's"
            ),
        }
    }
}

impl VschemaAddition {
    /// Everything that makes a sequence, in its order.
    #[must_use]
    pub fn whole_sequence(sequence: &SequenceName) -> [Self; 3] {
        [Self::SequenceTable, Self::SequenceRow, Self::Sequence].map(|part| part(sequence.clone()))
    }

    /// What tells vtgate where the rows of a table of `keyspace` are, which has the vindexes `there`: they get
    /// the new one, too.
    ///
    /// # Errors
    ///
    /// [`Unaddable`].
    pub fn vindex(
        keyspace: &str,
        sharding: &TableSharding,
        there: &mut Vec<KeyspaceVindex>,
    ) -> Result<Self, Unaddable> {
        let (columns, kind, params, files) = match &sharding.how {
            Sharding::Vindex { columns, kind, params, files } => (columns, kind, params, files),
            Sharding::Reference => return Err(Unaddable::Reference),
            Sharding::Read | Sharding::Asked => return Err(Unaddable::Unsaid),
        };
        let names = [kind.clone(), format!("{}_{kind}", sharding.table)];
        let named = |name: &String| {
            let vindex =
                KeyspaceVindex { name: name.clone(), kind: kind.clone(), params: params.clone() };
            let same = there.iter().find(|other| other.name.eq_ignore_ascii_case(name));
            same.is_none_or(|other| *other == vindex).then_some(vindex)
        };
        let Some(vindex) = names.iter().find_map(named) else {
            return Err(Unaddable::NamesTaken(names));
        };
        let addition = Self::Vindex {
            keyspace: keyspace.to_owned(),
            table: sharding.table.clone(),
            columns: columns.iter().map(|column| column.name.clone()).collect(),
            vindex: vindex.clone(),
        };
        if !files.is_empty() {
            return Err(Unaddable::File(Box::new(addition)));
        }
        if !there.contains(&vindex) {
            there.push(vindex);
        }
        Ok(addition)
    }
}

/// The statement.
impl fmt::Display for VschemaAddition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |keyspace: &str, table: &str| format!("{}.{}", name(keyspace), name(table));
        match self {
            Self::Vindex { keyspace, table, columns, vindex } => {
                let columns: Vec<String> = columns.iter().map(|column| name(column)).collect();
                let columns = columns.join(", ");
                let KeyspaceVindex { name: vindex, kind, params } = vindex;
                let (vindex, kind) = (name(vindex), name(kind));
                let table = of(keyspace, table);
                write!(f, "ALTER VSCHEMA ON {table} ADD VINDEX {vindex}({columns}) USING {kind}")?;
                // A text between quotes would keep them.
                for (index, (param, value)) in params.iter().enumerate() {
                    let before = if index == 0 { " WITH" } else { "," };
                    write!(f, "{before} {}={}", name(param), value_of(value))?;
                }
                Ok(())
            }
            Self::Table { keyspace, table } => {
                write!(f, "ALTER VSCHEMA ADD TABLE {}", of(keyspace, table))
            }
            Self::SequenceTable(SequenceName { keyspace, table }) => write!(
                f,
                "CREATE TABLE {} (id BIGINT NOT NULL PRIMARY KEY, next_id BIGINT NOT NULL, \
                 cache BIGINT NOT NULL) COMMENT 'vitess_sequence'",
                of(keyspace, table)
            ),
            Self::SequenceRow(SequenceName { keyspace, table }) => write!(
                f,
                "INSERT INTO {} (id, next_id, cache) VALUES (0, 1, 1000)",
                of(keyspace, table)
            ),
            Self::Sequence(SequenceName { keyspace, table }) => {
                write!(f, "ALTER VSCHEMA ADD SEQUENCE {}", of(keyspace, table))
            }
            Self::AutoIncrement { keyspace, table, column, sequence } => write!(
                f,
                "ALTER VSCHEMA ON {} ADD AUTO_INCREMENT {} USING {}",
                of(keyspace, table),
                name(column),
                of(&sequence.keyspace, &sequence.table)
            ),
        }
    }
}

/// A name as vtgate reads it: in backquotes where it would be taken for something else.
fn name(name: &str) -> String {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let is_plain = name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && name.chars().all(is_part)
        && !RESERVED.contains(&format!(" {} ", name.to_ascii_lowercase()));
    if is_plain { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

/// The value of a parameter.
fn value_of(value: &str) -> String {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { value.to_owned() } else { name(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{materialize::Named, span::Span};

    const NOWHERE: Span = Span { start: 0, end: 0 };

    fn sharding(
        table: &str,
        columns: &[&str],
        kind: &str,
        params: &[(&str, &str)],
    ) -> TableSharding {
        let named = |name: &&str| Named { name: (*name).to_owned(), at: NOWHERE };
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let how = Sharding::Vindex {
            columns: columns.iter().map(named).collect(),
            kind: kind.to_owned(),
            params: params.iter().map(text).collect(),
            files: BTreeMap::new(),
        };
        TableSharding { table: table.to_owned(), at: NOWHERE, how, sequence: None }
    }

    #[test]
    fn tables_share_a_vindex_that_is_the_same_and_get_another_where_it_is_not() {
        let params = [("column_bytes", "2,6"), ("column_count", "2")];
        let mut there = Vec::new();
        let mut added = |sharding: &TableSharding| {
            VschemaAddition::vindex("shop", sharding, &mut there).map(|it| it.to_string())
        };

        for (sharding, statement) in [
            (
                sharding("a", &["id"], "xxhash", &[]),
                "ALTER VSCHEMA ON shop.a ADD VINDEX xxhash(id) USING xxhash",
            ),
            (
                sharding("order", &["key", "Ä b"], "multicol", &params),
                "ALTER VSCHEMA ON shop.`order` ADD VINDEX multicol(`key`, `Ä b`) USING multicol \
                 WITH column_bytes=`2,6`, column_count=2",
            ),
            (
                sharding("c", &["x", "y"], "multicol", &params),
                "ALTER VSCHEMA ON shop.c ADD VINDEX multicol(x, y) USING multicol \
                 WITH column_bytes=`2,6`, column_count=2",
            ),
            (
                sharding("d", &["x", "y"], "multicol", &params[1..]),
                "ALTER VSCHEMA ON shop.d ADD VINDEX d_multicol(x, y) USING multicol \
                 WITH column_count=2",
            ),
        ] {
            assert_eq!(added(&sharding).unwrap(), statement);
        }
        let again = sharding("d", &["x", "y"], "multicol", &[]);
        let names = ["multicol".to_owned(), "d_multicol".to_owned()];
        assert_eq!(added(&again), Err(Unaddable::NamesTaken(names)));
    }

    #[test]
    fn what_no_statement_says_is_not_added() {
        let mut table = sharding("t", &["n"], "numeric_static_map", &[("json_path", "map.json")]);
        let Sharding::Vindex { files, .. } = &mut table.how else { unreachable!() };
        files.insert("json_path".to_owned(), "{}".to_owned());
        let mut there = Vec::new();

        let file = VschemaAddition::vindex("shop", &table, &mut there).unwrap_err();
        table.how = Sharding::Reference;
        let reference = VschemaAddition::vindex("shop", &table, &mut there).unwrap_err();

        let Unaddable::File(statement) = file else { panic!("{file:?}") };
        assert!(statement.to_string().ends_with("WITH json_path=`map.json`"), "{statement}");
        assert_eq!((reference, there), (Unaddable::Reference, Vec::new()));
    }

    #[test]
    fn numbers_come_from_a_sequence() {
        let sequence = SequenceName { keyspace: "main".to_owned(), table: "t-seq".to_owned() };
        let (keyspace, table, column) = ("shop".to_owned(), "t".to_owned(), "id".to_owned());
        let table_of =
            VschemaAddition::Table { keyspace: "main".to_owned(), table: "t".to_owned() };

        for (addition, statement) in [
            (table_of, "ALTER VSCHEMA ADD TABLE main.t"),
            (
                VschemaAddition::Sequence(sequence.clone()),
                "ALTER VSCHEMA ADD SEQUENCE main.`t-seq`",
            ),
            (
                VschemaAddition::AutoIncrement { keyspace, table, column, sequence },
                "ALTER VSCHEMA ON shop.t ADD AUTO_INCREMENT id USING main.`t-seq`",
            ),
        ] {
            assert_eq!(addition.to_string(), statement);
        }
    }
}
