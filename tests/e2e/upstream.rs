//! What the relay knows from Mist: names, what it missed, what is over. Mist is a fake that keeps state.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use e2e::{
    Config, Curl, DEADLINE, FakeClock, Fogbell, Parameters, Rsyslog, RsyslogSetup, Showing, free_port,
    wait_until,
};
use tempfile::TempDir;
use testkit::Trust;
use testkit::cloud::{CloudSettings, Estate, FakeCloud, Misbehaviour, NewWebhook};
use testkit::ids::{Mac, OrgId, Timestamp};
use tokio::runtime::Runtime;

mod samples;

const ENTERPRISE: u32 = 32_473;

/// A cloud, a relay that it posts to and that asks it, and a receiver.
struct Scene {
    runtime: Runtime,
    cloud: FakeCloud,
    org: OrgId,
    siem: Rsyslog,
    folder: TempDir,
    relay: Fogbell,
}

impl Scene {
    fn start() -> Self {
        Self::with(Estate::small(11), |config| config)
    }

    /// A cloud that has `estate`, and a relay whose configuration `more` is added to.
    fn with(estate: Estate, more: impl FnOnce(Config) -> Config) -> Self {
        Self::beside(estate, |_| (), more)
    }

    /// The same, of a cloud that is made ready before the relay asks it anything.
    fn beside(estate: Estate, prepare: impl FnOnce(&FakeCloud), more: impl FnOnce(Config) -> Config) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let siem = Rsyslog::start(&RsyslogSetup::default());
        // the relay's certificate is made with its folder, and the cloud must trust it from the start
        let port = free_port();
        let first = Config::new().set("listen", "address", &format!("\"127.0.0.1:{port}\""));
        first.write(folder.path());
        let trust = Trust::pem(&fs::read_to_string(folder.path().join("certs/ca.pem")).unwrap()).unwrap();
        let settings = CloudSettings { estate, trust: Some(trust), ..CloudSettings::default() };
        let cloud = runtime.block_on(FakeCloud::start(settings)).unwrap();
        prepare(&cloud);
        let org = cloud.organisations()[0];
        let ca: PathBuf = folder.path().join("cloud.pem");
        fs::write(&ca, cloud.ca_pem()).unwrap();
        let config = first.api(&cloud.base_host(), &org.to_string(), &cloud.read_token(org), &ca).syslog(
            "siem",
            &siem.tcp(),
            "tcp",
        );
        let relay = Fogbell::start_in(folder.path(), &more(config));
        Self { runtime, cloud, org, siem, folder, relay }
    }

    fn webhook(&self, topics: &[&str]) -> NewWebhook {
        NewWebhook::new(&self.relay.url(Config::PATH), Config::SECRET.as_bytes(), topics)
    }

    fn devices(&self, kind: &str) -> Vec<(Mac, String)> {
        let devices = self.cloud.devices(self.org).unwrap();
        devices.into_iter().filter(|it| it.kind.name() == kind).map(|it| (it.mac, it.name.into())).collect()
    }

    /// Waits until the relay has read all names.
    fn wait_names(&self) {
        let read = || self.cloud.calls_to("/const/system_events").len();
        assert!(wait_until(DEADLINE, || read() > 0), "the relay reads the definitions last");
        // what it was told last is interpreted before anything that comes now
    }

    fn said(&self, count: usize) -> Vec<Parameters> {
        self.siem.wait_lines(count).iter().map(|line| line.parameters(ENTERPRISE)).collect()
    }
}

fn bare(kind: &str, mac: Mac, time: i64) -> String {
    format!(r#"{{"topic":"device-events","events":[{{"type":"{kind}","mac":"{mac}","timestamp":{time}}}]}}"#)
}

#[test]
fn names_come_from_mist_and_from_disk_when_it_is_gone() {
    let mut scene = Scene::start();
    let (mac, name) = scene.devices("switch")[0].clone();
    scene.wait_names();
    let mut posted = 0;
    let named = wait_until(DEADLINE, || {
        posted += 1;
        scene.relay.deliver(&bare("SW_CONFIG_CHANGED_BY_USER", mac, 1_767_000_000 + posted));
        let said = scene.said(usize::try_from(posted).unwrap());
        said.last().unwrap().get("device") == Some(&name)
    });
    assert!(named, "the first events may come before the names");

    scene.runtime.block_on(scene.cloud.close());
    scene.relay.kill9();
    scene.relay.start_again();
    scene.relay.deliver(&bare("SW_CONFIG_CHANGED_BY_USER", mac, 1_767_100_000));
    let said = scene.said(usize::try_from(posted).unwrap() + 1);
    let last = said.last().unwrap();
    assert_eq!(last.get("device"), Some(&name));
    let sites = scene.cloud.sites(scene.org).unwrap();
    assert!(sites.iter().any(|(_, site)| Some(site) == last.get("site")), "{last:?}");
    for said in ["names are known from before this start", "reading the directory fails"] {
        let line = scene.relay.process().wait_line(said, |line| line.contains(said));
        assert!(line.contains("acme"), "{line}");
    }
    drop(scene.folder);
}

#[test]
fn what_happens_while_the_relay_is_away_arrives_once_and_marked() {
    let mut scene = Scene::start();
    let webhook = scene.webhook(&["alarms", "device-updowns"]);
    let webhook = scene.cloud.add_webhook(scene.org, webhook).unwrap();
    let (before, _) = scene.devices("ap")[0].clone();
    let gap: Vec<Mac> = scene.devices("ap")[1..4].iter().map(|(mac, _)| *mac).collect();

    scene.runtime.block_on(scene.cloud.alarm("rogue_ap", &[before])).unwrap();
    assert_eq!(scene.said(1)[0]["origin"], "webhook");
    scene.relay.sigterm();
    assert!(scene.relay.wait_exit(Duration::from_secs(20)).success());
    for mac in &gap {
        scene.runtime.block_on(scene.cloud.alarm("vc_master_changed", &[*mac])).unwrap();
    }
    let failed = |row: &serde_json::Value| row["status"] == "failure";
    assert!(scene.cloud.delivery_log(&webhook).iter().filter(|row| failed(row)).count() >= gap.len());
    scene.relay.start_again();

    let said = scene.said(1 + gap.len());
    let filled: Vec<_> = said[1..].iter().map(|it| (it["type"].as_str(), it["origin"].as_str())).collect();
    assert_eq!(filled, vec![("vc_master_changed", "backfill"); gap.len()]);
    // and what comes now is no repeat of it
    let (mac, _) = scene.devices("switch")[0].clone();
    scene.runtime.block_on(scene.cloud.alarm("sw_bad_optics", &[mac])).unwrap();
    let said = scene.said(2 + gap.len());
    assert_eq!(
        (said.last().unwrap()["type"].as_str(), said.last().unwrap()["origin"].as_str()),
        ("sw_bad_optics", "webhook")
    );
}

#[test]
fn a_clear_that_never_came_is_found_out() {
    let mut scene = Scene::start();
    let (mac, name) = scene.devices("ap")[0].clone();
    // it went down a quarter of an hour ago, and nobody told that it is up again
    let down = Timestamp::now().micros() / 1_000_000 - 900;
    let body = format!(
        r#"{{"topic":"device-updowns","events":[{{"type":"AP_DISCONNECTED","mac":"{mac}","device_name":"{name}","timestamp":{down}}}]}}"#
    );
    scene.relay.deliver(&body);
    assert_eq!(scene.said(1)[0]["state"], "raised");
    // what was heard just now is believed for five minutes; a relay whose clock is ahead has heard it long ago
    scene.relay.sigterm();
    assert!(scene.relay.wait_exit(Duration::from_secs(20)).success());
    let clock = FakeClock::new();
    clock.set(Showing::Ahead(Duration::from_secs(600)));
    scene.relay.start_again_under(&clock.wrapper().iter().map(String::as_str).collect::<Vec<_>>());

    let cleared = wait_until(Duration::from_secs(60), || {
        scene.siem.lines().len() >= 2 // half a minute behind the start
    });
    assert!(cleared, "{:?}", scene.relay.process().lines());
    let said = scene.said(2);
    assert_eq!((said[1]["state"].as_str(), said[1]["origin"].as_str()), ("cleared", "reconcile"));
    assert_eq!(said[1]["key"], said[0]["key"]);
}

#[test]
fn no_webhook_is_refused_or_kept_waiting_whatever_the_api_does() {
    for what in [
        Misbehaviour::Silence,
        Misbehaviour::Status(401),
        Misbehaviour::Status(429),
        Misbehaviour::Status(500),
        Misbehaviour::HalfThenReset,
        Misbehaviour::Garbage,
    ] {
        // from the start: a token that was taken once is not asked about again within the hour
        let misbehave = |cloud: &FakeCloud| cloud.misbehave(what.clone()).always();
        let mut scene = Scene::beside(Estate::small(11), misbehave, |config| config);
        let (mac, _) = scene.devices("ap")[0].clone();
        for n in 0..20 {
            // the posts of a story wait three seconds for an answer, and no longer
            scene.relay.deliver(&bare("AP_CONFIG_CHANGED_BY_USER", mac, 1_767_000_000 + n));
        }
        // a token that is refused is told too
        let own = usize::from(what == Misbehaviour::Status(401));
        let said = scene.said(20 + own);
        let tokens = said.iter().filter(|alert| alert["type"] == "api_token_invalid").count();
        assert_eq!((said.len(), tokens), (20 + own, own), "{what:?}");
        if what != Misbehaviour::Silence {
            let told =
                |log: &[String]| log.iter().filter(|it| it.contains("reading the directory fails")).count();
            assert!(wait_until(DEADLINE, || told(&scene.relay.process().lines()) > 0), "{what:?}");
            assert!(wait_until(DEADLINE, || !scene.cloud.calls().is_empty()), "{what:?}");
            assert!(told(&scene.relay.process().lines()) <= 2, "{what:?} is said once");
        }
        assert_eq!(Curl::new(&scene.relay.admin_url("/readyz")).run().status, 200);
    }
}
