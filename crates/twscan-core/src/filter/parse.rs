use super::cursor::Cursor;
use super::value::{host, mark, number, port};
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
            return Err(self
                .cursor
                .error_at(operator, format!("= or !=, since {word} has no order", word = word.text)));
        }
        let wanted = match condition {
            Condition::Port(side) => return self.port(side, comparison),
            Condition::Host(side) => {
                let value = self.cursor.peek_value();
                let host = host(side, value.text, self.names);
                let host = host.map_err(|mistake| self.cursor.error_at(mistake.within(&value.at), mistake.expected))?;
                self.cursor.skip(&value);
                host
            }
            Condition::Device => {
                Filter::Device(self.name("the name of an interface that exists, or its index", |names, name| {
                    names.interface(name).or_else(|| number(name))
                })?)
            }
            Condition::Cgroup => {
                Filter::Cgroup(self.name("the path of a cgroup that exists, or its id", |names, path| {
                    number(path).or_else(|| names.cgroup(path))
                })?)
            }
            Condition::Mark => {
                let value = self.cursor.peek_value();
                let wanted = mark(value.text)
                    .ok_or_else(|| self.cursor.error_at(value.at.clone(), "a mark or mark/mask, such as 0x1/0xff"))?;
                self.cursor.skip(&value);
                wanted
            }
        };
        Ok(if comparison == Comparison::Ne { Filter::Not(Box::new(wanted)) } else { wanted })
    }

    fn port(&mut self, side: Side, comparison: Comparison) -> Result<Filter, ParseError> {
        let value = self.cursor.peek_value();
        let wanted = match (value.text, comparison) {
            ("*" | ":*", Comparison::Eq) => Filter::Host(side, None, None),
            ("*" | ":*", Comparison::Ne) => Filter::Not(Box::new(Filter::Host(side, None, None))),
            ("*" | ":*", _) => return Err(self.cursor.error("a port number, since * has no order")),
            (text, _) => {
                let port = port(text.strip_prefix(':').unwrap_or(text), self.names);
                let port = port.ok_or_else(|| self.cursor.error_at(value.at.clone(), super::value::A_PORT))?;
                Filter::Port(side, comparison, port)
            }
        };
        self.cursor.skip(&value);
        Ok(wanted)
    }

    fn name<T>(&mut self, expected: &str, look_up: impl Fn(&dyn Names, &str) -> Option<T>) -> Result<T, ParseError> {
        let value = self.cursor.peek_name();
        let found = Some(value.text).filter(|text| !text.is_empty()).and_then(|text| look_up(self.names, text));
        self.cursor.skip(&value);
        found.ok_or_else(|| self.cursor.error_at(value.at, expected))
    }

    /// The operator, if there is one, and where; without one it is an equality.
    fn comparison(&mut self) -> (Comparison, std::ops::Range<usize>) {
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
