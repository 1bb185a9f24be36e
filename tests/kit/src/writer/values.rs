use super::random::Random;

/// The longest text or bytes that the writer makes up.
const LENGTH_MAX: u64 = 24;

/// What the values of a column look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Integers of `low..=high`; BIT, YEAR, ENUM by number and SET by bits too.
    Integer {
        low: i128,
        high: i128,
    },
    /// DECIMAL with so many digits before and after the point.
    Decimal {
        whole: u32,
        fraction: u32,
    },
    /// FLOAT and DOUBLE.
    Float,
    /// Text of so many characters.
    Text {
        length: u64,
    },
    /// Bytes, at most so many.
    Bytes {
        length: u64,
    },
    Date,
    /// TIME of so many fractional digits.
    Time {
        fraction: u64,
    },
    /// DATETIME and TIMESTAMP of so many fractional digits.
    Datetime {
        fraction: u64,
    },
    Json,
    Geometry,
    /// A type that is only ever left at its default.
    Other,
}

impl Kind {
    /// The kind of a column by `information_schema`'s words, short and full.
    pub(crate) fn of(data_type: &str, column_type: &str) -> Self {
        let numbers = numbers_in(column_type);
        let first = numbers.first().copied();
        let length = first.unwrap_or(LENGTH_MAX).min(LENGTH_MAX);
        let fraction = first.unwrap_or(0);
        match data_type {
            "tinyint" => integer(8, column_type),
            "smallint" => integer(16, column_type),
            "mediumint" => integer(24, column_type),
            "int" => integer(32, column_type),
            "bigint" => integer(64, column_type),
            "year" => Self::Integer { low: 1901, high: 2155 },
            "bit" => Self::Integer { low: 0, high: (1 << first.unwrap_or(1).min(64)) - 1 },
            "enum" => Self::Integer { low: 1, high: members_in(column_type) },
            "set" => Self::Integer { low: 0, high: (1 << members_in(column_type).min(64)) - 1 },
            "decimal" => {
                let scale = numbers.get(1).copied().unwrap_or(0);
                let whole = first.unwrap_or(10).saturating_sub(scale);
                Self::Decimal {
                    whole: u32::try_from(whole).unwrap_or(0).min(18),
                    fraction: u32::try_from(scale).unwrap_or(0).min(18),
                }
            }
            "float" | "double" => Self::Float,
            "char" | "varchar" => Self::Text { length },
            "tinytext" | "text" | "mediumtext" | "longtext" => Self::Text { length: LENGTH_MAX },
            "binary" | "varbinary" => Self::Bytes { length },
            "tinyblob" | "blob" | "mediumblob" | "longblob" => Self::Bytes { length: LENGTH_MAX },
            "date" => Self::Date,
            "time" => Self::Time { fraction },
            "datetime" | "timestamp" => Self::Datetime { fraction },
            "json" => Self::Json,
            "geometry" | "point" => Self::Geometry,
            _ => Self::Other,
        }
    }

    /// A random value, as SQL.
    pub(crate) fn value(&self, random: &mut Random) -> String {
        match *self {
            Self::Integer { low, high } => random.between(low, high).to_string(),
            Self::Decimal { whole, fraction } => decimal(whole, fraction, random),
            // Eighths are exact in both widths.
            Self::Float => format!("{}e-3", random.between(-1_000_000, 1_000_000) * 125),
            Self::Text { length } => text(length, random),
            Self::Bytes { length } => {
                let bytes = (0..random.below(length + 1)).map(|_| random.draw() % 256);
                format!("x'{}'", bytes.map(|byte| format!("{byte:02x}")).collect::<String>())
            }
            Self::Date => format!("'{}'", date(random)),
            Self::Time { fraction } => {
                let hours = random.between(-838, 837);
                format!("'{hours}:{}{}'", minutes(random), fractional(fraction, random))
            }
            Self::Datetime { fraction } => {
                let (date, hour) = (date(random), random.below(24));
                format!("'{date} {hour:02}:{}{}'", minutes(random), fractional(fraction, random))
            }
            Self::Json => json(random),
            Self::Geometry => {
                format!("ST_GeomFromText('POINT({} {})')", random.below(1000), random.below(1000))
            }
            Self::Other => "DEFAULT".to_owned(),
        }
    }
}

fn integer(bits: u32, column_type: &str) -> Kind {
    if column_type.contains("unsigned") {
        Kind::Integer { low: 0, high: (1 << bits) - 1 }
    } else {
        Kind::Integer { low: -(1 << (bits - 1)), high: (1 << (bits - 1)) - 1 }
    }
}

/// The numbers in a type's parentheses.
fn numbers_in(column_type: &str) -> Vec<u64> {
    let inside = column_type.split(['(', ')']).nth(1).unwrap_or_default();
    inside.split(',').filter_map(|number| number.trim().parse().ok()).collect()
}

/// How many members an ENUM or SET has. A quote inside of a member is doubled, which leaves the count of pairs as it is
/// only if pairs are skipped.
fn members_in(column_type: &str) -> i128 {
    let quotes = column_type.replace("''", "").matches('\'').count();
    // An empty member is two quotes too, and counts as one at least.
    let pairs = i128::try_from(quotes / 2).unwrap_or(1);
    pairs.max(1)
}

fn decimal(whole: u32, fraction: u32, random: &mut Random) -> String {
    let sign = if random.percent(30) { "-" } else { "" };
    let digits = random.between(0, 10_i128.pow(whole) - 1);
    if fraction == 0 {
        return format!("{sign}{digits}");
    }
    let width = usize::try_from(fraction).unwrap_or(0);
    let fraction = random.between(0, 10_i128.pow(fraction) - 1);
    format!("{sign}{digits}.{fraction:0width$}")
}

/// Letters, digits, and what SQL must escape. All of it is in every character set.
fn text(length: u64, random: &mut Random) -> String {
    const ALPHABET: &[u8] =
        b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.%\\'\"";
    let mut text = String::from("'");
    for _ in 0..length {
        let place = usize::try_from(random.below(ALPHABET.len() as u64)).unwrap_or(0);
        let letter = char::from(ALPHABET.get(place).copied().unwrap_or(b'a'));
        if matches!(letter, '\'' | '\\') {
            text.push('\\');
        }
        text.push(letter);
    }
    text.push('\'');
    text
}

fn date(random: &mut Random) -> String {
    let (year, month, day) =
        (random.between(1971, 2037), random.between(1, 12), random.between(1, 28));
    format!("{year}-{month:02}-{day:02}")
}

fn minutes(random: &mut Random) -> String {
    format!("{:02}:{:02}", random.below(60), random.below(60))
}

fn fractional(digits: u64, random: &mut Random) -> String {
    match usize::try_from(digits.min(6)) {
        Ok(0) | Err(_) => String::new(),
        Ok(width) => format!(
            ".{:0width$}",
            random.below(10_u64.pow(u32::try_from(digits.min(6)).unwrap_or(0)))
        ),
    }
}

fn json(random: &mut Random) -> String {
    let number = random.between(-1_000_000, 1_000_000);
    let half = format!("{}.5", random.below(1_000));
    let list: Vec<String> = (0..random.below(4)).map(|_| random.below(100).to_string()).collect();
    format!("'{{\"n\": {number}, \"half\": {half}, \"list\": [{}], \"on\": true}}'", list.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_the_servers_words() {
        let cases = [
            ("int", "int", Kind::Integer { low: -2_147_483_648, high: 2_147_483_647 }),
            ("bigint", "bigint unsigned", Kind::Integer { low: 0, high: i128::from(u64::MAX) }),
            ("decimal", "decimal(12,2)", Kind::Decimal { whole: 10, fraction: 2 }),
            ("enum", "enum('a','b','it''s')", Kind::Integer { low: 1, high: 3 }),
            ("set", "set('x','y')", Kind::Integer { low: 0, high: 3 }),
            ("varchar", "varchar(255)", Kind::Text { length: 24 }),
            ("char", "char(3)", Kind::Text { length: 3 }),
            ("datetime", "datetime(6)", Kind::Datetime { fraction: 6 }),
            ("vector", "vector(3)", Kind::Other),
        ];

        for (data_type, column_type, expected) in cases {
            assert_eq!(Kind::of(data_type, column_type), expected, "{column_type}");
        }
    }
}
