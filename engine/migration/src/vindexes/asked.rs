//! Which tables vtgate may be asked about.

use std::sync::Arc;

use whimbrel_model::Column;
use whimbrel_mysql::{Session, vtgate, vtgate::TableVindex};
use whimbrel_sharding::VindexError;

use super::uncomputed;
use crate::{
    error::{RunError, TableProblem},
    lookups::Lookup,
    placing::AskedVindex,
    store::StoredTarget,
};

/// A value that every column has a literal of.
const PROBE: &[u8] = b"1";

/// The only column of a vindex that is not computed for the reason `error`.
pub(super) fn only_column(
    columns: Vec<(usize, Column)>,
    error: &VindexError,
) -> Result<(usize, Column), (String, String)> {
    if matches!(error, VindexError::NotComputed { .. }) {
        // What vtgate says today of a value that another table has is not what it says tomorrow.
        return Err(uncomputed(error));
    }
    let count = columns.len();
    <[_; 1]>::try_from(columns).map(|[column]| column).map_err(|_| {
        (
            format!("its vindex is of {count} columns, and vtgate answers for one"),
            "shard the table by a vindex that is computed from its row".to_owned(),
        )
    })
}

/// What is wrong with asking vtgate about a vindex that is computed here.
pub(super) fn needless(vindex: &TableVindex) -> (String, String) {
    (
        format!(
            "the plan asks vtgate where each row goes, and `{}` of ({}), by which the vschema places its rows, \
             is computed without asking",
            vindex.kind,
            vindex.columns.join(", ")
        ),
        "leave `ask_vtgate` out of `sharding`: it is for vindexes that vtgate alone knows"
            .to_owned(),
    )
}

/// Proves that of a target nothing else depends on where its rows are.
pub(super) fn may_be(target: &StoredTarget, lookups: &[Lookup]) -> Result<(), (String, String)> {
    if target.moved_from.is_none() {
        return Err((
            "vtgate is asked where rows go of tables that are moved as they are alone".to_owned(),
            "shard it by a vindex that is computed from its row".to_owned(),
        ));
    }
    lookups.first().map_or(Ok(()), |lookup| {
        Err((
            format!(
                "it owns the lookup vindex `{}`, whose rows have keyspace ids, and these are known to \
                 vtgate alone",
                lookup.vindex
            ),
            "take the lookup vindex out of the vschema and make it anew after the cutover \
             (`vtctldclient LookupVindex create`)"
                .to_owned(),
        ))
    })
}

/// The tables about whose vindexes vtgate does not answer.
///
/// # Errors
///
/// What vtgate says that has nothing to do with them.
pub(super) async fn unanswered(
    session: &mut Session,
    vindexes: impl Iterator<Item = &Arc<AskedVindex>>,
) -> Result<Vec<TableProblem>, RunError> {
    let mut problems = Vec::new();
    for vindex in vindexes {
        let name = (vindex.name.0.as_str(), vindex.name.1.as_str());
        match vtgate::keyspace_ids(session, name, vindex.written(), &[PROBE]).await {
            Ok(_) => {}
            Err(error) if error.class().may_pass() => return Err(error.into()),
            Err(error) => problems.push(TableProblem {
                table: vindex.table.to_string(),
                what: format!("vtgate does not say where its rows go: {error}"),
                remedy: format!(
                    "mend what it says (`SELECT id, keyspace_id FROM {}.{} WHERE id = 1` asks the same), or \
                     shard the table by a vindex that is computed from its row",
                    name.0, name.1
                ),
            }),
        }
    }
    Ok(problems)
}
