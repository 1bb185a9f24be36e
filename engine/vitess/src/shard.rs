//! Shards by their names.

/// Whether the shards together are all of a keyspace.
pub(crate) fn are_all<'s>(names: impl IntoIterator<Item = &'s str>) -> bool {
    let mut ranges: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    for name in names {
        match range(name) {
            // A shard whose name is no range is all of its keyspace.
            None => return true,
            Some(range) => ranges.push(range),
        }
    }
    ranges.sort();
    let mut reached: Option<Vec<u8>> = Some(Vec::new());
    for (start, end) in ranges {
        let Some(so_far) = &reached else { return true };
        if start > *so_far {
            return false;
        }
        reached = end.map(|end| end.max(so_far.clone()));
    }
    reached.is_none()
}

/// Whether `text` is written as the name of a shard that is a range.
pub(crate) fn is_range(text: &str) -> bool {
    range(text).is_some()
}

/// The first key and the one behind the last; none of the latter for no bound.
fn range(name: &str) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let (start, end) = name.split_once('-')?;
    let (start, end) = (bytes(start)?, bytes(end)?);
    Some((start, (!end.is_empty()).then_some(end)))
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let is_hex = digits.len().is_multiple_of(2) && digits.bytes().all(|it| it.is_ascii_hexdigit());
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    is_hex.then(|| pairs.map(byte).collect::<Option<Vec<u8>>>())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_all_when_none_is_missing() {
        for (names, is_all) in [
            (&["0"][..], true),
            (&["-"], true),
            (&["-80", "80-"], true),
            (&["c0-", "-40", "40-c0"], true),
            (&["-80"], false),
            (&["80-"], false),
            (&["-40", "80-"], false),
            (&["-40", "40-80"], false),
            (&["-80", "-80", "80-"], true),
            (&[], false),
        ] {
            assert_eq!(are_all(names.iter().copied()), is_all, "{names:?}");
        }
    }
}
