//! The plan as text.

use std::fmt::Write as _;

use crate::{
    select::Made,
    specification::{Create, Specification, Target},
    warning::{Place, Warning},
    yaml::{block, scalar},
};

/// What a person should know of a plan that is made of a specification, in the order in which it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Note {
    /// Text may be compared.
    Comparisons,
    /// Text is looked for in text.
    Patterns,
    /// A column is asked for NULL.
    ZeroDates,
    /// A function sees the bytes of text.
    Bytes,
    /// Text is converted from one charset to another.
    Charset,
    /// A time zone is that of the session there.
    Utc,
    /// A vindex is named by its type.
    Vindex,
    /// Foreign keys and checks stay behind.
    Constraints,
    /// Target tables are taken as they are.
    Existing,
    /// Rows of all target shards come together.
    Routed,
    /// Changed definitions that were passed over.
    IgnoredDdl,
    /// The copy alone was wanted.
    StopAfterCopy,
}

impl Note {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Comparisons => {
                "Text compares character by character, as with a collation that ends with `_bin`: \
                 collations are not in the specification. `lower(x) == \"de\"` ignores case."
            }
            Self::Patterns => {
                "Patterns and searches in text tell upper and lower case apart, and accents: `lower(x)` ignores case."
            }
            Self::ZeroDates => {
                "`x == ()` is false for a zero date, of which IS NULL is true in MySQL if its column is \
                 NOT NULL."
            }
            Self::Bytes => {
                "Functions of bytes (hex, length, md5, sha2) take text as UTF-8: of a column in another charset, \
                 such as latin1, MySQL gives another result."
            }
            Self::Charset => {
                "`convert(x using …)` is a copy: text becomes that of the target column's charset."
            }
            Self::Utc => "Times of UNIX are in UTC, as in the sessions of Vitess.",
            Self::Vindex => {
                "A vindex is taken for the type of that name: see that the vschema has no other vindex so \
                 named."
            }
            Self::Constraints => {
                "`create: copy` leaves foreign keys and checks out: add them to the target if it needs them."
            }
            Self::Existing => {
                "A workflow does not say how its tables were made: the targets of `create: existing` must \
                 be there, and empty."
            }
            Self::Routed => {
                "What picked the rows of each target shard is left out: rows of all shards come together."
            }
            Self::IgnoredDdl => {
                "Vitess passes over every change of a source table's definition; this plan passes over \
                 those that change no row, and stops at all others."
            }
            Self::StopAfterCopy => {
                "stop_after_copy: `whimbrel run --until caught-up` ends by itself."
            }
        }
    }
}

/// The most characters of a line of the comment.
const COMMENT_CHARACTERS_MAX: usize = 100;

/// The plan of `specification`, whose comment names the places of `warnings`, too.
pub(crate) fn plan(specification: &Specification, warnings: &[Warning]) -> String {
    let mut text = String::new();
    comment(&mut text, specification, warnings);
    let name = plan_name(&specification.workflow);
    let (source, target) = (&specification.source_keyspace, &specification.target_keyspace);
    let (source, target) = (scalar(source), scalar(target));
    text.extend([
        "version: 1\nname: ",
        &scalar(&name),
        "\n\nsource:\n  mysql:\n    url: \"${env:SOURCE_URL}\"\n    database: ",
        &source,
        "\ntarget:\n  mysql:\n    url: \"${env:TARGET_URL}\"\n    database: ",
        &target,
        "\n",
    ]);
    if !specification.moves.is_empty() {
        text.push_str("\nmove:\n");
        for rule in &specification.moves {
            text.extend(["  - ", &rule_text(rule), "\n"]);
        }
    }
    if !specification.targets.is_empty() {
        text.push_str("\nmaterialize:\n");
        for made in &specification.targets {
            target_text(&mut text, made);
        }
    }
    if let Some(on_ddl) = specification.on_ddl {
        text.extend(["\non: { ddl: ", on_ddl, " }\n"]);
    }
    text
}

fn rule_text(rule: &str) -> String {
    if rule.starts_with(['*', '!']) { format!("\"{rule}\"") } else { scalar(rule) }
}

fn comment(text: &mut String, specification: &Specification, warnings: &[Warning]) {
    let mut points = vec![
        "SOURCE_URL and TARGET_URL are yours to set: mysql://user:password@host:3306.".to_owned(),
        "The databases are called as the keyspaces: see that they are; a tablet's own is `vt_` and the \
         keyspace's name."
            .to_owned(),
    ];
    if plan_name(&specification.workflow) != specification.workflow {
        let point = format!("The workflow is `{}`.", printable(&specification.workflow));
        points.push(point);
    }
    for note in &specification.notes {
        let mut point = note.text().to_owned();
        if let Some(warning) = warnings.iter().find(|warning| warning.text == point) {
            let places: Vec<String> = warning.places.iter().map(Place::to_string).collect();
            point.extend([" In the specification: ", &places.join(", "), "."]);
        }
        points.push(point);
    }
    if !specification.left_out.is_empty() {
        let left_out = specification.left_out.join(", ");
        points.push(format!("Left out, since it changes nothing of what is written: {left_out}."));
    }
    text.extend(["# Made of ", specification.kind, " by `whimbrel init --from-vitess`.\n#\n"]);
    for point in points {
        wrapped(text, &point);
    }
}

/// A point of the comment, in lines of a bounded length.
fn wrapped(text: &mut String, point: &str) {
    let mut line = String::from("# -");
    for word in point.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > COMMENT_CHARACTERS_MAX {
            text.extend([line.as_str(), "\n"]);
            line = String::from("#  ");
        }
        line.extend([" ", word]);
    }
    text.extend([line.as_str(), "\n"]);
}

/// `text` in one line.
fn printable(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}

/// The workflow's name as a plan's: 1 to 64 of `a-z 0-9 - _`.
fn plan_name(workflow: &str) -> String {
    let sign = |sign: char| {
        let is_kept = sign.is_ascii_alphanumeric() || sign == '-' || sign == '_';
        if is_kept { sign.to_ascii_lowercase() } else { '-' }
    };
    workflow.chars().map(sign).take(64).collect()
}

fn target_text(text: &mut String, target: &Target) {
    let Made { from, filter, has_all, columns, groups, aggregates, .. } = &target.made;
    text.extend(["  ", &scalar(&target.name), ":\n    from: ", &scalar(from), "\n"]);
    if let Some(filter) = filter {
        text.extend(["    where: ", &scalar(filter), "\n"]);
    }
    if *has_all && !columns.is_empty() {
        text.push_str("    except: []\n");
    }
    for (key, entries) in [("columns", columns), ("group_by", groups), ("aggregates", aggregates)] {
        if entries.is_empty() {
            continue;
        }
        text.extend(["    ", key, ":\n"]);
        for (name, value) in entries {
            text.extend(["      ", &scalar(name), ": ", &scalar(value), "\n"]);
        }
    }
    let create = match &target.create {
        Create::Copy => " copy".to_owned(),
        Create::Existing => " existing".to_owned(),
        Create::Statement(statement) => block(statement, 6),
    };
    // Writing into a text does not fail.
    let _written = writeln!(text, "    create:{create}").is_ok();
}
