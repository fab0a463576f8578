use std::collections::BTreeSet;
use std::net::IpAddr;

use twscan_core::filter::{Filter, Selection};
use twscan_core::host::Source;
use twscan_core::names::LiveNames;
use twscan_core::socket::StateSet;
use twscan_lab::{Netns, test_in_netns};

use crate::population::Population;
use crate::rows::{Row, Rows};

const SOURCES: [Source; 3] = [Source::NetlinkOneWalk, Source::NetlinkTwoWalks, Source::Procfs];

/// What each source gives for these words; the same for all.
fn ours(words: &str) -> Rows {
    let selection = Selection::parse(words, &LiveNames).unwrap_or_else(|error| panic!("{words}: {error}"));
    let states = selection.states.unwrap_or(StateSet::ALL);
    let filter = selection.filter.as_ref();
    let sources = SOURCES.iter().filter(|source| **source != Source::Procfs || filter.is_none_or(is_in_procfs));
    let results: Vec<Rows> = sources.map(|source| Rows::of_source(*source, states, filter)).collect();
    for (result, source) in results.iter().zip(SOURCES) {
        assert_eq!(*result, results[0], "{words}: {source:?} against {:?}", SOURCES[0]);
    }
    results.into_iter().next().unwrap()
}

fn is_in_procfs(filter: &Filter) -> bool {
    let needs = filter.needs();
    !(needs.interface || needs.mark || needs.cgroup)
}

#[test]
fn the_rows_are_those_of_ss() -> Result<(), twscan_lab::Error> {
    test_in_netns(|_| {
        let mut combinations = 0;
        let mut sizes = BTreeSet::new();
        for (states, expressions) in AGREED {
            // A fresh one for each, so that no TIME_WAIT runs out under the comparison.
            let net = Netns::new().unwrap();
            let _population = Population::make(&net);
            for expression in *expressions {
                let words = format!("{states} {expression}");
                let (expected, ours) = net.run(|| (Rows::of_ss(&words), ours(&words))).unwrap();
                assert_eq!(ours, expected, "{words}");
                combinations += 1;
                sizes.insert(expected.len());
            }
        }
        assert!(combinations >= 120, "{combinations}");
        // Rows that are always all or none would agree with anything.
        assert!(sizes.len() >= 25, "{sizes:?}");
    })
}

#[test]
fn where_ss_is_wrong_the_rows_are_what_the_words_say() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        let _population = Population::make(net);
        net.run(|| {
            let all = ours("");
            for (expression, reason, wanted) in DEFECTS {
                let expected = Rows::of(all.iter().filter(wanted));
                assert!(expected.len() > 0, "{expression} tells nothing");
                assert_eq!(ours(expression), expected, "{expression}: {reason}");
            }
        })
        .unwrap();
    })
}

#[test]
fn words_that_ss_does_not_take_mean_the_same_as_those_it_does() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        let _population = Population::make(net);
        net.run(|| {
            for (ours_alone, of_ss) in SPELLINGS {
                let expected = Rows::of_ss(of_ss);
                assert!(expected.len() > 0, "{of_ss} tells nothing");
                assert_eq!(ours(ours_alone), expected, "{ours_alone}");
            }
        })
        .unwrap();
    })
}

/// States as ss takes them, and the expressions tried with them.
const AGREED: &[(&str, &[&str])] = &[
    ("", OPERATORS),
    ("", ADDRESSES),
    ("", COMBINED),
    ("state all", OPERATORS),
    ("state connected", ADDRESSES),
    ("state time-wait", COMBINED),
    ("state synchronized", SOME),
    ("state bucket", SOME),
    ("state big", SOME),
    ("state established", SOME),
    ("state listening", SOME),
    ("state syn-sent state syn-recv", SOME),
    ("state fin-wait-1 state fin-wait-2 state last-ack state closing", SOME),
    ("state close-wait", SOME),
    ("exclude time-wait", SOME),
    ("exclude connected", SOME),
    ("state connected exclude established exclude bucket", SOME),
];

const SOME: &[&str] = &["", "sport >= :9110 and dport != :9118", "not src 127.0.0.1", "dst 10/8 or src [::1]"];

const OPERATORS: &[&str] = &[
    "sport = :8080",
    "sport == :8080",
    "sport eq :8080",
    "sport :8080",
    "sport 8080",
    "sport = 8080",
    "sport = :0x1f90",
    "sport = 0x1F90",
    "sport = :http",
    "dport https",
    "dport = :8080",
    "dport != :8080",
    "dport ne :8080",
    "dport neq :8080",
    "sport > :40000",
    "sport gt :40000",
    "sport < :40000",
    "sport lt :40000",
    "sport >= :40000",
    "sport ge :40000",
    "sport geq :40000",
    "sport <= :40000",
    "sport le :40000",
    "sport leq :40000",
    "dport > :8080",
    "dport < :8080",
    "dport >= :8080",
    "dport <= :8080",
    "dport = :0",
    "sport > :65535",
    "sport >= :65535",
    "sport < :0",
    "sport <= :0",
    "sport >= :0",
    "sport <= :65535",
    "not sport = :8080",
    "! dport >= :8081",
    "not not dport = :8081",
    "sport = :*",
    "dport != :*",
    "sport *",
    "dev lo",
    "dev = lo",
    "dev == lo",
    "dev eq 1",
    "dev != lo",
    "dev ne lo",
    "dev neq 1",
    "dev 0",
    "not dev lo",
    "fwmark 0x17",
    "fwmark = 23",
    "fwmark = 0x7/0xf",
    "fwmark == 0x1/0x3",
    "fwmark != 0x17",
    "fwmark = 0",
];

const ADDRESSES: &[&str] = &[
    "src 127.0.0.1",
    "src = 127.0.0.1",
    "src == 127.0.0.1",
    "src eq 127.0.0.1",
    "dst 127.0.0.2",
    "dst 127.0.0.2:8080",
    "dst = 127.0.0.2:8081",
    "src 10.0.0.0/8",
    "src 10/8",
    "src 10.1/16",
    "src 10.1.2.99/24",
    "src 10.1.2.3/32",
    "src 10.1.2.2/31",
    "src 0.0.0.0/0",
    "src 0.0.0.0/1",
    "dst 128.0.0.0/1",
    "dst 0.0.0.0/0",
    "src 10.1.2.3/32:40020",
    "src 0.0.0.0/0:8080",
    "src *",
    "dst *",
    "src any",
    "dst default",
    "src all",
    "src *:8080",
    "dst *:8081",
    "src :8080",
    "src *:*",
    "dst [::1]",
    "dst [::1]:8081",
    "src [fd00::1]",
    "src fd00::/127",
    "src [fd00::/127]",
    "src [fd00::/127]:40060",
    "src fd00::/8:40061",
    "src fd00::1:40060",
    "src fd00::1/128",
    "src ::/0",
    "src ::/1",
    "src 8000::/1",
    "src ::/31",
    "src ::/32",
    "src ::/96",
    "src ::ffff:0:0/96",
    "src ::ffff:0:0/97",
    "src [::ffff:127.0.0.1]",
    "dst [::ffff:192.0.2.1]:81",
    "src [::ffff:10.1.2.3]",
    "dst 192.0.2.1",
    "dst 192.0.2.0/24",
    "not src 127.0.0.1",
    "not src 127.0.0.0/8",
    "not src 10.0.0.0/8",
    "not dst 192.0.2.1",
    "not dst 192.0.2.1:81",
    "not src [::1]",
    "not src [::ffff:127.0.0.1]",
    "not dst [fd00::2]:8083",
    "not src fd00::/127",
    "not src ::ffff:0:0/96",
    "not src *:8080",
];

const COMBINED: &[&str] = &[
    "",
    "sport >= :40000 and sport <= :40020",
    "sport >= :40000 sport <= :40020",
    "sport ge 40000 && sport le 40020",
    "sport ge 40000 & sport le 40020",
    "sport = :40001 or sport = :40002",
    "sport = :40001 || sport = :40002",
    "sport = :40001 | sport = :40061",
    "( sport = :40001 )",
    "( ( ( sport = :40001 ) ) )",
    "( sport = :40001 or sport = :40041 ) and src 127.0.0.1",
    "( sport = :40001 or sport = :40041 ) src 127.0.0.1",
    "src 127.0.0.1 and ( sport = :40001 or sport = :40041 )",
    "src 127.0.0.1 and sport >= :40000 or dst [::1]",
    "not ( sport = :40001 or sport = :40041 )",
    "not ( sport >= :40000 and sport <= :40050 )",
    "not ( src 10/8 or dst 10/8 )",
    "not ( src 10/8 and dport = :443 )",
    "! ( src [::1] | ! sport >= :40000 )",
    "not src 127.0.0.0/8 and not src 10.0.0.0/8",
    "not src 127.0.0.0/8 not dst [::1]",
    "( src 10/8 and ( dport = :443 or dport = :80 ) ) or ( src [::1] and not ( dport = :8081 ) )",
    "( ( src 10/8 or src [fd00::1] ) and ( not dport = :443 ) ) and not ( sport = :40060 or sport = :40012 )",
    "dev lo and fwmark 0x17",
    "dev lo or not src 127.0.0.1",
    "not ( dev lo and dport = :8086 )",
    "not ( fwmark 0x17 or sport <= :9118 )",
];

type Wanted = fn(&Row) -> bool;

/// What ss (iproute2 6.1) gets wrong, why, and what is right.
const DEFECTS: &[(&str, &str, Wanted)] = &[
    ("not src 0.0.0.0/0", "ss: a prefix of no bits matches both families in user space, so none is left", |row| {
        !is_v4(row.local.ip())
    }),
    ("not dst ::/0", "ss: as above", |row| row.remote.is_ipv4()),
    ("not src ::/1", "ss compares the first bit of IPv4 addresses with it and drops 10/8 and 127/8", |row| {
        row.local.is_ipv4() || matches!(row.local.ip(), IpAddr::V6(v6) if v6.octets()[0] >= 128)
    }),
    ("not src 0.0.0.0/1", "ss compares the first bit of IPv6 addresses with it and drops ::1", |row| {
        !is_v4_and(row.local.ip(), |octets| octets[0] < 128)
    }),
    ("not src 0.0.0.0/32", "ss takes the first four bytes of ::1 for it", |row| {
        !is_v4_and(row.local.ip(), |octets| octets == [0; 4])
    }),
    (
        "not dst ::/32",
        "ss takes 0.0.0.0 for its first four bytes",
        |row| !matches!(row.remote.ip(), IpAddr::V6(v6) if v6.octets()[..4] == [0; 4]),
    ),
    ("sport = :40001 or sport = :40002 and dst [::1]", "ss gives `and` no rank above `or`", |row| {
        row.local.port() == 40_001
    }),
    ("sport = :40001 or sport = :40002 dst [::1]", "ss gives juxtaposition no rank above `or`", |row| {
        row.local.port() == 40_001
    }),
    ("sport = :40001 or not sport = :40002 and dst [::1]:8082", "ss: as above", |row| {
        row.local.port() == 40_001 || row.remote.to_string() == "[::1]:8082"
    }),
    ("src != 127.0.0.1", "ss takes != for ports and names alone", |row| {
        !is_v4_and(row.local.ip(), |octets| octets == [127, 0, 0, 1])
    }),
    ("dst neq 192.0.2.0/24:81", "ss: as above", |row| {
        !(row.remote.port() == 81 && is_v4_and(row.remote.ip(), |octets| octets[..3] == [192, 0, 2]))
    }),
];

/// What is spelled here otherwise than ss can read it, and in its way.
const SPELLINGS: &[(&str, &str)] = &[
    ("time-wait", "state time-wait"),
    ("TIME_WAIT established", "state time-wait state established"),
    ("connected exclude ESTAB dport = :443", "state connected exclude established dport = :443"),
    ("excl time-wait sport>:40000", "exclude time-wait sport > :40000"),
    ("(sport = :40001)", "( sport = :40001 )"),
    ("(sport=:40001||sport=:40041)src 127.0.0.1", "( sport = :40001 || sport = :40041 ) src 127.0.0.1"),
    ("!(src 10/8)&&!dst [::1]", "! ( src 10/8 ) && ! dst [::1]"),
    ("SRC 10/8 AND DPORT = 443", "src 10/8 and dport = 443"),
    ("src ::1", "src [::1]"),
    ("src [fd00::]/127", "src fd00::/127"),
    ("src [fd00::]/127:40060", "src [fd00::/127]:40060"),
    ("sport >= 40000\n and dport != 443", "sport >= 40000 and dport != 443"),
];

fn is_v4(address: IpAddr) -> bool {
    is_v4_and(address, |_| true)
}

/// As the family of the connection counts: v4-mapped addresses are IPv4.
fn is_v4_and(address: IpAddr, test: impl Fn([u8; 4]) -> bool) -> bool {
    matches!(address.to_canonical(), IpAddr::V4(address) if test(address.octets()))
}
