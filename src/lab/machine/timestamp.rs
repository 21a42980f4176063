//! The time that a report bears.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds in a day. POSIX time has no leap seconds.
const DAY: u64 = 86_400;

/// The time of the system's clock in UTC to the second, as RFC 3339 writes it: "2026-12-01T11:56:37Z". A clock that is
/// set to a time before 1970 counts as 1970-01-01T00:00:00Z.
pub fn now_utc() -> String {
    rfc3339(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// The moment so many seconds after 1970-01-01T00:00:00Z. RFC 3339 ends with the year 9999; later years get more digits.
fn rfc3339(seconds: u64) -> String {
    let (year, month, day) = date(seconds / DAY);
    let of_day = seconds % DAY;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of the month in the Gregorian calendar, so many days after 1970-01-01. The algorithm is Howard
/// Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>): years begin in March, so that the
/// leap day is the last of its year.
fn date(days: u64) -> (u64, u64, u64) {
    // From 0000-03-01, in eras of 400 years, which all have the same number of days.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Five months from March on have 153 days, and so have the five after them.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_since_1970_are_written_as_dates() {
        // The seconds are from date(1): `date -u -d 2024-02-29T12:34:56Z +%s`.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (86_399, "1970-01-01T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_210_096, "2024-02-29T12:34:56Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_796_126_197, "2026-12-01T11:56:37Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn now_is_written_to_the_second() {
        let now = now_utc();
        assert!(now.len() == "2026-12-01T11:56:37Z".len() && now.as_str() > "2024-01-01", "{now}");
    }
}
