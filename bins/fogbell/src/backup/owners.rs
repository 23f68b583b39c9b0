//! Owners of files by name: the numbers are another machine's.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;

/// Users and groups of this machine, as its files have them.
#[derive(Debug)]
pub(crate) struct Owners {
    users: Vec<(String, u32)>,
    groups: Vec<(String, u32)>,
}

impl Owners {
    /// Reads `/etc/passwd` and `/etc/group`, where the users of services are.
    pub(crate) fn of_this_machine() -> io::Result<Self> {
        Ok(Self {
            users: table(&fs::read_to_string("/etc/passwd")?),
            groups: table(&fs::read_to_string("/etc/group")?),
        })
    }

    /// Names of owner and group, where they have one.
    pub(crate) fn of(&self, meta: &Metadata) -> (Option<String>, Option<String>) {
        let name = |table: &[(String, u32)], id: u32| {
            table.iter().find(|(_, number)| *number == id).map(|(name, _)| name.clone())
        };
        (name(&self.users, meta.uid()), name(&self.groups, meta.gid()))
    }

    /// Their numbers here.
    pub(crate) fn numbers(
        &self,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Result<(Option<u32>, Option<u32>), String> {
        let number = |table: &[(String, u32)], name: Option<&str>, what: &str| match name {
            None => Ok(None),
            Some(name) => match table.iter().find(|(known, _)| known == name) {
                Some((_, number)) => Ok(Some(*number)),
                None => Err(format!(
                    "this machine has no {what} `{name}`, who owns files of the backup; install the package of fogbell first"
                )),
            },
        };
        Ok((number(&self.users, owner, "user")?, number(&self.groups, group, "group")?))
    }
}

/// Names and numbers. Source: passwd(5), group(5), which agree in the first and the third field.
fn table(text: &str) -> Vec<(String, u32)> {
    let row = |line: &str| {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
    };
    text.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_found_in_both_directions() {
        let text = "root:x:0:0:root:/root:/bin/bash\n\nbroken\nfogbell:x:998:997::/:/usr/sbin/nologin\n";
        let owners = Owners { users: table(text), groups: table("root:x:0:\nfogbell:x:997:a,b\n") };

        assert_eq!(owners.numbers(Some("fogbell"), Some("fogbell")), Ok((Some(998), Some(997))));
        assert_eq!(owners.numbers(None, None), Ok((None, None)));
        assert!(owners.numbers(Some("nobody"), None).unwrap_err().contains("no user `nobody`"));
    }
}
