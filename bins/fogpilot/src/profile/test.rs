//! `fogpilot profile test`: whether everything that a profile names answers.

use std::io::{self, Write as _};
use std::time::SystemTime;

use conductor::{Conductor, Pcli};
use ids::OrgId;
use mist::{Client, account};
use serde::Serialize;

use super::file::ProfileName;
use super::session::Which;
use crate::asking::ask;
use crate::exit::{Done, Exit, Failure};
use crate::output::{self, Format, VERSION};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The profile; the only one without it
    name: Option<ProfileName>,
    #[command(flatten)]
    which: Which,
    /// How to write the answer
    #[arg(short, long, alias = "format", value_enum, default_value_t)]
    output: Format,
}

/// Asks each once.
pub(super) fn test(args: &Args) -> Done {
    let which = match &args.name {
        Some(name) => &args.which.named(name)?,
        None => &args.which,
    };
    let session = which.open()?;
    let world = &session.world;
    let tried =
        ask(async { Ok(attempt(&world.mist, world.org, &world.conductor, world.pcli.as_ref()).await) })?;
    let cells: Vec<Vec<String>> = tried.iter().map(Tried::cells).collect();
    let answer = Answer { version: VERSION, profile: session.name.to_string(), tried: &tried };
    output::rows(args.output, &answer, "tried", &["what", "result", "detail"], &cells)?;
    Ok(tried.iter().map(|tried| tried.exit).find(|exit| *exit != Exit::Ok).unwrap_or(Exit::Ok))
}

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    profile: String,
    tried: &'a [Tried],
}

/// What answered, and how.
#[derive(Debug, Serialize)]
pub(super) struct Tried {
    pub(super) what: &'static str,
    good: bool,
    pub(super) detail: String,
    #[serde(skip)]
    pub(super) exit: Exit,
}

impl Tried {
    fn of(what: &'static str, result: Result<String, Failure>) -> Self {
        match result {
            Ok(detail) => Self { what, good: true, detail, exit: Exit::Ok },
            Err(failure) => Self { what, good: false, detail: failure.text(), exit: failure.exit() },
        }
    }

    fn cells(&self) -> Vec<String> {
        let result = if self.good { "ok" } else { "FAIL" };
        vec![self.what.to_owned(), result.to_owned(), self.detail.clone()]
    }
}

/// Asks Mist, the conductor and its command line.
pub(super) async fn attempt(
    mist: &Client,
    org: OrgId,
    conductor: &Conductor,
    pcli: Option<&Pcli>,
) -> Vec<Tried> {
    let mut tried = vec![
        Tried::of("Mist", of_mist(mist, org).await),
        Tried::of("conductor", of_conductor(conductor).await),
    ];
    if let Some(pcli) = pcli {
        let way = pcli.way().await.map(|way| format!("takes commands by {way}"));
        tried.push(Tried::of("command line", way.map_err(Into::into)));
    }
    tried
}

async fn of_mist(mist: &Client, org: OrgId) -> Result<String, Failure> {
    let usage = mist.usage().await?;
    let name = mist.send(&account::org(org)).await?.name.unwrap_or_else(|| org.to_string());
    let left = match (usage.requests, usage.limit) {
        (Some(spent), limit) => {
            let limit = limit.unwrap_or(mist::Budget::MIST);
            format!("{} of {limit} calls left this hour", limit.saturating_sub(spent))
        }
        _ => "how many calls are left is not known".to_owned(),
    };
    Ok(format!("organisation {name}; {left}"))
}

async fn of_conductor(conductor: &Conductor) -> Result<String, Failure> {
    let system = conductor.system().await?;
    if system.is_conductor == Some(false) {
        return Err("it is a router and no conductor; name the conductor's own web server".into());
    }
    let skew = match system.skew(SystemTime::now()) {
        Some((skew, ahead)) => {
            format!("its clock is {} s {}", skew.as_secs(), if ahead { "ahead" } else { "behind" })
        }
        None => "its clock is not told".to_owned(),
    };
    Ok(format!("{}; {skew}", system.version))
}

/// Tells a person what answered.
pub(super) fn tell(tried: &[Tried]) -> io::Result<()> {
    tried.iter().try_for_each(|tried| writeln!(io::stderr(), "fogpilot: {}: {}", tried.what, tried.detail))
}
