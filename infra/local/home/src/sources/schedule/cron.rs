//! Cron expressions with EventBridge's six fields: minute, hour, day of month, month, day of week, year.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html>

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::ScheduleError;

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A parsed cron expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cron {
    minutes: Vec<i16>,
    hours: Vec<i16>,
    months: Vec<i16>,
    years: Vec<i16>,
    day: Day,
}

#[derive(Debug, Clone, PartialEq)]
enum Day {
    OfMonth(Vec<i16>),
    LastOfMonth,
    WeekdayNear(i16),
    LastWeekday,
    OfWeek(Vec<i16>),
    NthOfWeek { day: i16, nth: i16 },
    LastOfWeek(i16),
}

impl Cron {
    pub(super) fn parse(expression: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let [minute, hour, of_month, month, of_week, year] = fields[..] else {
            return Err(ScheduleError::Field { field: "year" });
        };
        let field =
            |text, range, names, field| values(text, range, names).ok_or(ScheduleError::Field { field });
        Ok(Self {
            minutes: field(minute, (0, 59), &[], "minute")?,
            hours: field(hour, (0, 23), &[], "hour")?,
            months: field(month, (1, 12), MONTHS, "month")?,
            years: field(year, (1970, 2199), &[], "year")?,
            day: parse_day(of_month, of_week)?,
        })
    }

    pub(super) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let start = after.to_zoned(TimeZone::UTC).datetime();
        let mut date = start.date();
        loop {
            if date.year() > *self.years.last()? {
                return None;
            }
            if self.fires_on(date) {
                let times = self
                    .hours
                    .iter()
                    .flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
                for (hour, minute) in times {
                    let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
                    let moment = date.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp();
                    if moment > after {
                        return Some(moment);
                    }
                }
            }
            date = if self.years.contains(&date.year()) && self.months.contains(&i16::from(date.month())) {
                date.tomorrow().ok()?
            } else {
                date.last_of_month().tomorrow().ok()?
            };
        }
    }

    fn fires_on(&self, date: Date) -> bool {
        let day = i16::from(date.day());
        let of_week = i16::from(date.weekday().to_sunday_one_offset());
        self.years.contains(&date.year())
            && self.months.contains(&i16::from(date.month()))
            && match &self.day {
                Day::OfMonth(days) => days.contains(&day),
                Day::LastOfMonth => date == date.last_of_month(),
                Day::WeekdayNear(wanted) => weekday_near(date, *wanted) == Some(date),
                Day::LastWeekday => weekday_near(date, i16::from(date.last_of_month().day())) == Some(date),
                Day::OfWeek(days) => days.contains(&of_week),
                Day::NthOfWeek { day: wanted, nth } => of_week == *wanted && (day - 1) / 7 + 1 == *nth,
                Day::LastOfWeek(wanted) => {
                    of_week == *wanted && day + 7 > i16::from(date.last_of_month().day())
                }
            }
    }
}

/// The weekday nearest to a day of the date's month, in that month.
fn weekday_near(date: Date, day: i16) -> Option<Date> {
    let wanted = Date::new(date.year(), date.month(), i8::try_from(day).ok()?).ok()?;
    let shift = match wanted.weekday() {
        Weekday::Saturday if day == 1 => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if wanted == wanted.last_of_month() => -2,
        Weekday::Sunday => 1,
        _ => 0,
    };
    wanted.checked_add(shift.days()).ok()
}

fn parse_day(of_month: &str, of_week: &str) -> Result<Day, ScheduleError> {
    let month_error = ScheduleError::Field { field: "day-of-month" };
    let week_error = ScheduleError::Field { field: "day-of-week" };
    let single = |text: &str, range, names| match values(text, range, names).as_deref() {
        Some([value]) => Some(*value),
        _ => None,
    };
    match (of_month, of_week) {
        ("?", "?") => Err(week_error),
        ("?", week) => {
            if week == "L" {
                return Ok(Day::OfWeek(vec![7]));
            }
            if let Some((day, nth)) = week.split_once('#') {
                let day = single(day, (1, 7), DAYS).ok_or(week_error.clone())?;
                let nth = single(nth, (1, 5), &[]).ok_or(week_error)?;
                return Ok(Day::NthOfWeek { day, nth });
            }
            if let Some(day) = week.strip_suffix('L') {
                return single(day, (1, 7), DAYS).map(Day::LastOfWeek).ok_or(week_error);
            }
            values(week, (1, 7), DAYS).map(Day::OfWeek).ok_or(week_error)
        }
        // One of the two must be `?`, though `*` says the same.
        (month, "?" | "*") => match month {
            "L" => Ok(Day::LastOfMonth),
            "LW" => Ok(Day::LastWeekday),
            _ => match month.strip_suffix('W') {
                Some(day) => single(day, (1, 31), &[]).map(Day::WeekdayNear).ok_or(month_error),
                None => values(month, (1, 31), &[]).map(Day::OfMonth).ok_or(month_error),
            },
        },
        _ => Err(week_error),
    }
}

/// The values of a field of numbers, names, ranges, lists and steps.
fn values(text: &str, (low, high): (i16, i16), names: &[&str]) -> Option<Vec<i16>> {
    let number = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(index) => i16::try_from(index).ok()? + 1,
            None => text.parse().ok()?,
        };
        (low..=high).contains(&value).then_some(value)
    };
    let mut all = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<i16>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((from, to)) => (number(from)?, number(to)?),
            None => {
                let from = number(range)?;
                (from, if step.is_some() { high } else { from })
            }
        };
        let mut value = from;
        while value <= to {
            all.push(value);
            value += step.unwrap_or(1);
        }
    }
    all.sort_unstable();
    all.dedup();
    (!all.is_empty()).then_some(all)
}
