//! The webhooks in Mist that post here.

use ids::OrgId;
use mist::webhooks::{self, DeliveryFilter, DeliveryStatus};
use mist::{Client, Id, Problem};
use relay::config::Org;
use zeroize::Zeroizing;

use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;
use crate::access::wait;
use crate::secrets::Secrets;
use crate::webhook::create::TOPICS;
use crate::webhook::found::{self, Found, Signed};
use crate::webhook::here::Here;
use crate::webhook::secret;

const WHAT: &str = "webhook";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for (org, api, client) in patient.apis() {
        // that it cannot be asked was said of the API
        let Ok(client) = client else { continue };
        let here = patient.here(org);
        let known = secret::known(&Secrets::of(patient.config), org).0;
        let one = Scene {
            org,
            org_id: api.org_id,
            here,
            known,
            path: patient.path(),
            self_signed: !patient.config.tls.self_signed.is_empty(),
        };
        match wait(one.look(&client, patient.sites)) {
            Ok(Ok(found)) => all.extend(found),
            Ok(Err(problem)) if problem.status().is_some_and(|status| status.as_u16() == 401) => {}
            Ok(Err(problem)) => all.push(unasked(org, &relay::Chain(&problem).to_string())),
            Err(error) => all.push(unasked(org, &error.to_string())),
        }
    }
    all
}

fn unasked(org: &Org, why: &str) -> Finding {
    let mend = "give the relay a token that may read the organisation's webhooks";
    Finding::warn(Code::WebhookUnseen, &org.name, format!("the webhooks cannot be looked at: {why}"), mend)
}

struct Scene<'a> {
    org: &'a Org,
    org_id: OrgId,
    here: Here,
    known: Vec<Zeroizing<String>>,
    path: String,
    /// Whether the certificate is one that Mist accepts only unchecked, as is said of the certificate.
    self_signed: bool,
}

impl Scene<'_> {
    async fn look(&self, client: &Client, sites: bool) -> Result<Vec<Finding>, Problem> {
        let all = found::all(client, self.org_id, sites).await?;
        let mine: Vec<&Found> = all.iter().filter(|it| it.is_here(&self.here)).collect();
        if !mine.iter().any(|it| it.site.is_none()) {
            let url = self.here.url().unwrap_or_else(|| "this relay".to_owned());
            let text = format!("no webhook of the organisation posts to {url}");
            return Ok(vec![Finding::fail(Code::WebhookNone, &self.org.name, text, self.create())]);
        }
        let mut findings = Vec::new();
        for one in mine {
            let mut of_one = self.judge(one, &all);
            if let Some(failed) = self.failures(client, one).await? {
                of_one.push(failed);
            }
            if of_one.is_empty() {
                let secret = if one.signed(&self.known) == Signed::Known {
                    "signed with a secret the relay knows"
                } else {
                    "signed"
                };
                of_one.push(Finding::pass(
                    WHAT,
                    one.title(),
                    format!(
                        "switched on, {secret}, checks the certificate, {} topics",
                        one.webhook.topics.len()
                    ),
                ));
            }
            findings.extend(of_one);
        }
        Ok(findings)
    }

    fn create(&self) -> String {
        let weakened = if self.self_signed { " --danger-no-verify" } else { "" };
        format!("fogbell webhook create{weakened} --ask-token --config {}", self.path)
    }

    fn judge(&self, one: &Found, all: &[Found]) -> Vec<Finding> {
        let (title, mut found) = (one.title(), Vec::new());
        if !one.is_enabled() {
            // a site's that is off is what ends a duplicate
            return match one.site {
                Some(_) => vec![Finding::pass(WHAT, title, "switched off")],
                None => {
                    let text = "switched off: nothing is posted";
                    vec![Finding::fail(Code::WebhookOff, title, text, self.create())]
                }
            };
        }
        match one.signed(&self.known) {
            Signed::Unsigned => {
                found.push(Finding::fail(
                    Code::WebhookUnsigned,
                    &title,
                    "it has no secret: what it posts is refused with 401",
                    self.create(),
                ));
            }
            Signed::Unknown => found.push(Finding::fail(
                Code::WebhookOtherSecret,
                &title,
                "it has another secret than the relay: what it posts is refused with 401",
                self.create(),
            )),
            Signed::Known | Signed::Hidden => {}
        }
        if !one.verifies() && !self.self_signed {
            found.push(Finding::warn(
                Code::WebhookUnverified,
                &title,
                "it does not check the relay's certificate: whoever stands between can read and answer for it",
                self.create(),
            ));
        }
        let missing: Vec<&str> =
            TOPICS.into_iter().filter(|topic| !one.webhook.topics.iter().any(|it| it == topic)).collect();
        if one.site.is_none() && !missing.is_empty() {
            let text = format!("it does not post {}", missing.join(", "));
            found.push(Finding::warn(Code::WebhookTopics, &title, text, self.create()));
        }
        let doubles = one.doubles(all);
        if !doubles.is_empty() {
            let text = format!(
                "the organisation's webhook posts {} here too: all of it arrives twice, and a copy is dropped",
                doubles.join(", ")
            );
            let id = one.id().map_or("-", Id::as_str);
            let mend = format!("fogbell webhook disable --ask-token --id {id} --config {}", self.path);
            found.push(Finding::warn(Code::WebhookTwice, &title, text, mend));
        }
        found
    }

    /// What Mist could not deliver in the last day.
    async fn failures(&self, client: &Client, one: &Found) -> Result<Option<Finding>, Problem> {
        let Some(id) = one.id().filter(|_| one.is_enabled()) else { return Ok(None) };
        let mut pages =
            client.pages(webhooks::deliveries(one.scope, id, &DeliveryFilter::default()).limit(ROWS));
        let rows = pages.next_page().await.transpose()?.unwrap_or_default();
        let failed = |row: &&webhooks::Delivery| row.status == Some(DeliveryStatus::Failure);
        let newest = rows.iter().filter_map(|row| Some((row.timestamp?, row))).max_by_key(|(at, _)| *at);
        let count = rows.iter().filter(failed).count();
        let last = rows.iter().filter(failed).max_by_key(|row| row.timestamp);
        let Some(last) = last else { return Ok(None) };
        let said = match (last.status_code, &last.error) {
            (Some(code), _) if code > 0 => format!("the relay answered {code}"),
            (_, Some(error)) => format!("Mist says: {error}"),
            _ => "Mist does not say why".to_owned(),
        };
        // an outage that is over has been caught up with
        let is_over = newest.is_some_and(|(_, row)| row.status == Some(DeliveryStatus::Success));
        if is_over {
            return Ok(None);
        }
        let text =
            format!("{count} of the newest {} deliveries failed, and the last one too: {said}", rows.len());
        Ok(Some(Finding::fail(
            Code::WebhookFailed,
            one.title(),
            text,
            format!("fogbell webhook ping --config {}", self.path),
        )))
    }
}

/// How many of the newest deliveries of the last day are looked at.
const ROWS: u32 = 100;
