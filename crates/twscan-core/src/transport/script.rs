use std::collections::VecDeque;

use super::Transport;
use crate::Error;

/// Answers that are fixed beforehand: the test double of a kernel, for embedders' tests too.
///
/// `receive` gives the answers in order; when they are used up it fails with the timeout that a silent kernel gives.
#[derive(Debug, Default)]
pub struct Script {
    answers: VecDeque<Result<Vec<u8>, Error>>,
    sent: Vec<Vec<u8>>,
    port_id: u32,
}

impl Script {
    /// Answers with these, in order.
    #[must_use]
    pub fn new(answers: impl IntoIterator<Item = Result<Vec<u8>, Error>>) -> Self {
        Self { answers: answers.into_iter().collect(), sent: Vec::new(), port_id: 0 }
    }

    /// Uses this port id instead of 0.
    #[must_use]
    pub fn with_port_id(mut self, port_id: u32) -> Self {
        self.port_id = port_id;
        self
    }

    /// The requests sent so far.
    #[must_use]
    pub fn sent(&self) -> &[Vec<u8>] {
        &self.sent
    }
}

impl Transport for Script {
    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        self.sent.push(request.to_vec());
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let waited = std::time::Duration::ZERO;
        let datagram = self.answers.pop_front().unwrap_or(Err(Error::Timeout { waited }))?;
        if datagram.len() > buffer.capacity() {
            return Err(Error::Truncated { datagram: datagram.len(), buffer: buffer.capacity() });
        }
        buffer.clear();
        buffer.extend_from_slice(&datagram);
        Ok(())
    }

    fn port_id(&self) -> u32 {
        self.port_id
    }
}
