//! Global transaction identifiers and sets of them.

use std::{cmp::Ordering, collections::BTreeMap, fmt, str::FromStr};

use thiserror::Error;

/// Who numbered a transaction: a server's UUID, and a tag or none.
///
/// Source: MySQL, `GTID Format and Storage`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceId {
    /// The UUID's 16 bytes.
    pub uuid: [u8; 16],
    /// The tag, lower case, at most 32 characters; empty for none.
    pub tag: String,
}

impl SourceId {
    fn number(&self) -> u128 {
        u128::from_be_bytes(self.uuid)
    }

    fn is_untagged(&self) -> bool {
        self.tag.is_empty()
    }
}

/// As of the fields in their order. Every transaction is looked for in several sets, which comparing
/// by bytes made a tenth of all that following costs.
impl Ord for SourceId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number()).then_with(|| {
            if self.is_untagged() && other.is_untagged() {
                return Ordering::Equal;
            }
            self.tag.cmp(&other.tag)
        })
    }
}

impl PartialOrd for SourceId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The identifier of one transaction, printed `uuid:number` or `uuid:tag:number`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gtid {
    /// Who numbered it.
    pub source: SourceId,
    /// 1 to 2^63 - 2.
    pub number: u64,
}

/// A set of transactions.
///
/// Invariant: per source, the intervals (first and last included) are ascending and neither touch
/// nor overlap, and no source is without one; so equal sets are equal values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GtidSet {
    intervals: BTreeMap<SourceId, Vec<(u64, u64)>>,
}

/// Why a text is no GTID or set of them.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum GtidError {
    /// The part that does not fit.
    #[error("`{text}` is not a GTID set: `{part}` does not fit")]
    Malformed {
        /// The text as given.
        text: String,
        /// The part.
        part: String,
    },
}

/// The largest number a transaction can have. Source: MySQL, `GNO_END`.
const NUMBER_MAX: u64 = i64::MAX as u64 - 1;

/// The longest tag. Source: MySQL, `GTID Format and Storage`.
const TAG_LENGTH_MAX: usize = 32;

type Intervals = Vec<(u64, u64)>;

impl GtidSet {
    /// Whether no transaction is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Adds one transaction.
    pub fn insert(&mut self, gtid: &Gtid) {
        match self.intervals.get_mut(&gtid.source) {
            Some(intervals) => insert_interval(intervals, (gtid.number, gtid.number)),
            None => {
                self.intervals.insert(gtid.source.clone(), vec![(gtid.number, gtid.number)]);
            }
        }
    }

    /// Whether the transaction is in the set.
    #[must_use]
    pub fn contains(&self, gtid: &Gtid) -> bool {
        self.intervals.get(&gtid.source).is_some_and(|intervals| {
            let after = intervals.partition_point(|&(first, _)| first <= gtid.number);
            after > 0 && intervals[after - 1].1 >= gtid.number
        })
    }

    /// Whether every transaction of the set is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }

    /// The transactions in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        for (source, intervals) in &other.intervals {
            let mine = all.intervals.entry(source.clone()).or_default();
            for &interval in intervals {
                insert_interval(mine, interval);
            }
        }
        all
    }

    /// The transactions in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.difference(&self.difference(other))
    }

    /// The transactions here that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = BTreeMap::new();
        for (source, intervals) in &self.intervals {
            let taken = other.intervals.get(source).map_or(&[][..], Vec::as_slice);
            let left = subtract(intervals, taken);
            if !left.is_empty() {
                rest.insert(source.clone(), left);
            }
        }
        Self { intervals: rest }
    }

    /// Sources in order, each with its ascending intervals, first and last included.
    pub fn intervals(&self) -> impl Iterator<Item = (&SourceId, &[(u64, u64)])> {
        self.intervals.iter().map(|(source, intervals)| (source, intervals.as_slice()))
    }
}

/// Adds an interval and joins what it touches. New numbers mostly come at the end.
fn insert_interval(intervals: &mut Intervals, (first, last): (u64, u64)) {
    let start = intervals.partition_point(|&(_, end)| end.saturating_add(1) < first);
    let stop = intervals.partition_point(|&(begin, _)| begin <= last.saturating_add(1));
    if start == stop {
        intervals.insert(start, (first, last));
        return;
    }
    let joined = (first.min(intervals[start].0), last.max(intervals[stop - 1].1));
    intervals[start] = joined;
    intervals.drain(start + 1..stop);
}

fn subtract(intervals: &[(u64, u64)], taken: &[(u64, u64)]) -> Intervals {
    let mut left = Vec::new();
    let mut taken = taken.iter().copied().peekable();
    for &(mut first, last) in intervals {
        while let Some(&(begin, end)) = taken.peek() {
            if end < first {
                taken.next();
                continue;
            }
            if begin > last {
                break;
            }
            if begin > first {
                left.push((first, begin - 1));
            }
            first = end + 1;
            if first > last {
                break;
            }
            taken.next();
        }
        if first <= last {
            left.push((first, last));
        }
    }
    left
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    if digits.len() != 32 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut uuid = [0; 16];
    for (byte, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(uuid)
}

fn parse_tag(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_tag = bytes.next().is_some_and(is_start)
        && bytes.all(|byte| is_start(byte) || byte.is_ascii_digit());
    (is_tag && text.len() <= TAG_LENGTH_MAX).then(|| text.to_ascii_lowercase())
}

/// `None` for what is no interval at all; an empty one (`5-3`) is taken as the server takes it: as
/// nothing.
fn parse_interval(text: &str) -> Option<(u64, u64)> {
    let number = |digits: &str| {
        let number: u64 = digits.trim().parse().ok()?;
        (1..=NUMBER_MAX).contains(&number).then_some(number)
    };
    match text.split_once('-') {
        Some((first, last)) => Some((number(first)?, number(last)?)),
        None => number(text).map(|number| (number, number)),
    }
}

/// Reads what the server prints and takes: groups with commas between, each a UUID, then intervals,
/// a tag applying to the intervals after it: `uuid:1-5:7:tag:1-3,uuid:…`.
impl FromStr for GtidSet {
    type Err = GtidError;

    fn from_str(text: &str) -> Result<Self, GtidError> {
        let malformed =
            |part: &str| GtidError::Malformed { text: text.to_owned(), part: part.to_owned() };
        let mut set = Self::default();
        for group in text.split(',').map(str::trim).filter(|group| !group.is_empty()) {
            let mut parts = group.split(':').map(str::trim);
            let head = parts.next().unwrap_or_default();
            let uuid = parse_uuid(head).ok_or_else(|| malformed(head))?;
            let mut source = SourceId { uuid, tag: String::new() };
            for part in parts {
                if let Some(tag) = parse_tag(part) {
                    source.tag = tag;
                    continue;
                }
                let (first, last) = parse_interval(part).ok_or_else(|| malformed(part))?;
                if first <= last {
                    let intervals = set.intervals.entry(source.clone()).or_default();
                    insert_interval(intervals, (first, last));
                }
            }
        }
        Ok(set)
    }
}

/// One transaction's identifier, as it is printed: never a longer interval.
impl FromStr for Gtid {
    type Err = GtidError;

    fn from_str(text: &str) -> Result<Self, GtidError> {
        let set: GtidSet = text.parse()?;
        let mut all = set
            .intervals()
            .flat_map(|(source, intervals)| intervals.iter().map(move |pair| (source, pair)));
        match (all.next(), all.next()) {
            (Some((source, &(first, last))), None) if first == last => {
                Ok(Self { source: source.clone(), number: first })
            }
            _ => Err(GtidError::Malformed { text: text.to_owned(), part: text.to_owned() }),
        }
    }
}

fn write_uuid(uuid: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            f.write_str("-")?;
        }
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_uuid(&self.uuid, f)?;
        if self.tag.is_empty() { Ok(()) } else { write!(f, ":{}", self.tag) }
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.number)
    }
}

/// As the server prints it, but on one line: the tags of one UUID share its group.
impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut uuid = None;
        for (source, intervals) in &self.intervals {
            if uuid != Some(source.uuid) {
                if uuid.is_some() {
                    f.write_str(",")?;
                }
                write_uuid(&source.uuid, f)?;
                uuid = Some(source.uuid);
            }
            if !source.tag.is_empty() {
                write!(f, ":{}", source.tag)?;
            }
            for &(first, last) in intervals {
                write!(f, ":{first}")?;
                if last > first {
                    write!(f, "-{last}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
