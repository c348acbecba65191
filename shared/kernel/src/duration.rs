//! Spans of time as people write them: `30s`, `48h`, `30d`, or ISO 8601.

use std::{fmt, str::FromStr, time::Duration};

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A positive span of whole seconds, at most ten years.
///
/// Written `30s`, `15m`, `48h`, `30d`, `2w`, a sequence of those (`1h30m`), or ISO 8601 (`PT48H`, `P30D`).
/// A day is 24 hours: months and years, whose length depends on the date, are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

/// Why a text is not a span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{given}' is not a duration: write '30s', '15m', '48h', '30d', '1h30m' or ISO 8601 such as 'PT48H'; at least 1 second, at most 3650 days"
)]
pub struct SpanError {
    given: String,
}

impl Span {
    /// The longest span: ten years of 365 days.
    pub const MAX: Self = Self(3650 * 86_400);

    /// A span of so many seconds, at least 1 and at most [`Span::MAX`].
    ///
    /// # Errors
    /// [`SpanError`] outside that range.
    pub fn from_seconds(seconds: u64) -> Result<Self, SpanError> {
        if (1..=Self::MAX.0).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(SpanError { given: format!("{seconds}s") })
        }
    }

    /// Whole seconds.
    #[must_use]
    pub const fn as_seconds(self) -> u64 {
        self.0
    }

    /// As a standard duration.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_secs(self.0)
    }

    /// As a duration that can be added to a timestamp.
    #[must_use]
    pub fn as_signed(self) -> SignedDuration {
        SignedDuration::from_secs(i64::try_from(self.0).unwrap_or(i64::MAX))
    }
}

/// Sums `number unit` pairs; `None` on anything else or on overflow.
fn sum(mut text: &str, seconds_of: impl Fn(char) -> Option<u64>) -> Option<u64> {
    let mut total = 0_u64;
    while !text.is_empty() {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = text.get(..digits)?.parse().ok()?;
        let unit = text.get(digits..)?.chars().next()?;
        total = total.checked_add(number.checked_mul(seconds_of(unit)?)?)?;
        text = text.get(digits + unit.len_utf8()..)?;
    }
    Some(total)
}

fn date_unit(unit: char) -> Option<u64> {
    match unit {
        'W' => Some(604_800),
        'D' => Some(86_400),
        _ => None,
    }
}

fn time_unit(unit: char) -> Option<u64> {
    match unit {
        'H' => Some(3600),
        'M' => Some(60),
        'S' => Some(1),
        _ => None,
    }
}

fn seconds(text: &str) -> Option<u64> {
    if let Some(iso) = text.strip_prefix('P') {
        let (date, time) = iso.split_once('T').map_or((iso, None), |(date, time)| (date, Some(time)));
        if time.is_some_and(str::is_empty) || (date.is_empty() && time.is_none()) {
            return None;
        }
        let time = sum(time.unwrap_or_default(), time_unit)?;
        return sum(date, date_unit)?.checked_add(time);
    }
    sum(text, |unit| {
        if unit.is_ascii_uppercase() {
            return None;
        }
        let unit = unit.to_ascii_uppercase();
        date_unit(unit).or_else(|| time_unit(unit))
    })
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let refusal = || SpanError { given: text.chars().take(64).collect() };
        seconds(text).and_then(|seconds| Self::from_seconds(seconds).ok()).ok_or_else(refusal)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, unit) = [(86_400, 'd'), (3600, 'h'), (60, 'm')]
            .into_iter()
            .find(|(size, _)| self.0.is_multiple_of(*size))
            .unwrap_or((1, 's'));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A span of time: `30s`, `15m`, `48h`, `30d`, `1h30m`, or ISO 8601 such as `PT48H`.",
            "pattern": "^([0-9]+[smhdw])+$|^P([0-9]+[WD])*(T([0-9]+[HMS])+)?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_and_iso_8601_mean_the_same() {
        for (text, seconds) in [
            ("30s", 30),
            ("15m", 900),
            ("48h", 172_800),
            ("PT48H", 172_800),
            ("30d", 2_592_000),
            ("P30D", 2_592_000),
            ("1h30m", 5400),
            ("PT1H30M", 5400),
            ("P1DT12H", 129_600),
            ("2w", 1_209_600),
        ] {
            assert_eq!(text.parse::<Span>().unwrap().as_seconds(), seconds, "{text}");
        }
    }

    #[test]
    fn what_has_no_fixed_length_or_no_length_is_refused() {
        for text in [
            "",
            "0s",
            "P",
            "PT",
            "P1M",
            "1y",
            "-5s",
            "5",
            "5 s",
            "1.5h",
            "3651d",
            "99999999999999999999s",
            "48H",
            "30ß",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_span_survives_its_own_text(seconds in 1..=Span::MAX.0) {
            let span = Span(seconds);
            prop_assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
    }
}
