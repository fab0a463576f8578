use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// A condition on sockets.
///
/// Made by [`Filter::parse`] or by hand; printed in the language that it is parsed from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Filter {
    /// All of these hold; with none, every socket matches.
    And(Vec<Filter>),
    /// One of these holds; with none, no socket matches.
    Or(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// A port compares so.
    Port(Side, Comparison, u16),
    /// An address lies in a prefix, where one is given, and the port is this one, where one is given.
    Host(Side, Option<Prefix>, Option<u16>),
    /// The socket is bound to the interface of this index; 0 is a socket that is not bound to one.
    Device(u32),
    /// The firewall mark, of which only the bits of the mask count.
    Mark {
        /// What these bits are to be.
        mark: u32,
        /// The bits to look at.
        mask: u32,
    },
    /// The cgroup (version 2) has this id, the inode of its directory.
    Cgroup(u64),
}

impl Filter {
    /// The fields, beyond addresses and ports, that the filter reads.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.add_needs(&mut needs);
        needs
    }

    fn add_needs(&self, needs: &mut Needs) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.add_needs(needs)),
            Self::Not(inner) => inner.add_needs(needs),
            Self::Port(..) | Self::Host(..) => {}
            Self::Device(_) => needs.interface = true,
            Self::Mark { .. } => needs.mark = true,
            Self::Cgroup(_) => needs.cgroup = true,
        }
    }

    fn is_compound(&self) -> bool {
        matches!(self, Self::And(parts) | Self::Or(parts) if !parts.is_empty())
    }

    fn fmt_joined(f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str) -> fmt::Result {
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                write!(f, " {word} ")?;
            }
            part.fmt_part(f)?;
        }
        Ok(())
    }

    fn fmt_part(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_compound() { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

/// Every socket matches.
impl Default for Filter {
    fn default() -> Self {
        Self::And(Vec::new())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) if parts.is_empty() => f.write_str("src *"),
            Self::Or(parts) if parts.is_empty() => f.write_str("not src *"),
            Self::And(parts) => Self::fmt_joined(f, parts, "and"),
            Self::Or(parts) => Self::fmt_joined(f, parts, "or"),
            Self::Not(inner) => {
                f.write_str("not ")?;
                inner.fmt_part(f)
            }
            Self::Port(side, comparison, port) => write!(f, "{}port {} :{port}", side.letter(), comparison.symbol()),
            Self::Host(side, prefix, port) => {
                let address = side.address_word();
                match (prefix, port) {
                    (None, None) => write!(f, "{address} *"),
                    (None, Some(port)) => write!(f, "{address} *:{port}"),
                    (Some(prefix), None) => write!(f, "{address} {prefix}"),
                    (Some(prefix), Some(port)) => write!(f, "{address} {prefix}:{port}"),
                }
            }
            Self::Device(index) => write!(f, "dev {index}"),
            Self::Mark { mark, mask: u32::MAX } => write!(f, "fwmark {mark:#x}"),
            Self::Mark { mark, mask } => write!(f, "fwmark {mark:#x}/{mask:#x}"),
            Self::Cgroup(id) => write!(f, "cgroup {id}"),
        }
    }
}

/// An end of a connection, as this host sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The local address and port: `src`, `sport`.
    Local,
    /// The remote address and port: `dst`, `dport`.
    Remote,
}

impl Side {
    fn letter(self) -> char {
        match self {
            Self::Local => 's',
            Self::Remote => 'd',
        }
    }

    fn address_word(self) -> &'static str {
        match self {
            Self::Local => "src",
            Self::Remote => "dst",
        }
    }
}

/// How a port compares with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl Comparison {
    /// Whether `left` compares so with `right`.
    #[inline]
    #[must_use]
    pub fn holds(self, left: u16, right: u16) -> bool {
        match self {
            Self::Eq => left == right,
            Self::Ne => left != right,
            Self::Lt => left < right,
            Self::Le => left <= right,
            Self::Gt => left > right,
            Self::Ge => left >= right,
        }
    }

    /// What holds where this does not.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::Lt => Self::Ge,
            Self::Le => Self::Gt,
            Self::Gt => Self::Le,
            Self::Ge => Self::Lt,
        }
    }

    /// The operator as it is written: `>=`.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }
}

/// Addresses of one family that begin with the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix(IpNet);

impl Prefix {
    /// The addresses whose first `len` bits are those of `address`; `None` where the family has fewer bits.
    #[must_use]
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        IpNet::new(address, len).ok().map(|net| Self(net.trunc()))
    }

    /// The first address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.0.addr()
    }

    /// How many bits are the same.
    #[must_use]
    pub fn len(&self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether no bit needs to be the same: `0.0.0.0/0`, `::/0`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an address is one of these; never one of the other family.
    #[inline]
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Self {
        Self(IpNet::from(address))
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// As in an expression: a full length is left out, and IPv6 is in brackets.
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.prefix_len() == self.0.max_prefix_len();
        match (self.0, whole) {
            (IpNet::V4(net), true) => write!(f, "{}", net.addr()),
            (IpNet::V4(net), false) => write!(f, "{net}"),
            (IpNet::V6(net), true) => write!(f, "[{}]", net.addr()),
            (IpNet::V6(net), false) => write!(f, "[{net}]"),
        }
    }
}

/// What a filter reads of a record beyond addresses and ports; not every source has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Needs {
    /// The interface: sock_diag has it, `/proc/net/tcp` has not.
    pub interface: bool,
    /// The firewall mark: sock_diag has it for a reader with CAP_NET_ADMIN, `/proc/net/tcp` has not.
    pub mark: bool,
    /// The cgroup: sock_diag has it from kernel 5.8 on, for full sockets; `/proc/net/tcp` has not.
    pub cgroup: bool,
}
