//! What is done with the vschema of a keyspace.

use crate::{
    plan::{Plan, Target},
    sharding::{Sharding, TableSharding},
    spec::VschemaPolicy,
    vschema::{Unaddable, VschemaAddition},
};

/// What a run may add to a vschema, as far as the plan alone says it.
pub(super) struct Foreseen {
    /// The statements that it may run, into a vschema that knows nothing yet.
    pub(super) statements: Vec<String>,
    /// What no statement says: the tables, each with what is to be done.
    pub(super) by_hand: Vec<(String, String)>,
}

/// What stands for the column that the source numbers rows by, which the plan does not name.
const NUMBERED: &str = "NUMBERED_COLUMN";

/// What stands for each table, which patterns do not name.
const EACH: &str = "EACH_TABLE";

/// What a run of `plan` may add to its keyspace's vschema; `None` where it adds nothing.
pub(super) fn foreseen(plan: &Plan) -> Option<Foreseen> {
    let Target::Vitess(target) = &plan.target else { return None };
    if target.vschema == VschemaPolicy::Check {
        return None;
    }
    let keyspace = &target.endpoint.database;
    let mut foreseen = Foreseen { statements: Vec::new(), by_hand: Vec::new() };
    let mut there = Vec::new();
    for table in &plan.sharding {
        match VschemaAddition::vindex(keyspace, table, &mut there) {
            Ok(addition) => foreseen.statements.push(addition.to_string()),
            Err(Unaddable::Unsaid) => {}
            Err(why) => {
                foreseen.by_hand.push((table.table.clone(), why.remedy((keyspace, &table.table))));
            }
        }
    }
    foreseen.statements.extend(numbering(keyspace, &plan.sharding));
    let is_placed = |table: &TableSharding| !matches!(table.how, Sharding::Read | Sharding::Asked);
    if !plan.sharding.iter().any(is_placed) {
        let (keyspace, table) = (keyspace.clone(), EACH.to_owned());
        let addition = VschemaAddition::Table { keyspace, table };
        foreseen.statements.push(format!("{addition}, where the keyspace is not sharded"));
    }
    Some(foreseen)
}

/// The statements by which sequences number tables: each sequence is added once.
fn numbering(keyspace: &str, tables: &[TableSharding]) -> Vec<String> {
    let mut statements = Vec::new();
    for table in tables {
        let Some(sequence) = table.sequence.clone() else { continue };
        for added in VschemaAddition::whole_sequence(&sequence).map(|it| it.to_string()) {
            if !statements.contains(&added) {
                statements.push(added);
            }
        }
        let numbered = VschemaAddition::AutoIncrement {
            keyspace: keyspace.to_owned(),
            table: table.table.clone(),
            column: NUMBERED.to_owned(),
            sequence,
        };
        statements.push(numbered.to_string());
    }
    statements
}
