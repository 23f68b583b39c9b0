//! The log: what is in it, in which form, and what never is.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use e2e::{Config, Curl, DEADLINE, Running, fogbell_program, free_port, sign, wait_until};
use serde_json::{Map, Value};
use tempfile::TempDir;

mod lines;
mod needs_root;

/// A relay whose log is what the story is about: nothing of it is needed to know where it listens.
struct Logged {
    home: TempDir,
    address: String,
    running: Running,
}

impl Logged {
    /// Starts one under `wrapper`, and waits until it accepts webhooks. A sink of it is away.
    fn start(wrapper: &[&str], arguments: &[&str], filter: &str) -> Self {
        let home = TempDir::new().unwrap();
        let (port, away) = (free_port(), free_port());
        let config = Config::new().set("listen", "address", &format!("\"127.0.0.1:{port}\"")).syslog(
            "siem",
            &format!("127.0.0.1:{away}"),
            "tcp",
        );
        config.write(home.path());
        let address = format!("127.0.0.1:{port}");
        let running = run(home.path(), wrapper, arguments, filter);
        assert!(wait_until(DEADLINE, || std::net::TcpStream::connect(&address).is_ok()));
        Self { home, address, running }
    }

    /// Posts a body to `path` with a signature by `secret`; the status.
    fn post(&self, path: &str, secret: &str) -> u16 {
        let url = format!("https://{}{path}", self.address);
        let request = Curl::new(&url).ca(&self.home.path().join("certs/ca.pem")).body(BODY);
        request.header("X-Mist-Signature-v2", &sign(secret, BODY.as_bytes())).run().status
    }

    /// Posts something that is taken, and two requests that are refused.
    fn posts(&self) {
        assert_eq!(self.post(Config::PATH, Config::SECRET), 200);
        assert_eq!(self.post(Config::PATH, "another"), 401);
        assert_eq!(self.post("/elsewhere", Config::SECRET), 404);
    }
}

fn run(home: &Path, wrapper: &[&str], arguments: &[&str], filter: &str) -> Running {
    let program = fogbell_program();
    let mut words: Vec<&std::ffi::OsStr> = wrapper.iter().map(std::ffi::OsStr::new).collect();
    words.push(program.as_ref());
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg("run").args(arguments).arg("--config").arg(home.join("fogbell.toml"));
    command.env_remove("FOGBELL_LOG").env_remove("JOURNAL_STREAM").env("RUST_LOG", filter);
    Running::start("fogbell", &mut command)
}

/// A body with a word that no log has unless bodies are logged.
const BODY: &str = r#"{"topic":"alarms","events":[{"id":"1","type":"device_down","timestamp":1767323045,"hostnames":["payload-canary"]}]}"#;

const CANARY: &str = "payload-canary";
