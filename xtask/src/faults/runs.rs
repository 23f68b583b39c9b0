//! The runs there are. `docs/reliability.md` has a line for each, which a test holds.

use super::figures::{Goal, at_least, at_most};

/// A test with a name, and what it must find.
#[derive(Debug)]
pub(crate) struct Run {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// Its line in `docs/reliability.md`.
    pub(crate) line: &'static str,
    /// What is promised, in one line.
    pub(crate) promise: &'static str,
    /// The package of the test.
    pub(crate) package: &'static str,
    /// The test with its modules.
    pub(crate) test: &'static str,
    /// What its figures must be.
    pub(crate) goals: &'static [Goal],
}

/// The package of the stories.
pub(crate) const E2E: &str = "e2e";

/// A story in `tests/e2e/nothing_lost`.
macro_rules! story {
    ($line:literal, $name:literal, $promise:literal, $test:literal, [$($goal:expr),* $(,)?]) => {
        Run {
            name: $name,
            line: $line,
            promise: $promise,
            package: E2E,
            test: concat!("nothing_lost::", $test),
            goals: &[$($goal),*],
        }
    };
}

/// One line each, in the order of the document. A test tells its figures in a line `figures: {"lost": 0}` on
/// standard error, and is as large as a full run when `FOGBELL_LONG` is 1.
#[rustfmt::skip]
pub(crate) const RUNS: &[Run] = &[
    story!("R1", "kills", "kill -9 under load loses nothing acknowledged",
        "kills::nothing_acknowledged_is_lost_when_the_process_is_killed",
        [at_most("lost", 0.0), at_least("kills", 200.0).when_full(),
         at_least("acknowledged", 500_000.0).when_full(), at_most("slowest_ready_ms", 1000.0).when_full()]),
    story!("R1", "informs", "kill -9 loses no inform",
        "kills::no_inform_is_lost_when_the_process_is_killed",
        [at_most("lost", 0.0), at_least("kills", 50.0).when_full(), at_least("acknowledged", 10_000.0).when_full(),
         at_most("slowest_ready_ms", 1000.0).when_full()]),
    story!("R2", "power", "a power cut under load loses nothing acknowledged",
        "needs_root::nothing_acknowledged_is_lost_when_the_power_is_cut",
        [at_most("lost", 0.0), at_least("cuts", 100.0).when_full()]),
    story!("R2", "torn", "a power cut in the middle of a write loses nothing acknowledged",
        "needs_root::nothing_acknowledged_is_lost_when_the_power_is_cut_in_the_middle_of_a_write",
        [at_most("lost", 0.0), at_least("sectors_kept", 1.0), at_least("sectors_lost", 1.0),
         at_least("cuts", 100.0).when_full()]),
    story!("R2", "sync-kills", "a kill at any sync loses nothing acknowledged",
        "injected::nothing_acknowledged_is_lost_when_a_sync_is_the_last_thing_it_does",
        [at_most("lost", 0.0), at_most("other_answers", 0.0), at_least("faults", 100.0).when_full()]),
    story!("R3", "eio-sync", "EIO at a sync: nothing false is answered, it ends and recovers",
        "injected::a_sync_that_fails_acknowledges_nothing_and_a_restart_recovers",
        [at_most("lost", 0.0), at_most("other_answers", 0.0), at_most("healed", 0.0), at_least("faults", 50.0).when_full()]),
    story!("R3", "eio-write", "EIO at a write: nothing false is answered, it recovers",
        "injected::a_write_that_fails_acknowledges_nothing_and_a_restart_recovers",
        [at_most("lost", 0.0), at_most("other_answers", 0.0), at_least("faults", 50.0).when_full()]),
    story!("R3", "enospc", "ENOSPC at a write: nothing false is answered, it heals",
        "injected::a_write_without_room_acknowledges_nothing_and_heals",
        [at_most("lost", 0.0), at_most("other_answers", 0.0), at_most("restarted", 0.0), at_least("faults", 50.0).when_full()]),
    story!("R3", "full-disk", "a disk without room: 503, and it heals",
        "needs_root::broken::a_full_disk_acknowledges_nothing_and_heals",
        [at_most("lost", 0.0), at_most("other_answers", 0.0), at_most("restarted", 0.0), at_least("answered_503", 1.0),
         at_least("faults", 50.0).when_full()]),
    story!("R3", "erofs", "EROFS at a write: nothing false is answered, it heals",
        "injected::a_write_to_a_disk_that_became_read_only_acknowledges_nothing",
        [at_most("lost", 0.0), at_most("other_answers", 0.0), at_most("restarted", 0.0), at_least("faults", 50.0).when_full()]),
    story!("R3", "read-only", "a disk that breaks and becomes read-only: nothing false is answered",
        "needs_root::broken::a_disk_that_breaks_and_becomes_read_only_acknowledges_nothing",
        [at_most("lost", 0.0), at_most("other_answers", 0.0), at_least("faults", 50.0).when_full()]),
    story!("R3", "emfile", "no descriptors: who is there is served, and it heals",
        "limits::a_relay_without_descriptors_serves_who_is_there_and_heals",
        [at_most("lost", 0.0), at_most("other_answers", 0.0), at_most("restarted", 0.0), at_least("faults", 50.0).when_full()]),
    story!("R3", "efbig", "files that may not grow: nothing false is answered, it heals",
        "limits::a_file_that_may_not_grow_acknowledges_nothing",
        [at_most("lost", 0.0), at_most("other_answers", 0.0), at_most("restarted", 0.0), at_least("faults", 50.0).when_full()]),
    Run { name: "flips", line: "R4", promise: "a flipped bit costs one record at most and alters none",
        package: "fogbell-journal", test: "flips::a_flipped_bit_costs_at_most_one_record_and_never_alters_one",
        goals: &[at_most("lost_by_one_flip", 1.0), at_least("noticed", 1.0), at_least("flips", 1_000.0).when_full()] },
    story!("R4", "flips-relay", "the relay starts with a flipped bit, and delivers the rest unaltered",
        "flips::a_flipped_bit_costs_one_message_at_most_and_alters_none",
        [at_most("lost_by_one_flip", 1.0), at_least("flips", 60.0).when_full()]),
    story!("R5", "day", "a receiver that was away for a day and is slow gets everything in order",
        "day::a_receiver_that_was_down_for_a_day_and_is_slow_gets_everything_in_order",
        [at_least("alerts", 86_400.0).when_full()]),
    story!("R6", "resets", "connections of syslog that break lose nothing",
        "resets::a_reset_loses_nothing_and_repeats_under_the_same_id",
        [at_least("repeats", 1.0), at_least("breaks", 1_000.0).when_full()]),
    story!("R6", "stops", "connections that break while the relay stops lose nothing",
        "resets::a_reset_while_the_relay_stops_loses_nothing",
        [at_least("stops", 50.0).when_full()]),
    story!("R7", "order", "no answer leaves before its message is synced",
        "order::the_answer_leaves_only_after_the_journal_was_synced",
        [at_most("before_sync", 0.0), at_least("answers", 5.0), at_least("answers", 200.0).when_full()]),
    story!("R7", "rate", "answers come soon at 500 messages a second, and many of them",
        "rate::every_message_of_a_steady_load_is_acknowledged",
        [at_least("steady_messages", 1_000.0), at_most("p99_ms", 50.0).when_full(),
         at_least("acknowledged_per_s", 2_000.0).when_full()]),
    story!("R8", "restarts", "SNMPv3 goes on over restarts of the relay and of the receiver",
        "restarts::snmpv3_goes_on_over_restarts_of_both_ends",
        [at_most("lost", 0.0), at_least("restarts_of_each", 50.0).when_full()]),
    story!("R8", "engines", "a receiver of informs that returns as another engine gets everything",
        "engines::a_receiver_that_returns_as_another_engine_gets_everything",
        [at_most("lost", 0.0), at_least("returns", 15.0).when_full()]),
    Run { name: "ha", line: "R9", promise: "a virtual IP that moves between two relays loses nothing and leaves no alarm open",
        package: E2E, test: "pair::needs_root::nothing_acknowledged_is_lost_while_the_virtual_ip_moves",
        goals: &[at_most("lost", 0.0), at_most("open", 0.0), at_most("gap_s", 4.0), at_least("relays", 2.0),
                 at_least("failovers", 4.0), at_least("failovers", 30.0).when_full()] },
    story!("R10", "clock", "a clock that jumps or stands still loses nothing and holds nothing up",
        "clock::a_clock_that_jumps_or_stands_still_loses_nothing_and_holds_nothing_up",
        [at_least("of_each", 10.0).when_full()]),
    story!("R11", "soak", "a constant rate makes nothing grow and loses nothing",
        "soak::a_constant_rate_makes_nothing_grow_and_loses_nothing",
        [at_least("seconds", 600.0).when_full(), at_most("mib_an_hour", 1.0).when_full()]),
    Run { name: "vault-kills", line: "X9", promise: "a writer of the vault that is killed loses nothing and tears nothing",
        package: E2E, test: "vault::kills::a_writer_that_is_killed_at_any_moment_leaves_the_old_vault_or_the_new_one",
        goals: &[at_most("lost", 0.0), at_least("kills", 1.0), at_least("kills", 500.0).when_full()] },
    Run { name: "vault-power", line: "X9", promise: "a power cut in the middle of a write to the vault loses nothing",
        package: E2E, test: "vault::needs_root::a_power_cut_in_the_middle_of_a_write_leaves_the_old_vault_or_the_new_one",
        goals: &[at_most("lost", 0.0), at_least("cuts", 100.0).when_full()] },
    Run { name: "vault-rotations", line: "X9", promise: "the root key is rotated under load and no secret is lost",
        package: E2E, test: "vault::writers::the_root_key_is_rotated_under_load_and_nothing_is_lost",
        goals: &[at_most("lost", 0.0), at_least("rotations", 20.0), at_least("rotations", 200.0).when_full()] },
    Run { name: "bombs", line: "X7", promise: "a bomb is answered quickly, costs little memory and delays nobody",
        package: E2E, test: "refusals::bombs::a_bomb_is_refused_quickly_costs_little_and_delays_nobody",
        goals: &[at_most("kib_more", 16_384.0), at_most("slowest_answer_ms", 1_000.0).when_full(),
                 at_least("bombs", 600.0).when_full()] },
    Run { name: "acme", line: "X10", promise: "an authority that refuses nonces still issues, and a valid certificate is always shown",
        package: E2E, test: "certificates::acme::a_certificate_is_issued_and_renewed_while_nonces_are_refused",
        goals: &[at_most("invalid", 0.0), at_most("restarts", 0.0), at_least("issued", 120.0).when_full()] },
    Run { name: "slow", line: "X5", promise: "slow clients are cut in time, cost little and delay nobody",
        package: E2E, test: "refusals::slow::slow_clients_are_cut_in_time_and_delay_nobody",
        goals: &[at_most("slowest_cut_s", 15.0), at_most("peak_mib", 300.0), at_least("connections_each", 5_000.0).when_full(),
                 at_most("good_p99_ms", 200.0).when_full(), at_most("good_new_connection_p99_ms", 200.0).when_full()] },
    Run { name: "http2", line: "X6", promise: "a flood of HTTP/2 is cut at its first bytes and costs nothing",
        package: E2E, test: "refusals::http2::a_flood_of_http_2_is_cut_at_its_first_bytes_and_costs_nothing",
        goals: &[at_most("kib_more", 1_024.0), at_least("frames_each", 20_000.0), at_least("floods", 900.0).when_full(),
                 at_most("slowest_end_ms", 1_000.0).when_full()] },
    Run { name: "tls", line: "X4", promise: "testssl.sh and sslyze find nothing of medium or above",
        package: E2E, test: "tls::auditors::testssl_and_sslyze_find_nothing_of_medium_or_above",
        goals: &[at_most("findings", 0.0), at_least("scans", 2.0), at_least("scans", 4.0).when_full()] },
    Run { name: "pilot-steps", line: "O1", promise: "fogpilot, killed behind every step one after another, ends as if nothing had been",
        package: E2E, test: "fogpilot::crashes::killed_behind_every_step_one_after_another_a_run_ends_as_if_nothing_had_been",
        goals: &[at_most("done_twice", 0.0), at_most("wrong_bindings", 0.0), at_least("kills", 5.0), at_least("kills", 25.0).when_full()] },
    Run { name: "pilot-boundaries", line: "O1", promise: "fogpilot, killed once behind any entry of its record, ends as if nothing had been",
        package: E2E, test: "fogpilot::crashes::killed_once_behind_any_entry_of_its_record_a_run_ends_as_if_nothing_had_been",
        goals: &[at_most("done_twice", 0.0), at_most("wrong_bindings", 0.0), at_least("kills", 2.0), at_least("kills", 60.0).when_full()] },
    Run { name: "pilot-kills", line: "O1", promise: "fogpilot, killed at random moments, ends as if nothing had been",
        package: E2E, test: "fogpilot::crashes::killed_at_random_moments_a_run_ends_as_if_nothing_had_been",
        goals: &[at_most("done_twice", 0.0), at_most("wrong_bindings", 0.0), at_least("kills", 3.0), at_least("kills", 200.0).when_full()] },
    Run { name: "pilot-many", line: "O2", promise: "of two hundred routers none is taken for another, whatever goes wrong",
        package: E2E, test: "fogpilot::many::of_two_hundred_routers_none_is_taken_for_another_whatever_goes_wrong",
        goals: &[at_most("wrong_bindings", 0.0), at_most("mist_calls", 3_000.0), at_least("routers", 80.0), at_least("routers", 200.0).when_full()] },
    Run { name: "pilot-readings", line: "O3", promise: "however the undocumented is read, fogpilot succeeds or says what is in the way",
        package: E2E, test: "fogpilot::readings::however_the_undocumented_is_a_run_succeeds_or_says_what_is_in_the_way",
        goals: &[at_most("wrong_bindings", 0.0), at_least("succeeded", 1.0), at_least("settings", 20.0).when_full()] },
    Run { name: "timing", line: "X2", promise: "how long a wrong signature takes tells nothing of how wrong it is",
        package: "fogbell-webhook", test: "a_wrong_signature_takes_as_long_whichever_of_its_bytes_is_wrong",
        goals: &[at_most("t_signed", 4.5), at_least("t_leaky", 45.0),
                 at_least("calls", 1_000_000.0).when_full()] },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// Every file of Rust under `folder`.
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_run_has_a_name_of_its_own_goals_and_a_test_that_exists() {
        let names: BTreeSet<&str> = RUNS.iter().map(|run| run.name).collect();
        assert_eq!(names.len(), RUNS.len());
        for run in RUNS {
            let (modules, function) = run.test.rsplit_once("::").unwrap_or(("", run.test));
            let mut files = Vec::new();
            if run.package == E2E {
                files.push(root().join(format!("tests/e2e/{}.rs", modules.replace("::", "/"))));
            } else {
                sources(&root().join("crates"), &mut files);
            }
            let declared = format!("fn {function}(");
            let is_there =
                files.iter().any(|file| fs::read_to_string(file).is_ok_and(|text| text.contains(&declared)));
            assert!(is_there, "{}: no {declared} in {files:?}", run.name);
            assert!(!run.goals.is_empty(), "{} has no goal", run.name);
        }
    }

    #[test]
    fn the_document_has_every_run_and_no_other() {
        let text = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
        let named: BTreeSet<&str> = text
            .split("`cargo xtask faults ")
            .skip(1)
            .filter_map(|rest| rest.split('`').next()?.split(' ').next())
            .filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase()))
            .collect();

        assert_eq!(named, RUNS.iter().map(|run| run.name).collect::<BTreeSet<&str>>());
    }
}
