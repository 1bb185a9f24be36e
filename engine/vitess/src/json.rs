//! JSON with the places of its parts: refusals point at them.

use std::{collections::BTreeMap, ops::Range};

use crate::refusal::{Refusal, What};

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Value {
    pub(crate) at: Range<usize>,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    /// A number as it is written.
    Number(String),
    Text(Text),
    List(Vec<Value>),
    /// Keys in their order, each once.
    Object(Vec<(Text, Value)>),
}

/// A text, and where each byte of it stands.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) value: String,
    /// Its place with the quotes.
    pub(crate) at: Range<usize>,
    /// The place of each byte, and of its end.
    offsets: Vec<usize>,
}

/// Far above what Vitess nests.
const DEPTH_MAX: usize = 32;

impl Text {
    /// The place of a part of the text, from byte to byte.
    pub(crate) fn part(&self, part: &Range<usize>) -> Range<usize> {
        let offset = |index: usize| self.offsets.get(index).copied().unwrap_or(self.at.end);
        offset(part.start)..offset(part.end).max(offset(part.start))
    }
}

impl Value {
    /// Whether it says nothing: Vitess prints keys without a value, too.
    pub(crate) fn is_default(&self) -> bool {
        match &self.kind {
            Kind::Null => true,
            Kind::Bool(value) => !value,
            Kind::Number(digits) => digits == "0",
            Kind::Text(text) => ["", "0"].contains(&text.value.as_str()),
            Kind::List(values) => values.is_empty(),
            Kind::Object(entries) => entries.iter().all(|(_, value)| value.is_default()),
        }
    }
}

/// The value that `text` is.
///
/// # Errors
///
/// The first place where it is none.
pub(crate) fn read(text: &str) -> Result<Value, Refusal> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(reader.wrong("something stands behind its end"));
    }
    Ok(value)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self, reason: &'static str) -> Refusal {
        let next = self.peek().map_or(0, char::len_utf8);
        Refusal::new(What::Json { reason }, &(self.at..self.at + next))
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Takes `sign` if it is next.
    fn takes(&mut self, sign: char) -> bool {
        self.blanks();
        let is_next = self.peek() == Some(sign);
        self.at += if is_next { sign.len_utf8() } else { 0 };
        is_next
    }

    fn value(&mut self, depth: usize) -> Result<Value, Refusal> {
        self.blanks();
        if depth > DEPTH_MAX {
            return Err(self.wrong("it is nested too deeply"));
        }
        let start = self.at;
        let kind = match self.peek() {
            Some('"') => Kind::Text(self.text()?),
            Some('[') => self.list(depth)?,
            Some('{') => self.object(depth)?,
            Some(sign) if sign == '-' || sign.is_ascii_digit() => self.number()?,
            Some(_) => self.word()?,
            None => return Err(self.wrong("it ends too early")),
        };
        Ok(Value { at: start..self.at, kind })
    }

    fn word(&mut self) -> Result<Kind, Refusal> {
        let words =
            [("null", Kind::Null), ("true", Kind::Bool(true)), ("false", Kind::Bool(false))];
        for (word, kind) in words {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(kind);
            }
        }
        Err(self.wrong("a value should stand here"))
    }

    fn number(&mut self) -> Result<Kind, Refusal> {
        let is_part =
            |sign: char| sign.is_ascii_digit() || ['-', '+', '.', 'e', 'E'].contains(&sign);
        let length = self.rest().find(|sign| !is_part(sign)).unwrap_or(self.rest().len());
        let digits = self.rest().get(..length).unwrap_or_default().to_owned();
        if digits.parse::<f64>().is_err() {
            return Err(self.wrong("this is no number"));
        }
        self.at += length;
        Ok(Kind::Number(digits))
    }

    fn list(&mut self, depth: usize) -> Result<Kind, Refusal> {
        self.at += 1;
        let mut values = Vec::new();
        if self.takes(']') {
            return Ok(Kind::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            if self.takes(']') {
                return Ok(Kind::List(values));
            }
            if !self.takes(',') {
                return Err(self.wrong("`,` or `]` is missing"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Kind, Refusal> {
        self.at += 1;
        let mut entries: Vec<(Text, Value)> = Vec::new();
        let mut places: BTreeMap<String, Range<usize>> = BTreeMap::new();
        if self.takes('}') {
            return Ok(Kind::Object(entries));
        }
        loop {
            self.blanks();
            if self.peek() != Some('"') {
                return Err(self.wrong("a key in double quotes should stand here"));
            }
            let key = self.text()?;
            if let Some(first) = places.insert(key.value.clone(), key.at.clone()) {
                let what = What::Twice { name: key.value.clone() };
                return Err(Refusal::new(what, &key.at).with_other(&first));
            }
            if !self.takes(':') {
                return Err(self.wrong("`:` is missing"));
            }
            entries.push((key, self.value(depth + 1)?));
            if self.takes('}') {
                return Ok(Kind::Object(entries));
            }
            if !self.takes(',') {
                return Err(self.wrong("`,` or `}` is missing"));
            }
        }
    }

    fn text(&mut self) -> Result<Text, Refusal> {
        let start = self.at;
        self.at += 1;
        let (mut value, mut offsets) = (String::new(), Vec::new());
        loop {
            let from = self.at;
            let character = match self.peek() {
                None => return Err(self.wrong("the text has no end")),
                Some('"') => {
                    self.at += 1;
                    offsets.push(from);
                    return Ok(Text { value, at: start..self.at, offsets });
                }
                Some('\\') => self.escaped()?,
                Some(control) if control < ' ' => {
                    return Err(self.wrong("a line's end in a text is written `\\n`"));
                }
                Some(character) => {
                    self.at += character.len_utf8();
                    character
                }
            };
            value.push(character);
            offsets.extend(std::iter::repeat_n(from, character.len_utf8()));
        }
    }

    /// The character that a backslash and what follows it stand for.
    fn escaped(&mut self) -> Result<char, Refusal> {
        self.at += 1;
        let Some(sign) = self.peek() else { return Err(self.wrong("the text has no end")) };
        let plain = match sign {
            '"' | '\\' | '/' => sign,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.code_point(),
            _ => return Err(self.wrong("no such character is written with a backslash")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn code_point(&mut self) -> Result<char, Refusal> {
        let high = self.unit()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or_else(|| self.wrong(HALF));
        }
        if !self.rest().starts_with("\\u") {
            return Err(self.wrong(HALF));
        }
        self.at += 1;
        let low = self.unit()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(self.wrong(HALF));
        }
        let point = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        char::from_u32(point).ok_or_else(|| self.wrong(HALF))
    }

    /// `u` and four digits.
    fn unit(&mut self) -> Result<u32, Refusal> {
        let digits = self.rest().get(1..5).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let unit = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
        let unit = unit.ok_or_else(|| self.wrong("`\\u` stands before four hexadecimal digits"))?;
        self.at += 5;
        Ok(unit)
    }
}

const HALF: &str = "this is half a character";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_texts_bytes_stand_where_they_are_written() {
        let file = r#" {"a": "é\n\u00e9\ud83d\ude00x"} "#;
        let Kind::Object(entries) = read(file).unwrap().kind else { panic!("no object") };
        let Kind::Text(text) = &entries[0].1.kind else { panic!("no text") };

        assert_eq!(text.value, "é\né😀x");
        let x = text.value.find('x').unwrap();
        assert_eq!(file.get(text.part(&(x..x + 1))), Some("x"));
        let smile = text.value.find('😀').unwrap();
        assert_eq!(file.get(text.part(&(smile..smile + 4))), Some("\\ud83d\\ude00"));
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_ends_to_be() {
        for (file, at, reason) in [
            ("", 0, "it ends too early"),
            ("[1,", 3, "it ends too early"),
            ("[1 2]", 3, "`,` or `]` is missing"),
            ("{a: 1}", 1, "a key in double quotes should stand here"),
            ("{\"a\" 1}", 5, "`:` is missing"),
            ("{\"a\": 1 \"b\"}", 8, "`,` or `}` is missing"),
            ("[\"a", 3, "the text has no end"),
            ("[\"a\nb\"]", 3, "a line's end in a text is written `\\n`"),
            ("[\"\\x\"]", 3, "no such character is written with a backslash"),
            ("[\"\\ud800\"]", 8, "this is half a character"),
            ("[\"\\u00g0\"]", 3, "`\\u` stands before four hexadecimal digits"),
            ("[1-]", 1, "this is no number"),
            ("nil", 0, "a value should stand here"),
            ("[] []", 3, "something stands behind its end"),
            (&"[".repeat(40), 33, "it is nested too deeply"),
        ] {
            let refusal = read(file).unwrap_err();

            assert_eq!((refusal.at.start, refusal.what), (at, What::Json { reason }), "{file}");
        }
    }
}
