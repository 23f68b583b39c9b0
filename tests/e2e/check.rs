//! `fogbell check`: says what is wrong, where, and touches nothing.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use e2e::{Answer, Certs, ask_fogbell_in, free_port};
use tempfile::TempDir;

/// A folder with a configuration and everything that it names.
struct Home {
    folder: TempDir,
    port: u16,
    admin: u16,
}

impl Home {
    fn make() -> Self {
        let this = Self { folder: TempDir::new().unwrap(), port: free_port(), admin: free_port() };
        let certs = Certs::make(&this.path("certs"));
        assert_eq!(mode(&certs.server_key()), 0o600);
        for folder in ["state", "secrets"] {
            fs::create_dir(this.path(folder)).unwrap();
        }
        for (name, value) in
            [("webhook", "s3cret"), ("community", "publ1c"), ("auth", "authpass1"), ("privacy", "privpass1")]
        {
            let file = this.path("secrets").join(name);
            fs::write(&file, value).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        this.write(&this.good());
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, text: &str) {
        fs::write(self.path("fogbell.toml"), text).unwrap();
    }

    fn good(&self) -> String {
        let (home, port, admin) = (self.folder.path().display(), self.port, self.admin);
        format!(
            r#"state = "{home}/state"
[listen]
address = "127.0.0.1:{port}"
[tls]
certificate = "{home}/certs/server.pem"
key = {{ file = "{home}/certs/server.key" }}
[admin]
address = "127.0.0.1:{admin}"
[[org]]
name = "acme"
cloud = "global-01"
secrets = [{{ file = "{home}/secrets/webhook" }}]
[[snmp]]
name = "noc"
address = "127.0.0.1:162"
version = "2c"
community = {{ file = "{home}/secrets/community" }}
[[snmp]]
name = "v3"
address = "nms.example.net:162"
version = "3"
user = "fogbell"
auth = {{ protocol = "sha-256", secret = {{ file = "{home}/secrets/auth" }} }}
privacy = {{ protocol = "aes-128", secret = {{ file = "{home}/secrets/privacy" }} }}
[[syslog]]
name = "siem"
address = "siem.example.net:6514"
transport = "tls"
tls = {{ ca = "{home}/certs/ca.pem" }}
"#
        )
    }

    /// What protects the v3 sink of [`good`](Self::good): the lines of `auth` and `privacy`.
    fn protection(&self) -> (String, String) {
        let line = |key: &str, protocol: &str| {
            let file = self.path("secrets").join(key);
            format!("{key} = {{ protocol = \"{protocol}\", secret = {{ file = \"{}\" }} }}\n", file.display())
        };
        (line("auth", "sha-256"), line("privacy", "aes-128"))
    }

    fn check(&self) -> Answer {
        ask_fogbell_in(self.folder.path(), &["check"])
    }

    /// Every file below it, with its size, mode and time of change.
    fn listing(&self) -> Vec<(PathBuf, u64, u32, std::time::SystemTime)> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let meta = fs::symlink_metadata(&path).unwrap();
                found.push((path.clone(), meta.len(), meta.permissions().mode(), meta.modified().unwrap()));
                if meta.is_dir() {
                    folders.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_good_configuration_is_ok_and_nothing_is_written_or_bound() {
    let home = Home::make();
    let before = home.listing();
    // both are taken: whoever bound them would fail
    let _listen = TcpListener::bind(("127.0.0.1", home.port)).unwrap();
    let _admin = TcpListener::bind(("127.0.0.1", home.admin)).unwrap();

    let answer = home.check();

    assert_eq!((answer.code, answer.said.as_str()), (0, ""), "{}", answer.out);
    let file = home.path("fogbell.toml");
    let expect =
        format!("{}: OK (1 organisation, 3 sinks, listening on 127.0.0.1:{})\n", file.display(), home.port);
    assert_eq!(answer.out, expect);
    assert_eq!(home.listing(), before);
}

#[test]
fn a_self_signed_certificate_is_not_made_by_checking() {
    let home = Home::make();
    let good = home.good();
    let start = good.find("certificate =").unwrap();
    let end = good.find("[admin]").unwrap();
    home.write(&good.replace(&good[start..end], "self_signed = [\"relay.example.net\"]\n"));
    let before = home.listing();

    let answer = home.check();

    assert_eq!(answer.code, 0, "{}", answer.said);
    assert_eq!(home.listing(), before);
    assert!(
        TcpListener::bind(("127.0.0.1", home.port)).is_ok()
            && UdpSocket::bind(("127.0.0.1", home.port)).is_ok()
    );
}

#[test]
fn what_weakens_is_said_with_its_place() {
    let home = Home::make();
    home.write(&home.good().replace("cloud =", "danger_accept_sha1 = true\ncloud ="));

    let answer = home.check();

    assert_eq!(answer.code, 0, "{}", answer.said);
    let place = format!("warning: {}:11:22: org[0].danger_accept_sha1", home.path("fogbell.toml").display());
    assert!(answer.out.starts_with(&place), "{}", answer.out);

    let (auth, privacy) = home.protection();
    for (left_out, key, line) in
        [(&privacy, "danger_without_privacy", 24), (&format!("{auth}{privacy}"), "danger_without_auth", 23)]
    {
        home.write(&home.good().replace(left_out, &format!("{key} = true\n")));

        let answer = home.check();

        assert_eq!(answer.code, 0, "{}", answer.said);
        let file = home.path("fogbell.toml");
        let place = format!("warning: {}:{line}:{}: snmp[1].{key}: ", file.display(), key.len() + 4);
        assert!(answer.out.starts_with(&place) && answer.out.contains("`v3`"), "{}", answer.out);
    }
}

/// What is changed in a good configuration, and what must be said of it.
struct Wrong<'a> {
    /// A part of the good text, and what stands there instead.
    change: (&'a str, &'a str),
    /// What stands at the place that must be named: its last occurrence up to the end of the change.
    at: &'a str,
    /// Besides file, line and column.
    says: &'a [&'a str],
}

#[test]
fn every_mistake_is_named_with_file_line_column_and_key() {
    let home = Home::make();
    let quoted = format!("\"{}\"", home.path("secrets/webhook").display());
    let secret = format!("{{ file = {quoted} }}");
    let second_org =
        format!("[[org]]\nname = \"other\"\ncloud = \"emea-01\"\nsecrets = [{secret}]\n[[syslog]]");
    let (same, twice) = (format!("secrets = [{secret}]"), format!("secrets = [{secret}, {secret}]"));
    let (auth, privacy) = home.protection();
    let (both, without_both) = (
        format!("{auth}{privacy}"),
        "danger_without_auth = true\ndanger_without_privacy = true\n".to_owned(),
    );
    let without_auth = format!("danger_without_auth = true\n{privacy}");
    let (auth_too, privacy_too) =
        (format!("danger_without_auth = true\n{auth}"), format!("danger_without_privacy = true\n{privacy}"));
    for wrong in [
        // what protects less than it could is refused unless the configuration says so
        Wrong {
            change: (&privacy, ""),
            at: "[[snmp]]",
            says: &["snmp[1]", "`privacy`", "`danger_without_privacy = true`"],
        },
        Wrong {
            change: (&auth, ""),
            at: "[[snmp]]",
            says: &["snmp[1]", "`auth`", "`danger_without_auth = true`"],
        },
        Wrong {
            change: (&auth, "danger_without_privacy = true\n"),
            at: "[[snmp]]",
            says: &["snmp[1]", "`auth`", "`danger_without_auth = true`"],
        },
        Wrong {
            change: (&privacy, &privacy_too),
            at: "true",
            says: &["snmp[1].danger_without_privacy", "contradict", "`privacy`"],
        },
        Wrong {
            change: (&auth, &auth_too),
            at: "true",
            says: &["snmp[1].danger_without_auth", "contradict", "`auth`"],
        },
        Wrong {
            change: (&both, &without_auth),
            at: "true",
            says: &["snmp[1].danger_without_auth", "contradict", "`privacy`"],
        },
        Wrong {
            change: (&both, &without_both),
            at: "true",
            says: &["snmp[1].danger_without_privacy", "remove"],
        },
        Wrong {
            change: ("community =", "danger_without_auth = true\ncommunity ="),
            at: "true",
            says: &["snmp[0].danger_without_auth", "2c"],
        },
        Wrong {
            change: ("transport =", "transprot ="),
            at: "transprot",
            says: &["transprot", "`transport`", "`framing`", "`settle_secs`"],
        },
        Wrong {
            change: ("[listen]", "[lisen]"),
            at: "lisen",
            says: &["lisen", "`listen`", "`journal`", "`grace_secs`"],
        },
        Wrong { change: ("ca = ", "cafile = "), at: "cafile", says: &["cafile", "`ca`", "`server_name`"] },
        Wrong {
            change: ("secrets/webhook", "secrets/none"),
            at: "\"",
            says: &["org[0].secrets[0].file", "secrets/none", "No such file"],
        },
        Wrong { change: ("server.key", "client.key"), at: "{", says: &["tls.key", "does not belong"] },
        Wrong {
            change: ("name = \"siem\"", "name = \"noc\""),
            at: "\"noc\"",
            says: &["syslog[0].name", "`noc`"],
        },
        Wrong { change: (&same, &twice), at: &quoted, says: &["org[0].secrets[1].file", "`acme`"] },
        Wrong {
            change: ("[[syslog]]", &second_org),
            at: &quoted,
            says: &["org[1].secrets[0].file", "`acme`"],
        },
        Wrong {
            change: ("global-01", "global-99"),
            at: "\"",
            says: &["cloud", "global-99", "global-01", "emea-04"],
        },
        Wrong {
            change: ("siem.example.net:6514", "siem.example.net:66514"),
            at: "\"",
            says: &["syslog[0].address", "66514"],
        },
        Wrong {
            change: ("127.0.0.1:162", "127.0.0.1:0"),
            at: "\"",
            says: &["snmp[0].address", "127.0.0.1:0"],
        },
        Wrong { change: ("127.0.0.1:162", "127.0.0.1"), at: "\"", says: &["snmp[0].address"] },
        Wrong {
            change: ("[listen]\naddress = \"127.0.0.1:", "[listen]\naddress = \"127.0.0.1:9"),
            at: "\"",
            says: &["address"],
        },
        Wrong {
            change: ("version = \"2c\"", "version = \"1\""),
            at: "\"1\"",
            says: &["version", "`2c`", "`3`"],
        },
        Wrong { change: ("user = \"fogbell\"\n", ""), at: "[[snmp]]", says: &["snmp[1]", "`user`"] },
        Wrong {
            change: ("certs/ca.pem", "certs/none.pem"),
            at: "\"",
            says: &["syslog[0].tls.ca", "No such file"],
        },
        Wrong { change: ("sha-256", "md5"), at: "\"", says: &["md5", "`sha-256`"] },
        Wrong {
            change: ("[[syslog]]", "[[route]]\nsinks = [\"noc\", \"nocc\"]\n[[syslog]]"),
            at: "\"nocc\"",
            says: &["route[0].sinks[1]", "`nocc`", "`siem`"],
        },
        Wrong {
            change: (
                "[[syslog]]",
                "[[route]]\nsinks = []\nwhen = \"\"\"\n  site == 'é'\n  && severity == 3\"\"\"\n[[syslog]]",
            ),
            at: "== 3",
            says: &["route[0].when", "a text with a number"],
        },
        Wrong {
            change: (
                "[[syslog]]",
                "[[route]]\nsinks = []\nwhen = \"[1, 2].all(x, [1, 2].all(y, x > y))\"\n[[syslog]]",
            ),
            at: "all(y",
            says: &["route[0].when", "one list at a time"],
        },
        Wrong {
            change: ("name = \"siem\"", "name = \"siem\"\nmessage = \"{{ device }}: {{ sitename }}\""),
            at: "sitename",
            says: &["syslog[0].message", "`sitename`", "site_id"],
        },
        Wrong { change: ("state =", "state = = "), at: "=", says: &["state"] },
    ] {
        let (from, to) = wrong.change;
        let good = home.good();
        let start = good.find(from).unwrap_or_else(|| panic!("no {from} in the good configuration"));
        let text = good.replacen(from, to, 1);
        home.write(&text);

        let answer = home.check();

        let what = format!("{from} → {to}: {}", answer.said);
        assert_eq!((answer.code, answer.out.as_str()), (78, ""), "{what}");
        let found =
            place_in(&answer.said, &home.path("fogbell.toml")).unwrap_or_else(|| panic!("no place: {what}"));
        assert_eq!(found, place_of(&text, start, &wrong), "{what}");
        for word in wrong.says {
            assert!(answer.said.contains(word), "no {word}: {what}");
        }
    }
}

/// Line and column of what is at fault in `text`, whose change begins at `start`.
fn place_of(text: &str, start: usize, wrong: &Wrong<'_>) -> (usize, usize) {
    let changed = &text[..start + wrong.change.1.len()];
    let before = &changed[..changed.rfind(wrong.at).expect("the place is in the changed text")];
    (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count() + 1)
}

/// The place that a message names: `FILE:LINE:COLUMN: key`.
fn place_in(said: &str, file: &Path) -> Option<(usize, usize)> {
    let (_, behind) = said.split_once(&file.display().to_string())?;
    let mut numbers = behind.strip_prefix(':')?.splitn(3, ':').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[test]
fn a_secret_that_others_can_read_is_refused_and_not_shown() {
    let home = Home::make();
    for (name, key, value) in [
        ("secrets/webhook", "org[0].secrets[0].file", "s3cret"),
        ("secrets/community", "snmp[0].community.file", "publ1c"),
        ("secrets/auth", "snmp[1].auth.secret.file", "authpass1"),
        ("certs/server.key", "tls.key", "PRIVATE KEY"),
    ] {
        let file = home.path(name);
        for bad in [0o644, 0o604, 0o620] {
            fs::set_permissions(&file, fs::Permissions::from_mode(bad)).unwrap();

            let answer = home.check();

            assert_eq!((answer.code, answer.out.as_str()), (78, ""), "{name} {bad:o}: {}", answer.said);
            assert!(place_in(&answer.said, &home.path("fogbell.toml")).is_some(), "{}", answer.said);
            assert!(
                answer.said.contains(key) && answer.said.contains(&format!("{bad:04o}")),
                "{}",
                answer.said
            );
            assert!(!answer.said.contains(value), "{}", answer.said);
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(home.check().code, 0, "{name} for a group to read");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = TempDir::new().unwrap();

    let answer = ask_fogbell_in(folder.path(), &["check"]);

    assert_eq!(answer.code, 78);
    let file = folder.path().join("fogbell.toml");
    assert!(answer.said.contains(&format!("cannot read `{}`", file.display())), "{}", answer.said);
}
