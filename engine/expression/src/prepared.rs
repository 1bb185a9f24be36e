//! What a call works out once, before any row.

use jiff::tz::TimeZone;
use regex::Regex;
use whimbrel_sharding::{KeyRange, Vindex};

use crate::function::{Format, Path, Replacement};

/// The state of a call.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// Nothing.
    None,
    /// A pattern.
    Pattern(Regex),
    /// A pattern and a replacement.
    Replacement(Box<Replacement>),
    /// The pieces of `date_format`.
    Format(Format),
    /// A unit of time.
    Unit(crate::interval::Unit),
    /// From one zone to another.
    Zones(Box<(TimeZone, TimeZone)>),
    /// A path into a document.
    Path(Path),
    /// A secret.
    Key(Secret),
    /// How values become keyspace ids.
    Vindex(Vindex),
    /// And the range that they are looked for in.
    Range(Vindex, KeyRange),
}

/// A key that shows itself to nobody.
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}
