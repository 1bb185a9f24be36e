//! Shards by their names.

use whimbrel_sharding::{KeyRange, Shards};

/// Whether the shards together are all of a keyspace, each once.
pub(crate) fn are_all<'s>(names: impl IntoIterator<Item = &'s str>) -> bool {
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    Shards::new(&names).is_ok()
}

/// Whether `text` is written as the name of a shard that is a range.
pub(crate) fn is_range(text: &str) -> bool {
    text.contains('-') && text.parse::<KeyRange>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_all_when_none_is_missing() {
        for (names, is_all) in [
            (&["0"][..], true),
            (&["-"], true),
            (&["c0-", "-40", "40-c0"], true),
            (&["-80"], false),
            (&["-40", "80-"], false),
            (&["-80", "80-", "80-c0"], false),
            (&[], false),
        ] {
            assert_eq!(are_all(names.iter().copied()), is_all, "{names:?}");
        }
    }

    #[test]
    fn ranges_are_written_around_a_dash() {
        for (text, is) in [("-80", true), ("-", true), ("0", false), ("-8", false), ("x-y", false)]
        {
            assert_eq!(is_range(text), is, "{text}");
        }
    }
}
