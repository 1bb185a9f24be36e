//! Any text as two sets of GTIDs, one a line: they are printed as they are read, and compute as sets do.

#![no_main]

use libfuzzer_sys::fuzz_target;
use whimbrel_model::{Gtid, GtidSet, LogOffset};

/// The set, after it was printed and read again.
fn set(text: &str) -> Option<GtidSet> {
    let set: GtidSet = text.parse().ok()?;
    let printed = set.to_string();
    assert!(printed.parse().as_ref() == Ok(&set), "a set is read as it is printed");
    for (source, intervals) in set.intervals() {
        assert!(!intervals.is_empty(), "a source has an interval");
        assert!(intervals.iter().all(|(first, last)| first <= last), "an interval ascends");
        let apart = intervals.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0);
        assert!(apart, "intervals ascend and neither touch nor overlap");
        for &(first, last) in intervals {
            for (number, is_in) in [(first, true), (last, true), (last + 1, false)] {
                let gtid = Gtid { source: source.clone(), number };
                assert!(set.contains(&gtid) == is_in, "what is printed is in the set, and no more");
            }
        }
    }
    Some(set)
}

fuzz_target!(|text: &str| {
    if let Ok(gtid) = text.parse::<Gtid>() {
        assert!(gtid.to_string().parse().as_ref() == Ok(&gtid), "a GTID is read as it is printed");
    }
    if let Ok(offset) = text.parse::<LogOffset>() {
        assert!(offset.to_string().parse().as_ref() == Ok(&offset), "a place likewise");
    }
    let (a, b) = text.split_once('\n').unwrap_or((text, ""));
    let (Some(a), Some(b)) = (set(a), set(b)) else { return };
    let (all, both, rest) = (a.union(&b), a.intersection(&b), a.difference(&b));
    assert!(all == b.union(&a) && both == b.intersection(&a), "order does not matter");
    assert!(rest.union(&both) == a, "what is in b and what is not are all of a");
    assert!(rest.intersection(&b).is_empty(), "the rest has nothing of b");
    assert!(rest.union(&b) == all, "the rest is all that b lacks");
    assert!(a.is_subset(&all) && b.is_subset(&all) && both.is_subset(&a), "parts are in wholes");
    assert!(a.is_subset(&b) == (rest == GtidSet::default()), "a part leaves no rest");
});
