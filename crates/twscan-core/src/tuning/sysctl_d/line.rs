use std::path::{Path, PathBuf};

/// What a line says; comments and blank lines are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: usize,
    pub(super) text: Says,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Says {
    /// `key = value`, with `-` before it where a failure is of no interest.
    Set { key: String, value: String },
    /// `-key`: patterns leave this key out.
    Exclude { key: String },
    /// Neither.
    Nothing { text: String },
}

/// A line that no loader understands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadLine {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
}

pub(super) fn parse(text: &str) -> Vec<Line> {
    let lines = text.lines().enumerate();
    lines.filter_map(|(index, line)| says(line.trim()).map(|text| Line { number: index + 1, text })).collect()
}

pub(super) fn bad_lines(path: &Path, lines: &[Line]) -> Vec<BadLine> {
    let bad = lines.iter().filter_map(|line| match &line.text {
        Says::Nothing { text } => Some(BadLine { path: path.to_owned(), line: line.number, text: text.clone() }),
        _ => None,
    });
    bad.collect()
}

fn says(line: &str) -> Option<Says> {
    if line.is_empty() || line.starts_with(['#', ';']) {
        return None;
    }
    let (silent, rest) = line.strip_prefix('-').map_or((false, line), |rest| (true, rest));
    Some(match rest.split_once('=') {
        Some((key, value)) => Says::Set { key: normal(key.trim()), value: value.trim().to_owned() },
        None if silent => Says::Exclude { key: normal(rest.trim()) },
        None => Says::Nothing { text: line.to_owned() },
    })
}

/// The key as a path: where the first separator is a dot, dots and slashes change places (`sysctl_normalize` of systemd,
/// `slashdot` of procps).
fn normal(key: &str) -> String {
    let dots_first = key.find(['.', '/']).and_then(|at| key.as_bytes().get(at)) == Some(&b'.');
    let swapped: String = key
        .chars()
        .map(|letter| match letter {
            '.' if dots_first => '/',
            '/' if dots_first => '.',
            other => other,
        })
        .collect();
    swapped.trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let text = "# c\n; c\n\nnet.ipv4.tcp_tw_reuse = 1\n -net/ipv4/conf/eth0.1/x=\"2\" \n-a.b\nnothing\n";
        let set = |key: &str, value: &str| Says::Set { key: key.to_owned(), value: value.to_owned() };
        let lines = parse(text);
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [4, 5, 6, 7]);
        assert_eq!(lines[0].text, set("net/ipv4/tcp_tw_reuse", "1"));
        assert_eq!(lines[1].text, set("net/ipv4/conf/eth0.1/x", "\"2\""));
        assert_eq!(lines[2].text, Says::Exclude { key: "a/b".to_owned() });
        assert_eq!(bad_lines(Path::new("f"), &lines).len(), 1);
        assert_eq!(normal("net.ipv4.conf.eth0/1.x"), "net/ipv4/conf/eth0.1/x");
    }
}
