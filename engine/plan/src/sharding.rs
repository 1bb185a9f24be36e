//! Where rows go in a keyspace: what `sharding` means, before any table is known.

use std::{collections::BTreeMap, fmt};

use secrecy::ExposeSecret as _;
use serde_json::json;
use sha2::{Digest, Sha256};
use whimbrel_expression::nearest;
use whimbrel_sharding::{Vindex, VindexError};

use crate::{
    check::Places,
    materialize::{Materialized, Named},
    problem::{PlanError, Problem, ShardingProblem, ValueProblem},
    secrets::Secrets,
    selection::Selection,
    span::Span,
    spec::{Entries, ShardingSpec},
};

/// What a plan says of a target table in a keyspace.
#[derive(Debug, Clone)]
pub struct TableSharding {
    /// The target table.
    pub table: String,
    /// Where the plan names it.
    pub at: Span,
    /// Where its rows go.
    pub how: Sharding,
    /// What numbers its new rows once the application writes to it.
    pub sequence: Option<SequenceName>,
}

/// Where a table's rows go.
#[derive(Debug, Clone)]
pub enum Sharding {
    /// All of them to every shard.
    Reference,
    /// Each to the shard of its keyspace id.
    Vindex {
        /// The columns that the keyspace id is made of, at least one.
        columns: Vec<Named>,
        /// The vindex's type, such as `xxhash`.
        kind: String,
        /// The vindex's parameters.
        params: BTreeMap<String, String>,
        /// The contents of the files that parameters name, by the parameter's name.
        files: BTreeMap<String, String>,
    },
    /// Each where vtgate says, which is asked for the keyspace id of each value of the column that it names when
    /// the run begins.
    Asked,
    /// As vtgate says when the run begins: the plan says nothing of it.
    Read,
}

/// A table that numbers are drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceName {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub table: String,
}

/// The parameters of vindexes that name files.
///
/// Source: Vitess, `go/vt/vtgate/vindexes`, `numeric_static_map.go` and `region_json.go`.
const FILE_PARAMS: [&str; 2] = ["json_path", "region_map"];

/// What `spec` means. Problems go to `problems`; what is wrong with an entry leaves [`Sharding::Read`] in
/// its place.
pub(crate) fn resolve(
    spec: &Entries<ShardingSpec>,
    places: &Places,
    secrets: &dyn Secrets,
    problems: &mut Vec<PlanError>,
) -> Vec<TableSharding> {
    let mut tables = Vec::new();
    for (table, spec) in &spec.0 {
        let path = format!("sharding.{table}");
        let mut resolver = Resolver { table, path, places, secrets, problems };
        tables.push(resolver.table(spec));
    }
    tables
}

/// What is wrong where `sharding` speaks of tables that a plan does not write.
pub(crate) fn unwritten(
    sharding: &[TableSharding],
    (selection, materialized): (&Selection, &[Materialized]),
) -> Vec<PlanError> {
    let made = || materialized.iter().map(|target| target.name.name.clone());
    let is_written = |table: &str| selection.may_move(table) || made().any(|name| name == table);
    let named = selection.rules().iter().filter_map(|rule| rule.pattern.name());
    let moved = named.filter(|name| selection.may_move(name));
    let names: Vec<String> = moved.chain(made()).collect();
    let problem = |sharding: &TableSharding| {
        let table = sharding.table.clone();
        let nearest = nearest(&table, names.iter().map(String::as_str));
        PlanError::new(ShardingProblem::UnknownTable { table, nearest }, sharding.at)
    };
    sharding.iter().filter(|sharding| !is_written(&sharding.table)).map(problem).collect()
}

struct Resolver<'a> {
    table: &'a str,
    /// The keys that lead to the table.
    path: String,
    places: &'a Places,
    secrets: &'a dyn Secrets,
    problems: &'a mut Vec<PlanError>,
}

impl Resolver<'_> {
    fn report(&mut self, problem: impl Into<Problem>, at: Span) {
        self.problems.push(PlanError::new(problem, at));
    }

    /// The place of one of the table's keys.
    fn key(&self, key: &str) -> Span {
        self.places.key(&format!("{}.{key}", self.path))
    }

    /// The place of one of the table's values.
    fn value(&self, key: &str) -> Span {
        self.places.at(&format!("{}.{key}", self.path))
    }

    fn table(&mut self, spec: &ShardingSpec) -> TableSharding {
        let at = self.places.key(&self.path);
        let region = self.places.region(&self.path);
        let has_form = !self.problems.iter().any(|it| region.contains(&it.at.start));
        let how = if has_form { self.how(spec) } else { Some(Sharding::Read) };
        let sequence = spec.sequence.as_deref().and_then(|text| self.sequence(text));
        let how = how.unwrap_or(Sharding::Read);
        TableSharding { table: self.table.to_owned(), at, how, sequence }
    }

    /// Where rows go; `None` once it is said what is wrong.
    fn how(&mut self, spec: &ShardingSpec) -> Option<Sharding> {
        let written = [
            ("column", spec.column.is_some()),
            ("columns", spec.columns.is_some()),
            ("vindex", spec.vindex.is_some()),
            ("params", spec.params.is_some()),
        ];
        let is_asked = spec.ask_vtgate == Some(true);
        let mut written = written.into_iter().filter(|(_, is_there)| *is_there).map(|(key, _)| key);
        let first = written.next();
        let table = self.table.to_owned();
        match (first, spec.reference == Some(true)) {
            (Some(key), true) => {
                let (at, other) = (self.key(key), self.key("reference"));
                let problem = ShardingProblem::OfReference { table, key };
                self.problems.push(PlanError::new(problem, at).with_other(other));
                None
            }
            (key, is_reference) if is_asked && (key.is_some() || is_reference) => {
                let key = key.unwrap_or("reference");
                let (at, other) = (self.key(key), self.key("ask_vtgate"));
                let problem = ShardingProblem::OfAsked { table, key };
                self.problems.push(PlanError::new(problem, at).with_other(other));
                None
            }
            (None, true) => Some(Sharding::Reference),
            (Some(_), false) => self.vindex(spec),
            (None, false) if is_asked => Some(Sharding::Asked),
            (None, false) => {
                if spec.sequence.is_none() {
                    let problem = ShardingProblem::Nothing { table };
                    self.report(problem, self.places.key(&self.path));
                }
                Some(Sharding::Read)
            }
        }
    }

    fn vindex(&mut self, spec: &ShardingSpec) -> Option<Sharding> {
        let columns = match (&spec.column, &spec.columns) {
            (Some(_), Some(_)) => {
                let (at, other) = (self.key("columns"), self.key("column"));
                let problem = PlanError::new(ShardingProblem::ColumnAndColumns, at);
                self.problems.push(problem.with_other(other));
                return None;
            }
            (Some(column), None) => {
                vec![Named { name: column.clone(), at: self.value("column") }]
            }
            (None, columns) => self.columns(columns.as_deref().unwrap_or_default())?,
        };
        if columns.is_empty() && spec.columns.is_some() {
            self.report(ShardingProblem::NoColumns, self.key("columns"));
            return None;
        }
        let missing = if columns.is_empty() {
            Some((if spec.vindex.is_some() { "vindex" } else { "params" }, "column"))
        } else if spec.vindex.is_none() {
            Some((if spec.column.is_some() { "column" } else { "columns" }, "vindex"))
        } else {
            None
        };
        if let Some((key, missing)) = missing {
            self.report(ShardingProblem::Incomplete { key, missing }, self.key(key));
            return None;
        }
        let kind = spec.vindex.clone()?;
        let params: BTreeMap<String, String> =
            spec.params.iter().flat_map(|params| params.0.clone()).collect();
        let files = self.files(&params)?;
        let vindex = match Vindex::new(&kind, &params, &files) {
            Ok(vindex) => vindex,
            Err(error) => {
                self.vindex_error(error);
                return None;
            }
        };
        let wanted = vindex.column_count();
        if !wanted.contains(&columns.len()) {
            let key = if spec.column.is_some() { "column" } else { "columns" };
            let given = match columns.len() {
                1 => "one is".to_owned(),
                count => format!("{count} are"),
            };
            let wanted = *wanted.end();
            self.report(ShardingProblem::ColumnCount { kind, wanted, given }, self.key(key));
            return None;
        }
        Some(Sharding::Vindex { columns, kind, params, files })
    }

    fn vindex_error(&mut self, error: VindexError) {
        let (problem, key) = match error {
            VindexError::NotComputed { kind } => {
                (ShardingProblem::NotComputed { kind }, "vindex".to_owned())
            }
            VindexError::Unknown { kind } => {
                let nearest = nearest(&kind, Vindex::kinds().iter().copied());
                (ShardingProblem::UnknownVindex { kind, nearest }, "vindex".to_owned())
            }
            VindexError::ParamMissing { .. } => {
                (ShardingProblem::Params { reason: error.to_string() }, "vindex".to_owned())
            }
            VindexError::ParamUnknown { ref param, .. } => {
                let key = format!("params.{param}");
                (ShardingProblem::Params { reason: error.to_string() }, key)
            }
            VindexError::ParamWrong { param, .. } | VindexError::FileMissing { param, .. } => {
                let key = format!("params.{param}");
                (ShardingProblem::Params { reason: error.to_string() }, key)
            }
        };
        self.report(problem, self.value(&key));
    }

    fn columns(&mut self, names: &[String]) -> Option<Vec<Named>> {
        let mut columns: Vec<Named> = Vec::new();
        let mut is_right = true;
        for (index, name) in names.iter().enumerate() {
            let at = self.value(&format!("columns[{index}]"));
            let is_same = |other: &&Named| other.name.eq_ignore_ascii_case(name);
            if let Some(first) = columns.iter().find(is_same) {
                let problem = ShardingProblem::ColumnTwice { name: name.clone() };
                self.problems.push(PlanError::new(problem, at).with_other(first.at));
                is_right = false;
                continue;
            }
            columns.push(Named { name: name.clone(), at });
        }
        is_right.then_some(columns)
    }

    /// The contents of the files that `params` name.
    fn files(&mut self, params: &BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
        let mut files = BTreeMap::new();
        let mut is_right = true;
        for (name, path) in params.iter().filter(|(name, _)| FILE_PARAMS.contains(&name.as_str())) {
            match self.secrets.file(path) {
                Ok(content) => {
                    files.insert(name.clone(), content.expose_secret().to_owned());
                }
                Err(reason) => {
                    let problem = ValueProblem::File { path: path.clone(), reason };
                    self.report(problem, self.value(&format!("params.{name}")));
                    is_right = false;
                }
            }
        }
        is_right.then_some(files)
    }

    fn sequence(&mut self, text: &str) -> Option<SequenceName> {
        let parts: Vec<&str> = text.split('.').collect();
        if let [keyspace, table] = parts.as_slice()
            && !keyspace.is_empty()
            && !table.is_empty()
        {
            return Some(SequenceName { keyspace: (*keyspace).into(), table: (*table).into() });
        }
        let problem = ShardingProblem::Sequence { text: text.to_owned() };
        self.report(problem, self.value("sequence"));
        None
    }
}

impl Sharding {
    /// The vindex that rows are placed by; `None` where the plan says of none.
    #[must_use]
    pub fn vindex(&self) -> Option<Vindex> {
        let Self::Vindex { kind, params, files, .. } = self else { return None };
        Vindex::new(kind, params, files).ok()
    }
}

impl TableSharding {
    /// All that it says, in one form for equal meanings.
    pub(crate) fn canonical(&self) -> String {
        let how = match &self.how {
            Sharding::Reference => json!("reference"),
            Sharding::Asked => json!("asked"),
            Sharding::Read => json!(null),
            Sharding::Vindex { columns, kind, params, files } => {
                let columns: Vec<&str> =
                    columns.iter().map(|column| column.name.as_str()).collect();
                let digest = |content: &String| format!("{:x}", Sha256::digest(content));
                let files: BTreeMap<_, _> =
                    files.iter().map(|(name, content)| (name, digest(content))).collect();
                // The path of a file says nothing of where rows go; its content does.
                let is_text = |name: &&String| !files.contains_key(*name);
                let params: BTreeMap<_, _> =
                    params.iter().filter(|(name, _)| is_text(name)).collect();
                json!({ "columns": columns, "vindex": kind, "params": params, "files": files })
            }
        };
        let sequence = self.sequence.as_ref().map(ToString::to_string);
        json!({ "how": how, "sequence": sequence }).to_string()
    }
}

impl fmt::Display for SequenceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.keyspace, self.table)
    }
}
