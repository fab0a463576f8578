use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{Comparison, Filter, Names, Prefix, Side};

/// What is wrong with a value, and in which part of it.
#[derive(Debug)]
pub(super) struct Mistake {
    part: Range<usize>,
    pub(super) expected: &'static str,
}

impl Mistake {
    fn whole(text: &str, expected: &'static str) -> Self {
        Self { part: 0..text.len(), expected }
    }

    /// The part's place in the text, where the value stands at `at`.
    pub(super) fn within(&self, at: &Range<usize>) -> Range<usize> {
        at.start + self.part.start..at.start + self.part.end
    }
}

/// Reads `ADDRESS[/LENGTH][:PORT]`, `*[:PORT]` or `:PORT`.
pub(super) fn host(side: Side, text: &str, names: &dyn Names) -> Result<Filter, Mistake> {
    if text.is_empty() {
        return Err(Mistake::whole(text, AN_ADDRESS));
    }
    let (address, port_at) = split_port(text)?;
    let prefix = if ANY.contains(&address) { None } else { Some(prefix(address)?) };
    let number = match port_at.and_then(|at| text.get(at..)) {
        None | Some("*") => None,
        Some(digits) => {
            let part = text.len() - digits.len()..text.len();
            Some(port_number(digits, names).ok_or(Mistake { part, expected: A_PORT })?)
        }
    };
    Ok(Filter::Host(side, prefix, number))
}

/// Splits an address, its length and brackets included, from the port behind it, if there is one.
fn split_port(text: &str) -> Result<(&str, Option<usize>), Mistake> {
    if text.starts_with('[') && !text.contains(']') {
        return Err(Mistake::whole(text, AN_ADDRESS));
    }
    // A colon after the brackets or the slash is the port's; so is a single one.
    let behind_address = text.find(']').or_else(|| text.find('/')).unwrap_or(0);
    let colon = text.get(behind_address..).and_then(|rest| rest.rfind(':')).map(|at| behind_address + at);
    let Some(colon) = colon else { return Ok((text, None)) };
    let split = (text.get(..colon).unwrap_or_default(), Some(colon + 1));
    if text.starts_with('[') || text.contains('/') || text.matches(':').count() == 1 {
        return Ok(split);
    }
    // IPv6 without brackets: only where it can be read in one way.
    let is_address = text.parse::<Ipv6Addr>().is_ok();
    let ends_in_digits = text.bytes().skip(colon + 1).all(|byte| byte.is_ascii_digit());
    match split.0.parse::<Ipv6Addr>() {
        Ok(_) if is_address && ends_in_digits => Err(Mistake::whole(text, BRACKETS)),
        Ok(_) if !is_address => Ok(split),
        _ if is_address => Ok((text, None)),
        _ => Err(Mistake::whole(text, AN_ADDRESS)),
    }
}

/// Reads `ADDRESS[/LENGTH]`, with brackets around the address or around both.
fn prefix(text: &str) -> Result<Prefix, Mistake> {
    let whole = |expected| Mistake::whole(text, expected);
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

/// Reads `[:]PORT` or `[:]*`.
pub(super) fn port(side: Side, comparison: Comparison, text: &str, names: &dyn Names) -> Result<Filter, Mistake> {
    let any = Filter::Host(side, None, None);
    match (text.strip_prefix(':').unwrap_or(text), comparison) {
        ("*", Comparison::Eq) => Ok(any),
        ("*", Comparison::Ne) => Ok(Filter::Not(Box::new(any))),
        ("*", _) => Err(Mistake::whole(text, "a port, since * has no order")),
        (digits, _) => port_number(digits, names)
            .map(|port| Filter::Port(side, comparison, port))
            .ok_or(Mistake::whole(text, A_PORT)),
    }
}

fn port_number(text: &str, names: &dyn Names) -> Option<u16> {
    if text.starts_with(|first: char| first.is_ascii_digit()) { number(text) } else { names.service(text) }
}

/// Reads `MARK[/MASK]`.
pub(super) fn mark(text: &str) -> Result<Filter, Mistake> {
    let (mark, mask) = text.split_once('/').map_or((text, None), |(mark, mask)| (mark, Some(mask)));
    match (number(mark), mask.map_or(Some(u32::MAX), number)) {
        (Some(mark), Some(mask)) => Ok(Filter::Mark { mark, mask }),
        _ => Err(Mistake::whole(text, "a mark, or a mark and a mask, such as 0x1/0xff")),
    }
}

/// Reads the name or the index of an interface; a name may look like an index.
pub(super) fn device(text: &str, names: &dyn Names) -> Result<Filter, Mistake> {
    let index = names.interface(text).or_else(|| number(text));
    index.map(Filter::Device).ok_or(Mistake::whole(text, names.expected_interface()))
}

/// Reads the path or the id of a cgroup.
pub(super) fn cgroup(text: &str, names: &dyn Names) -> Result<Filter, Mistake> {
    let id = number(text).or_else(|| names.cgroup(text).filter(|_| !text.is_empty()));
    id.map(Filter::Cgroup).ok_or(Mistake::whole(text, names.expected_cgroup()))
}

/// Reads a decimal or, with `0x`, hexadecimal number. A further leading zero is not read: ss takes it for octal.
fn number<T: TryFrom<u64>>(text: &str) -> Option<T> {
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

const A_PORT: &str = "a port from 0 to 65535 or the name of a service";
const AN_ADDRESS: &str = "an address such as 10.0.0.1, 10.0.0.0/8, [::1]:443 or *:443";
const BRACKETS: &str = "brackets around the IPv6 address, so that the port can be told from it";
