//! `fogpilot ek inspect`: what a file with an endorsement key is.

use std::path::PathBuf;

use sco::ek::{EkError, EndorsementKey, Format as KeyFormat, Kind, Reading, Screen, SpkiFingerprint};
use serde::Serialize;

use crate::exit::{Done, Exit};
use crate::input::Input;
use crate::output::{self, Format, VERSION};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  fogpilot ek inspect store-1.ek
  tpm2_readpublic -Q -c ek.ctx -f der -o /dev/stdout | fogpilot ek inspect --allow-format der -")]
pub(crate) struct Args {
    /// File with the key; `-` is standard input
    file: PathBuf,
    /// Convert this format to what the conductor takes: der, pem, tpm2b or certificate
    #[arg(long, value_name = "KIND")]
    allow_format: Vec<KeyFormat>,
    /// How to write the answer
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Judges the key in a file.
pub(crate) fn inspect(args: &Args) -> Done {
    let bytes = Input::read(&args.file, LIMIT)?.bytes;
    let verdict = Verdict::of(&bytes, &args.allow_format);
    output::facts(args.output, &verdict, &verdict.facts())?;
    Ok(if verdict.accepted { Exit::Ok } else { Exit::Failed })
}

/// What was found of a key.
#[derive(Debug, Serialize)]
struct Verdict {
    version: u32,
    accepted: bool,
    kind: Option<Kind>,
    bits: Option<usize>,
    spki_sha256: Option<SpkiFingerprint>,
    reason: Option<String>,
    warnings: Vec<String>,
}

impl Verdict {
    fn of(bytes: &[u8], allowed: &[KeyFormat]) -> Self {
        match EndorsementKey::read(bytes, &allowed.iter().copied().collect()) {
            Ok(reading) => Self::read(&reading),
            Err(error) => Self::refused(&error),
        }
    }

    fn read(reading: &Reading) -> Self {
        let reason = Screen::new().judge(&reading.key).err().map(|weakness| weakness.to_string());
        Self {
            version: VERSION,
            accepted: reason.is_none(),
            kind: Some(reading.kind),
            bits: Some(reading.key.bits()),
            spki_sha256: Some(reading.key.fingerprint()),
            reason,
            warnings: reading.warnings.iter().map(ToString::to_string).collect(),
        }
    }

    fn refused(error: &EkError) -> Self {
        let (kind, bits) = match error {
            EkError::Format { found, .. } => (Some(*found), None),
            EkError::Size { bits } => (None, Some(*bits)),
            _ => (None, None),
        };
        let reason = Some(error.to_string());
        Self {
            version: VERSION,
            accepted: false,
            kind,
            bits,
            spki_sha256: None,
            reason,
            warnings: Vec::new(),
        }
    }

    fn facts(&self) -> Vec<[String; 2]> {
        let fact = |name: &str, value: String| [name.to_owned(), value];
        let mut facts = vec![fact("verdict", if self.accepted { "accepted" } else { "refused" }.to_owned())];
        facts.extend(self.reason.iter().map(|reason| fact("reason", reason.clone())));
        facts.extend(self.kind.map(|kind| fact("kind", kind.to_string())));
        facts.extend(self.bits.map(|bits| fact("size", format!("RSA {bits}"))));
        facts.extend(self.spki_sha256.map(|key| fact("SPKI", key.to_string())));
        facts.extend(self.warnings.iter().map(|warning| fact("warning", warning.clone())));
        facts
    }
}

/// No key in any format is longer; what is read says so itself.
const LIMIT: usize = 64 * 1024;
