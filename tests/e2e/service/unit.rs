//! The units in `dist/systemd`, judged by systemd itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::fogbell_program;

pub(super) fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/systemd")
}

fn analyze(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("systemd-analyze").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
    (output.status.success(), said)
}

/// What systemd says of how exposed a unit with this text leaves the machine: from 0 to 10.
fn exposure(text: &str) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fogbell.service");
    fs::write(&file, text).unwrap();
    let (_, said) = analyze(&["security", "--offline=true", "--no-pager", &file.display().to_string()]);
    let line =
        said.lines().find(|line| line.contains("Overall exposure level")).unwrap_or_else(|| panic!("{said}"));
    line.rsplit_once(": ")
        .and_then(|(_, level)| level.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("{line}"))
}

#[test]
fn the_service_leaves_little_exposed_and_shuts_out_no_receiver() {
    let text = fs::read_to_string(units().join("fogbell.service")).unwrap();

    assert!(exposure(&text) <= 1.5, "{}", exposure(&text));

    // each of these is worth something to systemd's judgement, so that it would show
    let without = text.replace("CapabilityBoundingSet=\n", "").replace("ProtectSystem=strict\n", "");
    assert!(exposure(&without) > 1.5);
    let settings: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(settings.iter().all(|line| !line.starts_with("IPAddress")), "sinks would be shut out");
    for setting in [
        "Type=notify",
        "User=fogbell",
        "CapabilityBoundingSet=",
        "AmbientCapabilities=",
        "LimitCORE=0",
        "UMask=0077",
        "RestartPreventExitStatus=78",
        "Requires=fogbell.socket",
    ] {
        assert!(settings.contains(&setting), "{setting}");
    }
    assert!(settings.iter().any(|line| line.starts_with("WatchdogSec=")));
    assert!(settings.iter().any(|line| line.starts_with("LoadCredential")));
}

#[test]
fn systemd_understands_every_line_of_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let verify = |change: &dyn Fn(String) -> String| {
        for name in ["fogbell.service", "fogbell.socket"] {
            let text = fs::read_to_string(units().join(name)).unwrap();
            let text = text.replace("/usr/bin/fogbell", &fogbell_program().display().to_string());
            fs::write(folder.path().join(name), change(text)).unwrap();
        }
        let files =
            ["fogbell.service", "fogbell.socket"].map(|name| folder.path().join(name).display().to_string());
        analyze(&["verify", &files[0], &files[1]])
    };

    // what it says of other units of the machine is not about these
    let about_ours = |said: &str| said.lines().filter(|line| line.contains("fogbell")).count();
    let (good, said) = verify(&|text| text);
    assert!(good && about_ours(&said) == 0, "{said}");
    let (_, said) = verify(&|text| text.replace("WatchdogSec=", "WatchdogSeconds="));
    assert!(said.contains("WatchdogSeconds"), "{said}");
}
