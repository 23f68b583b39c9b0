//! Signed messages over kept connections, and exactly which of them were answered 200.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use e2e::{Config, Fogbell};
use testkit::mist::{Delivery, FakeMist, load_name};
use testkit::{Post, PostError, Trust};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

/// Where messages are posted, and whose certificate is expected there.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    address: SocketAddr,
    trust: Trust,
}

impl Target {
    /// A relay with a certificate of its story's own CA.
    pub(crate) fn of(relay: &Fogbell) -> Self {
        Self::trusting(relay, relay.ca())
    }

    /// A relay with a certificate that is in `pem`, or of a CA there.
    pub(crate) fn trusting(relay: &Fogbell, pem: &Path) -> Self {
        let pem = std::fs::read_to_string(pem).expect("the certificate can be read");
        let trust = Trust::pem(&pem).expect("a certificate");
        Self { address: relay.address().parse().expect("an address"), trust }
    }

    /// A client with the webhook secret.
    pub(crate) fn post(&self) -> Post {
        let url = format!("https://{}{}", self.address, Config::PATH);
        let post = Post::new(&url, &self.trust).expect("an address makes a URL");
        post.secret(Config::SECRET.as_bytes())
    }
}

/// How much each connection posts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// Until [`Load::finish`].
    Finished,
    /// So many messages.
    Count(u64),
}

/// What connections post, how fast and for how long.
#[derive(Clone, Copy, Debug)]
struct Plan {
    size: Size,
    until: Until,
    /// From one message to the next; zero for as fast as they are answered.
    every: Duration,
}

/// How large the messages are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    /// As an alarm is: some 700 bytes, most of which become part of the alert.
    Usual,
    /// So many bytes, of which few become part of the alert.
    Padded(usize),
}

/// Connections that post one message after the other.
#[derive(Debug)]
pub(crate) struct Load {
    runtime: Runtime,
    tasks: Vec<JoinHandle<()>>,
    told: Arc<Mutex<Told>>,
    finished: Arc<AtomicBool>,
}

/// What was posted, and what came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// By the number of the connection.
    connections: BTreeMap<u64, Connection>,
    /// Answers other than 200: status, and whether they said when to come again.
    pub(crate) refusals: BTreeMap<(u16, bool), u64>,
}

#[derive(Clone, Debug, Default)]
struct Connection {
    /// Messages that may have been sent.
    posted: u64,
    /// Numbers of those answered 200, in the order of posting.
    acknowledged: Vec<u64>,
}

impl Load {
    /// Starts `connections`, the first of which has the number `first`: no two of a story may have the same.
    pub(crate) fn start(target: &Target, first: u64, connections: u64, size: Size, until: Until) -> Self {
        Self::run(target, first, connections, Plan { size, until, every: Duration::ZERO })
    }

    /// The same with usual messages, `per_sec` a second of all connections together, until it is finished; what
    /// is answered late is made up for.
    pub(crate) fn paced(target: &Target, first: u64, connections: u64, per_sec: u64) -> Self {
        let every = Duration::from_secs(connections) / u32::try_from(per_sec).expect("a rate of messages");
        Self::run(target, first, connections, Plan { size: Size::Usual, until: Until::Finished, every })
    }

    fn run(target: &Target, first: u64, connections: u64, plan: Plan) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let told = Arc::new(Mutex::new(Told::default()));
        let finished = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for connection in first..first + connections {
            let (told, finished) = (Arc::clone(&told), Arc::clone(&finished));
            tasks.push(runtime.spawn(converse(target.post(), connection, plan, told, finished)));
        }
        Self { runtime, tasks, told, finished }
    }

    /// How many were answered 200 so far.
    pub(crate) fn acknowledged(&self) -> usize {
        lock(&self.told).by_connection().map(<[u64]>::len).sum()
    }

    /// How many were answered with `status` so far.
    pub(crate) fn refused(&self, status: u16) -> u64 {
        let told = lock(&self.told);
        told.refusals.iter().filter(|((answer, _), _)| *answer == status).map(|(_, count)| count).sum()
    }

    /// What was posted, once every connection has got its last answer.
    pub(crate) fn finish(self, until: Until) -> Told {
        if let Until::Finished = until {
            self.finished.store(true, Ordering::Relaxed);
        }
        for task in self.tasks {
            self.runtime.block_on(task).expect("posting does not panic");
        }
        lock(&self.told).clone()
    }
}

/// Posts `count` messages on each of `connections`, and waits for the answers.
pub(crate) fn post(target: &Target, first: u64, connections: u64, count: u64) -> Told {
    let until = Until::Count(count);
    Load::start(target, first, connections, Size::Usual, until).finish(until)
}

/// One message that is posted again and again, byte for byte.
#[derive(Debug)]
pub(crate) struct Again {
    connection: u64,
    delivery: Delivery,
}

impl Again {
    /// Makes it; its number is the first one of `connection`, which no other may have.
    pub(crate) fn new(connection: u64) -> Self {
        Self { connection, delivery: delivery(&FakeMist::new(1), connection * SPAN, Size::Usual) }
    }

    /// Posts it on a connection of its own.
    ///
    /// # Panics
    ///
    /// When the answer is not 200.
    pub(crate) fn post(&self, target: &Target) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let answer = runtime.expect("a runtime can be made").block_on(target.post().deliver(&self.delivery));
        assert_eq!(answer.map(|answer| answer.status.as_u16()).ok(), Some(200));
    }

    /// What is told of it once it was posted.
    pub(crate) fn told(&self) -> Told {
        let connection = Connection { posted: 1, acknowledged: vec![self.connection * SPAN] };
        Told { connections: [(self.connection, connection)].into(), refusals: BTreeMap::new() }
    }
}

async fn converse(
    mut post: Post,
    connection: u64,
    Plan { size, until, every }: Plan,
    told: Arc<Mutex<Told>>,
    finished: Arc<AtomicBool>,
) {
    let mist = FakeMist::new(1);
    let mut posted = 0;
    let start = Instant::now();
    while !finished.load(Ordering::Relaxed) && !matches!(until, Until::Count(count) if posted >= count) {
        sleep_until(start + every * u32::try_from(posted).expect("fewer messages than that")).await;
        let number = connection * SPAN + posted;
        let delivery = delivery(&mist, number, size);
        lock(&told).connections.entry(connection).or_default().posted = posted + 1;
        let answer = post.deliver(&delivery).await;
        match answer {
            Ok(answer) if answer.status == 200 => {
                lock(&told).connections.entry(connection).or_default().acknowledged.push(number);
            }
            Ok(answer) => {
                let kind = (answer.status.as_u16(), answer.headers.contains_key("retry-after"));
                *lock(&told).refusals.entry(kind).or_default() += 1;
                sleep(PAUSE).await;
            }
            // Nothing was sent: this message goes out when somebody is there again.
            Err(PostError::Connect(_)) => {
                sleep(PAUSE).await;
                continue;
            }
            // Nobody knows whether it was stored: it may arrive.
            Err(_) => {}
        }
        posted += 1;
    }
}

fn delivery(mist: &FakeMist, number: u64, size: Size) -> Delivery {
    let Size::Padded(bytes) = size else { return mist.alarm_of_size(700, number) };
    let mut delivery = mist.alarm_of_size(0, number);
    let mut body: serde_json::Value = serde_json::from_slice(&delivery.body).expect("it is JSON");
    body["events"][0]["padding"] = "x".repeat(bytes).into();
    delivery.body = body.to_string().into();
    delivery
}

impl Told {
    /// The numbers answered 200, each connection's in its order.
    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = u64> {
        self.connections.values().flat_map(|connection| connection.acknowledged.iter().copied())
    }

    /// The numbers answered 200, connection by connection.
    pub(crate) fn by_connection(&self) -> impl Iterator<Item = &[u64]> {
        self.connections.values().map(|connection| connection.acknowledged.as_slice())
    }

    /// Whether a message with this number may have been sent.
    pub(crate) fn was_posted(&self, number: u64) -> bool {
        self.connections.get(&(number / SPAN)).is_some_and(|connection| number % SPAN < connection.posted)
    }

    /// The same with nothing acknowledged: it may arrive, and need not.
    pub(crate) fn into_posted(mut self) -> Self {
        self.connections.values_mut().for_each(|connection| connection.acknowledged.clear());
        self
    }

    /// Adds what other connections posted.
    pub(crate) fn extend(&mut self, other: Self) {
        for (number, connection) in other.connections {
            let before = self.connections.insert(number, connection);
            assert!(before.is_none(), "connection {number} was used twice");
        }
        for (kind, count) in other.refusals {
            *self.refusals.entry(kind).or_default() += count;
        }
    }
}

/// The number in the name of a device.
pub(crate) fn number_in(device: &str) -> Option<u64> {
    let number = device.strip_prefix("load-")?.parse().ok()?;
    (load_name(number) == device).then_some(number)
}

/// The lock, also after a panic of another thread: what was told is whole at any time.
fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many messages one connection may post at most.
const SPAN: u64 = 1_000_000_000;

/// How long to wait after a refusal, and before connecting is tried again.
const PAUSE: Duration = Duration::from_millis(10);
