use std::collections::HashMap;

/// The names of users, as `/etc/passwd` gives them.
///
/// Users that another source of names knows (LDAP, systemd) keep their number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    names: HashMap<u32, String>,
}

impl Users {
    /// Reads the text of `/etc/passwd`; lines of another form are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut names = HashMap::new();
        for line in text.lines() {
            let mut fields = line.split(':');
            let (Some(name), Some(uid)) = (fields.next(), fields.nth(1).and_then(|uid| uid.parse().ok())) else {
                continue;
            };
            // getpwuid() gives the first of several.
            names.entry(uid).or_insert_with(|| super::printable(name));
        }
        Self { names }
    }

    /// The user's name, or the number where there is none.
    #[must_use]
    pub fn name(&self, uid: u32) -> String {
        self.names.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_by_number_and_the_first_wins() {
        let users = Users::parse(
            "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n# comment\n+::::::\nwww-data:x:33:33\nbad:x:-1:0\n",
        );
        assert_eq!((users.name(0).as_str(), users.name(33).as_str()), ("root", "www-data"));
        assert_eq!(users.name(1000), "1000");
    }
}
