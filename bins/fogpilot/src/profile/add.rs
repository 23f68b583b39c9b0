//! `fogpilot profile add`: everything is asked, shown and tried before the profile is written.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use conductor::{Conductor, SpkiPin};
use ids::{Cloud, OrgId};
use mist::{Client, account};
use sco::certificate::{Certificate, CertificateFingerprint};
use vault::Kind;
use zeroize::Zeroizing;

use super::file::{ConductorProfile, Profile, ProfileName, Profiles, ScoCa, Ssh, mist_host};
use super::session::{command_line, conductor_client, mist_client};
use super::test;
use crate::asking::ask;
use crate::exit::{Done, Exit, Failure};
use crate::home::Home;
use crate::safe::hidden;
use crate::terminal::Terminal;

#[derive(clap::Args)]
#[command(after_help = "Example, without a terminal:
  fogpilot profile add prod --vault-key fogpilot.key --cloud global-01 --org 'ACME Retail' \\
    --api-token-file mist.token --conductor conductor.example.net --user fogpilot \\
    --password-file conductor.password --conductor-pin sha256:5f2c… --sco-ca sco-ca.pem \\
    --ssh admin@conductor.example.net --ssh-jump bastion.example.net")]
pub(crate) struct Args {
    /// What it is called
    name: ProfileName,
    #[command(flatten)]
    home: Home,
    /// Replace the profile of this name when there is one
    #[arg(long)]
    replace: bool,
    /// Cloud that the organisation lives in, such as global-01; `fogbell clouds` lists them
    #[arg(long, conflicts_with = "api_host", help_heading = "Mist")]
    cloud: Option<Cloud>,
    /// Host of the API, where it is of no known cloud
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Mist")]
    api_host: Option<String>,
    /// File with the authorities in PEM that may vouch for the API, in place of the system's
    #[arg(long, value_name = "FILE", help_heading = "Mist")]
    api_ca: Option<PathBuf>,
    /// The organisation, by its id or its whole name
    #[arg(long, value_name = "ID|NAME", help_heading = "Mist")]
    org: Option<String>,
    /// File with the API token, which nobody else may read; without it the terminal is asked
    #[arg(long, value_name = "FILE", help_heading = "Mist")]
    api_token_file: Option<PathBuf>,
    /// The conductor's web server
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Conductor")]
    conductor: Option<conductor::Host>,
    /// Address of a node of the conductor as routers reach it; once for each node [default: the conductor's host]
    #[arg(long, value_name = "HOST", help_heading = "Conductor")]
    node: Vec<sco::ConductorHost>,
    /// The account on the conductor
    #[arg(long, value_name = "NAME", help_heading = "Conductor")]
    user: Option<String>,
    /// File with its password, which nobody else may read; without it the terminal is asked
    #[arg(long, value_name = "FILE", help_heading = "Conductor")]
    password_file: Option<PathBuf>,
    /// SHA-256 of the public key of the web server's certificate; without it the one shown is asked about
    #[arg(long, value_name = "PIN", help_heading = "Conductor")]
    conductor_pin: Option<SpkiPin>,
    /// File with the certificate of the authority of Secure Conductor Onboarding
    #[arg(long, value_name = "FILE", group = "authority", help_heading = "Conductor")]
    sco_ca: Option<PathBuf>,
    /// SHA-256 of that certificate: `sha256:` and 64 lower-case digits
    #[arg(long, value_name = "PIN", group = "authority", help_heading = "Conductor")]
    sco_ca_sha256: Option<CertificateFingerprint>,
    /// Trust no authority: every onboarding token is then `consistent, not authenticated`, and needs a flag
    #[arg(long, group = "authority", help_heading = "Conductor")]
    no_sco_ca: bool,
    /// The conductor's command line, as `ssh` is told: a host of its configuration, or user@host
    #[arg(long, value_name = "DESTINATION", help_heading = "Command line")]
    ssh: Option<String>,
    /// Configuration of `ssh`, in place of your own
    #[arg(long, short = 'F', value_name = "FILE", requires = "ssh", help_heading = "Command line")]
    ssh_config: Option<PathBuf>,
    /// The hosts on the way, with commas between
    #[arg(long, short = 'J', value_name = "HOSTS", requires = "ssh", help_heading = "Command line")]
    ssh_jump: Option<String>,
}

/// Makes a profile of what is given and what is answered.
pub(super) fn add(args: &Args) -> Done {
    let path = args.home.profiles()?;
    let mut profiles = Profiles::load(&path)?;
    if !args.replace && profiles.iter().any(|(name, _)| *name == args.name) {
        let text = format!("there is a profile `{}`; give another name, or --replace", args.name);
        return Err(Failure::usage(text));
    }
    let token = secret(args.api_token_file.as_deref(), "API token of Mist: ", "--api-token-file FILE")?;
    let profile = args.profile(&token)?;
    let password =
        secret(args.password_file.as_deref(), "Password at the conductor: ", "--password-file FILE")?;
    let conductor = conductor_client(&profile.conductor, &password)?;
    let pcli = profile.ssh.as_ref().map(command_line).transpose()?;
    let mist = mist_client(profile.mist_host()?, profile.api_ca.as_deref(), &token, PATIENCE)?;
    let tried = ask(async { Ok(test::attempt(&mist, profile.org, &conductor, pcli.as_ref()).await) })?;
    if let Some(refused) = tried.iter().find(|tried| tried.exit != Exit::Ok) {
        let text = format!("{}: {}; the profile was not made", refused.what, refused.detail);
        return Err(Failure::of(refused.exit, text));
    }
    let unlocked = args.home.unlock_or_make()?;
    unlocked.put(&format!("{}/mist", args.name), Kind::Token, token)?;
    unlocked.put(&format!("{}/conductor", args.name), Kind::Password, password)?;
    profiles.put(args.name.clone(), profile);
    profiles.save(&path)?;
    test::tell(&tried)?;
    writeln!(io::stderr(), "fogpilot: the profile `{}` is in `{}`", args.name, path.display())?;
    Ok(Exit::Ok)
}

impl Args {
    /// The profile, once its organisation is found and its fingerprints are agreed on.
    fn profile(&self, token: &[u8]) -> Result<Profile, Failure> {
        let cloud = match (&self.api_host, self.cloud) {
            (None, None) => {
                let typed = given("Mist cloud, such as global-01: ", "--cloud or --api-host")?;
                Some(typed.parse().map_err(|error| Failure::of(Exit::Usage, error))?)
            }
            (_, cloud) => cloud,
        };
        let host = match &self.conductor {
            Some(host) => host.clone(),
            None => given("Conductor (host or host:port): ", "--conductor HOST")?
                .parse()
                .map_err(|error| Failure::of(Exit::Usage, error))?,
        };
        let user = match &self.user {
            Some(user) => user.clone(),
            None => given("Account on the conductor: ", "--user NAME")?,
        };
        let nodes = match &self.node[..] {
            [] => vec![bare(host.as_str()).to_owned()],
            [_, _, _, ..] => {
                return Err(Failure::usage("a conductor has two nodes at most; give --node twice at most"));
            }
            nodes => nodes.iter().map(ToString::to_string).collect(),
        };
        let api_ca = self.api_ca.as_deref().map(whole).transpose()?;
        let wanted = match &self.org {
            Some(org) => org.clone(),
            None => given("Organisation (id or whole name): ", "--org ID|NAME")?,
        };
        let mist =
            mist_client(mist_host(cloud, self.api_host.as_deref())?, api_ca.as_deref(), token, PATIENCE)?;
        let (org, org_name) = ask(organisation(&mist, &wanted))?;
        let pin = self.pin(&host)?.to_string();
        Ok(Profile {
            cloud,
            api_host: self.api_host.clone(),
            api_ca,
            org,
            org_name,
            sco_ca: self.authority(&nodes)?,
            conductor: ConductorProfile { host: host.to_string(), user, pin, nodes },
            ssh: self.ssh()?,
        })
    }

    fn ssh(&self) -> Result<Option<Ssh>, Failure> {
        let Some(destination) = self.ssh.clone() else { return Ok(None) };
        let config = self.ssh_config.as_deref().map(whole).transpose()?;
        Ok(Some(Ssh { destination, config, jump: self.ssh_jump.clone() }))
    }

    /// The key of the conductor's web server: given, or shown and agreed on.
    fn pin(&self, host: &conductor::Host) -> Result<SpkiPin, Failure> {
        let shown = ask(async { Ok(Conductor::look(host, LOOK).await?) })?;
        writeln!(io::stderr(), "fogpilot: the key of `{host}` is {shown}")?;
        match self.conductor_pin {
            Some(pin) if pin == shown => Ok(pin),
            Some(pin) => Err(format!(
                "`{host}` has another key than --conductor-pin says ({pin}): it is another machine, its certificate was \
                 replaced, or somebody is in between; nothing was sent to it"
            )
            .into()),
            None => {
                let how = "`openssl x509 -in webserver.pem -pubkey -noout | openssl pkey -pubin -outform der | sha256sum` on \
                           the conductor prints the same. Is it the conductor's?";
                agreed(how, "--conductor-pin PIN, once you have compared it")?;
                Ok(shown)
            }
        }
    }

    /// The authority of Secure Conductor Onboarding: given, or shown by port 933 and agreed on.
    fn authority(&self, nodes: &[String]) -> Result<Option<ScoCa>, Failure> {
        if let Some(path) = &self.sco_ca {
            let ca = authority_in(path)?;
            writeln!(io::stderr(), "fogpilot: the SCO CA in `{}` is {}", path.display(), ca.sha256)?;
            return Ok(Some(ca));
        }
        if let Some(sha256) = self.sco_ca_sha256 {
            return Ok(Some(ScoCa { certificate: None, sha256 }));
        }
        if self.no_sco_ca {
            return Ok(None);
        }
        Terminal::or("--sco-ca FILE, --sco-ca-sha256 PIN or --no-sco-ca")?;
        let Some(sha256) = ask(async { Ok(shown_authority(nodes).await) })? else {
            return Err(Failure::usage(
                "port 933 shows no authority; give --sco-ca FILE with the one that `ca-certificate` names, or --no-sco-ca",
            ));
        };
        writeln!(io::stderr(), "fogpilot: port 933 shows an SCO CA with the certificate {sha256}")?;
        let how = "`openssl x509 -in CA.pem -outform der | sha256sum` on the conductor prints the same. Is it yours?";
        agreed(how, "--sco-ca FILE or --sco-ca-sha256 PIN")?;
        Ok(Some(ScoCa { certificate: None, sha256 }))
    }
}

/// The last certificate that port 933 shows, when it shows more than its own.
async fn shown_authority(nodes: &[String]) -> Option<CertificateFingerprint> {
    for node in nodes {
        let Ok(host) = crate::preflight::at(node, 933).parse() else { continue };
        if let Ok(shown) = Conductor::certificates(&host, LOOK).await
            && shown.len() > 1
        {
            return shown.last().map(|der| CertificateFingerprint::of(der));
        }
    }
    None
}

/// The organisation with this id, or the only one with this name that the token may see.
async fn organisation(mist: &Client, wanted: &str) -> Result<(OrgId, String), Failure> {
    if let Ok(org) = wanted.parse::<OrgId>() {
        let found = mist.send(&account::org(org)).await?;
        return Ok((org, found.name.unwrap_or_else(|| org.to_string())));
    }
    let account = mist.send(&account::whoami()).await?;
    let mut ids: Vec<OrgId> = account.privileges.iter().filter_map(|privilege| privilege.org_id).collect();
    ids.sort();
    ids.dedup();
    let mut fitting = Vec::new();
    let mut names = Vec::new();
    for org in ids.into_iter().take(MOST_ORGANISATIONS) {
        let name = mist.send(&account::org(org)).await?.name.unwrap_or_default();
        if name == wanted {
            fitting.push((org, name));
        } else {
            names.push(name);
        }
    }
    match (fitting.pop(), fitting.len()) {
        (Some(one), 0) => Ok(one),
        (Some(_), _) => {
            Err(Failure::usage(format!("several organisations are named `{wanted}`; give the id of one")))
        }
        (None, _) => Err(Failure::usage(format!(
            "the token sees no organisation `{wanted}`; it sees: {}",
            names.join(", ")
        ))),
    }
}

fn authority_in(path: &Path) -> Result<ScoCa, Failure> {
    let wrong = |what: String| Failure::usage(format!("`{}` cannot be the SCO CA: {what}", path.display()));
    let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut certificates = Certificate::parse_all(&bytes).map_err(|error| wrong(error.to_string()))?;
    match (certificates.pop(), certificates.len()) {
        (Some(one), 0) => {
            let certificate = Some(String::from_utf8(bytes).map_err(|_| wrong("it is no PEM".to_owned()))?);
            Ok(ScoCa { certificate, sha256: one.fingerprint() })
        }
        _ => Err(wrong("there are several certificates in it; give the authority's alone".to_owned())),
    }
}

/// What is in a file that nobody else may read, or what is typed.
fn secret(file: Option<&Path>, question: &str, flag: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = match file {
        Some(path) => pki::read_private(path).map_err(|error| Failure::of(Exit::Usage, error))?,
        None => hidden(question, flag)?,
    };
    while bytes.last().is_some_and(|last| matches!(last, b'\r' | b'\n')) {
        bytes.pop();
    }
    Ok(bytes)
}

/// What is answered at the terminal, in place of a flag.
fn given(question: &str, flag: &str) -> Result<String, Failure> {
    let terminal = Terminal::or(flag)?;
    terminal.ask(question)?.ok_or_else(|| Failure::of(Exit::Interrupted, "given up at the terminal"))
}

fn agreed(question: &str, flag: &str) -> Result<(), Failure> {
    let terminal = Terminal::or(flag)?;
    match terminal.confirm(question)? {
        true => Ok(()),
        false => Err(Failure::of(Exit::Interrupted, "the profile was not made")),
    }
}

/// The path that holds from any folder.
fn whole(path: &Path) -> Result<PathBuf, Failure> {
    fs::canonicalize(path)
        .map_err(|error| Failure::usage(format!("cannot read `{}`: {error}", path.display())))
}

/// A host without its port.
fn bare(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => {
            name.trim_matches(['[', ']'])
        }
        _ => host.trim_matches(['[', ']']),
    }
}

const LOOK: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);
/// Nobody wants to wait for the names of more.
const MOST_ORGANISATIONS: usize = 100;
