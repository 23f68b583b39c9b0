//! `fogbell schema`: what an editor says of a configuration is what the program says. The editor's part is taplo.

use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::{Config, Fogbell, ask_fogbell, ask_fogbell_in};
use tempfile::TempDir;

/// What taplo and what `fogbell check` said of a configuration, empty when it is good.
fn judged(home: &Path, text: &str) -> [String; 2] {
    let file = home.join("fogbell.toml");
    fs::write(&file, text).unwrap();
    let schema = format!("file://{}", home.join("fogbell.schema.json").display());
    let taplo = Command::new("taplo")
        .args(["lint", "--no-auto-config", "--schema", &schema])
        .arg(&file)
        .current_dir(home)
        .output()
        .expect("taplo is on PATH");
    let said = String::from_utf8_lossy(&taplo.stderr).into_owned();
    assert_eq!(taplo.status.success(), !said.contains("ERROR"), "{said}");
    let check = ask_fogbell_in(home, &["check"]);
    [
        if taplo.status.success() { String::new() } else { said },
        if check.code == 0 { String::new() } else { check.said },
    ]
}

#[test]
fn an_editor_refuses_what_the_program_refuses() {
    let folder = TempDir::new().unwrap();
    let home = folder.path();
    let config = Config::new()
        .syslog("siem", "127.0.0.1:514", "tcp")
        .v2c("noc", "127.0.0.1:162", "public", e2e::Notification::Trap)
        .set("gate", "body_secs", "20");
    drop(Fogbell::start_in(home, &config));
    let printed = ask_fogbell(&["schema"]);
    assert_eq!(printed.code, 0, "{}", printed.said);
    fs::write(home.join("fogbell.schema.json"), &printed.out).unwrap();
    let good = fs::read_to_string(home.join("fogbell.toml")).unwrap();

    assert_eq!(judged(home, &good), ["", ""]);

    for (right, wrong) in [
        ("body_secs = 20", "body_sec = 20"),
        ("body_secs = 20", "body_secs = \"20\""),
        ("transport = \"tcp\"", "transport = \"tpc\""),
        ("format = \"rfc5424\"", "format = \"leef\""),
        ("version = \"2c\"", "version = \"1\""),
        ("cloud = \"global-01\"", "cloud = \"global-09\""),
        ("name = \"siem\"", "name = \"si em\""),
        ("transport = \"tcp\"", ""),
        ("[gate]", "[gates]"),
    ] {
        assert_eq!(good.matches(right).count(), 1, "{right} in {good}");
        for said in judged(home, &good.replace(right, wrong)) {
            assert!(!said.is_empty(), "{wrong:?} in place of {right:?} is let through");
        }
    }
}

#[test]
fn the_documented_configurations_are_good_to_an_editor() {
    let folder = TempDir::new().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (_, block) = readme.split_once("```toml\n").unwrap();
    let documented = fs::read_to_string(root.join("crates/relay/tests/documented.toml")).unwrap();
    fs::copy(root.join("docs/fogbell.schema.json"), folder.path().join("fogbell.schema.json")).unwrap();

    for text in [block.split_once("```").unwrap().0, &documented] {
        assert_eq!(judged(folder.path(), text)[0], "", "{text}");
    }
}
