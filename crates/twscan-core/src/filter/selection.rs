use super::cursor::{Cursor, Token};
use super::parse::{Condition, Parser};
use super::{Filter, Names, ParseError};
use crate::socket::StateSet;

/// Which sockets: states, and an expression behind them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Selection {
    /// The states named; `None` where none is, and the caller's own choice holds.
    pub states: Option<StateSet>,
    /// The expression; `None` where there is none.
    pub filter: Option<Filter>,
}

impl Selection {
    /// Reads states and an expression: `time-wait dport = :8080`, `state connected exclude established`.
    ///
    /// A state is named in the spelling of ss or the kernel ([`StateSet::from_name`]). Named states add up; `exclude`
    /// takes away, from all where nothing was named before. As in ss, states come first.
    ///
    /// # Errors
    /// [`ParseError`] at the first word that is neither.
    pub fn parse(text: &str, names: &dyn Names) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(text);
        let mut states = None;
        loop {
            let word = cursor.peek_name();
            let keyword = Keyword::named(word.text);
            let mut name = word.clone();
            if keyword.is_some() {
                cursor.skip(&word);
                name = cursor.peek_name();
            }
            match (keyword, StateSet::from_name(name.text)) {
                (Some(_), None) => return Err(cursor.error_at(name.at, A_STATE)),
                (None, None) => break,
                (Some(Keyword::Exclude), Some(set)) => {
                    states = Some(states.unwrap_or(StateSet::ALL).intersection(!set));
                }
                (Some(Keyword::State) | None, Some(set)) => states = Some(states.unwrap_or_default() | set),
            }
            cursor.skip(&name);
        }
        let next = cursor.peek();
        if next.text.is_empty() {
            return Ok(Self { states, filter: None });
        }
        if !begins_expression(&next) {
            return Err(cursor.error(A_STATE_OR_CONDITION));
        }
        Ok(Self { states, filter: Some(Parser::new(cursor, names).whole()?) })
    }

    /// Whether a selection can begin with this word; a caller that takes another word before it can tell them apart.
    #[must_use]
    pub fn can_begin_with(word: &str) -> bool {
        Keyword::named(word).is_some()
            || StateSet::from_name(word).is_some()
            || begins_expression(&Cursor::new(word).peek())
    }
}

fn begins_expression(token: &Token<'_>) -> bool {
    token.is(&["(", "!", "not"]) || Condition::named(token.text).is_some()
}

#[derive(Debug, Clone, Copy)]
enum Keyword {
    State,
    Exclude,
}

impl Keyword {
    fn named(word: &str) -> Option<Self> {
        match word {
            "state" => Some(Self::State),
            "exclude" | "excl" => Some(Self::Exclude),
            _ => None,
        }
    }
}

const A_STATE: &str = "a state such as time-wait, or a group: all, connected, synchronized, bucket, big";
const A_STATE_OR_CONDITION: &str = "a state such as time-wait, a group (all, connected, synchronized, bucket, big), or a \
    condition such as dport = :443";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::NumbersOnly;
    use crate::socket::TcpState::{self, BoundInactive, Close, CloseWait, Established, SynRecv, TimeWait};

    fn states_of(text: &str) -> Option<Vec<TcpState>> {
        let selection = Selection::parse(text, &NumbersOnly).unwrap();
        assert_eq!(selection.filter, None, "{text}");
        selection.states.map(|states| states.iter().collect())
    }

    #[test]
    fn named_states_add_up_and_excluded_ones_are_taken_away() {
        assert_eq!(states_of(""), None);
        assert_eq!(states_of("time-wait"), Some(vec![TimeWait]));
        assert_eq!(states_of("TIME_WAIT state estab"), Some(vec![Established, TimeWait]));
        assert_eq!(states_of("bucket"), Some(vec![SynRecv, TimeWait]));
        assert_eq!(states_of("exclude big excl syn-recv"), Some(vec![TimeWait]));
        assert_eq!(states_of("bucket exclude time-wait close-wait"), Some(vec![SynRecv, CloseWait]));
        assert_eq!(states_of("exclude all"), Some(vec![]));
        assert_eq!(states_of("close time-wait"), Some(vec![TimeWait, Close, BoundInactive]));
    }

    #[test]
    fn an_expression_follows_the_states() {
        let selection = Selection::parse("time-wait dport = :8080 or (src 10/8)", &NumbersOnly).unwrap();
        assert_eq!(selection.states, Some(StateSet::TIME_WAIT));
        assert_eq!(selection.filter.unwrap().to_string(), "dport = :8080 or src 10.0.0.0/8");
        let selection = Selection::parse("!sport 1", &NumbersOnly).unwrap();
        assert_eq!((selection.states, selection.filter.unwrap().to_string().as_str()), (None, "not sport = :1"));
    }

    #[test]
    fn its_first_word_is_told_from_a_target() {
        for word in ["time-wait", "ALL", "state", "excl", "dport", "dport=:80", "(src", "!dev", "not", "(", "SRC"] {
            assert!(Selection::can_begin_with(word), "{word}");
        }
        for word in ["8080", ":8080", "10.0.0.0/8", "[::1]:80", "localhost", "*:80", "and", "dports", "", "notice"] {
            assert!(!Selection::can_begin_with(word), "{word}");
        }
    }

    #[test]
    fn what_is_neither_is_pointed_at() {
        for (text, column, found, expected) in [
            ("tme-wait", 1, "tme-wait", "a group (all"),
            ("time-wait tme-wait", 11, "tme-wait", "a group (all"),
            ("state", 6, "", "a state"),
            ("state dport = 1", 7, "dport", "a state"),
            ("exclude 80", 9, "80", "a state"),
            ("and time-wait", 1, "and", "a state"),
            ("time-wait 8080", 11, "8080", "a condition"),
            ("time-wait dport = 1 established", 21, "established", "another condition or the end"),
            ("(time-wait)", 2, "time-wait", "a condition"),
        ] {
            let error = Selection::parse(text, &NumbersOnly).unwrap_err();
            assert_eq!((error.column(), error.found()), (column, found), "{text}: {error}");
            assert!(error.expected().contains(expected), "{text}: {error}");
        }
    }
}
