//! SIGTERM: what was begun is finished, and what was promised is kept.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use e2e::{Config, Curl, DEADLINE, Fogbell, Rsyslog, RsyslogSetup, free_port, sign, wait_until};

use super::{alarm, sink};

/// A curl that has sent half of its body, which the relay waits for.
struct HalfSent {
    child: Child,
    body: ChildStdin,
    said: BufReader<ChildStderr>,
}

impl HalfSent {
    fn start(relay: &Fogbell, body: &str) -> Self {
        let mut child = Command::new("curl")
            .args(["--disable", "--verbose", "--http1.1", "--noproxy", "*", "--max-time", "60"])
            // it waits for `100 Continue`, which the relay sends once it reads the body
            .args(["--request", "POST", "--upload-file", "-", "--expect100-timeout", "60"])
            .args(["--header", "Transfer-Encoding: chunked", "--header", "Expect: 100-continue"])
            .args(["--header", &format!("X-Mist-Signature-v2: {}", sign(Config::SECRET, body.as_bytes()))])
            .args(["--output", "/dev/null", "--write-out", "%{http_code}", "--cacert"])
            .arg(relay.ca())
            .arg(relay.url(Config::PATH))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("curl is on PATH");
        let (pipe, said) = (child.stdin.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
        let mut this = Self { child, body: pipe, said };
        this.wait_said("< HTTP/1.1 100 Continue");
        this.body.write_all(&body.as_bytes()[..body.len() / 2]).unwrap();
        this
    }

    /// Sends the rest; the status of the answer.
    fn finish(mut self, body: &str) -> String {
        self.body.write_all(&body.as_bytes()[body.len() / 2..]).unwrap();
        drop(self.body);
        for line in self.said.lines() {
            line.unwrap();
        }
        String::from_utf8(self.child.wait_with_output().unwrap().stdout).unwrap()
    }

    fn wait_said(&mut self, wanted: &str) {
        let mut line = String::new();
        while !line.starts_with(wanted) {
            line.clear();
            let read = self.said.read_line(&mut line).unwrap();
            assert!(read > 0, "curl ended without `{wanted}`");
        }
    }
}

#[test]
fn a_request_in_flight_at_sigterm_is_answered_and_what_it_said_is_delivered() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let config = Config::new().set("", "grace_secs", "30").table(&sink("siem", &siem.tcp(), ""));
    let mut relay = Fogbell::start(&config);
    let ready = |relay: &Fogbell| Curl::new(&relay.admin_url("/readyz")).run();
    assert_eq!(ready(&relay).status, 200);
    for number in 0..20 {
        relay.deliver(&alarm(&format!("early_{number}")));
    }
    let body = alarm("in_flight");
    let half = HalfSent::start(&relay, &body);

    relay.sigterm();
    let _ = relay.process().wait_line("that it stops", |line| line.contains("stopping"));
    let unready = ready(&relay);
    let address = relay.address().to_owned();
    let closed = wait_until(DEADLINE, || TcpStream::connect(&address).is_err());
    let status = half.finish(&body);
    let exit = relay.wait_exit(DEADLINE);

    assert_eq!((unready.status, unready.text().as_str()), (503, "not ready: stopping\n"));
    assert!(closed, "a relay that stops takes no new connections");
    assert_eq!((status.as_str(), exit.code()), ("200", Some(0)));
    let lines = siem.wait_lines(21);
    let kinds: Vec<_> = lines.into_iter().map(|line| line.msgid).collect();
    let expect = (0..20).map(|number| format!("early_{number}")).chain(["in_flight".to_owned()]);
    assert_eq!(kinds, expect.collect::<Vec<_>>());
}

#[test]
fn a_request_that_never_ends_and_a_sink_that_is_away_hold_nothing_up_past_the_grace() {
    let away = format!("127.0.0.1:{}", free_port());
    let mut relay = Fogbell::start(&Config::new().set("", "grace_secs", "2").table(&sink("away", &away, "")));
    relay.deliver(&alarm("kept"));
    let mut half = HalfSent::start(&relay, &alarm("in_flight"));

    relay.sigterm();
    let asked = Instant::now();
    let exit = relay.wait_exit(DEADLINE);

    assert_eq!(exit.code(), Some(0));
    // two seconds, one more to say what was left, and what a busy machine takes
    assert!(asked.elapsed() < Duration::from_secs(10), "it took {:?}", asked.elapsed());
    let left = relay.process().wait_line("what is left", |line| line.contains("alerts waiting"));
    assert!(left.contains("away") && left.contains("alerts="), "{left}");
    half.child.kill().unwrap();
    half.child.wait().unwrap();
}
