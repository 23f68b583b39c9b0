//! The runs of a state directory: each a folder with its plan, its record, and for whom it is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ids::{SiteId, Timestamp};
use sco::plan::Plan;
use sco::run::{Progress, Record, RunId};
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::home::{Home, make};
use crate::profile::ProfileName;

/// A run, as it is on disk.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) folder: PathBuf,
    pub(crate) plan: Plan,
    pub(crate) about: About,
}

/// For whom a run is, in words for people; what counts is in the plan.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    version: u32,
    /// The profile.
    pub(crate) profile: ProfileName,
    /// The name of the organisation.
    pub(crate) organisation: String,
    /// The conductor's web server.
    pub(crate) conductor: String,
    /// Who began it: user and machine.
    pub(crate) operator: String,
    /// The names of the sites.
    pub(crate) sites: BTreeMap<SiteId, Box<str>>,
}

impl About {
    /// Of this.
    pub(crate) fn new(
        profile: ProfileName,
        organisation: String,
        conductor: String,
        sites: BTreeMap<SiteId, Box<str>>,
    ) -> Self {
        Self { version: FILE_VERSION, profile, organisation, conductor, operator: operator(), sites }
    }

    /// The name of a site, or its id.
    pub(crate) fn site(&self, site: SiteId) -> String {
        self.sites.get(&site).map_or_else(|| site.to_string(), ToString::to_string)
    }
}

impl Run {
    /// Makes the folder of a new run of `plan`; its record is not begun.
    pub(crate) fn begin(home: &Home, plan: Plan, about: About) -> Result<Self, Failure> {
        let runs = home.made()?.join("runs");
        make(&runs)?;
        let now = Timestamp::now();
        let (id, folder) = (1..1000)
            .map(|nth| RunId::at(now, nth))
            .map(|id| (id.clone(), runs.join(id.as_str())))
            .find(|(_, folder)| fs::symlink_metadata(folder).is_err())
            .ok_or("there are a thousand runs of this second")?;
        make(&folder)?;
        pki::write_durably(&folder.join(PLAN), plan.to_json().as_bytes(), 0o600)?;
        pki::write_durably(&folder.join(ABOUT), serde_json::to_string_pretty(&about)?.as_bytes(), 0o600)?;
        Ok(Self { id, folder, plan, about })
    }

    /// The run of this name; without a name the last one.
    pub(crate) fn find(home: &Home, id: Option<&RunId>) -> Result<Self, Failure> {
        let runs = home.runs()?;
        let id = match id {
            Some(id) => id.clone(),
            None => all(&runs)?.pop().ok_or_else(|| {
                Failure::usage(format!(
                    "there is no run in `{}`; `fogpilot apply PLAN` begins one",
                    runs.display()
                ))
            })?,
        };
        let folder = runs.join(id.as_str());
        if !folder.is_dir() {
            return Err(Failure::usage(format!("there is no run `{id}` in `{}`", runs.display())));
        }
        let plan = crate::plan::load(&folder.join(PLAN))?;
        let path = folder.join(ABOUT);
        let wrong = |what: String| Failure::from(format!("cannot read `{}`: {what}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        let about: About = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if about.version != FILE_VERSION {
            return Err(wrong(format!(
                "it is of version {}, and this program reads {FILE_VERSION}",
                about.version
            )));
        }
        Ok(Self { id, folder, plan, about })
    }

    /// What its record says; nothing is changed.
    pub(crate) fn progress(&self) -> Result<Progress, Failure> {
        let progress = Record::read(&self.folder)?;
        self.check(&progress)?;
        Ok(progress)
    }

    /// Whether record and plan belong together.
    pub(crate) fn check(&self, progress: &Progress) -> Result<(), Failure> {
        if progress.header.plan == self.plan.hash() {
            return Ok(());
        }
        Err(format!("the record in `{}` is of another plan than the one beside it", self.folder.display())
            .into())
    }
}

/// The runs in a folder, in the order in which they began.
pub(crate) fn all(runs: &Path) -> Result<Vec<RunId>, Failure> {
    let entries = match fs::read_dir(runs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| format!("cannot read `{}`: {error}", runs.display()))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        if let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse::<RunId>().ok()) {
            found.push(id);
        }
    }
    // the tenth of a second comes after its second
    found.sort_by_key(|id: &RunId| {
        let nth = id.as_str().splitn(4, '-').nth(3).and_then(|nth| nth.parse().ok()).unwrap_or(1_u32);
        (id.as_str().chars().take(19).collect::<String>(), nth)
    });
    Ok(found)
}

/// User and machine.
pub(crate) fn operator() -> String {
    let uid = rustix::process::getuid().as_raw();
    let user = std::env::var("USER").unwrap_or_default();
    let shown: String = user.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if shown.is_empty() { format!("uid {uid} at {host}") } else { format!("{shown} (uid {uid}) at {host}") }
}

const PLAN: &str = "plan.json";
const ABOUT: &str = "about.json";
const FILE_VERSION: u32 = 1;
