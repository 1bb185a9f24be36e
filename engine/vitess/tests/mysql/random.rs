//! Random SQL over the columns of the table.

use whimbrel_kit::Random;

/// Writes conditions and values, each so many levels deep.
pub(crate) struct Sentences<'r> {
    random: &'r mut Random,
}

impl<'r> Sentences<'r> {
    pub(crate) fn new(random: &'r mut Random) -> Self {
        Self { random }
    }

    fn one_of<'a>(&mut self, some: &[&'a str]) -> &'a str {
        let index = usize::try_from(self.random.below(some.len() as u64)).unwrap();
        some[index]
    }

    /// A condition; without parentheses where precedence decides, too.
    pub(crate) fn condition(&mut self, depth: u64) -> String {
        if depth == 0 {
            return self.test(1);
        }
        let below = depth - 1;
        match self.random.below(9) {
            0 | 1 => {
                let sign = self.one_of(&["AND", "AND", "&&"]);
                format!("{} {sign} {}", self.inner(below), self.inner(below))
            }
            2 | 3 => format!("{} OR {}", self.inner(below), self.inner(below)),
            4 => format!("NOT {}", self.inner(below)),
            5 => format!("NOT ({})", self.condition(below)),
            6 => {
                let what = ["TRUE", "FALSE", "UNKNOWN", "NULL"];
                let not = self.one_of(&["", "NOT "]);
                format!("({}) IS {not}{}", self.condition(below), self.one_of(&what))
            }
            _ => self.test(depth),
        }
    }

    fn inner(&mut self, depth: u64) -> String {
        let condition = self.condition(depth);
        if self.random.below(2) == 0 { format!("({condition})") } else { condition }
    }

    /// A condition without AND, OR and NOT.
    fn test(&mut self, depth: u64) -> String {
        let below = depth - 1;
        let kind = self.random.below(3);
        let value = |this: &mut Self| match kind {
            0 => this.number(below),
            1 => this.text(below),
            _ => this.moment(below),
        };
        let (left, right) = (value(self), value(self));
        let not = self.one_of(&["", "NOT "]);
        match self.random.below(12) {
            0..=5 => {
                let signs = ["=", "=", "<>", "!=", "<", "<=", ">", ">=", "<=>"];
                format!("{left} {} {right}", self.one_of(&signs))
            }
            6 => format!("{left} IS {not}NULL"),
            7 | 8 => format!("{left} {not}IN ({right}, {})", value(self)),
            9 => format!("{left} {not}BETWEEN {right} AND {}", value(self)),
            10 => {
                let patterns = ["'a%'", "'%b'", "'_'", "'%'", "'b\\\\%'", "''"];
                format!("{} {not}LIKE {}", self.text(below), self.one_of(&patterns))
            }
            _ => self.number(below),
        }
    }

    fn number(&mut self, depth: u64) -> String {
        if depth == 0 {
            let all =
                ["a", "a", "b", "b", "d", "d", "0", "1", "-1", "2", "0.5", ".25", "v.a", "`b`"];
            return self.one_of(&all).to_owned();
        }
        let below = depth - 1;
        let (left, right) = (self.number(below), self.number(below));
        match self.random.below(16) {
            0 => format!("({left} + {right})"),
            1 => format!("{left} - {right}"),
            2 => format!("{left} * {right}"),
            3 => format!("{left} / {}", self.divisor()),
            4 => format!("{left} % {}", self.divisor()),
            5 => format!("MOD({left}, {})", self.divisor()),
            6 => format!("-{}", self.one_of(&["a", "b", "d"])),
            7 => format!("IF({}, {left}, {right})", self.condition(below)),
            8 => format!("CASE WHEN {} THEN {left} ELSE {right} END", self.condition(below)),
            9 => format!("CASE {left} WHEN {right} THEN 1 WHEN 2 THEN 2 END"),
            10 => format!("COALESCE({left}, {right})"),
            // Of a constant there, the server says IS NULL where the value that it shows is none.
            11 => format!("NULLIF({}, {right})", self.one_of(&["a", "b", "d"])),
            12 => format!("({})", self.condition(below)),
            13 => format!("CHAR_LENGTH({})", self.text(below)),
            14 => format!("{}({left}, {right})", self.one_of(&["GREATEST", "LEAST", "IFNULL"])),
            _ => format!("DAY({})", self.moment(below)),
        }
    }

    /// What may be zero in a row, and is not written as zero.
    fn divisor(&mut self) -> &'static str {
        self.one_of(&["a", "b", "d", "3", "0.7", "(a - b)"])
    }

    fn text(&mut self, depth: u64) -> String {
        if depth == 0 {
            return self.one_of(&["s", "s", "t", "t", "'a'", "'b'", "''", "'A'"]).to_owned();
        }
        let below = depth - 1;
        let (left, right) = (self.text(below), self.text(below));
        match self.random.below(7) {
            0 => format!("CONCAT({left}, {right})"),
            1 => format!("LOWER({left})"),
            2 => format!("COALESCE({left}, {right})"),
            3 => format!("LEFT({left}, 1)"),
            4 => format!("TRIM({left})"),
            5 => format!("IF({}, {left}, {right})", self.condition(below)),
            _ => format!("SUBSTRING({left}, 1, 2)"),
        }
    }

    fn moment(&mut self, depth: u64) -> String {
        let all = ["at", "at", "at", "'2024-01-31 00:00:00'", "'2024-02-01 12:00:00'"];
        if depth == 0 {
            return self.one_of(&all).to_owned();
        }
        match self.random.below(4) {
            0 => "at + INTERVAL 1 DAY".to_owned(),
            1 => "DATE_SUB(at, INTERVAL 12 HOUR)".to_owned(),
            2 => {
                format!("COALESCE(at, {})", self.one_of(&["at", "TIMESTAMP '2024-01-31 00:00:00'"]))
            }
            _ => self.one_of(&all).to_owned(),
        }
    }
}
