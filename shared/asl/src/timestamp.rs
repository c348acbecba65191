//! A moment in time, as the States Language reads and writes it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z. The interpreter never reads a clock: every moment comes in
/// with a stimulus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment this many milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch with a fraction, the form of AWS JSON protocols.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since the epoch fit a double's 53 bits")]
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// This moment and `millis` more, saturating.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Reads an RFC 3339 timestamp as AWS accepts it: an uppercase `T`, and `Z` or a numeric offset.
    /// Digits beyond the millisecond are cut.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_nanos(text).map(|nanos| Self((nanos.div_euclid(1_000_000)) as i64))
    }

    /// As [`Timestamp::parse`], to the nanosecond, for comparisons.
    pub(crate) fn parse_nanos(text: &str) -> Option<i128> {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| -> Option<i64> {
            let part = bytes.get(range)?;
            part.iter()
                .all(u8::is_ascii_digit)
                .then(|| part.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0')))
        };
        let at = |index: usize, expected: u8| (bytes.get(index) == Some(&expected)).then_some(());
        let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
        at(4, b'-')?;
        at(7, b'-')?;
        at(10, b'T')?;
        let (hour, minute) = (digits(11..13)?, digits(14..16)?);
        at(13, b':')?;
        let mut next = 16;
        let mut second = 0;
        let mut nanos: i128 = 0;
        if bytes.get(next) == Some(&b':') {
            second = digits(17..19)?;
            next = 19;
            if bytes.get(next) == Some(&b'.') {
                let start = next + 1;
                let end = start + bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if end == start || end - start > 9 {
                    return None;
                }
                let scale = 10_i128.pow(9 - (end - start) as u32);
                nanos = i128::from(digits(start..end)?) * scale;
                next = end;
            }
        }
        let offset_minutes = match bytes.get(next)? {
            b'Z' if bytes.len() == next + 1 => 0,
            sign @ (b'+' | b'-') if bytes.len() == next + 6 => {
                at(next + 3, b':')?;
                let (hours, minutes) = (digits(next + 1..next + 3)?, digits(next + 4..next + 6)?);
                if hours > 18 || minutes > 59 {
                    return None;
                }
                (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
            }
            _ => return None,
        };
        if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return None;
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds = days_from_civil(year, month, day) * 86_400
            + hour * 3600
            + (minute - offset_minutes) * 60
            + second;
        Some(i128::from(seconds) * 1_000_000_000 + nanos)
    }
}

/// `2026-01-31T09:30:00.000Z`, the form of the context object.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, millis) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil_from_days(days);
        let seconds = millis / 1000;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            millis % 1000
        )
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch of a date of the proleptic Gregorian calendar (Howard Hinnant's algorithm).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn what_is_written_is_read_back() {
        for millis in [0, 1_763_837_631_123, -1, 951_782_400_000, 253_402_300_799_999] {
            let moment = Timestamp::from_millis(millis);
            assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        }
    }

    #[test]
    fn offsets_and_fractions_are_understood() {
        assert_eq!(Timestamp::parse("1970-01-01T01:00:00+01:00"), Some(Timestamp::from_millis(0)));
        assert_eq!(Timestamp::parse("1970-01-01T00:00:00.5Z"), Some(Timestamp::from_millis(500)));
    }

    #[test]
    fn what_is_not_a_timestamp_is_refused() {
        for text in ["", "2024-02-30T00:00:00Z", "2024-01-01", "2024-01-01t00:00:00Z", "2024-01-01T24:00:00Z"]
        {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
