//! The power is cut under load: what was not synced is gone, what was acknowledged is not.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use e2e::{Config, Fogbell, wait_until};
use serde_json::json;

use self::disk::Disk;
use self::torn::tear;
use super::injected::{kill_at_sync, nth};
use super::load::{Load, Target, Told, Until};
use super::sinks::Receivers;
use super::{DRAINED, admin, moment, rounds, seeded, tell};

mod broken;
pub(crate) mod disk;
mod torn;

#[test]
fn nothing_acknowledged_is_lost_when_the_power_is_cut() {
    cut_power("power", rounds(3, 100), false);
}

/// The relay ends where it begins a sync, and of what was not synced a random part is on the disk.
#[test]
fn nothing_acknowledged_is_lost_when_the_power_is_cut_in_the_middle_of_a_write() {
    cut_power("torn", rounds(2, 100), true);
}

fn cut_power(story: &str, cuts: usize, torn: bool) {
    let mut rng = seeded(story);
    let mut receivers = Receivers::start();
    let mut disk = Disk::mount();
    let home = tempfile::tempdir().unwrap();
    let state = disk.folder().join("state");
    fs::create_dir(&state).unwrap();
    let config = Config::new().set("", "state", &format!("{:?}", state.display().to_string())).set(
        "tls",
        "self_signed",
        "[\"localhost\"]",
    );
    let mut relay = Fogbell::start_in(home.path(), &receivers.add_to(config, ""));
    let certificate = fs::read(state.join("self-signed.pem")).unwrap();
    let target = Target::trusting(&relay, &state.join("self-signed.pem"));
    let mut engines = vec![Engine::read(&state)];
    let mut told = Told::default();
    let mut sectors = (0, 0);

    for cut in 0..cuts {
        let load = Load::paced(&target, 8 * cut as u64, 8, PER_SEC);
        assert!(wait_until(SOON, || load.acknowledged() > 0), "nothing is acknowledged before cut {cut}");
        receivers.change(&mut rng);
        // A new file each time: ext4 itself syncs one that is emptied and written again.
        let unsynced = state.join(format!("unsynced-{cut}"));
        if torn {
            fs::write(&unsynced, UNSYNCED).unwrap();
            kill_at_sync(&mut relay, nth(&mut rng));
        } else {
            // The moment of the cut is what this is about: nothing can be waited for.
            sleep(moment(&mut rng, BETWEEN_CUTS));
            fs::write(&unsynced, UNSYNCED).unwrap();
            relay.kill9();
        }
        let written = FILES.map(|name| fs::read(state.join(name)).unwrap());
        disk.cut_power();
        told.extend(load.finish(Until::Finished));

        let survived = fs::read(&unsynced).is_ok_and(|left| left == UNSYNCED);
        assert!(!survived, "what nobody synced survived: this was no power cut");
        if torn {
            for (name, written) in FILES.iter().zip(&written) {
                let (kept, lost) = tear(&mut rng, written, &state.join(name));
                sectors = (sectors.0 + kept, sectors.1 + lost);
            }
        }
        relay.start_again();
        assert!(wait_until(SOON, || admin::is_ready(&relay)), "not ready after cut {cut}");
        assert_eq!(fs::read(state.join("self-signed.pem")).unwrap(), certificate, "another certificate");
        engines.push(Engine::read(&state));
    }
    receivers.set_all(true);
    admin::wait_drained(&mut relay, DRAINED);

    let acknowledged = told.acknowledged().count();
    let figures = receivers.account(&told, DRAINED);
    let boots: Vec<u64> = engines.iter().map(|engine| engine.boots).collect();
    eprintln!("{story}: boots {boots:?}; {figures:?}");
    let lost: usize = figures.iter().map(|figures| figures.lost).sum();
    let repeats: usize = figures.iter().map(|figures| figures.repeats).sum();
    tell(&json!({
        "cuts": cuts,
        "acknowledged": acknowledged,
        "lost": lost,
        "overtaken": figures.iter().map(|figures| figures.overtaken).sum::<usize>(),
        "repeats": repeats,
        "sectors_kept": sectors.0,
        "sectors_lost": sectors.1,
    }));
    assert_eq!(sectors.0 > 0 && sectors.1 > 0, torn, "{sectors:?} sectors were kept and lost");
    assert_eq!(lost, 0, "acknowledged messages are lost");
    assert!(acknowledged > 10 * cuts, "{acknowledged} acknowledged is no load");
    assert!(engines.iter().all(|engine| engine.id == engines[0].id), "another engine id: {engines:?}");
    assert!(boots.is_sorted_by(|before, after| before < after), "boots {boots:?}");
    relay.kill9();
    disk.unmount();
}

/// The SNMP engine as the relay keeps it.
#[derive(Debug)]
struct Engine {
    id: String,
    boots: u64,
}

impl Engine {
    fn read(state: &Path) -> Self {
        let text = fs::read_to_string(state.join("snmp-engine")).expect("the engine is kept");
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
            line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
        };
        Self { id: value("engine_id"), boots: value("boots").parse().expect("a number") }
    }
}

/// The files that a write may be under way to.
const FILES: [&str; 2] = ["journal.db-wal", "journal.db"];

/// What a program that does not sync writes.
const UNSYNCED: &[u8] = &[b'x'; 20_000];

/// Messages a second: a hundred cuts and what they leave have to fit on the disk.
const PER_SEC: u64 = 400;

/// The longest the power stays on under load.
const BETWEEN_CUTS: Duration = Duration::from_secs(3);

const SOON: Duration = Duration::from_secs(10);
