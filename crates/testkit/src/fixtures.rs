//! Sample deliveries from a directory.

use std::path::{Path, PathBuf};
use std::{fs, io};

use bytes::Bytes;
use thiserror::Error;

use crate::mist::Delivery;

/// One sample: a file `<topic>--<case>.json` that holds one request body.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fixture {
    /// The file's name without `.json`, as in `alarms--rogue_ap`.
    pub name: String,
    /// The file's bytes, unchanged, and the topic from the file's name.
    pub delivery: Delivery,
}

/// Reads every `*.json` of the directory `path`, in order of their names; other files are passed over.
///
/// # Errors
///
/// [`LoadError::Read`] names what could not be read; [`LoadError::Name`] a file whose name has no
/// `<topic>--`; [`LoadError::Empty`] a directory without samples, so that no test passes on nothing.
pub fn load_dir(path: &Path) -> Result<Vec<Fixture>, LoadError> {
    let read = |path: &Path, source| LoadError::Read { path: path.to_owned(), source };
    let mut fixtures = Vec::new();
    for entry in fs::read_dir(path).map_err(|source| read(path, source))? {
        let file = entry.map_err(|source| read(path, source))?.path();
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let bytes = fs::read(&file).map_err(|source| read(&file, source))?;
        let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let Some((topic, _)) = name.split_once("--") else {
            return Err(LoadError::Name { path: file });
        };
        let delivery = Delivery { topic: topic.to_owned(), body: Bytes::from(bytes) };
        fixtures.push(Fixture { name, delivery });
    }
    if fixtures.is_empty() {
        return Err(LoadError::Empty { path: path.to_owned() });
    }
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(fixtures)
}

/// Why samples could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A directory or file could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// What was read.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// A file is not named after its topic.
    #[error("`{path}` is not named `<topic>--<case>.json`")]
    Name {
        /// The file.
        path: PathBuf,
    },

    /// There is no sample.
    #[error("`{path}` holds no `*.json`")]
    Empty {
        /// The directory.
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_in_order_with_the_topic_of_their_name() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["ping--b.json", "alarms--a-c.json", "SOURCE.md"] {
            fs::write(dir.path().join(name), b"{ }\n").unwrap();
        }

        let fixtures = load_dir(dir.path()).unwrap();

        let names: Vec<_> = fixtures.iter().map(|f| (&*f.name, &*f.delivery.topic)).collect();
        assert_eq!(names, [("alarms--a-c", "alarms"), ("ping--b", "ping")]);
        assert_eq!(fixtures[0].delivery.body, "{ }\n");
    }

    #[test]
    fn a_directory_without_samples_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(load_dir(dir.path()), Err(LoadError::Empty { .. })));

        fs::write(dir.path().join("alarms.json"), b"{}").unwrap();
        assert!(matches!(load_dir(dir.path()), Err(LoadError::Name { .. })));
        assert!(matches!(load_dir(&dir.path().join("none")), Err(LoadError::Read { .. })));
    }
}
