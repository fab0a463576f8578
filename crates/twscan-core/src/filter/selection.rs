use super::cursor::Cursor;
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
        if !["(", "!"].contains(&next.text) && !next.is(&["not"]) && Condition::named(next.text).is_none() {
            return Err(cursor.error(A_STATE_OR_CONDITION));
        }
        Ok(Self { states, filter: Some(Parser::new(cursor, names).whole()?) })
    }
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
const A_STATE_OR_CONDITION: &str = "a state such as time-wait, or a condition such as dport = :443";
