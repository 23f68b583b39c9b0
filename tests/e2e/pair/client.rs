//! A client that posts every message until it is answered 200: devices that go down, and come back.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use e2e::{Config, Machine};
use serde_json::json;
use testkit::ids::Timestamp;
use testkit::mist::Delivery;
use testkit::{Post, Trust};
use tokio::time::sleep;

/// It runs on a machine of its own until it is finished.
#[derive(Debug)]
pub(super) struct Client {
    thread: JoinHandle<()>,
    told: Arc<Mutex<Told>>,
    finished: Arc<AtomicBool>,
}

/// What it was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Names of the devices whose raise and whose clear were answered 200.
    pub(super) devices: Vec<String>,
    /// When something was answered 200.
    pub(super) times: Vec<Instant>,
    /// Attempts that were answered otherwise, or not at all.
    pub(super) retries: u64,
}

impl Client {
    /// Posts to `address`, whose certificate is of the authority in `ca`.
    pub(super) fn start(machine: &Machine, address: &str, ca: &Path) -> Self {
        let trust = Trust::pem(&std::fs::read_to_string(ca).unwrap()).unwrap();
        let address = address.parse().unwrap();
        let (told, finished) = (Arc::new(Mutex::new(Told::default())), Arc::new(AtomicBool::new(false)));
        let (telling, until) = (Arc::clone(&told), Arc::clone(&finished));
        let thread = machine.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let tasks: Vec<_> = (0..CONNECTIONS)
                .map(|connection| {
                    let post = Post::new(&format!("https://localhost{}", Config::PATH), &trust).unwrap();
                    let post = post.connect_to(address).secret(Config::SECRET.as_bytes()).deadline(PATIENCE);
                    runtime.spawn(converse(post, connection, Arc::clone(&telling), Arc::clone(&until)))
                })
                .collect();
            for task in tasks {
                runtime.block_on(task).unwrap();
            }
        });
        Self { thread, told, finished }
    }

    /// How many were answered 200 so far.
    pub(super) fn acknowledged(&self) -> usize {
        lock(&self.told).times.len()
    }

    /// What it was told, once everything that was begun is answered.
    pub(super) fn finish(self) -> Told {
        self.finished.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        lock(&self.told).clone()
    }
}

impl Told {
    /// The longest time without an answer 200 that reaches beyond `from` and begins before `to`.
    pub(super) fn gap(&self, from: Instant, to: Instant) -> Duration {
        let pairs = self.times.windows(2).filter(|pair| pair[1] > from && pair[0] < to);
        pairs.map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }
}

async fn converse(mut post: Post, connection: u64, told: Arc<Mutex<Told>>, finished: Arc<AtomicBool>) {
    let mut number = connection * SPAN;
    while !finished.load(Ordering::Relaxed) {
        for kind in ["SW_DISCONNECTED", "SW_CONNECTED"] {
            let delivery = delivery(number, kind);
            while !post.deliver(&delivery).await.is_ok_and(|answer| answer.status == 200) {
                lock(&told).retries += 1;
                sleep(PAUSE).await;
            }
            lock(&told).times.push(Instant::now());
            sleep(PAUSE).await;
        }
        lock(&told).devices.push(device(number));
        number += 1;
    }
}

fn delivery(number: u64, kind: &str) -> Delivery {
    let event = json!({
        "type": kind, "mac": format!("02{number:010x}"), "device_type": "switch", "device_name": device(number),
        "org_id": "0a0a0a0a-0000-4000-8000-000000000001", "site_id": "51515151-0000-4000-8000-000000000002",
        "timestamp": Timestamp::now().micros() as f64 / 1e6,
    });
    let topic = "device-updowns";
    Delivery { topic: topic.to_owned(), body: json!({"topic": topic, "events": [event]}).to_string().into() }
}

fn device(number: u64) -> String {
    format!("sw-{number}")
}

/// The lock, also after a panic of another thread: what was told is whole at any time.
fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

const CONNECTIONS: u64 = 4;

/// Devices of one connection at most.
const SPAN: u64 = 1_000_000;

/// How long an attempt may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// Between two messages of a connection, and between two attempts.
const PAUSE: Duration = Duration::from_millis(25);
