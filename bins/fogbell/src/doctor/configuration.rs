//! The configuration: whether it holds, and whether the running relay goes by it.

use std::path::Path;

use super::finding::Finding;
use super::patient::Patient;
use crate::certificate::Make;
use crate::open;
use crate::secrets::Secrets;

const CONFIG: &str = "config";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let (config, path) = (patient.config, patient.path());
    let secrets = Secrets::of(config);
    let setup = match open::setup(config, Make::Nothing, &secrets) {
        Ok(setup) => setup,
        Err(error) => {
            let text = relay::Chain(error.as_ref()).to_string();
            return vec![Finding::fail(
                CONFIG,
                path.clone(),
                text,
                format!("correct the file, until `fogbell check -c {path}` says OK"),
            )];
        }
    };
    let summary = setup.summary();
    let mut found = vec![match &patient.relay {
        Ok(Some(about)) if about.configuration == config.fingerprint() => Finding::pass(
            CONFIG,
            &path,
            format!(
                "the relay, version {}, up since {}, goes by it ({summary})",
                about.version, about.started
            ),
        ),
        Ok(Some(_)) => Finding::fail(
            CONFIG,
            &path,
            format!("the running relay goes by another text than is in the file ({summary})"),
            format!("fogbell reload --config {path}"),
        ),
        Ok(None) => Finding::fail(
            CONFIG,
            &path,
            format!("it holds ({summary}), and no relay runs by it"),
            "systemctl enable --now fogbell",
        ),
        Err(error) => Finding::fail(
            CONFIG,
            &path,
            format!("the running relay cannot be asked: {error}"),
            "run this as root, or as a member of the group that owns the socket",
        ),
    }];
    let warnings = setup.warnings().iter();
    found.extend(warnings.map(|warning| {
        Finding::warn(
            CONFIG,
            &path,
            warning.to_string(),
            format!("take it out of {path} when it is not meant"),
        )
    }));
    found
}

/// A file that is no configuration.
pub(super) fn unread(path: &Path, error: &relay::Error) -> Finding {
    let path = path.display().to_string();
    let mend = match error {
        relay::Error::ReadConfig { .. } => "fogbell init".to_owned(),
        _ => format!("correct the file, until `fogbell check -c {path}` says OK"),
    };
    Finding::fail(CONFIG, path, relay::Chain(error).to_string(), mend)
}
