//! A closed loop of clients: each posts an alarm, waits for the answer, posts the next.

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
use super::cpu;
use super::request::Signed;

/// What a load is.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server; its certificate may be any.
    pub address: SocketAddr,
    /// The server's process, when its processor time is to be measured.
    pub pid: Option<u32>,
    /// Connections that are kept open; each has one request under way.
    pub connections: usize,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// How long to post before anything is measured.
    pub warm_up: Duration,
    /// How long to measure.
    pub window: Duration,
}

/// What a load has seen.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Answers of 200 inside the window.
    pub accepted: u64,
    /// Answers of 200 in all, before and behind the window too.
    pub accepted_in_all: u64,
    /// Other answers in all, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Connections that broke, or were closed behind an answer, in all.
    pub broken: u64,
    /// The window.
    pub window: Duration,
    /// From the start of a request to the end of its answer, for each `accepted`; microseconds, ascending.
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
            "accepted": self.accepted,
            "accepted_in_all": self.accepted_in_all,
            "refused": self.refused,
            "broken": self.broken,
            "window_us": u64::try_from(self.window.as_micros()).unwrap_or(u64::MAX),
            "p50_us": quantile(&self.micros, 0.5),
            "p99_us": quantile(&self.micros, 0.99),
            "server_cpu_us": self.server_cpu,
            "load_cpu_us": self.load_cpu,
        })
    }
}

impl Load {
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
        let shared =
            Rc::new(Shared { load: self.clone(), phase: Cell::default(), figures: RefCell::default() });
        let tls = TlsConnector::from(Arc::new(client_config()));
        let mut streams = Vec::new();
        for _ in 0..self.connections {
            let connected = timeout(PATIENCE, connect(&tls, self.address)).await;
            streams.push(connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??);
        }
        let mut clients = Vec::new();
        for (index, stream) in streams.into_iter().enumerate() {
            clients.push(tokio::task::spawn_local(client(
                Rc::clone(&shared),
                tls.clone(),
                stream,
                index as u64,
            )));
        }
        sleep(self.warm_up).await;
        let before = self.cpu()?;
        shared.phase.set(Phase::Measured);
        let start = Instant::now();
        sleep(self.window).await;
        shared.phase.set(Phase::Ending);
        let window = start.elapsed();
        let after = self.cpu()?;
        for client in clients {
            client.await.map_err(io::Error::other)?;
        }
        let mut figures = shared.figures.take();
        figures.micros.sort_unstable();
        figures.window = window;
        figures.load_cpu = after.0 - before.0;
        figures.server_cpu = after.1.zip(before.1).map(|(after, before)| after - before);
        Ok(figures)
    }

    /// Processor time of the load and of the server.
    fn cpu(&self) -> io::Result<(u64, Option<u64>)> {
        Ok((cpu::micros(std::process::id())?, self.pid.map(cpu::micros).transpose()?))
    }
}

/// What the clients share; all of them run on one thread.
struct Shared {
    load: Load,
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

/// One client: posts until the load ends, and connects anew when it must.
async fn client(shared: Rc<Shared>, tls: TlsConnector, stream: TlsStream<TcpStream>, index: u64) {
    let load = &shared.load;
    let mut signed = Signed::new(&load.address.to_string(), load.body_bytes);
    let mut number = index;
    let mut stream = Some(stream);
    let mut buffer = Vec::with_capacity(BUFFER);
    while shared.phase.get() != Phase::Ending {
        let Some(open) = &mut stream else {
            match timeout(PATIENCE, connect(&tls, load.address)).await {
                Ok(Ok(open)) => stream = Some(open),
                _ => sleep(PAUSE).await,
            }
            continue;
        };
        let start = Instant::now();
        let request = signed.number(number);
        number += load.connections as u64;
        let answered = timeout(PATIENCE, exchange(open, request, &mut buffer)).await;
        let mut figures = shared.figures.borrow_mut();
        let keep = match answered {
            Ok(Ok(answer)) => {
                if answer.status == 200 {
                    figures.accepted_in_all += 1;
                    if shared.phase.get() == Phase::Measured {
                        figures.accepted += 1;
                        figures.micros.push(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX));
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
}
