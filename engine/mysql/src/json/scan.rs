//! Reads documents in canonical form, and text as the server prints it, node by node.

use super::{DEPTH_MAX, JsonError, TYPED, Tag, malformed};

/// A document's cursor.
#[derive(Clone)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

/// What begins at a cursor: a container's bracket has been passed, a scalar all of it.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    /// `{`: the members follow.
    Object,
    /// `[`: the elements follow.
    Array,
    /// `null`, `true` or `false`.
    Literal(&'a [u8]),
    /// Digits.
    Number(Option<Tag>, &'a [u8]),
    /// A string with its quotes.
    String(Option<Tag>, &'a [u8]),
}

impl<'a> Scanner<'a> {
    /// At the start of a canonical document or of a server's text.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text: text.strip_suffix(&[TYPED]).unwrap_or(text), at: 0 }
    }

    /// The place in the text, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The bytes from `from` to here.
    pub(super) fn since(&self, from: usize) -> &'a [u8] {
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// That nothing follows.
    pub(super) fn end(&self) -> Result<(), JsonError> {
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(malformed("text follows the document"))
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, expected: &[u8]) -> bool {
        let is_here = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(expected));
        if is_here {
            self.at += expected.len();
        }
        is_here
    }

    /// The node that begins here.
    pub(super) fn node(&mut self) -> Result<Node<'a>, JsonError> {
        let tag = self.peek().and_then(Tag::of);
        self.at += usize::from(tag.is_some());
        let from = self.at;
        match (self.peek(), tag) {
            (Some(b'"'), _) => {
                self.string()?;
                Ok(Node::String(tag, self.since(from)))
            }
            (Some(b'-' | b'0'..=b'9'), _) => {
                let is_part =
                    |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                while self.peek().as_ref().is_some_and(is_part) {
                    self.at += 1;
                }
                Ok(Node::Number(tag, self.since(from)))
            }
            (Some(b'{'), None) => {
                self.at += 1;
                Ok(Node::Object)
            }
            (Some(b'['), None) => {
                self.at += 1;
                Ok(Node::Array)
            }
            (_, None) if self.take(b"null") || self.take(b"true") || self.take(b"false") => {
                Ok(Node::Literal(self.since(from)))
            }
            _ => Err(malformed("a value does not begin as one")),
        }
    }

    /// The key of the next member, quotes included, the cursor then at its value; `None` when the
    /// object has ended. `is_first` says that no member has been read yet.
    pub(super) fn member(&mut self, is_first: bool) -> Result<Option<&'a [u8]>, JsonError> {
        if !self.has_next(b"}", is_first)? {
            return Ok(None);
        }
        let from = self.at;
        if self.peek() != Some(b'"') {
            return Err(malformed("a key is no string"));
        }
        self.string()?;
        let key = self.since(from);
        if self.take(b": ") { Ok(Some(key)) } else { Err(malformed("no colon after a key")) }
    }

    /// Whether an array has another element, the cursor then at it.
    pub(super) fn element(&mut self, is_first: bool) -> Result<bool, JsonError> {
        self.has_next(b"]", is_first)
    }

    fn has_next(&mut self, close: &[u8], is_first: bool) -> Result<bool, JsonError> {
        if self.take(close) {
            return Ok(false);
        }
        if is_first || self.take(b", ") { Ok(true) } else { Err(malformed("no comma")) }
    }

    fn string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(malformed("a string does not end")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.at += 2,
                Some(0x00..0x20) => return Err(malformed("a string holds a control character")),
                Some(_) => self.at += 1,
            }
        }
    }

    /// Passes the whole value that begins here.
    pub(super) fn skip(&mut self, depth: usize) -> Result<(), JsonError> {
        match self.node()? {
            Node::Object => {
                let depth = deeper(depth)?;
                let mut is_first = true;
                while self.member(is_first)?.is_some() {
                    self.skip(depth)?;
                    is_first = false;
                }
                Ok(())
            }
            Node::Array => {
                let depth = deeper(depth)?;
                let mut is_first = true;
                while self.element(is_first)? {
                    self.skip(depth)?;
                    is_first = false;
                }
                Ok(())
            }
            Node::Literal(_) | Node::Number(..) | Node::String(..) => Ok(()),
        }
    }
}

/// The depth inside a container at `depth`.
pub(super) fn deeper(depth: usize) -> Result<usize, JsonError> {
    if depth < DEPTH_MAX { Ok(depth + 1) } else { Err(JsonError::TooDeep) }
}

/// The characters of a string or key as printed, quotes included; `None` when an escape is none.
pub(super) fn unescape(quoted: &[u8]) -> Option<Vec<u8>> {
    let inner = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (&kind, after) = rest.split_first()?;
        rest = after;
        match kind {
            b'"' | b'\\' | b'/' => out.push(kind),
            b'b' => out.push(0x08),
            b't' => out.push(0x09),
            b'n' => out.push(0x0a),
            b'f' => out.push(0x0c),
            b'r' => out.push(0x0d),
            b'u' => {
                let (unit, after) = unicode_escape(rest)?;
                let mut bytes = [0; 4];
                out.extend_from_slice(unit.encode_utf8(&mut bytes).as_bytes());
                rest = after;
            }
            _ => return None,
        }
    }
    Some(out)
}

/// The character of the digits after `\u`, with a second escape for the low half of a pair.
fn unicode_escape(rest: &[u8]) -> Option<(char, &[u8])> {
    let unit = |bytes: &[u8]| -> Option<u32> {
        u32::from_str_radix(std::str::from_utf8(bytes.get(..4)?).ok()?, 16).ok()
    };
    let high = unit(rest)?;
    let rest = rest.get(4..)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, rest));
    }
    let low = rest.strip_prefix(b"\\u")?;
    let unit = unit(low)?.checked_sub(0xdc00)?;
    let letter = char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + unit)?;
    Some((letter, low.get(4..)?))
}
