//! Exact decimal numbers of MySQL's 65 digits.

use std::cmp::Ordering;

use ethnum::I256;
use num_bigint::BigInt;

use crate::types::PRECISION_MAX;

/// An exact number: a whole one divided by a power of ten.
///
/// Invariant: the whole number has at most [`DIGITS_MAX`] digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decimal {
    mantissa: I256,
    scale: u8,
}

/// The most digits in all: MySQL's buffer of nine groups of nine digits has 81, of which 256 bits
/// hold 76; a value that needs more is an error.
const DIGITS_MAX: u32 = 76;

/// A result that has more digits than MySQL's 65, or than can be computed with exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfRange;

/// Powers of ten that fit 128 bits.
const POWERS: [i128; 39] = {
    let mut powers = [1_i128; 39];
    let mut at = 1;
    while at < 39 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

fn power(exponent: u32) -> Option<I256> {
    if let Some(power) = POWERS.get(exponent as usize) {
        return Some(I256::from(*power));
    }
    (exponent <= DIGITS_MAX).then(|| I256::new(10).pow(exponent))
}

impl Decimal {
    /// A whole number.
    pub(crate) fn from_int(value: i128) -> Self {
        Self { mantissa: I256::from(value), scale: 0 }
    }

    /// The number of a text such as `-1.50`; none for any other text, or more than 65 digits.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (is_negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        if digits.len() > 37 {
            return Self::parse_wide(is_negative, digits);
        }
        // The common case: no step can overflow.
        let (mut number, mut scale, mut has_point, mut count) = (0_i128, 0_u8, false, 0_u8);
        for byte in digits {
            match byte {
                b'0'..=b'9' => {
                    number = number * 10 + i128::from(byte - b'0');
                    scale += u8::from(has_point);
                    count += 1;
                }
                b'.' if !has_point => has_point = true,
                _ => return None,
            }
        }
        let number = if is_negative { -number } else { number };
        (count > 0).then_some(Self { mantissa: I256::from(number), scale })
    }

    fn parse_wide(is_negative: bool, digits: &[u8]) -> Option<Self> {
        let mut number = I256::ZERO;
        let (mut scale, mut has_point, mut count) = (0_u8, false, 0_u32);
        for byte in digits {
            match byte {
                b'0'..=b'9' => {
                    if number != I256::ZERO || *byte != b'0' {
                        count += 1;
                    }
                    if count > u32::from(PRECISION_MAX) {
                        return None;
                    }
                    number = number * I256::new(10) + I256::new(i128::from(byte - b'0'));
                    scale = scale.checked_add(u8::from(has_point))?;
                }
                b'.' if !has_point => has_point = true,
                _ => return None,
            }
        }
        let mantissa = if is_negative { -number } else { number };
        Some(Self { mantissa, scale })
    }

    /// Digits after the point.
    pub(crate) fn scale(self) -> u8 {
        self.scale
    }

    /// Digits before the point, none for a number below one.
    pub(crate) fn whole_digits(self) -> u8 {
        let whole = self.rescaled_down(0);
        digit_count(whole.mantissa)
    }

    /// Whether it is zero.
    pub(crate) fn is_zero(self) -> bool {
        self.mantissa == I256::ZERO
    }

    /// Whether it is less than zero.
    pub(crate) fn is_negative(self) -> bool {
        self.mantissa < I256::ZERO
    }

    /// The number with its sign changed.
    pub(crate) fn negated(self) -> Self {
        Self { mantissa: -self.mantissa, scale: self.scale }
    }

    fn big(self, scale: u8) -> BigInt {
        let mantissa = BigInt::from_signed_bytes_le(&self.mantissa.to_le_bytes());
        mantissa * BigInt::from(10).pow(u32::from(scale.saturating_sub(self.scale)))
    }

    fn from_big(number: &BigInt, scale: u8) -> Result<Self, OutOfRange> {
        let negative = number.sign() == num_bigint::Sign::Minus;
        let bytes = number.to_signed_bytes_le();
        let mut wide = [if negative { 0xff } else { 0 }; 32];
        wide.get_mut(..bytes.len()).ok_or(OutOfRange)?.copy_from_slice(&bytes);
        let mantissa = I256::from_le_bytes(wide);
        if u32::from(digit_count(mantissa)) > DIGITS_MAX {
            return Err(OutOfRange);
        }
        Ok(Self { mantissa, scale })
    }

    /// The same number with more digits after the point, if there is room for them.
    fn scaled_up(self, scale: u8) -> Option<I256> {
        let by = power(u32::from(scale.saturating_sub(self.scale)))?;
        let mantissa = self.mantissa.checked_mul(by)?;
        (u32::from(digit_count(mantissa)) <= DIGITS_MAX).then_some(mantissa)
    }

    /// The sum, exact.
    ///
    /// # Errors
    ///
    /// More than 65 digits.
    pub(crate) fn add(self, other: Self) -> Result<Self, OutOfRange> {
        let scale = self.scale.max(other.scale);
        let sum = match (self.scaled_up(scale), other.scaled_up(scale)) {
            (Some(left), Some(right)) => {
                let sum = left.checked_add(right).ok_or(OutOfRange)?;
                Self { mantissa: sum, scale }
            }
            _ => Self::from_big(&(self.big(scale) + other.big(scale)), scale)?,
        };
        sum.checked()
    }

    /// The product, exact.
    ///
    /// # Errors
    ///
    /// More than 65 digits.
    pub(crate) fn multiply(self, other: Self) -> Result<Self, OutOfRange> {
        let scale = self.scale.checked_add(other.scale).ok_or(OutOfRange)?;
        let small = i128::try_from(self.mantissa).ok().zip(i128::try_from(other.mantissa).ok());
        let product = small.and_then(|(left, right)| left.checked_mul(right));
        match product {
            Some(product) => Self { mantissa: I256::from(product), scale },
            None => Self::from_big(&(self.big(self.scale) * other.big(other.scale)), scale)?,
        }
        .checked()
    }

    /// The quotient as MySQL computes it: cut, not rounded, after as many groups of nine digits as
    /// hold `scale_more` digits beyond the dividend's; none for a divisor of zero.
    ///
    /// Source: MySQL, `do_div_mod`.
    pub(crate) fn divide(self, other: Self, scale_more: u8) -> Result<Option<Self>, OutOfRange> {
        if other.is_zero() {
            return Ok(None);
        }
        let groups = |digits: u8| digits.div_ceil(9) * 9;
        let (left, right) = (groups(self.scale), groups(other.scale));
        let spare = (left - self.scale) + (right - other.scale);
        let scale = groups(left + right + scale_more.saturating_sub(spare));
        // The mantissa of the quotient with that scale: a * 10^(scale + b's) / (b * 10^(a's)).
        let by = u32::from(scale) + u32::from(other.scale)
            - u32::from(self.scale).min(u32::from(scale) + u32::from(other.scale));
        let dividend = self.big(self.scale) * BigInt::from(10).pow(by);
        let quotient = dividend / other.big(other.scale);
        Self::from_big(&quotient, scale).map(Some)
    }

    /// What a division to whole numbers leaves, with the dividend's sign; none for a divisor of zero.
    pub(crate) fn modulo(self, other: Self) -> Result<Option<Self>, OutOfRange> {
        if other.is_zero() {
            return Ok(None);
        }
        let scale = self.scale.max(other.scale);
        let rest = match (self.scaled_up(scale), other.scaled_up(scale)) {
            (Some(left), Some(right)) => Self { mantissa: left % right, scale },
            _ => Self::from_big(&(self.big(scale) % other.big(scale)), scale)?,
        };
        rest.checked().map(Some)
    }

    fn checked(self) -> Result<Self, OutOfRange> {
        (digit_count(self.mantissa) <= PRECISION_MAX).then_some(self).ok_or(OutOfRange)
    }

    /// With `scale` digits after the point, rounded half away from zero.
    ///
    /// # Errors
    ///
    /// No room for the zeros that it would need.
    pub(crate) fn rounded(self, scale: u8) -> Result<Self, OutOfRange> {
        if scale >= self.scale {
            let mantissa = self.scaled_up(scale).ok_or(OutOfRange)?;
            return Ok(Self { mantissa, scale });
        }
        let Some(by) = power(u32::from(self.scale - scale)) else {
            return Ok(Self { mantissa: I256::ZERO, scale });
        };
        let (quotient, rest) = (self.mantissa / by, self.mantissa % by);
        let is_up = rest.abs() >= by - rest.abs();
        let step = if !is_up {
            I256::ZERO
        } else if self.is_negative() {
            I256::MINUS_ONE
        } else {
            I256::ONE
        };
        Ok(Self { mantissa: quotient + step, scale })
    }

    /// With at most `scale` digits after the point, cut towards zero.
    pub(crate) fn rescaled_down(self, scale: u8) -> Self {
        if scale >= self.scale {
            return self;
        }
        let by = power(u32::from(self.scale - scale));
        let mantissa = by.map_or(I256::ZERO, |by| self.mantissa / by);
        Self { mantissa, scale }
    }

    /// The number divided by ten so many times: its point is moved, no digit is lost.
    pub(crate) fn with_point_moved(self, places: u8) -> Option<Self> {
        let scale = self.scale.checked_add(places)?;
        Some(Self { mantissa: self.mantissa, scale })
    }

    /// The number multiplied by ten so many times.
    ///
    /// # Errors
    ///
    /// More than 65 digits.
    pub(crate) fn times_power(self, places: u8) -> Result<Self, OutOfRange> {
        if self.is_zero() {
            return Ok(self);
        }
        let by = power(places.into()).ok_or(OutOfRange)?;
        let mantissa = self.mantissa.checked_mul(by).ok_or(OutOfRange)?;
        Self { mantissa, scale: self.scale }.checked()
    }

    /// The whole number, if it is one of 128 bits.
    pub(crate) fn to_int(self) -> Option<i128> {
        let whole = self.rescaled_down(0);
        let is_whole = whole.compare(self) == Ordering::Equal;
        is_whole.then(|| i128::try_from(whole.mantissa).ok()).flatten()
    }

    /// The nearest `DOUBLE`.
    pub(crate) fn to_double(self) -> f64 {
        // Parsing rounds once; dividing the mantissa would round twice.
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// How it compares by value.
    pub(crate) fn compare(self, other: Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        match (self.scaled_up(scale), other.scaled_up(scale)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => self.big(scale).cmp(&other.big(scale)),
        }
    }

    /// Appends it as the server prints it: all digits of its scale, and no sign before zero.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let mut digits = [0_u8; 80];
        let mut length = 0;
        let mut push = |digit: u8| {
            if let Some(place) = digits.get_mut(length) {
                *place = b'0' + digit;
                length += 1;
            }
        };
        let mut rest = self.mantissa.unsigned_abs();
        let ten = ethnum::U256::new(10);
        while rest > ethnum::U256::from(u64::MAX) {
            push(low_digit((rest % ten).as_u64()));
            rest /= ten;
        }
        let mut rest = rest.as_u64();
        while rest > 0 {
            push(low_digit(rest % 10));
            rest /= 10;
        }
        while length <= usize::from(self.scale) {
            push_zero(&mut digits, &mut length);
        }
        if self.is_negative() {
            out.push(b'-');
        }
        for (place, digit) in digits.iter().take(length).enumerate().rev() {
            out.push(*digit);
            if place == usize::from(self.scale) && place > 0 {
                out.push(b'.');
            }
        }
    }
}

fn push_zero(digits: &mut [u8; 80], length: &mut usize) {
    if let Some(place) = digits.get_mut(*length) {
        *place = b'0';
    }
    *length += 1;
}

fn low_digit(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

/// The digits of a number, none for zero.
fn digit_count(mantissa: I256) -> u8 {
    if let Ok(small) = i128::try_from(mantissa) {
        let digits = small.unsigned_abs().checked_ilog10().map_or(0, |digits| digits + 1);
        return u8::try_from(digits).unwrap_or(u8::MAX);
    }
    let mut rest = mantissa.unsigned_abs();
    let by = ethnum::U256::from(POWERS[38].unsigned_abs());
    let mut digits = 0;
    while rest >= by {
        rest /= by;
        digits += 38;
    }
    let low = rest.as_u128().checked_ilog10().map_or(0, |digits| digits + 1);
    digits + u8::try_from(low).unwrap_or(u8::MAX)
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::with_capacity(68);
        self.write(&mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other) == Ordering::Equal
    }
}
