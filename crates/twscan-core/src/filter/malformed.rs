//! What cannot be read, and what is said about it.

use super::Filter;
use super::testing::FewNames;

#[test]
fn what_cannot_be_read_is_pointed_at() {
    for (text, column, found, expected) in MALFORMED {
        let error = Filter::parse(text, &FewNames).unwrap_err();
        assert_eq!((error.column(), error.found()), (*column, *found), "{text}: {error}");
        assert!(error.expected().contains(expected), "{text}: {error}");
    }
}

/// Text, the column and the token pointed at, and what is said to be expected.
const MALFORMED: &[(&str, usize, &str, &str)] = &[
    ("", 1, "", "a condition"),
    ("   ", 4, "", "a condition"),
    ("time-wait", 1, "time-wait", "a condition"),
    ("and", 1, "and", "a condition"),
    ("or sport = 1", 1, "or", "a condition"),
    ("sport", 6, "", "a port"),
    ("sport =", 8, "", "a port"),
    ("sport = :", 9, ":", "a port"),
    ("sport = = 1", 9, "=", "a port"),
    ("sport = :65536", 9, ":65536", "from 0 to 65535"),
    ("sport = :-1", 9, ":-1", "a port"),
    ("sport = :080", 9, ":080", "a port"),
    ("sport = :0x", 9, ":0x", "a port"),
    ("sport = :http", 9, ":http", "the name of a service"),
    ("sport = 10.0.0.1:80", 9, "10.0.0.1:80", "a port"),
    ("sport >= *", 10, "*", "* has no order"),
    ("sport =! 1", 8, "!", "a port"),
    ("sport and", 7, "and", "a port"),
    ("dport = 1 and", 14, "", "a condition"),
    ("dport = 1 or or dport = 2", 14, "or", "a condition"),
    ("dport = 1 && && dport = 2", 14, "&&", "a condition"),
    ("dport = 1 not", 14, "", "a condition"),
    ("dport = 1 dport", 16, "", "a port"),
    ("dport = 1 time-wait", 11, "time-wait", "another condition or the end"),
    ("dport = 1 )", 11, ")", "the end"),
    ("dport = 1 2", 11, "2", "the end"),
    ("( dport = 1", 12, "", ") for the ( at column 1"),
    ("dport = 1 and ( ( dport = 1 ) x", 31, "x", ") for the ( at column 15"),
    ("()", 2, ")", "a condition"),
    ("src", 4, "", "an address"),
    ("src > 10.0.0.1", 5, ">", "src has no order"),
    ("src 300.0.0.1", 5, "300.0.0.1", "an address"),
    ("src 10", 5, "10", "10.0.0.0/8"),
    ("src 80", 5, "80", ":80"),
    ("src localhost", 5, "localhost", "an address"),
    ("src 10.0.0.1/33", 14, "33", "0 to 32"),
    ("src 10.0.0.1/", 14, "", "0 to 32"),
    ("src 10.0.0.1/ and dst ::1", 14, "", "0 to 32"),
    ("src 10.0.0.1/255.0.0.0", 14, "255.0.0.0", "0 to 32"),
    ("src ::/129", 8, "129", "0 to 128"),
    ("src [::/129]:80", 9, "129", "0 to 128"),
    ("src 10.0.0.1:", 14, "", "a port"),
    ("src 10.0.0.1:70000", 14, "70000", "a port"),
    ("src [::1]:x", 11, "x", "a port"),
    ("src [::1", 5, "[::1", "an address"),
    ("src [10.0.0.1]", 5, "[10.0.0.1]", "an address"),
    ("src [[::1]/8]", 5, "[[::1]/8]", "an address"),
    ("src fd00::1:80", 5, "fd00::1:80", "brackets"),
    ("src 1.2.3.4.5/8", 5, "1.2.3.4.5/8", "an address"),
    ("src 010.0.0.0/8", 5, "010.0.0.0/8", "an address"),
    ("dev", 4, "", "an interface"),
    ("dev eth7", 5, "eth7", "an interface"),
    ("dev < 3", 5, "<", "dev has no order"),
    ("dev 4294967296", 5, "4294967296", "an interface"),
    ("fwmark", 7, "", "a mark"),
    ("fwmark 1/", 8, "1/", "a mark"),
    ("fwmark 0x100000000", 8, "0x100000000", "a mark"),
    ("fwmark x", 8, "x", "a mark"),
    ("cgroup /no/such", 8, "/no/such", "a cgroup"),
    ("cgroup )", 8, ")", "a cgroup"),
    ("autobound", 1, "autobound", "a condition"),
];
