//! Looks, while the relay runs, for what will be wrong soon beside it: certificates that sinks and the API need, the tokens,
//! and the calls of the hour.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use alarm::{OwnKind, Severity};
use ids::Timestamp;
use pki::{Authorities, Chain};
use relay::{Concern, Concerns, Config, Feed};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

mod token;

pub(crate) use token::Token;

/// What is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Worries {
    files: Vec<(String, Kind, PathBuf)>,
    tokens: Vec<Token>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A certificate that is shown.
    Own,
    /// Authorities that are trusted.
    Authorities,
}

impl Worries {
    /// Those of `config`; `tokens` are the organisations'.
    pub(crate) fn of(config: &Config, tokens: Vec<Token>) -> Self {
        let mut files = Vec::new();
        for sink in &config.syslog {
            let tls = [(Kind::Own, &sink.tls.certificate), (Kind::Authorities, &sink.tls.ca)];
            for (kind, path) in tls {
                files.extend(path.iter().map(|path| (format!("sink {}", sink.name), kind, path.clone())));
            }
        }
        for org in &config.org {
            let ca = org.api.as_ref().and_then(|api| api.ca.clone());
            files.extend(ca.map(|path| (format!("API of {}", org.name), Kind::Authorities, path)));
        }
        Self { files, tokens }
    }

    /// Looks for ever.
    pub(crate) async fn watch(self, feed: Feed, concerns: Concerns) {
        // an API that does not answer keeps nothing else waiting
        tokio::join!(token::watch(self.tokens.clone(), feed, concerns.clone()), self.look(concerns));
    }

    async fn look(self, concerns: Concerns) {
        let mut short = BTreeMap::new();
        loop {
            let files = self.files.clone();
            let looked = spawn_blocking(move || {
                let now = SystemTime::now();
                files.iter().filter_map(|(whose, kind, path)| expiring(whose, *kind, path, now)).collect()
            });
            if let Ok(expiring) = looked.await {
                concerns.are(OwnKind::SinkCertificateExpires, expiring);
            }
            for (org, budget) in self.tokens.iter().map(|token| (&token.org, token.client.budget())) {
                concerns.calls(org, budget.left(), budget.capacity());
                judge_calls(&mut short, org, budget.left(), budget.capacity());
            }
            concerns.are(OwnKind::ApiCallsShort, short.clone());
            sleep(EVERY).await;
        }
    }
}

/// What is to be said of the end of a certificate, when that is near. Of several authorities the last one to end counts: an
/// old one may stand beside the one that takes its place.
fn expiring(whose: &str, kind: Kind, path: &Path, now: SystemTime) -> Option<(String, Concern)> {
    // a file that cannot be read is said at the reload that it would break
    let (end, what) = match kind {
        Kind::Own => (Chain::load(path).ok()?.leaf().validity.not_after, "the certificate"),
        Kind::Authorities => (Authorities::load(path).ok()?.end()?, "the last of the authorities"),
    };
    let (severity, when) = match end.duration_since(now) {
        Err(_) => (Severity::Critical, "ended"),
        Ok(left) if left <= 7 * DAY => (Severity::Critical, "ends"),
        Ok(left) if left <= 14 * DAY => (Severity::Warning, "ends"),
        Ok(left) if left <= 30 * DAY => (Severity::Info, "ends"),
        Ok(_) => return None,
    };
    let text = format!(
        "{what} of {whose} in {} {when} at {}: put another one into the file, which the relay notices",
        path.display(),
        Timestamp::from(end)
    );
    let about = format!("{whose}: {}", path.file_name().unwrap_or(path.as_os_str()).to_string_lossy());
    Some((about, Concern { severity, text }))
}

/// Whether the calls of `org` are nearly spent: below a tenth, until a quarter is left again.
fn judge_calls(short: &mut BTreeMap<String, Concern>, org: &str, left: u32, capacity: u32) {
    if left >= capacity / 4 {
        short.remove(org);
    } else if left < capacity / 10 && !short.contains_key(org) {
        let text = format!(
            "of the {capacity} calls that Mist allows the token of `{org}` in an hour {left} are left; names and open alarms \
             are asked for later: give the relay a token of its own, or lower budget_percent of [org.api]"
        );
        short.insert(org.to_owned(), Concern { severity: Severity::Warning, text });
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_a_worry_from_a_month_before_and_grows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client.pem");
        let made = pki::self_signed(&["client.test".to_owned()], SystemTime::now()).unwrap();
        std::fs::write(&path, made.chain_pem).unwrap();
        let end = Chain::load(&path).unwrap().leaf().validity.not_after;
        for kind in [Kind::Own, Kind::Authorities] {
            let at = |days: u32| {
                expiring("sink siem", kind, &path, end - days * DAY).map(|(about, it)| (about, it.severity))
            };
            let said = |severity| Some(("sink siem: client.pem".to_owned(), severity));
            assert_eq!(at(31), None);
            assert_eq!((at(30), at(14)), (said(Severity::Info), said(Severity::Warning)));
            assert_eq!((at(7), at(1)), (said(Severity::Critical), said(Severity::Critical)));
            let (_, over) = expiring("sink siem", kind, &path, end + DAY).unwrap();
            assert!(over.text.contains(" ended at "), "{}", over.text);
        }
    }

    #[test]
    fn calls_are_short_below_a_tenth_until_a_quarter_is_left() {
        let mut short = BTreeMap::new();
        let mut is_short = |left| {
            judge_calls(&mut short, "acme", left, 5000);
            short.contains_key("acme")
        };
        assert_eq!([500, 499, 1249, 1250, 600].map(&mut is_short), [false, true, true, false, false]);
    }
}
