use super::{Malformed, align4};

/// One netlink attribute: a type and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    kind: u16,
    value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// `INET_DIAG_SHUTDOWN`: u8, mask of RCV_SHUTDOWN (1) and SEND_SHUTDOWN (2).
    pub const SHUTDOWN: u16 = 8;
    /// `struct tcp_info`.
    pub const INFO: u16 = 2;
    /// `INET_DIAG_SKV6ONLY`: u8.
    pub const SKV6ONLY: u16 = 11;
    /// `INET_DIAG_MARK`: u32; sent to a requester with CAP_NET_ADMIN alone.
    pub const MARK: u16 = 15;
    /// `INET_DIAG_CGROUP_ID`: u64; kernel 5.8 and later, full sockets alone.
    pub const CGROUP_ID: u16 = 21;
    /// `INET_DIAG_SOCKOPT`: two bytes of flags, full sockets alone.
    pub const SOCKOPT: u16 = 22;

    /// The attribute's type, without the nested and byte-order flags.
    #[must_use]
    pub fn kind(&self) -> u16 {
        self.kind & 0x3fff
    }

    /// The value, without padding.
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// The value as a native u32, where it has at least four bytes.
    #[must_use]
    pub fn as_u32(&self) -> Option<u32> {
        self.value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
    }

    /// The value as a native u64, where it has at least eight bytes.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.value.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
    }
}

/// The attributes behind a fixed header, in order; after a [`Malformed`] item it is at its end.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Attributes<'a> {
    /// Starts at the first attribute's first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.rest);
        if rest.is_empty() {
            return None;
        }
        let Some(header) = rest.first_chunk::<HEADER_LEN>() else {
            return Some(Err(Malformed::new("attribute header", self.offset, HEADER_LEN, rest.len())));
        };
        let declared = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]);
        let Some(value) = rest.get(HEADER_LEN..declared) else {
            return Some(Err(Malformed::new("attribute", self.offset, declared, rest.len())));
        };
        let advance = align4(declared).min(rest.len());
        self.rest = rest.get(advance..).unwrap_or_default();
        self.offset += advance;
        Some(Ok(Attribute { kind, value }))
    }
}

const HEADER_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(declared: u16, kind: u16, value: &[u8]) -> Vec<u8> {
        [&declared.to_ne_bytes()[..], &kind.to_ne_bytes()[..], value].concat()
    }

    #[test]
    fn attributes_are_found_behind_padding_and_flags_are_masked() {
        let mut bytes = attribute(5, Attribute::SHUTDOWN | 0x8000, &[3, 0, 0, 0]);
        bytes.extend(attribute(8, Attribute::MARK, &77u32.to_ne_bytes()));
        let found: Vec<_> = Attributes::new(&bytes).map(Result::unwrap).collect();
        assert_eq!((found[0].kind(), found[0].value()), (Attribute::SHUTDOWN, &[3u8][..]));
        assert_eq!(found[1].as_u32(), Some(77));
        assert_eq!(found[1].as_u64(), None);
    }

    #[test]
    fn wrong_lengths_end_the_attributes_with_one_error() {
        for declared in [0, 3, 9, u16::MAX] {
            let bytes = attribute(declared, 1, &[0; 4]);
            let found: Vec<_> = Attributes::new(&bytes).collect();
            assert_eq!(found.len(), 1, "length {declared}");
            assert_eq!(found[0].unwrap_err().what, "attribute");
        }
        assert_eq!(Attributes::new(&[1, 2, 3]).next().unwrap().unwrap_err().what, "attribute header");
    }
}
