//! Targets with one row for each group of source rows.

use whimbrel_expression::{Expression, Source, Type, assign, check, nearest, parse};
use whimbrel_model::{Column, ColumnType, Generation, IntWidth};

use super::{
    Binder, BoundColumn, BoundTarget, Origin, Written,
    columns::Planned,
    create::{NewColumn, column_of, plain_options},
    same_name,
};
use crate::{
    definition::{Definition, PieceKind, quoted},
    materialize::{AggregateFunction, AggregateRule, Create},
    problem::MaterializeProblem,
    span::Span,
    spec::OnError,
};

/// A target of groups.
#[derive(Debug, Clone)]
pub struct BoundGroups {
    /// The columns that make a group, as the target declares them; at least one. Each source gives
    /// their values first, in this order.
    pub group_columns: Vec<Column>,
    /// What is counted or summed up, each once, as it is kept of every source row. Each source gives
    /// their values behind those of the group columns, in this order.
    pub arguments: Vec<Column>,
    /// The other columns of the target.
    pub aggregates: Vec<BoundAggregate>,
}

/// A column that is counted or summed up.
#[derive(Debug, Clone)]
pub struct BoundAggregate {
    /// The target's column.
    pub column: Column,
    /// What is done.
    pub function: AggregateFunction,
    /// With which of the arguments; `None` for the number of rows.
    pub argument: Option<usize>,
}

/// An argument that several aggregates may share.
pub(super) struct Argument<'a> {
    /// As written, and whether only its being `NULL` matters.
    text: (String, bool),
    pub(super) planned: Planned<'a>,
    pub(super) column: Column,
}

/// The most digits that a summed value may have: the server cuts a larger sum to 65 digits without a
/// word, and a statement sums a few thousand rows.
const SUMMED_DIGITS_MAX: u8 = 61;
const SUMMED_DIGITS_BEYOND: u8 = SUMMED_DIGITS_MAX + 1;

/// What stands before an argument that is only counted.
const COUNTED_PREFIX: &str = "if (";

const SUM_HELP: &str = "sums are exact: cast it, such as `cast_decimal(x, 20, 4)`";

impl<'a> Binder<'a> {
    pub(super) fn bind_groups(
        &mut self,
        sources: &[Origin<'a>],
        filters: Vec<Option<Expression>>,
    ) -> Option<BoundTarget> {
        let before = self.errors();
        let mut groups = Vec::new();
        for rule in &self.target.groups {
            groups.extend(self.computed(rule, sources));
        }
        let mut arguments: Vec<Argument<'a>> = Vec::new();
        let mut uses = Vec::new();
        for rule in &self.target.aggregates {
            uses.push(self.argument(rule, sources, &mut arguments));
        }
        if self.errors() > before {
            return None;
        }
        let given = match &self.target.create {
            Create::Copy if !self.is_there() => None,
            Create::Copy | Create::Existing | Create::Statement(_) => match self.given()? {
                Some(definition) => Some(definition),
                None => return Some(self.unknown(sources, filters)),
            },
        };
        let group_columns = self.group_columns(sources, &groups, given)?;
        let aggregates = self.aggregates(&arguments, &uses, given)?;
        self.check_group_key(&group_columns, given)?;
        self.check_indexed(&group_columns, &arguments, &uses)?;
        if let Some(given) = given {
            self.check_filled(given, &group_columns, &aggregates)?;
        }
        let statement = match given {
            Some(_) => self.given_statement(),
            None => Some(self.statement(sources, &groups, &group_columns, &aggregates)),
        };
        let planned: Vec<(&Planned<'_>, &Column)> = groups
            .iter()
            .zip(&group_columns)
            .chain(arguments.iter().map(|argument| (&argument.planned, &argument.column)))
            .collect();
        let mut columns = Vec::with_capacity(sources.len());
        for index in 0..sources.len() {
            columns.push(self.values(index, &planned)?);
        }
        let arguments = arguments.into_iter().map(|argument| argument.column).collect();
        let written = Written::Groups(BoundGroups { group_columns, arguments, aggregates });
        let sources = self.bound_sources(sources, filters, columns);
        let (name, is_owned) = (self.name(), false);
        Some(BoundTarget { name, written, is_owned, statement, sources })
    }

    /// The values that a source gives.
    fn values(
        &mut self,
        source_index: usize,
        planned: &[(&Planned<'_>, &Column)],
    ) -> Option<Vec<BoundColumn>> {
        let mut values = Vec::with_capacity(planned.len());
        for (planned, column) in planned {
            let expression = planned.expressions.get(source_index)?;
            values.push(self.assign(planned, expression, column)?);
        }
        Some(values)
    }

    /// The place of an aggregate's argument among `arguments`; `None` for `count()`, and once it is
    /// said what is wrong.
    fn argument(
        &mut self,
        rule: &'a AggregateRule,
        sources: &[Origin<'a>],
        arguments: &mut Vec<Argument<'a>>,
    ) -> Option<usize> {
        let text = rule.argument.as_ref()?;
        let mut expressions: Vec<Expression> =
            sources.iter().filter_map(|source| self.expression(text, source.table)).collect();
        if expressions.len() < sources.len() {
            return None;
        }
        for expression in &expressions {
            self.check_argument(rule, expression, text.at())?;
        }
        let is_counted = rule.function == AggregateFunction::Count;
        let key = (text.text().trim().to_owned(), is_counted);
        let same = |argument: &Argument<'_>| {
            argument.text == key && argument.planned.on_error == rule.on_error
        };
        if let Some(place) = arguments.iter().position(same) {
            return Some(place);
        }
        if is_counted {
            // Of what is counted, only whether it is there is kept.
            let syntax =
                parse(&format!("{COUNTED_PREFIX}{}) == () {{ () }} else {{ 1 }}", key.0)).ok()?;
            expressions = sources
                .iter()
                .filter_map(|source| {
                    let key = |reference: &str| text.key(reference);
                    check(&syntax, &Source::new(source.table).with_secrets(&key)).ok()
                })
                .map(|checked| checked.expression)
                .collect();
        }
        let planned = Planned {
            name: rule.name.name.clone(),
            at: text.at(),
            text: Some(text),
            prefix_bytes: if is_counted { COUNTED_PREFIX.len() } else { 0 },
            expressions,
            on_error: rule.on_error,
        };
        let mut column = match is_counted {
            true => counted_column(&planned.name),
            false => self.argument_column(sources, &planned)?,
        };
        if rule.on_error == OnError::Null {
            column.nullable = true;
        }
        arguments.push(Argument { text: key, planned, column });
        Some(arguments.len() - 1)
    }

    fn check_argument(
        &mut self,
        rule: &AggregateRule,
        argument: &Expression,
        at: Span,
    ) -> Option<()> {
        let kind = &argument.result().kind;
        let name = rule.function.name();
        let (reason, help) = match (rule.function, kind) {
            (AggregateFunction::Count, _) => return Some(()),
            (AggregateFunction::Sum | AggregateFunction::Avg, Type::Double) => (
                format!("`{name}` of a DOUBLE depends on the order of the rows"),
                SUM_HELP.to_owned(),
            ),
            (
                AggregateFunction::Sum | AggregateFunction::Avg,
                Type::Decimal { precision: SUMMED_DIGITS_BEYOND.., scale },
            ) => (
                format!(
                    "`{name}` is of numbers of at most {SUMMED_DIGITS_MAX} digits, and this is {kind}"
                ),
                format!("cast it: `cast_decimal(x, {SUMMED_DIGITS_MAX}, {scale})`"),
            ),
            (
                AggregateFunction::Sum | AggregateFunction::Avg,
                Type::Int { .. } | Type::Decimal { .. },
            ) => return Some(()),
            (AggregateFunction::Sum | AggregateFunction::Avg, other) => {
                (format!("`{name}` is of numbers, and this is {other}"), SUM_HELP.to_owned())
            }
            (
                AggregateFunction::Min | AggregateFunction::Max,
                Type::Json | Type::CopyOnly | Type::Null,
            ) => (
                format!("`{name}` is of values with an order, and this is {kind}"),
                if *kind == Type::Json {
                    "take a value out of it first, such as with `json_extract`"
                } else {
                    "leave it out, or take it of another column"
                }
                .to_owned(),
            ),
            (AggregateFunction::Min | AggregateFunction::Max, _) => return Some(()),
        };
        let column = rule.name.name.clone();
        self.report(MaterializeProblem::Aggregate { column, reason, help }, at);
        None
    }

    /// The group columns as the target declares them.
    fn group_columns(
        &mut self,
        sources: &[Origin<'a>],
        groups: &[Planned<'_>],
        given: Option<&Definition>,
    ) -> Option<Vec<Column>> {
        let mut columns = Vec::with_capacity(groups.len());
        for (group, rule) in groups.iter().zip(&self.target.groups) {
            columns.push(match given {
                None => self.group_column(sources, group)?,
                Some(given) => self.given_column(given, &group.name, rule.name.at)?,
            });
        }
        Some(columns)
    }

    fn given_column(&mut self, given: &Definition, name: &str, at: Span) -> Option<Column> {
        let found = given.columns.iter().find(|column| same_name(&column.name, name));
        if found.is_none() {
            let names = given.columns.iter().map(|column| column.name.as_str());
            let nearest = nearest(name, names);
            let (target, name) = (self.name(), name.to_owned());
            self.report(MaterializeProblem::TargetColumnMissing { target, name, nearest }, at);
        }
        found.cloned()
    }

    fn aggregates(
        &mut self,
        arguments: &[Argument<'_>],
        uses: &[Option<usize>],
        given: Option<&Definition>,
    ) -> Option<Vec<BoundAggregate>> {
        let mut aggregates = Vec::with_capacity(uses.len());
        for (rule, used) in self.target.aggregates.iter().zip(uses) {
            let argument = used.and_then(|place| arguments.get(place));
            let wanted = result_column(rule, argument.map(|argument| &argument.column));
            let column = match given {
                None => wanted,
                Some(given) => {
                    let found = self.given_column(given, &rule.name.name, rule.name.at)?;
                    self.check_result(rule, &wanted, &found, argument)?;
                    found
                }
            };
            aggregates.push(BoundAggregate { column, function: rule.function, argument: *used });
        }
        Some(aggregates)
    }

    /// Whether a given column takes an aggregate's results, as far as types tell; a sum that grows out
    /// of it is refused by the server, and stops the run.
    fn check_result(
        &mut self,
        rule: &AggregateRule,
        wanted: &Column,
        found: &Column,
        argument: Option<&Argument<'_>>,
    ) -> Option<()> {
        let scale_of = |column: &Column| {
            let is_number =
                matches!(column.column_type, ColumnType::Decimal { .. } | ColumnType::Int { .. });
            is_number.then(|| digits(column).1)
        };
        let is_fit = match rule.function {
            AggregateFunction::Count => matches!(
                found.column_type,
                ColumnType::Int { width: IntWidth::Int | IntWidth::Big, .. }
                    | ColumnType::Decimal { .. }
            ),
            AggregateFunction::Sum | AggregateFunction::Avg => scale_of(found) >= scale_of(wanted),
            AggregateFunction::Min | AggregateFunction::Max => argument.is_some_and(|argument| {
                let first = argument.planned.expressions.first();
                let open = Column { nullable: true, ..found.clone() };
                first.is_some_and(|first| assign(first, &open).is_ok())
            }),
        };
        let name = rule.function.name();
        let reason = if !is_fit {
            format!(
                "`{name}` gives {}, and the column is {}",
                wanted.declaration, found.declaration
            )
        } else if wanted.nullable && !found.nullable {
            format!("`{name}` of no values is NULL, and the column is NOT NULL")
        } else {
            return Some(());
        };
        let help = format!("declare it as `{} {}`", rule.name.name, declared(wanted));
        let column = rule.name.name.clone();
        self.report(MaterializeProblem::Aggregate { column, reason, help }, rule.name.at);
        None
    }

    /// The target's key is its groups, in whatever order.
    fn check_group_key(&mut self, groups: &[Column], given: Option<&Definition>) -> Option<()> {
        let target = self.name();
        let names: Vec<&str> = groups.iter().map(|column| column.name.as_str()).collect();
        let is_same = |key: &[&str]| {
            key.len() == names.len()
                && key.iter().all(|key| names.iter().any(|name| same_name(name, key)))
        };
        let differs = |key: &[&str], is_of_plan| MaterializeProblem::KeyOfGroups {
            target: target.clone(),
            is_of_plan,
            found: key.join(", "),
            wanted: names.join(", "),
        };
        if let Some(key) = &self.target.key {
            let key_names: Vec<&str> = key.iter().map(|named| named.name.as_str()).collect();
            if !is_same(&key_names)
                && let Some(first) = key.first()
            {
                self.report(differs(&key_names, true), first.at);
                return None;
            }
        }
        let keys = given
            .into_iter()
            .flat_map(|given| &given.pieces)
            .filter(|piece| matches!(piece.kind, PieceKind::PrimaryKey | PieceKind::UniqueKey));
        for piece in keys {
            let key: Vec<&str> = piece.columns.iter().map(String::as_str).collect();
            if !is_same(&key) {
                self.report(differs(&key, false), self.target.create_at);
                return None;
            }
        }
        let is_nullable = groups.iter().any(|column| column.nullable);
        let has_key = given.is_none_or(|given| given.table.is_some());
        if !has_key && !is_nullable {
            self.report(differs(&[], false), self.target.create_at);
            return None;
        }
        Some(())
    }

    fn check_filled(
        &mut self,
        given: &Definition,
        groups: &[Column],
        aggregates: &[BoundAggregate],
    ) -> Option<()> {
        let before = self.errors();
        for piece in given.pieces.iter().filter(|piece| piece.needs_value) {
            let mut filled = groups.iter().chain(aggregates.iter().map(|shown| &shown.column));
            if !filled.any(|column| same_name(&column.name, &piece.name)) {
                let (target, name) = (self.name(), piece.name.clone());
                let problem = MaterializeProblem::TargetColumnUnfilled { target, name };
                self.report(problem, self.target.name.at);
            }
        }
        (self.errors() == before).then_some(())
    }

    fn statement(
        &self,
        sources: &[Origin<'_>],
        groups: &[Planned<'_>],
        group_columns: &[Column],
        aggregates: &[BoundAggregate],
    ) -> String {
        let options = sources.first().map(|first| plain_options(&first.definition.options));
        let mut pieces: Vec<String> = Vec::new();
        for (group, column) in groups.iter().zip(group_columns) {
            let new = sources.first().and_then(|first| column_of(first, group, None));
            let is_it = |new: &NewColumn| new.column == *column;
            pieces.push(new.filter(is_it).map_or_else(
                || format!("{} {}", quoted(&column.name), declared(column)),
                |new| new.text,
            ));
        }
        for shown in aggregates {
            pieces.push(format!("{} {}", quoted(&shown.column.name), declared(&shown.column)));
        }
        let names: Vec<String> = group_columns.iter().map(|column| quoted(&column.name)).collect();
        // A group whose key is NULL has no place in a primary key.
        let is_nullable = group_columns.iter().any(|column| column.nullable);
        let key = if is_nullable { "KEY `groups`" } else { "PRIMARY KEY" };
        pieces.push(format!("{key} ({})", names.join(",")));
        format!(
            "CREATE TABLE {} (\n  {}\n) {}",
            quoted(&self.name()),
            pieces.join(",\n  "),
            options.unwrap_or_default()
        )
        .trim_end()
        .to_owned()
    }
}

/// What is kept of a value that is only counted.
fn counted_column(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        column_type: ColumnType::Int { width: IntWidth::Tiny, unsigned: false },
        declaration: "tinyint".to_owned(),
        nullable: true,
        generation: Generation::None,
    }
}

/// The column that an aggregate's results go into, with the type that MySQL gives them.
fn result_column(rule: &AggregateRule, argument: Option<&Column>) -> Column {
    let (column_type, declaration, nullable) = match (rule.function, argument) {
        (AggregateFunction::Count, _) | (_, None) => {
            let column_type = ColumnType::Int { width: IntWidth::Big, unsigned: false };
            (column_type, "bigint".to_owned(), false)
        }
        (AggregateFunction::Sum, Some(argument)) => {
            let (precision, scale) = digits(argument);
            // As MySQL: room for as many rows as there can be.
            decimal(precision.saturating_add(22), scale, argument.nullable)
        }
        (AggregateFunction::Avg, Some(argument)) => {
            let (precision, scale) = digits(argument);
            decimal(precision.saturating_add(4), scale.saturating_add(4), argument.nullable)
        }
        (AggregateFunction::Min | AggregateFunction::Max, Some(argument)) => {
            (argument.column_type.clone(), argument.declaration.clone(), argument.nullable)
        }
    };
    let name = rule.name.name.clone();
    Column { name, column_type, declaration, nullable, generation: Generation::None }
}

fn decimal(precision: u8, scale: u8, nullable: bool) -> (ColumnType, String, bool) {
    let (precision, scale) = (precision.min(65), scale.min(30));
    let declaration = format!("decimal({precision},{scale})");
    (ColumnType::Decimal { precision, scale }, declaration, nullable)
}

/// Digits in all and behind the point.
fn digits(column: &Column) -> (u8, u8) {
    if let ColumnType::Decimal { precision, scale } = column.column_type {
        return (precision, scale);
    }
    let ColumnType::Int { width, .. } = column.column_type else { return (20, 0) };
    let digits = match width {
        IntWidth::Tiny => 3,
        IntWidth::Small => 5,
        IntWidth::Medium => 8,
        IntWidth::Int => 10,
        IntWidth::Big => 20,
    };
    (digits, 0)
}

/// A column's type, charset and nullability as SQL.
fn declared(column: &Column) -> String {
    let charset = if let ColumnType::Text { charset, collation } = &column.column_type {
        format!(" CHARACTER SET {charset} COLLATE {collation}")
    } else {
        String::new()
    };
    let null = if column.nullable { " DEFAULT NULL" } else { " NOT NULL" };
    format!("{}{charset}{null}", column.declaration)
}
