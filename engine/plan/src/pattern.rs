//! Names and patterns of tables.

/// A table's name, or a text with `*` for any text and `?` for any character.
///
/// A backslash takes the next character's meaning away: `a\*` is the name `a*`.
///
/// Compares characters one by one, as a MySQL server on Linux tells tables apart: upper and lower
/// case differ.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Token {
    Just(char),
    One,
    Any,
}

/// The longest name that MySQL gives a table or a database, in characters.
pub(crate) const NAME_CHARACTERS_MAX: usize = 64;

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a fragment of a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut tokens = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            tokens.push(match character {
                '*' if tokens.last() == Some(&Token::Any) => continue,
                '*' => Token::Any,
                '?' => Token::One,
                '\\' => Token::Just(characters.next().ok_or("nothing follows the backslash")?),
                '[' | ']' | '{' | '}' => {
                    return Err("brackets and braces have no meaning in a pattern");
                }
                '`' => return Err("a name stands without backquotes"),
                '\0' => return Err("a name cannot hold a NUL character"),
                other => Token::Just(other),
            });
        }
        match (tokens.first(), tokens.last()) {
            (None, _) | (_, None) => return Err("it is empty"),
            (Some(Token::Just(first)), _) if first.is_whitespace() => {
                return Err("it begins with a space");
            }
            (_, Some(Token::Just(last))) if last.is_whitespace() => {
                return Err("it ends with a space");
            }
            _ => {}
        }
        if tokens.iter().filter(|token| **token != Token::Any).count() > NAME_CHARACTERS_MAX {
            return Err("no table's name is longer than 64 characters");
        }
        Ok(Self { tokens })
    }

    /// The one name that it matches, if it has neither `*` nor `?`.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.tokens
            .iter()
            .map(|token| match token {
                Token::Just(character) => Some(*character),
                Token::One | Token::Any => None,
            })
            .collect()
    }

    /// Whether it matches the whole of `name`.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut token_index, mut character_index) = (0, 0);
        // Where to go on when what follows the last `*` does not fit: it takes one character more.
        let mut retry = None;
        while character_index < name.len() {
            match self.tokens.get(token_index) {
                Some(Token::Any) => {
                    retry = Some((token_index, character_index));
                    token_index += 1;
                    continue;
                }
                Some(Token::Just(character)) if *character == name[character_index] => {}
                Some(Token::One) => {}
                Some(Token::Just(_)) | None => {
                    let Some((star, taken)) = retry else { return false };
                    retry = Some((star, taken + 1));
                    (token_index, character_index) = (star + 1, taken + 1);
                    continue;
                }
            }
            token_index += 1;
            character_index += 1;
        }
        self.tokens.iter().skip(token_index).all(|token| *token == Token::Any)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        let matches = Pattern::parse(pattern).unwrap().matches(name);

        assert_eq!(matches, expected, "`{pattern}` against `{name}`");
    }

    #[test]
    fn stars_stand_for_any_text_and_question_marks_for_one_character() {
        check("orders", "orders", true);
        check("orders", "order", false);
        check("order*", "order", true);
        check("*", "", true);
        check("o*s", "orders_archives", true);
        check("o*s", "orders_archive", false);
        check("a*b*c", "a_b_b_c", true);
        check("a*b*c", "a_c_b", false);
        check("event_????", "event_2025", true);
        check("event_????", "event_20255", false);
        check("?", "é", true);
        check("?*?", "a", false);
    }

    #[test]
    fn case_differs_and_backslashes_take_the_meaning_away() {
        check("Orders", "orders", false);
        check(r"a\*", "a*", true);
        check(r"a\*", "ab", false);
        check(r"\!x", "!x", true);
        assert_eq!(Pattern::parse(r"a\?b").unwrap().name().as_deref(), Some("a?b"));
        assert_eq!(Pattern::parse("a?b").unwrap().name(), None);
    }

    /// The definition of a match, without care for time.
    fn matches_slowly(tokens: &[Token], name: &[char]) -> bool {
        match (tokens.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((Token::Any, rest)), _) if matches_slowly(rest, name) => true,
            (Some((Token::Any, _)), Some((_, rest))) => matches_slowly(tokens, rest),
            (Some((Token::One, tokens)), Some((_, name))) => matches_slowly(tokens, name),
            (Some((Token::Just(just), tokens)), Some((first, name))) => {
                just == first && matches_slowly(tokens, name)
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn a_match_is_what_its_definition_says(pattern in "[ab*?]{1,8}", name in "[ab]{0,8}") {
            let pattern = Pattern::parse(&pattern).unwrap();
            let characters: Vec<char> = name.chars().collect();

            prop_assert_eq!(pattern.matches(&name), matches_slowly(&pattern.tokens, &characters));
        }
    }
}
