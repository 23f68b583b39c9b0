//! Bombs: little to send and much to take, signed as it should be, from an address that may. Each is answered
//! quickly or cut, costs little memory, and delays no good client beside it.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use e2e::{Config, DEADLINE, Fogbell, Usage};
use testkit::clients::{End, Outcome, raw, slow_body, slow_header};
use testkit::{Post, Trust, mist};
use tokio::runtime::Runtime;

use super::MESSAGE;
use super::ask::{chunked, post, request, signed, statuses, target, together};
use super::judge::{Counters, inbox_rows};

/// One bomb, and the statuses that may answer it.
struct Bomb {
    name: &'static str,
    bytes: Vec<u8>,
    answers: &'static [u16],
}

#[test]
fn a_bomb_is_refused_quickly_costs_little_and_delays_nobody() {
    let times = if std::env::var_os("FOGBELL_LONG").is_some_and(|value| value == "1") { 50 } else { 4 };
    eprintln!("bombs: nothing is random");
    let config =
        ["header_secs", "body_secs"].iter().fold(Config::new(), |config, key| config.set("gate", key, "2"));
    let mut relay = Fogbell::start(&config);
    let target = target(&relay);
    let pid = relay.process().pid();
    let good = Good::start(&relay);
    let bombs = bombs();
    // What a body of the largest size and its interpretation take is taken once, for good.
    let largest = closing(&padded());
    for outcome in together((0..WARM).map(|_| throw(&target, &largest)), 2 * AT_A_TIME) {
        assert_eq!(statuses(&outcome), [200]);
    }
    Usage::forget_peak(pid);
    let before = Usage::of(pid).expect("the relay runs").resident;

    let (mut taken, mut slowest_answer) = (0, Duration::ZERO);
    for Bomb { name, bytes, answers } in &bombs {
        let outcomes = together((0..times).map(|_| throw(&target, bytes)), AT_A_TIME);
        let slowest = outcomes.iter().map(|outcome| outcome.lasted).max().unwrap_or_default();
        for outcome in &outcomes {
            let status = statuses(outcome);
            assert!(
                matches!(status.as_slice(), [one] if answers.contains(one)),
                "{name}: {}",
                outcome.text()
            );
            assert_ne!(outcome.end, End::StillOpen, "{name}");
            taken += u64::from(status == [200]);
        }
        let grown = Usage::of(pid).expect("the relay runs").peak.saturating_sub(before);
        let answers: std::collections::BTreeSet<u16> = outcomes.iter().flat_map(statuses).collect();
        eprintln!(
            "bombs: {times} times {name}: {answers:?} in {slowest:.1?} at most, {} KiB so far",
            grown >> 10
        );
        assert!(slowest < QUICK, "{name} took {slowest:?}");
        slowest_answer = slowest_answer.max(slowest);
    }
    // Drips are cut when their time is up.
    let every = Duration::from_millis(100);
    let drips = (0..2 * times).map(|number| {
        let target = target.clone();
        async move {
            let dripped = if number % 2 == 0 {
                slow_header(&target, Config::PATH, every, DEADLINE).await
            } else {
                slow_body(&target, Config::PATH, &signed(MESSAGE.as_bytes()), MESSAGE.len(), every, DEADLINE)
                    .await
            };
            dripped.expect("a connection")
        }
    });
    let outcomes = together(drips, 2 * times);
    let longest = outcomes.iter().map(|outcome| outcome.lasted).max().unwrap_or_default();
    for outcome in &outcomes {
        assert_ne!(outcome.end, End::StillOpen, "a drip goes on");
        assert!(matches!(statuses(outcome).as_slice(), [] | [408]), "{}", outcome.text());
    }
    assert!(longest < Duration::from_secs(2) + QUICK, "a drip lasted {longest:?}");

    let (answered, slowest) = good.stop();
    let grown = Usage::of(pid).expect("the relay runs").peak.saturating_sub(before);
    eprintln!(
        "bombs: {} bombs of {} kinds and {} drips: {} KiB more memory at the most, drips cut after \
         {longest:.1?}; a good client beside them: {answered} answers, all 200, the slowest after {slowest:.1?}",
        times * bombs.len(),
        bombs.len(),
        2 * times,
        grown >> 10,
    );
    let figures = serde_json::json!({
        "bombs": times * bombs.len(),
        "kib_more": grown >> 10,
        "slowest_answer_ms": slowest_answer.as_millis(),
        "good_answers": answered,
        "good_slowest_ms": slowest.as_millis(),
    });
    eprintln!("figures: {figures}");
    assert!(grown < MOST, "{grown} bytes more");
    assert!(answered > 20 && slowest < QUICK, "{answered} good answers, the slowest after {slowest:?}");
    assert_eq!(inbox_rows(&relay), WARM + taken + answered);
    assert_eq!(Counters::of(&relay).closed("cap"), 0);
}

/// A signed POST that is the last of its connection.
fn closing(body: &[u8]) -> Vec<u8> {
    post(&format!("{}Connection: close\r\n", signed(body)), body)
}

/// Everything that blows up at once.
fn bombs() -> Vec<Bomb> {
    let gzip = gigabyte();
    let encoded = |coding: &str| format!("{}Content-Encoding: {coding}\r\n", signed(&gzip));
    let deep = |open: &str, close: &str| {
        format!(r#"{{"topic":"alarms","events":[{}0{}]}}"#, open.repeat(DEPTH), close.repeat(DEPTH))
            .into_bytes()
    };
    let (arrays, objects) = (deep("[", "]"), deep("{\"a\":", "}"));
    let keys = |count: usize| {
        let keys: Vec<String> = (0..count).map(|key| format!("\"{key:x}\":0")).collect();
        format!(r#"{{"topic":"alarms","events":[{{{}}}]}}"#, keys.join(",")).into_bytes()
    };
    let (million, most) = (keys(1_000_000), keys(90_000));
    assert!(most.len() < 1 << 20, "as many keys as a body may have");
    let endless: Vec<u8> =
        [format!("{CHUNK:x}\r\n").into_bytes(), vec![b' '; CHUNK], b"\r\n".to_vec()].concat();
    let endless = endless.repeat(ENDLESS / CHUNK);
    let chunks = |fields: &str, coded: &[u8]| {
        request("POST", Config::PATH, &format!("{fields}Transfer-Encoding: chunked\r\n"), coded)
    };
    let length = |length: u64| {
        request("POST", Config::PATH, &format!("{}Content-Length: {length}\r\n", signed(b"")), b"{")
    };
    let heads: String = (0..10_000).map(|number| format!("X-{number}: y\r\n")).collect();
    let bomb = |name, bytes, answers| Bomb { name, bytes, answers };
    vec![
        bomb("1 GiB in 1 MiB of gzip", post(&encoded("gzip"), &gzip), &[415]),
        bomb("the same in chunks", chunks(&encoded("gzip"), &chunked(&[&gzip])), &[415]),
        bomb("the same under two codings", post(&encoded("identity, gzip"), &gzip), &[415]),
        bomb("the same without saying so", post(&signed(&gzip), &gzip), &[400]),
        bomb("arrays 100,000 deep", closing(&arrays), &[200]),
        bomb("objects 100,000 deep", closing(&objects), &[200]),
        bomb("arrays 100,000 deep, not signed", post("", &arrays), &[401]),
        bomb("objects 100,000 deep, not signed", post("", &objects), &[401]),
        bomb("1,000,000 keys", post(&signed(&million), &million), &[413]),
        bomb("1,000,000 keys in chunks", chunks(&signed(&million), &chunked(&[&million])), &[413]),
        bomb("90,000 keys", closing(&most), &[200]),
        bomb("90,000 keys, not signed", post("", &most), &[401]),
        bomb("2 GiB announced", length(2 << 30), &[413]),
        bomb("chunks without end", chunks(&signed(b""), &endless), &[413]),
        bomb("10,000 fields", post(&heads, b""), &[431]),
    ]
}

/// A gibibyte of zeros as gzip: sixteen members of a stream (RFC 1952 section 2.2), since one is quicker to make.
fn gigabyte() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let zeros = folder.path().join("zeros");
    fs::File::create(&zeros).unwrap().set_len(1 << 26).unwrap();
    let output = Command::new("gzip").args(["--best", "--no-name", "--stdout"]).arg(&zeros).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let whole = output.stdout.repeat(16);
    assert!(whole.len() < 1 << 20, "it must fit a body, else its length is what is refused");
    whole
}

/// A message of the largest size.
fn padded() -> Vec<u8> {
    format!(r#"{{"topic":"alarms","events":[{{"type":"x","text":"{}"}}]}}"#, "y".repeat(1_000_000))
        .into_bytes()
}

/// Sends `bytes` and sees how that ends.
fn throw(target: &testkit::clients::Target, bytes: &[u8]) -> impl Future<Output = Outcome> + Send + use<> {
    let (target, bytes) = (target.clone(), bytes.to_vec());
    async move { raw(&target, &bytes, DEADLINE).await.expect("a connection") }
}

/// A good client that posts all the while.
struct Good {
    runtime: Runtime,
    stop: Arc<AtomicBool>,
    posting: tokio::task::JoinHandle<(u64, Duration)>,
}

impl Good {
    fn start(relay: &Fogbell) -> Self {
        let trust = Trust::pem(&fs::read_to_string(relay.ca()).unwrap()).unwrap();
        let mut post = Post::new(&relay.url(Config::PATH), &trust).unwrap().deadline(DEADLINE);
        let mut headers = Post::headers();
        mist::sign(Config::SECRET.as_bytes(), MESSAGE.as_bytes()).apply(&mut headers);
        let (runtime, stop) = (Runtime::new().unwrap(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let posting = runtime.spawn(async move {
            let (mut answered, mut slowest) = (0, Duration::ZERO);
            while !stopped.load(Ordering::Relaxed) {
                let start = Instant::now();
                let answer = post.post(headers.clone(), MESSAGE.into()).await.unwrap();
                assert_eq!(answer.status.as_u16(), 200);
                answered += 1;
                slowest = slowest.max(start.elapsed());
                tokio::time::sleep(BETWEEN).await;
            }
            (answered, slowest)
        });
        Self { runtime, stop, posting }
    }

    /// How many answers it got, and how long the slowest took.
    fn stop(self) -> (u64, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        self.runtime.block_on(self.posting).unwrap()
    }
}

const DEPTH: usize = 100_000;

/// A chunk of a body without end, and how much of that is sent when nobody ends it.
const CHUNK: usize = 64 << 10;
const ENDLESS: usize = 16 << 20;

/// Large messages that are taken before memory is looked at.
const WARM: u64 = 24;

/// Bombs in the air at once.
const AT_A_TIME: usize = 2;

/// What all of it may cost in memory.
const MOST: u64 = 16 << 20;

/// An answer's time on a busy machine.
const QUICK: Duration = Duration::from_secs(5);

/// Between two posts of the good client.
const BETWEEN: Duration = Duration::from_millis(20);
