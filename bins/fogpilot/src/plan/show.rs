//! A plan, for people and for programs.

use std::io::{self, Write as _};

use conductor::Version;
use ids::{Mac, OrgId, SiteId, Timestamp};
use sco::plan::{Confirmation, PlanHash, PlannedRouter, RouterOutcome, Steps};
use sco::{AssetId, Mode, NodeName, RouterName};
use serde::Serialize;

use crate::output::{self, Format, VERSION};
use crate::profile::{Profile, ProfileName, Session};
use crate::wishes::Made;

/// The line above everything that is done or would be done: for whom, and where.
pub(crate) fn header(name: &ProfileName, profile: &Profile, version: Option<&Version>) -> String {
    let version = version.map_or_else(String::new, |version| format!(" ({version})"));
    format!(
        "Org {} ({})   conductor {}{version}   profile {name}",
        profile.org_name,
        profile.mist(),
        profile.conductor.host
    )
}

/// Prints the plan.
pub(super) fn print(format: Format, session: &Session, made: &Made) -> io::Result<()> {
    let answer = Answer::of(session, made);
    let cells: Vec<Vec<String>> = answer.routers.iter().map(Row::cells).collect();
    let head = ["", "router", "site", "assets", "what"];
    if format != Format::Table {
        let head = ["action", "router", "site", "assets", "what"];
        let cells = answer
            .routers
            .iter()
            .map(|row| [vec![row.action.to_owned()], row.cells()[1..].to_vec()].concat());
        return output::rows(format, &answer, "routers", &head, &cells.collect::<Vec<_>>());
    }
    writeln!(io::stdout(), "{}", header(&session.name, &session.profile, made.version.as_ref()))?;
    output::rows(format, &answer, "routers", &head, &cells)?;
    io::stdout().write_all(rest(made).as_bytes())
}

/// What follows the table.
fn rest(made: &Made) -> String {
    let plan = &made.plan;
    let mut text = String::new();
    for router in plan.routers() {
        text.extend(router.warnings.iter().map(|warning| format!("warning: {}: {warning}\n", router.name)));
    }
    text.extend(made.notes.iter().map(|note| format!("note: {note}\n")));
    text += &format!("Plan: {plan}.\n");
    if !plan.is_empty() {
        let waves = plan.waves();
        let canaries: usize = waves.iter().filter(|wave| wave.canary).map(|wave| wave.routers.len()).sum();
        text += &format!(
            "{} waves, {canaries} routers as canary.  About {} of 5,000 Mist calls an hour.\n",
            waves.len(),
            plan.estimated_calls()
        );
    }
    if let Some(queue) = plan.longest_queue() {
        let name = made.sites.get(&queue.site).map_or_else(|| queue.site.to_string(), ToString::to_string);
        text += &format!(
            "Longest queue: {} routers of site {name}, one after the other, {} min at most.\n",
            queue.routers.len(),
            queue.at_most.as_secs().div_ceil(60)
        );
    }
    let flags = plan.flags();
    if !flags.is_empty() {
        text += "To be accepted, each by its own flag of `apply`:\n";
        text.extend(flags.iter().map(|flag| format!("  {flag}\n")));
    }
    text
}

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    profile: String,
    organisation: Org<'a>,
    conductor: Conductor<'a>,
    #[serde(serialize_with = "crate::output::time")]
    made: Timestamp,
    hash: PlanHash,
    onboard: usize,
    unchanged: usize,
    waiting: usize,
    refused: usize,
    waves: usize,
    estimated_calls: usize,
    longest_queue: Option<Queue<'a>>,
    /// What must be accepted first, each with its flag.
    flags: Vec<String>,
    notes: &'a [Box<str>],
    routers: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Org<'a> {
    id: OrgId,
    name: &'a str,
}

#[derive(Serialize)]
struct Conductor<'a> {
    host: &'a str,
    version: Option<String>,
}

#[derive(Serialize)]
struct Queue<'a> {
    site: SiteId,
    routers: &'a [RouterName],
    at_most_secs: u64,
}

#[derive(Serialize)]
struct Row<'a> {
    line: u64,
    name: &'a RouterName,
    /// `onboard`, `unchanged`, `waiting` or `refused`.
    action: &'static str,
    #[serde(skip)]
    sign: char,
    site: SiteId,
    site_name: Option<&'a str>,
    mode: Mode,
    nodes: Vec<Node<'a>>,
    /// What changes on the conductor.
    changes: Vec<String>,
    unassign: &'a [Mac],
    assign: &'a [Mac],
    token_hours: Option<u32>,
    flags: Vec<String>,
    warnings: &'a [Box<str>],
    /// Why nothing is done, and what to do.
    reason: Option<String>,
}

#[derive(Serialize)]
struct Node<'a> {
    node: &'a NodeName,
    mac: Mac,
    asset_id: Option<&'a AssetId>,
    confirmation: Confirmation,
}

impl<'a> Answer<'a> {
    fn of(session: &'a Session, made: &'a Made) -> Self {
        let plan = &made.plan;
        let routers: Vec<Row<'_>> = plan.routers().iter().map(|router| Row::of(router, made)).collect();
        let count = |action| routers.iter().filter(|row| row.action == action).count();
        Self {
            version: VERSION,
            profile: session.name.to_string(),
            organisation: Org { id: plan.org(), name: &session.profile.org_name },
            conductor: Conductor {
                host: &session.profile.conductor.host,
                version: made.version.as_ref().map(ToString::to_string),
            },
            made: plan.made(),
            hash: plan.hash(),
            onboard: count("onboard"),
            unchanged: count("unchanged"),
            waiting: count("waiting"),
            refused: count("refused"),
            waves: plan.waves().len(),
            estimated_calls: plan.estimated_calls(),
            longest_queue: plan.longest_queue().map(|queue| Queue {
                site: queue.site,
                routers: &queue.routers,
                at_most_secs: queue.at_most.as_secs(),
            }),
            flags: plan.flags().iter().map(ToString::to_string).collect(),
            notes: &made.notes,
            routers,
        }
    }
}

impl<'a> Row<'a> {
    fn of(router: &'a PlannedRouter, made: &'a Made) -> Self {
        let basis = &router.basis;
        let (action, sign, reason) = match &router.outcome {
            RouterOutcome::Onboard(steps) => ("onboard", sign(router, steps), None),
            RouterOutcome::Done => ("unchanged", '=', None),
            RouterOutcome::WaitingForDevice(macs) => {
                let macs: Vec<String> = macs.iter().map(ToString::to_string).collect();
                let text = format!(
                    "{} not connected to Mist; plan again when it is, or --allow-offline",
                    macs.join(", ")
                );
                ("waiting", '?', Some(text))
            }
            RouterOutcome::Refused(refusal) => ("refused", '!', Some(refusal.to_string())),
        };
        let steps = match &router.outcome {
            RouterOutcome::Onboard(steps) => Some(&**steps),
            _ => None,
        };
        let node = |(name, node): (&'a NodeName, &'a sco::plan::NodeBasis)| Node {
            node: name,
            mac: node.mac,
            asset_id: node.wanted_asset_id.as_ref(),
            confirmation: node.confirmation,
        };
        Self {
            line: router.line,
            name: &router.name,
            action,
            sign,
            site: basis.site,
            site_name: made.sites.get(&basis.site).map(|name| &**name),
            mode: basis.wanted_mode,
            nodes: basis.nodes.iter().map(node).collect(),
            changes: steps.iter().flat_map(|steps| &steps.changes).map(ToString::to_string).collect(),
            unassign: steps.map(|steps| &*steps.unassign).unwrap_or_default(),
            assign: steps.map(|steps| &*steps.assign).unwrap_or_default(),
            token_hours: steps.map(|steps| steps.token_hours),
            flags: steps.iter().flat_map(|steps| &steps.flags).map(ToString::to_string).collect(),
            warnings: &router.warnings,
            reason,
        }
    }

    fn cells(&self) -> Vec<String> {
        let assets: Vec<&str> = self.nodes.iter().filter_map(|node| Some(node.asset_id?.as_str())).collect();
        let site = self.site_name.map_or_else(|| self.site.to_string(), str::to_owned);
        let assets = if assets.is_empty() { "-".to_owned() } else { assets.join(" ") };
        vec![self.sign.to_string(), self.name.to_string(), site, assets, self.what()]
    }

    fn what(&self) -> String {
        if let Some(reason) = &self.reason {
            return format!("{} (line {}): {reason}", self.action, self.line);
        }
        if self.action == "unchanged" {
            return "already onboarded and healthy".to_owned();
        }
        let of_router = format!(" of {}", self.name);
        let short = |change: &String| change.replace(&of_router, "").replace(&format!(" {}", self.name), "");
        let mut steps: Vec<String> = self.changes.iter().map(short).collect();
        if !self.assign.is_empty() {
            steps.extend(self.token_hours.map(|hours| format!("token for {hours} h")));
            steps.push("site setting".to_owned());
        }
        if !self.unassign.is_empty() {
            steps.push("unassign".to_owned());
        }
        if !self.assign.is_empty() {
            steps.push("assign".to_owned());
        }
        steps.join(", ")
    }
}

/// `+` for what is new here, `~` for what is here in part.
fn sign(router: &PlannedRouter, steps: &Steps) -> char {
    let in_part = router.basis.mode == Some(router.basis.wanted_mode) || !steps.unassign.is_empty();
    if in_part { '~' } else { '+' }
}
