use std::fmt::Write;

/// An nginx error log of at least `bytes` bytes; of a thousand lines so many are failures for lack of a local port, spread
/// evenly, and the rest upstream timeouts.
#[must_use]
pub fn error_log(bytes: usize, failures_in_1000: usize) -> Vec<u8> {
    let mut log = String::with_capacity(bytes + 512);
    for line in 0.. {
        if log.len() >= bytes {
            break;
        }
        let (second, client) = (line / 1500 % 60, line % 250);
        let is_failure = (line + 1) * failures_in_1000 / 1000 > line * failures_in_1000 / 1000;
        let (level, what) = if is_failure {
            (
                "crit",
                "connect() to 127.0.0.1:8080 failed (99: Cannot assign requested address) while connecting to upstream",
            )
        } else {
            ("error", "upstream timed out (110: Connection timed out) while reading response header from upstream")
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            log,
            "2018/07/19 08:03:{second:02} [{level}] 2872#2872: *{line} {what}, client: 10.0.7.{client}, server: _, request: \
             \"GET /availablePoint/{line} HTTP/1.1\", upstream: \"http://127.0.0.1:8080/availablePoint/{line}\", host: \"web-1\""
        );
    }
    log.into_bytes()
}
