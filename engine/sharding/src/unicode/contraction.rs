//! Characters that have weights together. Source: Vitess, `colltab`, `Table.matchContraction`.

use crate::unicode::table::{Node, Table, Weight};

/// The most characters of a segment of text: a longer one ends there. Source: Vitess, `norm`.
const SEGMENT_CHARACTERS_MAX: u32 = 30;

/// A search for the longest contraction. It goes on where it is told, so that characters that do not
/// keep a mark from its letter may stand between.
struct Search<'a> {
    table: &'a Table,
    text: &'a [char],
    node: &'a Node,
    /// The longest so far.
    found: &'a Node,
    /// How many characters lead to its end.
    used: usize,
    is_over: bool,
}

impl Search<'_> {
    /// Follows the characters from `place` on, and tells where it cannot any more.
    fn follow(&mut self, mut place: usize) -> usize {
        while !self.is_over
            && let Some(character) = self.text.get(place)
            && let Some(node) = self.table.child(self.node, *character)
        {
            place += 1;
            self.node = node;
            self.is_over = node.is_leaf();
            if node.is_complete() {
                (self.found, self.used) = (node, place);
            }
        }
        place
    }
}

/// Appends the weights of the contraction that a character of `root` begins with what follows it, and of
/// the characters that stand in its midst. Gives how many of `following` they are.
pub(super) fn append(
    table: &Table,
    root: &Node,
    following: &[char],
    weights: &mut Vec<Weight>,
) -> usize {
    let mut search =
        Search { table, text: following, node: root, found: root, used: 0, is_over: false };
    let between = follow_over_marks(&mut search, following);
    weights.extend(table.together(search.found));
    let used = search.used;
    let mut rest = between.as_slice();
    while let Some(behind) = super::collation::append_next(table, rest, weights) {
        rest = behind;
    }
    used
}

/// Follows all that can be, and gives the characters that stand in the midst of what is found.
fn follow_over_marks<'a>(search: &mut Search<'a>, following: &'a [char]) -> Vec<char> {
    let mut between = Vec::new();
    let mut between_used = 0;
    let mut gap = search.follow(0);
    let Some(mark) = following.get(gap).filter(|_| !search.is_over) else {
        return between;
    };
    let mark = search.table.combining(*mark);
    if mark.first_class == 0 {
        return between;
    }
    let mut place = gap + 1;
    if let Some(end) = segment_end(search.table, following.get(place..).unwrap_or_default()) {
        search.text = following.get(..place + end).unwrap_or_default();
    }
    let mut class = mark.last_class;
    while let Some(mark) = following.get(place).filter(|_| !search.is_over) {
        let mark = search.table.combining(*mark);
        if mark.first_class == 0 || class >= mark.first_class {
            break;
        }
        class = mark.last_class;
        let reached = search.follow(place);
        if reached == place {
            place += 1;
            continue;
        }
        between.extend(following.get(gap..place).unwrap_or_default());
        if search.used == reached {
            between_used = between.len();
        }
        (place, gap) = (reached, reached);
    }
    between.truncate(between_used);
    between
}

/// Where the segment ends that goes on with `text`, if it does before the text does.
fn segment_end(table: &Table, text: &[char]) -> Option<usize> {
    let mut sum = 0;
    text.iter().position(|character| {
        let count = u32::from(table.combining(*character).count);
        sum += count;
        count == 0 || sum > SEGMENT_CHARACTERS_MAX
    })
}
