//! Definitions as binding needs them: of a server, of a text, or as kept with the state.

use std::collections::BTreeMap;

use whimbrel_model::Table;
use whimbrel_mysql::{
    catalog::Description,
    ddl::{DefinedPiece, DefinedTable, ItemKind, defined_tables},
};
use whimbrel_plan::{
    Bound, Create, Definition, Definitions, Piece, PieceKind, Plan, PlanError, SchemaFile,
    also_moved, bind,
};

/// The plan bound to the tables that its schema files define, without a server: `source` and `target` are
/// the files' texts. `None` without a file for the source.
///
/// # Errors
///
/// Everything that does not fit, with its place in the plan.
pub fn bind_offline(
    plan: &Plan,
    source: Option<&str>,
    target: Option<&str>,
) -> Result<Option<Bound>, Vec<PlanError>> {
    let Some(source) = source else { return Ok(None) };
    let sources = read(plan.source.schema.as_ref(), &plan.source.database, source)?;
    let is_target_known = target.is_some();
    let mut targets: BTreeMap<String, Definition> = match target {
        None => BTreeMap::new(),
        Some(text) => {
            read(plan.target.endpoint().schema.as_ref(), &plan.target.endpoint().database, text)?
                .into_iter()
                .map(|definition| (definition.name.clone(), definition))
                .collect()
        }
    };
    let is_existing = |name: &String| {
        let mut made = plan.materialized.iter();
        made.any(|made| made.name.name == *name && made.create == Create::Existing)
    };
    targets.retain(|name, _| is_existing(name));
    let source_names: Vec<String> = sources.iter().map(|table| table.name.clone()).collect();
    let mut problems = match plan.selection.select(&source_names) {
        Ok(selected) => [selected.warnings, also_moved(plan, &selected.tables)].concat(),
        Err(problems) => problems,
    };
    let unreadable = of_plan(plan, &mut targets);
    let definitions = Definitions {
        sources,
        source_names,
        targets,
        unreadable,
        are_all_targets_known: is_target_known,
    };
    let bound = bind(plan, &definitions);
    match bound {
        Ok(mut bound) if !problems.iter().any(PlanError::is_error) => {
            bound.warnings.splice(0..0, problems);
            return Ok(Some(bound));
        }
        Ok(bound) => problems.extend(bound.warnings),
        Err(errors) => problems.extend(errors),
    }
    Err(problems)
}

fn read(
    file: Option<&SchemaFile>,
    database: &str,
    text: &str,
) -> Result<Vec<Definition>, Vec<PlanError>> {
    match defined_tables(text) {
        Ok(tables) => Ok(tables.iter().map(|table| of_text(database, table)).collect()),
        Err(error) => {
            let problem = |file| PlanError::schema_file(file, error.to_string());
            Err(file.map(problem).into_iter().collect())
        }
    }
}

/// Adds the tables that definitions in the plan make to `targets`; why the others cannot be read.
pub(super) fn of_plan(
    plan: &Plan,
    targets: &mut BTreeMap<String, Definition>,
) -> BTreeMap<String, String> {
    let mut unreadable = BTreeMap::new();
    for made in &plan.materialized {
        let Create::Statement(text) = &made.create else { continue };
        let name = made.name.name.clone();
        match defined_tables(text).as_deref() {
            Ok([only]) => {
                targets.insert(name, of_text(&plan.target.endpoint().database, only));
            }
            Ok([]) => {
                unreadable.insert(name, "it defines no table".to_owned());
            }
            Ok(_) => {
                unreadable.insert(name, "it defines several tables".to_owned());
            }
            Err(error) => {
                unreadable.insert(name, error.to_string());
            }
        }
    }
    unreadable
}

/// A table that a text defines.
pub(super) fn of_text(database: &str, table: &DefinedTable) -> Definition {
    Definition {
        name: table.name.clone(),
        columns: table.columns.clone(),
        table: table.keyed(database),
        pieces: table.pieces.iter().map(piece).collect(),
        options: table.options.clone(),
    }
}

/// A table of a server, with the key that its rows are told apart by, if it has one.
pub(crate) fn definition(description: &Description, table: Option<&Table>) -> Definition {
    // What the server prints is read once more, for what its catalog does not say of columns.
    let texts: Vec<&str> =
        description.create.items().iter().map(|item| item.text.as_str()).collect();
    let text = format!("CREATE TABLE `t` ({})", texts.join(","));
    let read = defined_tables(&text).unwrap_or_default().pop();
    let pieces = read.map(|read| read.pieces.iter().map(piece).collect()).unwrap_or_default();
    Definition {
        name: description.name.clone(),
        columns: description.columns.iter().map(|column| column.column.clone()).collect(),
        table: table.cloned(),
        pieces,
        options: description.create.options().to_owned(),
    }
}

/// A table as it is kept: nothing but its columns and its key.
pub(super) fn kept(table: &Table) -> Definition {
    Definition {
        name: table.name().to_owned(),
        columns: table.columns().to_vec(),
        table: Some(table.clone()),
        pieces: Vec::new(),
        options: String::new(),
    }
}

fn piece(piece: &DefinedPiece) -> Piece {
    Piece {
        kind: match piece.kind {
            ItemKind::Column => PieceKind::Column,
            ItemKind::PrimaryKey => PieceKind::PrimaryKey,
            ItemKind::UniqueKey => PieceKind::UniqueKey,
            ItemKind::Index => PieceKind::Index,
            ItemKind::ForeignKey | ItemKind::Check => PieceKind::Constraint,
        },
        name: piece.name.clone(),
        columns: piece.columns.clone(),
        text: piece.text.clone(),
        needs_value: piece.needs_value,
    }
}
