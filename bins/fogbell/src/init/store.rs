//! Where the secrets are kept: files, or a vault.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::SystemTime;

use relay::config::{KeyHome, SecretHome};
use relay::{Cause, Config};
use vault::{Edit, Existing, Key, Keyring, Kind, NewWrapper, Secret, SecretName, Vault, WrapperKind};
use zeroize::Zeroizing;

use super::credstore;
use super::write::{self, Owner};
use crate::secret::at_hand;

/// Where secrets are to be kept, as it is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Keep {
    /// A file each.
    Files,
    /// A vault that this opens.
    Vault(Opener),
}

/// What opens the vault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Opener {
    /// A file with random bytes.
    File(PathBuf),
    /// A credential that systemd seals for this machine and opens for the unit.
    Credential,
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "files" => Ok(Self::Files),
            "credential" => Ok(Self::Vault(Opener::Credential)),
            path if path.starts_with('/') => Ok(Self::Vault(Opener::File(path.into()))),
            other => Err(format!(
                "`{other}` keeps no secrets: it is `files`, `credential`, or the whole path of a key file"
            )),
        }
    }
}

impl Keep {
    /// As the configuration has it that is there already; files where there is none.
    pub(super) fn as_it_is(path: &Path) -> Self {
        let Ok(config) = Config::load(path) else { return Self::Files };
        let in_vault = |home: &SecretHome| matches!(home, SecretHome::Secret(_));
        let is_used = config.org.iter().flat_map(|org| &org.secrets).any(in_vault);
        match config.vault.key {
            Some(KeyHome::File(file)) if is_used => Self::Vault(Opener::File(file)),
            Some(KeyHome::Credential(name)) if is_used && *name == *credstore::NAME => {
                Self::Vault(Opener::Credential)
            }
            _ => Self::Files,
        }
    }
}

/// The place that secrets are read from and written to. Names are those of files.
#[derive(Debug)]
pub(super) enum Store {
    Files(PathBuf),
    Vault(Box<Sealed>),
}

/// A vault, whether it is there or not yet.
#[derive(Debug)]
pub(super) struct Sealed {
    path: PathBuf,
    opener: Opener,
    /// The folder of files that secrets may have been in before.
    before: PathBuf,
    there: Option<Vault>,
}

impl Store {
    /// What `keep` says, looked at; nothing is written. `folder` is that of the files, `state` the relay's.
    pub(super) fn look(keep: &Keep, folder: PathBuf, state: &Path) -> Result<Self, Cause> {
        let Keep::Vault(opener) = keep else { return Ok(Self::Files(folder)) };
        let path = state.join("vault");
        let there = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(format!("cannot look at `{}`: {error}", path.display()).into()),
            Ok(_) => {
                let key = opener.key()?.ok_or_else(|| {
                    format!("the vault `{}` is there, and what opens it ({opener}) is not", path.display())
                })?;
                Some(Vault::open(&path, &Keyring::of([key]))?)
            }
        };
        let sealed = Sealed { path, opener: opener.clone(), before: folder, there };
        Ok(Self::Vault(Box::new(sealed)))
    }

    /// The secret of this name that is there already; one that was in a file before is taken over.
    pub(super) fn kept(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Cause> {
        let folder = match self {
            Self::Files(folder) => folder,
            Self::Vault(sealed) => {
                if let Some(secret) = sealed.secret(name)? {
                    return Ok(Some(secret));
                }
                &sealed.before
            }
        };
        let path = folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(Some(super::draft::without_line_end(pki::read_private(&path)?))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("cannot look at `{}`: {error}", path.display()).into()),
        }
    }

    /// How a configuration names the secret.
    pub(super) fn home(&self, name: &str) -> String {
        match self {
            Self::Files(folder) => format!("{{ file = {} }}", super::draft::quoted(folder.join(name))),
            Self::Vault(_) => format!("{{ secret = \"{}\" }}", in_vault(name)),
        }
    }

    /// The name of a secret, by how a configuration names it.
    pub(super) fn name_of<'a>(
        &self,
        home: &SecretHome,
        names: impl Iterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let mut names = names;
        names.find(|name| match (self, home) {
            (Self::Files(folder), SecretHome::File(path)) => folder.join(name) == *path,
            (Self::Vault(_), SecretHome::Secret(secret)) => **secret == in_vault(name),
            _ => false,
        })
    }

    /// The table of the configuration; nothing for files.
    pub(super) fn table(&self) -> String {
        match self {
            Self::Files(_) => String::new(),
            Self::Vault(sealed) => format!("\n[vault]\nkey = {}\n", sealed.opener.home()),
        }
    }
}

impl Sealed {
    fn secret(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Cause> {
        let Some(vault) = &self.there else { return Ok(None) };
        let name = SecretName::new(&in_vault(name))?;
        if !vault.entries().iter().any(|entry| *entry.name() == name) {
            return Ok(None);
        }
        Ok(Some(vault.secret(&name)?.into_exposed()))
    }

    /// Whether there is none yet, so that a recovery key is handed out.
    pub(super) const fn is_new(&self) -> bool {
        self.there.is_none()
    }

    /// How a command is called that needs what is in it.
    pub(super) const fn in_a_shell(&self) -> &'static str {
        match self.opener {
            Opener::File(_) => "fogbell",
            Opener::Credential => {
                "systemd-run --pipe --wait -p LoadCredentialEncrypted=fogbell-vault fogbell"
            }
        }
    }

    /// The names of those of `secrets` that are not as they should be.
    fn changed<'a>(&self, secrets: &'a BTreeMap<String, Zeroizing<Vec<u8>>>) -> Result<Vec<&'a str>, Cause> {
        let mut changed = Vec::new();
        for (name, secret) in secrets {
            if self.secret(name)?.as_ref() != Some(secret) {
                changed.push(name.as_str());
            }
        }
        Ok(changed)
    }

    /// Whether anything happens.
    pub(super) fn changes(&self, secrets: &BTreeMap<String, Zeroizing<Vec<u8>>>) -> Result<bool, Cause> {
        Ok(self.is_new() || !self.changed(secrets)?.is_empty())
    }

    /// What happens, for people.
    pub(super) fn lines(
        &self,
        secrets: &BTreeMap<String, Zeroizing<Vec<u8>>>,
        recovery_key_to: Option<&Path>,
    ) -> Result<Vec<String>, Cause> {
        let changed = self.changed(secrets)?;
        let owner = Owner::of_the_relay().map_or_else(String::new, |_| " fogbell:fogbell".to_owned());
        let mark = match (self.is_new(), changed.is_empty()) {
            (true, _) => '+',
            (false, true) => '=',
            (false, false) => '~',
        };
        let mut lines = Vec::new();
        if self.is_new() && self.opener.key()?.is_none() {
            lines.push(format!("+ {}", self.opener.line()));
        }
        lines.push(format!("{mark} {}  0600{owner}", self.path.display()));
        lines.extend(secrets.keys().map(|name| {
            let mark = match changed.contains(&name.as_str()) {
                false => '=',
                true if self.is_new() => '+',
                true => '~',
            };
            format!("    {mark} {}", in_vault(name))
        }));
        if self.is_new() {
            lines.push(match recovery_key_to {
                Some(file) => {
                    format!("+ {}  0600: the recovery key, to be taken away from here", file.display())
                }
                None => "! the recovery key of the vault is shown once".to_owned(),
            });
        }
        let left: Vec<String> = secrets
            .keys()
            .map(|name| self.before.join(name))
            .filter(|file| file.exists())
            .map(|file| format!("! {} is not used any more: remove it when all is well", file.display()))
            .collect();
        lines.extend(left);
        Ok(lines)
    }

    /// Makes what opens it, the vault, and what is in it.
    pub(super) fn carry_out(
        &self,
        secrets: &BTreeMap<String, Zeroizing<Vec<u8>>>,
        recovery_key_to: Option<&Path>,
    ) -> Result<(), Cause> {
        let now = SystemTime::now();
        let key = match self.opener.key()? {
            Some(key) => key,
            None => self.opener.make()?,
        };
        let mut edit = if self.is_new() {
            write::make_state(self.path.parent().unwrap_or_else(|| Path::new("/")))?;
            let mut edit = Edit::create(&self.path, Existing::Refuse)?;
            let (label, kind) = match self.opener {
                Opener::File(_) => ("key-file", WrapperKind::KeyFile),
                Opener::Credential => (credstore::NAME, WrapperKind::Credential),
            };
            edit.add_wrapper(&NewWrapper { label, kind, key: &key }, now)?;
            // before anything opens with it, so that it cannot be lost in between
            let recovery = at_hand::hand_out(recovery_key_to)?;
            let wrapper = NewWrapper { label: "recovery", kind: WrapperKind::Recovery, key: &recovery };
            edit.add_wrapper(&wrapper, now)?;
            edit
        } else {
            Edit::open(&self.path, &Keyring::of([key]))?
        };
        for name in self.changed(secrets)? {
            let secret = Secret::new(kind(name), secrets[name].clone())?;
            edit.set(&SecretName::new(&in_vault(name))?, secret, now)?;
        }
        Ok(edit.save(now)?)
    }
}

impl Opener {
    /// The key, when it is there.
    fn key(&self) -> Result<Option<Key>, Cause> {
        match self {
            Self::File(path) => match fs::symlink_metadata(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                _ => at_hand::key_file(path).map(Some),
            },
            Self::Credential => Ok(match credstore::read()? {
                Some(bytes) => Some(Key::material(bytes)?),
                None => None,
            }),
        }
    }

    /// Makes it of random bytes.
    fn make(&self) -> Result<Key, Cause> {
        let bytes = Key::random_material()?;
        match self {
            Self::File(path) => write::private(path, &bytes)?,
            Self::Credential => credstore::write(&bytes)?,
        }
        Ok(Key::material(bytes)?)
    }

    fn home(&self) -> String {
        match self {
            Self::File(path) => format!("{{ file = {} }}", super::draft::quoted(path)),
            Self::Credential => format!("{{ credential = \"{}\" }}", credstore::NAME),
        }
    }

    fn line(&self) -> String {
        match self {
            Self::File(path) => format!("{}  what opens the vault", path.display()),
            Self::Credential => {
                format!("{}  what opens the vault, sealed by systemd", credstore::file().display())
            }
        }
    }
}

impl std::fmt::Display for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Credential => write!(f, "`{}`", credstore::file().display()),
        }
    }
}

/// The name in a vault of what a file would be called.
fn in_vault(name: &str) -> String {
    match name {
        "mist-token" => "mist/token".to_owned(),
        "webhook" => "mist/webhook".to_owned(),
        of_sink => of_sink.replace('.', "/"),
    }
}

const fn kind(name: &str) -> Kind {
    match name.as_bytes() {
        b"mist-token" => Kind::Token,
        b"webhook" => Kind::Webhook,
        _ => Kind::Snmp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_kept_in_files_or_in_a_vault_that_something_opens() {
        assert_eq!("files".parse(), Ok(Keep::Files));
        assert_eq!("credential".parse(), Ok(Keep::Vault(Opener::Credential)));
        assert_eq!("/etc/key".parse(), Ok(Keep::Vault(Opener::File("/etc/key".into()))));
        assert!("vault.key".parse::<Keep>().unwrap_err().contains("whole path"));
    }
}
