//! rsyslog as a syslog receiver.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::certs::Certs;
use crate::machines::Machine;
use crate::ports::free_port;
use crate::running::Running;
use crate::wait::{DEADLINE, wait_for, wait_until};

/// A real `rsyslogd`, on 127.0.0.1 unless it is told otherwise, with inputs over UDP, TCP (octet-counted or newline) and TLS, and the messages
/// it wrote.
#[derive(Debug)]
pub struct Rsyslog {
    folder: TempDir,
    certs: Certs,
    host: String,
    /// Words in front of the program.
    wrapper: Vec<String>,
    udp: u16,
    tcp: u16,
    tls: u16,
    running: Option<Running>,
}

/// How it listens.
#[derive(Clone, Debug, Default)]
pub struct RsyslogSetup {
    /// Whose TLS connections it takes.
    pub tls_clients: TlsClients,
}

/// Whose TLS connections are taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TlsClients {
    /// Everybody's.
    #[default]
    Anyone,
    /// Those with a certificate of the test CA.
    Certified,
}

/// One message as rsyslog understood it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The input it came by: `udp`, `tcp` or `tls`.
    pub input: String,
    /// Facility and severity in one number.
    pub pri: String,
    /// Version of the protocol: `1` for RFC 5424, `0` else.
    pub version: String,
    /// Timestamp in RFC 3339.
    pub timestamp: String,
    /// HOSTNAME.
    pub host: String,
    /// APP-NAME.
    pub app: String,
    /// PROCID.
    pub procid: String,
    /// MSGID.
    pub msgid: String,
    /// Structured data as it came, `-` when there is none.
    pub data: String,
    /// MSG, control characters as `#012`.
    pub message: String,
    /// What its parsers made of an object of JSON (mmjsonparse) or of CEF (mmnormalize), `{}` of anything else.
    pub parsed: Value,
}

impl Rsyslog {
    /// Starts one and waits until it listens.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start(setup: &RsyslogSetup) -> Self {
        Self::start_at("127.0.0.1", &[], setup)
    }

    /// The same on a machine of its own, at one of its addresses.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start_on(machine: &Machine, address: &str) -> Self {
        Self::start_at(address, &machine.wrapper(), &RsyslogSetup::default())
    }

    fn start_at(host: &str, wrapper: &[&str], setup: &RsyslogSetup) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let certs = Certs::make(&folder.path().join("certs"));
        let wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        let (host, udp, tcp, tls) = (host.to_owned(), free_port(), free_port(), free_port());
        let mut this = Self { folder, certs, host, wrapper, udp, tcp, tls, running: None };
        fs::write(this.file("cef.rulebase"), CEF_RULES).expect("a temporary file can be written");
        fs::write(this.file("rsyslog.conf"), this.config(setup)).expect("a temporary file can be written");
        this.start_again();
        this
    }

    /// The address for datagrams, as `IP:PORT`.
    #[must_use]
    pub fn udp(&self) -> String {
        format!("{}:{}", self.host, self.udp)
    }

    /// The address for TCP, as `IP:PORT`.
    #[must_use]
    pub fn tcp(&self) -> String {
        format!("{}:{}", self.host, self.tcp)
    }

    /// The address for TLS, as `IP:PORT`; its certificate is also good for `localhost`.
    #[must_use]
    pub fn tls(&self) -> String {
        format!("{}:{}", self.host, self.tls)
    }

    /// The CA it trusts and that made its certificate, with a client certificate.
    #[must_use]
    pub fn certs(&self) -> &Certs {
        &self.certs
    }

    /// Stops it as a service manager would.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.sigterm();
            let _ = running.wait_exit(DEADLINE);
        }
    }

    /// Ends it without a chance to tidy up.
    pub fn kill9(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill9();
        }
    }

    /// Starts it on the same ports, adding to the same messages.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_again(&mut self) {
        self.stop();
        // A pid file that a killed one left behind would keep the next one from starting.
        let pid_file = self.file("rsyslogd.own");
        let _ = fs::remove_file(&pid_file);
        let mut words = self.wrapper.iter().map(String::as_str).chain(["rsyslogd"]);
        let mut command = Command::new(words.next().expect("the program is one"));
        command.args(words);
        command.arg("-n").arg("-f").arg(self.file("rsyslog.conf")).arg("-i").arg(pid_file);
        let mut running = Running::start("rsyslogd", &mut command);
        let pid = running.pid();
        let up = wait_until(DEADLINE, || {
            !running.is_running() || (listens(pid, self.tcp) && listens(pid, self.tls))
        });
        if !up || !running.is_running() {
            running.give_up("did not start");
        }
        self.running = Some(running);
    }

    /// What it wrote so far, in the order of arrival.
    ///
    /// # Panics
    ///
    /// When a complete line of its file is no message.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.each_line(|line| lines.push(line));
        lines
    }

    /// The same one by one: more may come than memory is for.
    ///
    /// # Panics
    ///
    /// When a complete line of its file is no message.
    pub fn each_line(&self, mut look: impl FnMut(Line)) {
        let Ok(file) = fs::File::open(self.file("messages.jsonl")) else { return };
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) && line.ends_with(b"\n") {
            look(parse(&String::from_utf8_lossy(&line)));
            line.clear();
        }
    }

    /// How many bytes it wrote so far, of all messages.
    #[must_use]
    pub fn size(&self) -> u64 {
        fs::metadata(self.file("messages.jsonl")).map_or(0, |file| file.len())
    }

    /// What it wrote, once there are `count` messages or more.
    ///
    /// # Panics
    ///
    /// When fewer came within the deadline.
    #[must_use]
    pub fn wait_lines(&self, count: usize) -> Vec<Line> {
        let enough = wait_for(DEADLINE, || Some(self.lines()).filter(|lines| lines.len() >= count));
        enough.unwrap_or_else(|| panic!("rsyslog has {} of {count} messages", self.lines().len()))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self, setup: &RsyslogSetup) -> String {
        let folder = self.folder.path().display();
        let (ca, certificate, key) = (self.certs.ca(), self.certs.server(), self.certs.server_key());
        let (ca, certificate, key) = (ca.display(), certificate.display(), key.display());
        let clients = match setup.tls_clients {
            TlsClients::Anyone => "anon",
            TlsClients::Certified => "x509/certvalid",
        };
        let Self { host, udp, tcp, tls, .. } = self;
        let mut properties = String::new();
        for (name, property) in PROPERTIES {
            let date = if *property == "timestamp" { " dateFormat=\"rfc3339\"" } else { "" };
            properties +=
                &format!("  property(outname=\"{name}\" name=\"{property}\"{date} format=\"jsonf\")\n");
        }
        format!(
            r#"global(workDirectory="{folder}" maxMessageSize="256k" parser.escapeControlCharactersOnReceive="on"
  DefaultNetstreamDriver="ossl" DefaultNetstreamDriverCAFile="{ca}"
  DefaultNetstreamDriverCertFile="{certificate}" DefaultNetstreamDriverKeyFile="{key}")
main_queue(queue.workerThreads="1" queue.timeoutShutdown="60000")
module(load="imudp")
module(load="imptcp" threads="1")
module(load="mmjsonparse")
module(load="mmnormalize")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="{clients}")
template(name="json" type="list" option.jsonf="on") {{
{properties}}}
input(type="imudp" address="{host}" port="{udp}" name="udp" ruleset="keep")
input(type="imptcp" address="{host}" port="{tcp}" name="tcp" ruleset="keep" SupportOctetCountedFraming="on")
input(type="imtcp" address="{host}" port="{tls}" name="tls" ruleset="keep")
ruleset(name="keep") {{
  if $rawmsg contains " CEF:" then action(type="mmnormalize" rulebase="{folder}/cef.rulebase" useRawMsg="on")
  else if $protocol-version == 1 and $structured-data == "-" then action(type="mmjsonparse" cookie="")
  action(type="omfile" file="{folder}/messages.jsonl" template="json")
}}
"#
        )
    }
}

/// Our names and rsyslog's names of what a message consists of.
const PROPERTIES: &[(&str, &str)] = &[
    ("input", "inputname"),
    ("pri", "pri"),
    ("version", "protocol-version"),
    ("timestamp", "timestamp"),
    ("host", "hostname"),
    ("app", "app-name"),
    ("procid", "procid"),
    ("msgid", "msgid"),
    ("data", "structured-data"),
    ("message", "msg"),
    ("parsed", "$!"),
];

/// How mmnormalize (liblognorm) reads CEF behind PRI, time and host.
const CEF_RULES: &str = "version=2\nrule=:<%pri:number%>%time:date-rfc3164% %host:word% %cef:cef%\n";

/// Whether somebody listens on this port, over IPv4, in the network that the process is in.
fn listens(pid: u32, port: u16) -> bool {
    let sockets = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    let listening = format!(":{port:04X} 00000000:0000 0A ");
    sockets.contains(&listening)
}

fn parse(line: &str) -> Line {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
    let text = |name: &str| match &value[name] {
        Value::String(text) => text.clone(),
        other => panic!("`{name}` is {other} in {line}"),
    };
    Line {
        input: text("input"),
        pri: text("pri"),
        version: text("version"),
        timestamp: text("timestamp"),
        host: text("host"),
        app: text("app"),
        procid: text("procid"),
        msgid: text("msgid"),
        data: text("data"),
        message: text("message"),
        parsed: match text("parsed").as_str() {
            "" => Value::Object(serde_json::Map::new()),
            parsed => serde_json::from_str(parsed).unwrap_or_else(|error| panic!("{error} in {parsed}")),
        },
    }
}
