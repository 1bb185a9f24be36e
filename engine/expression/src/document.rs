//! The page that describes the language: written from the table that registers its functions.

use crate::function::{Function, GROUPS, Origin};

/// What the page begins with.
const INTRODUCTION: &str = include_str!("document.md");

/// The page `plans/functions.md`.
#[must_use]
pub fn document() -> String {
    let mut page = vec![INTRODUCTION.to_owned()];
    for group in GROUPS {
        page.push(format!("\n### {}\n", group.title));
        page.extend(group.functions.iter().map(paragraph));
    }
    page.concat()
}

fn paragraph(function: &Function) -> String {
    let Function { usage, doc, example: (call, result), .. } = function;
    let origin = match function.origin {
        Origin::Mysql => String::new(),
        Origin::MysqlAs(form) => format!("In MySQL: `{form}`.\n"),
        Origin::Own => "MySQL has no such function.\n".to_owned(),
    };
    let example = match *call {
        "" => String::new(),
        call => format!("Example: `{call}` is `{result}`.\n"),
    };
    format!("\n`{usage}`  \n{doc}\n{origin}{example}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_is_current() {
        let committed = include_str!("../../../plans/functions.md");

        assert_eq!(
            committed,
            document(),
            "`cargo run -p whimbrel-expression --example functions > plans/functions.md` renews it"
        );
    }
}
