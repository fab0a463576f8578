/// A timestamp as a line has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) enum Stamp<'a> {
    /// A date and a time of day; the zone where the line has one, the year where it has one.
    Civil {
        year: Option<i16>,
        month: u8,
        day: u8,
        hour: u8,
        minute: u8,
        second: u8,
        nanos: u32,
        zone: Option<Offset<'a>>,
    },
    /// Unix time.
    Unix { seconds: i64, nanos: u32 },
}

/// The zone that a line has itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) enum Offset<'a> {
    Seconds(i32),
    Named(&'a str),
}

/// Looks for a timestamp in the first words of a line.
///
/// Programs put it at the start, behind a bracket, behind a pid (Redis), a container's name (compose) or an address
/// (HAProxy, access logs); in a JSON line it is the value of a key of a few names.
pub(in crate::log) fn find_stamp(line: &[u8]) -> Option<(Stamp<'_>, usize)> {
    if line.first() == Some(&b'{') {
        return json_stamp(line);
    }
    let head = line.get(..line.len().min(HEAD)).unwrap_or(line);
    if let Some(found) = stamp_at(line, 0) {
        return Some(found);
    }
    head.iter()
        .enumerate()
        .filter(|(_, byte)| b" [(|<>=\t".contains(byte))
        .take(12)
        .find_map(|(at, _)| stamp_at(line, at + 1))
}

fn stamp_at(line: &[u8], at: usize) -> Option<(Stamp<'_>, usize)> {
    let text = line.get(at..)?;
    let mut cursor = Cursor { text, at: 0 };
    let stamp = match text.first()? {
        b'0'..=b'9' => cursor.numeric()?,
        // klog: I0719 08:03:23.123456
        b'I' | b'W' | b'E' | b'F' if text.get(1).is_some_and(u8::is_ascii_digit) => cursor.klog()?,
        b'A'..=b'Z' => cursor.by_name()?,
        _ => return None,
    };
    Some((stamp, at + cursor.at))
}

/// The keys under which loggers put the time: zap, logrus, pino, bunyan, docker, logstash, GCP.
fn json_stamp(line: &[u8]) -> Option<(Stamp<'_>, usize)> {
    const KEYS: [&[u8]; 6] =
        [b"\"time\":", b"\"ts\":", b"\"timestamp\":", b"\"@timestamp\":", b"\"t\":", b"\"asctime\":"];
    KEYS.iter().find_map(|key| {
        let at = memchr::memmem::find(line, key)? + key.len();
        let rest = line.get(at..)?;
        let skipped = rest.iter().take_while(|b| **b == b' ' || **b == b'"').count();
        stamp_at(line, at + skipped).or_else(|| unix_at(line, at + skipped))
    })
}

/// Unix time in seconds, milliseconds, microseconds or nanoseconds, told apart by the number of digits.
fn unix_at(line: &[u8], at: usize) -> Option<(Stamp<'_>, usize)> {
    let mut cursor = Cursor { text: line.get(at..)?, at: 0 };
    let digits = cursor.text.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut whole: i64 = std::str::from_utf8(cursor.text.get(..digits)?).ok()?.parse().ok()?;
    cursor.at = digits;
    let mut nanos = cursor.fraction();
    let per_second = match digits {
        9..=10 => 1,
        13 => 1_000,
        16 => 1_000_000,
        19 => 1_000_000_000,
        _ => return None,
    };
    if per_second > 1 {
        nanos = u32::try_from(whole % per_second * (1_000_000_000 / per_second)).unwrap_or(0);
        whole /= per_second;
    }
    Some((Stamp::Unix { seconds: whole, nanos }, at + cursor.at))
}

#[derive(Debug, Clone, Copy)]
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// What starts with a digit: `2018-07-19T08:03:23`, `2018/07/19 08:03:23`, `20180719T080323`,
    /// `19/Jul/2018:08:03:23`, `19-Jul-2018 08:03:23`, `19 Jul 2018 08:03:23`.
    fn numeric(&mut self) -> Option<Stamp<'a>> {
        let digits = self.text.iter().take(9).take_while(|b| b.is_ascii_digit()).count();
        match digits {
            4 => {
                let year = self.digits(4)?;
                let separator = self.one_of(b"-/.")?;
                let month = self.digits(2)?;
                (self.one_of(b"-/.")? == separator).then_some(())?;
                let day = self.digits(2)?;
                self.one_of(b"T _")?;
                self.civil(Some(year), month, day, b":")
            }
            8 => {
                let (year, month, day) = (self.digits(4)?, self.digits(2)?, self.digits(2)?);
                self.one_of(b"T")?;
                self.civil(Some(year), month, day, b"")
            }
            1 | 2 => {
                let day = self.digits(digits)?;
                self.one_of(b"/- ")?;
                let month = self.month()?;
                self.one_of(b"/- ")?;
                let year = self.digits(4)?;
                self.one_of(b": ")?;
                let _ = self.one_of(b":");
                self.civil(Some(year), month, day, b":")
            }
            _ => None,
        }
    }

    /// What starts with a name: `Jul 19 08:03:23`, `Jul 19, 2018 8:03:23 AM`, `Thu Jul 19 08:03:23.123 2018`.
    fn by_name(&mut self) -> Option<Stamp<'a>> {
        let weekday = WEEKDAYS.iter().any(|day| self.text.starts_with(day));
        if weekday {
            self.at = 3;
            let _ = self.one_of(b",");
            self.one_of(b" ")?;
        }
        let month = self.month()?;
        self.one_of(b" ")?;
        let _ = self.one_of(b" ");
        let day = self.one_or_two_digits()?;
        let mut year = None;
        if self.one_of(b",").is_some() {
            self.one_of(b" ")?;
            year = Some(self.digits(4)?);
        }
        self.one_of(b" ")?;
        let mut stamp = self.civil(year, month, day, b":")?;
        if let Stamp::Civil { year: year @ None, .. } = &mut stamp {
            let mut ahead = *self;
            if ahead.one_of(b" ").is_some()
                && let Some(found) = ahead.digits(4).filter(|year| (1970..=9998).contains(year))
            {
                (*self, *year) = (ahead, i16::try_from(found).ok());
            }
        }
        Some(stamp)
    }

    fn klog(&mut self) -> Option<Stamp<'a>> {
        self.at = 1;
        let (month, day) = (self.digits(2)?, self.digits(2)?);
        self.one_of(b" ")?;
        self.civil(None, month, day, b":")
    }

    /// The time of day, its fraction, AM or PM and the zone; everything checked against the calendar's bounds.
    fn civil(&mut self, year: Option<u32>, month: u32, day: u32, colon: &[u8]) -> Option<Stamp<'a>> {
        let mut hour = self.one_or_two_digits()?;
        if !colon.is_empty() {
            self.one_of(colon)?;
        }
        let minute = self.digits(2)?;
        if !colon.is_empty() {
            self.one_of(colon)?;
        }
        let second = self.digits(2)?;
        let nanos = self.fraction();
        match self.text.get(self.at..self.at + 3) {
            Some(b" AM") if (1..=12).contains(&hour) => (hour, self.at) = (hour % 12, self.at + 3),
            Some(b" PM") if (1..=12).contains(&hour) => (hour, self.at) = (hour % 12 + 12, self.at + 3),
            _ => {}
        }
        let in_bounds =
            (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
        let year = match year {
            Some(year) if (1970..=9998).contains(&year) => Some(i16::try_from(year).ok()?),
            Some(_) => return None,
            None => None,
        };
        let small = |n: u32| u8::try_from(n).unwrap_or(0);
        in_bounds.then(|| Stamp::Civil {
            year,
            month: small(month),
            day: small(day),
            hour: small(hour),
            minute: small(minute),
            second: small(second.min(59)),
            nanos,
            zone: self.zone(),
        })
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.text.get(self.at..self.at.checked_add(count)?)?;
        let value =
            digits.iter().try_fold(0u32, |value, b| b.is_ascii_digit().then(|| value * 10 + u32::from(b - b'0')))?;
        self.at += count;
        Some(value)
    }

    fn one_or_two_digits(&mut self) -> Option<u32> {
        self.digits(2).or_else(|| self.digits(1))
    }

    fn one_of(&mut self, set: &[u8]) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        set.contains(&byte).then(|| self.at += 1)?;
        Some(byte)
    }

    fn month(&mut self) -> Option<u32> {
        let name = self.text.get(self.at..self.at + 3)?;
        let month = (1..).zip(MONTHS).find(|(_, month)| *month == name).map(|(number, _)| number)?;
        self.at += 3;
        Some(month)
    }

    /// A fraction of a second to nine digits; `.` and Python's `,` start it.
    fn fraction(&mut self) -> u32 {
        let mut ahead = *self;
        if ahead.one_of(b".,").is_none() || !ahead.text.get(ahead.at).is_some_and(u8::is_ascii_digit) {
            return 0;
        }
        let (mut nanos, mut unit) = (0, 100_000_000);
        while let Some(digit) = ahead.digits(1) {
            nanos += digit * unit;
            unit /= 10;
        }
        *self = ahead;
        nanos
    }

    /// `Z`, `+02:00`, `+0200`, ` +0200`, ` UTC`, ` GMT`, ` Europe/Berlin`. Other abbreviations mean several zones, so
    /// they count as none.
    fn zone(&mut self) -> Option<Offset<'a>> {
        let mut ahead = *self;
        if ahead.one_of(b"Z").is_some() {
            *self = ahead;
            return Some(Offset::Seconds(0));
        }
        let _ = ahead.one_of(b" ");
        let rest = ahead.text.get(ahead.at..)?;
        if rest.starts_with(b"UTC") || rest.starts_with(b"GMT") {
            self.at = ahead.at + 3;
            return Some(Offset::Seconds(0));
        }
        if let Some(sign) = ahead.one_of(b"+-") {
            let hours = ahead.digits(2)?;
            let _ = ahead.one_of(b":");
            let minutes = ahead.digits(2)?;
            let seconds = i32::try_from(hours * 3600 + minutes * 60).ok().filter(|s| *s <= 26 * 3600)?;
            *self = ahead;
            return Some(Offset::Seconds(if sign == b'-' { -seconds } else { seconds }));
        }
        let name = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(b)).count();
        let name = std::str::from_utf8(rest.get(..name)?).ok().filter(|name| name.contains('/'))?;
        name.starts_with(|c: char| c.is_ascii_uppercase()).then_some(())?;
        self.at = ahead.at + name.len();
        Some(Offset::Named(name))
    }
}

/// How far into a line a timestamp may start, in bytes.
const HEAD: usize = 120;

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
const WEEKDAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_a_word_is_not_a_timestamp() {
        for line in
            ["", "1", "2018", "2018-13-01 00:00:00", "2018-07-19", "Jul", "Mon", "99:99", "I071", "{\"ts\":12}", "{"]
        {
            assert_eq!(find_stamp(line.as_bytes()), None, "{line}");
        }
    }
}
