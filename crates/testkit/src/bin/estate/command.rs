//! The commands of the program.

use std::error::Error;
use std::time::Duration;

use fogbell_testkit::cloud;
use fogbell_testkit::conductor::{Ask, Binding, Commit, Disturbance, Foreign, Outcome};
use fogbell_testkit::endorsement_keys::endorsement_key;
use fogbell_testkit::estate::WholeEstate;
use fogbell_testkit::router::Attempt;
use ids::Mac;
use serde_json::{Value, json};

use crate::of_cloud::{self, Words};

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Commands; TEXT, JSON and PART go to the end of the line, PATH is as in /authority/router/r1:
  broken                                     rules of safety that were broken; must be empty
  wrong                                      bindings that are wrong; must be empty
  bindings | bound                           every attempt; the asset ids that were taken
  attempts                                   what routers did after they were assigned
  writes                                     what was asked to be changed, by whom
  counts                                     Mist calls, commits, assignments, unassignments
  state                                      how everything stands, to compare runs by
  router MAC key N|ahead SECONDS             give a router another TPM's key, or another clock
  away MS                                    how long a router that was taken is gone from Mist
  switches | switch NAME VALUE               every switch, the usual value first; read the undocumented otherwise
  cloud before PART NTH FOREIGN              somebody else acts before a call; FOREIGN:
      site-setting SITE KEY JSON, move MAC SITE|-, connected MAC true|false, remove MAC, revoke TOKEN
  cloud COMMAND                              every command of the cloud, as below
  conductor FOREIGN                          another administrator acts now; FOREIGN:
      edit PATH JSON, delete PATH, revert, commit, edit-running PATH JSON, status ASSET WORD, end-sessions,
      clock SECONDS
  conductor before PART NTH FOREIGN          the same right before a call or command; _ in PART is a space
  conductor misbehave KIND TIMES PART        REST; KIND as of the cloud, and late:MS
  conductor disturb KIND TIMES PART          the command line; KIND: latency:MS, silence, done-but-silence,
      cut-off, status:N, noise:TEXT, refused:TEXT
  conductor behave                           forget those
  conductor fault PATH TEXT | forget | renew
  conductor restart [NODE]                   every node at once, or 0 or 1 alone
  conductor port NODE NUMBER open|closed     by its documented number
  conductor asked [PART] | commits | running [PATH]
  quit";

/// Does what `line` says.
pub(crate) async fn run(estate: &WholeEstate, line: &str) -> Result<Value, Box<dyn Error>> {
    let mut words = Words(line);
    Ok(match words.text()? {
        "cloud" => return of_the_cloud(estate, words.rest()).await,
        "conductor" => return of_the_conductor(estate, words).await,
        "broken" => json!(estate.broken_rules()),
        "wrong" => estate.wrong_bindings().iter().map(binding).collect(),
        "bindings" => estate.conductor().bindings().iter().map(binding).collect(),
        "bound" => json!(estate.bound()),
        "attempts" => estate.attempts().iter().map(|(_, mac, done)| attempt(*mac, done)).collect(),
        "writes" => json!(estate.writes()),
        "counts" => json!({
            "mist_calls": estate.mist_calls(),
            "commits": estate.commits(),
            "assignments": estate.assignments().len(),
            "unassignments": estate.unassignments().len(),
        }),
        "state" => estate.end_state(),
        "router" => {
            let mac: Mac = words.next()?;
            let mut fleet = estate.fleet();
            let router = fleet.routers.iter_mut().find(|router| router.mac == mac).ok_or("no such router")?;
            match words.text()? {
                "key" => router.endorsement_key = Some(endorsement_key(words.next()?).to_owned()),
                "ahead" => router.ahead_secs = words.next()?,
                other => return Err(format!("`{other}` is neither key nor ahead").into()),
            }
            Value::Null
        }
        "switch" => {
            estate.switch(words.text()?, words.text()?)?;
            Value::Null
        }
        "away" => {
            estate.fleet().away = Duration::from_millis(words.next()?);
            Value::Null
        }
        "switches" => json!(WholeEstate::switches()),
        other => return Err(format!("no command `{other}`; --help has them").into()),
    })
}

async fn of_the_cloud(estate: &WholeEstate, line: &str) -> Result<Value, Box<dyn Error>> {
    let mut words = Words(line);
    match words.text()? {
        "before" => {
            let (part, nth) = (words.text()?.replace('_', " "), words.next()?);
            let what = match words.text()? {
                "site-setting" => {
                    cloud::Foreign::SiteSetting(words.next()?, words.text()?.to_owned(), words.json()?)
                }
                "move" => cloud::Foreign::Move(words.next()?, words.site()?),
                "connected" => cloud::Foreign::Connected(words.next()?, words.next()?),
                "remove" => cloud::Foreign::Remove(words.next()?),
                "revoke" => cloud::Foreign::Revoke(words.text()?.to_owned()),
                other => return Err(format!("nobody does `{other}`; --help says what").into()),
            };
            estate.cloud().foreign_before(&part, nth, what);
        }
        _ => return of_cloud::run(estate.cloud(), line).await,
    }
    Ok(Value::Null)
}

async fn of_the_conductor(estate: &WholeEstate, mut words: Words<'_>) -> Result<Value, Box<dyn Error>> {
    let conductor = estate.conductor();
    match words.text()? {
        "before" => {
            let (part, nth) = (words.text()?.replace('_', " "), words.next()?);
            let name = words.text()?;
            conductor.foreign_before(&part, nth, foreign(name, words)?);
        }
        "misbehave" => {
            let (what, times) = (words.next()?, words.next()?);
            conductor.misbehave(what).on(words.rest()).times(times);
        }
        "disturb" => {
            let (what, times): (Disturbance, u64) = (words.next()?, words.next()?);
            conductor.disturb(what).on(words.rest()).times(times);
        }
        "behave" => conductor.behave(),
        "fault" => conductor.find_fault(words.text()?, words.rest()),
        "forget" => conductor.forget_onboarded(),
        "renew" => conductor.renew_onboarding_certificate()?,
        "restart" => match words.rest() {
            "" => conductor.restart().await?,
            "0" => conductor.restart_nodes(&[0]).await?,
            "1" => conductor.restart_nodes(&[1]).await?,
            other => return Err(format!("no node `{other}`; there are 0 and 1").into()),
        },
        "port" => {
            let (node, number, state) = (words.next()?, words.next()?, words.text()?);
            conductor.set_port(node, number, state == "open").await?;
        }
        "asked" => {
            let asked = conductor.asked_for(words.rest());
            let row = |ask: &Ask| {
                json!({
                    "at": ask.at.to_string(), "account": ask.account, "what": ask.what, "writes": ask.writes,
                    "status": ask.status,
                })
            };
            return Ok(asked.iter().map(row).collect());
        }
        "commits" => {
            let by = |commit: &Commit| json!({ "at": commit.at.to_string(), "by": commit.by });
            return Ok(conductor.commits().iter().map(by).collect());
        }
        "running" => return Ok(conductor.running_at(words.rest()).unwrap_or_default()),
        name => conductor.foreign(foreign(name, words)?),
    }
    Ok(Value::Null)
}

fn foreign(name: &str, mut words: Words<'_>) -> Result<Foreign, Box<dyn Error>> {
    Ok(match name {
        "edit" => Foreign::Edit(words.text()?.to_owned(), words.json()?),
        "delete" => Foreign::Delete(words.text()?.to_owned()),
        "revert" => Foreign::Revert,
        "commit" => Foreign::Commit,
        "edit-running" => Foreign::EditRunning(words.text()?.to_owned(), words.json()?),
        "status" => Foreign::AssetStatus(words.text()?.to_owned(), words.text()?.to_owned()),
        "end-sessions" => Foreign::EndSessions,
        "clock" => Foreign::Clock(words.next()?),
        other => return Err(format!("nobody does `{other}`; --help says what").into()),
    })
}

fn binding(binding: &Binding) -> Value {
    json!({
        "at": binding.at.to_string(),
        "machine": binding.machine,
        "asset_id": binding.asset_id,
        "endorsement_key": binding.endorsement_key,
        "device_serial": binding.device_serial,
        "router": binding.router,
        "node": binding.node,
        "outcome": outcome(&binding.outcome),
    })
}

fn attempt(mac: Mac, attempt: &Attempt) -> Value {
    let became = match attempt {
        Attempt::NoConductor => "no conductor is named".to_owned(),
        Attempt::NoToken => "no token is there".to_owned(),
        Attempt::TokenRefused(why) => format!("took no token: {why}"),
        Attempt::Presented(became) => outcome(became),
    };
    json!({ "mac": mac, "became": became })
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Bound => "bound".to_owned(),
        Outcome::Refused(why) => format!("refused: {why}"),
    }
}
