use proptest::prelude::*;
use whimbrel_model::{Cell, Date, Datetime, Row, RowBuilder, Time};

use crate::{
    Scratch, Source, check, parse,
    tests::basics::{column, table},
};

/// Words and signs of the language, of SQL and of rhai, and some that belong to nobody.
const WORDS: [&str; 60] = [
    "id",
    "email",
    "price",
    "quantity",
    "status",
    "nothing",
    "1",
    "0",
    "-",
    "1.50",
    "1e3",
    "0x1f",
    "18446744073709551616",
    "\"paid\"",
    "\"%\"",
    "\"2024-01-31\"",
    "\"ü😀\"",
    "()",
    "true",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    "+",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "!",
    "??",
    "in",
    "!in",
    "if",
    "else",
    "lower",
    "concat",
    "round",
    "coalesce",
    "date_add",
    "like",
    "substring",
    "cast_decimal",
    "json_extract",
    "\"$.a\"",
    "'x'",
    "`",
    ";",
    "let",
    "é",
    "\n",
    "//",
    "/*",
];

/// Expressions over every column, which any row must leave standing.
const EXPRESSIONS: [&str; 16] = [
    "price * quantity",
    "concat(email, id, price, quantity, status)",
    "if(quantity > 3, lower(email), upper(status))",
    "substring(email, quantity, id)",
    "round(price / quantity, 2)",
    "lpad(email, quantity, status)",
    "date_add(from_unixtime(id), quantity, \"month\")",
    "regexp_replace(email, \"[a-z]+\", \"x\")",
    "id * quantity - id % quantity",
    "cast_signed(email) + cast_unsigned(price)",
    "keyspace_id(id, \"hash\")",
    "uuid_to_bin(email)",
    "repeat(email, quantity)",
    "mask(email, quantity, 2)",
    "cast_datetime(email, 3)",
    "email in [\"a\", status] || price == 1.5",
];

fn any_cell() -> impl Strategy<Value = (u8, u64, Vec<u8>)> {
    (0..11_u8, any::<u64>(), proptest::collection::vec(any::<u8>(), 0..24))
}

fn cell_of((kind, word, bytes): &(u8, u64, Vec<u8>)) -> Cell<'_> {
    let small = |below: u64| u8::try_from(word % below).unwrap();
    let date =
        Date { year: u16::try_from(word % 10_000).unwrap(), month: small(13), day: small(32) };
    match kind {
        0 => Cell::Null,
        1 => Cell::Int(i64::from_le_bytes(word.to_le_bytes())),
        2 => Cell::UInt(*word),
        3 => Cell::Float(f32::from_bits(u32::try_from(word >> 32).unwrap())),
        4 => Cell::Double(f64::from_bits(*word)),
        5 => Cell::Decimal(bytes),
        6 => Cell::Date(date),
        7 => Cell::Time(Time { micros: i64::from_le_bytes(word.to_le_bytes()) }),
        8 => Cell::Datetime(Datetime { date, ..Datetime::default() }),
        9 => Cell::Bytes(bytes),
        _ => Cell::Json(bytes),
    }
}

fn row_of(cells: &[(u8, u64, Vec<u8>)]) -> Row {
    let mut row = RowBuilder::default();
    for cell in cells {
        row.push(cell_of(cell));
    }
    row.finish()
}

proptest! {
    #[test]
    fn any_words_are_an_expression_or_problems_with_places(
        words in proptest::collection::vec(0..WORDS.len(), 0..24)
    ) {
        let text = words.iter().map(|word| WORDS[*word]).collect::<Vec<_>>().join(" ");
        let table = table();

        let checked = parse(&text).and_then(|syntax| check(&syntax, &Source::new(&table)));

        match checked {
            Ok(checked) => prop_assert!(checked.expression.reads().len() <= 5),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(text.get(problem.span.clone()).is_some(), "{problem:?} of {text:?}");
                    prop_assert!(!problem.to_string().is_empty() && !problem.help().is_empty());
                }
            }
        }
    }

    #[test]
    fn any_text_is_an_expression_or_problems_with_places(text in any::<String>()) {
        for problem in parse(&text).err().unwrap_or_default() {
            prop_assert!(text.get(problem.span).is_some());
        }
    }

    #[test]
    fn any_row_has_a_value_or_an_error(
        cells in proptest::collection::vec(any_cell(), 0..7),
        number in 0..EXPRESSIONS.len()
    ) {
        let table = table();
        let text = EXPRESSIONS[number];
        let checked = check(&parse(text).unwrap(), &Source::new(&table)).unwrap();
        let to = column("to", table.columns()[1].column_type.clone(), "varchar(20)", false);

        let row = row_of(&cells);
        let mut scratch = Scratch::default();
        if let Err(error) = checked.expression.evaluate(&row, &mut scratch) {
            prop_assert!(text.get(error.span).is_some());
        }
        let fitted = format!("must_fit({text})");
        let fitted = check(&parse(&fitted).unwrap(), &Source::new(&table)).unwrap();
        if let Ok(assignment) = crate::assign(&fitted.expression, &to) {
            prop_assert!(!matches!(assignment.evaluate(&row, &mut scratch), Ok(Cell::Null)));
        }
    }
}

#[test]
fn deep_and_long_texts_are_refused_before_the_stack_ends() {
    for text in [
        format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000)),
        "- ".repeat(6_000) + "1",
        "1 + ".repeat(4_000) + "1",
        "!".repeat(9_000) + "true",
        format!("{}email{}", "lower(".repeat(2_000), ")".repeat(2_000)),
        "x".repeat(100_000),
    ] {
        let problems = parse(&text).unwrap_err();
        assert_eq!(problems[0].id(), "expression.too-large", "{}", text.len());
    }
}
