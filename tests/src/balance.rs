//! Whether what a relay counts adds up.
//!
//! The equations of `docs/metrics.md`, over one scrape of `/metrics`. Harness: a relay that still runs when its story
//! ends has to satisfy them, and so have the last figures of one that ended in order, unless the story says why it cannot.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::fogbell::Fogbell;

/// The samples of one scrape.
#[derive(Debug)]
pub struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    /// Reads the text of `/metrics`.
    ///
    /// # Panics
    ///
    /// When a sample is no number.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.filter_map(|line| line.rsplit_once(' '));
        let number = |value: &str| value.parse().expect("a sample is a number");
        Self(samples.map(|(series, value)| (series.to_owned(), number(value))).collect())
    }

    /// Reads the page in a line of the relay's log, `figures="…"`, in which quotes and line ends are escaped.
    pub(crate) fn in_log(line: &str) -> Option<Self> {
        let (_, quoted) = line.split_once("figures=")?;
        let mut values = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
        Some(Self::of(&values.next()?.ok()?))
    }

    /// The sum of every sample of `name` whose labels hold `label`.
    #[must_use]
    pub fn sum(&self, name: &str, label: &str) -> f64 {
        let of = self.0.iter().filter(|(series, _)| {
            let (found, labels) = series.split_once('{').unwrap_or((series, ""));
            found == name && labels.contains(label)
        });
        of.map(|(_, value)| value).sum()
    }

    /// The sinks that are served.
    fn sinks(&self) -> BTreeSet<&str> {
        let waiting = "fogbell_sink_behind_alerts{sink=\"";
        self.0.keys().filter_map(|series| series.strip_prefix(waiting)?.strip_suffix("\"}")).collect()
    }

    /// Each equation that does not hold, with both sides.
    #[must_use]
    pub fn unbalanced(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut equal = |what: &str, left: &[(&str, &str)], right: &[(&str, &str)]| {
            let sum =
                |side: &[(&str, &str)]| side.iter().map(|(name, label)| self.sum(name, label)).sum::<f64>();
            if (sum(left) - sum(right)).abs() >= 0.5 {
                let shown = |side: &[(&str, &str)]| {
                    let terms = side.iter().map(|(name, label)| format!("{name} {}", self.sum(name, label)));
                    terms.collect::<Vec<_>>().join(" + ")
                };
                wrong.push(format!("{what}: {} is not {}", shown(left), shown(right)));
            }
        };
        equal(
            "requests",
            &[("fogbell_requests_total", "")],
            &[
                ("fogbell_refusals_total", ""),
                ("fogbell_messages_total", ""),
                ("fogbell_requests_in_flight", ""),
            ],
        );
        equal(
            "messages",
            &[("fogbell_messages_total", "")],
            &[("fogbell_inbox_stored_total", "kind=\"webhook\"")],
        );
        equal(
            "entries",
            &[("fogbell_inbox_at_start_entries", ""), ("fogbell_inbox_stored_total", "")],
            &[("fogbell_inbox_interpreted_total", ""), ("fogbell_inbox_behind_entries", "")],
        );
        equal(
            "events",
            &[
                ("fogbell_events_total", ""),
                ("fogbell_events_fanned_out_total", ""),
                ("fogbell_events_held_at_start", ""),
            ],
            &[
                ("fogbell_events_repeated_total", ""),
                ("fogbell_events_unchanged_total", ""),
                ("fogbell_damped_total", ""),
                ("fogbell_events_held", ""),
                ("fogbell_alerts_total", "occasion=\"event\""),
            ],
        );
        for sink in self.sinks() {
            let label = format!("sink=\"{sink}\"");
            let label = label.as_str();
            equal(
                sink,
                &[("fogbell_sink_at_start_alerts", label), ("fogbell_alerts_total", "")],
                &[
                    ("fogbell_sink_before_start_alerts", label),
                    ("fogbell_delivered_total", label),
                    ("fogbell_not_routed_total", label),
                    ("fogbell_set_aside_total", label),
                    ("fogbell_unreadable_total", label),
                    ("fogbell_given_up_total", label),
                    ("fogbell_sink_behind_alerts", label),
                ],
            );
        }
        wrong
    }
}

impl Fogbell {
    /// What its figures are now.
    ///
    /// # Panics
    ///
    /// When it does not show them.
    #[must_use]
    pub fn scrape(&mut self) -> Scrape {
        self.try_scrape().unwrap_or_else(|said| panic!("no figures: {said}"))
    }

    /// As [`scrape`](Self::scrape), also of a relay in a network of its own.
    pub(crate) fn try_scrape(&mut self) -> Result<Scrape, String> {
        let (pid, url) = (self.process().pid().to_string(), self.admin_url("/metrics"));
        let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let mut command = Command::new("curl");
        if network(&pid) != network("self") {
            command = Command::new("nsenter");
            command.args(["--target", &pid, "--net", "curl"]);
        }
        let output = command.args(["--silent", "--show-error", "--fail", "--max-time", "10", &url]).output();
        let output = output.map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(Scrape::of(&String::from_utf8_lossy(&output.stdout))),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BALANCED: &str = "# HELP fogbell_requests Requests\nfogbell_requests_total 5\n\
        fogbell_refusals_total{reason=\"path\"} 2\nfogbell_messages_total{org=\"a\",topic=\"alarms\"} 3\n\
        fogbell_inbox_stored_total{kind=\"webhook\"} 3\nfogbell_inbox_stored_total{kind=\"own\"} 1\n\
        fogbell_inbox_interpreted_total{kind=\"webhook\"} 4\nfogbell_events_total{from=\"webhook\"} 7\n\
        fogbell_events_repeated_total 1\nfogbell_alerts_total{occasion=\"event\"} 6\n\
        fogbell_alerts_total{occasion=\"repeat\"} 1\nfogbell_sink_at_start_alerts{sink=\"noc\"} 2\n\
        fogbell_delivered_total{sink=\"noc\"} 4\nfogbell_sink_behind_alerts{sink=\"noc\"} 5\n# EOF\n";

    #[test]
    fn the_page_in_a_line_of_the_log_is_the_page() {
        let line = format!("DEBUG relay: counted until the end figures={BALANCED:?}");

        assert_eq!(Scrape::in_log(&line).unwrap().0, Scrape::of(BALANCED).0);
    }

    #[test]
    fn one_too_many_or_too_few_of_anything_is_found() {
        assert_eq!(Scrape::of(BALANCED).unbalanced(), Vec::<String>::new());
        for (figure, what) in [
            ("fogbell_requests_total 5", "requests"),
            ("{reason=\"path\"} 2", "requests"),
            ("{kind=\"own\"} 1", "entries"),
            ("fogbell_events_repeated_total 1", "events"),
            ("{occasion=\"repeat\"} 1", "noc"),
            ("fogbell_delivered_total{sink=\"noc\"} 4", "noc"),
        ] {
            let wrong = Scrape::of(&BALANCED.replace(figure, &format!("{figure}0"))).unbalanced();
            assert_eq!(wrong.len(), 1, "{figure}: {wrong:?}");
            assert!(wrong[0].starts_with(&format!("{what}: ")), "{figure}: {wrong:?}");
        }
    }
}
