//! A stage for `fogpilot`: a whole estate around it, a folder of its own, and the questions a story asks afterwards.

use std::collections::BTreeSet;

use e2e::{Running, testkit_program};
use serde_json::Value;
use testkit::conductor::{ConductorSettings, Pace};
use testkit::estate::{EstateSettings, WholeEstate};
use tokio::runtime::Runtime;

use super::*;

/// An estate, and `fogpilot` beside it. Needs root: the conductor has its documented ports, and a real OpenSSH server in front
/// of its command line.
pub(super) struct Stage {
    // the estate ends before the runtime it lives on
    estate: WholeEstate,
    runtime: Runtime,
    home: tempfile::TempDir,
    told: Value,
}

impl Stage {
    /// Starts the estate, routers coming up in moments.
    pub(super) fn start(settings: EstateSettings) -> Self {
        let moments = Pace { completed: Duration::from_millis(200), running: Duration::from_millis(600) };
        let conductor = ConductorSettings { pace: moments, ..settings.conductor };
        let settings = EstateSettings { documented_ports: true, conductor, ..settings };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let home = tempfile::tempdir().unwrap();
        let ssh = home.path().join("ssh");
        fs::create_dir(&ssh).unwrap();
        let inside = runtime.enter();
        let mut estate = runtime.block_on(WholeEstate::start(settings)).unwrap();
        estate.serve_ssh(&ssh, &testkit_program("fogbell-testkit-pcli")).unwrap();
        drop(inside);
        let told = estate.write(home.path()).unwrap();
        Self { estate, runtime, home, told }
    }

    /// The estate, and its judge.
    pub(super) const fn estate(&self) -> &WholeEstate {
        &self.estate
    }

    /// Opens or closes a port of the conductor's first node.
    pub(super) fn set_port(&self, number: u16, open: bool) {
        self.set_port_of(0, number, open);
    }

    /// Opens or closes a port of a node of the conductor.
    pub(super) fn set_port_of(&self, node: usize, number: u16, open: bool) {
        self.runtime.block_on(self.estate.conductor().set_port(node, number, open)).unwrap();
    }

    /// Restarts these nodes of the conductor.
    pub(super) fn restart(&self, nodes: &[usize]) {
        self.runtime.block_on(self.estate.conductor().restart_nodes(nodes)).unwrap();
    }

    /// The folder in which `fogpilot` runs: the files of the estate are here.
    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where something is, as in `/mist/host`.
    pub(super) fn told(&self, pointer: &str) -> &str {
        self.told
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("{pointer}: {}", self.told))
    }

    /// Runs `fogpilot` to its end, without a terminal. What it says is looked through for secrets.
    pub(super) fn ask(&self, arguments: &[&str]) -> Answer {
        let answer = ask(self.home(), arguments, b"");
        let said = format!("{}{}", answer.out, answer.said);
        assert_eq!(self.secrets_in(said.as_bytes()), [] as [&str; 0], "{arguments:?}");
        answer
    }

    /// Starts `fogpilot`, to be watched, interrupted or killed.
    pub(super) fn begin(&self, arguments: &[&str]) -> Running {
        // who is not waited for is not forked: the process is fogpilot itself
        let mut command = Command::new("setsid");
        command.arg(fogpilot_program()).args(arguments).current_dir(self.home()).env_remove("RUST_LOG");
        Running::start("fogpilot", &mut command)
    }

    /// Asks the conductor's command line by a real `ssh`.
    pub(super) fn type_in(&self, line: &str) -> Answer {
        let arguments = ["-F", self.told("/ssh/config"), self.told("/ssh/host"), line];
        Command::new("ssh").args(arguments).stdin(Stdio::null()).output().unwrap().into()
    }

    /// The kinds of secrets that are in these bytes; none may ever be.
    pub(super) fn secrets_in(&self, bytes: &[u8]) -> Vec<&'static str> {
        let all = self.secrets();
        let found = all.iter().filter(|(_, secret)| memchr::memmem::find(bytes, secret.as_bytes()).is_some());
        found.map(|(kind, _)| *kind).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The files below `folder` that hold a secret, and which kind.
    pub(super) fn files_with_secrets(&self, folder: &Path) -> Vec<(PathBuf, &'static str)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                found.extend(self.files_with_secrets(&path));
            } else if path.is_file() {
                let bytes = fs::read(&path).unwrap();
                found.extend(self.secrets_in(&bytes).into_iter().map(|kind| (path.clone(), kind)));
            }
        }
        found
    }

    /// Everything that is secret here by now.
    fn secrets(&self) -> Vec<(&'static str, String)> {
        let (cloud, conductor) = (self.estate.cloud(), self.estate.conductor());
        let mut all = vec![
            ("API token", cloud.token(self.estate.org())),
            ("API token that reads", cloud.read_token(self.estate.org())),
            ("password of the conductor", conductor.password().to_owned()),
        ];
        let routers = conductor.running()["authority"]["router"].as_array().cloned().unwrap_or_default();
        let secret = |router: &Value| {
            let place = router.pointer("/system/secure-conductor-onboarding/pre-shared-secret")?;
            Some(("pre-shared secret", place.as_str()?.to_owned()))
        };
        all.extend(routers.iter().filter_map(secret));
        for (site, _) in cloud.sites(self.estate.org()).unwrap() {
            let token =
                cloud.site_ssr(site).and_then(|ssr| Some(ssr["conductor_token"].as_str()?.to_owned()));
            all.extend(token.filter(|token| !token.is_empty()).map(|token| ("onboarding token", token)));
        }
        all
    }
}
