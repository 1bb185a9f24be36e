//! The names of functions, checked before any column is known.

use crate::{
    function,
    nearest::nearest,
    problem::{Problem, What},
    syntax::{Node, NodeKind},
};

/// Functions of MySQL whose result is not the same each time, or that depend on the session.
const NOT_DETERMINISTIC: [&str; 24] = [
    "now",
    "sysdate",
    "curdate",
    "curtime",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "rand",
    "uuid",
    "uuid_short",
    "random_bytes",
    "connection_id",
    "last_insert_id",
    "user",
    "current_user",
    "session_user",
    "database",
    "sleep",
    "row_count",
];

/// Functions over the rows of a group.
const AGGREGATES: [&str; 10] = [
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "group_concat",
    "json_arrayagg",
    "json_objectagg",
    "std",
    "variance",
];

/// Other names of functions, of MySQL and of its neighbours, and what they are called here.
const SYNONYMS: [(&str, &str); 18] = [
    ("adddate", "date_add"),
    ("ceiling", "ceil"),
    ("character_length", "char_length"),
    ("dayofmonth", "day"),
    ("iif", "if"),
    ("instr", "locate"),
    ("lcase", "lower"),
    ("len", "char_length"),
    ("mid", "substring"),
    ("nvl", "ifnull"),
    ("octet_length", "length"),
    ("rlike", "regexp_like"),
    ("sha256", "sha2"),
    ("subdate", "date_sub"),
    ("substr", "substring"),
    ("to_lower", "lower"),
    ("to_upper", "upper"),
    ("ucase", "upper"),
];

/// All functions that do not exist or have another number of arguments.
pub(crate) fn check(root: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    root.walk(&mut |node| {
        if let NodeKind::Call { name, name_span, arguments } = &node.kind
            && let Some(what) = name_problem(name, arguments.len())
        {
            let is_count = matches!(what, What::ArgumentCount { .. });
            let span = if is_count { &node.span } else { name_span };
            problems.push(Problem::new(what, span));
        }
    });
    problems
}

fn name_problem(name: &str, count: usize) -> Option<What> {
    if let Some(function) = function::find(name) {
        // Without a date it is the moment's.
        if function.name == "unix_timestamp" && count == 0 {
            return Some(What::NotDeterministic { name: name.to_owned() });
        }
        let takes = function.takes();
        return (!takes.contains(count)).then(|| What::ArgumentCount {
            name: function.name,
            takes: takes.to_string(),
            count,
            usage: function.usage,
        });
    }
    let lower = name.to_lowercase();
    let has = |names: &[&str]| names.contains(&lower.as_str());
    Some(if has(&NOT_DETERMINISTIC) {
        What::NotDeterministic { name: name.to_owned() }
    } else if has(&AGGREGATES) {
        What::Aggregate { name: name.to_owned() }
    } else {
        let names = function::functions().map(|function| function.name);
        let synonym = SYNONYMS.iter().find(|(other, _)| *other == lower);
        let nearest = match synonym {
            Some((_, name)) => Some((*name).to_owned()),
            None => nearest(name, names),
        };
        What::UnknownFunction { name: name.to_owned(), nearest }
    })
}
