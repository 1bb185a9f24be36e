//! Values that a plan refers to: `${env:NAME}` and `${file:PATH}`.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use crate::problem::{SecretError, ValueProblem};

/// What a plan may refer to outside of its text. The caller does the I/O.
pub trait Secrets {
    /// The value of an environment variable.
    ///
    /// # Errors
    ///
    /// [`SecretError::Missing`] without such a variable, otherwise why it has no value.
    fn environment(&self, name: &str) -> Result<SecretString, SecretError>;

    /// The content of a file, relative to the plan's folder.
    ///
    /// # Errors
    ///
    /// [`SecretError::Missing`] without such a file, otherwise why it has no content.
    fn file(&self, path: &str) -> Result<SecretString, SecretError>;

    /// Where a file lies that the plan names relative to its own folder.
    fn path(&self, path: &str) -> PathBuf;
}

/// A piece of a text with references.
enum Piece<'a> {
    Literal(&'a str),
    Environment(&'a str),
    File(&'a str),
}

/// What a URL with references comes to.
pub(crate) struct Expanded {
    /// The text with every reference replaced.
    pub(crate) text: SecretString,
    /// The text with every reference left out: what anyone can read in the plan.
    pub(crate) literal: SecretString,
}

/// Replaces the references in the URL `text`.
///
/// What stands for a part of the user or the password is taken by the letter: whatever has a
/// meaning in URLs is escaped. A reference at the start of the text stands for URL text.
///
/// # Errors
///
/// Every reference that is broken or has no value.
pub(crate) fn expand(text: &str, secrets: &impl Secrets) -> Result<Expanded, Vec<ValueProblem>> {
    let pieces = pieces(text).map_err(|reason| vec![ValueProblem::Reference { reason }])?;
    let starts_as_url = matches!(pieces.first(), Some(Piece::Literal(_)));
    let last_at_sign = pieces
        .iter()
        .rposition(|piece| matches!(piece, Piece::Literal(literal) if literal.contains('@')));
    let (mut expanded, mut literals, mut problems) = (String::new(), String::new(), Vec::new());
    for (index, piece) in pieces.iter().enumerate() {
        match value(piece, secrets) {
            Ok(None) => {
                if let Piece::Literal(literal) = piece {
                    expanded.push_str(literal);
                    literals.push_str(literal);
                }
            }
            Ok(Some(secret)) => {
                let text = secret.expose_secret().trim_end_matches(['\n', '\r']);
                if starts_as_url && last_at_sign.is_some_and(|last| index < last) {
                    escape(text, &mut expanded);
                } else {
                    expanded.push_str(text);
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        return Ok(Expanded { text: expanded.into(), literal: literals.into() });
    }
    Err(problems)
}

/// What the reference that `text` is stands for, without the line's end behind it.
///
/// # Errors
///
/// What is wrong with the reference, or why it has no value.
pub(crate) fn referred(text: &str, secrets: &dyn Secrets) -> Result<SecretString, ValueProblem> {
    let pieces = pieces(text).map_err(|reason| ValueProblem::Reference { reason })?;
    let [piece @ (Piece::Environment(_) | Piece::File(_))] = pieces.as_slice() else {
        let reason = "something stands beside it, and a key is one reference";
        return Err(ValueProblem::Reference { reason });
    };
    let secret = value(piece, secrets)?.unwrap_or_default();
    Ok(secret.expose_secret().trim_end_matches(['\n', '\r']).into())
}

fn value(
    piece: &Piece<'_>,
    secrets: &(impl Secrets + ?Sized),
) -> Result<Option<SecretString>, ValueProblem> {
    let present = |secret: SecretString| {
        if secret.expose_secret().trim_end_matches(['\n', '\r']).is_empty() {
            return Err(SecretError::Empty);
        }
        Ok(Some(secret))
    };
    match *piece {
        Piece::Literal(_) => Ok(None),
        Piece::Environment(name) => secrets
            .environment(name)
            .and_then(present)
            .map_err(|reason| ValueProblem::Environment { name: name.to_owned(), reason }),
        Piece::File(path) => secrets
            .file(path)
            .and_then(present)
            .map_err(|reason| ValueProblem::File { path: path.to_owned(), reason }),
    }
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if !before.is_empty() {
            pieces.push(Piece::Literal(before));
        }
        let (reference, after) = after.split_once('}').ok_or("its `}` is missing")?;
        pieces.push(match reference.split_once(':') {
            Some(("env", name)) if is_variable(name) => Piece::Environment(name),
            Some(("env", _)) => return Err("a variable's name holds letters, digits and `_` only"),
            Some(("file", "")) => return Err("it names no file"),
            Some(("file", path)) => Piece::File(path),
            _ => return Err("it begins with neither `env:` nor `file:`"),
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    Ok(pieces)
}

fn is_variable(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty()
        && !name.starts_with(|it: char| it.is_ascii_digit())
        && name.bytes().all(is_part)
}

fn escape(text: &str, into: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(DIGITS[usize::from(byte >> 4)]);
            into.push(DIGITS[usize::from(byte & 15)]);
        }
    }
}

/// `text` with every password in a URL, and every key of `hash_token`, overwritten by `*`, byte for
/// byte: places stay where they are. References stay readable. For showing a plan's own lines in
/// messages.
#[must_use]
pub fn redact(text: &str) -> String {
    let text = without_passwords(text);
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(KEYED) {
        shown.push_str(before);
        shown.push_str(KEYED);
        let (value, key) = after.split_at(key_start(after));
        let (key, behind) = key.split_at(key.find([')', '\n']).unwrap_or(key.len()));
        shown.push_str(value);
        match key.contains("${") {
            true => shown.push_str(key),
            false => shown.extend(key.chars().flat_map(|it| {
                let is_kept = [' ', '"', '\'', '\\'].contains(&it);
                std::iter::repeat_n(if is_kept { it } else { '*' }, it.len_utf8())
            })),
        }
        rest = behind;
    }
    shown.push_str(rest);
    shown
}

/// What a call begins with that takes a key.
const KEYED: &str = "hash_token(";

/// Behind the comma that ends a call's first argument; the end of the line without one.
fn key_start(arguments: &str) -> usize {
    let mut depth = 0_usize;
    let mut is_quoted = false;
    for (offset, character) in arguments.char_indices() {
        match character {
            '\n' => return offset,
            '"' => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted && depth == 0 => return offset,
            ')' if !is_quoted => depth -= 1,
            ',' if !is_quoted && depth == 0 => return offset + 1,
            _ => {}
        }
    }
    arguments.len()
}

fn without_passwords(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let line_end = after.find('\n').unwrap_or(after.len());
        let (line, following) = after.split_at(line_end);
        let word_end = line.find([' ', '\t', '"', '\'']).unwrap_or(line.len());
        let (word, _) = line.split_at(word_end);
        let at_sign = word.rfind('@').or_else(|| line.rfind('@'));
        match (password_start(line), at_sign) {
            (Some(start), Some(at_sign)) if start <= at_sign => {
                let (user, password) = line.split_at(start);
                let (password, host) = password.split_at(at_sign - start);
                shown.push_str(user);
                overwrite(password, &mut shown);
                rest = host;
            }
            _ => rest = line,
        }
        // What is left of the line may hold another URL; so may the lines after it.
        let consumed = text.len() - following.len() - rest.len();
        rest = text.get(consumed..).unwrap_or_default();
    }
    shown.push_str(rest);
    shown
}

/// Whether anyone can read a password in `literal`, the part of a URL that stands in the plan.
pub(crate) fn has_password(literal: &str) -> bool {
    redact(literal) != literal
}

/// Behind the first colon that is not part of a reference.
fn password_start(line: &str) -> Option<usize> {
    let mut offset = 0;
    for piece in line.split_inclusive("${") {
        // Behind the first `${`, a piece begins inside of a reference, up to its `}`.
        let outside = if offset == 0 { 0 } else { piece.find('}').map_or(0, |end| end + 1) };
        if let Some(colon) = piece.get(outside..).and_then(|text| text.find(':')) {
            return Some(offset + outside + colon + 1);
        }
        offset += piece.len();
    }
    None
}

fn overwrite(password: &str, shown: &mut String) {
    let Ok(pieces) = pieces(password) else {
        shown.extend(password.bytes().map(|_| '*'));
        return;
    };
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => shown.extend(literal.bytes().map(|_| '*')),
            Piece::Environment(name) => shown.extend(["${env:", name, "}"]),
            Piece::File(path) => shown.extend(["${file:", path, "}"]),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Surroundings without a variable or a file.
    pub(crate) struct Nothing;

    impl Secrets for Nothing {
        fn environment(&self, _name: &str) -> Result<SecretString, SecretError> {
            Err(SecretError::Missing)
        }

        fn file(&self, _path: &str) -> Result<SecretString, SecretError> {
            Err(SecretError::Missing)
        }

        fn path(&self, path: &str) -> PathBuf {
            PathBuf::from(path)
        }
    }

    #[test]
    fn passwords_are_overwritten_in_place_and_references_stay() {
        for (text, shown) in [
            ("url: mysql://app:hunter2@db:3306", "url: mysql://app:*******@db:3306"),
            ("url: mysql://app:p@ss@db", "url: mysql://app:****@db"),
            ("url: mysql://app:p ss@db", "url: mysql://app:****@db"),
            ("url: \"mysql://app:é@db\" # a@b", "url: \"mysql://app:**@db\" # a@b"),
            ("url: mysql://app:${env:PW}@db", "url: mysql://app:${env:PW}@db"),
            ("url: mysql://app:x${env:PW}@db", "url: mysql://app:*${env:PW}@db"),
            ("url: mysql://${env:U}:pw@db", "url: mysql://${env:U}:**@db"),
            ("url: mysql://${env:U}:${file:p}@db", "url: mysql://${env:U}:${file:p}@db"),
            ("url: mysql://a${env:U:pw@db", "url: mysql://a${env:****@db"),
            ("url: mysql://app@db:3306", "url: mysql://app@db:3306"),
            ("a: mysql://a:b@c\nd: mysql://e:f@g\n", "a: mysql://a:*@c\nd: mysql://e:*@g\n"),
            ("{a: mysql://a:b@c , d: mysql://e:f@g}", "{a: mysql://a:*@c , d: mysql://e:*@g}"),
            ("nothing: here", "nothing: here"),
            ("a: hash_token(b, \"c d\")", "a: hash_token(b, \"* *\")"),
            (
                "a: 'hash_token(concat(b, \",\"), \"é,f\") ?? c'",
                "a: 'hash_token(concat(b, \",\"), \"****\") ?? c'",
            ),
            ("a: \"hash_token(b, \\\"c\\\")\"", "a: \"hash_token(b, \\\"*\\\")\""),
            ("a: hash_token(b, \"${env:C}\")", "a: hash_token(b, \"${env:C}\")"),
            ("a: hash_token(b", "a: hash_token(b"),
        ] {
            assert_eq!(redact(text), shown);
            assert_eq!(redact(text).len(), text.len());
        }
    }
}
