//! A support bundle: what is needed to look into something from afar, and no secret.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;

use relay::config::SecretHome;
use relay::{CERTIFICATE, Config, JOURNAL_STATUS};
use serde_json::json;
use tar::{Builder, Header};
use zeroize::Zeroizing;

use super::finding::Finding;
use crate::secrets::Secrets;
use crate::socket;

/// Writes what there is into the new file at `path`.
pub(super) fn write(
    path: &Path,
    config: Option<&Config>,
    findings: &[Finding],
) -> Result<(), Box<dyn Error>> {
    let mut files = vec![
        ("doctor.json", serde_json::to_string_pretty(findings)?),
        (
            "about.json",
            format!(
                "{:#}\n",
                json!({
                    "version": env!("CARGO_PKG_VERSION"),
                    "written": ids::Timestamp::now().to_string(),
                    "kernel": fs::read_to_string("/proc/version").unwrap_or_default(),
                    "system": fs::read_to_string("/etc/os-release").unwrap_or_default(),
                })
            ),
        ),
    ];
    if let Some(config) = config {
        files.push(("fogbell.toml", config.source().1.to_owned()));
        for (name, command) in [
            ("journal.json", JOURNAL_STATUS),
            ("certificate.json", CERTIFICATE),
            ("relay.json", relay::ABOUT),
        ] {
            let told = match socket::ask(config, command) {
                Ok(told) => json!(told),
                Err(error) => json!({ "error": error.to_string() }),
            };
            files.push((name, format!("{told:#}\n")));
        }
        files.push(("metrics.txt", metrics(config).unwrap_or_else(|error| format!("{error}\n"))));
    }
    let secrets = config.map(secrets).unwrap_or_default();
    let mut archive = Builder::new(Vec::new());
    for (name, text) in files {
        let text = redacted(&text, &secrets);
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        archive.append_data(&mut header, format!("fogbell-support/{name}"), text.as_bytes())?;
    }
    if fs::symlink_metadata(path).is_ok() {
        return Err(format!("`{}` exists already; a bundle goes into a new file", path.display()).into());
    }
    Ok(pki::write_durably(path, &archive.into_inner()?, 0o600)?)
}

/// The page of metrics of the running relay.
fn metrics(config: &Config) -> io::Result<String> {
    use std::io::{Read, Write};
    let address = super::certificate::reachable(config.admin.address);
    let mut stream = std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_secs(3))?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(3)))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.take(MAX_PAGE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Every secret that the configuration leads to and that can be read here. None of them is in what is bundled; should one
/// be there all the same, it is taken out.
fn secrets(config: &Config) -> Vec<Zeroizing<String>> {
    let secrets = Secrets::of(config);
    let of_orgs =
        config.org.iter().flat_map(|org| org.secrets.iter().chain(org.api.iter().map(|api| &api.token)));
    let of_snmp = config.snmp.iter().flat_map(|sink| {
        let (auth, privacy) =
            (sink.auth.iter().map(|it| &it.secret), sink.privacy.iter().map(|it| &it.secret));
        sink.community.iter().chain(auth).chain(privacy)
    });
    let homes: Vec<&SecretHome> = of_orgs.chain(of_snmp).collect();
    let read = homes.into_iter().filter_map(|home| secrets.read(home).ok());
    let text =
        |bytes: Zeroizing<Vec<u8>>| Some(Zeroizing::new(str::from_utf8(&bytes).ok()?.trim().to_owned()));
    read.filter_map(text).filter(|secret| secret.len() >= SHORTEST).collect()
}

fn redacted(text: &str, secrets: &[Zeroizing<String>]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[secret]"))
}

/// A shorter secret, as the community `public`, may be any word of a text.
const SHORTEST: usize = 8;

const MAX_PAGE_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_strays_into_a_text_is_taken_out() {
        let secrets = vec![Zeroizing::new("canary canary".to_owned())];

        assert_eq!(redacted("a = \"canary canary\"", &secrets), "a = \"[secret]\"");
    }
}
