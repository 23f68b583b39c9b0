//! The commands of `docs/packages.md`, as they stand there.

use crate::debian::Debian;

const PAGE: &str = include_str!("../../docs/packages.md");

/// The commands under a heading, block by block, for root, who has no sudo.
fn commands(heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = PAGE.split_once(&format!("\n### {heading}\n")).unwrap();
    let section = rest.split("\n## ").next().and_then(|rest| rest.split("\n### ").next()).unwrap();
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(|block| block.lines().map(|line| line.replace("sudo ", "")).collect()).collect()
}

/// A Debian with the files of a release in a folder, as somebody has downloaded them.
fn downloaded() -> Debian {
    let debian = Debian::boot();
    debian.shell("mkdir /root/release; ln -s /packages/* /root/release");
    debian
}

/// Runs a command in that folder.
fn run(debian: &Debian, command: &str) -> String {
    debian.shell(&format!("cd /root/release; {command}"))
}

/// Both programs are there, the units are known, and nothing runs.
fn is_installed(debian: &Debian) {
    for program in ["fogbell", "fogpilot"] {
        assert!(debian.run(&[program, "--version"]).contains("0.1.0"));
    }
    let units = debian.run(&["systemctl", "list-unit-files", "--no-legend", "fogbell*"]);
    assert_eq!(units.lines().filter(|line| line.contains("disabled")).count(), 2, "{units}");
    assert_eq!(debian.run(&["stat", "-c", "%a %U", "/var/lib/fogbell"]).trim(), "700 fogbell");
    assert_eq!(debian.try_run(&["systemctl", "is-active", "fogbell.service"]).said.trim(), "inactive");
}

#[test]
fn a_deb_is_checked_and_installed() {
    let debian = downloaded();
    let commands = &commands("Debian and Ubuntu")[0];

    for command in commands {
        let said = run(&debian, command);
        if command.starts_with("sha256sum") {
            assert!(said.contains("fogbell_0.1.0_amd64.deb: OK"), "{said}");
        }
    }

    is_installed(&debian);
    // a file that is not what was made does not pass
    debian.shell("cd /root/release; rm fogbell_0.1.0_amd64.deb; (cat /packages/fogbell_0.1.0_amd64.deb; echo) > fogbell_0.1.0_amd64.deb");
    let said = debian.try_run(&["sh", "-ec", &format!("cd /root/release; {}", commands[0])]);
    assert!(said.code != 0 && said.said.contains("fogbell_0.1.0_amd64.deb: FAILED"), "{}", said.said);
}

#[test]
fn an_rpm_is_checked_and_installed() {
    let debian = downloaded();

    for command in &commands("RPM")[0] {
        // this is no system whose packages rpm knows, and it asks whether that is meant
        run(&debian, &command.replace("rpm -U", "rpm --force-debian --nodeps -U"));
    }

    is_installed(&debian);
}

/// The name has to tell `--without-static` that there is no archive.
mod static_programs {
    use super::*;

    #[test]
    fn an_archive_is_checked_set_up_and_taken_away_by_hand() {
        let debian = downloaded();
        let commands = commands("Without a package");

        for command in &commands[0] {
            run(&debian, command);
        }

        is_installed(&debian);
        let said = debian.try_run(&["ldd", "/usr/bin/fogbell"]).said;
        assert!(said.contains("statically linked") || said.contains("not a dynamic"), "{said}");

        for command in &commands[1] {
            run(&debian, command);
        }

        let left = debian.shell("find /usr -type f -name '*fogbell*'; find /usr -type f -name '*fogpilot*'");
        assert_eq!(left, "");
        assert_eq!(debian.run(&["stat", "-c", "%a %U", "/var/lib/fogbell"]).trim(), "700 fogbell");
    }
}
