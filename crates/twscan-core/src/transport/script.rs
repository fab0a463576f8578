use std::collections::VecDeque;

use super::Transport;
use crate::Error;
use crate::wire::{Messages, align4};

/// Answers that are fixed beforehand: the test double of a kernel, for embedders' tests too.
///
/// `receive` gives the answers in order; when they are used up it fails with the timeout that a silent kernel gives.
/// Messages with sequence number 0 get the last request's, which is not known beforehand.
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
    /// It plays what was written down, whatever was asked.
    fn is_filtered(&self) -> bool {
        false
    }

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
        let asked = self.sent.last().and_then(|request| Messages::new(request).next()?.ok());
        if let Some(request) = asked {
            stamp(buffer, request.sequence());
        }
        Ok(())
    }

    fn port_id(&self) -> u32 {
        self.port_id
    }
}

fn stamp(datagram: &mut [u8], sequence: u32) {
    let starts: Vec<usize> = Messages::new(datagram)
        .map_while(Result::ok)
        .scan(0, |start, message| {
            let this = *start;
            *start += align4(HEADER_LEN + message.payload().len());
            Some(this)
        })
        .collect();
    for start in starts {
        if let Some(field) = datagram.get_mut(start + SEQUENCE_AT..start + SEQUENCE_AT + 4)
            && *field == [0; 4]
        {
            field.copy_from_slice(&sequence.to_ne_bytes());
        }
    }
}

/// `struct nlmsghdr` and its `nlmsg_seq`.
const HEADER_LEN: usize = 16;
const SEQUENCE_AT: usize = 8;
