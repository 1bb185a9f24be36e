//! Scalars of YAML, as a person would write them.

/// A text in one line: plain where YAML takes it for a text and for nothing else, otherwise in quotes.
pub(crate) fn scalar(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else if text.chars().any(char::is_control) {
        escaped(text)
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// A text of several lines, each behind `indent` blanks, behind its key.
pub(crate) fn block(text: &str, indent: usize) -> String {
    let is_block = text.lines().count() > 1
        && !text.starts_with([' ', '\n', '\t'])
        && text.chars().all(|sign| sign == '\n' || sign == '\t' || !sign.is_control())
        && text.lines().all(|line| !line.ends_with([' ', '\t']));
    if !is_block {
        return format!(" {}", scalar(text));
    }
    let mut lines = String::from(" |");
    for line in text.trim_end().lines() {
        lines.push('\n');
        if !line.is_empty() {
            lines.push_str(&" ".repeat(indent));
        }
        lines.push_str(line);
    }
    lines
}

fn is_plain(text: &str) -> bool {
    let is_part = |sign: char| sign.is_alphanumeric() || " _()+-*/.,<>=&|\"$%!?[]".contains(sign);
    let first = text.chars().next().unwrap_or(' ');
    (first.is_ascii_alphabetic() || first == '_' || first == '(')
        && !text.ends_with(' ')
        && text.chars().all(is_part)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && text.parse::<f64>().is_err()
}

/// Words that one version or another of YAML takes for no text.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

fn escaped(text: &str) -> String {
    let mut quoted = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' | '\\' => quoted.extend(['\\', sign]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            control if control.is_control() => {
                let digits = format!("{:04x}", u32::from(control));
                quoted.extend(["\\u", &digits]);
            }
            sign => quoted.push(sign),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_yaml_would_take_them_for_something_else() {
        for (text, written) in [
            ("a == \"x\" && b in [1, 2]", "a == \"x\" && b in [1, 2]"),
            ("(a + b) * 2", "(a + b) * 2"),
            ("1", "'1'"),
            ("inf", "'inf'"),
            ("on", "'on'"),
            ("No", "'No'"),
            ("", "''"),
            ("!like(a, \"x\")", "'!like(a, \"x\")'"),
            ("\"it's\"", "'\"it''s\"'"),
            ("a: b", "'a: b'"),
            ("a #b", "'a #b'"),
            ("a\nb", "\"a\\nb\""),
            ("order items", "order items"),
            ("*", "'*'"),
            ("-x", "'-x'"),
        ] {
            assert_eq!(scalar(text), written);
        }
    }

    #[test]
    fn several_lines_are_a_block() {
        assert_eq!(block("a\n  b\n\nc", 4), " |\n    a\n      b\n\n    c");
        assert_eq!(block("a", 4), " a");
        assert_eq!(block("a \nb", 4), " \"a \\nb\"");
    }
}
