//! `fogbell init`: from a few answers to a configuration that holds, and a webhook in Mist that posts here.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::json;

use crate::access::plain;
use crate::bound::RESTART;
use crate::secret::at_hand;

mod answers;
mod credstore;
mod draft;
mod mist;
mod port;
mod sink;
mod store;
mod verify;
mod write;

use answers::{Answers, Given};
use draft::Draft;
use store::Store;
use write::Change;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration that is written
    #[arg(short, long, default_value = CONFIG)]
    config: PathBuf,
    /// File with answers, TOML: the long names of these flags with `_` for `-`; flags win over it
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
    /// Show what would be written and changed, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask whether to go ahead
    #[arg(long)]
    yes: bool,
    /// Print JSON; asks nothing
    #[arg(long)]
    json: bool,
}

/// Asks, checks, shows, and writes.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let terminal =
        if args.json || args.yes && args.answers.is_some() { None } else { at_hand::terminal().ok() };
    let answers = Answers::gather(&args.given, args.answers.as_deref(), terminal.as_ref())?;
    let mut said = Vec::new();
    let mut say = |line: String| -> io::Result<()> {
        if !args.json {
            writeln!(io::stdout(), "  {line}")?;
        }
        said.push(line);
        Ok(())
    };
    let token = answers.token().map_err(plain)?;
    let organisation = mist::organisation(&answers, token)?;
    say(organisation.said.clone())?;
    let draft = Draft::of(&answers, &organisation, &args.config).map_err(plain)?;
    // what does not hold is not written
    let config = draft.checked()?;
    for line in verify::lines(&config, &draft, &answers) {
        say(line)?;
    }
    let port = port::changes(&args.config, &config)?;
    let rebound = port.iter().any(Change::is_one);
    let changes = [port, write::changes(&draft)?].into_iter().flatten().collect::<Vec<_>>();
    let recovery_key_to = answers.recovery_key_to.as_deref();
    let sealed = match &draft.store {
        Store::Files(_) => None,
        Store::Vault(sealed) => Some(sealed),
    };
    if sealed.is_some_and(|it| it.is_new()) && recovery_key_to.is_none() && terminal.is_none() {
        let text =
            "the recovery key of the vault is shown on a terminal only; --recovery-key-to FILE writes it";
        return Err(text.into());
    }
    let webhook = if answers.create_webhook {
        Some(mist::Webhook::look(&organisation, &draft, &config)?)
    } else {
        None
    };
    let mut plan: Vec<String> = match sealed {
        Some(sealed) => sealed.lines(&draft.secrets, recovery_key_to).map_err(plain)?,
        None => Vec::new(),
    };
    plan.extend(changes.iter().map(Change::line));
    // what somebody wrote by hand is not lost unseen
    if let (Some(last), Ok(old)) =
        (changes.last().filter(|it| it.is_one()), std::fs::read_to_string(&args.config))
    {
        plan.extend(last.differences(&old));
    }
    plan.extend(webhook.iter().flat_map(mist::Webhook::lines));
    let seals = match sealed {
        Some(sealed) => sealed.changes(&draft.secrets).map_err(plain)?,
        None => false,
    };
    let nothing =
        !seals && changes.iter().all(|it| !it.is_one()) && webhook.as_ref().is_none_or(|it| !it.changes());
    if !args.json {
        writeln!(io::stdout(), "\nThis is written and changed (+ new, ~ changed, = as it is):")?;
        for line in &plan {
            writeln!(io::stdout(), "  {line}")?;
        }
    }
    if !nothing && !args.dry_run {
        if !args.yes {
            let Some(terminal) = &terminal else {
                return Err("there is no terminal to ask at; --yes goes ahead without asking".into());
            };
            if !terminal.confirm("\nGo ahead?")? {
                return Err("nothing was changed".into());
            }
        }
        // the configuration last: what it names is there by then
        let (last, first) = changes.split_last().ok_or("there is nothing to write")?;
        write::carry_out(first)?;
        if let Some(sealed) = sealed.filter(|_| seals) {
            sealed.carry_out(&draft.secrets, recovery_key_to).map_err(plain)?;
        }
        write::carry_out(std::slice::from_ref(last))?;
        if let Some(webhook) = webhook {
            webhook.carry_out(&organisation, &draft)?;
        }
    }
    let changed = !nothing && !args.dry_run;
    if args.json {
        return Ok(writeln!(
            io::stdout(),
            "{:#}",
            json!({ "said": said, "plan": plan, "changed": changed })
        )?);
    }
    let path = args.config.display();
    let end = match (nothing, args.dry_run) {
        (true, _) => "nothing to do: everything is as it should be".to_owned(),
        (false, true) => "nothing was changed".to_owned(),
        (false, false) => {
            let fogbell = sealed.map_or("fogbell", |it| it.in_a_shell());
            let rebind = if rebound { format!("  {RESTART}\n") } else { String::new() };
            format!(
                "done. Next:\n  {fogbell} check --config {path}\n{rebind}  systemctl enable --now fogbell\n  {fogbell} doctor \
                 --config {path}\n  {fogbell} webhook ping --config {path}"
            )
        }
    };
    Ok(writeln!(io::stdout(), "\n{end}")?)
}

/// What the unit runs by.
const CONFIG: &str = "/etc/fogbell/fogbell.toml";

/// What `--help` shows.
pub(crate) const EXAMPLE: &str = "\
Sinks are URLs with a name in front: siem=tls://192.0.2.60:6514?ca=/etc/ssl/siem.pem, siem=tcp://…, siem=udp://…,
noc=inform://fogbell@192.0.2.50:162 (SNMPv3, the user behind //; passphrases are made, or read with ?auth=FILE&privacy=FILE),
noc=trap://… (the same unacknowledged), noc=v2c://192.0.2.50:162?community=FILE.

Example:
  $ cat answers.toml
  cloud = \"global-01\"
  org = \"acme\"
  token_file = \"/root/mist-token\"
  public_url = \"https://mist-relay.example.net/v1/mist\"
  certificate = \"/etc/ssl/relay/fullchain.pem\"
  key = \"/etc/ssl/relay/key.pem\"
  sink = [\"siem=tls://192.0.2.60:6514\", \"noc=inform://fogbell@192.0.2.50:162\"]
  create_webhook = true
  $ fogbell init --answers answers.toml --yes";
