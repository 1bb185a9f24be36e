//! One SELECT as what a target is made of.

use std::collections::BTreeSet;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, Query,
    Select, SelectItem, SetExpr, Spanned, TableFactor, Value, WildcardAdditionalOptions,
};

use crate::{
    refusal::{Refusal, What},
    sql::Sql,
    translate::{Translator, literal_text},
    write::Note,
};

/// What a target is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Made {
    /// The source table.
    pub(crate) from: String,
    pub(crate) filter: Option<String>,
    /// Whether it has all columns of the source, beside those in `columns`.
    pub(crate) has_all: bool,
    /// Names and expressions, in the order of the SELECT.
    pub(crate) columns: Vec<(String, String)>,
    pub(crate) groups: Vec<(String, String)>,
    pub(crate) aggregates: Vec<(String, String)>,
    pub(crate) notes: BTreeSet<Note>,
    /// Where the expressions begin that some of the notes are about.
    pub(crate) places: BTreeSet<(Note, usize)>,
    /// Whether a filter was left out that picks the rows of one target shard.
    pub(crate) is_routed: bool,
}

impl Made {
    /// Whether it is a copy of the source table.
    pub(crate) fn is_copy(&self) -> bool {
        self.has_all && self.filter.is_none() && self.columns.is_empty() && !self.is_grouped()
    }

    pub(crate) fn is_grouped(&self) -> bool {
        !self.groups.is_empty()
    }
}

/// Reads `sql`; `keyspace` is the source's, and `shard` the target's that the SELECT is for, whose own
/// rows it may pick.
///
/// # Errors
///
/// All that cannot be carried over.
pub(crate) fn read(
    sql: Sql<'_>,
    keyspace: Option<&str>,
    shard: Option<&str>,
) -> Result<Made, Vec<Refusal>> {
    let query = sql.query().map_err(|refusal| vec![refusal])?;
    let mut reader = Reader { sql, refusals: Vec::new() };
    reader.clauses_of_query(&query);
    let made = match query.body.as_ref() {
        SetExpr::Select(select) => reader.select(select, keyspace, shard),
        _ => None,
    };
    match made {
        Some(made) if reader.refusals.is_empty() => Ok(made),
        _ => Err(reader.refusals),
    }
}

struct Reader<'t> {
    sql: Sql<'t>,
    refusals: Vec<Refusal>,
}

/// A column of the SELECT.
struct Item<'e> {
    name: String,
    expr: &'e Expr,
}

impl<'t> Reader<'t> {
    fn refuse(&mut self, span: sqlparser::tokenizer::Span, what: &str, instead: &str) {
        let what = What::Sql { what: what.to_owned().into(), instead: instead.to_owned().into() };
        self.refusals.push(self.sql.refusal(what, span));
    }

    /// What stands around a SELECT.
    fn clauses_of_query(&mut self, query: &Query) {
        let Query {
            with,
            body: _,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if let Some(with) = with {
            self.refuse(with.span(), "WITH", "write the SELECT of one table");
        }
        if let Some(order) = order_by {
            self.refuse(order.span(), "ORDER BY", "leave it out: a table has no order");
        }
        if let Some(limit) = limit_clause {
            let instead =
                "keep rows by a condition: which ones a LIMIT keeps changes with each write";
            self.refuse(limit.span(), "LIMIT", instead);
        }
        let has_more = fetch.is_some()
            || !locks.is_empty()
            || for_clause.is_some()
            || settings.is_some()
            || format_clause.is_some()
            || !pipe_operators.is_empty();
        if has_more {
            let instead = "write SELECT, FROM, WHERE and GROUP BY alone";
            self.refuse(query.body.span(), "a clause behind this SELECT", instead);
        }
    }

    fn clauses(&mut self, select: &Select) {
        if select.distinct.is_some() {
            let instead = "write GROUP BY with the same columns";
            self.refuse(select.select_token.0.span, "DISTINCT", instead);
        }
        if let Some(having) = &select.having {
            let instead = "leave it out, and ask for such groups when the target is read";
            self.refuse(having.span(), "HAVING", instead);
        }
        let has_more = select.top.is_some()
            || select.exclude.is_some()
            || select.into.is_some()
            || !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || !select.named_window.is_empty()
            || select.qualify.is_some()
            || select.value_table_mode.is_some()
            || !select.optimizer_hints.is_empty();
        if has_more {
            let instead = "write SELECT, FROM, WHERE and GROUP BY alone";
            self.refuse(select.select_token.0.span, "a clause of this SELECT", instead);
        }
    }

    fn select(
        &mut self,
        select: &Select,
        keyspace: Option<&str>,
        shard: Option<&str>,
    ) -> Option<Made> {
        self.clauses(select);
        let (from, qualifiers) = self.from(select, keyspace)?;
        let translator = Translator::new(self.sql, qualifiers);
        let mut made = Made { from, ..Made::default() };
        if let Some(condition) = &select.selection {
            let mut parts = Vec::new();
            and_parts(condition, &mut parts);
            let count = parts.len();
            parts.retain(|part| shard.is_none_or(|shard| !picks(part, shard)));
            made.is_routed = parts.len() < count;
            if !parts.is_empty() {
                made.filter = self.kept(translator.filter(&parts));
            }
        }
        let items = self.items(select, &mut made);
        self.unique(&items);
        let groups = self.group_by(select)?;
        let has_aggregate = items.iter().any(|item| aggregate(item.expr).is_some());
        if groups.is_empty() && !has_aggregate {
            for item in items {
                let value = self.kept(translator.column_value(item.expr));
                made.columns.extend(value.map(|value| (item.name, value)));
            }
        } else {
            self.grouped(&translator, (&items, groups), &mut made);
        }
        (made.notes, made.places) = translator.into_notes();
        Some(made)
    }

    fn kept(&mut self, out: Result<crate::translate::Out, Refusal>) -> Option<String> {
        match out {
            Ok(out) => Some(out.into_text()),
            Err(refusal) => {
                self.refusals.push(refusal);
                None
            }
        }
    }

    /// The source table, and the names that its columns may have in front.
    fn from(&mut self, select: &Select, keyspace: Option<&str>) -> Option<(String, Vec<String>)> {
        let one = "a table for each SELECT: a plan reads one row at a time";
        let [from] = select.from.as_slice() else {
            let span = select.from.first().map_or(select.select_token.0.span, Spanned::span);
            self.refuse(span, "a SELECT that is not from one table", one);
            return None;
        };
        if let Some(join) = from.joins.first() {
            self.refuse(join.relation.span(), "a join", one);
            return None;
        }
        let TableFactor::Table { name, alias, args, partitions, index_directives, sample, .. } =
            &from.relation
        else {
            self.refuse(from.relation.span(), "a query inside of the SELECT", one);
            return None;
        };
        let is_plain = args.is_none() && partitions.is_empty() && sample.is_none();
        if !is_plain || !index_directives.is_empty() {
            let instead = "write the table's name alone";
            self.refuse(name.span(), "what stands behind the table's name", instead);
        }
        let parts: Option<Vec<&Ident>> =
            name.0.iter().map(sqlparser::ast::ObjectNamePart::as_ident).collect();
        let table = match parts.as_deref() {
            Some([table]) => *table,
            Some([qualifier, table]) if keyspace == Some(qualifier.value.as_str()) => *table,
            _ => {
                let instead = "name a table of the source keyspace";
                self.refuse(name.span(), "a table of another keyspace", instead);
                return None;
            }
        };
        let alias = alias.as_ref().map(|alias| alias.name.value.clone());
        Some((table.value.clone(), vec![alias.unwrap_or_else(|| table.value.clone())]))
    }

    fn items<'e>(&mut self, select: &'e Select, made: &mut Made) -> Vec<Item<'e>> {
        let mut items = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)
                    if is_plain(options) && !made.has_all =>
                {
                    made.has_all = true;
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    items.push(Item { name: alias.value.clone(), expr });
                }
                SelectItem::UnnamedExpr(expr) => match expr {
                    Expr::Identifier(name) => {
                        items.push(Item { name: name.value.clone(), expr });
                    }
                    Expr::CompoundIdentifier(names) => {
                        let name = names.last().map(|name| name.value.clone());
                        items.push(Item { name: name.unwrap_or_default(), expr });
                    }
                    _ => {
                        let instead = "name the target's column: `… AS name`";
                        self.refuse(expr.span(), "a column without a name", instead);
                    }
                },
                other => {
                    self.refuse(
                        other.span(),
                        "this column",
                        "write `*`, or an expression AS a name",
                    );
                }
            }
        }
        items
    }

    fn unique(&mut self, items: &[Item<'_>]) {
        let mut seen = BTreeSet::new();
        for item in items {
            if !seen.insert(item.name.to_lowercase()) {
                let what = What::Twice { name: item.name.clone() };
                self.refusals.push(self.sql.refusal(what, item.expr.span()));
            }
        }
    }

    fn group_by<'e>(&mut self, select: &'e Select) -> Option<&'e [Expr]> {
        let GroupByExpr::Expressions(groups, modifiers) = &select.group_by else {
            self.refuse(select.select_token.0.span, "GROUP BY ALL", "name the columns");
            return None;
        };
        if let (Some(first), false) = (groups.first(), modifiers.is_empty()) {
            let instead = "materialize the totals as a target of their own";
            self.refuse(first.span(), "GROUP BY with totals", instead);
        }
        Some(groups)
    }

    fn grouped(
        &mut self,
        translator: &Translator<'t>,
        (items, groups): (&[Item<'_>], &[Expr]),
        made: &mut Made,
    ) {
        let whole = items.first().map_or(sqlparser::tokenizer::Span::empty(), |it| it.expr.span());
        if groups.is_empty() {
            let instead = "write GROUP BY with a constant, which is selected, too: `1 AS all_rows`";
            self.refuse(whole, "one row for all rows, which a SELECT gives of no row,", instead);
        }
        if made.has_all {
            self.refuse(whole, "`*` beside groups", "name the columns that make a group");
        }
        let mut plain: Vec<(&Item<'_>, String)> = Vec::new();
        for item in items {
            if let Some((name, function)) = aggregate(item.expr) {
                let call = self.aggregate(translator, name, function);
                made.aggregates.extend(call.map(|call| (item.name.clone(), call)));
            } else if let Some(value) = self.kept(translator.column_value(item.expr)) {
                plain.push((item, value));
            }
        }
        if !self.refusals.is_empty() {
            // A group that is one of the columns refused would be refused for no reason of its own.
            return;
        }
        let used = self.columns_read(&plain, made);
        let mut is_group = vec![false; plain.len()];
        for group in groups {
            match self.group(translator, group, (&plain, &used)) {
                Some(index) => is_group[index] = true,
                None => continue,
            }
        }
        if !self.refusals.is_empty() {
            return;
        }
        for ((item, value), is_group) in plain.into_iter().zip(is_group) {
            if is_group {
                made.groups.push((item.name.clone(), value));
            } else {
                let instead = "add it to GROUP BY, or count with COUNT, SUM, MIN, MAX or AVG";
                let what = "a column that neither makes a group nor counts over one";
                self.refuse(item.expr.span(), what, instead);
            }
        }
    }

    /// The names of the columns that the SELECT reads.
    fn columns_read(&self, plain: &[(&Item<'_>, String)], made: &Made) -> BTreeSet<String> {
        let texts = plain.iter().map(|(_, value)| value.as_str());
        let inside = |call: &'_ str| {
            let inner = call.split_once('(').map_or("", |(_, inner)| inner);
            inner.strip_suffix(')').unwrap_or_default().to_owned()
        };
        let counted: Vec<String> = made.aggregates.iter().map(|(_, call)| inside(call)).collect();
        let texts = texts.chain(counted.iter().map(String::as_str)).chain(made.filter.as_deref());
        let syntaxes = texts.filter_map(|text| whimbrel_expression::parse(text).ok());
        syntaxes
            .flat_map(|syntax| {
                syntax.columns().into_iter().map(str::to_lowercase).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The column of the SELECT that `group` is: by its name, as Vitess reads it, or as an expression.
    fn group(
        &mut self,
        translator: &Translator<'t>,
        group: &Expr,
        (plain, used): (&[(&Item<'_>, String)], &BTreeSet<String>),
    ) -> Option<usize> {
        if let Expr::Value(value) = group
            && let Value::Number(..) = value.value
        {
            self.refuse(group.span(), "GROUP BY with a number", "name the column");
            return None;
        }
        if let Expr::Identifier(name) = group {
            let is_named =
                |(item, _): &(&Item<'_>, String)| item.name.eq_ignore_ascii_case(&name.value);
            if let Some(index) = plain.iter().position(is_named) {
                let is_itself = plain.get(index).is_some_and(|(item, _)| is_column(item));
                if !is_itself && used.contains(&name.value.to_lowercase()) {
                    let what =
                        "a name in GROUP BY that is a source's column and another expression";
                    self.refuse(group.span(), what, "give the expression another name");
                    return None;
                }
                return Some(index);
            }
        }
        let value = self.kept(translator.column_value(group))?;
        let found = plain.iter().position(|(_, other)| *other == value);
        if found.is_none() {
            let instead = "select it, too: it is a part of the target's key";
            self.refuse(group.span(), "a group that is not selected", instead);
        }
        found
    }

    fn aggregate(
        &mut self,
        translator: &Translator<'t>,
        name: &str,
        function: &Function,
    ) -> Option<String> {
        if name == "count" && counts_rows(function) {
            return Some("count()".to_owned());
        }
        let arguments = match translator.arguments(function) {
            Ok(arguments) => arguments,
            Err(refusal) => {
                self.refusals.push(refusal);
                return None;
            }
        };
        let [argument] = arguments.as_slice() else {
            self.refuse(function.span(), "a count of several values", "count one of them");
            return None;
        };
        let value = self.kept(translator.column_value(argument))?;
        Some(format!("{name}({value})"))
    }
}

/// `*` and nothing else.
fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none()
}

/// Whether the item is the column of its own name.
fn is_column(item: &Item<'_>) -> bool {
    match item.expr {
        Expr::Identifier(name) => name.value.eq_ignore_ascii_case(&item.name),
        Expr::CompoundIdentifier(names) => {
            names.last().is_some_and(|name| name.value.eq_ignore_ascii_case(&item.name))
        }
        _ => false,
    }
}

/// The aggregate function that `expr` calls.
fn aggregate(expr: &Expr) -> Option<(&'static str, &Function)> {
    let mut expr = expr;
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    let Expr::Function(function) = expr else { return None };
    let written = function.name.to_string();
    let names = ["count", "sum", "min", "max", "avg"];
    let name = names.into_iter().find(|name| written.eq_ignore_ascii_case(name))?;
    Some((name, function))
}

/// `count(*)` and `count(1)`.
fn counts_rows(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    let is_plain = list.duplicate_treatment.is_none()
        && list.clauses.is_empty()
        && function.over.is_none()
        && function.filter.is_none();
    is_plain
        && match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] => true,
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] => {
                matches!(value.value, Value::Number(..))
            }
            _ => false,
        }
}

/// The parts of a condition that all have to be true.
fn and_parts<'e>(expr: &'e Expr, parts: &mut Vec<&'e Expr>) {
    let mut rest = expr;
    let mut last = Vec::new();
    while let Expr::BinaryOp { left, op: sqlparser::ast::BinaryOperator::And, right } = rest {
        last.push(right.as_ref());
        rest = left;
    }
    parts.push(rest);
    parts.extend(last.into_iter().rev());
}

/// Whether `expr` is the call that picks the rows of the target shard `shard`.
fn picks(expr: &Expr, shard: &str) -> bool {
    let Expr::Function(function) = expr else { return false };
    let FunctionArguments::List(list) = &function.args else { return false };
    let last = match list.args.last() {
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(last))) => literal_text(last),
        _ => None,
    };
    function.name.to_string().eq_ignore_ascii_case("in_keyrange") && last == Some(shard)
}
