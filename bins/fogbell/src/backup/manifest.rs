//! What is in a backup.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use ids::Timestamp;
use relay::Cause;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::owners::Owners;

/// The list that a backup begins with.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Manifest {
    /// [`FORMAT`] of who made it.
    pub(crate) format: u32,
    /// The version of fogbell.
    pub(crate) made_by: String,
    #[serde(with = "rfc3339")]
    pub(crate) made_at: Timestamp,
    /// In the order in which they follow.
    pub(crate) files: Vec<Kept>,
    /// Where they are, for a machine that has no such folder.
    pub(crate) folders: Vec<Folder>,
    /// What the other machine needs and is not here.
    pub(crate) left_out: Vec<String>,
}

/// One file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Kept {
    pub(crate) kind: Kind,
    /// Absolute, without `..`.
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// Rights of owner, group and others to read and write.
    #[serde(with = "octal")]
    pub(crate) mode: u32,
    pub(crate) owner: Option<String>,
    pub(crate) group: Option<String>,
}

/// One folder.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    #[serde(with = "octal")]
    pub(crate) mode: u32,
    pub(crate) owner: Option<String>,
    pub(crate) group: Option<String>,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Configuration,
    Journal,
    Vault,
    /// The SNMP engine with its boots.
    Engine,
    /// A secret or a key in a file of its own.
    Secret,
    /// A certificate or a list.
    Public,
}

impl Kind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Journal => "journal",
            Self::Vault => "vault",
            Self::Engine => "SNMP engine",
            Self::Secret => "secret",
            Self::Public => "public",
        }
    }
}

impl Manifest {
    /// Reads the list of a backup that may be of a newer version, or of nobody.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Cause> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
            made_by: String,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|_| "its list is damaged")?;
        if head.format > FORMAT {
            let Head { format, made_by } = head;
            return Err(format!(
                "it has format {format} and was made by fogbell {made_by}; this is {}, which knows formats up to {FORMAT}: \
                 restore it with that version, or a newer one",
                env!("CARGO_PKG_VERSION")
            )
            .into());
        }
        let this: Self = serde_json::from_slice(bytes).map_err(|_| "its list is damaged")?;
        let paths =
            this.files.iter().map(|kept| &kept.path).chain(this.folders.iter().map(|folder| &folder.path));
        for path in paths {
            let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
            if !path.is_absolute() || !path.components().all(plain) {
                return Err(format!("its list names `{}`, which is no plain path", path.display()).into());
            }
        }
        Ok(this)
    }

    /// Owners and groups of everything in it.
    pub(crate) fn owners(&self) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
        let files = self.files.iter().map(|kept| (kept.owner.as_deref(), kept.group.as_deref()));
        files.chain(self.folders.iter().map(|folder| (folder.owner.as_deref(), folder.group.as_deref())))
    }

    /// What a person has to bring along.
    pub(crate) fn reminder(&self) -> String {
        let mut text = String::new();
        if !self.left_out.is_empty() {
            text += "Not in it, and needed on another machine:\n";
        }
        for what in &self.left_out {
            let _ = writeln!(text, "  {what}");
        }
        text
    }
}

impl Kept {
    /// The file that is at `path`, with the bytes of `from`.
    pub(super) fn of(kind: Kind, path: &Path, from: &Path, owners: &Owners) -> Result<Self, Cause> {
        let failed = |error: io::Error| format!("cannot read `{}`: {error}", from.display());
        let meta = fs::metadata(path).map_err(failed)?;
        let (bytes, sha256) = hash(&mut File::open(from).map_err(failed)?).map_err(failed)?;
        let (owner, group) = owners.of(&meta);
        let path = std::path::absolute(path)?;
        Ok(Self { kind, path, bytes, sha256, mode: meta.mode() & READ_WRITE, owner, group })
    }

    /// Whether the file at `path` has the same bytes.
    pub(crate) fn is_at(&self, path: &Path) -> Result<bool, Cause> {
        let failed = |error: io::Error| format!("cannot read `{}`: {error}", path.display());
        let (bytes, sha256) = hash(&mut File::open(path).map_err(failed)?).map_err(failed)?;
        Ok(bytes == self.bytes && sha256 == self.sha256)
    }
}

impl Folder {
    pub(super) fn of(path: &Path, owners: &Owners) -> Result<Self, Cause> {
        let meta =
            fs::metadata(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        let (owner, group) = owners.of(&meta);
        Ok(Self { path: path.to_owned(), mode: meta.mode() & 0o777, owner, group })
    }
}

/// How many bytes there are, and their SHA-256 in hexadecimal.
fn hash(from: &mut impl Read) -> io::Result<(u64, String)> {
    let mut hashed = Hashed::new(from);
    let bytes = io::copy(&mut hashed, &mut io::sink())?;
    Ok((bytes, hashed.digest()))
}

/// What is read through it is counted and hashed.
pub(super) struct Hashed<R> {
    inner: R,
    context: Context,
    pub(super) bytes: u64,
}

impl<R: Read> Hashed<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, context: Context::new(&SHA256), bytes: 0 }
    }

    pub(super) fn digest(self) -> String {
        let mut text = String::new();
        for byte in self.context.finish().as_ref() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.context.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// A time as a person reads it.
mod rfc3339 {
    use ids::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(|_| de::Error::custom("no time"))
    }
}

/// A mode as `chmod` takes it.
mod octal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(mode: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{mode:04o}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        u32::from_str_radix(&String::deserialize(from)?, 8).map_err(|_| de::Error::custom("no mode"))
    }
}

/// The format this version writes.
pub(crate) const FORMAT: u32 = 1;

/// No file of a relay is a program.
const READ_WRITE: u32 = 0o666;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Manifest, String> {
        Manifest::parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_of_a_newer_format_is_refused_by_its_version_whatever_else_it_has() {
        let said = parse(r#"{"format": 2, "made_by": "3.1.4", "things": []}"#).unwrap_err();
        assert!(
            said.contains("format 2") && said.contains("fogbell 3.1.4") && said.contains("up to 1"),
            "{said}"
        );
    }

    #[test]
    fn a_list_of_format_1_is_read_for_ever() {
        let text = r#"{"format": 1, "made_by": "0.1.0", "made_at": "2026-11-26T13:00:00Z",
            "files": [{"kind": "engine", "path": "/var/lib/fogbell/snmp-engine", "bytes": 3, "sha256": "00",
                       "mode": "0600", "owner": "fogbell", "group": null}],
            "folders": [{"path": "/var/lib/fogbell", "mode": "0700", "owner": null, "group": null}], "left_out": []}"#;
        let read = parse(text).unwrap();
        assert_eq!((read.files[0].kind, read.files[0].mode), (Kind::Engine, 0o600));
        assert_eq!(parse(&serde_json::to_string(&read).unwrap()).unwrap().made_at, read.made_at);
        for wrong in ["var/lib", "/var/../etc", "/var/./lib/..", ""] {
            let said = parse(&text.replace("/var/lib/fogbell\"", &format!("{wrong}\""))).unwrap_err();
            assert!(said.contains("no plain path"), "{wrong}: {said}");
        }
        for wrong in ["", "{}", "[]", "{\"format\": -1}", "{\"format\": 1, \"made_by\": \"0\"}"] {
            assert_eq!(parse(wrong).unwrap_err(), "its list is damaged", "{wrong}");
        }
    }
}
