//! Every command that prints data prints it as JSON too.

use std::collections::BTreeSet;
use std::fs;

use e2e::{Config, Notification, Snmptrapd, SnmptrapdSetup};
use serde_json::Value;

use super::programs;
use crate::setup::Machine;
use crate::webhooks::scene::{May, Scene};

/// Commands of both programs that have no data as JSON, each with the reason.
const EXEMPT: [(&str, &str); 26] = [
    ("fogbell run", "what it says is its log, which has a form of JSON: --log json"),
    ("fogbell reload", "a change; its exit code says whether it was taken"),
    ("fogbell cert renew", "a change; `fogbell cert show --json` has what came of it"),
    ("fogbell cert self-signed", "a change; `fogbell cert show --json` has what came of it"),
    ("fogbell journal export", "it prints lines of JSON and nothing else"),
    ("fogbell secret init", "a change; `fogbell secret list --json` has what came of it"),
    ("fogbell secret set", "a change; `fogbell secret list --json` has what came of it"),
    ("fogbell secret show", "a secret, shown on a terminal only"),
    ("fogbell secret rm", "a change; `fogbell secret list --json` has what came of it"),
    ("fogbell secret rotate-key", "a change; `fogbell secret list --json` has what came of it"),
    ("fogbell secret rewrap", "a change; `fogbell secret list --json` has what came of it"),
    ("fogbell secret backup", "a change; `fogbell secret verify --json FILE` has what came of it"),
    ("fogbell secret restore", "a change; `fogbell secret verify --json` has what came of it"),
    ("fogbell mib", "a file in a language of its own"),
    ("fogbell firewall", "a file in a language of its own"),
    ("fogbell ha keepalived", "a file in a language of its own"),
    ("fogbell ha ready", "its answer is its exit code, as keepalived wants it"),
    ("fogbell schema", "it is JSON"),
    ("fogbell snmp user-line", "lines for a file of net-snmp, on a terminal only where they hold secrets"),
    ("fogbell capture", "it prints JSON and nothing else"),
    ("fogpilot capture", "it prints JSON and nothing else"),
    ("fogbell pack", "files in languages of their own"),
    ("fogbell completion", "a file in a language of its own"),
    ("fogpilot template", "a file to be filled in"),
    ("fogpilot profile add", "a change; `fogpilot profile show -o json` has what came of it"),
    ("fogpilot completion", "a file in a language of its own"),
];

/// What is put behind `fogbell …` to see its JSON; `DIR` stands for the folder of the scene.
const CALLS: [(&str, &str); 23] = [
    ("fogbell init", "--answers ANSWERS --dry-run --json"),
    ("fogbell check", "--json"),
    ("fogbell doctor", "--no-sites --json"),
    ("fogbell cert show", "--json"),
    ("fogbell cert check", "--json"),
    ("fogbell journal status", "--json"),
    ("fogbell journal verify", "--json"),
    ("fogbell tail", "--number 1 --json"),
    ("fogbell test", "--sink noc --json"),
    ("fogbell webhook list", "--json"),
    ("fogbell webhook create", "--dry-run --json"),
    ("fogbell webhook ping", "--json"),
    ("fogbell webhook disable", "--json"),
    ("fogbell explain", "DIR/body.json --json"),
    ("fogbell test-rules", "DIR/rules.toml --json"),
    ("fogbell replay", "--sink noc --since 1h --json"),
    ("fogbell secret list", "--json"),
    ("fogbell secret verify", "--json"),
    ("fogbell backup", "DIR/all.backup --json"),
    ("fogbell restore", "--check DIR/all.backup --json"),
    ("fogbell clouds", "--json"),
    ("fogbell snmp probe", "noc --json"),
    // no sink of this name is configured by then
    ("fogbell journal forget", "noc --json"),
];

/// The commands that do something, with their helps.
fn leaves() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for program in programs() {
        for (command, help) in program.commands() {
            if !help.contains("\nCommands:") {
                all.push(([vec![program.name.to_owned()], command].concat().join(" "), help));
            }
        }
    }
    all
}

#[test]
fn every_command_has_json_or_a_reason_why_not() {
    let leaves = leaves();
    for (command, help) in &leaves {
        let has = help.contains("--json") || help.contains("- json:");
        let reason = EXEMPT.iter().find(|(exempt, _)| exempt == command);
        // what prints JSON alone has no flag for it
        let words = help.split("\nExample").next().unwrap_or_default();
        assert!(has || reason.is_some(), "`{command}` has no JSON, and no reason is given:\n{words}");
        let flag = words.contains("--json\n") || words.contains("--json ");
        assert!(!(flag && reason.is_some()), "`{command}` has JSON and a reason why not");
    }
    assert!(leaves.len() > 50, "{}", leaves.len());
}

#[test]
fn what_fogbell_prints_as_json_is_json() {
    let nms =
        Snmptrapd::start(&SnmptrapdSetup { communities: vec!["public".to_owned()], ..Default::default() });
    let scene = Scene::with(May::Write, |config| {
        let folder = tempfile::tempdir().unwrap();
        let config = config.v2c("noc", &nms.address(), "public", Notification::Inform);
        let key = folder.keep().join("vault.key");
        config.set("vault", "key", &format!("{{ file = {:?} }}", key.display().to_string()))
    });
    let folder = scene.folder.path();
    scene.add(scene.good());
    scene.relay.deliver(crate::network::MESSAGE);
    let made =
        scene.ask(&["secret", "init", "--recovery-key-to", &folder.join("recovery").display().to_string()]);
    assert_eq!(made.code, 0, "{}", made.said);
    fs::write(folder.join("body.json"), crate::network::MESSAGE).unwrap();
    let rules =
        format!("[[test]]\nname = \"one\"\nmessages = ['{}']\n[[test.expect]]\n", crate::network::MESSAGE);
    fs::write(folder.join("rules.toml"), rules).unwrap();
    let machine = Machine::new();
    let answers = machine.answers("").display().to_string();

    let mut called = BTreeSet::new();
    for (command, arguments) in CALLS {
        called.insert(command.to_owned());
        let line = format!("{} {arguments}", command.strip_prefix("fogbell ").unwrap());
        let line = line.replace("DIR", &folder.display().to_string()).replace("ANSWERS", &answers);
        let words: Vec<&str> = line.split(' ').collect();
        if command == "fogbell journal forget" {
            let config = folder.join("fogbell.toml");
            let text = fs::read_to_string(&config).unwrap();
            fs::write(&config, &text[..text.find("[[snmp]]").unwrap()]).unwrap();
            assert_eq!(scene.ask(&["reload"]).code, 0);
        }
        let answer = match command {
            "fogbell init" => e2e::ask_fogbell(
                &[&words[..], &["--config", &machine.config().display().to_string()]].concat(),
            ),
            "fogbell clouds" | "fogbell restore" => e2e::ask_fogbell(&words),
            _ => scene.ask(&words),
        };
        let values: Result<Vec<Value>, _> =
            serde_json::Deserializer::from_str(&answer.out).into_iter().collect();
        let values =
            values.unwrap_or_else(|error| panic!("{command}: {error}\n{}{}", answer.out, answer.said));
        assert!(
            !values.is_empty() && values.iter().all(|it| it.is_object() || it.is_array()),
            "{command}: {}{}",
            answer.out,
            answer.said
        );
        assert!(!answer.out.contains(Config::SECRET), "{command}");
    }
    let expected: BTreeSet<String> = leaves()
        .into_iter()
        .map(|(command, _)| command)
        .filter(|it| it.starts_with("fogbell ") && !EXEMPT.iter().any(|(exempt, _)| exempt == it))
        .collect();
    assert_eq!(called, expected, "every command with JSON is called");
}
