use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

use super::heading::Heading;
use super::output::{Count, Output, Row};
use crate::host::Source;
use crate::socket::SocketRecord;
use crate::wire::{AF_INET, InetDiagMsg};

/// What tools wrote into a file, output by output: each heading begins one, and so does a row of another tool.
///
/// Several outputs add up, as those of two families or of two states do. Where one is the table of an earlier one
/// printed again, it stands in its place; and of a socket that several show, the last one's row counts.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    /// Those before the one at hand, but for those that were printed again, by their place in the file.
    kept: BTreeMap<usize, Output>,
    current: Output,
    ended: usize,
    /// Which of `kept` was the first to show a socket.
    shown_by: HashMap<u64, usize>,
    hasher: RandomState,
    star_is_ipv4: bool,
    dropped: u64,
}

impl Outputs {
    /// An output begins.
    pub(super) fn heading(&mut self, source: Source, heading: Heading) {
        // netstat has two, one behind the other.
        let second = self.current.is_empty() && heading == Heading::Silent && self.current.source == Some(source);
        if !second {
            self.begin(source);
            self.current.heading = heading;
        }
    }

    /// A row of this tool comes.
    pub(super) fn enter(&mut self, source: Source) {
        match self.current.source {
            Some(current) if current == source => {}
            // Rows above that could not be read are its own.
            None => self.current.source = Some(source),
            Some(_) => self.begin(source),
        }
    }

    pub(super) fn begin(&mut self, source: Source) {
        self.end();
        self.current.source = Some(source);
    }

    /// The one at hand.
    pub(super) fn current(&mut self) -> &mut Output {
        &mut self.current
    }

    /// Those that count, once no more comes.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Output> {
        self.kept.values()
    }

    /// Adds a socket to the output at hand: a `struct inet_diag_msg` with its attributes, and its interface where that
    /// is known by name alone. `star` is whether its local side is `*` and a port.
    pub(super) fn add(&mut self, payload: &mut [u8], interface: &str, star: bool) {
        if let (true, Some(family)) = (star && self.star_is_ipv4, payload.first_mut()) {
            *family = AF_INET;
        }
        let Ok(msg) = InetDiagMsg::new(payload) else { return };
        let Ok(len) = u16::try_from(payload.len()) else { return };
        let key = key(&self.hasher, payload, interface);
        let connected = msg.idiag_dport() != 0;
        self.current.push(Row { key, len, connected, star: star && !self.star_is_ipv4, counts: true }, payload);
    }

    /// `*` is the wildcard of IPv4 in this file: releases of ss that print IPv6's as `::` write it so.
    pub(super) fn star_is_ipv4(&mut self) {
        if std::mem::replace(&mut self.star_is_ipv4, true) {
            return;
        }
        let hasher = &self.hasher;
        self.current.stars_to_ipv4(|payload| key(hasher, payload, ""));
        for (number, output) in &mut self.kept {
            for (before, after) in output.stars_to_ipv4(|payload| key(hasher, payload, "")) {
                self.shown_by.remove(&before);
                self.shown_by.entry(after).or_insert(*number);
            }
        }
    }

    /// The output at hand is whole.
    fn end(&mut self) {
        // Nobody else can listen on the port of a wildcard that takes both families.
        if self.current.has_star_beside_ipv6() {
            self.star_is_ipv4();
        }
        let mut output = std::mem::take(&mut self.current);
        if output.source.is_none() {
            return;
        }
        let keys = output.keys();
        let mut again: BTreeMap<usize, Count> = BTreeMap::new();
        for (key, connected) in &keys {
            if let Some(number) = self.shown_by.get(key) {
                again.entry(*number).or_default().add(*connected);
            }
        }
        for (number, shown) in again {
            let is_same = |earlier: &Output| {
                output.covers(earlier) && shown.are_most_of(earlier.first) && !output.is_of_another_host(earlier)
            };
            if !self.kept.get(&number).is_some_and(is_same) {
                continue;
            }
            if let Some(earlier) = self.kept.remove(&number) {
                self.dropped += earlier.rows.len() as u64;
                for (key, _) in earlier.keys() {
                    if self.shown_by.get(&key) == Some(&number) {
                        self.shown_by.remove(&key);
                    }
                }
            }
        }
        for (key, connected) in keys {
            if *self.shown_by.entry(key).or_insert(self.ended) == self.ended {
                output.first.add(connected);
            }
        }
        self.kept.insert(self.ended, output);
        self.ended += 1;
    }

    /// No more comes. Of a socket that is there more than once the last row is left; listeners share their ports with
    /// others of one output, and are left in the last one that has them.
    pub(super) fn finish(&mut self) {
        self.end();
        let mut last_in = std::mem::take(&mut self.shown_by);
        last_in.clear();
        for (number, output) in self.kept.iter_mut().rev() {
            for row in output.rows.iter_mut().rev() {
                let last = match last_in.entry(row.key) {
                    Entry::Occupied(last) => *last.get(),
                    Entry::Vacant(place) => {
                        place.insert(*number);
                        continue;
                    }
                };
                row.counts = !row.connected && last == *number;
                output.twice += usize::from(row.connected && last == *number);
                self.dropped += u64::from(!row.counts);
            }
        }
    }

    /// Gives each socket that counts, in the order of the file.
    pub(super) fn take(&mut self, mut give: impl FnMut(&[u8])) {
        self.kept.values_mut().for_each(|output| output.take(&mut give));
    }

    /// Rows that were left out, since others show the same.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// What tells a connection from any other, and a listener but for those that share its port: a keyed hash, which two of
/// a million sockets have in common once in 30 million times.
fn key(hasher: &RandomState, payload: &[u8], interface: &str) -> u64 {
    let Ok(msg) = InetDiagMsg::new(payload) else { return 0 };
    let record = SocketRecord::new(msg);
    let remote = (msg.idiag_dport() != 0).then(|| record.remote());
    hasher.hash_one((record.local(), remote, msg.idiag_if(), interface))
}
