use std::fmt;

/// Who wrote a line, as far as its wording tells: the programs and language runtimes whose messages are known.
///
/// A runtime stands for every program written in it, so a Go or Java service shows as `go` or `java`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LogProgram {
    /// curl, libcurl's verbose messages.
    Curl,
    /// Envoy, and meshes built on it.
    Envoy,
    /// Erlang and Elixir.
    Erlang,
    /// Go's `net` package.
    Go,
    /// HAProxy.
    Haproxy,
    /// hiredis, redis-cli and redis-benchmark.
    Hiredis,
    /// Varnish's hitch.
    Hitch,
    /// Apache's httpd.
    Httpd,
    /// Java: blocking sockets, NIO and Netty.
    Java,
    /// PostgreSQL's client library.
    Libpq,
    /// nginx.
    Nginx,
    /// Node.js.
    Node,
    /// OpenSSH.
    Openssh,
    /// pgbouncer.
    Pgbouncer,
    /// PHP: streams, PDO, mysqli, predis.
    Php,
    /// Python: sockets, requests, redis-py, Celery, pymysql.
    Python,
    /// The Redis server.
    Redis,
    /// Rust's standard library.
    Rust,
    /// A line that names no program that is known here.
    Unknown,
}

impl LogProgram {
    /// Every program, `Unknown` last.
    pub const ALL: [Self; 19] = [
        Self::Curl,
        Self::Envoy,
        Self::Erlang,
        Self::Go,
        Self::Haproxy,
        Self::Hiredis,
        Self::Hitch,
        Self::Httpd,
        Self::Java,
        Self::Libpq,
        Self::Nginx,
        Self::Node,
        Self::Openssh,
        Self::Pgbouncer,
        Self::Php,
        Self::Python,
        Self::Redis,
        Self::Rust,
        Self::Unknown,
    ];

    /// The name in reports and in [`from_name`](Self::from_name).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Envoy => "envoy",
            Self::Erlang => "erlang",
            Self::Go => "go",
            Self::Haproxy => "haproxy",
            Self::Hiredis => "hiredis",
            Self::Hitch => "hitch",
            Self::Httpd => "httpd",
            Self::Java => "java",
            Self::Libpq => "libpq",
            Self::Nginx => "nginx",
            Self::Node => "node",
            Self::Openssh => "openssh",
            Self::Pgbouncer => "pgbouncer",
            Self::Php => "php",
            Self::Python => "python",
            Self::Redis => "redis",
            Self::Rust => "rust",
            Self::Unknown => "unknown",
        }
    }

    /// The program of that name, in any case of letters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for LogProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for program in LogProgram::ALL {
            assert_eq!(LogProgram::from_name(&program.name().to_uppercase()), Some(program));
        }
        assert_eq!(LogProgram::from_name("tomcat"), None);
    }
}
