//! What belongs to a relay: what it keeps, and what its configuration names.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use relay::config::{KeyHome, SecretHome};
use relay::{Cause, Config};

use super::manifest::Kind;
use crate::certificate;

/// Files, each once, without the journal; and what the other machine needs that is in none of them.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) files: Vec<(Kind, PathBuf)>,
    pub(super) left_out: Vec<String>,
    seen: BTreeSet<PathBuf>,
}

impl Contents {
    /// Those of the configuration at `path`.
    pub(super) fn of(path: &Path, config: &Config) -> Result<Self, Cause> {
        let mut this = Self::default();
        this.add(Kind::Configuration, path)?;
        this.kept(config)?;
        this.named(config)?;
        Ok(this)
    }

    /// What the relay keeps by itself, as far as it is there.
    fn kept(&mut self, config: &Config) -> Result<(), Cause> {
        let state = &config.state;
        for (kind, path) in [
            (Kind::Vault, config.vault_path()),
            (Kind::Engine, relay::engine_path(state)),
            (Kind::Secret, certificate::self_signed_path(state)),
        ] {
            if !certificate::is_missing(&path) {
                self.add(kind, &path)?;
            }
        }
        let acme = certificate::acme_folder(state);
        let entries = match fs::read_dir(&acme) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("cannot read `{}`: {error}", acme.display()).into()),
        };
        let mut paths =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
        paths.sort();
        paths.into_iter().filter(|path| path.is_file()).try_for_each(|path| self.add(Kind::Secret, &path))
    }

    /// What the configuration names.
    fn named(&mut self, config: &Config) -> Result<(), Cause> {
        let tls = &config.tls;
        let mut public = vec![&config.gate.clouds, &tls.certificate];
        let mut secret: Vec<&SecretHome> = tls.key.iter().collect();
        if let Some(acme) = &tls.acme {
            public.push(&acme.ca);
            secret.extend(acme.external_account.iter().map(|account| &account.key));
            if let Some(program) = acme.hook.first() {
                self.left_out.push(format!("the program `{program}` that [tls.acme] calls"));
            }
        }
        for org in &config.org {
            secret.extend(&org.secrets);
            if let Some(api) = &org.api {
                secret.push(&api.token);
                public.push(&api.ca);
            }
        }
        for sink in &config.snmp {
            secret.extend(&sink.community);
            secret.extend(sink.auth.iter().map(|auth| &auth.secret));
            secret.extend(sink.privacy.iter().map(|privacy| &privacy.secret));
        }
        for sink in &config.syslog {
            public.extend([&sink.tls.ca, &sink.tls.certificate]);
            secret.extend(&sink.tls.key);
        }
        public.into_iter().flatten().try_for_each(|path| self.add(Kind::Public, path))?;
        for home in secret {
            match home {
                SecretHome::File(path) => self.add(Kind::Secret, path)?,
                SecretHome::Credential(name) => {
                    self.left_out.push(format!("the credential `{name}` of systemd"))
                }
                // sealed, in the vault
                SecretHome::Secret(_) => {}
            }
        }
        self.left_out.extend(config.vault.key.as_ref().map(|key| match key {
            // beside the vault it would be no lock
            KeyHome::File(path) => format!("the key `{}` of the vault, or its recovery key", path.display()),
            KeyHome::Credential(name) => {
                format!("the credential `{name}` of systemd, which opens the vault, or its recovery key")
            }
        }));
        let mut said = BTreeSet::new();
        self.left_out.retain(|what| said.insert(what.clone()));
        Ok(())
    }

    fn add(&mut self, kind: Kind, path: &Path) -> Result<(), Cause> {
        let path = std::path::absolute(path)?;
        if !path.is_file() {
            let what = "is named by the configuration and cannot be read; `fogbell check` says more";
            return Err(format!("`{}` {what}", path.display()).into());
        }
        if self.seen.insert(path.clone()) {
            self.files.push((kind, path));
        }
        Ok(())
    }
}
