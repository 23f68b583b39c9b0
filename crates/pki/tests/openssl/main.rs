//! Chains that OpenSSL makes and judges, judged here as well: `openssl verify -auth_level 2 -purpose sslserver`.
//!
//! `openssl` is run; without it the test fails and says so. Where we differ on purpose, the table has the reason.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fogbell_pki::{Authorities, Chain};

mod cases;
mod certificates;

use cases::{CASES, Case, Here};
use certificates::{CERTIFICATES, KEYS, make};

/// Runs `openssl` in `folder`; whether it succeeded, and what it said.
fn openssl(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).stdin(Stdio::null()).output();
    let output = output.expect("these tests need the program openssl (Debian package openssl)");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn must(folder: &Path, arguments: &[&str]) {
    let (done, said) = openssl(folder, arguments);
    assert!(done, "openssl {} failed:\n{said}", arguments.join(" "));
}

/// What OpenSSL says of a case.
fn openssl_judges(folder: &Path, case: &Case, at: SystemTime) -> (bool, String) {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
    let mut arguments = vec!["verify", "-auth_level", "2", "-purpose", "sslserver", "-attime", &seconds];
    arguments.extend(["-no-CApath", "-no-CAstore", "-CAfile", "roots.pem"]);
    if case.chain.len() > 1 {
        arguments.extend(["-untrusted", "untrusted.pem"]);
    }
    arguments.push("leaf.pem");
    openssl(folder, &arguments)
}

fn joined(folder: &Path, names: &[&str]) -> String {
    names.iter().map(|name| fs::read_to_string(folder.join(format!("{name}.pem"))).unwrap()).collect()
}

#[test]
fn chains_are_judged_as_openssl_judges_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    KEYS.iter().for_each(|key| certificates::make_key(folder, key));
    CERTIFICATES.iter().for_each(|certificate| make(folder, certificate));
    certificates::damage(folder);
    let now = SystemTime::now();

    assert!(CASES.len() >= 40);
    let mut wrong = Vec::new();
    for case in CASES {
        let (chain, roots) = (joined(folder, case.chain), joined(folder, case.roots));
        fs::write(folder.join("leaf.pem"), joined(folder, &case.chain[..1])).unwrap();
        fs::write(folder.join("untrusted.pem"), joined(folder, &case.chain[1..])).unwrap();
        fs::write(folder.join("roots.pem"), &roots).unwrap();
        let days = Duration::from_secs(u64::from(case.days.unsigned_abs()) * 24 * 60 * 60);
        let at = if case.days < 0 { now - days } else { now + days };

        let (theirs, said) = openssl_judges(folder, case, at);
        let ours = Chain::parse(chain.as_bytes())
            .unwrap()
            .verify(&Authorities::parse(roots.as_bytes()).unwrap(), at);

        let ours_said = ours.as_ref().map_or_else(ToString::to_string, |()| "fine".to_owned());
        let (expect_theirs, held) = match case.here {
            Here::Same(None) => (true, ours.is_ok()),
            Here::Same(Some(words)) => (false, ours_said.contains(words)),
            Here::Stricter(words, _reason) => (true, ours_said.contains(words)),
        };
        if theirs != expect_theirs || !held {
            wrong.push(format!("{}: here: {ours_said}; openssl: {theirs}, {said}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}
