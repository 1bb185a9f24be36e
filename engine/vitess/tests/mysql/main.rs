//! What only a real server can prove: a plan keeps the rows that MySQL's WHERE keeps.

#[cfg(test)]
mod random;
#[cfg(test)]
mod rows;

use whimbrel_kit::{Random, mysql_async::prelude::Queryable, shared_source};

use crate::{
    random::Sentences,
    rows::{Outcome, Rows},
};

/// Random conditions: each asks for all rows.
const CONDITIONS: usize = 1_500;

/// A twentieth may be refused: what is written without the parentheses that readers need.
const REFUSED_MAX: usize = CONDITIONS / 20;

#[tokio::test]
async fn a_filter_keeps_the_rows_that_the_servers_where_keeps() {
    let server = shared_source().await.unwrap();
    let mut random = Random::printed("conditions");
    let mut rows = Rows::new(server, &mut random).await;
    let (mut refused, mut failed, mut between) = (Vec::new(), 0, 0);

    for _ in 0..CONDITIONS {
        let condition = Sentences::new(&mut random).condition(3);
        let asked = format!("SELECT id FROM v WHERE {condition} ORDER BY id");
        let Ok(wanted) = rows.connection.query::<u32, _>(&asked).await else {
            // A result beyond its type's range fails there, too.
            failed += 1;
            continue;
        };
        match rows.kept(&condition) {
            Outcome::Kept(found, filter) => {
                assert_eq!(found, wanted, "{condition}\nbecomes\n{filter}");
                between += usize::from(!found.is_empty() && found.len() < rows.count());
            }
            Outcome::Nothing => assert!(wanted.is_empty(), "{condition} is not always false"),
            Outcome::Refused(why) => refused.push(why),
        }
    }

    assert!(refused.len() <= REFUSED_MAX, "{} are refused:\n{}", refused.len(), refused.join("\n"));
    assert!(failed < CONDITIONS / 10, "{failed} fail on the server");
    assert!(between > CONDITIONS / 4, "{between} keep some rows and leave some out");
}
