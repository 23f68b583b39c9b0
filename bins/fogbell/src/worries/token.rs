//! Whether Mist still takes the tokens, and for how long it may.

use std::collections::BTreeMap;
use std::time::Duration;

use alarm::{OwnKind, Severity};
use ids::{OrgId, Timestamp};
use mist::{Client, account};
use relay::{Concern, Concerns, Feed};
use tokio::time::sleep;

use crate::access::role;

/// The token of an organisation.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) org: String,
    pub(crate) id: OrgId,
    pub(crate) client: Client,
}

/// What Mist says of a token.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Said {
    /// It is taken.
    Taken,
    /// It is not, or not any more: 401.
    Refused,
    /// It may do nothing in the organisation.
    Powerless,
    /// Mist said nothing of it, for this reason.
    Nothing(String),
}

/// Asks for ever. What is known of a token is as of the last answer.
pub(super) async fn watch(tokens: Vec<Token>, feed: Feed, concerns: Concerns) {
    let mut used = BTreeMap::new();
    for token in &tokens {
        // what was learned by it is remembered over restarts, and so is when
        let learned = feed.read_at(&token.org).await.ok().flatten();
        used.insert(token.org.clone(), learned.unwrap_or_else(Timestamp::now));
    }
    loop {
        let mut found = BTreeMap::new();
        let mut is_open = false;
        for token in &tokens {
            let said = ask(token).await;
            let now = Timestamp::now();
            let last = used.entry(token.org.clone()).or_insert(now);
            if matches!(said, Said::Taken | Said::Powerless) {
                *last = now;
            }
            is_open |= said != Said::Taken;
            if let Some(concern) = judge(&token.org, &said, now.since(*last)) {
                found.insert(token.org.clone(), concern);
            }
        }
        concerns.are(OwnKind::ApiTokenInvalid, found);
        sleep(if is_open { SOON } else { EVERY }).await;
    }
}

async fn ask(token: &Token) -> Said {
    match token.client.send(&account::whoami()).await {
        Ok(account) if role(&account, token.id).is_some() => Said::Taken,
        Ok(_) => Said::Powerless,
        Err(problem) => match problem.status().map(|status| status.as_u16()) {
            Some(401) => Said::Refused,
            Some(403) => Said::Powerless,
            _ => Said::Nothing(relay::Chain(&problem).to_string()),
        },
    }
}

/// What is to be told of a token that was last used `idle` ago.
fn judge(org: &str, said: &Said, idle: Duration) -> Option<Concern> {
    let blind = "names and open alarms are not asked for, and nothing is caught up with after an outage";
    let (severity, text) = match said {
        Said::Taken => return None,
        Said::Refused => (
            Severity::Warning,
            format!(
                "Mist refuses the token of `{org}` (401): {blind}; make another one (Organization > Settings > API Token) and \
                 put it where `token` of the [[org]] says, which the relay notices"
            ),
        ),
        Said::Powerless => (
            Severity::Warning,
            format!(
                "the token of `{org}` may do nothing in its organisation: {blind}; give it a role there, or correct `org_id`"
            ),
        ),
        Said::Nothing(_) if idle < UNUSED => return None,
        Said::Nothing(why) => {
            let severity = if idle < NEARLY { Severity::Warning } else { Severity::Critical };
            let text = format!(
                "the token of `{org}` was not used for {} days, since Mist cannot be asked ({why}): a person's token is deleted \
                 after {LIFE_DAYS} days without use; open the way to the API",
                idle.as_secs() / DAY
            );
            (severity, text)
        }
    };
    Some(Concern { severity, text })
}

const DAY: u64 = 24 * 60 * 60;

/// After how many days without use Mist deletes a person's token.
/// Source: Mist OpenAPI, security scheme `apiToken`.
const LIFE_DAYS: u64 = 90;

/// From when on that is a worry, and a bad one.
const UNUSED: Duration = Duration::from_secs(60 * DAY);
const NEARLY: Duration = Duration::from_secs(80 * DAY);

/// How often Mist is asked, while all is well and while something is not.
const EVERY: Duration = Duration::from_secs(60 * 60);
const SOON: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_worry_when_it_is_refused_powerless_or_nearly_dead() {
        let days = |days: u64| Duration::from_secs(days * DAY);
        let nothing = || Said::Nothing("no route to host".to_owned());
        let warning = Some(Severity::Warning);
        for (said, idle, expect, says) in [
            (Said::Taken, days(0), None, ""),
            (Said::Refused, days(0), warning, "(401)"),
            (Said::Powerless, days(0), warning, "may do nothing"),
            (nothing(), days(59), None, ""),
            (nothing(), days(60), warning, "not used for 60 days"),
            (nothing(), days(79), warning, "no route to host"),
            (nothing(), days(80), Some(Severity::Critical), "not used for 80 days"),
        ] {
            let found = judge("acme", &said, idle);
            assert_eq!(found.as_ref().map(|it| it.severity), expect, "{said:?} {idle:?}");
            assert!(found.is_none_or(|it| it.text.contains(says) && it.text.contains("`acme`")), "{said:?}");
        }
    }
}
