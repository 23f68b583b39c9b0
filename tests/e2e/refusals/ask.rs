//! Asking: many times the same by curl, and byte for byte by a client that knows no HTTP.

use std::fs;
use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use e2e::{Config, DEADLINE, Fogbell};
use testkit::clients::{Outcome, Target, raw};
use testkit::{Trust, mist};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// One answer, taken apart by hand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    /// All answers in `bytes`, each as long as its `Content-Length` says; interim ones are passed over.
    ///
    /// # Panics
    ///
    /// When `bytes` is anything else than whole answers.
    pub(super) fn all(bytes: &[u8]) -> Vec<Self> {
        let mut rest = std::str::from_utf8(bytes).unwrap();
        let mut answers = Vec::new();
        while !rest.is_empty() {
            let (head, behind) = rest.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {rest:?}"));
            let mut lines = head.split("\r\n");
            let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok());
            let status = status.unwrap_or_else(|| panic!("no status: {rest:?}"));
            let fields: Vec<_> = lines
                .map(|line| {
                    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
                    (name.to_ascii_lowercase(), value.trim().to_owned())
                })
                .collect();
            let length = fields.iter().find(|(name, _)| name == "content-length");
            let length = length.map_or(0, |(_, length)| length.parse().unwrap());
            let (body, behind) = behind.split_at_checked(length).unwrap_or_else(|| panic!("cut: {rest:?}"));
            if status >= 200 {
                answers.push(Self { status, fields, body: body.to_owned() });
            }
            rest = behind;
        }
        answers
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Whether the connection ends behind it.
    pub(super) fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }
}

/// The statuses of all answers in what a connection gave.
pub(super) fn statuses(outcome: &Outcome) -> Vec<u16> {
    Answer::all(&outcome.answer).iter().map(|answer| answer.status).collect()
}

/// Fields that carry the right signature of `body`.
pub(super) fn signed(body: &[u8]) -> String {
    format!("X-Mist-Signature-v2: {}\r\n", mist::sign(Config::SECRET.as_bytes(), body).v2)
}

/// A POST to the organisation's path with these further fields and a length.
pub(super) fn post(fields: &str, body: &[u8]) -> Vec<u8> {
    request("POST", Config::PATH, &format!("{fields}Content-Length: {}\r\n", body.len()), body)
}

/// A request of HTTP/1.1, with a `Host` and these fields, each ended by CRLF.
pub(super) fn request(method: &str, path: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    [head.as_bytes(), body].concat()
}

/// The chunked coding of these pieces (RFC 9112 section 7.1).
pub(super) fn chunked(pieces: &[&[u8]]) -> Vec<u8> {
    let mut coded = Vec::new();
    for piece in pieces {
        coded.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        coded.extend_from_slice(piece);
        coded.extend_from_slice(b"\r\n");
    }
    coded.extend_from_slice(b"0\r\n\r\n");
    coded
}

/// The relay over TLS, from the system's choice of address.
pub(super) fn target(relay: &Fogbell) -> Target {
    let ca = fs::read_to_string(relay.ca()).unwrap();
    Target::tls(relay.address().parse().unwrap(), Trust::pem(&ca).unwrap())
}

/// Sends `bytes` once and waits until the relay ends the connection.
pub(super) fn once(target: &Target, bytes: &[u8]) -> Outcome {
    many(target, bytes, 1).remove(0)
}

/// Sends `bytes` on `count` connections, some at a time.
pub(super) fn many(target: &Target, bytes: &[u8], count: usize) -> Vec<Outcome> {
    let each = |_| {
        let (target, bytes) = (target.clone(), bytes.to_vec());
        async move { raw(&target, &bytes, DEADLINE).await.unwrap() }
    };
    together((0..count).map(each), AT_A_TIME)
}

/// Runs all of `tasks`, at most `at_a_time` side by side; the results in no order.
pub(super) fn together<F>(tasks: impl Iterator<Item = F>, at_a_time: usize) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    Runtime::new().unwrap().block_on(async {
        let mut running = JoinSet::new();
        let mut done = Vec::new();
        for task in tasks {
            if running.len() == at_a_time {
                done.push(running.join_next().await.unwrap().unwrap());
            }
            running.spawn(task);
        }
        done.extend(running.join_all().await);
        done
    })
}

/// One curl that asks the same thing many times, each time on a connection of its own.
#[derive(Clone, Debug)]
pub(super) struct Volley {
    arguments: Vec<String>,
    body: Vec<u8>,
    at_a_time: usize,
}

impl Volley {
    pub(super) fn new() -> Self {
        Self { arguments: Vec::new(), body: Vec::new(), at_a_time: AT_A_TIME }
    }

    /// A further argument.
    pub(super) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// A further field, `Name: value`, as curl writes it; `Name;` is an empty one, `Name:` leaves curl's own out.
    pub(super) fn header(self, field: &str) -> Self {
        self.argument("--header").argument(field)
    }

    /// Posts these bytes.
    pub(super) fn body(self, body: &[u8]) -> Self {
        Self { body: body.to_vec(), ..self }.argument("--data-binary").argument("@body")
    }

    /// From this address.
    pub(super) fn from(self, source: IpAddr) -> Self {
        self.argument("--interface").argument(&source.to_string())
    }

    /// All requests at once.
    pub(super) fn at_once(self, count: usize) -> Self {
        Self { at_a_time: count, ..self }
    }

    /// The last of the answers to each of `count` requests for `path`, each whole.
    pub(super) fn fire(&self, relay: &Fogbell, path: &str, count: usize) -> Vec<Answer> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("body"), &self.body).unwrap();
        let mut command = Command::new("curl");
        command.args(["--disable", "--silent", "--show-error", "--http1.1", "--noproxy", "*"]);
        command.args(["--parallel", "--parallel-immediate", "--parallel-max", &self.at_a_time.to_string()]);
        command.args(["--max-time", &DEADLINE.as_secs().to_string(), "--path-as-is"]);
        command.arg("--cacert").arg(relay.ca());
        command.args(["--include", "--output", "answer-#1", "--write-out", "%{exitcode}\\n"]);
        // what stands behind `#` is counted by curl and not sent
        command.args(&self.arguments).arg(relay.url(&format!("{path}#[1-{count}]")));
        let output = command.current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let exits = String::from_utf8_lossy(&output.stdout);
        assert!(exits.lines().all(|exit| exit == "0"), "{said}\n{exits}");
        assert_eq!(exits.lines().count(), count, "{said}");
        let answer = |index| {
            let bytes = fs::read(folder.path().join(format!("answer-{index}"))).unwrap();
            Answer::all(&bytes).pop().unwrap_or_else(|| panic!("no answer: {said}"))
        };
        (1..=count).map(answer).collect()
    }
}

/// Connections side by side: enough to keep two processors busy.
const AT_A_TIME: usize = 8;

/// Long enough for a deadline of a second or two on a busy machine, and short of any other.
pub(super) const IN_TIME: Duration = Duration::from_secs(10);
