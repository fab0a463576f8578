use super::Code;

/// A page of explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Topic {
    /// The page of a code.
    Code(Code),
    /// The errors of common tutorials.
    Myths,
    /// Connections that are used again, for each kind of client.
    Keepalive,
}

impl Topic {
    /// Every page.
    pub fn all() -> impl Iterator<Item = Self> {
        Code::ALL.iter().copied().map(Self::Code).chain([Self::Myths, Self::Keepalive])
    }

    /// What it is asked for by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code(code) => code.name(),
            Self::Myths => "myths",
            Self::Keepalive => "keepalive",
        }
    }

    /// The page as plain text of 80 columns, without its snippets.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Code(code) => code.page(),
            Self::Myths => include_str!("pages/myths.md"),
            Self::Keepalive => include_str!("pages/keepalive.md"),
        }
    }

    /// The heading, without its mark.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.text().lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// The whole page.
    #[must_use]
    pub fn page(self) -> String {
        let mut page = self.text().to_owned();
        if self == Self::Keepalive {
            for (name, snippet) in CLIENTS {
                page.push_str(&format!("\n## {name}\n{snippet}"));
            }
        }
        page
    }

    /// The page that the kernel's error leads to, by its name or number.
    fn of_errno(text: &str) -> Option<Self> {
        let code = match text.to_ascii_uppercase().as_str() {
            "EADDRNOTAVAIL" | "99" => Code::PortsExhausted,
            "EADDRINUSE" | "98" => Code::BindPoolFull,
            "ETIMEDOUT" | "110" => Code::SynSentPileup,
            "ECONNREFUSED" | "111" => Code::LocalhostIpv6,
            "ECONNRESET" | "104" => Code::OrphansHigh,
            _ => return None,
        };
        Some(Self::Code(code))
    }
}

/// What a question leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// This page.
    One(Topic),
    /// Several that speak of it, most first.
    Several(Vec<Topic>),
}

/// The page for a code, `myths`, the name or number of an error, or for words that are searched for in all pages; `None`
/// where none speaks of them.
#[must_use]
pub fn explain(words: &[&str]) -> Option<Page> {
    if let [word] = words
        && let Some(topic) = Topic::all().find(|topic| topic.name() == *word).or_else(|| Topic::of_errno(word))
    {
        return Some(Page::One(topic));
    }
    let words: Vec<String> = words.iter().flat_map(|word| word.split_whitespace()).map(str::to_lowercase).collect();
    if words.is_empty() {
        return None;
    }
    let score = |topic: Topic| -> usize {
        let text = topic.page().to_lowercase();
        let counts = words.iter().map(|word| text.matches(word.as_str()).count()).collect::<Vec<_>>();
        let named = words.iter().filter(|word| topic.name().contains(word.as_str())).count();
        if counts.contains(&0) { 0 } else { counts.iter().sum::<usize>() + 10 * named }
    };
    let mut found: Vec<(usize, Topic)> = Topic::all().map(|topic| (score(topic), topic)).collect();
    found.retain(|(score, _)| *score > 0);
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    match found.as_slice() {
        [] => None,
        [(_, topic)] => Some(Page::One(*topic)),
        several => Some(Page::Several(several.iter().map(|(_, topic)| *topic).collect())),
    }
}

/// The clients of the page `keepalive`.
const CLIENTS: [(&str, &str); 10] = [
    ("nginx", include_str!("../advice/snippets/nginx.txt")),
    ("HAProxy", include_str!("../advice/snippets/haproxy.txt")),
    ("Envoy", include_str!("../advice/snippets/envoy.txt")),
    ("Go", include_str!("../advice/snippets/go.txt")),
    ("Java", include_str!("../advice/snippets/java.txt")),
    ("Node", include_str!("../advice/snippets/node.txt")),
    ("Python", include_str!("../advice/snippets/python.txt")),
    ("PHP", include_str!("../advice/snippets/php.txt")),
    ("PostgreSQL clients", include_str!("../advice/snippets/postgresql.txt")),
    ("Redis clients", include_str!("../advice/snippets/redis.txt")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/diagnosis/pages");
        let mut files: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".md", ""))
            .collect();
        files.sort();
        let mut names: Vec<String> = Topic::all().map(|topic| topic.name().to_owned()).collect();
        names.sort();
        assert_eq!(files, names);
    }

    #[test]
    fn pages_fit_a_terminal_and_begin_with_their_name() {
        for topic in Topic::all() {
            assert!(topic.title().starts_with(&format!("{}: ", topic.name())), "{}", topic.title());
            for line in topic.page().lines() {
                assert!(line.chars().count() <= 80, "{}: {line}", topic.name());
                assert!(line.is_ascii(), "{}: {line}", topic.name());
            }
        }
    }

    #[test]
    fn errors_and_words_lead_to_pages() {
        let exhausted = Some(Page::One(Topic::Code(Code::PortsExhausted)));
        for word in ["EADDRNOTAVAIL", "99", "eaddrnotavail", "ports-exhausted"] {
            assert_eq!(explain(&[word]), exhausted, "{word}");
        }
        assert_eq!(explain(&["98"]), Some(Page::One(Topic::Code(Code::BindPoolFull))));
        assert_eq!(explain(&["myths"]), Some(Page::One(Topic::Myths)));
        assert_eq!(explain(&["tcp_tw_recycle"]), Some(Page::One(Topic::Myths)));
        let Some(Page::Several(topics)) = explain(&["tcp_fin_timeout"]) else { panic!("one page or none") };
        assert!(topics.contains(&Topic::Myths) && topics.contains(&Topic::Code(Code::FinWait2Pileup)));
        assert_eq!(explain(&["no such word"]), None);
    }
}
