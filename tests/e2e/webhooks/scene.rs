//! A cloud, a relay that it posts to, and what is asked of both.

use std::fs;
use std::path::PathBuf;

use e2e::{Answer, Config, Fogbell, ask_fogbell_in, free_port};
use serde_json::Value;
use tempfile::TempDir;
use testkit::Trust;
use testkit::cloud::{CloudSettings, Estate, FakeCloud, NewWebhook};
use testkit::ids::OrgId;
use tokio::runtime::Runtime;

/// Which token the relay has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum May {
    Read,
    Write,
}

pub(crate) struct Scene {
    pub(crate) runtime: Runtime,
    pub(crate) cloud: FakeCloud,
    pub(crate) org: OrgId,
    pub(crate) relay: Fogbell,
    pub(crate) folder: TempDir,
}

impl Scene {
    /// A relay whose configuration `more` is added to, and a cloud that trusts its certificate.
    pub(crate) fn with(may: May, more: impl FnOnce(Config) -> Config) -> Self {
        Self::that_trusts(true, may, more)
    }

    /// The same with a cloud that trusts the certificate of the relay or not.
    pub(crate) fn that_trusts(trusts: bool, may: May, more: impl FnOnce(Config) -> Config) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let first = Config::new().set("listen", "address", &format!("\"127.0.0.1:{port}\"")).set(
            "listen",
            "public_url",
            &format!("\"https://127.0.0.1:{port}\""),
        );
        // the certificate is made with its folder, and the cloud must trust it from the start
        first.write(folder.path());
        let ca = fs::read_to_string(folder.path().join("certs/ca.pem")).unwrap();
        let trust = trusts.then(|| Trust::pem(&ca).unwrap());
        let settings = CloudSettings { estate: Estate::small(11), trust, ..CloudSettings::default() };
        let cloud = runtime.block_on(FakeCloud::start(settings)).unwrap();
        let org = cloud.organisations()[0];
        let cloud_ca: PathBuf = folder.path().join("cloud.pem");
        fs::write(&cloud_ca, cloud.ca_pem()).unwrap();
        let token = match may {
            May::Read => cloud.read_token(org),
            May::Write => cloud.token(org),
        };
        let config = more(first.api(&cloud.base_host(), &org.to_string(), &token, &cloud_ca));
        let relay = Fogbell::start_in(folder.path(), &config);
        Self { runtime, cloud, org, relay, folder }
    }

    /// Runs `fogbell` with the relay's configuration.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Answer {
        ask_fogbell_in(self.folder.path(), arguments)
    }

    /// What `fogbell … --json` says, and its exit code.
    pub(crate) fn told(&self, arguments: &[&str]) -> (Value, i32) {
        let answer = self.ask(&[arguments, &["--json"]].concat());
        let told = serde_json::from_str(&answer.out);
        (told.unwrap_or_else(|_| panic!("{arguments:?}: {}{}", answer.out, answer.said)), answer.code)
    }

    /// The URL that the relay is told by.
    pub(crate) fn url(&self) -> String {
        self.relay.url(Config::PATH)
    }

    /// A webhook that points here and is as it should be.
    pub(crate) fn good(&self) -> NewWebhook {
        let topics = ["alarms", "audits", "device-events", "device-updowns", "mxedge-events"];
        NewWebhook::new(&self.url(), Config::SECRET.as_bytes(), &topics)
    }

    /// Makes a webhook; its id.
    pub(crate) fn add(&self, webhook: NewWebhook) -> String {
        self.cloud.add_webhook(self.org, webhook).unwrap()
    }

    /// How many calls changed something in Mist.
    pub(crate) fn writes(&self) -> usize {
        self.cloud.calls().iter().filter(|call| !["GET", "HEAD"].contains(&call.method.as_str())).count()
    }
}
