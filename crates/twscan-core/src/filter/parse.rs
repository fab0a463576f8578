use std::ops::Range;

use super::cursor::{Cursor, Token};
use super::value::{Mistake, cgroup, device, host, mark, port};
use super::{Comparison, Filter, Names, ParseError, Side};

impl Filter {
    /// Reads an expression, all of it; the [grammar](super#grammar).
    ///
    /// # Errors
    /// [`ParseError`] at the first token that cannot stand where it is, or that means nothing.
    pub fn parse(text: &str, names: &dyn Names) -> Result<Self, ParseError> {
        Parser::new(Cursor::new(text), names).whole()
    }
}

/// Reads an expression by recursive descent; one function for each rule of the grammar.
pub(super) struct Parser<'t> {
    cursor: Cursor<'t>,
    names: &'t dyn Names,
    depth: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn new(cursor: Cursor<'t>, names: &'t dyn Names) -> Self {
        Self { cursor, names, depth: 0 }
    }

    pub(super) fn whole(mut self) -> Result<Filter, ParseError> {
        let filter = self.expression()?;
        if self.cursor.peek().text.is_empty() { Ok(filter) } else { Err(self.cursor.error(AFTER_A_CONDITION)) }
    }

    fn expression(&mut self) -> Result<Filter, ParseError> {
        let mut parts = vec![self.conjunct()?];
        while self.accept(OR) {
            parts.push(self.conjunct()?);
        }
        Ok(single_or(parts, Filter::Or))
    }

    fn conjunct(&mut self) -> Result<Filter, ParseError> {
        let mut parts = vec![self.factor()?];
        while self.accept(AND) || self.at_factor() {
            parts.push(self.factor()?);
        }
        Ok(single_or(parts, Filter::And))
    }

    fn factor(&mut self) -> Result<Filter, ParseError> {
        let opening = self.cursor.peek();
        if self.accept(NOT) {
            return self.nested(Self::factor).map(|inner| Filter::Not(Box::new(inner)));
        }
        if !self.accept(&["("]) {
            return self.condition();
        }
        let inner = self.nested(Self::expression)?;
        if self.accept(&[")"]) {
            return Ok(inner);
        }
        let column = self.cursor.error_at(opening.at, "").column();
        Err(self.cursor.error(format!("and, or, another condition, or ) for the ( at column {column}")))
    }

    /// Keeps the recursion, here and in all that walks the tree, within what a stack holds.
    fn nested(&mut self, rule: fn(&mut Self) -> Result<Filter, ParseError>) -> Result<Filter, ParseError> {
        if self.depth == MAX_DEPTH {
            return Err(self.cursor.error(format!("no more than {MAX_DEPTH} nested groups")));
        }
        self.depth += 1;
        let filter = rule(self);
        self.depth -= 1;
        filter
    }

    fn condition(&mut self) -> Result<Filter, ParseError> {
        let word = self.cursor.peek();
        let Some(condition) = Condition::named(word.text) else { return Err(self.cursor.error(A_CONDITION)) };
        self.cursor.skip(&word);
        let (comparison, operator) = self.comparison();
        let is_equality = matches!(comparison, Comparison::Eq | Comparison::Ne);
        if !is_equality && !matches!(condition, Condition::Port(_)) {
            return Err(self.cursor.error_at(operator, format!("= or !=, since {} has no order", word.text)));
        }
        let (names, value, name) = (self.names, self.cursor.peek_value(), self.cursor.peek_name());
        let wanted = match condition {
            Condition::Port(side) => return self.value(&value, |text| port(side, comparison, text, names)),
            Condition::Host(side) => self.value(&value, |text| host(side, text, names))?,
            Condition::Mark => self.value(&value, mark)?,
            Condition::Device => self.value(&name, |text| device(text, names))?,
            Condition::Cgroup => self.value(&name, |text| cgroup(text, names))?,
        };
        Ok(if comparison == Comparison::Ne { Filter::Not(Box::new(wanted)) } else { wanted })
    }

    fn value(
        &mut self,
        token: &Token<'t>,
        read: impl FnOnce(&'t str) -> Result<Filter, Mistake>,
    ) -> Result<Filter, ParseError> {
        match read(token.text) {
            Ok(filter) => {
                self.cursor.skip(token);
                Ok(filter)
            }
            // Something else stands where the value is missing.
            Err(mistake) if token.text.is_empty() => Err(self.cursor.error(mistake.expected)),
            Err(mistake) => Err(self.cursor.error_at(mistake.within(&token.at), mistake.expected)),
        }
    }

    /// The operator, if there is one, and where; without one it is an equality.
    fn comparison(&mut self) -> (Comparison, Range<usize>) {
        let token = self.cursor.peek();
        let known = COMPARISONS.iter().find(|(spellings, _)| token.is(spellings));
        if known.is_some() {
            self.cursor.skip(&token);
        }
        (known.map_or(Comparison::Eq, |(_, comparison)| *comparison), token.at)
    }

    fn accept(&mut self, spellings: &[&str]) -> bool {
        let token = self.cursor.peek();
        let accepted = token.is(spellings);
        if accepted {
            self.cursor.skip(&token);
        }
        accepted
    }

    fn at_factor(&self) -> bool {
        let token = self.cursor.peek();
        token.is(NOT) || token.text == "(" || Condition::named(token.text).is_some()
    }
}

/// The words that a condition begins with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition {
    Port(Side),
    Host(Side),
    Device,
    Mark,
    Cgroup,
}

impl Condition {
    pub(super) fn named(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "sport" => Self::Port(Side::Local),
            "dport" => Self::Port(Side::Remote),
            "src" => Self::Host(Side::Local),
            "dst" => Self::Host(Side::Remote),
            "dev" => Self::Device,
            "fwmark" => Self::Mark,
            "cgroup" => Self::Cgroup,
            _ => return None,
        })
    }
}

fn single_or(mut parts: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(part) if parts.is_empty() => part,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}

const OR: &[&str] = &["or", "|", "||"];
const AND: &[&str] = &["and", "&", "&&"];
const NOT: &[&str] = &["not", "!"];
const COMPARISONS: [(&[&str], Comparison); 6] = [
    (&["=", "==", "eq"], Comparison::Eq),
    (&["!=", "ne", "neq"], Comparison::Ne),
    (&["<", "lt"], Comparison::Lt),
    (&["<=", "le", "leq"], Comparison::Le),
    (&[">", "gt"], Comparison::Gt),
    (&[">=", "ge", "geq"], Comparison::Ge),
];

/// Far more than a person writes, far less than a stack holds.
const MAX_DEPTH: usize = 64;

const A_CONDITION: &str = "a condition (sport, dport, src, dst, dev, fwmark or cgroup), not or (";
const AFTER_A_CONDITION: &str = "and, or, another condition or the end";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::filter::testing::{FewNames, filters};

    fn parsed(text: &str) -> String {
        Filter::parse(text, &FewNames).unwrap_or_else(|error| panic!("{error}\n{}", error.pointer())).to_string()
    }

    #[test]
    fn operators_bind_as_the_manual_page_of_ss_says() {
        for (text, expected) in [
            ("sport 1 or sport 2 and dport 3", "sport = :1 or (sport = :2 and dport = :3)"),
            ("sport 1 sport 2 | dport 3 dport 4", "(sport = :1 and sport = :2) or (dport = :3 and dport = :4)"),
            ("not sport 1 and sport 2", "not sport = :1 and sport = :2"),
            ("not (sport 1 and sport 2)", "not (sport = :1 and sport = :2)"),
            ("! ! sport 1", "not not sport = :1"),
            ("(sport 1 or sport 2) (dport 3)", "(sport = :1 or sport = :2) and dport = :3"),
        ] {
            assert_eq!(parsed(text), expected);
        }
    }

    #[test]
    fn names_are_looked_up_and_may_contain_operators() {
        assert_eq!(parsed("dport = :https"), "dport = :443");
        assert_eq!(parsed("(dev != br-a=1&b)"), "not dev 7");
        assert_eq!(parsed("not(cgroup = /user.slice/a=b)or dev 3"), "not cgroup 99 or dev 3");
        assert_eq!(parsed("cgroup 0x63"), "cgroup 99");
    }

    #[test]
    fn hosts_are_read_in_all_their_forms() {
        for (text, expected) in [
            ("dst 10/8", "dst 10.0.0.0/8"),
            ("dst 10.1.2.3/8:https", "dst 10.0.0.0/8:443"),
            ("dst 10.1.2.3/32", "dst 10.1.2.3"),
            ("dst :80", "dst *:80"),
            ("dst *:*", "dst *"),
            ("dst 10.1.2.3:*", "dst 10.1.2.3"),
            ("dst any:80", "dst *:80"),
            ("dst ::", "dst [::]"),
            ("dst ::/0", "dst [::/0]"),
            ("dst [::]/0:80", "dst [::/0]:80"),
            ("dst [::1]:0x50", "dst [::1]:80"),
            ("dst 1:2:3:4:5:6:7:8:80", "dst [1:2:3:4:5:6:7:8]:80"),
            ("dst ::ffff:10.0.0.1", "dst [::ffff:10.0.0.1]"),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn an_error_reads_as_a_sentence_with_a_pointer() {
        let error = Filter::parse("dport = :80 garbage", &FewNames).unwrap_err();
        let expected =
            "cannot read the filter at column 13, \"garbage\": expected and, or, another condition or the end";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.pointer(), "dport = :80 garbage\n            ^^^^^^^");
        let error = Filter::parse("sport é", &FewNames).unwrap_err();
        assert_eq!(error.pointer(), "sport é\n      ^");
        let error = Filter::parse("sport =", &FewNames).unwrap_err();
        assert_eq!(error.pointer(), "sport =\n       ^");
        assert!(error.to_string().starts_with("cannot read the filter at its end, column 8: expected a port"));
    }

    #[test]
    fn nesting_ends_before_the_stack_does() {
        let nested = |open: &str, count| {
            format!("{}sport 1{}", open.repeat(count), ")".repeat(if open == "(" { count } else { 0 }))
        };
        for open in ["(", "!", "not "] {
            assert!(Filter::parse(&nested(open, MAX_DEPTH), &FewNames).is_ok());
            let error = Filter::parse(&nested(open, 100_000), &FewNames).unwrap_err();
            assert!(error.expected().contains("nested"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_filter_reads_back(filter in filters()) {
            prop_assert_eq!(Filter::parse(&filter.to_string(), &FewNames), Ok(filter));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            if let Err(error) = Filter::parse(&text, &FewNames) {
                prop_assert!(error.pointer().ends_with('^'));
            }
        }

        #[test]
        fn no_sequence_of_tokens_makes_it_panic(tokens in proptest::collection::vec(token(), 0..20)) {
            let text = tokens.concat();
            if let Err(error) = Filter::parse(&text, &FewNames) {
                prop_assert!(text.contains(error.found()) && !error.to_string().is_empty());
            }
        }
    }

    fn token() -> impl Strategy<Value = String> {
        let known = [
            " ",
            "\t",
            "(",
            ")",
            "!",
            "not ",
            "and ",
            "||",
            "=",
            "<=",
            "sport",
            "dst ",
            "dev ",
            "fwmark ",
            "cgroup ",
            ":80",
            "*",
            "[",
            "]",
            ":",
            "::",
            "/",
            "10.0.0.0/8",
            "[::1]:443",
            "0x",
            "65536",
            "é",
            "\u{2003}",
            "\0",
        ];
        prop_oneof![8 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,3}"]
    }
}
