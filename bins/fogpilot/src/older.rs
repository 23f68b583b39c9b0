//! Older runs of this state directory that are not finished, and have their hand on what is planned.

use std::collections::BTreeSet;

use ids::SiteId;
use sco::plan::Plan;
use sco::run::{Progress, RunId, WaveProgress, holds_site};

use crate::exit::Failure;
use crate::home::Home;
use crate::runs::{self, Run};

/// What older runs for the same organisation and conductor left in the sites of `plan`, or in the conductor's candidate: a line for
/// each, with the command that goes on with it. A run that cannot be read is named.
pub(crate) fn in_the_way(home: &Home, plan: &Plan) -> Result<Vec<Box<str>>, Failure> {
    let sites: BTreeSet<SiteId> = plan.routers().iter().map(|router| router.basis.site).collect();
    let mut lines = Vec::new();
    for id in runs::all(&home.runs()?)? {
        let read = Run::find(home, Some(&id)).and_then(|run| Ok((run.progress()?, run)));
        match read {
            Ok((progress, run))
                if run.plan.org() == plan.org() && run.plan.conductor() == plan.conductor() =>
            {
                lines.extend(of_run(&id, &run, &progress, &sites));
            }
            Ok(_) => {}
            Err(failure) => {
                lines.push(
                    format!("{id} cannot be read, so what it holds is not known: {}", failure.text()).into(),
                );
            }
        }
    }
    Ok(lines)
}

fn of_run(id: &RunId, run: &Run, progress: &Progress, sites: &BTreeSet<SiteId>) -> Vec<Box<str>> {
    let mut lines: Vec<Box<str>> = Vec::new();
    for (router, steps) in run.plan.steps().filter(|(_, steps)| sites.contains(&steps.site)) {
        let own = progress.router(&router.name);
        let (name, site) = (&router.name, run.about.site(steps.site));
        if holds_site(router, &own) {
            lines.push(
                format!(
                    "site {site} is held by {name} of {id}, which is not finished: `fogpilot resume {id}` goes on with it, and \
                     `--release {name}` lets it go"
                )
                .into(),
            );
        } else if own.settings.is_some()
            && own.undone.is_empty()
            && !own.cleaned.is_some_and(|(gone, _)| gone)
        {
            lines.push(
                format!(
                    "{id} put the token of {name} into site {site}, and did not take it away yet: `fogpilot cleanup {id}` does"
                )
                .into(),
            );
        }
    }
    if progress.waves.values().any(WaveProgress::is_open) {
        lines.push(
            format!(
                "{id} may have changes in the conductor's candidate that are not committed: `fogpilot resume {id}` goes on with \
                 them"
            )
            .into(),
        );
    }
    lines
}
