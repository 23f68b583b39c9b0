//! Clients that post alarms: in a closed loop, or whenever a clock says.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use testkit::DangerAcceptAnyCertificate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::answer::{self, Parsed};
use super::clock::{self, Clock};
use super::cpu;
use super::request::Signed;

/// What a load is.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server; its certificate may be any.
    pub address: SocketAddr,
    /// The server's process, when its processor time is to be measured.
    pub pid: Option<u32>,
    /// Connections that are kept open; each has at most one request under way.
    pub connections: usize,
    /// Bytes of a body with one event.
    pub body_bytes: usize,
    /// Events in a body.
    pub events: usize,
    /// Number of the first alarm; those that follow count on from it, and no two are the same.
    pub first: u64,
    /// When a request is due.
    pub pace: Pace,
    /// How long it goes on.
    pub extent: Extent,
}

/// When a request is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pace {
    /// When the answer to the one before has come.
    Closed,
    /// So many times a second, evenly, whatever becomes of those before: latency counts from then, also when no
    /// connection was free, so that a server that stalls cannot hide it.
    Open(u32),
}

/// How long a load goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// So long, measured behind a warm-up.
    Window {
        /// How long to post before anything is measured.
        warm_up: Duration,
        /// How long to measure.
        window: Duration,
    },
    /// So many requests, all of them measured.
    Requests(u64),
}

/// What a load has seen.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Answers of 200 before the window.
    pub accepted_before: u64,
    /// Answers of 200 inside the window.
    pub accepted: u64,
    /// Answers of 200 in all, behind the window too.
    pub accepted_in_all: u64,
    /// Other answers in all, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Connections that broke, or were closed behind an answer, in all.
    pub broken: u64,
    /// When the window began: microseconds of Unix time.
    pub began: u64,
    /// The window.
    pub window: Duration,
    /// From when a request was due to the end of its answer; microseconds, ascending. In a closed loop for each
    /// `accepted`, else for each that was due inside the window.
    pub micros: Vec<u32>,
    /// The server's processor time inside the window, microseconds.
    pub server_cpu: Option<u64>,
    /// The load's own.
    pub load_cpu: u64,
}

impl Figures {
    /// As JSON; times in microseconds.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "accepted_before": self.accepted_before,
            "accepted": self.accepted,
            "accepted_in_all": self.accepted_in_all,
            "refused": self.refused,
            "broken": self.broken,
            "began_us": self.began,
            "window_us": micros(self.window),
            "p50_us": quantile(&self.micros, 0.5),
            "p99_us": quantile(&self.micros, 0.99),
            "max_us": self.micros.last(),
            "server_cpu_us": self.server_cpu,
            "load_cpu_us": self.load_cpu,
        })
    }
}

impl Load {
    /// A load as `{"address", "pid", "connections", "body_bytes", "events", "first", "per_second", "requests",
    /// "warm_up_ms", "window_ms"}`. Without `per_second` it is closed; `requests` stands in place of the last two.
    /// `None` when one is missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let said: Value = serde_json::from_str(text).ok()?;
        let number = |key: &str| said[key].as_u64();
        let millis = |key: &str| number(key).map(Duration::from_millis);
        Some(Self {
            address: said["address"].as_str()?.parse().ok()?,
            pid: number("pid").and_then(|pid| u32::try_from(pid).ok()),
            connections: usize::try_from(number("connections")?)
                .ok()
                .filter(|connections| *connections > 0)?,
            body_bytes: usize::try_from(number("body_bytes")?).ok()?,
            events: usize::try_from(number("events")?).ok().filter(|events| *events > 0)?,
            first: number("first")?,
            pace: match number("per_second") {
                Some(rate) => Pace::Open(u32::try_from(rate).ok().filter(|rate| *rate > 0)?),
                None => Pace::Closed,
            },
            extent: match number("requests") {
                Some(requests) => Extent::Requests(requests),
                None => Extent::Window { warm_up: millis("warm_up_ms")?, window: millis("window_ms")? },
            },
        })
    }

    /// Opens all connections, posts, and measures.
    ///
    /// # Errors
    ///
    /// When not all connections can be opened, or a process cannot be measured.
    pub fn run(&self) -> io::Result<Figures> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, self.all())
    }

    async fn all(&self) -> io::Result<Figures> {
        let tls = TlsConnector::from(Arc::new(client_config()));
        let mut streams = Vec::new();
        for _ in 0..self.connections {
            let connected = timeout(PATIENCE, connect(&tls, self.address)).await;
            streams.push(connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??);
        }
        let clock = match self.pace {
            Pace::Closed => None,
            Pace::Open(rate) => {
                Some(Clock::start(rate, self.requests().unwrap_or(u64::MAX), self.connections)?)
            }
        };
        let shared = Rc::new(Shared {
            load: self.clone(),
            clock,
            tickets: Cell::default(),
            phase: Cell::default(),
            figures: RefCell::default(),
        });
        if let Extent::Requests(_) = self.extent {
            shared.phase.set(Phase::Measured);
        }
        let mut mark = self.mark()?;
        let mut clients = Vec::new();
        for stream in streams {
            clients.push(tokio::task::spawn_local(client(Rc::clone(&shared), tls.clone(), stream)));
        }
        let mut end = None;
        if let Extent::Window { warm_up, window } = self.extent {
            sleep(warm_up).await;
            mark = self.mark()?;
            shared.phase.set(Phase::Measured);
            sleep(window).await;
            shared.phase.set(Phase::Ending);
            end = Some(self.mark()?);
        }
        for client in clients {
            client.await.map_err(io::Error::other)?;
        }
        let end = end.map_or_else(|| self.mark(), Ok)?;
        let mut figures = shared.figures.take();
        figures.micros.sort_unstable();
        figures.began = mark.unix;
        figures.window = end.at - mark.at;
        figures.load_cpu = end.load_cpu - mark.load_cpu;
        figures.server_cpu = end.server_cpu.zip(mark.server_cpu).map(|(end, mark)| end - mark);
        Ok(figures)
    }

    /// How many requests there are in all, when that is known.
    fn requests(&self) -> Option<u64> {
        match (self.extent, self.pace) {
            (Extent::Requests(requests), _) => Some(requests),
            (Extent::Window { warm_up, window }, Pace::Open(rate)) => {
                Some(due_within(rate, warm_up + window))
            }
            (Extent::Window { .. }, Pace::Closed) => None,
        }
    }

    /// How many of them are due before anything is measured.
    fn unmeasured(&self) -> u64 {
        match (self.extent, self.pace) {
            (Extent::Window { warm_up, .. }, Pace::Open(rate)) => due_within(rate, warm_up),
            _ => 0,
        }
    }

    fn mark(&self) -> io::Result<Mark> {
        Ok(Mark {
            at: Instant::now(),
            unix: clock::unix_micros(),
            load_cpu: cpu::micros(std::process::id())?,
            server_cpu: self.pid.map(cpu::micros).transpose()?,
        })
    }
}

/// A moment, and the processor time that the load and the server had used by then.
struct Mark {
    at: Instant,
    unix: u64,
    load_cpu: u64,
    server_cpu: Option<u64>,
}

/// What the clients share; all of them run on one thread.
struct Shared {
    load: Load,
    clock: Option<Clock>,
    /// Requests begun so far.
    tickets: Cell<u64>,
    phase: Cell<Phase>,
    figures: RefCell<Figures>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Phase {
    #[default]
    WarmUp,
    Measured,
    Ending,
}

impl Shared {
    /// The next request and when it was due, once it is; `None` when there is none any more.
    async fn next(&self) -> Option<(u64, Instant)> {
        if let Some(clock) = &self.clock {
            clock.due.acquire().await.ok()?.forget();
        }
        let ticket = self.tickets.get();
        let over = match self.load.requests() {
            Some(requests) => ticket >= requests,
            None => self.phase.get() == Phase::Ending,
        };
        if over {
            return None;
        }
        self.tickets.set(ticket + 1);
        let due = self.clock.as_ref().map_or_else(Instant::now, |clock| clock.due_at(ticket));
        Some((ticket, due))
    }
}

/// One client: posts until the load ends, and connects anew when it must.
async fn client(shared: Rc<Shared>, tls: TlsConnector, stream: TlsStream<TcpStream>) {
    let load = &shared.load;
    let mut signed = Signed::new(&load.address.to_string(), load.body_bytes, load.events);
    let mut stream = Some(stream);
    let mut buffer = Vec::with_capacity(BUFFER);
    while let Some((ticket, due)) = shared.next().await {
        if stream.is_none() {
            stream = timeout(PATIENCE, connect(&tls, load.address)).await.ok().and_then(Result::ok);
        }
        let Some(open) = &mut stream else {
            shared.figures.borrow_mut().broken += 1;
            sleep(PAUSE).await;
            continue;
        };
        let request = signed.number(load.first + ticket * load.events as u64);
        let answered = timeout(PATIENCE, exchange(open, request, &mut buffer)).await;
        let mut figures = shared.figures.borrow_mut();
        let keep = match answered {
            Ok(Ok(answer)) => {
                if answer.status == 200 {
                    figures.accepted_in_all += 1;
                    let phase = shared.phase.get();
                    match phase {
                        Phase::WarmUp => figures.accepted_before += 1,
                        Phase::Measured => figures.accepted += 1,
                        Phase::Ending => {}
                    }
                    let measured = match load.pace {
                        Pace::Closed => phase == Phase::Measured,
                        // also when its answer came behind the window
                        Pace::Open(_) => ticket >= load.unmeasured(),
                    };
                    if measured {
                        figures.micros.push(u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX));
                    }
                } else {
                    *figures.refused.entry(answer.status).or_default() += 1;
                }
                !answer.close
            }
            _ => false,
        };
        if !keep {
            figures.broken += 1;
            buffer.clear();
            stream = None;
        }
    }
}

/// Posts one request and reads its answer; nothing may stand behind it.
async fn exchange(
    stream: &mut TlsStream<TcpStream>,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> io::Result<answer::Answer> {
    stream.write_all(request).await?;
    stream.flush().await?;
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match answer::parse(buffer) {
            Parsed::Whole(answer) if answer.length == buffer.len() => {
                buffer.clear();
                return Ok(answer);
            }
            Parsed::Partial => {}
            Parsed::Whole(_) | Parsed::Malformed => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

async fn connect(tls: &TlsConnector, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    tls.connect(ServerName::IpAddress(address.ip().into()), stream).await
}

/// TLS 1.3 by ring, with whatever certificate the server has.
fn client_config() -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring speaks TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(DangerAcceptAnyCertificate::new()))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// The value below which `part` of the ascending `values` are; 0 when there are none.
fn quantile(values: &[u32], part: f64) -> u32 {
    let index = (values.len() as f64 * part).ceil() as usize;
    values.get(index.saturating_sub(1)).copied().unwrap_or(0)
}

/// How many requests are due, `rate` a second, in so long.
fn due_within(rate: u32, time: Duration) -> u64 {
    u64::try_from(u128::from(rate) * time.as_micros() / 1_000_000).unwrap_or(u64::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// How long one answer or connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait when there is no connection.
const PAUSE: Duration = Duration::from_millis(10);

const BUFFER: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<u32> = (1..=200).collect();
        assert_eq!(quantile(&values, 0.5), 100);
        assert_eq!(quantile(&values, 0.99), 198);
        assert_eq!(quantile(&[7], 0.99), 7);
        assert_eq!(quantile(&[], 0.5), 0);
    }

    #[test]
    fn a_load_is_read_and_what_is_missing_is_missed() {
        let all = json!({
            "address": "127.0.0.1:1", "pid": 7, "connections": 64, "body_bytes": 1500, "events": 1, "first": 0,
            "warm_up_ms": 300, "window_ms": 1200,
        });
        let with = |key: &str, value: Value| {
            let mut all = all.clone();
            all[key] = value;
            Load::parse(&all.to_string())
        };

        let load = Load::parse(&all.to_string()).unwrap();
        assert_eq!((load.pace, load.connections, load.events), (Pace::Closed, 64, 1));
        let (warm_up, window) = (Duration::from_millis(300), Duration::from_millis(1200));
        assert_eq!(load.extent, Extent::Window { warm_up, window });
        assert_eq!(with("per_second", json!(500)).unwrap().pace, Pace::Open(500));
        assert_eq!(with("requests", json!(9)).unwrap().extent, Extent::Requests(9));
        assert_eq!((load.requests(), load.unmeasured()), (None, 0));
        let open = with("per_second", json!(500)).unwrap();
        assert_eq!((open.requests(), open.unmeasured()), (Some(750), 150));
        for (key, wrong) in [
            ("address", json!("x")),
            ("connections", json!(0)),
            ("events", json!(0)),
            ("per_second", json!(0)),
            ("window_ms", Value::Null),
        ] {
            assert!(with(key, wrong).is_none(), "{key}");
        }
        assert!(Load::parse("64").is_none());
    }
}
