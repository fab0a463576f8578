use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{Filter, Names, Prefix, Side};

/// What is wrong with a value, and in which part of it.
#[derive(Debug)]
pub(super) struct Mistake {
    part: Range<usize>,
    pub(super) expected: &'static str,
}

impl Mistake {
    /// The part's place in the text, where the value stands at `at`.
    pub(super) fn within(&self, at: &Range<usize>) -> Range<usize> {
        at.start + self.part.start..at.start + self.part.end
    }
}

/// Reads `ADDRESS[/LENGTH][:PORT]`, `*[:PORT]` or `:PORT`.
pub(super) fn host(side: Side, text: &str, names: &dyn Names) -> Result<Filter, Mistake> {
    let (address, port_at) = split_port(text)?;
    let prefix = if ANY.contains(&address) { None } else { Some(prefix(address)?) };
    let number = match port_at.and_then(|at| text.get(at..)) {
        None | Some("*") => None,
        Some(digits) => {
            let part = text.len() - digits.len()..text.len();
            Some(port(digits, names).ok_or(Mistake { part, expected: A_PORT })?)
        }
    };
    if text.is_empty() {
        return Err(Mistake { part: 0..0, expected: AN_ADDRESS });
    }
    Ok(Filter::Host(side, prefix, number))
}

/// Splits an address, its length and brackets included, from the port behind it, if there is one.
fn split_port(text: &str) -> Result<(&str, Option<usize>), Mistake> {
    // A colon after the brackets or the slash is the port's; so is a single one.
    let behind_address = text.find(']').or_else(|| text.find('/')).unwrap_or(0);
    let colon = text.get(behind_address..).and_then(|rest| rest.rfind(':')).map(|at| behind_address + at);
    let Some(colon) = colon else { return Ok((text, None)) };
    let split = (text.get(..colon).unwrap_or_default(), Some(colon + 1));
    if text.starts_with('[') || text.contains('/') || text.matches(':').count() == 1 {
        return Ok(split);
    }
    // IPv6 without brackets: only where it can be read in one way.
    match (text.parse::<Ipv6Addr>(), split.0.parse::<Ipv6Addr>()) {
        (Ok(_), Err(_)) => Ok((text, None)),
        (Err(_), Ok(_)) => Ok(split),
        (Ok(_), Ok(_)) => Err(Mistake { part: 0..text.len(), expected: BRACKETS }),
        (Err(_), Err(_)) => Err(Mistake { part: 0..text.len(), expected: AN_ADDRESS }),
    }
}

/// Reads `ADDRESS[/LENGTH]`, with brackets around the address or around both.
fn prefix(text: &str) -> Result<Prefix, Mistake> {
    let whole = |expected| Mistake { part: 0..text.len(), expected };
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_bracketed = bare.is_some();
    let (address, len) = match bare.unwrap_or(text).split_once('/') {
        Some((address, len)) => (address, Some(len)),
        None => (bare.unwrap_or(text), None),
    };
    let inner = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match (inner, is_bracketed) {
        (Some(inner), false) => IpAddr::V6(inner.parse().map_err(|_| whole(AN_ADDRESS))?),
        (None, true) => IpAddr::V6(address.parse().map_err(|_| whole(AN_ADDRESS))?),
        (None, false) => plain_address(address, len.is_some()).map_err(whole)?,
        (Some(_), true) => return Err(whole(AN_ADDRESS)),
    };
    let Some(len) = len else { return Ok(Prefix::from(address)) };
    let expected = if address.is_ipv4() { "a prefix length from 0 to 32" } else { "a prefix length from 0 to 128" };
    let start = text.find('/').map_or(0, |slash| slash + 1);
    number::<u8>(len)
        .and_then(|len| Prefix::new(address, len))
        .ok_or(Mistake { part: start..start + len.len(), expected })
}

fn plain_address(text: &str, has_len: bool) -> Result<IpAddr, &'static str> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    match short_ipv4(text) {
        Some(address) if has_len => Ok(IpAddr::V4(address)),
        Some(_) => Err("an address in full, a prefix such as 10.0.0.0/8, or a port such as :80"),
        None => Err(AN_ADDRESS),
    }
}

/// Reads the first one to three numbers of an address; the others are 0.
fn short_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut given = text.split('.');
    for octet in octets.iter_mut().take(3) {
        match given.next() {
            Some(digits) => *octet = digits.bytes().all(|b| b.is_ascii_digit()).then(|| number(digits))??,
            None => break,
        }
    }
    given.next().is_none().then(|| Ipv4Addr::from(octets))
}

/// Reads a port without its colon.
pub(super) fn port(text: &str, names: &dyn Names) -> Option<u16> {
    if text.starts_with(|first: char| first.is_ascii_digit()) { number(text) } else { names.service(text) }
}

/// Reads `MARK[/MASK]`.
pub(super) fn mark(text: &str) -> Option<Filter> {
    let (mark, mask) = match text.split_once('/') {
        Some((mark, mask)) => (number(mark)?, number(mask)?),
        None => (number(text)?, u32::MAX),
    };
    Some(Filter::Mark { mark, mask })
}

/// Reads a decimal or, with `0x`, hexadecimal number. A further leading zero is not read: ss takes it for octal.
pub(super) fn number<T: TryFrom<u64>>(text: &str) -> Option<T> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_octal = radix == 10 && digits.len() > 1 && digits.starts_with('0');
    if !is_plain || is_octal {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()?.try_into().ok()
}

/// What ss takes for any address, and the nothing before `:80`.
const ANY: [&str; 5] = ["*", "", "any", "all", "default"];

pub(super) const A_PORT: &str = "a port from 0 to 65535 or the name of a service";
const AN_ADDRESS: &str = "an address such as 10.0.0.1, 10.0.0.0/8, [::1]:443 or *:443";
const BRACKETS: &str = "brackets around the IPv6 address, so that the port can be told from it";
