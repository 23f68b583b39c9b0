//! What a conductor answers, over REST and on its command line.

use conductor::read::{read_assets, read_connectivity, read_findings, read_system};
use conductor::{Said, without_secrets};
use serde_json::Value;

/// Arbitrary bytes are an answer or a misfit; no list of problems that has one reads as none; no pre-shared secret is
/// left in a configuration; what a command line says is text without controls, and a complaint fits on a line.
pub fn conductor(data: &[u8]) {
    let value: Option<Value> = serde_json::from_slice(data).ok();

    if let Ok(findings) = read_findings(data) {
        let said = value.as_ref().and_then(Value::as_array).map_or(0, Vec::len);
        assert_eq!(findings.is_empty(), said == 0);
        for finding in &findings {
            fits_on_a_line(&finding.to_string());
        }
    }
    if let Ok(judged) = read_assets(data)
        && let Some(assets) = judged.value
    {
        assert!(assets.assets.iter().all(|asset| !asset.id.is_empty()));
        judged.warnings.iter().for_each(|warning| fits_on_a_line(warning));
    }
    let _ = read_connectivity(data);
    let text = String::from_utf8_lossy(data);
    if let Ok(system) = read_system(data, text.lines().next()) {
        let _ = system.version.known_faults();
        fits_on_a_line(&system.version.to_string());
    }

    if let Some(value) = value {
        let plain = without_secrets(value);
        assert!(!has_secret(&plain), "{plain}");
        assert_eq!(without_secrets(plain.clone()), plain);
    }

    let said = Said::new(data, data, Some(0), "show system version");
    assert!(said.text().chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')), "{:?}", said.text());
    let again = Said::new(said.text().as_bytes(), b"", Some(0), "show system version");
    assert!(again.text().len() <= said.text().len());
    if let Some(complaint) = said.complaint() {
        fits_on_a_line(&complaint);
    }
    assert!(format!("{said:?}").len() < 100, "it prints itself");
}

fn fits_on_a_line(text: &str) {
    assert!(text.len() <= 16_384 && !text.chars().any(char::is_control), "{text:?}");
}

/// A reader of its own: any key whose letters are those of `pre-shared-secret`.
fn has_secret(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_secret),
        Value::Object(fields) => fields.iter().any(|(key, value)| {
            let letters: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
            letters.eq_ignore_ascii_case("presharedsecret") || has_secret(value)
        }),
        _ => false,
    }
}
