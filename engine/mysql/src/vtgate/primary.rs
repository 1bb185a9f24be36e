//! Which server vtgate sends a shard's statements to.

use crate::{
    error::Error,
    finding::Finding,
    session::{Session, unexpected},
};

/// The UUID of the server behind a session, in lower case: with a server itself, or of a shard through vtgate.
///
/// By the server's own table, since vtgate answers `@@server_uuid` as it likes.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn server_behind(session: &mut Session) -> Result<String, Error> {
    let doing = "asking which server answers";
    let sql = "SELECT VARIABLE_VALUE AS uuid FROM performance_schema.global_variables \
               WHERE VARIABLE_NAME = 'server_uuid'";
    let rows = session.query_for(doing, sql).await?;
    let row = rows.first().ok_or_else(|| unexpected(doing, "no row"))?;
    Ok(row.text("uuid")?.to_ascii_lowercase())
}

/// What stands in the way of writing to the shards of `keyspace`, which are `serving`, by servers that a plan
/// `named`.
#[must_use]
pub fn tablets_finding(keyspace: &str, serving: &[String], named: &[&str]) -> Option<Finding> {
    let is_named = |shard: &String| named.contains(&shard.as_str());
    let is_same = named.len() == serving.len() && serving.iter().all(is_named);
    (!is_same).then(|| {
        Finding::refusal(
            "vitess-tablets",
            format!(
                "the plan names servers for the shards `{}`, and `{}` serve keyspace `{keyspace}`",
                named.join("`, `"),
                serving.join("`, `")
            ),
            "each shard's rows go straight to its server, or those of all through vtgate",
            "name each shard that serves once in `target.vitess.tablets`, or leave `tablets` out",
        )
    })
}

/// What stands in the way of writing a shard's rows to the server at `address`, which is `found`, while vtgate
/// writes to the one of `primaries` that is the shard's.
#[must_use]
pub fn primary_finding(
    (shard, address): (&str, &str),
    found: &str,
    primaries: &[(&str, String)],
) -> Option<Finding> {
    let primary = primaries.iter().find(|(name, _)| *name == shard).map(|(_, uuid)| uuid.as_str());
    if primary == Some(found) {
        return None;
    }
    let of_other = primaries.iter().find(|(_, uuid)| uuid == found);
    let what = of_other.map_or_else(
        || {
            format!(
                "its `server_uuid` is {found}, and that of the primary {}",
                primary.unwrap_or("not known")
            )
        },
        |(other, _)| format!("it is that of shard `{other}`"),
    );
    Some(Finding::refusal(
        "vitess-tablet-not-primary",
        format!("the server at {address} is not that of the primary of shard `{shard}`: {what}"),
        "rows would be on another shard, or lost",
        format!(
            "name the server of the shard's primary tablet under `target.vitess.tablets.{shard}`: \
             `SHOW VITESS_TABLETS` at vtgate lists them"
        ),
    ))
}

/// What stands in the way of writing a shard's rows to what answers at `address`, a vtgate.
#[must_use]
pub fn not_a_server_finding(shard: &str, address: &str) -> Finding {
    Finding::refusal(
        "vitess-tablet-is-vtgate",
        format!("a vtgate answers at {address}, which the plan names for shard `{shard}`"),
        "rows go past vtgate, straight to the MySQL server of the shard's primary tablet",
        format!(
            "name that server under `target.vitess.tablets.{shard}` (`SHOW VITESS_TABLETS` at vtgate lists the \
             tablets, each of which knows its own), or leave `tablets` out"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_shards_primary_or_it_is_said_whose_it_is() {
        let primaries = [("-80", "a".to_owned()), ("80-", "b".to_owned())];
        let saw = |shard, found| {
            primary_finding((shard, "db:3306"), found, &primaries).map(|finding| finding.saw)
        };

        assert_eq!(saw("-80", "a"), None);
        let texts = [
            (saw("-80", "b"), "of shard `-80`: it is that of shard `80-`"),
            (saw("80-", "c"), "its `server_uuid` is c, and that of the primary b"),
        ];
        for (saw, text) in texts {
            assert!(saw.as_ref().is_some_and(|saw| saw.ends_with(text)), "{saw:?}");
        }
    }

    #[test]
    fn every_serving_shard_is_named_and_no_other() {
        let serving = ["-80".to_owned(), "80-".to_owned()];
        for (named, is_right) in [
            (["80-", "-80"].as_slice(), true),
            (&["-80"], false),
            (&["-80", "80-", "0"], false),
            (&["-80", "80-c0"], false),
            (&["-80", "-80"], false),
        ] {
            let found = tablets_finding("commerce", &serving, named);
            assert_eq!(found.is_none(), is_right, "{named:?}");
        }
    }
}
