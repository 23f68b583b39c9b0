//! The commands of the program.

use std::error::Error;
use std::str::FromStr;

use fogbell_testkit::cloud::{
    Call, CloudDevice, Conducted, FakeCloud, Happened, MarvisState, Misbehaviour, NewWebhook, Posting,
};
use fogbell_testkit::mist::DeviceKind;
use ids::{Mac, SiteId};
use serde_json::{Value, json};

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Commands; in SITE, `-` is no site; TEXT and NAME go to the end of the line:
  down MAC | up MAC                          a device is lost, or back
  port-down MAC PORT | port-up MAC PORT      a port's link is lost, or back
  alarm TYPE MAC...                          an alarm about devices
  marvis TYPE MAC open|resolved              a Marvis action
  event TYPE MAC [JSON]                      a device event, with further fields
  mxedge TYPE MAC [JSON]                     an event of a Mist Edge
  audit ORG TEXT                             somebody did something
  tell ORG SITE TOPIC JSON                   any events, an array
  webhook ORG SITE URL SECRET TOPIC,...      make a webhook; answers its id
  ping WEBHOOK                               ping it
  posting once|twice|lost                    how messages are treated from now on
  log WEBHOOK                                its delivery log
  misbehave KIND TIMES PATTERN               for calls with PATTERN in path and query; KIND:
      status:CODE, html:CODE, done-but:CODE, done-but-silence, latency:MS, late:MS, silence, half-then-reset,
      broken-json, garbage, content-type:TYPE, wrong-types, same-page, endless-pages, oversize:BYTES
  fail CODE TIMES PATTERN                    misbehave status:CODE
  behave                                     forget every misbehaviour
  close | open                               stop listening, listen again
  calls [PART]                               the calls so far, those with PART in their path
  clock SECONDS                              set the clock so far ahead
  revoke TOKEN | restore TOKEN | spend TOKEN CALLS
  sites ORG | devices ORG [COUNT]            what is there, or the first so many
  add-site ORG NAME | rename-site SITE NAME | remove-site SITE
  add-device ORG SITE ap|switch|gateway|mxedge NAME
  add-chassis SITE MEMBERS NAME
  rename MAC NAME | move MAC SITE | remove MAC | connected MAC true|false
  conducted MAC ROUTER CONDUCTOR             what a router says of its conductor
  id-token MAC TOKEN                         what export_idtokens says of a router
  setting ORG KEY JSON | site-setting SITE KEY JSON
  define CATALOGUE JSON                      another entry under /api/v1/const
  quit";

/// Does what `line` says.
pub(crate) async fn run(cloud: &FakeCloud, line: &str) -> Result<Value, Box<dyn Error>> {
    let mut words = Words(line);
    let name = words.text()?;
    let happened = match name {
        "down" => cloud.device_down(words.next()?).await?,
        "up" => cloud.device_up(words.next()?).await?,
        "port-down" => cloud.port_down(words.next()?, words.text()?).await?,
        "port-up" => cloud.port_up(words.next()?, words.text()?).await?,
        "alarm" => {
            let kind = words.text()?;
            let macs: Result<Vec<Mac>, _> = words.rest().split_whitespace().map(str::parse).collect();
            cloud.alarm(kind, &macs?).await?
        }
        "marvis" => {
            let (kind, mac) = (words.text()?, words.next()?);
            let state = match words.text()? {
                "open" => MarvisState::Open,
                "resolved" => MarvisState::Resolved,
                other => return Err(format!("`{other}` is neither open nor resolved").into()),
            };
            cloud.marvis(kind, mac, state).await?
        }
        "event" => {
            let kind = words.text()?;
            cloud.device_event(words.next()?, kind, words.json()?).await?
        }
        "mxedge" => {
            let kind = words.text()?;
            cloud.mxedge_event(words.next()?, kind, words.json()?).await?
        }
        "audit" => cloud.audit(words.next()?, None, words.rest(), Value::Null).await?,
        "tell" => {
            let (org, site, topic) = (words.next()?, words.site()?, words.text()?);
            let events = words.json()?;
            let events = events.as_array().ok_or("the events are no array")?;
            cloud.tell(org, site, topic, events).await?
        }
        "ping" => cloud.ping(words.text()?).await?,
        _ => return order(cloud, name, words).await,
    };
    Ok(shown(&happened))
}

/// The commands that post nothing.
async fn order(cloud: &FakeCloud, name: &str, mut words: Words<'_>) -> Result<Value, Box<dyn Error>> {
    match name {
        "webhook" => {
            let (org, site) = (words.next()?, words.site()?);
            let (url, secret) = (words.text()?, words.text()?);
            let topics: Vec<&str> = words.text()?.split(',').collect();
            let new = NewWebhook { site, ..NewWebhook::new(url, secret.as_bytes(), &topics) };
            return Ok(json!(cloud.add_webhook(org, new)?));
        }
        "posting" => cloud.post(match words.text()? {
            "once" => Posting::Once,
            "twice" => Posting::Twice,
            "lost" => Posting::Lost,
            other => return Err(format!("`{other}` is none of once, twice, lost").into()),
        }),
        "log" => return Ok(json!(cloud.delivery_log(words.text()?))),
        "misbehave" => misbehave(cloud, words.next()?, words)?,
        "fail" => misbehave(cloud, format!("status:{}", words.text()?).parse()?, words)?,
        "behave" => cloud.behave(),
        "close" => cloud.close().await,
        "open" => cloud.open().await?,
        "calls" => return Ok(cloud.calls_to(words.rest()).iter().map(call).collect()),
        "clock" => cloud.set_clock(words.next()?),
        "revoke" => cloud.revoke(words.text()?)?,
        "restore" => cloud.restore(words.text()?)?,
        "spend" => cloud.spend(words.text()?, words.next()?)?,
        _ => return state(cloud, name, words),
    }
    Ok(Value::Null)
}

/// The commands that look at what is there, or change it.
fn state(cloud: &FakeCloud, name: &str, mut words: Words<'_>) -> Result<Value, Box<dyn Error>> {
    match name {
        "sites" => {
            let sites = cloud.sites(words.next()?)?;
            return Ok(sites.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect());
        }
        "devices" => {
            let devices = cloud.devices(words.next()?)?;
            let count = match words.rest() {
                "" => devices.len(),
                count => count.parse()?,
            };
            return Ok(devices.iter().take(count).map(device).collect());
        }
        "add-site" => return Ok(json!(cloud.add_site(words.next()?, words.rest())?)),
        "rename-site" => cloud.rename_site(words.next()?, words.rest())?,
        "remove-site" => cloud.remove_site(words.next()?)?,
        "add-device" => {
            let (org, site, kind) = (words.next()?, words.site()?, words.text()?);
            let kinds = [DeviceKind::Ap, DeviceKind::Switch, DeviceKind::Gateway, DeviceKind::MxEdge];
            let kind = kinds.into_iter().find(|known| known.name() == kind);
            let kind = kind.ok_or("a device is one of ap, switch, gateway, mxedge")?;
            return Ok(json!(cloud.add_device(org, site, kind, words.rest())?));
        }
        "add-chassis" => {
            let (site, members): (SiteId, usize) = (words.next()?, words.next()?);
            let (chassis, members) = cloud.add_chassis(site, words.rest(), members.min(10), false)?;
            return Ok(json!({ "mac": chassis, "members": members }));
        }
        "rename" => cloud.rename_device(words.next()?, words.rest())?,
        "move" => cloud.move_device(words.next()?, words.site()?)?,
        "remove" => cloud.remove_device(words.next()?)?,
        "connected" => cloud.set_connected(words.next()?, words.next()?)?,
        "conducted" => {
            let (mac, router, conductor) = (words.next()?, words.text()?, words.text()?);
            let conducted = Conducted { router_name: router.into(), conductor_name: conductor.into() };
            cloud.set_conducted(mac, Some(conducted))?;
        }
        "id-token" => cloud.set_id_token(words.next()?, words.text()?)?,
        "setting" => cloud.set_setting(words.next()?, words.text()?, words.json()?)?,
        "site-setting" => cloud.set_site_setting(words.next()?, words.text()?, words.json()?)?,
        "define" => cloud.define(words.text()?, words.json()?)?,
        other => return Err(format!("no command `{other}`; --help has them").into()),
    }
    Ok(Value::Null)
}

fn shown(happened: &Happened) -> Value {
    let deliveries: Vec<Value> = happened
        .deliveries
        .iter()
        .map(|delivered| {
            json!({
                "webhook_id": delivered.webhook_id,
                "topic": delivered.topic,
                "status": delivered.status,
                "error": delivered.error,
                "body": String::from_utf8_lossy(&delivered.body),
            })
        })
        .collect();
    json!({ "alarm_id": happened.alarm_id, "deliveries": deliveries })
}

fn call(call: &Call) -> Value {
    json!({
        "at": call.at.to_string(),
        "method": call.method.as_str(),
        "path": call.path,
        "query": call.query,
        "body": String::from_utf8_lossy(&call.body),
        "token": call.token,
        "status": call.status,
    })
}

fn device(device: &CloudDevice) -> Value {
    json!({
        "mac": device.mac,
        "type": device.kind.name(),
        "name": device.name,
        "model": device.model,
        "serial": device.serial,
        "site_id": device.site,
        "connected": device.connected,
        "vc_mac": device.vc_mac,
    })
}

fn misbehave(cloud: &FakeCloud, what: Misbehaviour, mut words: Words<'_>) -> Result<(), Box<dyn Error>> {
    let times = words.next()?;
    cloud.misbehave(what).on(words.rest()).times(times);
    Ok(())
}

/// A line, word by word.
pub(crate) struct Words<'a>(pub(crate) &'a str);

impl<'a> Words<'a> {
    pub(crate) fn text(&mut self) -> Result<&'a str, Box<dyn Error>> {
        let (word, rest) = self.0.split_once(char::is_whitespace).unwrap_or((self.0, ""));
        self.0 = rest.trim_start();
        if word.is_empty() { Err("the command is not complete".into()) } else { Ok(word) }
    }

    pub(crate) fn next<T: FromStr<Err: Error + 'static>>(&mut self) -> Result<T, Box<dyn Error>> {
        Ok(self.text()?.parse()?)
    }

    pub(crate) fn site(&mut self) -> Result<Option<SiteId>, Box<dyn Error>> {
        match self.text()? {
            "-" => Ok(None),
            text => Ok(Some(text.parse()?)),
        }
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a str {
        std::mem::take(&mut self.0).trim()
    }

    /// Everything that is left as JSON; null when it is nothing.
    pub(crate) fn json(&mut self) -> Result<Value, Box<dyn Error>> {
        let text = self.rest();
        if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(text)?) }
    }
}
