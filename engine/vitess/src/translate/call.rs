//! Calls of functions.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned};
use whimbrel_expression::{Origin, functions, nearest};

use super::{CONSTANT, Out, Translated, Translator, condition::name_of, literal_text};
use crate::{
    refusal::{Refusal, What},
    write::Note,
};

/// Names of MySQL that mean what another name means.
const SYNONYMS: [(&str, &str); 9] = [
    ("ceiling", "ceil"),
    ("character_length", "char_length"),
    ("dayofmonth", "day"),
    ("lcase", "lower"),
    ("mid", "substring"),
    ("octet_length", "length"),
    ("pow", "power"),
    ("substr", "substring"),
    ("ucase", "upper"),
];

/// Functions that a plan documents with a condition which Vitess's sessions meet (UTC), or which is the
/// way that text compares.
const SAME_FORM: [&str; 5] =
    ["from_unixtime", "locate", "regexp_like", "regexp_replace", "unix_timestamp"];

/// Functions whose result is one of the bytes of a text.
const OF_BYTES: [&str; 4] = ["hex", "length", "md5", "sha2"];

impl Translator<'_> {
    pub(super) fn call(&self, function: &Function) -> Translated {
        let written = name_of(function);
        let synonym = SYNONYMS.iter().find(|(other, _)| *other == written);
        let name = synonym.map_or(written.as_str(), |(_, name)| name);
        let arguments = self.arguments(function)?;
        match (name, arguments.as_slice()) {
            ("if", [condition, then, otherwise]) => {
                let condition = self.condition(condition, true)?;
                Ok(Out::call("if", &[condition, self.value(then)?, self.value(otherwise)?]))
            }
            ("mod", [left, right]) => self.divided("%", left, right),
            ("date_add" | "adddate", [date, Expr::Interval(interval)]) => {
                self.moved("date_add", date, interval)
            }
            ("date_sub" | "subdate", [date, Expr::Interval(interval)]) => {
                self.moved("date_sub", date, interval)
            }
            ("isnull", [value]) => {
                let is_null = Out::is_null(&self.value(value)?);
                Ok(Out::call("if", &[is_null, Out::atom("1"), Out::atom("0")]))
            }
            ("convert_tz", [_, from, to]) => {
                for zone in [from, to] {
                    let is_known =
                        literal_text(zone).is_some_and(whimbrel_expression::is_time_zone);
                    if !is_known {
                        return self.refuse(
                            zone.span(),
                            "a time zone that is no name of the IANA database and no offset",
                            "write such a name, as 'UTC' or 'Europe/Berlin', or an offset, as '+02:00'",
                        );
                    }
                }
                self.plain(name, &arguments, function)
            }
            ("in_keyrange" | "keyspace_id", _) => self.vindex(name, &arguments, function),
            _ => self.plain(name, &arguments, function),
        }
    }

    /// A function that a plan has under the same name.
    fn plain(&self, name: &str, arguments: &[&Expr], function: &Function) -> Translated {
        let known = functions().find(|known| known.name == name);
        let has_it = known.is_some_and(|known| match known.origin {
            Origin::Mysql => true,
            Origin::MysqlAs(_) => SAME_FORM.contains(&name),
            Origin::Own => false,
        });
        let span = function.name.span();
        if known.is_some() && !has_it {
            return self.unknown(name, span);
        }
        let outs: Vec<Out> =
            arguments.iter().map(|argument| self.value(argument)).collect::<Result<_, _>>()?;
        if matches!(name, "locate" | "regexp_like" | "regexp_replace") {
            self.note_at(Note::Patterns, span);
        } else if matches!(name, "greatest" | "least" | "nullif") {
            self.note_at(Note::Comparisons, span);
        } else if OF_BYTES.contains(&name) {
            self.note_at(Note::Bytes, span);
        } else if matches!(name, "from_unixtime" | "unix_timestamp") {
            self.note(Note::Utc);
        }
        if !has_it {
            // The names of what is not the same each time, and of what counts over rows, are known.
            let probe = Out::call(name, &outs);
            return match whimbrel_expression::parse(&probe.text) {
                Err(problems) => match problems.first().map(|problem| problem.what.as_ref()) {
                    Some(whimbrel_expression::What::NotDeterministic { .. }) => self.refuse(
                        span,
                        format!("`{name}`, which is not the same each time,"),
                        CONSTANT,
                    ),
                    Some(whimbrel_expression::What::Aggregate { .. }) => self.refuse(
                        span,
                        format!("`{name}` at this place"),
                        "a column of the SELECT is COUNT, SUM, MIN, MAX or AVG of an expression; what is \
                         computed of them is computed when it is read",
                    ),
                    _ => self.unknown(name, span),
                },
                Ok(_) => self.unknown(name, span),
            };
        }
        self.checked(Out::call(name, &outs), function.span())
    }

    fn unknown(&self, name: &str, span: sqlparser::tokenizer::Span) -> Translated {
        let of_mysql = functions()
            .filter(|known| known.origin == Origin::Mysql || SAME_FORM.contains(&known.name));
        let instead = match nearest(name, of_mysql.map(|known| known.name)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "plans/functions.md lists the functions of plans".to_owned(),
        };
        let reason = format!("a plan has no function `{name}` as MySQL has it");
        Err(self.sql.refusal(What::Expression { reason, instead }, span))
    }

    /// `in_keyrange(col, 'vindex', '-80')` and `keyspace_id(col, 'vindex')`.
    fn vindex(&self, name: &str, arguments: &[&Expr], function: &Function) -> Translated {
        let whole = function.span();
        let vindex = match (name, arguments) {
            ("keyspace_id", [_, vindex]) | ("in_keyrange", [_, vindex, _]) => vindex,
            ("keyspace_id", _) => {
                return self.refuse(
                    function.name.span(),
                    "`keyspace_id()`, whose vindex is the source's own,",
                    "write keyspace_id(column, 'xxhash') with the column and the type of that vindex",
                );
            }
            _ => {
                return self.refuse(
                    whole,
                    "`in_keyrange` without one column and the type of its vindex",
                    "write in_keyrange(column, 'xxhash', '-80') with the column and the type of the \
                     table's vindex; leave it out if it only picks the rows of a target shard",
                );
            }
        };
        let outs: Vec<Out> =
            arguments.iter().map(|argument| self.value(argument)).collect::<Result<_, _>>()?;
        if outs.get(1).is_some_and(|vindex| vindex.text.contains('.')) {
            return self.refuse(
                vindex.span(),
                "a vindex by its name in a keyspace, whose type the specification does not say,",
                "write its type, such as 'xxhash'",
            );
        }
        self.note(Note::Vindex);
        self.checked(Out::call(name, &outs), whole)
    }

    /// The arguments, of a call that has nothing else.
    pub(crate) fn arguments<'e>(&self, function: &'e Function) -> Result<Vec<&'e Expr>, Refusal> {
        let Function { args, over, filter, null_treatment, within_group, .. } = function;
        if over.is_some()
            || filter.is_some()
            || null_treatment.is_some()
            || !within_group.is_empty()
        {
            let instead = "a column is computed of one row, or of a group by GROUP BY";
            return self.refuse(function.span(), "a window over rows", instead);
        }
        let list = match args {
            FunctionArguments::List(list) => list,
            FunctionArguments::None => {
                return self.refuse(function.span(), format!("`{}`", function.name), CONSTANT);
            }
            FunctionArguments::Subquery(_) => {
                let instead = "materialize the tables one by one";
                return self.refuse(function.span(), "a query inside of the SELECT", instead);
            }
        };
        let is_plain = list.duplicate_treatment.is_none() && list.clauses.is_empty();
        let plain = list.args.iter().map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) if is_plain => Some(expr),
            _ => None,
        });
        match plain.collect::<Option<Vec<_>>>() {
            Some(arguments) => Ok(arguments),
            None => {
                let instead = "count with GROUP BY all that is to differ, or write plain arguments";
                self.refuse(function.span(), "a call with DISTINCT, `*` or clauses", instead)
            }
        }
    }
}
