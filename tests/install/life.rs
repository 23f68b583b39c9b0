//! The Debian package, from the first installation to the last trace.

use crate::scene::{NEW, OLD, Scene};

#[test]
fn an_installed_package_starts_nothing_and_brings_no_configuration() {
    let scene = Scene::new();
    let debian = &scene.debian;

    let said = debian.apt(&["install", NEW]);

    assert!(said.contains("fogbell is not started: there is no configuration yet"), "{said}");
    for unit in ["fogbell.service", "fogbell.socket"] {
        assert_eq!(debian.try_run(&["systemctl", "is-active", unit]).said.trim(), "inactive");
        assert_eq!(debian.try_run(&["systemctl", "is-enabled", unit]).said.trim(), "disabled");
    }
    assert_eq!(debian.run(&["dpkg-query", "-W", "-f", "${Conffiles}", "fogbell"]), "");
    assert_eq!(debian.run(&["find", "/etc/fogbell", "-mindepth", "1"]), "");
    assert_eq!(debian.run(&["dpkg", "--verify", "fogbell"]), "");
    let stat = |path: &str| debian.run(&["stat", "-c", "%a %U %G", path]).trim().to_owned();
    assert_eq!(stat("/etc/fogbell"), "750 root fogbell");
    assert_eq!(stat("/var/lib/fogbell"), "700 fogbell fogbell");
    for file in [
        "/usr/share/man/man1/fogbell-journal-status.1.gz",
        "/usr/share/man/man1/fogpilot-plan.1.gz",
        "/usr/share/bash-completion/completions/fogbell",
        "/usr/share/snmp/mibs/FOGBELL-MIB",
    ] {
        // a minimal Debian leaves manual pages out unless it is told otherwise
        let listed = debian.run(&["dpkg", "-L", "fogbell"]);
        assert!(listed.lines().any(|line| line == file), "{file}: {listed}");
    }
    for program in ["fogbell", "fogpilot"] {
        assert!(debian.run(&[program, "--version"]).contains("0.1.0"));
    }

    // started all the same it says what is missing, and is not started again and again
    assert_ne!(debian.try_run(&["systemctl", "start", "fogbell.service"]).code, 0);
    assert_eq!(
        (scene.property("ExecMainStatus").as_str(), scene.property("NRestarts").as_str()),
        ("78", "0")
    );
    let log = debian.run(&["journalctl", "--no-pager", "-u", "fogbell.service"]);
    assert!(log.contains("cannot read `/etc/fogbell/fogbell.toml`"), "{log}");
}

#[test]
fn it_is_set_up_upgraded_and_downgraded_while_it_relays_and_its_configuration_stays() {
    let scene = Scene::new();
    let debian = &scene.debian;
    debian.apt(&["install", OLD]);
    scene.configure();
    debian.run(&["runuser", "-u", "fogbell", "--", "fogbell", "check"]);
    scene.enable();
    scene.deliver(1);
    let pid = scene.property("MainPID");
    let status = debian.run(&["cat", &format!("/proc/{pid}/status")]);
    let uid = debian.run(&["id", "-u", "fogbell"]);
    assert!(status.contains(&format!("Uid:\t{0}\t{0}\t{0}\t{0}", uid.trim())), "{status}");
    assert!(status.contains("CapEff:\t0000000000000000") && status.contains("NoNewPrivs:\t1"), "{status}");
    let before = scene.configuration();

    let (mut pid, mut number) = (pid, 2);
    for (how, package) in [("install", NEW), ("reinstall", NEW), ("downgrade", OLD)] {
        let arguments: &[&str] = match how {
            "install" => &["install", package],
            "reinstall" => &["install", "--reinstall", package],
            _ => &["install", "--allow-downgrades", package],
        };
        number = scene.posting(number, || drop(debian.apt(arguments)));

        let version = debian.run(&["dpkg-query", "-W", "-f", "${Version}", "fogbell"]);
        assert!(package.contains(&format!("_{version}_")), "{how}: {version}");
        assert!(scene.is_active(), "{how}");
        assert_ne!(scene.property("MainPID"), pid, "{how}: the old program still runs");
        pid = scene.property("MainPID");
        assert_eq!(scene.configuration(), before, "{how}");
        scene.deliver(number);
        number += 1;
    }
    let enabled = debian.try_run(&["systemctl", "is-enabled", "fogbell.service"]).said;
    assert_eq!(enabled.trim(), "enabled");
}

#[test]
fn remove_keeps_what_purge_takes_and_purge_leaves_nothing() {
    let scene = Scene::new();
    let debian = &scene.debian;
    let before = debian.files();
    debian.apt(&["install", NEW]);
    scene.configure();
    scene.enable();
    scene.deliver(1);
    let configuration = scene.configuration();

    debian.apt(&["remove", "fogbell"]);

    assert!(!scene.is_active());
    assert_ne!(scene.post(2).exit, 0, "somebody still listens");
    assert_eq!(scene.configuration(), configuration);
    assert!(debian.run(&["ls", "/var/lib/fogbell"]).contains("journal.db"));

    // what was kept is taken up again
    debian.apt(&["install", NEW]);
    debian.run(&["systemctl", "start", "fogbell.service"]);
    scene.deliver(3);
    let kept = debian.run(&["fogbell", "journal", "export", "--log", "inbox"]);
    assert!(kept.contains("000000000001") && kept.contains("000000000003"), "{kept}");

    let said = debian.apt(&["purge", "fogbell"]);

    assert!(
        said.contains(
            "left as it is, since the package did not make it: /etc/systemd/system/fogbell.socket.d"
        ),
        "{said}"
    );
    debian.run(&["rm", "-r", "/etc/systemd/system/fogbell.socket.d"]);
    let after = debian.files();
    let new: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
    let gone: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
    assert!(new.is_empty() && gone.is_empty(), "new: {new:?}, gone: {gone:?}");
    assert_ne!(debian.try_run(&["getent", "passwd", "fogbell"]).code, 0);
    let units = debian.try_run(&["systemctl", "list-unit-files", "--no-legend", "fogbell*"]);
    assert_eq!(units.said, "");
}
