//! What a configuration is refused for, and where it says so.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::path::Path;
use std::time::{Duration, SystemTime};

use fogbell_relay::config::SecretHome;
use fogbell_relay::{Cause, Certificate, Chain, Config, Error, Identity, Renewed, Served, Setup};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use testkit::TestCa;
use zeroize::Zeroizing;

mod acme;
mod alarms;
mod cookbook;
mod routes;
mod texts;

/// An organisation and two sinks, in front of what is tried.
const GOOD: &str = r#"[[org]]
name = "acme"
cloud = "global-01"
secrets = [{ file = "webhook" }]
[[snmp]]
name = "noc"
address = "nms.example.net:162"
version = "2c"
community = { file = "community" }
[[syslog]]
name = "siem"
address = "siem.example.net:514"
transport = "tcp"
"#;

/// What a relay would be made of with `text` behind [`GOOD`].
fn setup(text: &str) -> Result<Setup, Error> {
    whole(format!("{GOOD}{text}"))
}

fn whole(text: String) -> Result<Setup, Error> {
    let config = Config::parse(Path::new("fogbell.toml"), text)?;
    let server = TestCa::new().server(&["localhost"]);
    let identity = Identity {
        chain: CertificateDer::pem_slice_iter(server.chain_pem.as_bytes()).collect::<Result<_, _>>().unwrap(),
        key: PrivateKeyDer::from_pem_slice(server.key_pem.as_bytes()).unwrap(),
    };
    let secret = |home: &SecretHome| -> Result<_, Cause> {
        let SecretHome::File(path) = home else { return Err("it is not there".into()) };
        match path.to_str() {
            Some("empty") => Ok(Zeroizing::new(b"\n".to_vec())),
            Some("none") => Err("No such file".into()),
            Some(name) => Ok(Zeroizing::new(name.as_bytes().to_vec())),
            None => unreachable!("the tests name files in ASCII"),
        }
    };
    Setup::new(config, certificate(identity), &secret)
}

/// `text` is refused at the `§` in it, which is not part of it, and every one of `says` is said.
fn refused(text: &str, says: &[&str]) {
    let marked = format!("{GOOD}{text}");
    let (before, _) = marked.split_once('§').expect("a § marks the place");
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let error = whole(marked.replacen('§', "", 1)).expect_err(text);
    let said = Chain(&error).to_string();
    assert!(
        said.starts_with(&format!("fogbell.toml:{line}:{column}: ")),
        "{text}\nnot at {line}:{column}: {said}"
    );
    for word in says {
        assert!(said.contains(word), "{text}\nno {word} in: {said}");
    }
}

/// `text` is good and every one of `says` is warned of; without any, nothing is.
fn warned(text: &str, says: &[&str]) {
    let setup = setup(text).map_err(|error| Chain(&error).to_string()).unwrap();
    assert_eq!(setup.warnings().is_empty(), says.is_empty(), "{text}\n{:?}", setup.warnings());
    let said = setup.warnings().join("\n");
    for word in says {
        assert!(said.contains(word), "{text}\nno {word} in: {said}");
    }
}

/// A certificate that holds for as long as a test runs.
fn certificate(identity: Identity) -> Certificate {
    let served = Served {
        identity,
        names: Vec::new(),
        not_before: SystemTime::UNIX_EPOCH,
        not_after: SystemTime::now() + Duration::from_secs(365 * 24 * 60 * 60),
        fingerprint: String::new(),
        renewed: Renewed::ByOperator,
    };
    Certificate::new(served).unwrap()
}
