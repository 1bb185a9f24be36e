use whimbrel_model::{Cell, Column, ColumnType, Datetime};

use crate::{
    Fault, Scratch, Source, assign, check, parse,
    tests::basics::{checked, column, row, table},
};

#[track_caller]
fn becomes(text: &str, to: &Column, expected: Result<Cell<'_>, Fault>) {
    let checked = checked(text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
    let assignment = assign(&checked.expression, to).unwrap_or_else(|problem| panic!("{problem}"));
    let row = row();
    let mut scratch = Scratch::default();

    let cell = assignment.evaluate(&row, &mut scratch).map_err(|error| error.fault);

    assert_eq!(cell, expected, "{text} to {}", to.declaration);
}

fn text(charset: &str, declaration: &str) -> Column {
    let kind =
        ColumnType::Text { charset: charset.to_owned(), collation: format!("{charset}_bin") };
    column("to", kind, declaration, false)
}

#[test]
fn text_becomes_the_bytes_that_the_column_would_give_back() {
    let utf8 = text("utf8mb4", "varchar(8)");
    becomes("\"é€\"", &utf8, Ok(Cell::Bytes("é€".as_bytes())));
    becomes("\"a  \"", &utf8, Ok(Cell::Bytes(b"a  ")));
    becomes("\"a  \"", &text("utf8mb4", "char(8)"), Ok(Cell::Bytes(b"a")));
    becomes("\"é€\"", &text("latin1", "varchar(8)"), Ok(Cell::Bytes(b"\xe9\x80")));
    becomes("\"Ω\"", &text("latin1", "varchar(8)"), Err(Fault::NotInCharset));
    becomes("\"é\"", &text("ascii", "varchar(8)"), Err(Fault::NotInCharset));
    becomes("\"😀\"", &text("utf8mb3", "varchar(8)"), Err(Fault::NotInCharset));
    becomes("must_fit(email)", &utf8, Err(Fault::DoesNotFit));
    becomes("must_fit(left(email, 8))", &utf8, Ok(Cell::Bytes(b"Ann@Exam")));
    becomes(
        "concat(email, \"é\")",
        &text("utf8mb4", "tinytext"),
        Ok(Cell::Bytes("Ann@Example.orgé".as_bytes())),
    );
}

#[test]
fn members_become_their_places() {
    let members = column("to", ColumnType::Enum, "enum('x','paid','open')", false);
    becomes("status", &members, Ok(Cell::UInt(2)));
    becomes("\"nobody\"", &members, Err(Fault::NoMember));
    let longer = column("to", ColumnType::Enum, "enum('open','paid','sent')", false);
    becomes("status", &longer, Ok(Cell::UInt(2)));
    let set = column("to", ColumnType::Set { members: 3 }, "set('a','b','c')", false);
    becomes("\"c,a\"", &set, Ok(Cell::UInt(5)));
    becomes("\"\"", &set, Ok(Cell::UInt(0)));
    becomes("\"d\"", &set, Err(Fault::NoMember));
}

#[test]
fn numbers_keep_all_their_digits_or_fail() {
    let decimal = |precision, scale| {
        let kind = ColumnType::Decimal { precision, scale };
        column("to", kind, &format!("decimal({precision},{scale})"), false)
    };
    becomes("price", &decimal(12, 4), Ok(Cell::Decimal(b"-1.5000")));
    becomes("must_fit(price)", &decimal(10, 1), Ok(Cell::Decimal(b"-1.5")));
    becomes("must_fit(price)", &decimal(10, 0), Err(Fault::DoesNotFit));
    // A quotient has four digits more than what is divided, as the server's, and is not cut to fewer.
    becomes("must_fit(price / 7)", &decimal(10, 6), Ok(Cell::Decimal(b"-0.214286")));
    becomes("must_fit(price / 7)", &decimal(10, 4), Err(Fault::DoesNotFit));
    becomes("round(price / 7, 4)", &decimal(14, 4), Ok(Cell::Decimal(b"-0.2143")));
    becomes("must_fit(id * 100)", &decimal(2, 0), Err(Fault::DoesNotFit));
    becomes("if(quantity > 2, 7, price)", &decimal(10, 2), Ok(Cell::Decimal(b"7.00")));
    becomes(
        "must_fit(1.5e0)",
        &column("to", ColumnType::Float, "float", false),
        Ok(Cell::Float(1.5)),
    );
    becomes(
        "must_fit(0.1e0)",
        &column("to", ColumnType::Float, "float", false),
        Err(Fault::DoesNotFit),
    );
    becomes("quantity == 3", &decimal(1, 0), Ok(Cell::Decimal(b"1")));
}

#[test]
fn bytes_and_times_are_those_that_the_column_holds() {
    let fixed = column("to", ColumnType::FixedBinary { length: 4 }, "binary(4)", false);
    becomes(
        "unhex(\"0102\") ?? unhex(\"\")",
        &Column { nullable: true, ..fixed },
        Ok(Cell::Bytes(&[1, 2, 0, 0])),
    );
    let timestamp = column("to", ColumnType::Timestamp { fsp: 0 }, "timestamp", true);
    let at = Datetime::from_unix(1_706_659_200, 0);
    becomes("from_unixtime(1706659200)", &timestamp, Ok(Cell::Datetime(at)));
    becomes("from_unixtime(2147483648)", &timestamp, Err(Fault::DoesNotFit));
    becomes("from_unixtime(0)", &timestamp, Err(Fault::DoesNotFit));
}

#[test]
fn a_token_is_keyed_and_its_key_is_shown_to_nobody() {
    let table = table();
    let secret = |reference: &str| {
        assert_eq!(reference, "${env:TOKEN_KEY}");
        Ok("0123456789abcdef".to_owned())
    };
    let source = Source::new(&table).with_secrets(&secret);
    let syntax = parse("hash_token(id, \"${env:TOKEN_KEY}\")").unwrap();

    let checked = check(&syntax, &source).unwrap();

    let row = row();
    let mut scratch = Scratch::default();
    // printf 7 | openssl dgst -sha256 -hmac 0123456789abcdef
    let expected = "f69cf4852626eee19b92af564b9413e44aa526cc9e726ab9b8972af1d3b39092";
    let cell = checked.expression.evaluate(&row, &mut scratch);
    assert_eq!(cell, Ok(Cell::Bytes(expected.as_bytes())));
    assert!(!format!("{checked:?}").contains("0123456789"));
    assert!(check(&syntax, &Source::new(&table)).is_err());
}
