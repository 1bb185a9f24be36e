//! From what a plan says to what it means.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    check::Places,
    materialize,
    pattern::NAME_CHARACTERS_MAX,
    plan::{
        Endpoint, Limits, MysqlTarget, Plan, SchemaFile, SourceLoad, Tablet, Target, Tls,
        VitessTarget,
    },
    problem::{MaterializeProblem, PlanError, Problem, RuleProblem, ShardingProblem, ValueProblem},
    secrets::{Secrets, expand, has_password},
    selection::Selection,
    sharding::{self, TableSharding},
    size,
    span::Span,
    spec::{
        Entries, LimitsSpec, MysqlSpec, ShardingSpec, Spec, TabletSpec, TargetMysqlSpec, TlsMode,
        TlsSpec, UrlText, VitessSpec, bounds,
    },
    url,
};

/// Fills in what `spec` leaves open and checks what it says. Problems go to `problems`; the plan is one
/// only if there is no error among them.
pub(crate) fn resolve(
    spec: &Spec,
    (text, places): (&str, &Places),
    secrets: &impl Secrets,
    problems: &mut Vec<PlanError>,
) -> Plan {
    let mut resolver = Resolver { text, places, secrets, problems };
    let name = spec.name.as_deref().and_then(|name| resolver.name(name));
    let from = spec.source.as_ref().and_then(|side| side.mysql.as_ref());
    let from = from.map_or_else(|| Written::nothing("source.mysql"), Written::source);
    let source = resolver.endpoint(&from);
    let (mysql, vitess) = spec
        .target
        .as_ref()
        .map_or((None, None), |side| (side.mysql.as_ref(), side.vitess.as_ref()));
    let to = match (mysql, vitess) {
        (Some(mysql), _) => Written::target(mysql),
        (None, Some(vitess)) => Written::keyspace(vitess),
        (None, None) => Written::nothing("target.mysql"),
    };
    let target = resolver.endpoint(&to);
    if let (Some(source), Some(target)) = (&source, &target)
        && (&source.host, source.port, &source.database)
            == (&target.host, target.port, &target.database)
    {
        let at = places.at(&to.path(to.database_key));
        let problem = PlanError::new(ValueProblem::SameDatabase, at);
        resolver.problems.push(problem.with_other(places.at("source.mysql.database")));
    }
    let selection = resolver.tables(spec);
    let materialized = spec.materialize.as_ref().map_or_else(Vec::new, |targets| {
        materialize::resolve(targets, (text, places), secrets, resolver.problems)
    });
    let is_sharded = vitess.is_some() || mysql.is_none();
    let sharding = spec
        .sharding
        .as_ref()
        .map_or_else(Vec::new, |sharding| resolver.sharding(sharding, is_sharded));
    if let Some(selection) = &selection {
        resolver.problems.extend(sharding::unwritten(&sharding, (selection, &materialized)));
    }
    let selection = selection.unwrap_or_else(Selection::nothing);
    let limits = resolver.limits(spec.limits.as_ref(), vitess.is_some());
    let on_ddl = spec.on.as_ref().and_then(|on| on.ddl).unwrap_or_default();
    let endpoint = target.unwrap_or_else(|| resolver.unreachable(&to));
    let target = match (mysql, vitess) {
        (None, Some(vitess)) => {
            let tablets = resolver.tablets(vitess.tablets.as_ref());
            let vschema = vitess.vschema.unwrap_or_default();
            let foreign_keys = vitess.foreign_keys.unwrap_or_default();
            Target::Vitess(VitessTarget { endpoint, tablets, vschema, foreign_keys })
        }
        (mysql, _) => {
            let binlog = mysql.and_then(|it| it.binlog).unwrap_or_default();
            Target::Mysql(MysqlTarget { endpoint, binlog })
        }
    };
    Plan {
        name: name.unwrap_or_default(),
        source: source.unwrap_or_else(|| resolver.unreachable(&from)),
        target,
        selection,
        materialized,
        sharding,
        limits,
        on_ddl,
    }
}

/// What a plan says of a server, whichever side it is.
struct Written<'a> {
    /// The keys that lead to it.
    path: Cow<'static, str>,
    /// The key of its database.
    database_key: &'static str,
    url: Option<&'a UrlText>,
    database: Option<&'a str>,
    tls: Option<&'a TlsSpec>,
    schema: Option<&'a str>,
}

impl<'a> Written<'a> {
    /// A server of which a plan says nothing.
    fn nothing(path: impl Into<Cow<'static, str>>) -> Self {
        let path = path.into();
        Self { path, database_key: "database", url: None, database: None, tls: None, schema: None }
    }

    fn source(spec: &'a MysqlSpec) -> Self {
        let MysqlSpec { url, database, tls, schema } = spec;
        let (url, tls) = (url.as_ref(), tls.as_ref());
        let (database, schema) = (database.as_deref(), schema.as_deref());
        Self { url, database, tls, schema, ..Self::nothing("source.mysql") }
    }

    fn target(spec: &'a TargetMysqlSpec) -> Self {
        let TargetMysqlSpec { url, database, tls, schema, binlog: _ } = spec;
        let (url, tls) = (url.as_ref(), tls.as_ref());
        let (database, schema) = (database.as_deref(), schema.as_deref());
        Self { url, database, tls, schema, ..Self::nothing("target.mysql") }
    }

    fn keyspace(spec: &'a VitessSpec) -> Self {
        let VitessSpec { url, keyspace, tls, schema, tablets: _, vschema: _, foreign_keys: _ } =
            spec;
        let (url, tls) = (url.as_ref(), tls.as_ref());
        let (database, schema) = (keyspace.as_deref(), schema.as_deref());
        let nothing = Self::nothing("target.vitess");
        Self { database_key: "keyspace", url, database, tls, schema, ..nothing }
    }

    fn tablet(shard: &str, spec: &'a TabletSpec) -> Self {
        let TabletSpec { url, tls } = spec;
        let (url, tls) = (url.as_ref(), tls.as_ref());
        Self { url, tls, ..Self::nothing(format!("{TABLETS}.{shard}")) }
    }

    /// The keys that lead to one of its own.
    fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }
}

/// The keys that lead to the shards' servers.
const TABLETS: &str = "target.vitess.tablets";

struct Resolver<'a, S> {
    text: &'a str,
    places: &'a Places,
    secrets: &'a S,
    problems: &'a mut Vec<PlanError>,
}

impl<S: Secrets> Resolver<'_, S> {
    fn report(&mut self, path: &str, problem: impl Into<Problem>) {
        self.problems.push(PlanError::new(problem, self.places.at(path)));
    }

    fn name(&mut self, name: &str) -> Option<String> {
        let is_part =
            |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "-_".contains(it);
        if (1..=NAME_CHARACTERS_MAX).contains(&name.len()) && name.chars().all(is_part) {
            return Some(name.to_owned());
        }
        self.report("name", ValueProblem::Name { name: name.to_owned() });
        None
    }

    fn endpoint(&mut self, written: &Written<'_>) -> Option<Endpoint> {
        let database = written.database.and_then(|name| match written.database_key {
            "keyspace" => self.keyspace(&written.path("keyspace"), name),
            key => self.database(&written.path(key), name),
        });
        let tls = self.tls(&written.path("tls"), written.tls);
        let url = self.url(written);
        let url = url?;
        Some(Endpoint {
            host: url.host,
            port: url.port,
            user: url.user,
            password: url.password,
            database: database?,
            tls: tls?,
            schema: self.schema(written),
        })
    }

    /// What is known of a server that the plan does not say how to reach.
    fn unreachable(&self, written: &Written<'_>) -> Endpoint {
        Endpoint {
            host: String::new(),
            port: 0,
            user: String::new(),
            password: SecretString::default(),
            database: written.database.unwrap_or_default().to_owned(),
            tls: Tls::Preferred,
            schema: self.schema(written),
        }
    }

    fn schema(&self, written: &Written<'_>) -> Option<SchemaFile> {
        written.schema.map(|path| SchemaFile {
            written: path.to_owned(),
            path: self.secrets.path(path),
            at: self.places.at(&written.path("schema")),
        })
    }

    fn keyspace(&mut self, key: &str, name: &str) -> Option<String> {
        let reason = if name.is_empty() {
            "it is empty"
        } else if name.chars().count() > NAME_CHARACTERS_MAX {
            "it is longer than 64 characters"
        } else if name.contains([':', '/', '@', '[']) {
            // What vtgate would take for a shard, a tablet or a key range.
            "it names more than a keyspace"
        } else if name.contains(|it: char| !it.is_ascii_alphanumeric() && !"_-".contains(it)) {
            "it holds a character that keyspaces' names have not"
        } else {
            return Some(name.to_owned());
        };
        let key = key.to_owned();
        self.report(&key.clone(), ValueProblem::Keyspace { key, name: name.to_owned(), reason });
        None
    }

    fn tablets(&mut self, spec: Option<&Entries<TabletSpec>>) -> Vec<Tablet> {
        let Some(Entries(spec)) = spec else { return Vec::new() };
        if spec.is_empty() {
            self.report(TABLETS, ValueProblem::NoTablets);
        }
        let resolved = spec.iter().filter_map(|(shard, spec)| self.tablet(shard, spec));
        resolved.collect()
    }

    fn tablet(&mut self, shard: &str, spec: &TabletSpec) -> Option<Tablet> {
        let written = Written::tablet(shard, spec);
        let reason = if shard.is_empty() {
            Some("it is empty")
        } else if shard.contains([':', '/', '@', '`']) {
            Some("it names more than a shard")
        } else {
            None
        };
        if let Some(reason) = reason {
            let problem = ValueProblem::Shard { name: shard.to_owned(), reason };
            self.problems.push(PlanError::new(problem, self.places.key(&written.path)));
        }
        let tls = self.tls(&written.path("tls"), written.tls);
        let url = self.url(&written)?;
        if url.database.is_some() {
            let key = written.path("url");
            self.report(&key.clone(), ValueProblem::TabletDatabase { key });
        }
        let endpoint = Endpoint {
            host: url.host,
            port: url.port,
            user: url.user,
            password: url.password,
            database: String::new(),
            tls: tls?,
            schema: None,
        };
        Some(Tablet { shard: shard.to_owned(), endpoint })
    }

    fn sharding(&mut self, spec: &Entries<ShardingSpec>, is_sharded: bool) -> Vec<TableSharding> {
        if !is_sharded {
            let at = self.places.key("sharding");
            self.problems.push(PlanError::new(ShardingProblem::NoKeyspace, at));
            return Vec::new();
        }
        sharding::resolve(spec, self.places, self.secrets, self.problems)
    }

    fn database(&mut self, key: &str, name: &str) -> Option<String> {
        let reason = if name.is_empty() {
            "it is empty"
        } else if name.chars().count() > NAME_CHARACTERS_MAX {
            "it is longer than 64 characters"
        } else if name.ends_with(' ') {
            "it ends with a space"
        } else if ["mysql", "sys", "information_schema", "performance_schema"]
            .contains(&name.to_ascii_lowercase().as_str())
        {
            "it is the server's own"
        } else {
            return Some(name.to_owned());
        };
        let key = key.to_owned();
        self.report(&key.clone(), ValueProblem::Database { key, name: name.to_owned(), reason });
        None
    }

    fn url(&mut self, written: &Written<'_>) -> Option<url::MysqlUrl> {
        let key = written.path("url");
        let text = written.url?;
        let expanded = match expand(text.0.expose_secret(), self.secrets) {
            Ok(expanded) => expanded,
            Err(problems) => {
                for problem in problems {
                    let at = self.reference_in(self.places.at(&key), &problem);
                    self.problems.push(PlanError::new(problem, at));
                }
                return None;
            }
        };
        if has_password(expanded.literal.expose_secret()) {
            self.report(&key, ValueProblem::PlainPassword { key: key.clone() });
        }
        let url = match url::parse(&expanded.text) {
            Ok(url) => url,
            Err(reason) => {
                self.report(&key.clone(), ValueProblem::Url { key, reason });
                return None;
            }
        };
        let literal = expanded.literal.expose_secret();
        for parameter in &url.parameters {
            let is_written = url::parameters(literal).any(|written| written == parameter);
            let parameter = is_written.then(|| parameter.clone());
            let key = key.clone();
            self.report(&key.clone(), ValueProblem::UrlParameter { key, parameter });
        }
        let named = url.database.as_deref();
        if named.is_some() && written.database.is_some() && named != written.database {
            let database = written.path(written.database_key);
            self.report(&key, ValueProblem::UrlDatabase { key: database });
        }
        Some(url)
    }

    /// The place of the reference that `problem` is about, in the value at `value`; the value's own
    /// place where its text is written differently.
    fn reference_in(&self, value: Span, problem: &ValueProblem) -> Span {
        let reference = if let ValueProblem::Environment { name, .. } = problem {
            format!("${{env:{name}}}")
        } else if let ValueProblem::File { path, .. } = problem {
            format!("${{file:{path}}}")
        } else {
            return value;
        };
        let text = self.text.get(value.start..value.end).unwrap_or_default();
        text.find(&reference).map_or(value, |offset| {
            let start = value.start + offset;
            Span { start, end: start + reference.len() }
        })
    }

    fn tls(&mut self, key: &str, spec: Option<&TlsSpec>) -> Option<Tls> {
        let Some(spec) = spec else { return Some(Tls::Preferred) };
        let ca = spec.ca.as_deref().map(|path| self.secrets.path(path));
        let (unchecked, mode) = match (spec.mode, &ca) {
            (Some(TlsMode::VerifyCa), None) => {
                let key = format!("{key}.mode");
                self.report(&key.clone(), ValueProblem::MissingCa { key });
                return None;
            }
            (Some(TlsMode::VerifyCa), Some(_)) => return Some(Tls::VerifyCa { ca }),
            (Some(TlsMode::VerifyIdentity), _) | (None, Some(_)) => {
                return Some(Tls::VerifyIdentity { ca });
            }
            (Some(TlsMode::Disabled), _) => (Tls::Disabled, "disabled"),
            (Some(TlsMode::Preferred) | None, _) => (Tls::Preferred, "preferred"),
            (Some(TlsMode::Required), _) => (Tls::Required, "required"),
        };
        if ca.is_some() {
            let key = format!("{key}.ca");
            self.report(&key.clone(), ValueProblem::UnusedCa { key, mode });
            return None;
        }
        Some(unchecked)
    }

    fn tables(&mut self, spec: &Spec) -> Option<Selection> {
        match (&spec.r#move, &spec.materialize) {
            (Some(rules), _) => self.selection(rules),
            (None, Some(made)) if !made.0.is_empty() => Some(Selection::nothing()),
            (None, _) => {
                // A slip in a key is one problem, not two.
                let is_form = |error: &PlanError| matches!(*error.problem, Problem::Form(_));
                if !self.problems.iter().any(is_form) {
                    self.report("", MaterializeProblem::NoTables);
                }
                None
            }
        }
    }

    fn selection(&mut self, rules: &[String]) -> Option<Selection> {
        let placed: Vec<_> = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| (rule.clone(), self.places.at(&format!("move[{index}]"))))
            .collect();
        let (selection, problems) = Selection::new(&placed);
        let has_error = problems.iter().any(PlanError::is_error);
        self.problems.extend(problems);
        if rules.iter().all(|rule| rule.starts_with('!')) {
            self.report("move", RuleProblem::EmptySelection);
            return None;
        }
        (!has_error).then_some(selection)
    }

    fn limits(&mut self, spec: Option<&LimitsSpec>, has_shards: bool) -> Limits {
        let default = LimitsSpec::default();
        let spec = spec.unwrap_or(&default);
        let memory = spec.memory.as_deref().unwrap_or(bounds::MEMORY_DEFAULT);
        let memory_bytes = self.memory("limits.memory", memory);
        Limits {
            source_connections: spec
                .source_connections
                .unwrap_or(bounds::SOURCE_CONNECTIONS_DEFAULT),
            target_connections: spec.target_connections.unwrap_or(if has_shards {
                bounds::KEYSPACE_CONNECTIONS_DEFAULT
            } else {
                bounds::TARGET_CONNECTIONS_DEFAULT
            }),
            memory_bytes: memory_bytes.unwrap_or(bounds::MEMORY_BYTES_MIN),
            rows_per_second: spec.rows_per_second,
            source_load: SourceLoad {
                threads_running: spec
                    .source_threads_running
                    .unwrap_or(bounds::SOURCE_THREADS_RUNNING_DEFAULT),
                history_list: spec
                    .source_history_list
                    .unwrap_or(bounds::SOURCE_HISTORY_LIST_DEFAULT),
            },
        }
    }

    fn memory(&mut self, key: &str, text: &str) -> Option<u64> {
        let (key_owned, value) = (key.to_owned(), text.to_owned());
        let Some(bytes) = size::parse(text) else {
            self.report(key, ValueProblem::Size { key: key_owned, value });
            return None;
        };
        if (bounds::MEMORY_BYTES_MIN..=bounds::MEMORY_BYTES_MAX).contains(&bytes) {
            return Some(bytes);
        }
        let range = format!(
            "{} to {}",
            size::show(bounds::MEMORY_BYTES_MIN),
            size::show(bounds::MEMORY_BYTES_MAX)
        );
        self.report(key, ValueProblem::OutOfRange { key: key_owned, value, range });
        None
    }
}
