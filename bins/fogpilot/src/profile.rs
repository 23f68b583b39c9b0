//! `fogpilot profile`: which organisation and which conductor, and who asks them.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::exit::{Done, Exit, Failure};
use crate::home::Home;
use crate::output::{self, Format, VERSION};

mod add;
mod file;
mod session;
mod test;

pub(crate) use file::{Profile, ProfileName, Profiles, mist_host};
pub(crate) use session::{Session, Which, mist_client};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Add a profile; shows the fingerprints of the conductor and of the SCO CA, and asks
    ///
    /// What is secret goes into the vault of the state directory, which is made when there is none: with --vault-key its
    /// key is in that file (made when it is missing), else a passphrase is asked for.
    Add(Box<add::Args>),
    /// List the profiles
    #[command(after_help = "Example:\n  fogpilot profile list -o json")]
    List {
        #[command(flatten)]
        home: Home,
        /// How to write the answer
        #[arg(short, long, alias = "format", value_enum, default_value_t)]
        output: Format,
    },
    /// Show one profile; there is no secret in it
    #[command(after_help = "Example:\n  fogpilot profile show prod")]
    Show {
        /// The profile; the only one without it
        name: Option<ProfileName>,
        #[command(flatten)]
        home: Home,
        /// How to write the answer
        #[arg(short, long, alias = "format", value_enum, default_value_t)]
        output: Format,
    },
    /// Ask Mist, the conductor and its command line whether they answer; exit 4 when one does not accept who asks
    #[command(after_help = "Example:\n  fogpilot profile test prod --vault-key ~/fogpilot.key")]
    Test(test::Args),
}

/// Does what is asked of the profiles.
pub(crate) fn run(command: &Command) -> Done {
    match command {
        Command::Add(args) => add::add(args),
        Command::List { home, output } => list(home, *output),
        Command::Show { name, home, output } => show(name.as_ref(), home, *output),
        Command::Test(args) => test::test(args),
    }
}

fn list(home: &Home, format: Format) -> Done {
    let profiles = Profiles::load(&home.profiles()?)?;
    let rows: Vec<Row<'_>> = profiles.iter().map(|(name, profile)| Row { name, profile }).collect();
    let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
    if rows.is_empty() {
        writeln!(io::stderr(), "fogpilot: there is no profile; `fogpilot profile add` makes one")?;
    }
    let head = ["name", "organisation", "mist", "conductor", "command_line"];
    output::rows(format, &Answer { version: VERSION, profiles: &rows }, "profiles", &head, &cells)?;
    Ok(Exit::Ok)
}

fn show(name: Option<&ProfileName>, home: &Home, format: Format) -> Done {
    let profiles = Profiles::load(&home.profiles()?)?;
    let (name, profile) = profiles.find(name)?;
    output::facts(format, &Row { name, profile }, &facts(name, profile)?)?;
    Ok(Exit::Ok)
}

fn facts(name: &ProfileName, profile: &Profile) -> Result<Vec<[String; 2]>, Failure> {
    let fact = |name: &str, value: String| [name.to_owned(), value];
    let mut facts = vec![
        fact("profile", name.to_string()),
        fact("organisation", format!("{} ({})", profile.org_name, profile.org)),
        fact("Mist", profile.mist()),
        fact("conductor", format!("{} as {}", profile.conductor.host, profile.conductor.user)),
        fact("nodes", profile.conductor.nodes.join(" ")),
        fact("key", profile.conductor.pin.to_string()),
        fact(
            "SCO CA",
            profile.anchor()?.map_or_else(|| "none".to_owned(), |anchor| anchor.fingerprint().to_string()),
        ),
    ];
    let way = profile.ssh.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    facts.push(fact("command line", way));
    Ok(facts)
}

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    profiles: &'a [Row<'a>],
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a ProfileName,
    profile: &'a Profile,
}

impl Row<'_> {
    fn cells(&self) -> Vec<String> {
        let way = self.profile.ssh.as_ref().map_or("-", |ssh| &ssh.destination);
        vec![
            self.name.to_string(),
            self.profile.org_name.clone(),
            self.profile.mist(),
            self.profile.conductor.host.clone(),
            way.to_owned(),
        ]
    }
}
