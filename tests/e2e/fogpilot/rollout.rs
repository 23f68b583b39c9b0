//! From a profile to verified routers: every command on a whole stage, by the built program.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use testkit::conductor::ConductorSettings;
use testkit::estate::EstateSettings;

use super::stage::Stage;
use super::*;

mod flags;
mod person;
mod plan;
mod profile;
mod run;

/// What opens the vault, and where everything is kept.
pub(super) const STATE: [&str; 4] = ["--state", "state", "--vault-key", "vault.key"];

/// `profile add`, with everything that a terminal would be asked for; `without` leaves a flag and its value out.
fn add(stage: &Stage, name: &str, ssh: bool, without: &[&str]) -> Answer {
    add_more(stage, name, ssh, without, &[])
}

/// The same with the command line, and the addresses of so many nodes.
pub(super) fn add_with_nodes(stage: &Stage, name: &str, nodes: usize) -> Answer {
    let hosts = stage.estate().conductor().public_hosts();
    let more: Vec<&str> = hosts[1..nodes].iter().flat_map(|host| ["--node", host]).collect();
    add_more(stage, name, true, &[], &more)
}

fn add_more(stage: &Stage, name: &str, ssh: bool, without: &[&str], more: &[&str]) -> Answer {
    let pairs = [
        ("--api-host", stage.told("/mist/host")),
        ("--api-ca", stage.told("/mist/ca")),
        ("--org", stage.told("/mist/org")),
        ("--api-token-file", stage.told("/mist/token_file")),
        ("--conductor", stage.told("/conductor/host")),
        ("--user", stage.told("/conductor/user")),
        ("--password-file", stage.told("/conductor/password_file")),
        ("--conductor-pin", stage.told("/conductor/pin")),
        ("--sco-ca", stage.told("/conductor/sco_ca")),
        ("--node", stage.told("/conductor/hosts/0")),
    ];
    let mut arguments = vec!["profile", "add", name];
    arguments.extend(STATE);
    for (flag, value) in pairs.iter().filter(|(flag, _)| !without.contains(flag)) {
        arguments.extend([*flag, *value]);
    }
    arguments.extend(more);
    if ssh {
        arguments.extend(["--ssh", stage.told("/ssh/host"), "--ssh-config", stage.told("/ssh/config")]);
    }
    stage.ask(&arguments)
}

pub(super) fn ask_with(stage: &Stage, arguments: &[&str]) -> Answer {
    stage.ask(&[arguments, &STATE].concat())
}

pub(super) fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// Runs `fogpilot` at a terminal, where each text of `answers` is waited for and answered; the transcript, and how it ended.
fn at_terminal(stage: &Stage, answers: &[(&str, &str)], arguments: &[&str]) -> Answer {
    const TERMINAL: &str = "
import json, os, pty, sys
answers, program = json.loads(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(program[0], program)
seen, place = b'', 0
while True:
    if answers and answers[0][0].encode() in seen[place:]:
        place = len(seen)
        os.write(terminal, answers.pop(0)[1].encode() + b'\\n')
    try:
        more = os.read(terminal, 65536)
    except OSError:
        more = b''
    if not more:
        break
    seen += more
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
";
    let answers = serde_json::to_string(answers).unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", TERMINAL, &answers]).arg(fogpilot_program()).args(arguments);
    let answer: Answer = command.current_dir(stage.home()).env("TERM", "xterm").output().unwrap().into();
    assert_eq!(stage.secrets_in(answer.out.as_bytes()), [] as [&str; 0], "{arguments:?}");
    answer
}

/// A stage with a profile that reaches the command line.
pub(super) fn ready(settings: EstateSettings) -> Stage {
    let stage = Stage::start(settings);
    let answer = add(&stage, "prod", true, &[]);
    assert_eq!(answer.code, 0, "{answer:?}");
    stage
}

/// Plans the whole list into `wave.plan`.
pub(super) fn plan(stage: &Stage) -> Answer {
    let list = stage.told("/list");
    ask_with(stage, &["plan", "-f", list, "-o", "wave.plan", "--format", "json"])
}

/// What a run is told that is not to take an hour.
pub(super) const QUICKLY: [&str; 5] = ["--yes", "--assume", "restart", "--danger-time-factor", "100"];

pub(super) fn ask_with_state(stage: &Stage, arguments: &[&str]) -> Answer {
    stage.ask(&[arguments, &STATE[..2]].concat())
}
