//! Which sockets: the expression language of ss(8), run in the kernel and again on every record.
//!
//! ```
//! use twscan_core::filter::{Filter, NumbersOnly};
//!
//! let filter = Filter::parse("dport = :5432 and not dst 10.0.0.0/8", &NumbersOnly)?;
//! assert_eq!(filter.to_string(), "dport = :5432 and not dst 10.0.0.0/8");
//! let bytecode = filter.bytecode(); // for the kernel: Host::sockets(states, &bytecode)
//! # assert!(!bytecode.is_empty());
//! // then, on each record: filter.matches(&record)
//! # Ok::<(), twscan_core::filter::ParseError>(())
//! ```
//!
//! The bytecode spares the copying of sockets that are not wanted; it may let through more than is wanted, and never
//! less. [`Filter::matches`] decides. So a kernel that lacks an operator, `/proc/net/tcp` and a recording give the same
//! sockets.
//!
//! # Grammar
//! ```text
//! selection  = { state } [ expression ]             Selection::parse
//! state      = NAME | "state" NAME | ( "exclude" | "excl" ) NAME
//!
//! expression = conjunct { or conjunct }             Filter::parse
//! conjunct   = factor { [ and ] factor }            two factors side by side are joined by "and"
//! factor     = not factor | "(" expression ")" | condition
//! condition  = ( "sport" | "dport" ) [ comparison ] PORT
//!            | ( "src" | "dst" ) [ equality ] HOST
//!            | "dev" [ equality ] ( INTERFACE | INDEX )
//!            | "fwmark" [ equality ] MARK [ "/" MASK ]
//!            | "cgroup" [ equality ] ( PATH | ID )
//!
//! or         = "or" | "|" | "||"
//! and        = "and" | "&" | "&&"
//! not        = "not" | "!"
//! equality   = "=" | "==" | "eq" | "!=" | "ne" | "neq"
//! comparison = equality | ">" | "gt" | "<" | "lt" | ">=" | "ge" | "geq" | "<=" | "le" | "leq"
//!
//! PORT       = [ ":" ] ( NUMBER | SERVICE | "*" )
//! HOST       = ADDRESS [ "/" LENGTH ] [ ":" PORT ] | "*" [ ":" PORT ] | ":" PORT
//! ADDRESS    = IPv4 | "[" IPv6 "]" | IPv6
//! ```
//! "or" binds weakest, then "and", then "not". Spaces are needed between words only: `(dport=:80)` is read too. Without an
//! operator a condition is an equality. NUMBER, MARK and MASK are decimal or hexadecimal with `0x`; INTERFACE, SERVICE
//! and PATH are looked up by [`Names`]. With a prefix length an IPv4 address may be short: `10/8`. `any`, `all` and
//! `default` are other words for the address `*`. In an IPv6 address that a port follows the brackets may go around the
//! address or around address and length; without brackets it must be plain where the address ends.
//!
//! # Meaning
//! - `src` and `sport` are the local side, `dst` and `dport` the remote side.
//! - An IPv4 prefix matches AF_INET sockets, and v4-mapped AF_INET6 sockets by the IPv4 address in them; never another
//!   AF_INET6 socket, however short the prefix. Under `not` it is exactly the other way round.
//! - An IPv6 prefix matches AF_INET6 sockets by the whole address, v4-mapped ones by their `::ffff:0:0/96` form; never an
//!   AF_INET socket. So `src ::/0` is every AF_INET6 socket, and `not src 0.0.0.0/0` every one that is not v4-mapped.
//! - `dev` is the interface that the socket is bound to; 0 is none.
//! - `fwmark = 1/3` compares the bits of the mask: `mark & 3 == 1`.
//! - A field that the source does not have counts as 0: [`Filter::needs`] tells which fields a filter reads, so that a
//!   caller can warn. Marks come only to a reader with CAP_NET_ADMIN; a TIME_WAIT has no cgroup.
//!
//! # Where ss differs
//! Seen with iproute2 6.1: it gives `and` and `or` the same rank, against its manual page; it refuses `src != HOST`; under
//! `not` it compares a prefix with the addresses of the other family byte by byte, and drops sockets; it takes a port of
//! 70000 modulo 65536; it reads `sport >= :*` as port 65535 and `src 10` as `10.0.0.0/32`. Here the last three are errors.
//! It reads a leading zero of a port or a mark as octal, which is an error here, and looks host names up, which this
//! module does not. `autobound` and the `inet:` prefixes are not part of the language.

mod assembler;
mod bytecode;
mod cursor;
mod error;
mod expr;
#[cfg(test)]
mod kernel;
#[cfg(test)]
mod malformed;
mod names;
mod parse;
mod predicate;
mod selection;
#[cfg(test)]
mod testing;
mod value;

pub use bytecode::explicit_binds;
pub use error::ParseError;
pub use expr::{Comparison, Filter, Needs, Prefix, Side};
pub use names::{Names, NumbersOnly};
pub use selection::Selection;
