use std::collections::HashMap;

use foldhash::fast::RandomState;

/// Sockets whose owners are wanted, by inode, with the cgroup that each was made in where that is known.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    cgroups: HashMap<u32, Option<u64>, RandomState>,
}

impl Wanted {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a socket. Inode 0 is left out: no file is open on such a socket, and a TIME_WAIT is always one.
    #[inline]
    pub fn insert(&mut self, inode: u32, cgroup: Option<u64>) {
        if inode != 0 {
            self.cgroups.insert(inode, cgroup);
        }
    }

    /// How many sockets are wanted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cgroups.len()
    }

    /// Whether none is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cgroups.is_empty()
    }

    /// Whether this one is wanted.
    #[inline]
    #[must_use]
    pub fn contains(&self, inode: u32) -> bool {
        self.cgroups.contains_key(&inode)
    }

    /// The inodes, in no order.
    pub fn inodes(&self) -> impl Iterator<Item = u32> + '_ {
        self.cgroups.keys().copied()
    }

    /// The cgroups that all the sockets were made in, sorted; `None` where one socket's is not known.
    #[must_use]
    pub fn cgroups(&self) -> Option<Vec<u64>> {
        let mut cgroups = Vec::new();
        for cgroup in self.cgroups.values() {
            let cgroup = (*cgroup)?;
            if cgroups.last() != Some(&cgroup) {
                cgroups.push(cgroup);
            }
        }
        cgroups.sort_unstable();
        cgroups.dedup();
        Some(cgroups)
    }

    /// Adds what another set has.
    pub fn merge(&mut self, other: &Self) {
        self.cgroups.extend(&other.cgroups);
    }
}

impl Extend<(u32, Option<u64>)> for Wanted {
    fn extend<I: IntoIterator<Item = (u32, Option<u64>)>>(&mut self, sockets: I) {
        for (inode, cgroup) in sockets {
            self.insert(inode, cgroup);
        }
    }
}

impl FromIterator<(u32, Option<u64>)> for Wanted {
    fn from_iter<I: IntoIterator<Item = (u32, Option<u64>)>>(sockets: I) -> Self {
        let mut wanted = Self::new();
        wanted.extend(sockets);
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unknown_cgroup_makes_the_hint_useless() {
        let known: Wanted = [(1, Some(9)), (2, Some(4)), (3, Some(9)), (0, None)].into_iter().collect();
        assert_eq!((known.len(), known.cgroups()), (3, Some(vec![4, 9])));
        let unknown: Wanted = [(1, Some(9)), (2, None)].into_iter().collect();
        assert_eq!(unknown.cgroups(), None);
    }
}
