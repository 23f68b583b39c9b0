//! `fogbell cert show`.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use acme::Attempts;
use ids::Timestamp;
use relay::{CERTIFICATE, Config};
use serde_json::{Value, json};

use super::facts;
use crate::certificate::acme_folder;
use crate::socket;
use crate::tail::printable;

/// Shows what is known of the certificate of the configuration at `path`.
pub(super) fn show(path: &Path, as_json: bool) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    let now = SystemTime::now();
    let served = socket::ask(&config, CERTIFICATE)?;
    let files = facts::in_files(&config)?;
    let mut file = json!({ "path": files.path.display().to_string() });
    match &files.pair {
        Ok(Some((chain, _))) => file["certificate"] = facts::leaf(chain, now),
        Ok(None) => file["missing"] = true.into(),
        Err(error) => file["error"] = relay::Chain(error.as_ref()).to_string().into(),
    }
    let facts = json!({ "served": served, "file": file, "acme": acme(&config) });
    let text = if as_json { serde_json::to_string_pretty(&facts)? + "\n" } else { table(&facts) };
    Ok(io::stdout().write_all(text.as_bytes())?)
}

/// How renewal by an authority goes.
fn acme(config: &Config) -> Value {
    let Some(acme) = &config.tls.acme else { return Value::Null };
    let Attempts { made, failed, last, error, not_before, window, .. } =
        Attempts::load(&acme_folder(&config.state));
    let time = |seconds: u64| Timestamp::from(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
    json!({
        "directory": acme.directory,
        "names": acme.names,
        "attempts": made,
        "failed_in_a_row": failed,
        "last_attempt": last.map(time),
        "last_error": error,
        "not_before": not_before.map(time),
        "window": window.map(|(start, end)| [time(start), time(end)]),
    })
}

fn table(facts: &Value) -> String {
    let mut text = String::new();
    let (served, file, acme) = (&facts["served"], &facts["file"], &facts["acme"]);
    let line = |text: &mut String, name: &str, value: &str| {
        let _ = writeln!(text, "{name:<14}{}", printable(value));
    };
    if served.is_null() {
        line(&mut text, "served", "no relay runs here");
    } else {
        line(&mut text, "served", &format!("until {}", word(&served["not_after"])));
        line(&mut text, "  SHA-256", word(&served["fingerprint"]));
        let same = served["fingerprint"] == file["certificate"]["fingerprint"];
        line(&mut text, "  is", if same { "what is in the file" } else { "NOT what is in the file" });
        if let Some(trouble) = served["trouble"].as_str() {
            line(&mut text, "  trouble", trouble);
        }
    }
    line(&mut text, "file", word(&file["path"]));
    if file["missing"] == true {
        line(&mut text, "  holds", "nothing yet");
    } else if let Some(error) = file["error"].as_str() {
        line(&mut text, "  error", error);
    } else {
        let leaf = &file["certificate"];
        let names: Vec<&str> = leaf["names"].as_array().into_iter().flatten().map(word).collect();
        line(&mut text, "  names", &names.join(", "));
        let issuer = if leaf["self_signed"] == true { "itself" } else { word(&leaf["issuer"]) };
        line(&mut text, "  issuer", issuer);
        let (from, to, days) = (word(&leaf["not_before"]), word(&leaf["not_after"]), &leaf["days_left"]);
        line(&mut text, "  valid", &format!("{from} to {to} ({days} days left)"));
        line(&mut text, "  key", word(&leaf["key"]));
        line(&mut text, "  SHA-256", word(&leaf["fingerprint"]));
        for finding in leaf["findings"].as_array().into_iter().flatten() {
            line(&mut text, "  finding", word(finding));
        }
    }
    if !acme.is_null() {
        line(&mut text, "ACME", word(&acme["directory"]));
        let (made, failed) = (&acme["attempts"], &acme["failed_in_a_row"]);
        line(&mut text, "  attempts", &format!("{made}, the last {failed} failed"));
        for (name, key) in
            [("  last", "last_attempt"), ("  error", "last_error"), ("  not before", "not_before")]
        {
            if let Some(value) = acme[key].as_str() {
                line(&mut text, name, value);
            }
        }
        if let [start, end] = acme["window"].as_array().map(Vec::as_slice).unwrap_or_default() {
            line(&mut text, "  window", &format!("{} to {}", word(start), word(end)));
        }
    }
    text
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}
