//! The configuration: whether it holds, and whether the running relay goes by it.

use std::io;
use std::path::Path;

use super::code::Code;
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
                Code::ConfigInvalid,
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
            Code::ConfigNotLoaded,
            &path,
            format!("the running relay goes by another text than is in the file ({summary})"),
            format!("fogbell reload --config {path}"),
        ),
        Ok(None) => Finding::fail(
            Code::RelayStopped,
            &path,
            format!("it holds ({summary}), and no relay runs by it"),
            "systemctl enable --now fogbell",
        ),
        Err(error) => {
            let mend = match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    "run this as root, or as a member of the group that owns the socket"
                }
                _ => "systemctl restart fogbell",
            };
            let text = format!("the running relay cannot be asked: {error}");
            Finding::fail(Code::RelayNotAsked, &path, text, mend)
        }
    }];
    let warnings = setup.warnings().iter();
    found.extend(warnings.map(|warning| {
        Finding::warn(
            Code::ConfigWeakened,
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
    let (code, mend) = match error {
        relay::Error::ReadConfig { .. } => (Code::ConfigMissing, format!("fogbell init --config {path}")),
        _ => (Code::ConfigInvalid, format!("correct the file, until `fogbell check -c {path}` says OK")),
    };
    Finding::fail(code, path, relay::Chain(error).to_string(), mend)
}
