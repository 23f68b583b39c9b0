//! The rules that `fogbell firewall` prints: the firewalls take them, and they do what they say.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use e2e::{Answer, Config, Machine, Notification, V3, ask_fogbell_in};

/// A configuration with everything that leaves a rule.
fn everything() -> Config {
    let v3 = V3 {
        user: "fogbell".to_owned(),
        auth: "authauthauth".to_owned(),
        privacy: "privprivpriv".to_owned(),
    };
    Config::new()
        .set("listen", "address", "\"0.0.0.0:8443\"")
        .set("gate", "networks", "[\"198.51.100.0/24\", \"2001:db8:5::/48\", \"10.78.0.2/32\"]")
        .api("api.mist.com", "0c160b7f-1027-4cd1-923b-744534c4b070", "token", Path::new("/nowhere/ca.pem"))
        .v2c("noc", "192.0.2.50:162", "public", Notification::Trap)
        .v3("noc6", "[2001:db8::50]:10162", &v3, Notification::Inform)
        .syslog("siem", "siem.example.net:6514", "tcp")
        .syslog("flow", "10.78.0.2:1514", "tcp")
}

fn printed(home: &Path, kind: &str, more: &[&str]) -> String {
    let answer: Answer = ask_fogbell_in(home, &[&["firewall", kind], more].concat());
    assert_eq!((answer.code, answer.said.as_str()), (0, ""), "{kind}");
    answer.out
}

const MORE: [&str; 6] =
    ["--ssh-from", "192.0.2.0/24", "--ssh-from", "2001:db8:9::/48", "--vrrp-peer", "192.0.2.2"];

/// Runs a program with these arguments in a network namespace that it may do anything to.
fn alone(program: &str, arguments: &[&str]) -> Output {
    Command::new("unshare").args(["--net", program]).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

#[test]
fn nftables_and_iptables_take_what_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    everything().write(folder.path());
    let file = folder.path().join("rules");
    let try_it = |program: &str, option: &str, rules: &str| {
        fs::write(&file, rules).unwrap();
        alone(program, &[option, &file.display().to_string()])
    };
    for more in [&[][..], &MORE] {
        let v6 = [&["--ipv6"], more].concat();
        let (nft, v4, v6) = (
            printed(folder.path(), "nftables", more),
            printed(folder.path(), "iptables", more),
            printed(folder.path(), "iptables", &v6),
        );
        for (program, option, rules) in [
            ("nft", "-cf", &nft),
            ("iptables-nft-restore", "--test", &v4),
            ("ip6tables-nft-restore", "--test", &v6),
        ] {
            let tried = try_it(program, option, rules);
            assert!(tried.status.success(), "{program}: {}\n{rules}", said(&tried));
            // what it does not understand it says
            let broken = try_it(program, option, &rules.replace("8443", "no-port"));
            assert!(!broken.status.success(), "{program} takes anything");
            let said: Vec<&str> = rules.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
            assert!(said.iter().all(|line| !line.contains("9460")), "the admin listener is opened:\n{rules}");
        }
        assert!(
            nft.contains("54.193.71.17") && v4.contains("-s 54.193.71.17/32 -p tcp --dport 8443"),
            "{nft}{v4}"
        );
        assert!(v6.contains("-s 2001:db8:5::/48 -p tcp --dport 8443") && !v6.contains("54.193"), "{v6}");
    }
}

#[test]
fn firewalld_takes_what_is_printed_twice() {
    let folder = tempfile::tempdir().unwrap();
    everything().write(folder.path());
    let system = folder.path().join("firewalld");
    fs::create_dir(&system).unwrap();
    let offline = format!("firewall-offline-cmd --system-config={}", system.display());
    let script = folder.path().join("rules.sh");
    fs::write(&script, printed(folder.path(), "firewalld", &MORE)).unwrap();

    for _ in 0..2 {
        let run = format!("FIREWALL='{offline}' sh {}", script.display());
        let ran = alone("sh", &["-c", &run]);
        assert!(ran.status.success(), "{}", said(&ran));
    }

    let ask = |what: &str| said(&alone("sh", &["-c", &format!("{offline} {what}")]));
    let (zone, policy) = (ask("--list-all"), ask("--policy=fogbell-out --list-all"));
    for rule in [
        r#"family="ipv4" source ipset="fogbell4" port port="8443" protocol="tcp" accept"#,
        r#"family="ipv6" source ipset="fogbell6" port port="8443" protocol="tcp" accept"#,
        r#"family="ipv4" source address="192.0.2.0/24" service name="ssh" accept"#,
        r#"family="ipv4" source address="192.0.2.2" protocol value="vrrp" accept"#,
    ] {
        assert_eq!(zone.matches(rule).count(), 1, "{rule}: {zone}");
    }
    assert!(!zone.contains("services: dhcpv6-client ssh"), "{zone}");
    for rule in [
        r#"family="ipv4" destination address="192.0.2.50" port port="162" protocol="udp" accept"#,
        r#"family="ipv6" destination address="2001:db8::50" port port="10162" protocol="udp" accept"#,
        r#"rule port port="6514" protocol="tcp" accept"#,
        r#"rule port port="443" protocol="tcp" accept"#,
        r#"rule port port="53" protocol="udp" accept"#,
    ] {
        assert_eq!(policy.matches(rule).count(), 1, "{rule}: {policy}");
    }
    assert!(policy.contains("target: DROP") && policy.contains("ingress-zones: HOST"), "{policy}");
    assert!(ask("--ipset=fogbell4 --get-entries").contains("54.193.71.17"), "no addresses");
}

/// Whether a connection to `port` of `address` opens from `source`.
fn opens(from: &Machine, source: &str, address: &str, port: u16) -> bool {
    let mut curl = from.command("curl");
    curl.args([
        "--disable",
        "--silent",
        "--connect-timeout",
        "1",
        "--max-time",
        "3",
        "--http0.9",
        "--interface",
        source,
    ]);
    curl.args([
        "--write-out",
        "%{time_connect}",
        "--output",
        "/dev/null",
        &format!("telnet://{address}:{port}"),
    ]);
    let output = curl.stdin(std::process::Stdio::null()).output().unwrap();
    // 0 when it was never open
    String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap() > 0.0
}

#[test]
fn with_the_rules_of_nftables_only_the_listed_connect_and_only_what_is_needed_leaves() {
    let (outside, machine) = (Machine::new(), Machine::new());
    outside.join("eth0", &machine, "eth0");
    for address in ["10.78.0.2/24", "10.78.0.3/24", "2001:db8:5::2/64", "2001:db8:5:ffff::3/48"] {
        outside.address("eth0", address);
    }
    for address in ["10.78.0.1/24", "2001:db8:5::1/64"] {
        machine.address("eth0", address);
    }
    let folder = tempfile::tempdir().unwrap();
    let networks = "[\"10.78.0.2/32\", \"2001:db8:5::2/128\"]";
    everything().set("gate", "networks", networks).write(folder.path());
    let rules = folder.path().join("rules");
    fs::write(&rules, printed(folder.path(), "nftables", &["--ssh-from", "10.78.0.3/32"])).unwrap();
    let serve = |machine: &Machine, port: u16| {
        let mut command = machine.command("python3");
        let script = "import socket, sys\n\
            s = socket.create_server(('::', int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)\n\
            print('serving', flush=True)\n\
            while True: s.accept()[0].close()";
        command.args(["-c", script, &port.to_string()]);
        let mut running = e2e::Running::start("server", &mut command);
        let _ = running.wait_line("that it serves", |line| line == "serving");
        running
    };
    let _inside = [8443, 22, 9460].map(|port| serve(&machine, port));
    let _outside = [1514, 6514, 443, 8080].map(|port| serve(&outside, port));

    // before there are rules everything is open
    for (source, port) in [("10.78.0.2", 8443), ("10.78.0.3", 8443), ("10.78.0.2", 9460)] {
        assert!(opens(&outside, source, "10.78.0.1", port), "{source} {port}");
    }
    assert!(opens(&machine, "10.78.0.1", "10.78.0.2", 8080));

    // loading them again changes nothing
    for _ in 0..2 {
        machine.must("nft", &["-f", &rules.display().to_string()]);
    }

    for (source, address, port, open) in [
        ("10.78.0.2", "10.78.0.1", 8443, true),
        ("10.78.0.3", "10.78.0.1", 8443, false),
        ("2001:db8:5::2", "[2001:db8:5::1]", 8443, true),
        ("2001:db8:5:ffff::3", "[2001:db8:5::1]", 8443, false),
        ("10.78.0.3", "10.78.0.1", 22, true),
        ("10.78.0.2", "10.78.0.1", 22, false),
        ("10.78.0.2", "10.78.0.1", 9460, false),
        ("10.78.0.3", "10.78.0.1", 9460, false),
    ] {
        assert_eq!(opens(&outside, source, address, port), open, "{source} to {address} {port}");
    }
    // to a sink with an address, to one with a name, to the API; and nowhere else
    for (port, open) in [(1514, true), (6514, true), (443, true), (8080, false)] {
        assert_eq!(opens(&machine, "10.78.0.1", "10.78.0.2", port), open, "{port}");
    }
    assert!(!opens(&machine, "10.78.0.1", "10.78.0.3", 1514), "a sink is one address");
}
