//! What is known from Mist, asked of a fake cloud that keeps state and misbehaves.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod inbox;

use std::time::Duration;

use alarm::{Origin, State};
use fogbell_upstream::{Organisation, Pace, Upstream};
use ids::{Mac, OrgId, Timestamp};
use inbox::Recorder;
use mist::{ApiToken, Client, Settings};
use serde_json::json;
use testkit::cloud::{CloudSettings, Estate, FakeCloud, MarvisState, Misbehaviour, NewWebhook, Posting};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// A cloud and what was asked of it.
struct Scene {
    cloud: FakeCloud,
    org: OrgId,
    inbox: Recorder,
}

impl Scene {
    async fn new() -> Self {
        let settings = CloudSettings { estate: Estate::small(7), ..CloudSettings::default() };
        Self::with(settings).await
    }

    async fn with(settings: CloudSettings) -> Self {
        let cloud = FakeCloud::start(settings).await.unwrap();
        let org = cloud.organisations()[0];
        Self { cloud, org, inbox: Recorder::default() }
    }

    /// Asks until the handle is dropped.
    fn ask(&self, away_since: Option<Timestamp>) -> Asking {
        let token = ApiToken::new(self.cloud.read_token(self.org)).unwrap();
        let mut settings = Settings::new(self.cloud.base_host().parse().unwrap(), token);
        settings.ca = Some(self.cloud.ca_pem().into());
        settings.answer_timeout = Duration::from_secs(2);
        settings.retry.first_pause = Duration::from_millis(10);
        let client = Client::new(settings).unwrap();
        let organisation =
            Organisation { name: "acme".into(), id: self.org, client, path: "/v1/mist".into() };
        let quick = Duration::from_millis(200);
        let pace = Pace {
            refresh: quick,
            reconcile: quick,
            first_reconcile: quick,
            backfill: quick,
            retry: Duration::from_millis(20),
            ..Pace::default()
        };
        let (unnamed, stream) = mpsc::channel(16);
        let upstream = Upstream::new(organisation, self.inbox.clone(), 100, away_since).at(pace);
        Asking { task: tokio::spawn(upstream.run(stream)), unnamed }
    }

    /// The devices that have a kind.
    fn devices(&self, kind: &str) -> Vec<(Mac, String)> {
        let devices = self.cloud.devices(self.org).unwrap();
        let of_kind = devices.into_iter().filter(|it| it.kind.name() == kind);
        of_kind.map(|it| (it.mac, it.name.into())).collect()
    }

    /// A webhook to a relay that is not there.
    fn webhook_to_nobody(&self) -> String {
        let topics = ["alarms", "device-updowns", "device-events", "audits"];
        let new = NewWebhook::new("https://127.0.0.1:9/v1/mist", b"secret", &topics);
        self.cloud.add_webhook(self.org, new).unwrap()
    }
}

struct Asking {
    task: JoinHandle<()>,
    unnamed: mpsc::Sender<alarm::Unnamed>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits until `done`, at most half a minute.
async fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "{what} within half a minute");
        sleep(Duration::from_millis(5)).await;
    }
}

fn ago(secs: i64) -> Timestamp {
    Timestamp::from_micros(Timestamp::now().micros() - secs * 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_site_and_device_is_named_and_what_changes_is_learned() {
    let scene = Scene::new().await;
    let asking = scene.ask(None);

    until("all is read", || scene.inbox.is_read()).await;
    for (kind, event) in [("ap", "AP_CONFIGURED"), ("switch", "SW_CONFIGURED"), ("gateway", "GW_CONFIGURED")]
    {
        for (mac, name) in scene.devices(kind) {
            let alert = scene.inbox.post_event(event, mac);
            assert_eq!((alert.device.as_str(), alert.device_type.as_str()), (name.as_str(), kind));
            let sites = scene.cloud.sites(scene.org).unwrap();
            assert!(sites.iter().any(|(_, site)| *site == alert.site), "{} of {name}", alert.site);
        }
    }

    let (mac, _) = scene.devices("switch")[0].clone();
    scene.cloud.rename_device(mac, "renamed").unwrap();
    until("the new name", || scene.inbox.post_event("SW_STP_TOPO_CHANGED", mac).device == "renamed").await;
    drop(asking);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_met_without_a_name_is_looked_up_once() {
    let scene = Scene::new().await;
    let (mac, name) = scene.devices("ap")[0].clone();
    let asking = scene.ask(None);
    until("all is read", || scene.inbox.is_read()).await;
    // a device that came behind the reading
    let unknown: Mac = "02aabbccddee".parse().unwrap();
    for _ in 0..5 {
        asking.unnamed.send(alarm::Unnamed::Device(unknown)).await.unwrap();
        asking.unnamed.send(alarm::Unnamed::Device(mac)).await.unwrap();
    }

    let asked = || scene.cloud.calls().iter().filter(|call| call.query.contains("02aabbccddee")).count();
    until("a lookup", || asked() > 0).await;

    assert_eq!(scene.inbox.post_event("AP_CONFIGURED", mac).device, name);
    assert_eq!(asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_that_is_met_is_named() {
    let scene = Scene::new().await;
    let (site, _) = scene.cloud.sites(scene.org).unwrap()[0].clone();
    let zone = |map: &str, n: u64| json!([{"trigger": "enter", "type": "wifi", "site_id": site.to_string(), "map_id": map, "zone_id": "z", "id": n.to_string(), "timestamp": 1_700_000_000}]);
    let asking = scene.ask(None);
    until("all is read", || scene.inbox.is_read()).await;
    asking.unnamed.send(alarm::Unnamed::Map(site.to_string(), "m".into())).await.unwrap();

    until("the maps", || !scene.cloud.calls_to("/maps").is_empty()).await;
    let maps = || scene.inbox.maps();
    until("the names of maps", || !maps().is_empty()).await;
    let (id, name) = maps()[0].clone();
    let alert = scene.inbox.post_at(Timestamp::now(), "zone", &zone(&id, 1)).remove(0);
    assert_eq!(alert.reason, format!("map {name}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_the_gap_arrives_once_and_marked() {
    let scene = Scene::new().await;
    let webhook = scene.webhook_to_nobody();
    let aps = scene.devices("ap");
    let switches = scene.devices("switch");
    // ten minutes in which nobody listened
    scene.cloud.set_clock(-550);
    scene.cloud.device_down(aps[0].0).await.unwrap();
    scene.cloud.alarm("sw_alarm_chassis_psu", &[switches[0].0]).await.unwrap();
    scene.cloud.alarm("rogue_ap", &[aps[1].0]).await.unwrap();
    scene.cloud.marvis("bad_cable", switches[1].0, MarvisState::Open).await.unwrap();
    scene.cloud.post(Posting::Lost);
    scene.cloud.set_clock(-300);
    scene.cloud.port_down(switches[0].0, "ge-0/0/1").await.unwrap();
    scene.cloud.alarm("vc_master_changed", &[switches[0].0]).await.unwrap();
    scene.cloud.post(Posting::Once);
    scene.cloud.set_clock(0);
    assert!(!scene.cloud.delivery_log(&webhook).is_empty());

    let asking = scene.ask(Some(ago(600)));
    let has = |kind: &str| scene.inbox.alerts().iter().filter(|alert| alert.kind == kind).count();
    for kind in ["device_down", "sw_alarm_chassis_psu", "rogue_ap", "vc_master_changed", "SW_PORT_DOWN"] {
        until(kind, || has(kind) > 0).await;
    }
    let passed = scene.inbox.alerts().len();
    until("another look", || scene.cloud.calls_to("/events/search").len() > 6).await;
    drop(asking);

    let alerts = scene.inbox.alerts();
    assert_eq!(alerts.len(), passed, "nothing comes twice");
    for kind in ["device_down", "sw_alarm_chassis_psu", "rogue_ap", "vc_master_changed", "SW_PORT_DOWN"] {
        assert_eq!(has(kind), 1, "{kind}");
    }
    assert!(alerts.iter().any(|alert| alert.group == "marvis" && alert.state == State::Raised));
    assert!(alerts.iter().all(|alert| alert.origin == Origin::Backfill), "{alerts:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_that_could_not_be_fetched_is_fetched_after_the_next_start() {
    let scene = Scene::new().await;
    scene.webhook_to_nobody();
    let (switch, _) = scene.devices("switch")[0].clone();
    scene.cloud.set_clock(-550);
    scene.cloud.port_down(switch, "ge-0/0/1").await.unwrap();
    scene.cloud.set_clock(0);
    scene.cloud.close().await;

    // the relay was away, cannot ask, and is started again after something else had come
    let asking = scene.ask(Some(ago(600)));
    until("the gap is written down", || scene.inbox.filled_until().is_some()).await;
    drop(asking);
    scene.cloud.open().await.unwrap();
    let asking = scene.ask(Some(ago(1)));
    until("the port is told", || scene.inbox.alerts().iter().any(|it| it.kind == "SW_PORT_DOWN")).await;
    until("it is not a gap any more", || scene.inbox.filled_until().is_some_and(|at| at > ago(60))).await;
    drop(asking);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_posted_is_not_fetched_once_more() {
    let scene = Scene::new().await;
    let webhook = scene.webhook_to_nobody();
    let (ap, _) = scene.devices("ap")[0].clone();
    scene.cloud.alarm("rogue_ap", &[ap]).await.unwrap();
    // the relay had it all the same, and its answer was lost
    for row in scene.cloud.delivery_log(&webhook) {
        scene.inbox.post_body(row["req_payload"].as_str().unwrap().as_bytes());
    }
    let before = scene.inbox.alerts().len();
    assert!(before > 0);

    let asking = scene.ask(Some(ago(60)));
    until("the log is read", || scene.cloud.calls_to("/events/search").len() > 2).await;
    until("alarms are searched", || !scene.cloud.calls_to("/alarms/search").is_empty()).await;
    until("all is read", || scene.inbox.is_read()).await;
    drop(asking);

    assert_eq!(scene.inbox.alerts().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_that_are_over_are_ended_and_others_stay() {
    let scene = Scene::new().await;
    let aps = scene.devices("ap");
    let (back, gone) = (aps[0].0, aps[1].0);
    let (switch, _) = scene.devices("switch")[0].clone();
    let old = ago(900);
    for mac in [back, gone] {
        scene.inbox.post_at(old, "device-updowns", &json!([{"type": "AP_DISCONNECTED", "mac": mac.to_string(), "timestamp": old.micros() / 1_000_000}]));
    }
    scene.inbox.post_at(old, "device-events", &json!([{"type": "SW_PORT_DOWN", "mac": switch.to_string(), "port_id": "ge-0/0/7", "timestamp": old.micros() / 1_000_000}]));
    scene.cloud.post(Posting::Lost);
    scene.cloud.device_down(gone).await.unwrap();
    scene.cloud.port_up(switch, "ge-0/0/7").await.unwrap();

    let asking = scene.ask(None);
    let cleared = || -> Vec<_> {
        let alerts = scene.inbox.alerts().into_iter().filter(|alert| alert.state == State::Cleared);
        alerts.map(|alert| (alert.mac.unwrap(), alert.origin)).collect()
    };
    until("two are over", || cleared().len() >= 2).await;
    until("asked again", || scene.cloud.calls_to("/inventory").len() > 8).await;
    drop(asking);

    let mut ended = cleared();
    ended.sort_by_key(|(mac, _)| *mac != back);
    assert_eq!(ended, [(back, Origin::Reconcile), (switch, Origin::Reconcile)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_api_does_it_is_tried_again_and_works_in_the_end() {
    for what in [
        Misbehaviour::Status(500),
        Misbehaviour::Status(401),
        Misbehaviour::Status(404),
        Misbehaviour::Html(502),
        Misbehaviour::HalfThenReset,
        Misbehaviour::BrokenJson,
        Misbehaviour::Garbage,
        Misbehaviour::WrongTypes,
        Misbehaviour::SamePage,
        Misbehaviour::EndlessPages,
    ] {
        let scene = Scene::new().await;
        scene.cloud.misbehave(what.clone()).on("/inventory").times(6);
        let asking = scene.ask(None);

        until(&format!("{what:?}"), || scene.inbox.is_read()).await;
        drop(asking);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_down_and_comes_back_is_read() {
    let scene = Scene::new().await;
    scene.cloud.close().await;
    let asking = scene.ask(None);
    tokio::task::yield_now().await;
    scene.cloud.open().await.unwrap();

    until("all is read", || scene.inbox.is_read()).await;
    drop(asking);
}
