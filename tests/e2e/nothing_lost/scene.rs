//! A relay under load that faults strike, one after the other.

use std::path::Path;
use std::time::Duration;

use e2e::{Config, DEADLINE, Fogbell, wait_until};
use serde_json::json;

use super::load::{Load, Size, Target, Told, Until};
use super::sinks::Receivers;
use super::{DRAINED, admin, tell};

/// The relay, its receivers, and what came of the faults so far.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) relay: Fogbell,
    receivers: Receivers,
    told: Told,
    faults: u64,
    /// Faults after which it acknowledged again by itself.
    healed: u64,
    /// Faults after which it had to be started again.
    restarted: u64,
}

impl Scene {
    /// Starts one with receivers of syslog, its state in its own folder.
    pub(crate) fn start() -> Self {
        Self::with(Fogbell::start)
    }

    /// The same in `home`, with the state in `state`.
    pub(crate) fn start_in(home: &Path, state: &Path) -> Self {
        let state = format!("{:?}", state.display().to_string());
        Self::with(|config| Fogbell::start_in(home, &config.clone().set("", "state", &state)))
    }

    fn with(start: impl FnOnce(&Config) -> Fogbell) -> Self {
        let receivers = Receivers::start_syslog();
        let relay = start(&receivers.add_to(Config::new(), ""));
        Self { relay, receivers, told: Told::default(), faults: 0, healed: 0, restarted: 0 }
    }

    /// One fault: `strike` returns once it has struck, `mend` takes its cause away. `mend` may say that the relay
    /// cannot go on as it is. Afterwards the relay acknowledges again, started again if it has ended, which must
    /// have been said by its exit code.
    pub(crate) fn fault(
        &mut self,
        strike: impl FnOnce(&mut Fogbell, &Load),
        mend: impl FnOnce(&mut Fogbell) -> Mended,
    ) {
        let load = Load::start(
            &Target::of(&self.relay),
            CONNECTIONS * self.faults,
            CONNECTIONS,
            Size::Usual,
            Until::Finished,
        );
        self.faults += 1;
        self.wait_acknowledged(&load, 0);

        strike(&mut self.relay, &load);
        let mended = mend(&mut self.relay);
        // Answers may have been on their way, one on each connection.
        let before = load.acknowledged() + usize::try_from(CONNECTIONS).expect("a few");
        let relay = self.relay.process();
        let went_on = matches!(mended, Mended::InPlace)
            && wait_until(DEADLINE, || !relay.is_running() || load.acknowledged() > before)
            && relay.is_running();
        if went_on {
            self.healed += 1;
        } else {
            if relay.is_running() {
                assert!(matches!(mended, Mended::ByRestart), "it neither went on nor ended");
                relay.kill9();
            } else {
                let status = self.relay.wait_exit(DEADLINE);
                assert!(!status.success(), "it ended as if nothing had happened: {status}");
            }
            self.restarted += 1;
            self.relay.start_again();
            self.wait_acknowledged(&load, before);
        }
        self.told.extend(load.finish(Until::Finished));
    }

    fn wait_acknowledged(&mut self, load: &Load, before: usize) {
        let goes_on = wait_until(DEADLINE, || load.acknowledged() > before);
        let log = self.relay.process().lines();
        let end = log.get(log.len().saturating_sub(SHOWN)..).unwrap_or_default().join("\n");
        assert!(goes_on, "fault {}: nothing is acknowledged; its log:\n{end}", self.faults);
    }

    /// Waits until everything is delivered, tells the figures of `story` and judges them.
    pub(crate) fn judge(mut self, story: &str) {
        admin::wait_drained(&mut self.relay, DRAINED);
        let figures = self.receivers.account(&self.told, DRAINED);
        let refused = |wanted: fn(u16) -> bool| -> u64 {
            self.told.refusals.iter().filter(|((status, _), _)| wanted(*status)).map(|(_, count)| count).sum()
        };
        let (unready, others) = (refused(|status| status == 503), refused(|status| status != 503));
        let lost: usize = figures.iter().map(|figures| figures.lost).sum();
        eprintln!("{story}: {figures:?}, refused {:?}", self.told.refusals);
        tell(&json!({
            "faults": self.faults,
            "acknowledged": self.told.acknowledged().count(),
            "lost": lost,
            "answered_503": unready,
            "other_answers": others,
            "healed": self.healed,
            "restarted": self.restarted,
        }));
        assert_eq!(lost, 0, "acknowledged messages are lost");
        assert_eq!(others, 0, "{:?}", self.told.refusals);
    }
}

/// What became of the relay when a fault's cause was taken away.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mended {
    /// It was left alone.
    InPlace,
    /// It had to be ended for that, if it had not ended itself.
    ByRestart,
}

/// Connections of a load.
const CONNECTIONS: u64 = 8;

/// Lines of the log that a panic shows.
const SHOWN: usize = 40;

/// How long a fault may take to strike on a busy machine.
pub(crate) const STRUCK: Duration = Duration::from_secs(60);
