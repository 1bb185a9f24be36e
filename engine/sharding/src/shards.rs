//! The shards of a keyspace.

use thiserror::Error;

use crate::{KeyRange, KeyRangeError, KeyspaceId};

/// The shards of a keyspace, in the order of their key ranges.
///
/// Invariant: at least one, and every keyspace id is on exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shards {
    names: Vec<String>,
    /// Where each but the first begins.
    borders: Vec<Box<[u8]>>,
}

/// Why names are not the shards of a keyspace.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ShardsError {
    /// There are none.
    #[error("the keyspace has no shard")]
    None,
    /// A name is no key range.
    #[error("a shard has a name that is no key range")]
    Name(#[from] KeyRangeError),
    /// Some keyspace ids are on no shard.
    #[error("no shard is `{missing}`, between those that are there")]
    Gap {
        /// The keyspace ids that are on none.
        missing: KeyRange,
    },
    /// Some keyspace ids are on two.
    #[error("the shards `{one}` and `{other}` overlap")]
    Overlap {
        /// The one that begins first.
        one: String,
        /// The other.
        other: String,
    },
}

impl Shards {
    /// Shards of their names, in any order. A name without a dash is that of a keyspace's only shard.
    ///
    /// # Errors
    ///
    /// [`ShardsError`], if the names do not partition all keyspace ids. A keyspace that is being resharded
    /// has overlapping shards, of which only some serve.
    pub fn new(names: &[String]) -> Result<Self, ShardsError> {
        let mut shards = Vec::new();
        for name in names {
            let range = if name.contains('-') { name.parse()? } else { KeyRange::all() };
            shards.push((name, range));
        }
        shards.sort_by(|(_, one), (_, other)| one.start().cmp(other.start()));

        let Some(((first, range), rest)) = shards.split_first() else {
            return Err(ShardsError::None);
        };
        if !range.start().is_empty() {
            return Err(ShardsError::Gap { missing: KeyRange::between(&[], Some(range.start())) });
        }
        let (mut last, mut end) = (*first, range.end());
        for (name, range) in rest {
            if end.is_none_or(|end| range.start() < end) {
                return Err(ShardsError::Overlap { one: last.clone(), other: (*name).clone() });
            }
            if end.is_some_and(|end| range.start() > end) {
                let missing = KeyRange::between(end.unwrap_or_default(), Some(range.start()));
                return Err(ShardsError::Gap { missing });
            }
            (last, end) = (*name, range.end());
        }
        if let Some(end) = end {
            return Err(ShardsError::Gap { missing: KeyRange::between(end, None) });
        }
        Ok(Self {
            borders: rest.iter().map(|(_, range)| range.start().into()).collect(),
            names: shards.into_iter().map(|(name, _)| name.clone()).collect(),
        })
    }

    /// Their names as given, in the order of their key ranges.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Which of the [names](Self::names) a keyspace id is on.
    #[must_use]
    pub fn of(&self, id: &KeyspaceId) -> usize {
        self.borders.partition_point(|border| border.as_ref() <= id.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(names: &[&str]) -> Result<Shards, ShardsError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Shards::new(&names)
    }

    #[test]
    fn every_keyspace_id_is_on_the_shard_whose_range_has_it() {
        for names in [&["80-", "-80"][..], &["c0-", "-40", "40-80", "80-c000"], &["0"], &["-"]] {
            let shards = shards(names).unwrap();

            for id in
                [&[][..], &[0], &[0x3f, 0xff], &[0x40], &[0x80], &[0x80, 0], &[0xbf], &[0xff; 9]]
            {
                let id = KeyspaceId::from(id);
                let range: KeyRange = shards.names()[shards.of(&id)].parse().unwrap();
                assert!(range.contains(&id), "{id} of {names:?}");
            }
        }
        assert_eq!(shards(&["80-", "-80"]).unwrap().names(), ["-80", "80-"]);
        assert_eq!(shards(&["only"]).unwrap().of(&KeyspaceId::from(&[0xff][..])), 0);
    }

    #[test]
    fn shards_that_are_no_partition_are_refused() {
        let gap = |range: &str| Err(ShardsError::Gap { missing: range.parse().unwrap() });
        let overlap = |one: &str, other: &str| {
            Err(ShardsError::Overlap { one: one.to_owned(), other: other.to_owned() })
        };
        for (names, refused) in [
            (&[][..], Err(ShardsError::None)),
            (&["80-"], gap("-80")),
            (&["-80"], gap("80-")),
            (&["-40", "80-"], gap("40-80")),
            (&["-80", "-80", "80-"], overlap("-80", "-80")),
            (&["-80", "40-"], overlap("-80", "40-")),
            (&["-", "80-"], overlap("-", "80-")),
            (&["0", "1"], overlap("0", "1")),
            (&["-80", "80-80"], Err(KeyRangeError::Empty { text: "80-80".to_owned() }.into())),
        ] {
            assert_eq!(shards(names), refused, "{names:?}");
        }
    }
}
