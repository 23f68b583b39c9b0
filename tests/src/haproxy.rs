//! haproxy in front of the relay.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use crate::curl::Curl;
use crate::ports::free_port;
use crate::running::Running;
use crate::wait::{DEADLINE, wait_until};

/// A real haproxy on 127.0.0.1 with one way through.
#[derive(Debug)]
pub struct Haproxy {
    _folder: TempDir,
    address: SocketAddr,
    running: Running,
}

impl Haproxy {
    /// Starts one with these further sections of its configuration, in which `FRONT` stands for the address to bind, and
    /// `PEM` for a file with this certificate and key; returns when it serves.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start(sections: &str, pem: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let file = |name: &str| folder.path().join(name);
        let [front, alive] = [free_port(), free_port()].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let sections = sections
            .replace("FRONT", &front.to_string())
            .replace("PEM", &file("front.pem").display().to_string());
        let config = format!(
            "global\n  maxconn 500\ndefaults\n  mode http\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n\
             frontend alive\n  bind {alive}\n  http-request return status 200\n{sections}"
        );
        fs::write(file("front.pem"), pem).expect("a temporary file can be written");
        fs::write(file("haproxy.cfg"), config).expect("a temporary file can be written");
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file("haproxy.cfg"));
        let mut running = Running::start("haproxy", &mut command);
        let alive = Curl::new(&format!("http://{alive}/"));
        let serves = wait_until(DEADLINE, || !running.is_running() || alive.run().status == 200);
        if !serves || !running.is_running() {
            running.give_up("does not serve");
        }
        Self { _folder: folder, address: front, running }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `https://IP:PORT` and `path` behind it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// The process.
    #[must_use]
    pub const fn process(&mut self) -> &mut Running {
        &mut self.running
    }
}
