//! The formats of `date_format`.

use std::fmt::Write as _;

use whimbrel_model::{Date, Datetime};

use crate::{interval::day_number, temporal::is_calendar_day};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A format, in pieces.
#[derive(Debug)]
pub(crate) struct Format(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Sign(char),
}

impl Format {
    /// The format that a text is.
    ///
    /// # Errors
    ///
    /// The sign behind a `%` that is not offered.
    pub(super) fn parse(text: &str) -> Result<Self, char> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match (character, characters.clone().next()) {
                ('%', Some(sign)) => {
                    characters.next();
                    match sign {
                        // The weeks of a year depend on the session.
                        'U' | 'u' | 'V' | 'v' | 'X' | 'x' => return Err(sign),
                        sign if SIGNS.contains(sign) => {
                            pieces.push(Piece::Text(std::mem::take(&mut plain)));
                            pieces.push(Piece::Sign(sign));
                        }
                        other => plain.push(other),
                    }
                }
                (other, _) => plain.push(other),
            }
        }
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    /// The most characters of a printed date.
    pub(super) fn characters_max(&self) -> u32 {
        let length = |piece: &Piece| match piece {
            Piece::Text(text) => text.chars().count(),
            Piece::Sign('r') => 11,
            Piece::Sign('M' | 'W') => 9,
            Piece::Sign('T') => 8,
            Piece::Sign('f') => 6,
            Piece::Sign('Y' | 'D') => 4,
            Piece::Sign('w') => 1,
            Piece::Sign('a' | 'b' | 'j') => 3,
            Piece::Sign(_) => 2,
        };
        u32::try_from(self.0.iter().map(length).sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// Whether it has the day of a week or of a year.
    pub(super) fn asks_for_a_calendar_day(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Sign('W' | 'a' | 'j' | 'w')))
    }

    /// The date in this format; none where a part of it is of no calendar.
    pub(super) fn print(&self, at: Datetime) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Sign(sign) => print(&mut text, *sign, at)?,
            }
        }
        Some(text)
    }
}

const SIGNS: &str = "YymcdeHkhIlisSfTrpjwWaMbD";

fn print(text: &mut String, sign: char, at: Datetime) -> Option<()> {
    let Datetime { date, hour, minute, second, micros } = at;
    let Date { year, month, day } = date;
    let twelve = (hour + 11) % 12 + 1;
    let half = if hour < 12 { "AM" } else { "PM" };
    let written = match sign {
        'Y' => write!(text, "{year:04}"),
        'y' => write!(text, "{:02}", year % 100),
        'm' => write!(text, "{month:02}"),
        'c' => write!(text, "{month}"),
        'd' => write!(text, "{day:02}"),
        'e' => write!(text, "{day}"),
        'H' => write!(text, "{hour:02}"),
        'k' => write!(text, "{hour}"),
        'h' | 'I' => write!(text, "{twelve:02}"),
        'l' => write!(text, "{twelve}"),
        'i' => write!(text, "{minute:02}"),
        's' | 'S' => write!(text, "{second:02}"),
        'f' => write!(text, "{micros:06}"),
        'T' => write!(text, "{hour:02}:{minute:02}:{second:02}"),
        'r' => write!(text, "{twelve:02}:{minute:02}:{second:02} {half}"),
        'p' => text.write_str(half),
        'D' => write!(text, "{day}{}", ending(day)),
        'M' | 'b' => {
            let name = MONTHS.get(usize::from(month.checked_sub(1)?))?;
            text.write_str(if sign == 'b' { name.get(..3)? } else { name })
        }
        'j' => {
            let first = Date { month: 1, day: 1, ..date };
            let days = day_number(calendar(date)?) - day_number(first) + 1;
            write!(text, "{days:03}")
        }
        'w' => write!(text, "{}", (weekday(date)? + 1) % 7),
        _ => {
            let name = DAYS.get(weekday(date)?)?;
            text.write_str(if sign == 'a' { name.get(..3)? } else { name })
        }
    };
    written.ok()
}

fn calendar(date: Date) -> Option<Date> {
    is_calendar_day(date).then_some(date)
}

/// 0 for Monday.
fn weekday(date: Date) -> Option<usize> {
    usize::try_from((day_number(calendar(date)?) + 5).rem_euclid(7)).ok()
}

fn ending(day: u8) -> &'static str {
    match (day / 10, day % 10) {
        (1, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}
