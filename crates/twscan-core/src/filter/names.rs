/// What a name in an expression stands for. Looking names up is the caller's, since it takes files or sockets.
pub trait Names {
    /// The index of an interface, in the namespace that is read.
    fn interface(&self, name: &str) -> Option<u32>;

    /// The port of a TCP service: `https`.
    fn service(&self, name: &str) -> Option<u16>;

    /// The id of a cgroup (version 2) by its path: the inode of its directory.
    fn cgroup(&self, path: &str) -> Option<u64>;

    /// What is expected in place of an interface's name that is not known: part of an error's text.
    fn expected_interface(&self) -> &'static str {
        "the name of an interface that exists, or its index"
    }

    /// What is expected in place of a cgroup's path that is not known: part of an error's text.
    fn expected_cgroup(&self) -> &'static str {
        "the path of a cgroup that exists, or its id"
    }
}

/// Knows no names; numbers are read without it.
#[derive(Debug, Clone, Copy, Default)]
pub struct NumbersOnly;

impl Names for NumbersOnly {
    fn interface(&self, _: &str) -> Option<u32> {
        None
    }

    fn service(&self, _: &str) -> Option<u16> {
        None
    }

    fn cgroup(&self, _: &str) -> Option<u64> {
        None
    }
}
