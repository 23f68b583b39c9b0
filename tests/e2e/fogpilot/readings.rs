//! However cloud, conductor and routers read what is not documented: a run succeeds, or says what is in the way.

use testkit::estate::{EstateSettings, WholeEstate};

use super::rollout::{ask_with, json, plan, ready};
use crate::nothing_lost::{rounds, tell};

/// All that may be accepted is; what is left is a refusal.
const APPLY: [&str; 14] = [
    "apply",
    "wave.plan",
    "--accept-legacy-cutoff=0",
    "--accept-unverifiable-token",
    "--accept-token-without-expiry",
    "--yes",
    "--assume=restart",
    "--assume=onboarding-certificate",
    "--danger-time-factor=300",
    "--max-failures=9",
    "--parallel=4",
    "--progress=lines",
    "-o",
    "json",
];

#[test]
fn however_the_undocumented_is_a_run_succeeds_or_says_what_is_in_the_way() {
    let settings = testkit::pairwise(&WholeEstate::switches(), 1);
    let step = settings.len().div_ceil(rounds(4, settings.len()));
    let (mut succeeded, mut refused, mut wrong) = (0, 0, 0);
    for setting in settings.iter().step_by(step) {
        let stage = ready(EstateSettings {
            virtual_routers: 1,
            pairs: 1,
            hardware: 1,
            sites: 2,
            ..Default::default()
        });
        let estate = stage.estate();
        setting.iter().for_each(|(name, value)| estate.switch(name, value).unwrap());

        let planned = plan(&stage);
        let said = if planned.code == 0 {
            let applied = ask_with(&stage, &APPLY);
            let all = applied.code == 0;
            let told = format!("{}{}", applied.out, applied.said);
            if all {
                assert_eq!(json(&applied)["verified"], 3, "{setting:?}: {told}");
                assert_eq!(estate.bound().len(), 4, "{setting:?}: {told}");
            }
            (!all).then_some(told)
        } else {
            assert_eq!(estate.writes(), [] as [String; 0], "{setting:?}: {planned:?}");
            Some(format!("{}{}", planned.out, planned.said))
        };

        wrong += estate.wrong_bindings().len();
        assert_eq!(estate.broken_rules(), [] as [String; 0], "{setting:?}: {said:?}");
        match said {
            None => succeeded += 1,
            Some(said) => {
                refused += 1;
                assert!(!said.contains("panicked"), "{setting:?}: {said}");
                let odd: Vec<_> = setting
                    .iter()
                    .filter(|set| !settings[0].contains(set))
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                eprintln!(
                    "refused with {}: {}",
                    odd.join(" "),
                    said.lines().rev().take(3).collect::<Vec<_>>().join(" | ")
                );
                assert!(said.len() > 40, "{setting:?}: {said}");
            }
        }
        assert_eq!(stage.files_with_secrets(&stage.home().join("state")), [], "{setting:?}");
        if setting == &settings[0] {
            assert_eq!(refused, 0, "as usual, it succeeds");
        }
    }
    tell(&serde_json::json!({
        "settings": succeeded + refused, "succeeded": succeeded, "refused_by_name": refused, "wrong_bindings": wrong,
    }));
    assert!(succeeded > 0);
}
