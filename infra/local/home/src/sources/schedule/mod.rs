//! When a schedule fires: `rate(...)`, `cron(...)` and `at(...)` as EventBridge reads them, in UTC.

mod cron;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use cron::Cron;

/// A schedule expression that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not one of the three forms.
    #[error("it must be rate(value unit), cron(six fields) or at(yyyy-mm-ddThh:mm:ss)")]
    Form,
    /// A rate that EventBridge refuses.
    #[error("a rate is a whole number from 1 and minute(s), hour(s) or day(s)")]
    Rate,
    /// A field of a cron expression.
    #[error("the {field} field of the cron expression cannot be read")]
    Field {
        /// Which field.
        field: &'static str,
    },
    /// A time that is none.
    #[error("at(...) takes a time such as 2026-11-22T08:00:00")]
    At,
}

/// When a schedule fires.
#[derive(Debug, Clone, PartialEq)]
pub struct Timetable(Form);

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Rate(SignedDuration),
    Cron(Box<Cron>),
    At(Timestamp),
}

impl Timetable {
    /// Reads a schedule expression.
    pub fn parse(expression: &str) -> Result<Self, ScheduleError> {
        let inner = |prefix: &str| expression.trim().strip_prefix(prefix)?.strip_suffix(')');
        if let Some(rate) = inner("rate(") {
            return parse_rate(rate).map(Form::Rate).map(Self);
        }
        if let Some(fields) = inner("cron(") {
            return Cron::parse(fields).map(Box::new).map(Form::Cron).map(Self);
        }
        if let Some(time) = inner("at(") {
            let time: DateTime = time.parse().map_err(|_| ScheduleError::At)?;
            let time = time.to_zoned(TimeZone::UTC).map_err(|_| ScheduleError::At)?;
            return Ok(Self(Form::At(time.timestamp())));
        }
        Err(ScheduleError::Form)
    }

    /// The first firing after `after`; a rate counts from the last firing.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Form::Rate(every) => after.checked_add(*every).ok(),
            Form::Cron(cron) => cron.next_after(after),
            Form::At(time) => (*time > after).then_some(*time),
        }
    }
}

fn parse_rate(rate: &str) -> Result<SignedDuration, ScheduleError> {
    let (value, unit) = rate.trim().split_once(' ').ok_or(ScheduleError::Rate)?;
    let value: i64 = value.parse().map_err(|_| ScheduleError::Rate)?;
    let seconds = match (unit.trim(), value) {
        (_, ..=0) => return Err(ScheduleError::Rate),
        ("minute" | "minutes", _) => 60,
        ("hour" | "hours", _) => 3600,
        ("day" | "days", _) => 86_400,
        _ => return Err(ScheduleError::Rate),
    };
    value.checked_mul(seconds).map(SignedDuration::from_secs).ok_or(ScheduleError::Rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, after: &str) -> String {
        let after: Timestamp = after.parse().unwrap();
        Timetable::parse(expression).unwrap().next_after(after).unwrap().to_string()
    }

    #[test]
    fn a_rate_counts_from_the_last_firing() {
        assert_eq!(next("rate(5 minutes)", "2026-11-22T10:00:30Z"), "2026-11-22T10:05:30Z");
        assert_eq!(next("rate(1 day)", "2026-11-22T10:00:00Z"), "2026-11-23T10:00:00Z");
    }

    #[test]
    fn cron_fires_on_the_days_it_names() {
        let sunday = "2026-11-22T10:00:00Z";
        assert_eq!(next("cron(0 8 ? * MON-FRI *)", sunday), "2026-11-23T08:00:00Z");
        assert_eq!(next("cron(0/15 * * * ? *)", sunday), "2026-11-22T10:15:00Z");
        assert_eq!(next("cron(0 0 1 1 ? *)", sunday), "2027-01-01T00:00:00Z");
        assert_eq!(next("cron(0 12 L * ? *)", sunday), "2026-11-30T12:00:00Z");
        assert_eq!(next("cron(0 12 ? * 6#1 *)", sunday), "2026-12-04T12:00:00Z");
        assert_eq!(next("cron(0 12 ? * 2L *)", sunday), "2026-11-30T12:00:00Z");
        assert_eq!(next("cron(30 6 1W 8 ? *)", sunday), "2027-08-02T06:30:00Z");
    }

    #[test]
    fn what_eventbridge_refuses_is_refused() {
        assert_eq!(Timetable::parse("rate(0 minutes)"), Err(ScheduleError::Rate));
        assert_eq!(Timetable::parse("cron(0 0 * * *)"), Err(ScheduleError::Field { field: "year" }));
        assert_eq!(Timetable::parse("cron(61 0 * * ? *)"), Err(ScheduleError::Field { field: "minute" }));
        assert_eq!(Timetable::parse("every day"), Err(ScheduleError::Form));
    }
}
