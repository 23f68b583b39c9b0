use std::collections::BTreeMap;
use std::time::Duration;

use ids::{Mac, SiteId, Timestamp};
use serde_json::json;

use super::*;
use crate::config::{ConfigPath, Configuration, Identity, Routers};
use crate::ek::{EndorsementKey, SpkiFingerprint};
use crate::observe::{Asset, AssetStatus, AuthState, Device, SsrState, TokenState};
use crate::token::TokenFingerprint;
use crate::{AssetId, ConductorHost, RouterName};

fn name(text: &str) -> RouterName {
    text.parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn site() -> SiteId {
    "00000000-0000-4000-8000-000000000001".parse().unwrap()
}

fn hosts(texts: &[&str]) -> Vec<ConductorHost> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn state(texts: &[&str], token: TokenState) -> SsrState {
    SsrState {
        conductor_hosts: texts.iter().map(|text| (*text).into()).collect(),
        token,
        auto_upgrade: false,
    }
}

fn ours() -> TokenFingerprint {
    TokenFingerprint::of("ours")
}

fn theirs() -> TokenFingerprint {
    TokenFingerprint::of("theirs")
}

// === identities ===

#[test]
fn an_identity_is_filled_left_or_refused() {
    let wanted = EndorsementKey::from_spki(&crate::plan::tests::spki()).unwrap();
    let other = crate::plan::tests::keys(2).remove(1);
    let unreadable = Identity::Other(SpkiFingerprint::of(b"x"));
    for (found, replace, connected, expect) in [
        (Identity::Empty, false, false, "fill"),
        (Identity::Empty, false, true, "fill"),
        (Identity::Key(wanted.clone()), true, false, "equal"),
        (Identity::Key(other.clone()), false, false, "different"),
        (Identity::Key(other.clone()), true, true, "different"),
        (Identity::Key(other), true, false, "replace"),
        (unreadable.clone(), false, false, "different"),
        (unreadable, true, true, "different"),
    ] {
        let decision = decide_identity(&found, &wanted, replace, connected).to_string();
        assert!(decision.starts_with(expect), "{found:?} {replace} {connected}: {decision}");
    }
}

// === legacy cutoff ===

fn asset(router: Option<&str>, status: &str) -> Asset {
    Asset {
        router: router.map(name),
        node: None,
        status: AssetStatus::new(status),
        version: None,
        seen: at(0),
    }
}

fn routers(modes: &[(&str, &str)]) -> Routers {
    let router = |(name, mode): &(&str, &str)| match *mode {
        "" => json!({"name": name}),
        mode => json!({"name": name, "system": {"secure-conductor-onboarding": {"mode": mode}}}),
    };
    Routers::of(&Configuration::from_json(&json!({"router": modes.iter().map(router).collect::<Vec<_>>()})))
}

#[test]
fn legacy_routers_are_those_with_a_connected_asset_and_no_mode() {
    let running = routers(&[("a", ""), ("b", "disabled"), ("c", "strong"), ("d", ""), ("e", "")]);
    let assets: BTreeMap<AssetId, Asset> = [
        ("A0", asset(Some("a"), "running")),
        ("A1", asset(Some("a"), "running")),
        ("B", asset(Some("b"), "synchronized")),
        ("C", asset(Some("c"), "running")),
        ("D", asset(Some("d"), "disconnected")),
        ("E", asset(Some("e"), "a word of tomorrow")),
        ("F", asset(None, "connected")),
    ]
    .into_iter()
    .map(|(id, asset)| (id.parse().unwrap(), asset))
    .collect();

    let legacy = legacy_routers(&running, &assets);

    assert_eq!(legacy.iter().map(|name| &**name).collect::<Vec<_>>(), ["F", "a", "b", "e"]);
    assert_eq!(LegacyCutoff::of(&running, &assets), None);
    let before = routers(&[("a", ""), ("b", "disabled")]);
    assert_eq!(LegacyCutoff::of(&before, &assets).map(|cutoff| cutoff.routers), Some(5));
}

#[test]
fn the_cutoff_is_accepted_with_the_number_that_is_counted_now() {
    let cutoff = |routers| Some(LegacyCutoff { routers });
    for (now, accepted, expect) in [
        (None, None, true),
        (None, Some(12), true),
        (cutoff(12), Some(12), true),
        (cutoff(12), Some(11), false),
        (cutoff(12), Some(13), false),
        (cutoff(12), None, false),
        (cutoff(0), None, false),
        (cutoff(0), Some(0), true),
    ] {
        assert_eq!(LegacyCutoff::is_accepted(now, accepted), expect, "{now:?} {accepted:?}");
    }
}

// === settings ===

#[test]
fn what_a_site_holds_already_needs_its_flag() {
    let mac: Mac = "020000000009".parse().unwrap();
    let wanted = hosts(&["192.0.2.1"]);
    let flags = |found: &SsrState, ours: &[TokenFingerprint], others: &[Mac]| {
        let flags = judge_settings(site(), found, &wanted, ours, others);
        flags.iter().map(SettingsFlag::as_str).collect::<Vec<_>>()
    };
    let none = TokenState::Absent;
    assert_eq!(flags(&state(&[], none), &[], &[]), [""; 0]);
    assert_eq!(flags(&state(&["192.0.2.1"], none), &[], &[]), [""; 0]);
    assert_eq!(flags(&state(&["192.0.2.9"], none), &[], &[]), ["--replace-hosts"]);
    assert_eq!(flags(&state(&["192.0.2.1", "192.0.2.2"], none), &[], &[]), ["--replace-hosts"]);
    assert_eq!(flags(&state(&[], TokenState::Set(theirs())), &[ours()], &[]), ["--replace-token"]);
    assert_eq!(flags(&state(&[], TokenState::Set(ours())), &[ours()], &[]), [""; 0]);
    assert_eq!(flags(&state(&[], TokenState::Masked), &[], &[]), ["--replace-token"]);
    assert_eq!(flags(&state(&[], none), &[], &[mac]), ["--accept-other-routers"]);
    let upgrading = SsrState { auto_upgrade: true, ..state(&[], none) };
    assert_eq!(flags(&upgrading, &[], &[]), ["--accept-auto-upgrade"]);
}

#[test]
fn settings_that_somebody_else_wrote_are_not_ours() {
    let wanted = hosts(&["192.0.2.1"]);
    for (found, expect) in [
        (state(&["192.0.2.1"], TokenState::Set(ours())), true),
        (state(&["192.0.2.1"], TokenState::Masked), true),
        (state(&["192.0.2.1"], TokenState::Set(theirs())), false),
        (state(&["192.0.2.1"], TokenState::Absent), false),
        (state(&["192.0.2.9"], TokenState::Set(ours())), false),
        (state(&["192.0.2.9"], TokenState::Masked), false),
        (state(&[], TokenState::Set(ours())), false),
    ] {
        assert_eq!(settings_are_ours(&found, &wanted, ours()), expect, "{found:?}");
    }
}

// === health ===

fn sample(minutes: i64, auth: &str, asset: &str, conductor: bool, mist: bool) -> Sample {
    let auth = if auth == "unseen" { AuthState::NotSeen } else { AuthState::new(auth) };
    let asset = (!asset.is_empty()).then(|| AssetStatus::new(asset));
    Sample { time: at(minutes * 60), auth, asset, conductor: Some(conductor), mist: Some(mist) }
}

/// The health at `now` minutes of a router that was assigned in minute 0 of an old or a new conductor.
fn health_at(now: i64, conductor: &str, samples: &[Sample]) -> Health {
    let conductor: Option<conductor::Version> = conductor.parse().ok();
    health(
        &Evidence { assigned: Some(at(0)), samples, conductor: conductor.as_ref(), now: at(now * 60) },
        &Deadlines::default(),
    )
}

fn good(minutes: i64) -> Sample {
    sample(minutes, "completed", "running", true, true)
}

#[test]
fn verified_is_all_of_it_for_five_minutes_and_nothing_less() {
    assert_eq!(health_at(12, "7.2.3", &[good(6), good(9), good(11)]), Health::Verified { since: at(360) });
    assert_eq!(health_at(12, "7.2.3", &[good(6), good(10)]), Health::Settling { since: at(360) });
    assert_eq!(health_at(99, "7.2.3", &[good(6)]), Health::Settling { since: at(360) });
    // a break begins anew
    let broken = sample(8, "completed", "running", false, true);
    assert_eq!(
        health_at(12, "7.2.3", &[good(1), broken, good(9), good(12)]),
        Health::Settling { since: at(540) }
    );
    for part in [
        sample(12, "completed", "synchronized", true, true),
        sample(12, "completed", "running", false, true),
        sample(12, "completed", "running", true, false),
        sample(12, "completed", "", true, true),
        sample(12, "waiting", "running", true, true),
        Sample { mist: None, ..good(12) },
        Sample { conductor: None, ..good(12) },
    ] {
        assert!(!health_at(12, "7.2.3", &[good(1), good(11), part.clone()]).is_verified(), "{part:?}");
    }
}

#[test]
fn what_was_seen_before_the_assignment_is_stale() {
    let old = [good(-20), good(-10), good(0)];
    assert_eq!(health_at(40, "7.2.3", &old), Health::Stale);
    assert_eq!(health_at(40, "7.2.3", &[]), Health::Stale);
    // five minutes of it from before do not help
    assert_eq!(health_at(2, "7.2.3", &[good(-10), good(1)]), Health::Settling { since: at(60) });
}

#[test]
fn past_its_deadlines_a_router_waits_or_is_degraded_and_has_not_failed() {
    let not_yet = sample(10, "waiting", "", false, true);
    assert!(matches!(health_at(15, "7.2.3", std::slice::from_ref(&not_yet)), Health::InProgress { .. }));
    assert!(matches!(health_at(16, "7.2.3", &[not_yet]), Health::Waiting { .. }));
    let half = sample(10, "completed", "synchronizing", true, true);
    assert!(matches!(health_at(30, "7.2.3", std::slice::from_ref(&half)), Health::InProgress { .. }));
    assert_eq!(health_at(31, "7.2.3", &[half]), Health::Degraded { missing: vec!["asset running".into()] });
    let word = sample(10, "rejected: key mismatch", "", false, true);
    assert!(
        matches!(health_at(10, "7.2.3", std::slice::from_ref(&word)), Health::InProgress { .. }),
        "a word is no failure"
    );
    assert!(matches!(health_at(16, "7.2.3", &[word]), Health::Waiting { .. }));
}

#[test]
fn waiting_while_connected_on_an_old_conductor_is_unknown() {
    let waiting = sample(20, "waiting", "running", true, true);
    assert_eq!(health_at(20, "7.2.2", std::slice::from_ref(&waiting)), Health::Unknown);
    assert_eq!(health_at(20, "unknown", std::slice::from_ref(&waiting)), Health::Unknown);
    assert!(matches!(health_at(20, "7.2.3", &[waiting]), Health::Waiting { .. }));
    let gone = sample(20, "waiting", "disconnected", false, true);
    assert!(matches!(health_at(20, "7.2.2", &[gone]), Health::Waiting { .. }));
    assert!(!Health::Unknown.frees_site());
}

#[test]
fn without_a_look_at_it_the_authentication_is_not_seen() {
    let unseen = |minutes| sample(minutes, "unseen", "running", true, true);

    let health = health_at(40, "7.2.3", &[unseen(6), unseen(30)]);

    assert_eq!(health, Health::AuthNotSeen { since: at(360) });
    assert!(!health.is_verified() && !health.frees_site());
    assert!(health.to_string().starts_with("auth state not seen"));
}

#[test]
fn a_site_is_held_until_the_authentication_is_completed_and_the_asset_runs() {
    for (sample, free) in [
        (good(3), true),
        (sample(3, "completed", "running", true, false), true),
        (sample(3, "completed", "synchronized", true, true), false),
        (sample(3, "waiting", "running", true, true), false),
        (sample(3, "unseen", "running", true, true), false),
    ] {
        assert_eq!(health_at(3, "7.2.3", std::slice::from_ref(&sample)).frees_site(), free, "{sample:?}");
        assert!(!health_at(60, "7.2.3", &[sample]).frees_site() || free);
    }
}

#[test]
fn a_token_lives_both_deadlines_and_an_hour() {
    assert_eq!(Deadlines::default().token_lifetime(), Duration::from_secs((15 + 30 + 60) * 60));
}

// === cleanup ===

fn clean(change: impl FnOnce(&mut SiteAtCleanup<'_>)) -> Cleanup {
    let mut site = SiteAtCleanup {
        token: TokenState::Set(ours()),
        ours: ours(),
        unfinished: &[],
        org_token: TokenState::Absent,
        accept_org_token: false,
        accept_unreadable: false,
        canary_passed: true,
    };
    change(&mut site);
    cleanup(&site)
}

#[test]
fn only_our_own_token_is_taken_away_and_only_when_nobody_needs_it() {
    assert_eq!(clean(|_| {}), Cleanup::Remove);
    assert_eq!(clean(|site| site.token = TokenState::Absent), Cleanup::Nothing);
    assert_eq!(clean(|site| site.token = TokenState::Set(theirs())), Cleanup::NotOurs);
    assert_eq!(clean(|site| site.token = TokenState::Masked), Cleanup::Unreadable);
    let accepted = |site: &mut SiteAtCleanup<'_>| {
        site.token = TokenState::Masked;
        site.accept_unreadable = true;
    };
    assert_eq!(clean(accepted), Cleanup::Remove);
    assert_eq!(clean(|site| site.canary_passed = false), Cleanup::AfterCanary);
    let unfinished = [name("store-2")];
    let mut site = SiteAtCleanup {
        token: TokenState::Set(ours()),
        ours: ours(),
        unfinished: &unfinished,
        org_token: TokenState::Absent,
        accept_org_token: true,
        accept_unreadable: true,
        canary_passed: true,
    };
    assert_eq!(cleanup(&site), Cleanup::Unfinished(unfinished.to_vec()));
    (site.unfinished, site.org_token, site.accept_org_token) = (&[], TokenState::Masked, false);
    assert_eq!(cleanup(&site), Cleanup::OrganisationToken);
}

#[test]
fn a_token_that_stays_is_said_to_stay() {
    assert_eq!(CleanupDone::of(TokenState::Absent, false, Some(at(9))), CleanupDone::Removed);
    assert_eq!(CleanupDone::of(TokenState::Set(ours()), false, Some(at(9))), CleanupDone::TryEmpty);
    assert_eq!(CleanupDone::of(TokenState::Absent, true, Some(at(9))), CleanupDone::Removed);
    let stays = CleanupDone::of(TokenState::Masked, true, Some(at(9)));
    assert_eq!(stays.to_string(), "not removed, expires at 1970-01-01T00:00:09.000Z");
}

// === rollback ===

fn written() -> Written {
    Written {
        assigned: vec![("020000000001".parse().unwrap(), site())],
        settings: Some(WrittenSettings {
            site: site(),
            hosts: hosts(&["192.0.2.1"]),
            hosts_before: vec!["192.0.2.9".into()],
            token: ours(),
        }),
        config: vec![WrittenValue { path: mode_path(), value: "strong".into(), before: None }],
        ever_completed: false,
        ever_connected: false,
    }
}

fn mode_path() -> ConfigPath {
    ConfigPath::new(&["authority", "router", "r", "system", "secure-conductor-onboarding", "mode"])
}

fn back(
    written: &Written,
    device_site: Option<SiteId>,
    token: TokenState,
    mode: &str,
    force: bool,
) -> Rollback {
    let device = Device {
        mac: "020000000001".parse().unwrap(),
        serial: None,
        model: None,
        name: None,
        site: device_site,
        connected: None,
        modified: None,
    };
    let settings = state(&["192.0.2.1"], token);
    let running =
        json!({"router": [{"name": "r", "system": {"secure-conductor-onboarding": {"mode": mode}}}]});
    let running = Configuration::from_json(&running);
    let held = Held { devices: &[device], settings: Some(&settings), running: &running, force };
    rollback(&name("r"), written, &held)
}

#[test]
fn what_still_is_as_it_was_written_is_taken_back_in_order() {
    assert_eq!(
        back(&written(), Some(site()), TokenState::Set(ours()), "strong", false),
        Rollback::Steps(vec![
            RollbackStep::Unassign { mac: "020000000001".parse().unwrap() },
            RollbackStep::Settings { site: site(), hosts: vec!["192.0.2.9".into()] },
            RollbackStep::Config { path: mode_path(), value: None },
        ])
    );
}

#[test]
fn what_somebody_changed_since_stays() {
    let other: SiteId = "00000000-0000-4000-8000-000000000002".parse().unwrap();
    for (device_site, token, mode) in [
        (Some(other), TokenState::Set(theirs()), "weak"),
        (Some(other), TokenState::Masked, "disabled"),
        (Some(other), TokenState::Absent, "weak"),
    ] {
        let Rollback::Steps(steps) = back(&written(), device_site, token, mode, true) else {
            panic!("left alone")
        };
        assert!(steps.iter().all(|step| matches!(step, RollbackStep::Kept { .. })), "{steps:?}");
        assert_eq!(steps.len(), 3);
    }
}

#[test]
fn a_router_that_was_onboarded_or_connected_is_left_alone() {
    for (ever_completed, ever_connected) in [(true, false), (false, true)] {
        let written = Written { ever_completed, ever_connected, ..written() };
        let (here, token) = (Some(site()), TokenState::Set(ours()));
        assert_eq!(back(&written, here, token, "strong", false), Rollback::LeftAlone { router: name("r") });
        assert!(matches!(back(&written, here, token, "strong", true), Rollback::Steps(_)));
    }
}

// === preflight ===

#[test]
fn nothing_makes_a_failure_pass_and_unknown_needs_a_person() {
    let check =
        |name: &str, outcome| Check { name: name.into(), outcome, detail: "".into(), source: "".into() };
    let preflight = Preflight {
        checks: vec![
            check("a", Outcome::Pass),
            check("b", Outcome::Warn),
            check("c", Outcome::Fail),
            check("d", Outcome::Unknown),
        ],
    };
    let left = |assumed: &[&str]| {
        let assumed: Vec<Box<str>> = assumed.iter().map(|name| Box::from(*name)).collect();
        preflight.in_the_way(&assumed).map(|check| check.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(left(&[]), ["c", "d"]);
    assert_eq!(left(&["c", "d"]), ["c"]);
}

#[test]
fn an_open_port_says_that_onboarding_is_not_in_effect_and_a_closed_one_says_nothing() {
    for (probe, enabled, expect) in [
        (PortProbe::Open, true, Outcome::Fail),
        (PortProbe::Open, false, Outcome::Warn),
        (PortProbe::Closed, true, Outcome::Unknown),
        (PortProbe::Closed, false, Outcome::Unknown),
        (PortProbe::Silent, true, Outcome::Unknown),
    ] {
        assert_eq!(restart_check("node0", probe, enabled).outcome, expect, "{probe:?} {enabled}");
    }
}

#[test]
fn a_restart_is_seen_where_a_port_was_open_and_is_closed_or_it_is_said() {
    use PortProbe::{Closed, Open, Silent};
    for (legacy, onboarding, was_open, said, expect) in [
        (Open, Open, true, false, Outcome::Fail),
        (Open, Open, false, true, Outcome::Fail),
        (Closed, Open, true, false, Outcome::Pass),
        (Closed, Closed, true, false, Outcome::Fail),
        (Silent, Open, true, false, Outcome::Fail),
        (Closed, Open, false, false, Outcome::Fail),
        (Silent, Silent, false, false, Outcome::Fail),
        (Closed, Open, false, true, Outcome::Pass),
        (Silent, Silent, true, true, Outcome::Pass),
    ] {
        let check = restarted_check("node0", legacy, onboarding, was_open, said);
        assert_eq!(check.outcome, expect, "{legacy:?} {onboarding:?} {was_open} {said}: {}", check.detail);
        let other_way = check.detail.contains("--conductor-restarted");
        assert_eq!(other_way, expect == Outcome::Fail && legacy != Open, "{}", check.detail);
    }
    assert_eq!(
        (first_mode_check(true).outcome, first_mode_check(false).outcome),
        (Outcome::Pass, Outcome::Warn)
    );
}

#[test]
fn the_conductor_is_old_known_to_have_faults_or_good() {
    for (version, expect) in [
        ("7.1.2-9r1", Outcome::Fail),
        ("7.1.3-11r2", Outcome::Warn),
        ("7.2.1-1r1", Outcome::Warn),
        ("7.2.3-8r2", Outcome::Pass),
        ("?", Outcome::Unknown),
    ] {
        assert_eq!(version_check(version.parse().ok().as_ref()).outcome, expect, "{version}");
    }
}

#[test]
fn clocks_that_are_more_than_a_minute_apart_stand_in_the_way() {
    for (conductor, expect) in [
        (Some(1000), Outcome::Pass),
        (Some(1060), Outcome::Pass),
        (Some(1061), Outcome::Fail),
        (Some(939), Outcome::Fail),
        (None, Outcome::Unknown),
    ] {
        assert_eq!(clock_check(conductor.map(at), at(1000)).outcome, expect, "{conductor:?}");
    }
}

#[test]
fn an_authority_without_certificates_or_ssh_only_is_not_prepared() {
    let outcomes = |authority: serde_json::Value| {
        authority_checks(&Configuration::from_json(&json!({"authority": authority})))
            .map(|check| check.outcome)
    };
    let both = json!({"public-certificate": "server", "ca-certificate": "myCA"});
    let resilient = json!({"enabled": true, "ssh-only": true});
    assert_eq!(
        outcomes(json!({"secure-conductor-onboarding": both, "asset-connection-resiliency": resilient})),
        [Outcome::Pass, Outcome::Pass]
    );
    assert_eq!(
        outcomes(json!({"secure-conductor-onboarding": {"public-certificate": "server"},
                        "asset-connection-resiliency": {"ssh-only": false}})),
        [Outcome::Fail, Outcome::Fail]
    );
    assert_eq!(outcomes(json!({})), [Outcome::Fail, Outcome::Fail]);
    assert_eq!((legacy_check(0).outcome, legacy_check(3).outcome), (Outcome::Pass, Outcome::Warn));
}
