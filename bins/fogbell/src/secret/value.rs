//! `fogbell secret set`, `show` and `rm`: one secret.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::time::SystemTime;

use relay::{Cause, Config};
use rustix::stdio;
use vault::{Edit, Kind, Secret, SecretName, Vault};
use zeroize::Zeroizing;

use super::at_hand::{self, Given};

/// Puts a secret in.
pub(crate) fn set(given: &Given, name: &str, file: Option<&Path>, kind: Option<Kind>) -> Result<(), Cause> {
    let name = SecretName::new(name)?;
    let config = Config::load(&given.config)?;
    let path = config.vault_path();
    // everything is asked before other writers have to wait
    let keyring = at_hand::keyring(&config, &path, given)?;
    let value = without_line_end(value(&name, file)?);

    let mut edit = Edit::open(&path, &keyring)?;
    let before = edit.entry(&name).map(|entry| (entry.kind(), entry.fingerprint()));
    let kind = kind.or_else(|| before.map(|(kind, _)| kind)).unwrap_or_else(|| kind_of(&value));
    edit.set(&name, Secret::new(kind, value)?, SystemTime::now())?;
    let after = edit.entry(&name).map(|entry| entry.fingerprint());
    edit.save(SystemTime::now())?;
    let done = match before {
        None => "set",
        Some((_, fingerprint)) if Some(fingerprint) == after => "set again, to the value it had,",
        Some(_) => "replaced",
    };
    Ok(writeln!(io::stdout(), "{done} `{name}` ({kind})")?)
}

/// The value: from the file, the terminal or standard input.
fn value(name: &SecretName, file: Option<&Path>) -> Result<Zeroizing<Vec<u8>>, Cause> {
    if let Some(path) = file {
        let file = File::open(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        return read(file);
    }
    if !io::stdin().is_terminal() {
        // not by the standard library's handle, whose buffer is not wiped
        return read(File::from(stdio::stdin().try_clone_to_owned()?));
    }
    let terminal = at_hand::terminal()?;
    let typed = terminal.ask_hidden(&format!("Value of `{name}`: "))?;
    let again = terminal.ask_hidden("The same again: ")?;
    if *typed == *again { Ok(typed) } else { Err("the two are not the same; nothing was changed".into()) }
}

fn read(file: File) -> Result<Zeroizing<Vec<u8>>, Cause> {
    // of its full size from the start: a buffer that grows leaves copies behind
    let mut bytes = Zeroizing::new(Vec::with_capacity(Secret::MAX_BYTES + 64));
    file.take(Secret::MAX_BYTES as u64 + 3).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn without_line_end(mut value: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if value.last() == Some(&b'\n') {
        value.pop();
        if value.last() == Some(&b'\r') {
            value.pop();
        }
    }
    value
}

/// What a value looks like.
fn kind_of(value: &[u8]) -> Kind {
    let is_key = value.starts_with(b"-----BEGIN ") && value.windows(12).any(|part| part == b"PRIVATE KEY-");
    if is_key { Kind::Key } else { Kind::Other }
}

/// Shows a secret to the person at the terminal.
pub(crate) fn show(given: &Given, name: &str) -> Result<(), Cause> {
    let name = SecretName::new(name)?;
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err("a secret is shown on a terminal only, to who sits at it".into());
    }
    let config = Config::load(&given.config)?;
    let path = config.vault_path();
    let keyring = at_hand::keyring(&config, &path, given)?;
    let secret = Vault::open(&path, &keyring)?.secret(&name)?;
    if !at_hand::terminal()?.confirm(&format!("Show `{name}` here?"))? {
        return Err("nothing was shown".into());
    }
    let plain = |c: char| !c.is_control() || c == '\n';
    let text = str::from_utf8(secret.expose()).ok().filter(|text| text.chars().all(plain));
    let text = text.ok_or_else(|| {
        format!("`{name}` has {} bytes that are no text, which a terminal cannot show", secret.expose().len())
    })?;
    let mut out = File::from(stdio::stdout().try_clone_to_owned()?);
    out.write_all(text.as_bytes())?;
    Ok(out.write_all(b"\n")?)
}

/// Takes a secret out.
pub(crate) fn remove(given: &Given, name: &str, yes: bool) -> Result<(), Cause> {
    let name = SecretName::new(name)?;
    let config = Config::load(&given.config)?;
    let path = config.vault_path();
    let keyring = at_hand::keyring(&config, &path, given)?;
    if !yes {
        let Ok(terminal) = at_hand::terminal() else {
            return Err("there is no terminal to ask at; --yes takes it out without asking".into());
        };
        if !terminal.confirm(&format!("Take `{name}` out of `{}`?", path.display()))? {
            return Err("nothing was changed".into());
        }
    }
    let mut edit = Edit::open(&path, &keyring)?;
    edit.remove(&name)?;
    edit.save(SystemTime::now())?;
    Ok(writeln!(io::stdout(), "removed `{name}`; backups still have it")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_not_part_of_a_secret() {
        for (given, kept) in
            [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("\r", "\r"), ("", "")]
        {
            assert_eq!(*without_line_end(given.as_bytes().to_vec().into()), *kept.as_bytes(), "{given:?}");
        }
    }

    #[test]
    fn a_private_key_is_known_by_its_first_line() {
        for (value, kind) in [
            ("-----BEGIN PRIVATE KEY-----\nx", Kind::Key),
            ("-----BEGIN EC PRIVATE KEY-----\nx", Kind::Key),
            ("-----BEGIN CERTIFICATE-----\nx", Kind::Other),
            ("s3cret", Kind::Other),
        ] {
            assert_eq!(kind_of(value.as_bytes()), kind, "{value}");
        }
    }
}
