use twscan_core::netns::Namespace;

use super::text::shell_word;

/// How a network namespace is called, and what `--netns` takes for it, as a shell reads it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) reference: Option<String>,
}

impl Place {
    /// Of a recording, where it is named.
    pub(crate) fn of(namespace: &Namespace, from: Option<&str>) -> Self {
        let from = from.map_or_else(String::new, |from| format!(" --from {}", shell_word(from)));
        let reference = namespace.reference().map(|reference| format!("{}{from}", shell_word(reference)));
        Self { name: namespace.name().to_string(), reference }
    }
}
