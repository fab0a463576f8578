use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

use super::class::{LogErrno, LogOperation};
use super::program::LogProgram;

/// What a piece of a message's text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    /// The failure itself; the call too, where the words are a program's own.
    Errno(LogErrno, Option<LogOperation>),
    /// The call that failed is near.
    Call(LogOperation),
    /// Who writes like this, and how sure that is: a runtime's exception counts more than a library's sentence in it.
    By(LogProgram, u8),
    /// A client failed: a bind was for a connection.
    Client,
    /// A server failed: a bind was for a listener.
    Server,
    /// The destination is here.
    To(Form),
    /// The local address is here.
    From(Form),
    /// The destination's port follows.
    Port,
    /// The upstream's URL follows in quotes, or its name as a word.
    Upstream,
    /// The request follows, in quotes or as a word.
    Request,
    /// `127.0.0.1` of the same name was refused, so this is the other address of `localhost`.
    LocalhostRefused,
    /// What stands behind was sent by somebody else.
    ForeignText,
}

/// How an endpoint stands beside its cue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// It follows.
    Plain,
    /// It follows, and its port is behind the last colon.
    LastColon,
    /// Go: `SOURCE->DESTINATION: ` or `DESTINATION: ` follows.
    Arrow,
    /// It follows the last `@` before the cue.
    Before,
}

/// A piece of text found in a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) row: usize,
}

impl Hit {
    pub(super) fn cues(self) -> &'static [Cue] {
        CUES.get(self.row).map_or(&[], |(_, cues)| cues)
    }
}

/// The compiled table: one automaton that finds every cue of a record in one pass.
#[derive(Debug, Clone)]
pub(super) struct Cues {
    automaton: Option<AhoCorasick>,
}

impl Cues {
    pub(super) fn new() -> Self {
        let texts = CUES.iter().map(|(text, _)| text);
        let automaton = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(texts);
        // A few hundred short texts stay far below the automaton's limits, so this is always there.
        Self { automaton: automaton.ok() }
    }

    /// Puts the cues of `record` into `hits`, by where they end.
    pub(super) fn find(&self, record: &[u8], hits: &mut Vec<Hit>) {
        hits.clear();
        let Some(automaton) = &self.automaton else { return };
        let found = automaton.find_overlapping_iter(record).map(|found| Hit {
            start: found.start(),
            end: found.end(),
            row: found.pattern().as_usize(),
        });
        hits.extend(found.take(MOST_HITS));
    }
}

/// A record is bounded, so this is for hostile ones.
const MOST_HITS: usize = 4096;

use Cue::{By, Call, Client, Errno, From, LocalhostRefused, Port, Request, Server, To, Upstream};
use LogErrno::{AddrInUse, AddrNotAvail};
use LogOperation::{Bind, Connect, Listen, Send};
use LogProgram as P;

const NOT_AVAIL: Cue = Errno(AddrNotAvail, None);
const IN_USE: Cue = Errno(AddrInUse, None);
const TO: Cue = To(Form::Plain);
const FROM: Cue = From(Form::Plain);

/// What is looked for, whatever the case of its letters. The texts are those of `fixtures/logs`.
const CUES: &[(&str, &[Cue])] = &[
    // strerror(): glibc, musl, BSD and macOS; with underscores in Envoy's response details.
    ("ssign requested address", &[NOT_AVAIL]),
    ("ssign_requested_address", &[NOT_AVAIL]),
    ("address not available", &[NOT_AVAIL]),
    ("address_not_available", &[NOT_AVAIL]),
    ("address already in use", &[IN_USE]),
    ("address_already_in_use", &[IN_USE]),
    ("address in use", &[IN_USE]),
    ("address_in_use", &[IN_USE]),
    ("eaddrnotavail", &[NOT_AVAIL]),
    ("eaddrinuse", &[IN_USE]),
    // The number, for messages in another language.
    ("failed (99:", &[NOT_AVAIL, By(P::Nginx, 3)]),
    ("failed (98:", &[IN_USE, By(P::Nginx, 3)]),
    ("[errno 99]", &[NOT_AVAIL, By(P::Python, 4)]),
    ("[errno 98]", &[IN_USE, By(P::Python, 4)]),
    ("(os error 99)", &[NOT_AVAIL]),
    ("(os error 98)", &[IN_USE]),
    // The calls.
    ("connect", &[Call(Connect)]),
    ("bind", &[Call(Bind)]),
    ("listen", &[Call(Listen), Server]),
    ("sendto", &[Call(Send)]),
    ("sendmsg", &[Call(Send)]),
    ("send()", &[Call(Send)]),
    // Endpoints behind common words.
    ("connect() to ", &[TO]),
    ("connect to ", &[TO]),
    ("connecting to ", &[TO]),
    ("bind() to ", &[FROM]),
    ("bind to ", &[FROM]),
    ("bind ", &[FROM]),
    ("bind(", &[FROM]),
    ("on address ", &[FROM]),
    ("listen on ", &[FROM]),
    // nginx
    ("while connecting to upstream", &[By(P::Nginx, 3), Client]),
    ("[emerg]", &[By(P::Nginx, 2), Server]),
    (", client: ", &[Cue::ForeignText]),
    ("upstream: \"", &[Upstream]),
    ("request: \"", &[Request]),
    // HAProxy
    ("no free ports", &[Errno(AddrNotAvail, Some(Connect)), By(P::Haproxy, 3)]),
    ("out of local source ports", &[Errno(AddrNotAvail, Some(Connect)), By(P::Haproxy, 3)]),
    ("source port range exhausted", &[Errno(AddrInUse, Some(Connect)), By(P::Haproxy, 3)]),
    ("cannot bind to source address before connect()", &[Errno(AddrInUse, Some(Bind)), By(P::Haproxy, 3), Client]),
    ("connect() failed for backend ", &[By(P::Haproxy, 3), Client]),
    ("for backend ", &[Upstream]),
    ("cannot bind socket (", &[By(P::Haproxy, 3), Server]),
    ("for [", &[FROM]),
    // Envoy
    ("immediate_connect_error", &[By(P::Envoy, 3)]),
    ("upstream_reset_before_response_started", &[By(P::Envoy, 3)]),
    ("[debug][connection]", &[By(P::Envoy, 3)]),
    ("failed to bind to ", &[By(P::Envoy, 1)]),
    // Go
    ("dial tcp ", &[By(P::Go, 3), Call(Connect), Client, To(Form::Arrow), From(Form::Arrow)]),
    ("dial tcp4 ", &[By(P::Go, 3), Call(Connect), Client, To(Form::Arrow), From(Form::Arrow)]),
    ("dial tcp6 ", &[By(P::Go, 3), Call(Connect), Client, To(Form::Arrow), From(Form::Arrow)]),
    ("listen tcp ", &[By(P::Go, 3), FROM]),
    ("listen tcp4 ", &[By(P::Go, 3), FROM]),
    ("listen tcp6 ", &[By(P::Go, 3), FROM]),
    (" get \"", &[Request]),
    (" post \"", &[Request]),
    (" put \"", &[Request]),
    // Java
    ("java.", &[By(P::Java, 4)]),
    ("sun.nio.ch.", &[By(P::Java, 4)]),
    ("io.netty.", &[By(P::Java, 4)]),
    ("noroutetohostexception", &[Call(Connect)]),
    ("annotatedsocketexception", &[Call(Connect)]),
    ("address: /", &[TO]),
    ("address: localhost/", &[TO]),
    ("serversocket", &[Server]),
    ("java.net.socket.bind", &[Client]),
    ("delegatingsocketimpl.bind", &[Client]),
    // Python
    ("traceback (most recent", &[By(P::Python, 5)]),
    ("socket.error", &[By(P::Python, 5)]),
    ("redis.exceptions", &[By(P::Python, 5)]),
    ("error 99 connecting to ", &[By(P::Python, 4)]),
    ("error 98 connecting to ", &[By(P::Python, 4)]),
    ("urlopen error", &[Call(Connect)]),
    ("create_connection", &[Client]),
    ("source_address", &[Client]),
    ("create_server", &[Server]),
    ("server_bind", &[Server]),
    ("server_address", &[Server]),
    ("(host=", &[TO]),
    ("with url: ", &[Request]),
    ("mysql server on ", &[TO]),
    ("connect call failed ('127.0.0.1'", &[LocalhostRefused]),
    // Node.js
    ("connect eaddr", &[By(P::Node, 3)]),
    ("bind eaddr", &[By(P::Node, 3)]),
    ("listen eaddr", &[By(P::Node, 3)]),
    ("code: 'eaddr", &[By(P::Node, 4)]),
    ("connect eaddrnotavail ", &[To(Form::LastColon)]),
    ("connect eaddrinuse ", &[To(Form::LastColon)]),
    ("bind eaddrnotavail ", &[From(Form::LastColon)]),
    ("bind eaddrinuse ", &[From(Form::LastColon)]),
    ("listen eaddrnotavail: address not available ", &[From(Form::LastColon)]),
    ("listen eaddrinuse: address already in use ", &[From(Form::LastColon)]),
    ("- local (", &[From(Form::LastColon)]),
    ("internalconnect", &[Client]),
    // PHP
    ("php warning", &[By(P::Php, 5)]),
    ("php fatal", &[By(P::Php, 5)]),
    ("sqlstate[", &[By(P::Php, 4)]),
    ("[2002]", &[Call(Connect)]),
    ("stream_socket_client()", &[By(P::Php, 4)]),
    ("fsockopen()", &[By(P::Php, 4)]),
    ("redisexception", &[By(P::Php, 4), Call(Connect)]),
    ("mysqli", &[By(P::Php, 4), Call(Connect)]),
    ("predis\\", &[By(P::Php, 4)]),
    ("failed to open stream", &[By(P::Php, 4), Call(Connect)]),
    ("file_get_contents(", &[TO]),
    ("fopen(", &[TO]),
    ("requested address [", &[TO]),
    ("not available [", &[TO]),
    // libpq and pgbouncer
    ("connection to server at ", &[By(P::Libpq, 3), TO]),
    ("could not connect to server", &[By(P::Libpq, 3)]),
    ("is the server running on ", &[By(P::Libpq, 3), TO]),
    ("connections on port ", &[Port]),
    ("psycopg2.", &[By(P::Python, 5)]),
    ("sbuf_connect", &[By(P::Pgbouncer, 4)]),
    ("cannot listen on ", &[By(P::Pgbouncer, 2)]),
    (" closing because: connect failed", &[To(Form::Before)]),
    // Redis
    ("could not connect to redis at ", &[By(P::Hiredis, 3), TO]),
    ("connectredis", &[By(P::Hiredis, 3)]),
    ("tcp listening socket ", &[By(P::Redis, 3), FROM]),
    // curl
    ("immediate connect fail for ", &[By(P::Curl, 3), TO]),
    ("curl: (", &[By(P::Curl, 4)]),
    ("bind failed with errno ", &[By(P::Curl, 3), Client]),
    // Rust
    ("(os error ", &[By(P::Rust, 3)]),
    ("kind: addr", &[By(P::Rust, 3)]),
    // Erlang
    ("{error,eaddr", &[By(P::Erlang, 3)]),
    ("shutdown,eaddr", &[By(P::Erlang, 3)]),
    ("error - eaddr", &[By(P::Erlang, 3)]),
    // The rest
    ("ssh: connect to host ", &[By(P::Openssh, 3), TO]),
    ("{backend-connect}", &[By(P::Hitch, 3)]),
    (": ah0", &[By(P::Httpd, 4)]),
    ("make_sock", &[Server]),
    ("isc_socket_bind", &[Client]),
    ("/dev/tcp/", &[TO]),
    ("rtnetlink answers", &[Call(Bind)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cue_is_found_in_any_case_of_letters() {
        let cues = Cues::new();
        let mut hits = Vec::new();
        for (row, (text, _)) in CUES.iter().enumerate() {
            for text in [text.to_lowercase(), text.to_uppercase()] {
                cues.find(format!("x {text} y").as_bytes(), &mut hits);
                assert!(hits.iter().any(|hit| hit.row == row), "{text}");
            }
        }
    }
}
