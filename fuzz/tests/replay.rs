//! The kept corpus of every target and seeded mutations of it, without libFuzzer.
//!
//! `FOGBELL_FUZZ_SEED` repeats a run; without it the seed is the clock's, and printed.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
#![allow(clippy::print_stdout, reason = "a seed is printed")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

use fogbell_fuzz::TARGETS;
use testkit::Rng;

macro_rules! replay {
    ($($name:ident)*) => {
        $(#[test] fn $name() { replay(stringify!($name)); })*

        const REPLAYED: &[&str] = &[$(stringify!($name)),*];
    };
}

replay! {
    address answer body conductor config ek engine find forwarded head journal line names notification pem proxied rest
    sheet signature token vault
}

#[test]
fn every_target_has_a_program_a_corpus_and_a_replay() {
    let listed: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let names = |folder: &str| -> BTreeSet<String> {
        let files = fs::read_dir(root().join(folder)).unwrap();
        files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };

    assert_eq!(REPLAYED.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), listed);
    assert_eq!(names("fuzz_targets"), listed);
    assert_eq!(names("corpus"), listed);
}

#[test]
fn the_corpus_stays_small() {
    let mut all = 0;
    for target in TARGETS {
        for (path, bytes) in corpus(target.name) {
            assert!(bytes.len() <= 64 << 10, "{} has {} bytes", path.display(), bytes.len());
            all += bytes.len();
        }
    }
    assert!(all < 2 << 20, "{all} bytes in all");
}

fn replay(name: &str) {
    let target = TARGETS.into_iter().find(|target| target.name == name).unwrap();
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "`{name}` has no corpus");
    for (path, bytes) in &corpus {
        run(target.body, bytes, &|| format!("corpus file {}", path.display()));
    }

    let seed = std::env::var("FOGBELL_FUZZ_SEED").map_or_else(|_| clock(), |seed| seed.parse().unwrap());
    println!("{name}: {} files, then {} inputs with FOGBELL_FUZZ_SEED={seed}", corpus.len(), target.rounds);
    let mut rng = Rng::new(seed);
    for _ in 0..target.rounds {
        let input = mutated(&corpus, &mut rng);
        run(target.body, &input, &|| format!("FOGBELL_FUZZ_SEED={seed}, input {input:02x?}"));
    }
}

/// Runs a body; a panic of any thread it starts counts as its own.
fn run(body: fn(&[u8]), input: &[u8], what: &dyn Fn() -> String) {
    static ELSEWHERE: AtomicUsize = AtomicUsize::new(0);
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // the tests' own threads carry the names of the tests
            if !REPLAYED.contains(&thread::current().name().unwrap_or_default()) {
                ELSEWHERE.fetch_add(1, Ordering::SeqCst);
            }
            usual(info);
        }));
    });
    let held = panic::catch_unwind(AssertUnwindSafe(|| body(input))).is_ok();
    assert!(held && ELSEWHERE.load(Ordering::SeqCst) == 0, "the property does not hold for {}", what());
}

/// A file of the corpus with some of its bytes exchanged, doubled, left out or taken from another file.
fn mutated(corpus: &[(PathBuf, Vec<u8>)], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = rng.pick(corpus).1.clone();
    for _ in 0..=rng.below(6) {
        let at = rng.below(bytes.len() + 1);
        let end = at + rng.below((bytes.len() - at).min(32) + 1);
        match rng.below(6) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            2 => {
                let other = &rng.pick(corpus).1;
                let from = rng.below(other.len() + 1);
                let to = from + rng.below((other.len() - from).min(64) + 1);
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            3 => bytes.insert(at, *rng.pick(&[0x00, 0x7f, 0x80, 0xff, b'"', b'\\', b'\n', b'=', b'[', b'{'])),
            _ if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            _ => bytes.push(u8::try_from(rng.below(256)).unwrap()),
        }
    }
    bytes
}

/// The kept files of a target by name, so that a seed means the same everywhere.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(root().join("corpus").join(name)).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn clock() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into()
}
