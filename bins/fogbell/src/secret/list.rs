//! `fogbell secret list`: what there is, without opening any of it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::SystemTime;

use ids::Timestamp;
use relay::{Cause, Config};
use serde_json::{Value, json};
use vault::Vault;

use super::at_hand::{self, Given};

/// Prints names, kinds, ages and fingerprints, and what opens the vault.
pub(crate) fn show(given: &Given, as_json: bool) -> Result<(), Cause> {
    let config = Config::load(&given.config)?;
    let path = config.vault_path();
    let vault = Vault::open(&path, &at_hand::keyring(&config, &path, given)?)?;
    let listed = listed(&path, &vault);
    let text = if as_json { format!("{listed:#}\n") } else { table(&listed, &vault, SystemTime::now()) };
    Ok(io::stdout().write_all(text.as_bytes())?)
}

fn listed(path: &Path, vault: &Vault) -> Value {
    let time = |time: SystemTime| Timestamp::from(time).to_string();
    let secrets: Vec<Value> = vault
        .entries()
        .iter()
        .map(|entry| {
            json!({
                "name": entry.name().as_str(),
                "kind": entry.kind().to_string(),
                "created": time(entry.created()),
                "changed": time(entry.changed()),
                "fingerprint": entry.fingerprint().to_string(),
            })
        })
        .collect();
    let keys: Vec<Value> = vault
        .wrappers()
        .iter()
        .map(|wrapper| {
            json!({
                "label": wrapper.label(),
                "kind": wrapper.kind().to_string(),
                "made": time(wrapper.made()),
            })
        })
        .collect();
    json!({
        "path": path.display().to_string(),
        "writes": vault.counter(),
        "written": time(vault.written()),
        "keys": keys,
        "secrets": secrets,
    })
}

/// The same as a person reads it.
fn table(listed: &Value, vault: &Vault, now: SystemTime) -> String {
    let mut text = String::new();
    let path = listed["path"].as_str().unwrap_or_default();
    let _ =
        writeln!(text, "{path}, written {} ago, {} times in all", age(now, vault.written()), vault.counter());
    let _ = writeln!(text, "\n{:<32} {:<10} {:>8} {:>10}  FINGERPRINT", "SECRET", "KIND", "AGE", "CHANGED");
    for entry in vault.entries() {
        let _ = writeln!(
            text,
            "{:<32} {:<10} {:>8} {:>10}  {}",
            entry.name().as_str(),
            entry.kind(),
            age(now, entry.created()),
            age(now, entry.changed()),
            entry.fingerprint()
        );
    }
    let _ = writeln!(text, "\n{:<32} {:<14} {:>8}", "OPENS WITH", "KIND", "AGE");
    for wrapper in vault.wrappers() {
        let _ =
            writeln!(text, "{:<32} {:<14} {:>8}", wrapper.label(), wrapper.kind(), age(now, wrapper.made()));
    }
    text
}

/// `17 s`, `3 min`, `5 h`, `90 d`: how long ago.
fn age(now: SystemTime, then: SystemTime) -> String {
    let seconds = now.duration_since(then).unwrap_or_default().as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_age_is_one_number_that_means_something() {
        let now = SystemTime::now();
        for (seconds, expect) in
            [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (172_800, "2 d")]
        {
            assert_eq!(age(now, now - Duration::from_secs(seconds)), expect);
        }
        assert_eq!(age(now, now + Duration::from_secs(60)), "0 s", "a clock may be set back");
    }
}
