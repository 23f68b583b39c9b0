//! The RPM package, by the real `rpm`, on a booted systemd. The machine is a Debian for all that: what the packages that it needs
//! are called elsewhere is not seen here (`--nodeps`).

use crate::debian::Debian;
use crate::scene::{NEW, Scene};

const OLD_RPM: &str = "/packages/fogbell-0.1.0~old-1.x86_64.rpm";
const NEW_RPM: &str = "/packages/fogbell-0.1.0-1.x86_64.rpm";

/// Debian's rpm asks whether somebody knows what he does.
fn rpm(debian: &Debian, arguments: &[&str]) -> String {
    debian.run(&[&["rpm", "--force-debian", "--nodeps"][..], arguments].concat())
}

/// The paths that a line for each ends with, but for folders, in order.
fn paths(listed: &str) -> Vec<&str> {
    let mut paths: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().last()).collect();
    paths.sort_unstable();
    paths
}

#[test]
fn both_kinds_of_package_hold_the_same_and_say_so_truly() {
    let debian = Debian::boot();

    let of_deb =
        debian.shell(&format!("dpkg-deb --fsys-tarfile {NEW} | tar -t | grep -v '/$' | sed 's/^.//'"));
    let of_rpm = debian
        .shell(&format!("rpm -qp --qf '[%{{FILEMODES:perms}} %{{FILENAMES}}\\n]' {NEW_RPM} | grep -v '^d'"));

    assert_eq!(paths(&of_rpm), paths(&of_deb));
    assert!(of_deb.contains("/usr/bin/fogbell\n") && !of_deb.contains("/etc/"), "{of_deb}");
    let checked = debian.run(&["rpm", "-K", NEW_RPM]);
    assert!(checked.contains("digests OK"), "{checked}");
    let owners = debian.run(&["rpm", "-qp", "--qf", "[%{FILEUSERNAME}:%{FILEGROUPNAME}\\n]", NEW_RPM]);
    assert!(owners.lines().all(|owner| owner == "root:root"), "{owners}");
    // what it asks for is named as every distribution with rpm names it
    let requires = debian.run(&["rpm", "-qp", "--requires", NEW_RPM]);
    assert!(
        requires.contains("libc.so.6(GLIBC_2.") && requires.contains("libgcc_s.so.1()(64bit)"),
        "{requires}"
    );
    assert_eq!(debian.run(&["rpm", "-qp", "--configfiles", NEW_RPM]), "");
}

#[test]
fn an_rpm_is_upgraded_and_downgraded_while_it_relays_and_erased_but_for_what_is_the_operators() {
    let scene = Scene::new();
    let debian = &scene.debian;
    // the database is there before anything is in it
    debian.run(&["rpm", "--initdb"]);
    let before = debian.files();

    let said = rpm(debian, &["-i", OLD_RPM]);

    assert!(said.contains("fogbell is not started: there is no configuration yet"), "{said}");
    assert_eq!(rpm(debian, &["-V", "fogbell"]), "");
    let stat = |path: &str| debian.run(&["stat", "-c", "%a %U %G", path]).trim().to_owned();
    assert_eq!(stat("/etc/fogbell"), "750 root fogbell");
    assert_eq!(stat("/var/lib/fogbell"), "700 fogbell fogbell");
    assert!(!scene.is_active());

    scene.configure();
    scene.enable();
    scene.deliver(1);
    let (configuration, mut pid, mut number) = (scene.configuration(), scene.property("MainPID"), 2);
    for (arguments, version) in
        [(&["-U", NEW_RPM][..], "0.1.0"), (&["-U", "--oldpackage", OLD_RPM], "0.1.0~old")]
    {
        number = scene.posting(number, || drop(rpm(debian, arguments)));

        assert_eq!(debian.run(&["rpm", "-q", "--qf", "%{VERSION}", "fogbell"]), version);
        assert_ne!(scene.property("MainPID"), pid, "{version}: the old program still runs");
        pid = scene.property("MainPID");
        assert_eq!(scene.configuration(), configuration, "{version}");
        scene.deliver(number);
        number += 1;
    }

    let said = rpm(debian, &["-e", "fogbell"]);

    assert!(!scene.is_active());
    assert_ne!(scene.post(number).exit, 0, "somebody still listens");
    assert_eq!(scene.configuration(), configuration);
    for kept in ["/etc/fogbell", "/var/lib/fogbell", "/etc/systemd/system/fogbell.socket.d"] {
        assert!(said.contains(&format!("left as it is: {kept}\n")), "{kept}: {said}");
        debian.run(&["rm", "-r", kept]);
    }
    // and so does the user, to whom backups belong
    debian.shell("userdel fogbell; ! getent group fogbell");
    let after = debian.files();
    let left = |line: &&String| !line.contains(" /var/lib/rpm") && !before.contains(line);
    let new: Vec<&String> = after.iter().filter(left).collect();
    let gone: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
    assert!(new.is_empty() && gone.is_empty(), "new: {new:?}, gone: {gone:?}");
}
