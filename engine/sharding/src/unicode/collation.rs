//! The weights of a text in their order. Source: Vitess, `colltab`, `Iter` and `Table.AppendNext`.

use crate::unicode::{
    contraction,
    table::{Entry, Table, Weight},
};

/// The most weights that are ordered by their classes; beyond them they stand as they come.
const COMBINING_WEIGHTS_MAX: usize = 30;

/// The weights of a text, made and ordered in pieces.
pub(super) struct Collation<'a> {
    table: &'a Table,
    rest: &'a [char],
    /// Those of the piece at hand, and perhaps the beginning of the next.
    weights: Vec<Weight>,
    /// How many of them will not move any more.
    ready: usize,
}

impl<'a> Collation<'a> {
    pub(super) fn new(table: &'a Table, text: &'a [char]) -> Self {
        Self { table, rest: text, weights: Vec::new(), ready: 0 }
    }

    /// Appends the bytes that are hashed.
    pub(super) fn append(mut self, key: &mut Vec<u8>) {
        while self.advance() {
            self.weights.drain(..self.ready).for_each(|weight| weight.append(key));
            self.ready = 0;
        }
    }

    fn class(&self, index: usize) -> u8 {
        self.weights.get(index).map_or(0, |weight| weight.class)
    }

    fn append_next(&mut self) -> bool {
        let behind = append_next(self.table, self.rest, &mut self.weights);
        self.rest = behind.unwrap_or_default();
        behind.is_some()
    }

    /// Makes the next piece ready; false at the end.
    fn advance(&mut self) -> bool {
        if self.weights.is_empty() && !self.append_next() {
            return false;
        }
        if self.weights.last().is_none_or(|weight| weight.class == 0) {
            self.ready = self.weights.len();
        } else if self.class(0) == 0 {
            let starters = self.weights.iter().take_while(|weight| weight.class == 0);
            self.ready = starters.count();
        } else {
            self.ready = self.order();
        }
        true
    }

    /// Appends the weights up to the next of class 0, orders those before it, and gives their number.
    fn order(&mut self) -> usize {
        let mut greatest = self.class(self.weights.len() - 1);
        loop {
            let next = self.weights.len();
            if !self.append_next() {
                return next;
            }
            let class = self.class(next);
            if class == 0 || self.weights.len() > COMBINING_WEIGHTS_MAX {
                return next;
            }
            if class >= greatest {
                greatest = class;
                continue;
            }
            // The last is of a greater class and is passed in any case.
            let mut place = next - 1;
            while place > 0 && class < self.class(place - 1) {
                place -= 1;
            }
            self.weights.get_mut(place..).unwrap_or_default().rotate_left(next - place);
        }
    }
}

/// Appends the weights of the next character, or of the contraction that it begins. Gives what is behind
/// it; none at the end.
pub(super) fn append_next<'a>(
    table: &Table,
    text: &'a [char],
    weights: &mut Vec<Weight>,
) -> Option<&'a [char]> {
    let (&character, behind) = text.split_first()?;
    match table.entry(character) {
        Entry::Weights { start, length } => weights.extend(table.weights(start, length)),
        Entry::Contraction { node } => {
            let root = table.node(node)?;
            let used = contraction::append(table, root, behind, weights);
            return behind.get(used..);
        }
        Entry::Absent => match letters(character) {
            Some((letters, count)) => {
                weights.extend(letters.iter().take(count).flat_map(|it| table.alone(*it)));
            }
            None => weights.push(table.computed(character)),
        },
    }
    Some(behind)
}

/// The letters of a Hangul syllable, and how many of them there are: two or three.
/// Source: the Unicode Standard, 3.12, "Conjoining Jamo Behavior".
fn letters(syllable: char) -> Option<([char; 3], usize)> {
    const VOWELS: u32 = 21;
    const FINALS: u32 = 28;
    if !('\u{ac00}'..='\u{d7a3}').contains(&syllable) {
        return None;
    }
    let index = u32::from(syllable) - 0xac00;
    let letter = |before_first: u32, index: u32| char::from_u32(before_first + index);
    let letters = [
        letter(0x1100, index / (VOWELS * FINALS))?,
        letter(0x1161, index / FINALS % VOWELS)?,
        letter(0x11a7, index % FINALS)?,
    ];
    Some((letters, if index.is_multiple_of(FINALS) { 2 } else { 3 }))
}
