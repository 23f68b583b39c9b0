//! The addresses that Mist posts from: how old what is known of them is.

use ids::Timestamp;

use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;

const WHAT: &str = "sources";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let config = patient.config;
    let target = match &config.gate.clouds {
        Some(path) => path.display().to_string(),
        None => "that came with this version".to_owned(),
    };
    // that it does not hold was said of the configuration
    let Ok(table) = relay::cloud_table(config) else { return Vec::new() };
    let as_of = table.as_of().to_owned();
    let mut found = vec![match age_days(&as_of) {
        Some(days) if days > OLD_DAYS => Finding::warn(
            Code::SourcesOld,
            target,
            format!("the addresses of the clouds are as of {as_of}, {days} days old"),
            "compare with Juniper's page on webhook source addresses, correct the output of `fogbell clouds --json` in a \
             file, and name it in `clouds` of [gate]; or update Fogbell",
        ),
        _ => Finding::pass(WHAT, target, format!("the addresses of the clouds are as of {as_of}")),
    }];
    for org in config.org.iter().filter(|org| org.cloud.is_none()) {
        if config.gate.networks.is_empty() {
            found.push(Finding::fail(
                Code::SourcesNone,
                &org.name,
                "it has no cloud and [gate] no networks: nobody can post for it",
                "set `cloud` of [[org]]; `fogbell clouds` lists them",
            ));
        }
    }
    found
}

/// How many days ago the date `as_of` was.
fn age_days(as_of: &str) -> Option<i64> {
    let date: Timestamp = format!("{as_of}T00:00:00Z").parse().ok()?;
    Some((Timestamp::now().micros() - date.micros()).div_euclid(86_400_000_000))
}

/// From when on the list counts as old: Mist has changed it before.
const OLD_DAYS: i64 = 365;
