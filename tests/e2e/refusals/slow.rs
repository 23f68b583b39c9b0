//! Thousands of slow clients at once: each is cut when its time is up, memory stays within its bound, and a good client
//! is answered meanwhile as if nobody else were there.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use e2e::{Config, DEADLINE, Fogbell, Running, Usage};
use testkit::clients::{End, Outcome, Target, half_client_hello, idle, raw, silent, slow_handshake};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::MESSAGE;
use super::ask::{post, signed, statuses, target, together};
use super::judge::{Counters, inbox_rows};

#[test]
fn slow_clients_are_cut_in_time_and_delay_nobody() {
    let size = Size::asked();
    eprintln!("slow: nothing is random but what slowhttptest writes");
    let limit = (size.connections * size.own_at_once as u64 + 100).to_string();
    // the deadlines as they come, and room for everybody, so that nothing but the deadlines helps
    let config = ["max_connections", "max_connections_per_address"]
        .iter()
        .fold(Config::new(), |config, key| config.set("gate", key, &limit));
    let mut seen = Seen::default();
    let mut relay = Fogbell::start(&config);
    let rows = attack(&mut relay, &size, ToolKind::ALL, OwnKind::ALL, &mut seen);
    assert_eq!(inbox_rows(&relay), rows);
    assert_eq!(Counters::of(&relay).closed("cap"), 0);
    drop(relay);

    // The caps as they come: who is over one is closed at once, and who is not is not kept out.
    let mut relay = Fogbell::start(&Config::new());
    let rows = attack(&mut relay, &size, &[ToolKind::Headers], &[], &mut seen);
    assert_eq!(inbox_rows(&relay), rows);
    assert!(Counters::of(&relay).closed("cap") > 0, "nobody was over a cap");

    let (kept, fresh) = (percentile(&mut seen.kept, 99), percentile(&mut seen.fresh, 99));
    let figures = serde_json::json!({
        "connections_each": size.connections,
        "kinds": ToolKind::ALL.len() + OwnKind::ALL.len(),
        "good_answers": seen.kept.len() + seen.fresh.len(),
        "good_p99_ms": kept.as_millis(),
        "good_new_connection_p99_ms": fresh.as_millis(),
        "slowest_cut_s": seen.slowest_cut.as_secs_f64(),
        "peak_mib": seen.peak >> 20,
    });
    eprintln!("figures: {figures}");
    assert!(seen.slowest_cut < CUT, "one was cut after {:?}", seen.slowest_cut);
    assert!(seen.peak < MOST, "{} MiB", seen.peak >> 20);
    assert!(kept.max(fresh) < QUICK, "good answers took {kept:?} and {fresh:?}");
}

/// How much of it.
struct Size {
    /// Connections of each kind.
    connections: u64,
    /// How many are opened in a second.
    rate: u32,
    /// How many of the tests' own kinds are there at the same time.
    own_at_once: usize,
}

impl Size {
    fn asked() -> Self {
        if std::env::var_os("FOGBELL_LONG").is_some_and(|value| value == "1") {
            Self { connections: 5_000, rate: 1_000, own_at_once: 1 }
        } else {
            Self { connections: 300, rate: 300, own_at_once: 4 }
        }
    }
}

/// What was seen in all attacks.
#[derive(Default)]
struct Seen {
    /// Times of good answers on a connection that is kept, and on new ones.
    kept: Vec<Duration>,
    fresh: Vec<Duration>,
    /// The longest time that an attacker was let stay.
    slowest_cut: Duration,
    /// The relay's memory.
    peak: u64,
}

/// One attack behind the other, with good clients beside each; how many of their messages were taken.
fn attack(relay: &mut Fogbell, size: &Size, tools: &[ToolKind], own: &[OwnKind], seen: &mut Seen) -> u64 {
    let pid = relay.process().pid();
    let mut taken = 0;
    let mut one = |name: &str, seen: &mut Seen, attack: &dyn Fn(&Fogbell) -> Duration| {
        let good = Good::start(relay);
        let cut = attack(relay);
        let (kept, fresh) = good.stop();
        taken += (kept.len() + fresh.len()) as u64;
        assert!(
            kept.len() > 20 && fresh.len() > 20,
            "{name}: {} and {} good answers",
            kept.len(),
            fresh.len()
        );
        seen.slowest_cut = seen.slowest_cut.max(cut);
        seen.peak = seen.peak.max(Usage::of(pid).expect("the relay runs").peak);
        let (mut these_kept, mut these_fresh) = (kept.clone(), fresh.clone());
        eprintln!(
            "slow: {} × {name}: none lasted longer than {cut:.1?}; good answers: p99 {:.1?}, on new \
             connections {:.1?}; peak {} MiB",
            size.connections,
            percentile(&mut these_kept, 99),
            percentile(&mut these_fresh, 99),
            Usage::of(pid).expect("the relay runs").peak >> 20,
        );
        seen.kept.extend(kept);
        seen.fresh.extend(fresh);
    };
    for kind in tools {
        one(kind.name(), seen, &|relay| kind.attack(relay, size));
    }
    for kinds in own.chunks(size.own_at_once) {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        one(&names.join(", "), seen, &|relay| OwnKind::attack(kinds, relay, size));
    }
    taken
}

/// What slowhttptest does.
#[derive(Clone, Copy, Debug)]
enum ToolKind {
    /// Heads that do not end.
    Headers,
    /// Bodies that do not end.
    Body,
    /// Answers that are not read.
    Read,
}

impl ToolKind {
    const ALL: &[Self] = &[Self::Headers, Self::Body, Self::Read];

    const fn name(self) -> &'static str {
        match self {
            Self::Headers => "slowhttptest -H",
            Self::Body => "slowhttptest -B",
            Self::Read => "slowhttptest -X",
        }
    }

    /// How long the longest connection lasted.
    fn attack(self, relay: &Fogbell, size: &Size) -> Duration {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("slowhttptest");
        command.args(match self {
            // a line or a piece every second, far more than would fit in time
            Self::Headers => &["-H", "-i", "1", "-x", "24", "-t", "POST"][..],
            Self::Body => &["-B", "-i", "1", "-x", "10", "-s", "1000000", "-f", "application/json"],
            // five bytes every five seconds through a window of a few
            Self::Read => &["-X", "-n", "5", "-z", "5", "-w", "8", "-y", "16", "-k", "3"],
        });
        command.args(["-c", &size.connections.to_string(), "-r", &size.rate.to_string()]);
        command.args(["-l", &LONGEST.as_secs().to_string(), "-p", "5", "-u", &relay.url(Config::PATH)]);
        let port = relay.address().parse::<SocketAddr>().unwrap().port();
        let tool = Running::start("slowhttptest", command.current_dir(folder.path()));
        let start = Instant::now();
        let all_sent = Duration::from_secs(size.connections / u64::from(size.rate) + 1);
        let (mut since, mut most, mut longest) = (BTreeMap::new(), 0, Duration::ZERO);
        // the tool itself holds on to what it has not read, so the relay's own end counts
        loop {
            let (open, now) = (established(port), start.elapsed());
            most = most.max(open.len());
            since.retain(|remote, _| open.contains(remote));
            for remote in &open {
                longest = longest.max(now - *since.entry(remote.clone()).or_insert(now));
            }
            if open.is_empty() && most > 0 && now > all_sent {
                break;
            }
            assert!(now < LONGEST, "{self:?}: {} are still there; {}", open.len(), tool.lines().join("\n"));
            std::thread::sleep(Duration::from_millis(50));
        }
        eprintln!("slow: {most} of {} connections of {} side by side", size.connections, self.name());
        longest
    }
}

/// The remote ends of the attacker's connections that the relay, at `port`, has not ended.
fn established(port: u16) -> BTreeSet<String> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    // proc(5): local address, remote address and state, 01 for ESTABLISHED and 08 for CLOSE_WAIT
    let here = format!(":{port:04X}");
    let remotes = table.lines().skip(1).filter_map(|row| {
        let words: Vec<&str> = row.split_whitespace().take(4).collect();
        match words.as_slice() {
            [_, local, remote, "01" | "08"]
                if local.ends_with(&here) && remote.starts_with(ATTACKER_IN_TABLE) =>
            {
                Some((*remote).to_owned())
            }
            _ => None,
        }
    });
    remotes.collect()
}

/// What slowhttptest cannot do.
#[derive(Clone, Copy, Debug)]
enum OwnKind {
    /// Nothing at all.
    Silent,
    /// Half of a ClientHello.
    HalfHello,
    /// A ClientHello byte by byte.
    SlowHello,
    /// A handshake, then nothing.
    IdleTls,
}

impl OwnKind {
    const ALL: &[Self] = &[Self::Silent, Self::HalfHello, Self::SlowHello, Self::IdleTls];

    const fn name(self) -> &'static str {
        match self {
            Self::Silent => "no handshake",
            Self::HalfHello => "half a ClientHello",
            Self::SlowHello => "a ClientHello byte by byte",
            Self::IdleTls => "nothing behind the handshake",
        }
    }

    /// How long the longest connection lasted.
    fn attack(kinds: &[Self], relay: &Fogbell, size: &Size) -> Duration {
        let target = target(relay).from(ATTACKER.parse().unwrap());
        let every = Duration::from_secs(1) / size.rate;
        let clients = kinds.iter().flat_map(|kind| (0..size.connections).map(move |number| (*kind, number)));
        let clients = clients.map(|(kind, number)| {
            let target = target.clone();
            let wait = every * u32::try_from(number).unwrap();
            async move {
                tokio::time::sleep(wait).await;
                kind.client(&target).await
            }
        });
        let seen = together(clients, usize::MAX);
        // who is over a cap may be gone before its handshake
        let ended: Vec<&Outcome> = seen.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        assert!(ended.iter().all(|outcome| outcome.end != End::StillOpen), "one of {kinds:?} goes on");
        assert!(
            ended.iter().all(|outcome| !outcome.text().starts_with("HTTP")),
            "one of {kinds:?} was answered"
        );
        ended.iter().map(|outcome| outcome.lasted).max().unwrap_or_default()
    }

    fn client(self, target: &Target) -> Pin<Box<dyn Future<Output = std::io::Result<Outcome>> + Send + '_>> {
        match self {
            Self::Silent => Box::pin(silent(target, LONGEST)),
            Self::HalfHello => Box::pin(half_client_hello(target, LONGEST)),
            Self::SlowHello => Box::pin(slow_handshake(target, Duration::from_millis(500), LONGEST)),
            Self::IdleTls => Box::pin(idle(target, LONGEST)),
        }
    }
}

/// Two good clients from another address: one keeps its connection, one opens a new one for each message.
struct Good {
    runtime: Runtime,
    stop: Arc<AtomicBool>,
    kept: JoinHandle<Vec<Duration>>,
    fresh: JoinHandle<Vec<Duration>>,
}

impl Good {
    fn start(relay: &Fogbell) -> Self {
        let target = target(relay).from(GOOD.parse().unwrap());
        let runtime = Runtime::new().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let last = closing();
        let fresh = repeat(&runtime, &stop, move || {
            let (target, last) = (target.clone(), last.clone());
            async move {
                let outcome = raw(&target, &last, DEADLINE).await.expect("a good client is let in");
                assert_eq!(statuses(&outcome), [200], "{}", outcome.text());
            }
        });
        let kept = Kept::new(relay);
        let kept = repeat(&runtime, &stop, move || kept.clone().post());
        Self { runtime, stop, kept, fresh }
    }

    /// How long each answer took.
    fn stop(self) -> (Vec<Duration>, Vec<Duration>) {
        self.stop.store(true, Ordering::Relaxed);
        (self.runtime.block_on(self.kept).unwrap(), self.runtime.block_on(self.fresh).unwrap())
    }
}

/// Does `one` again and again until `stop`, with a little rest; how long each took.
fn repeat<F>(
    runtime: &Runtime,
    stop: &Arc<AtomicBool>,
    one: impl Fn() -> F + Send + 'static,
) -> JoinHandle<Vec<Duration>>
where
    F: Future<Output = ()> + Send + 'static,
{
    let stop = Arc::clone(stop);
    runtime.spawn(async move {
        let mut took = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let start = Instant::now();
            one().await;
            took.push(start.elapsed());
            tokio::time::sleep(BETWEEN).await;
        }
        took
    })
}

/// A client that keeps its connection.
#[derive(Clone)]
struct Kept {
    post: Arc<tokio::sync::Mutex<testkit::Post>>,
    headers: http::HeaderMap,
}

impl Kept {
    fn new(relay: &Fogbell) -> Self {
        let trust = testkit::Trust::pem(&std::fs::read_to_string(relay.ca()).unwrap()).unwrap();
        let post = testkit::Post::new(&relay.url(Config::PATH), &trust).unwrap();
        let post = post.source(GOOD.parse().unwrap()).deadline(DEADLINE);
        let mut headers = testkit::Post::headers();
        testkit::mist::sign(Config::SECRET.as_bytes(), MESSAGE.as_bytes()).apply(&mut headers);
        Self { post: Arc::new(tokio::sync::Mutex::new(post)), headers }
    }

    async fn post(self) {
        let answer = self.post.lock().await.post(self.headers, MESSAGE.into()).await.expect("an answer");
        assert_eq!(answer.status.as_u16(), 200);
    }
}

/// A good message that is the last of its connection.
fn closing() -> Vec<u8> {
    post(&format!("{}Connection: close\r\n", signed(MESSAGE.as_bytes())), MESSAGE.as_bytes())
}

/// The value that `percent` of `times` do not exceed.
fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
}

/// slowhttptest has no choice but the system's, 127.0.0.1.
const ATTACKER: &str = "127.0.0.1";
const ATTACKER_IN_TABLE: &str = "0100007F:";
const GOOD: &str = "127.0.0.2";

/// An attack is given up when it lasts as long: slowhttptest opens thousands of connections slowly on a busy machine.
const LONGEST: Duration = Duration::from_secs(180);

/// In which every attacker is cut.
const CUT: Duration = Duration::from_secs(15);

/// What the relay may hold.
const MOST: u64 = 300 << 20;

/// A good answer on a busy machine; the goal of a full run is stricter.
const QUICK: Duration = Duration::from_secs(5);

/// Between two messages of a good client.
const BETWEEN: Duration = Duration::from_millis(10);
