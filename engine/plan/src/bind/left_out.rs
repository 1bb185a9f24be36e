//! What a table that is made after its source's does not have of it.

use super::{Binder, Origin, columns::Planned, same_name};
use crate::{
    definition::{Piece, PieceKind},
    problem::MaterializeProblem,
};

impl Binder<'_> {
    /// Warns of what the first source's definition has and the target's, made with `kept` of its indexes,
    /// has not. Columns that the plan does not want, and indexes of them, are meant to stay behind.
    pub(super) fn warn_of_left_out(
        &mut self,
        sources: &[Origin<'_>],
        planned: &[Planned<'_>],
        kept: &[&Piece],
    ) {
        let Some(first) = sources.first() else { return };
        let definition = first.definition;
        let is_planned = |name: &String| planned.iter().any(|value| same_name(&value.name, name));
        let mut parts = Vec::new();
        let wants_all = self.target.except.is_some() || self.target.columns.is_empty();
        let carried = |name: &str| first.table.carried_columns().any(|column| column.name == name);
        for piece in &definition.pieces {
            match piece.kind {
                PieceKind::Column => {
                    let excepted = self.target.except.iter().flatten();
                    let is_excepted =
                        excepted.into_iter().any(|it| same_name(&it.name, &piece.name));
                    if wants_all
                        && !carried(&piece.name)
                        && !is_excepted
                        && !is_planned(&piece.name)
                    {
                        parts.push(format!("the computed column `{}`", piece.name));
                    }
                }
                PieceKind::PrimaryKey => {}
                PieceKind::Index | PieceKind::UniqueKey => {
                    let is_wanted = piece.columns.iter().all(is_planned);
                    if is_wanted && !kept.contains(&piece) && !self.is_own_key(piece) {
                        let unique =
                            if piece.kind == PieceKind::UniqueKey { "unique " } else { "" };
                        parts.push(format!("the {unique}index `{}`", piece.name));
                    }
                }
                PieceKind::Constraint => parts.push(match piece.name.as_str() {
                    "" => "a constraint".to_owned(),
                    name => format!("the constraint `{name}`"),
                }),
            }
        }
        if definition.options.to_ascii_uppercase().contains("PARTITION BY") {
            parts.push("the partitions".to_owned());
        }
        if !parts.is_empty() {
            let (target, source) = (self.name(), definition.name.clone());
            let problem = MaterializeProblem::LeftOut { target, source_table: source, parts };
            self.report(problem, self.target.name.at);
        }
    }

    /// Whether the plan makes an index of the source the target's key.
    fn is_own_key(&self, piece: &Piece) -> bool {
        let Some(key) = &self.target.key else { return false };
        key.len() == piece.columns.len()
            && key.iter().zip(&piece.columns).all(|(own, column)| same_name(&own.name, column))
    }
}
