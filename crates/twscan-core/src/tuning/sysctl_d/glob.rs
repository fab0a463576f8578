/// Whether a key is a pattern (`string_is_glob` of both loaders).
pub(super) fn is_pattern(key: &str) -> bool {
    key.contains(['*', '?', '['])
}

/// Whether a pattern of glob(7) matches a path; no wildcard matches a slash.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let (patterns, names) = (pattern.split('/'), path.split('/'));
    patterns.clone().count() == names.clone().count()
        && patterns.zip(names).all(|(pattern, name)| {
            let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
            part(&pattern, &name)
        })
}

fn part(pattern: &[char], name: &[char]) -> bool {
    match pattern {
        [] => name.is_empty(),
        ['*', rest @ ..] => (0..=name.len()).any(|skip| part(rest, name.get(skip..).unwrap_or_default())),
        ['?', rest @ ..] => matches!(name, [_, tail @ ..] if part(rest, tail)),
        ['[', rest @ ..] if rest.iter().skip(1).any(|letter| *letter == ']') => {
            let end = rest.iter().skip(1).position(|letter| *letter == ']').map_or(0, |at| at + 1);
            let (set, tail) = rest.split_at(end);
            matches!(name, [first, more @ ..] if in_set(set, *first) && part(tail.get(1..).unwrap_or_default(), more))
        }
        [letter, rest @ ..] => matches!(name, [first, tail @ ..] if first == letter && part(rest, tail)),
    }
}

fn in_set(set: &[char], letter: char) -> bool {
    let (negated, set) = match set {
        ['!' | '^', rest @ ..] => (true, rest),
        set => (false, set),
    };
    let mut rest = set;
    let mut found = false;
    loop {
        match rest {
            [low, '-', high, tail @ ..] => {
                found |= (*low..=*high).contains(&letter);
                rest = tail;
            }
            [one, tail @ ..] => {
                found |= *one == letter;
                rest = tail;
            }
            [] => return found != negated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_shells_do() {
        for (pattern, path, expected) in [
            ("net/ipv4/tcp_tw_*", "net/ipv4/tcp_tw_reuse", true),
            ("net/*/tcp_tw_reuse", "net/ipv4/tcp_tw_reuse", true),
            ("net/*", "net/ipv4/tcp_tw_reuse", false),
            ("net/ipv4/tcp_tw_reus?", "net/ipv4/tcp_tw_reuse", true),
            ("net/ipv4/tcp_tw_reuse?", "net/ipv4/tcp_tw_reuse", false),
            ("net/ipv[46]/tcp_tw_reuse", "net/ipv4/tcp_tw_reuse", true),
            ("net/ipv[!4]/tcp_tw_reuse", "net/ipv4/tcp_tw_reuse", false),
            ("net/ipv[0-5]/tcp_*reuse", "net/ipv4/tcp_tw_reuse", true),
            ("net/ipv4/tcp_[tw", "net/ipv4/tcp_[tw", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
