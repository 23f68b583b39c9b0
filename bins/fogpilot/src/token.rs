//! `fogpilot token inspect`: what an onboarding token is, and who made it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ids::Timestamp;
use sco::AssetId;
use sco::certificate::{Certificate, CertificateFingerprint};
use sco::token::{
    Anchor, Expectation, FoundToken, Judgement, OnboardingToken, TokenFingerprint, find_tokens,
};
use serde::Serialize;

use crate::exit::{Done, Exit, Failure};
use crate::input::Input;
use crate::output::{self, Format, VERSION};

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot token inspect --sco-ca sco-ca.pem --asset-id AB1234567890 token.txt")]
pub(crate) struct Args {
    /// File with the token, alone or in any text; `-` is standard input. It is a secret
    file: PathBuf,
    /// File with the certificate of the conductor's authority of Secure Conductor Onboarding
    #[arg(long, value_name = "FILE", conflicts_with = "sco_ca_sha256")]
    sco_ca: Option<PathBuf>,
    /// SHA-256 of that certificate: `sha256:` and 64 lower-case digits
    #[arg(long, value_name = "PIN")]
    sco_ca_sha256: Option<CertificateFingerprint>,
    /// Asset id of the router in the conductor's running configuration; once for each node
    #[arg(long, value_name = "ID")]
    asset_id: Vec<AssetId>,
    /// How long from now the conductor must still take it
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    margin_secs: u32,
    /// How to write the answer
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Judges every token in a file.
pub(crate) fn inspect(args: &Args) -> Done {
    let anchor = anchor(args)?;
    let input = Input::read(&args.file, LIMIT)?;
    if input.exposed {
        let path = args.file.display();
        writeln!(
            io::stderr(),
            "fogpilot: `{path}` holds a secret that others on this machine can read; `chmod 600 {path}` keeps it"
        )?;
    }
    let text = std::str::from_utf8(&input.bytes).map_err(|_| no_token(&args.file, "it is no text"))?;
    let found = find_tokens(text);
    let judge = |found: &FoundToken| Verdict::of(&found.token, args, anchor.as_ref());
    let verdicts: Vec<Verdict> = found.tokens.iter().map(judge).collect();
    if let Some(rejected) = found.rejected.first() {
        return Err(no_token(&args.file, &format!("line {}: {}", rejected.line, rejected.error)));
    }
    if verdicts.is_empty() {
        return Err(no_token(&args.file, "there is nothing of its shape: three long parts between dots"));
    }
    let usable = verdicts.iter().all(|verdict| verdict.usable);
    print(args.output, verdicts)?;
    Ok(if usable { Exit::Ok } else { Exit::Failed })
}

fn print(format: Format, verdicts: Vec<Verdict>) -> io::Result<()> {
    if format == Format::Json {
        return output::json(&Answer { version: VERSION, tokens: verdicts });
    }
    if format == Format::Ndjson {
        let lines: Result<Vec<_>, _> = verdicts.iter().map(serde_json::to_value).collect();
        return output::lines(&lines?);
    }
    for (place, verdict) in verdicts.iter().enumerate() {
        if place > 0 && format == Format::Table {
            writeln!(io::stdout())?;
        }
        output::facts(format, verdict, &verdict.facts())?;
    }
    Ok(())
}

fn no_token(path: &Path, what: &str) -> Failure {
    format!("there is no whole onboarding token in `{}`: {what}", path.display()).into()
}

/// The authority that is trusted, if one is named.
fn anchor(args: &Args) -> Result<Option<Anchor>, Failure> {
    let Some(path) = &args.sco_ca else { return Ok(args.sco_ca_sha256.map(Anchor::Pin)) };
    let wrong =
        |what: String| Failure::usage(format!("`{}` cannot be the authority: {what}", path.display()));
    let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut certificates = Certificate::parse_all(&bytes).map_err(|error| wrong(error.to_string()))?;
    match (certificates.pop(), certificates.len()) {
        (Some(one), 0) => Ok(Some(Anchor::Certificate(one))),
        _ => {
            Err(wrong("there are several certificates in it; give the one of the authority alone".to_owned()))
        }
    }
}

#[derive(Serialize)]
struct Answer {
    version: u32,
    tokens: Vec<Verdict>,
}

/// What was found of a token.
#[derive(Debug, Serialize)]
struct Verdict {
    /// Whether nothing is wrong with it and nobody needs to consent to anything.
    usable: bool,
    verdict: String,
    reasons: Vec<String>,
    needs: Vec<&'static str>,
    warnings: Vec<String>,
    algorithm: String,
    asset_ids: BTreeSet<AssetId>,
    /// Whether they were compared with the running configuration's.
    asset_ids_compared: bool,
    expires: Option<String>,
    sco_ca_sha256: Option<CertificateFingerprint>,
    conductor_certificate_sha256: Option<CertificateFingerprint>,
    token_sha256: TokenFingerprint,
}

impl Verdict {
    fn of(token: &OnboardingToken, args: &Args, anchor: Option<&Anchor>) -> Self {
        let given: BTreeSet<AssetId> = args.asset_id.iter().cloned().collect();
        let asset_ids_compared = !given.is_empty();
        let expect = Expectation {
            asset_ids: if asset_ids_compared { &given } else { token.asset_ids() },
            anchor,
            served: None,
            now: Timestamp::now(),
            margin: Duration::from_secs(args.margin_secs.into()),
        };
        let judgement = token.judge(&expect);
        let usable = judgement.is_usable(&[]);
        let Judgement { authenticity, faults, flags, warnings, .. } = judgement;
        Self {
            usable,
            verdict: authenticity.to_string(),
            reasons: faults.iter().map(ToString::to_string).collect(),
            needs: flags.iter().map(|flag| flag.as_str()).collect(),
            warnings: warnings.iter().map(ToString::to_string).collect(),
            algorithm: token.algorithm().to_owned(),
            asset_ids: token.asset_ids().clone(),
            asset_ids_compared,
            expires: token.expires().map(|time| time.to_string()),
            sco_ca_sha256: token.ca_certificate().map(Certificate::fingerprint),
            conductor_certificate_sha256: token.conductor_certificate().map(Certificate::fingerprint),
            token_sha256: token.fingerprint(),
        }
    }

    fn facts(&self) -> Vec<[String; 2]> {
        let fact = |name: &str, value: String| [name.to_owned(), value];
        let mut facts = vec![fact("verdict", self.verdict.clone())];
        facts.extend(self.reasons.iter().map(|reason| fact("reason", reason.clone())));
        facts.extend(self.needs.iter().map(|flag| fact("needs", format!("{flag} before it is used"))));
        facts.extend(self.warnings.iter().map(|warning| fact("warning", warning.clone())));
        let ids: Vec<&str> = self.asset_ids.iter().map(AssetId::as_str).collect();
        let compared = if self.asset_ids_compared { "" } else { " (not compared; --asset-id does)" };
        facts.push(fact("assets", format!("{}{compared}", ids.join(" "))));
        facts.push(fact("expires", self.expires.clone().unwrap_or_else(|| "it does not say".to_owned())));
        facts.push(fact("algorithm", self.algorithm.clone()));
        let certificates = [("SCO CA", self.sco_ca_sha256), ("conductor", self.conductor_certificate_sha256)];
        for (name, fingerprint) in certificates {
            facts.extend(fingerprint.map(|fingerprint| fact(name, fingerprint.to_string())));
        }
        facts.push(fact("token", self.token_sha256.to_string()));
        facts
    }
}

/// A token and what is around it: the longest token is sixteen times shorter.
const LIMIT: usize = 1024 * 1024;
