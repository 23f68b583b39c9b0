//! A Debian with the package, and receivers of what the relay on it delivers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use e2e::{
    Config, Curl, DEADLINE, Response, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup, free_port, sign,
    wait_until,
};

use crate::debian::Debian;

/// The two versions of the package.
pub(crate) const OLD: &str = "/packages/fogbell_0.1.0~old_amd64.deb";
pub(crate) const NEW: &str = "/packages/fogbell_0.1.0_amd64.deb";

/// What the relay and the NMS share; snmptrapd takes no space in it.
const COMMUNITY: &str = "installed";

/// All of it.
pub(crate) struct Scene {
    pub(crate) debian: Debian,
    pub(crate) nms: Snmptrapd,
    pub(crate) siem: Rsyslog,
    pub(crate) port: u16,
}

impl Scene {
    /// Boots the Debian; nothing is installed.
    pub(crate) fn new() -> Self {
        let communities = vec![COMMUNITY.to_owned()];
        let nms = Snmptrapd::start(&SnmptrapdSetup { communities, ..Default::default() });
        let siem = Rsyslog::start(&RsyslogSetup::default());
        Self { debian: Debian::boot(), nms, siem, port: free_port() }
    }

    /// Sets the relay up as the README says: from the example, with the port and the receivers of this scene.
    pub(crate) fn configure(&self) {
        let Self { debian, nms, siem, port } = self;
        let example = debian.run(&["cat", "/usr/share/doc/fogbell/examples/fogbell.toml"]);
        let config = example.replace("192.0.2.50:162", &nms.address()).replace("192.0.2.60:514", &siem.tcp());
        assert_ne!(config, example);
        let own = format!(
            "\n[listen]\naddress = \"[::]:{port}\"\n\n[admin]\naddress = \"127.0.0.1:{}\"\n\n[gate]\nnetworks = [\"127.0.0.0/8\"]\n",
            free_port()
        );
        debian.write("/etc/fogbell/fogbell.toml", &(config + &own));
        debian.write("/etc/fogbell/webhook.secret", Config::SECRET);
        debian.write("/etc/fogbell/community", COMMUNITY);
        debian.shell(
            "chown root:fogbell /etc/fogbell/fogbell.toml; chmod 640 /etc/fogbell/fogbell.toml; cd /etc/fogbell; \
             chown fogbell:fogbell webhook.secret community; chmod 600 webhook.secret community",
        );
        let socket = format!("[Socket]\nListenStream=\nListenStream={port}\n");
        debian.write("/etc/systemd/system/fogbell.socket.d/port.conf", &socket);
        debian.run(&["systemctl", "daemon-reload"]);
    }

    /// Posts a signed alarm that no other call posts.
    pub(crate) fn post(&self, number: usize) -> Response {
        let body = format!(
            r#"{{"topic":"alarms","events":[{{"id":"00000000-0000-4000-8000-{number:012}","type":"device_down","severity":"critical",
            "timestamp":1767323045,"org_id":"2818e386-8dec-4562-9ede-5b8a0fbbdc71","count":1,"aps":["5c5b35{number:06}"]}}]}}"#
        );
        let request = Curl::new(&format!("https://127.0.0.1:{}{}", self.port, Config::PATH))
            .danger_insecure()
            .body(body.as_str());
        request.header("X-Mist-Signature-v2", &sign(Config::SECRET, body.as_bytes())).run()
    }

    /// Posts one alarm, which both receivers must get as their `number`th.
    pub(crate) fn deliver(&self, number: usize) {
        let answer = self.post(number);
        assert_eq!((answer.status, answer.exit), (200, 0), "{}", answer.said);
        let device = format!("5c5b35{number:06}");
        let arrived = || {
            let mut texts = self.nms.traps().into_iter().flat_map(|trap| trap.varbinds);
            texts.any(|varbind| varbind.value.text().contains(&device))
                && self.siem.lines().iter().any(|line| line.data.contains(&device))
        };
        assert!(
            wait_until(DEADLINE, arrived),
            "{device} did not arrive at both; {} traps, {} lines; {}",
            self.nms.traps().len(),
            self.siem.lines().len(),
            self.log()
        );
    }

    /// Posts alarms one after the other, from the given number on, while `work` is done, each until it is answered, as Mist
    /// does. A program that ends may cut off what it has not answered; but nobody finds the port closed. The next free number.
    pub(crate) fn posting(&self, from: usize, work: impl FnOnce()) -> usize {
        let (done, next) = (AtomicBool::new(false), AtomicUsize::new(from));
        thread::scope(|scope| {
            let posting = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let answer = self.post(next.load(Ordering::Relaxed));
                    // 7: nobody listens
                    assert_ne!(answer.exit, 7, "{}", answer.said);
                    if answer.exit == 0 {
                        assert_eq!(answer.status, 200, "{}", answer.said);
                        next.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
            work();
            done.store(true, Ordering::Relaxed);
            posting.join().unwrap();
        });
        let next = next.into_inner();
        assert!(next > from + 1, "nothing was posted meanwhile");
        next
    }

    /// What the relay said.
    pub(crate) fn log(&self) -> String {
        self.debian.try_run(&["journalctl", "--no-pager", "-u", "fogbell"]).said
    }

    /// A property of the unit, as systemd knows it.
    pub(crate) fn property(&self, name: &str) -> String {
        let said = self.debian.run(&["systemctl", "show", "fogbell.service", "--value", "--property", name]);
        said.trim().to_owned()
    }

    pub(crate) fn is_active(&self) -> bool {
        self.debian.try_run(&["systemctl", "is-active", "--quiet", "fogbell.service"]).code == 0
    }

    /// Starts it for good, as an administrator does.
    pub(crate) fn enable(&self) {
        self.debian.run(&["systemctl", "enable", "--now", "fogbell.service"]);
        assert!(self.is_active(), "{}", self.log());
    }

    /// The configuration as it is on the disk, with owners, modes and times.
    pub(crate) fn configuration(&self) -> String {
        self.debian.shell(
            "find /etc/fogbell /etc/systemd/system/fogbell.socket.d -printf '%y %m %u %g %T@ %p\\n' | sort; \
             find /etc/fogbell -type f | sort | xargs sha256sum",
        )
    }
}
