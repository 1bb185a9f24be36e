//! Values that are worth asking about: bounds, and some of every kind.

use whimbrel_kit::Random;

/// The columns and their types.
pub(crate) const COLUMNS: [(&str, &str); 20] = [
    ("i", "bigint"),
    ("u", "bigint unsigned"),
    ("s", "int"),
    ("d", "decimal(10,2)"),
    ("w", "decimal(65,30)"),
    ("p", "decimal(65,0)"),
    ("q", "decimal(30,9)"),
    ("f", "double"),
    ("g", "float"),
    ("t", "varchar(64)"),
    ("n", "varchar(30)"),
    ("b", "varbinary(32)"),
    ("l", "varchar(32) character set latin1"),
    ("dt", "datetime(6)"),
    ("dz", "datetime"),
    ("da", "date"),
    ("ti", "time(6)"),
    ("j", "json"),
    ("e", "enum('a','B','ü')"),
    ("y", "year"),
];

/// The values of each column that something has gone wrong with, or may.
const EDGES: &[(&str, &[&str])] = &[
    ("i", &["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "4294967296"]),
    ("u", &["0", "1", "18446744073709551615", "9223372036854775808", "9223372036854775807"]),
    ("s", &["0", "1", "-1", "2", "3", "-3", "5", "7", "64", "2147483647", "-2147483648"]),
    ("d", &["0.00", "-0.01", "0.50", "-0.50", "2.50", "99999999.99", "-99999999.99", "1.005"]),
    (
        "w",
        &[
            "0",
            "99999999999999999999999999999999999.999999999999999999999999999999",
            "-99999999999999999999999999999999999.999999999999999999999999999999",
            "0.000000000000000000000000000001",
            "-1.5",
            "3",
        ],
    ),
    (
        "p",
        &[
            "0",
            "99999999999999999999999999999999999999999999999999999999999999999",
            "-1",
            "7",
            "12345678901234567890123456789012345678901234567890",
        ],
    ),
    ("q", &["0", "0.000000001", "-999999999999999999999.999999999", "1.5", "-2.5", "3"]),
    (
        "f",
        &[
            "0e0",
            "-0e0",
            "1.5e0",
            "2.5e0",
            "-3.5e0",
            "1e15",
            "2051999999999999.8e0",
            "-2051999999999999.8e0",
            "1234567890123456e0",
            "1e16",
            "1e17",
            "1e100",
            "1e-5",
            "1.2345678901234567e-7",
            "123456789012345680e0",
            "0.1e0",
            "1e308",
            "-1e22",
            "9007199254740993e0",
        ],
    ),
    (
        "t",
        &[
            "''",
            "' '",
            "'a'",
            "'A'",
            "'abc'",
            "'Abc def'",
            "'  x  '",
            "'ÅÄÖ ß'",
            "'été'",
            "'日本語'",
            "'😀a😀'",
            "'aXbXc'",
            "'a,b,c'",
            "'ann@example.org'",
            "'İıſK'",
            "'line\\nend\\n'",
            "'%_\\\\'",
            "'123'",
            "'-45'",
            "'a  '",
            "'x\\ty'",
            "'xxaxx'",
        ],
    ),
    ("n", &["'0'", "'12'", "'-7'", "'1.50'", "'+3'", "'99999999999999999999'", "'0.005'"]),
    ("b", &["''", "x'00'", "x'ff'", "x'c3a9'", "x'00010203040506070809101112131415'", "'abc'"]),
    ("l", &["''", "'abc'", "'é'", "'€uro'", "'Ž'", "'ÿ'"]),
    (
        "dt",
        &[
            "'0000-00-00'",
            "'1970-01-01 00:00:00'",
            "'1970-01-01 00:00:01'",
            "'9999-12-31 23:59:59.999999'",
            "'2024-02-29 12:00:00.5'",
            "'1000-01-01 00:00:00'",
            "'2024-03-31 02:30:00'",
            "'2024-10-27 02:30:00.25'",
            "'2038-01-19 03:14:08'",
            "'2024-00-00 10:00:00'",
            "'3001-01-18 23:59:59'",
            "'3001-01-19 00:00:00'",
            "'0001-01-01 00:00:00'",
        ],
    ),
    (
        "dz",
        &[
            "'2024-03-31 01:59:59'",
            "'2024-03-31 02:00:00'",
            "'2024-10-27 02:00:00'",
            "'1999-12-31 23:59:59'",
        ],
    ),
    (
        "da",
        &[
            "'0000-00-00'",
            "'2024-02-29'",
            "'1900-02-28'",
            "'9999-12-31'",
            "'2023-00-10'",
            "'2024-01-31'",
            "'0001-01-01'",
        ],
    ),
    ("ti", &["'00:00:00'", "'-838:59:59'", "'838:59:59'", "'-00:00:00.5'", "'12:34:56.789012'"]),
    (
        "j",
        &[
            "'null'",
            "'1'",
            "'\"a \\\\\" b\"'",
            "'{\"a\": {\"b\": [1, \"x\", {\"c\": 2.5}]}, \"é\": true}'",
            "'[]'",
            "'{}'",
            "'[1, [2, 3], \"\\\\u00e9\\\\n\"]'",
            "'1.5'",
            "'1e20'",
            "'{\"a\": 1e-7, \"b\": null}'",
            "cast(1.50 as json)",
            "'{\"a\": 100000000000000000000000}'",
            "'\"x\"'",
            "'-0.0'",
            "'-1040821560622550.5'",
            "'0.1'",
        ],
    ),
    ("g", &["0.1", "-0.1", "1.5", "16777217", "3.4e38", "1e-30"]),
    ("y", &["2024", "1901", "2155", "0000", "1999"]),
    ("e", &["'a'", "'B'", "'ü'"]),
];

/// A literal for the column: an edge as often as a random value.
pub(crate) fn value(name: &str, random: &mut Random) -> String {
    if random.percent(10) {
        return "null".to_owned();
    }
    let (_, edges) = EDGES.iter().find(|(column, _)| *column == name).unwrap();
    if matches!(name, "e" | "g" | "y") || random.percent(50) {
        let index = random.below(u64::try_from(edges.len()).unwrap());
        return edges[usize::try_from(index).unwrap()].to_owned();
    }
    match name {
        "t" => text(random),
        "dt" | "dz" | "da" | "ti" => moment(name, random),
        _ => number(name, random),
    }
}

fn sign(random: &mut Random) -> &'static str {
    if random.percent(50) { "" } else { "-" }
}

/// A number, or what is made of some.
fn number(name: &str, random: &mut Random) -> String {
    let (sign, small, wide) = (sign(random), random.below(1_000), random.draw());
    let fraction = random.below(1_000_000_000_000_000);
    let narrower = wide >> random.below(60);
    match name {
        "i" => format!("{}", i64::from_le_bytes(wide.to_le_bytes()) >> random.below(60)),
        "u" => format!("{narrower}"),
        "s" => format!("{sign}{}", small % 40),
        "d" => format!("{sign}{}.{:02}", wide % 100_000_000, small % 100),
        "w" => format!("{sign}{wide}.{fraction:015}{:015}", wide % 1_000_000_007),
        "p" => format!("{sign}{wide}{}{small:03}", random.draw()),
        "q" => format!("{sign}{narrower}.{:09}", fraction % 1_000_000_000),
        "f" => format!("{sign}{}.{small}e{}", small % 100, random.between(-30, 29)),
        "n" => format!("'{sign}{}'", wide >> random.below(64)),
        "b" => format!("x'{wide:016x}'"),
        "l" => format!("'{small}ñ'"),
        _ => format!(
            "'{{\"a\": {{\"b\": [{small}, {{\"c\": {sign}{wide}.5}}]}}, \"n\": \"v{small}\"}}'"
        ),
    }
}

/// A date, a date and time, or a time.
fn moment(name: &str, random: &mut Random) -> String {
    let year = if random.percent(50) { 1970 + random.below(70) } else { 1 + random.below(9_998) };
    let date = format!("{year:04}-{:02}-{:02}", 1 + random.below(12), 1 + random.below(28));
    let (minute, second, micros) = (random.below(60), random.below(60), random.below(1_000_000));
    let clock = format!("{:02}:{minute:02}:{second:02}", random.below(24));
    match name {
        "da" => format!("'{date}'"),
        "dz" => format!("'{date} {clock}'"),
        "dt" => format!("'{date} {clock}.{micros:06}'"),
        _ => {
            let (sign, hours) = (sign(random), random.below(838));
            format!("'{sign}{hours}:{minute:02}:{second:02}.{micros:06}'")
        }
    }
}

fn text(random: &mut Random) -> String {
    const CHARACTERS: [char; 20] = [
        'a', 'b', 'X', 'Z', ' ', 'é', 'Ä', 'ß', 'Ω', 'ω', 'Я', 'я', '日', '😀', '0', '9', '-', ',',
        '.', 'Σ',
    ];
    let length = random.below(20);
    let pick = |random: &mut Random| CHARACTERS[usize::try_from(random.below(20)).unwrap()];
    format!("'{}'", (0..length).map(|_| pick(random)).collect::<String>())
}
