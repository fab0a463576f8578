use super::container::Section;
use crate::procfs::owner::printable;
use crate::sock_diag::DumpRequest;

/// A dump request and the datagrams that answered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordedWalk {
    pub(super) request: DumpRequest,
    pub(super) sequence: u32,
    pub(super) port_id: u32,
    /// What broke it off.
    pub(super) fault: Option<String>,
    pub(super) chunks: Vec<Section>,
}

impl RecordedWalk {
    /// Port id, the length of the request, the request with its sequence number, then the fault as text.
    pub(super) fn encode(&self) -> Vec<u8> {
        let request = self.request.encode(self.sequence);
        let len = u32::try_from(request.len()).unwrap_or(u32::MAX);
        let fault = self.fault.as_deref().unwrap_or_default();
        [&self.port_id.to_le_bytes()[..], &len.to_le_bytes(), &request, fault.as_bytes()].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (port_id, rest) = bytes.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (request, fault) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        let (request, sequence) = DumpRequest::decode(request)?;
        let fault = printable(&String::from_utf8_lossy(fault.get(..MOST_FAULT).unwrap_or(fault)));
        Some(Self {
            request,
            sequence,
            port_id: u32::from_le_bytes(*port_id),
            fault: Some(fault).filter(|fault| !fault.is_empty()),
            chunks: Vec::new(),
        })
    }
}

/// No reason is longer.
const MOST_FAULT: usize = 4096;

/// Datagrams of the last walk: length (32 bits), nanoseconds since the request (64 bits), bytes.
pub(super) const DATA: [u8; 4] = *b"DATA";
