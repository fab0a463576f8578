/// A value that was asked for and makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} = '{value}': {why}")]
pub struct BadValue {
    pub(super) key: &'static str,
    pub(super) value: String,
    pub(super) why: String,
}
