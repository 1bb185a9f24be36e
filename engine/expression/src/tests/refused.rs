use whimbrel_model::{ColumnType, IntWidth};

use crate::{
    Problem, Source, assign, check_filter, parse,
    tests::basics::{checked, column, table},
};

/// A problem as a person sees it: where it is, what it is, and what to do.
#[track_caller]
fn shown(text: &str, problems: &[Problem]) -> Vec<[String; 4]> {
    let show = |problem: &Problem| {
        let place = text.get(problem.span.clone()).unwrap();
        let help = problem.help();
        [problem.id().to_owned(), place.to_owned(), problem.to_string(), help]
    };
    problems.iter().map(show).collect()
}

#[track_caller]
fn refused(text: &str, place: &str, id: &str, what: &str, help: &str) {
    let problems = checked(text).map(|checked| checked.warnings).unwrap_err();

    assert_eq!(shown(text, &problems), [[id, place, what, help].map(str::to_owned)], "{text}");
}

#[test]
fn unknown_names_are_named_with_the_nearest() {
    refused(
        "lower(emial)",
        "emial",
        "expression.unknown-column",
        "no column of `orders` is named `emial`",
        "did you mean `email`?",
    );
    refused(
        "lowr(email)",
        "lowr",
        "expression.unknown-function",
        "no function is named `lowr`",
        "did you mean `lower`?",
    );
    refused(
        "LOWER(email)",
        "LOWER",
        "expression.unknown-function",
        "no function is named `LOWER`",
        "did you mean `lower`?",
    );
    refused(
        "col(\"net price\") * 2",
        "col(\"net price\")",
        "expression.unknown-column",
        "no column of `orders` is named `net price`",
        "its columns are `id`, `email`, `price`, `quantity`, `status`",
    );
    refused(
        "größe",
        "größe",
        "expression.literal",
        "`größe` has letters that names have only in quotes",
        "write `col(\"größe\")`",
    );
    refused(
        "substr(email, 1, 2)",
        "substr",
        "expression.unknown-function",
        "no function is named `substr`",
        "did you mean `substring`?",
    );
    refused(
        "left(email)",
        "left(email)",
        "expression.arguments",
        "`left` takes 2 arguments, not 1",
        "write `left(text, length)`",
    );
}

#[test]
fn results_that_change_or_count_rows_are_refused() {
    let again = "a row is computed again when it is copied, followed and verified: take the value from \
                 a column";
    refused(
        "now()",
        "now",
        "expression.not-deterministic",
        "`now` has not the same result each time",
        again,
    );
    refused(
        "unix_timestamp()",
        "unix_timestamp",
        "expression.not-deterministic",
        "`unix_timestamp` has not the same result each time",
        again,
    );
    refused(
        "uuid()",
        "uuid",
        "expression.not-deterministic",
        "`uuid` has not the same result each time",
        again,
    );
    refused(
        "count(*)",
        "count",
        "expression.aggregate",
        "`count` counts over several rows, and an expression sees one",
        "give it under `aggregates`, beside `group_by`",
    );
    refused(
        "sum(price)",
        "sum",
        "expression.aggregate",
        "`sum` counts over several rows, and an expression sees one",
        "give it under `aggregates`, beside `group_by`",
    );
}

#[test]
fn wrong_types_are_named_with_what_is_wanted() {
    refused(
        "price * (email)",
        "email",
        "expression.type",
        "the right side of `*` is text of up to 64 characters, and a number is wanted",
        "join texts by `concat(a, b)`, or read a number from text by `cast_decimal(x, 10, 2)`",
    );
    refused(
        "lower(price)",
        "price",
        "expression.type",
        "the argument of `lower` is a DECIMAL(10,2), and text is wanted",
        "write `cast_char(…)` around it",
    );
    refused(
        "cast_date(price)",
        "price",
        "expression.type",
        "the argument of `cast_date` is a DECIMAL(10,2), and text, a date, or a date and time is wanted",
        "make it text, a date, or a date and time: plans/functions.md has the functions that do",
    );
    refused(
        "status == 1",
        "1",
        "expression.type",
        "text of up to 4 characters and the number 1 have no type in common",
        "write it as text: `\"1\"`, or read a number from the text, such as by `cast_signed(x)`",
    );
    refused(
        "quantity == \"1\"",
        "\"1\"",
        "expression.type",
        "an integer from -2147483648 to 2147483647 and text of one character have no type in common",
        "write the number without quotes, or read one from the text, such as by \
         `cast_decimal(x, 10, 2)`",
    );
    refused(
        "if(quantity, 1, 2)",
        "quantity",
        "expression.type",
        "the first argument of `if` is an integer from -2147483648 to 2147483647, and a condition is \
         wanted",
        "compare it, such as `x != 0`",
    );
    refused(
        "quantity && status == \"paid\"",
        "quantity",
        "expression.type",
        "a side of `&&` is an integer from -2147483648 to 2147483647, and a condition is wanted",
        "compare it, such as `x != 0` or `x != ()`",
    );
}

#[test]
fn what_must_fail_is_found_before_any_row() {
    let change = "change it, or leave the column out: no row would have a value here";
    refused(
        "price / 0",
        "0",
        "expression.always-fails",
        "this fails for every row: division by zero",
        change,
    );
    refused(
        "9223372036854775807 + 1",
        "9223372036854775807 + 1",
        "expression.always-fails",
        "this fails for every row: the result is out of its type's range",
        change,
    );
    refused(
        "cast_date(\"2024-02-30\")",
        "cast_date(\"2024-02-30\")",
        "expression.always-fails",
        "this fails for every row: the text is no date of the calendar",
        change,
    );
    refused(
        "(price * 0.1234567890123456) * 0.1234567890123456",
        "(price * 0.1234567890123456) * 0.1234567890123456",
        "expression.digits",
        "the result has 34 digits after the point, and 30 are the most",
        "round a part first: `round(x, 2)`",
    );
}

#[test]
fn what_is_no_expression_is_called_by_its_name() {
    let forbidden = |text, place, what: &str, help| {
        let what = format!("{what} has no place in an expression");
        refused(text, place, "expression.forbidden", &what, help);
    };
    forbidden("while true { 1 }", "while", "a loop", "an expression computes one value of one row");
    forbidden("total = price", "=", "an assignment", "`==` compares");
    forbidden("quantity += 1", "+=", "an assignment", "`==` compares");
    forbidden("price; quantity", ";", "a second statement", "an expression is one value");
    forbidden("let x", "let", "a variable", "write its value where it is used");
    forbidden("fn f", "fn", "a function definition", "plans/functions.md has all functions");
    forbidden(
        "email.lower()",
        ".",
        "a dot",
        "columns stand without their table, and functions around their argument: `lower(email)`",
    );
    forbidden("[1, 2]", "[1, 2]", "a list", "a list stands on the right of `in`: `x in [1, 2]`");
    let index =
        "take a part of text by `substring(x, 1, 3)`, of a document by `json_extract(x, \"$[0]\")`";
    forbidden("email[0]", "[", "an index", index);
    forbidden("import x", "import", "a module", "plans/functions.md has all functions");
    forbidden(
        "quantity & 1",
        "&",
        "an operation on bits",
        "conditions are joined by `&&` and `||`",
    );
}

#[test]
fn sql_is_recognised() {
    let sql = |text, word: &str, help| {
        refused(text, word, "expression.sql", &format!("`{word}` is SQL"), help);
    };
    sql("price > 1 AND true", "AND", "write `a && b`");
    sql("quantity IS 1", "IS", "write `x == ()` for IS NULL, `x != ()` for IS NOT NULL");
    sql("quantity == null", "null", "write `()`");
    sql("quantity is  Null", "is  Null", "write `x == ()`");
    sql("quantity IS NOT NULL", "IS NOT NULL", "write `x != ()`");
    sql("quantity <> 1", "<>", "write `!=`");
    sql("status like \"p%\"", "like", "write `like(x, \"a%\")`");
    sql("date_add(id, interval 3 day)", "interval", "write `date_add(x, 3, \"day\")`");
    sql("status in (\"paid\")", "in", "write `x in [1, 2]`");
    refused(
        "status == 'paid'",
        "'paid'",
        "expression.quotes",
        "text stands in double quotes",
        "write \"text\" instead of 'text'",
    );
}

#[test]
fn text_that_is_not_finished_is_pointed_at() {
    let mend = "mend it there; plans/functions.md shows how expressions are written";
    refused("lower(email", "email", "expression.syntax", "`)` is missing", mend);
    refused("price *", "*", "expression.syntax", "the expression ends too early", mend);
    refused(
        "  ",
        "  ",
        "expression.syntax",
        "the expression is empty",
        "write the value, such as a column's name",
    );
    refused(
        "default",
        "default",
        "expression.reserved",
        "`default` is a reserved word",
        "a column of that name is `col(\"default\")`",
    );
}

#[test]
fn literals_that_are_prepared_must_be_written_out_and_right() {
    refused(
        "like(email, status)",
        "status",
        "expression.literal",
        "the second argument of `like` must be written out",
        "it is prepared once, before any row is read: no column can stand in it",
    );
    refused(
        "regexp_like(email, \"\\\\d+\")",
        "\"\\\\d+\"",
        "expression.literal",
        "`\\d`, `\\w` and their like differ: write `[0-9]`",
        "a pattern must mean the same to MySQL and to us",
    );
    refused(
        "hash_token(email, \"secret\")",
        "\"secret\"",
        "expression.literal",
        "a key has no place in a plan",
        "write a reference to it: \"${env:TOKEN_KEY}\" or \"${file:/run/secrets/token-key}\"",
    );
    refused(
        "keyspace_id(id, \"lookup\")",
        "\"lookup\"",
        "expression.literal",
        "this vindex is not offered",
        "vindexes are hash, numeric, reverse_bits, xxhash, binary, binary_md5, unicode_loose_md5, \
         unicode_loose_xxhash",
    );
}

#[test]
fn all_problems_are_found_at_once() {
    let problems = checked("lower(emial) == stauts && price / 0 > 1").unwrap_err();

    let ids: Vec<&str> = problems.iter().map(Problem::id).collect();
    assert_eq!(
        ids,
        ["expression.unknown-column", "expression.unknown-column", "expression.always-fails"]
    );
}

#[test]
fn filters_that_no_row_passes_are_refused_with_the_reason() {
    let table = table();
    for (text, reason) in [
        ("1 > 2", "it is never true"),
        ("quantity == 1 && quantity == 2", "`quantity` cannot be all of that at once"),
        ("quantity == () && quantity > 3", "`quantity` cannot be all of that at once"),
        ("quantity > 3 && quantity <= 3", "`quantity` cannot be all of that at once"),
        ("quantity in [1, 2] && quantity > 2", "`quantity` cannot be all of that at once"),
        ("3 < quantity && quantity < 3", "`quantity` cannot be all of that at once"),
        (
            "status == \"paid\" && (status != \"paid\" && price > 0)",
            "`status` cannot be all of that at once",
        ),
        ("quantity == 3000000000", "`quantity` never has such a value"),
        ("quantity > 2147483647", "`quantity` never has such a value"),
        ("status == \"piad\"", "`status` is one of \"open\", \"paid\""),
        ("status in [\"piad\", \"sent\"]", "`status` is one of \"open\", \"paid\""),
        ("id == ()", "`id` never has such a value"),
        ("id == () || 1 == 2", "`id` never has such a value"),
    ] {
        let problems = check_filter(&parse(text).unwrap(), &Source::new(&table)).unwrap_err();

        let what = format!("no row passes this filter: {reason}");
        let help = "change the filter, or leave the table out".to_owned();
        assert_eq!(
            shown(text, &problems),
            [["expression.always-false".to_owned(), text.to_owned(), what, help]]
        );
    }
}

#[test]
fn filters_that_some_row_may_pass_are_kept() {
    let table = table();
    for text in [
        "quantity == 1 || quantity == 2",
        "quantity == () || quantity > 3",
        "quantity >= 3 && quantity <= 3",
        "quantity > 3 && quantity < 5",
        "quantity !in [1, 2] && quantity != 3",
        "quantity != () && quantity != 1",
        "!(quantity == 1 && quantity == 2)",
        "price > 1 && price < 1.01",
        "quantity in [1, ()] && quantity == ()",
        "status in [\"piad\", \"paid\"]",
        "status != \"piad\"",
    ] {
        assert!(check_filter(&parse(text).unwrap(), &Source::new(&table)).is_ok(), "{text}");
    }
}

#[test]
fn comparing_text_warns_where_the_server_would_find_more_equal() {
    let warnings = checked("email == \"a\" || email == () || status == \"paid\"").unwrap().warnings;

    assert_eq!(
        shown("email == \"a\" || email == () || status == \"paid\"", &warnings),
        [[
            "expression.collation",
            "email",
            "`email` compares by utf8mb4_0900_ai_ci in the server, and here character by character",
            "write `lower(email) == \"…\"` if case should not matter",
        ]
        .map(str::to_owned)]
    );
}

#[test]
fn values_that_may_not_fit_their_column_are_refused() {
    let text = |length: u32| {
        let kind = ColumnType::Text {
            charset: "utf8mb4".to_owned(),
            collation: "utf8mb4_0900_bin".to_owned(),
        };
        column("to", kind, &format!("varchar({length})"), false)
    };
    let int = |width, declaration| {
        column("to", ColumnType::Int { width, unsigned: false }, declaration, false)
    };
    let decimal = |precision, scale| {
        let kind = ColumnType::Decimal { precision, scale };
        column("to", kind, &format!("decimal({precision},{scale})"), true)
    };
    let check = |from: &str, to, expected: Option<&str>| {
        let problem = assign(&checked(from).unwrap().expression, &to).err();
        assert_eq!(problem.map(|problem| problem.to_string()).as_deref(), expected, "{from}");
    };
    check("email", text(64), None);
    check("concat(email, \"!\")", text(65), None);
    check(
        "concat(email, \"!\")",
        text(64),
        Some(
            "the value is text of up to 65 characters, and `to` varchar(64) does not take all of that",
        ),
    );
    check("must_fit(concat(email, \"!\"))", text(64), None);
    check(
        "quantity",
        int(IntWidth::Int, "int"),
        Some("the value may be NULL, and `to` is NOT NULL"),
    );
    check("quantity ?? 0", int(IntWidth::Int, "int"), None);
    check(
        "(quantity ?? 0) * 2",
        int(IntWidth::Int, "int"),
        Some(
            "the value is an integer from -4294967296 to 4294967294, and `to` int does not take all of \
             that",
        ),
    );
    check("(quantity ?? 0) * 2", int(IntWidth::Big, "bigint"), None);
    check("price * quantity", decimal(20, 2), None);
    check(
        "price * 1.19",
        decimal(20, 2),
        Some("the value is a DECIMAL(13,4), and `to` decimal(20,2) does not take all of that"),
    );
    check("round(price * 1.19, 2)", decimal(20, 2), None);
    check(
        "email",
        decimal(20, 2),
        Some(
            "the value is text of up to 64 characters, and `to` decimal(20,2) does not take all of that",
        ),
    );
    check("status", column("to", ColumnType::Enum, "enum('open','paid','sent')", false), None);
}
