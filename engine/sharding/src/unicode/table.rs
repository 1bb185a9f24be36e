//! The weights of characters.

use std::{ops::Range, sync::LazyLock};

/// The table, read when the first text is hashed.
pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let table = Table::read(include_str!("weights.txt"));
    assert!(table.is_some(), "the table of weights is as it was made");
    table.unwrap_or_default()
});

/// What a character counts for in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    /// Zero for what is not compared, as accents.
    primary: u32,
    /// Characters that are not of class 0 stand in the order of their classes.
    pub(super) class: u8,
}

impl Weight {
    /// Appends the bytes that are hashed.
    pub(super) fn append(self, key: &mut Vec<u8>) {
        let [_, high, middle, low] = self.primary.to_be_bytes();
        match self.primary {
            0 => {}
            1..=0x7fff => key.extend([middle, low]),
            _ => key.extend([high | 0x80, middle, low]),
        }
    }
}

/// A character that does not begin a segment of text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Combining {
    /// The class of the first character that it consists of.
    pub(super) first_class: u8,
    /// That of the last.
    pub(super) last_class: u8,
    /// How many characters of a segment it counts for; zero if it may begin one.
    pub(super) count: u8,
}

/// What stands in the table for a character.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Entry {
    /// Nothing: it is weighed by its number.
    #[default]
    Absent,
    /// Its weights.
    Weights { start: u32, length: u8 },
    /// The node of the contractions that it begins.
    Contraction { node: u16 },
}

/// A character of contractions, behind those before it.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The weights of all characters up to here.
    weights: Option<Range<usize>>,
    /// The characters that may follow, and their nodes.
    children: Vec<(char, u16)>,
}

impl Node {
    pub(super) fn is_complete(&self) -> bool {
        self.weights.is_some()
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }
}

const PAGE_LENGTH: usize = 256;

/// The weights of characters. What is absent has weights that are computed.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// By the upper bits of a character.
    pages: Vec<Option<Box<[Entry; PAGE_LENGTH]>>>,
    weights: Vec<Weight>,
    nodes: Vec<Node>,
    ideographs: Vec<(char, char)>,
    combining: Vec<(char, char, Combining)>,
}

/// Below are no combining characters.
const FIRST_COMBINING: char = '\u{300}';

impl Table {
    /// What stands for a character.
    pub(super) fn entry(&self, character: char) -> Entry {
        let (page, index) = place(character);
        let page = self.pages.get(page).and_then(Option::as_ref);
        page.and_then(|page| page.get(index)).copied().unwrap_or_default()
    }

    /// The weights of an entry by itself.
    pub(super) fn weights(&self, start: u32, length: u8) -> &[Weight] {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        self.weights.get(start..start.saturating_add(length.into())).unwrap_or_default()
    }

    /// The node of a number.
    pub(super) fn node(&self, node: u16) -> Option<&Node> {
        self.nodes.get(usize::from(node))
    }

    /// The weights of the characters up to a node.
    pub(super) fn together(&self, node: &Node) -> &[Weight] {
        let weights = node.weights.clone();
        weights.and_then(|weights| self.weights.get(weights)).unwrap_or_default()
    }

    /// The node of a character behind another.
    pub(super) fn child(&self, node: &Node, character: char) -> Option<&Node> {
        let mut children = node.children.iter();
        let child = children.find(|(other, _)| *other == character);
        child.and_then(|(_, node)| self.node(*node))
    }

    /// The weights of a character of the table that is no part of a contraction.
    pub(super) fn alone(&self, character: char) -> &[Weight] {
        match self.entry(character) {
            Entry::Absent => &[],
            Entry::Weights { start, length } => self.weights(start, length),
            Entry::Contraction { node } => self.node(node).map_or(&[], |node| self.together(node)),
        }
    }

    /// The weight of a character that is absent. Source: Vitess, `colltab`, `implicitPrimary`.
    pub(super) fn computed(&self, character: char) -> Weight {
        let number = u32::from(character);
        let is_ideograph = range_of(&self.ideographs, character, |range| *range).is_some();
        let offset = match (is_ideograph, character) {
            (true, '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}') => 0x10000,
            (true, _) => 0x20000,
            (false, _) => 0x50000,
        };
        Weight { primary: number + offset, class: 0 }
    }

    /// How a character combines.
    pub(super) fn combining(&self, character: char) -> Combining {
        if character < FIRST_COMBINING {
            return Combining::default();
        }
        let range = range_of(&self.combining, character, |(first, last, _)| (*first, *last));
        range.map(|(.., combining)| *combining).unwrap_or_default()
    }
}

fn place(character: char) -> (usize, usize) {
    let number = usize::try_from(u32::from(character)).unwrap_or(usize::MAX);
    (number / PAGE_LENGTH, number % PAGE_LENGTH)
}

/// The one of ordered ranges that has a character.
fn range_of<T>(ranges: &[T], character: char, bounds: fn(&T) -> (char, char)) -> Option<&T> {
    let behind = ranges.partition_point(|range| bounds(range).0 <= character);
    let range = behind.checked_sub(1).and_then(|index| ranges.get(index));
    range.filter(|range| bounds(range).1 >= character)
}

/// How the table is read; its own head says what it looks like.
impl Table {
    fn read(text: &str) -> Option<Self> {
        let mut table = Self::default();
        let mut section = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            match (section, line) {
                (_, "ideographs" | "weights" | "contractions" | "combining") => section = line,
                ("ideographs", line) => table.ideographs.push(range(line)?),
                ("weights", line) => table.read_weights(line)?,
                ("contractions", line) => table.read_contraction(line)?,
                ("combining", line) => table.read_combining(line)?,
                _ => return None,
            }
        }
        Some(table)
    }

    fn read_weights(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let mut next = words.next().and_then(number)?;
        let mut last = 0;
        for word in words {
            let (weights, count) = word.split_once('*').unwrap_or((word, "1"));
            for _ in 0..count.parse().ok()? {
                let range = self.read_weight(weights, &mut last)?;
                let start = u32::try_from(range.start).ok()?;
                let length = u8::try_from(range.len()).ok()?;
                *self.entry_mut(char::from_u32(next)?)? = Entry::Weights { start, length };
                next += 1;
            }
        }
        Some(())
    }

    fn read_contraction(&mut self, line: &str) -> Option<()> {
        let (characters, weights) = line.split_once(" : ")?;
        let mut characters = characters.split(' ').map(character);
        let mut node = self.root(characters.next()??)?;
        for character in characters {
            node = self.child_of(node, character?)?;
        }
        let weights = self.read_weight(weights, &mut 0)?;
        self.nodes.get_mut(usize::from(node))?.weights = Some(weights);
        Some(())
    }

    fn read_combining(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let (first, last) = words.next().and_then(range)?;
        let mut number = || words.next()?.parse().ok();
        let (first_class, last_class, count) = (number()?, number()?, number()?);
        self.combining.push((first, last, Combining { first_class, last_class, count }));
        Some(())
    }

    /// The weights of one character or contraction. `last` is the primary weight before them.
    fn read_weight(&mut self, text: &str, last: &mut u32) -> Option<Range<usize>> {
        let start = self.weights.len();
        for text in text.split(',') {
            let (primary, class) = text.split_once('/').unwrap_or((text, "0"));
            let primary = match primary {
                "_" => 0,
                difference => {
                    *last = last.checked_add_signed(difference.parse().ok()?)?;
                    *last
                }
            };
            self.weights.push(Weight { primary, class: class.parse().ok()? });
        }
        Some(start..self.weights.len())
    }

    /// The node of a character that begins contractions, which keeps the weights that it has alone.
    fn root(&mut self, character: char) -> Option<u16> {
        let weights = match self.entry(character) {
            Entry::Contraction { node } => return Some(node),
            Entry::Absent => return None,
            Entry::Weights { start, length } => {
                let start = usize::try_from(start).ok()?;
                start..start + usize::from(length)
            }
        };
        let node = u16::try_from(self.nodes.len()).ok()?;
        self.nodes.push(Node { weights: Some(weights), children: Vec::new() });
        *self.entry_mut(character)? = Entry::Contraction { node };
        Some(node)
    }

    fn child_of(&mut self, node: u16, character: char) -> Option<u16> {
        let new = u16::try_from(self.nodes.len()).ok()?;
        let parent = self.nodes.get_mut(usize::from(node))?;
        if let Some((_, child)) = parent.children.iter().find(|(other, _)| *other == character) {
            return Some(*child);
        }
        parent.children.push((character, new));
        self.nodes.push(Node::default());
        Some(new)
    }

    fn entry_mut(&mut self, character: char) -> Option<&mut Entry> {
        let (page, index) = place(character);
        if self.pages.len() <= page {
            self.pages.resize_with(page + 1, || None);
        }
        let page = self.pages.get_mut(page)?;
        page.get_or_insert_with(|| Box::new([Entry::Absent; PAGE_LENGTH])).get_mut(index)
    }
}

fn number(digits: &str) -> Option<u32> {
    u32::from_str_radix(digits, 16).ok()
}

fn character(digits: &str) -> Option<char> {
    number(digits).and_then(char::from_u32)
}

fn range(bounds: &str) -> Option<(char, char)> {
    let (first, last) = bounds.split_once('-')?;
    Some((character(first)?, character(last)?))
}
