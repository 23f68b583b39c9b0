//! `export-tokens`: what is asked of a Mist cloud, and what becomes of every row.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use testkit::cloud::{CloudSettings, FakeCloud, Misbehaviour};
use testkit::ids::{Mac, OrgId};
use testkit::mist::DeviceKind;

use super::*;

/// Endorsement keys as the base64 of their DER, made by OpenSSL once.
fn keys(count: usize) -> Vec<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("endorsement-keys");
    fs::create_dir_all(&folder).unwrap();
    let key = |number: usize| {
        let path = folder.join(format!("{number}.spki"));
        if !path.exists() {
            let making = tempfile::tempdir_in(&folder).unwrap();
            let private = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key"];
            openssl(making.path(), &private);
            openssl(making.path(), &["pkey", "-in", "key", "-pubout", "-outform", "DER", "-out", "der"]);
            openssl(making.path(), &["base64", "-A", "-in", "der", "-out", "spki"]);
            fs::rename(making.path().join("spki"), &path).unwrap();
        }
        fs::read_to_string(path).unwrap()
    };
    (0..count).map(key).collect()
}

/// Two keys with a prime in common.
fn sharing_keys() -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    let prime = || {
        let hex = openssl(folder.path(), &["prime", "-generate", "-bits", "1024", "-hex"]);
        String::from_utf8(hex).unwrap().trim().to_owned()
    };
    let (shared, others) = (prime(), [prime(), prime()]);
    others.map(|other| {
        let product = format!("print(hex(int('{shared}', 16) * int('{other}', 16)))");
        let product = Command::new("python3").args(["-c", &product]).output().unwrap().stdout;
        let modulus = String::from_utf8(product).unwrap();
        let form = format!(
            "asn1=SEQUENCE:spki\n[spki]\na=SEQUENCE:algorithm\nk=BITWRAP,SEQUENCE:key\n[algorithm]\no=OID:rsaEncryption\n\
             n=NULL\n[key]\nn=INTEGER:{}\ne=INTEGER:65537\n",
            modulus.trim()
        );
        fs::write(folder.path().join("form"), form).unwrap();
        openssl(folder.path(), &["asn1parse", "-genconf", "form", "-noout", "-out", "der"]);
        String::from_utf8(openssl(folder.path(), &["base64", "-A", "-in", "der"])).unwrap()
    })
}

/// A cloud with routers that have endorsement keys, and a folder with their list and the token.
struct Scene {
    runtime: tokio::runtime::Runtime,
    cloud: FakeCloud,
    org: OrgId,
    token: String,
    routers: Vec<Mac>,
    keys: Vec<String>,
    home: tempfile::TempDir,
}

impl Scene {
    fn with(settings: CloudSettings, routers: usize) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let cloud = runtime.block_on(FakeCloud::start(settings)).unwrap();
        let org = cloud.organisations()[0];
        let keys = keys(routers);
        let make = |(number, key): (usize, &String)| {
            let name = format!("router-{number}");
            let mac = cloud.add_device(org, None, DeviceKind::Gateway, &name).unwrap();
            cloud.set_id_token(mac, key).unwrap();
            mac
        };
        let routers: Vec<Mac> = keys.iter().enumerate().map(make).collect();
        let home = tempfile::tempdir().unwrap();
        let this = Self { token: cloud.token(org), runtime, cloud, org, routers, keys, home };
        this.write("ca.pem", this.cloud.ca_pem(), 0o644);
        this.write("token", &format!("{}\n", this.token), 0o600);
        this.list(|_, row| row);
        this
    }

    fn of(routers: usize) -> Self {
        Self::with(CloudSettings::default(), routers)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.home.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Writes the list of all routers, each row as `change` makes it.
    fn list(&self, change: impl Fn(usize, String) -> String) {
        let mut text = "name,mac,device,asset_id,site,conductor_hosts,ek\n".to_owned();
        for (number, mac) in self.routers.iter().enumerate() {
            text += &change(number, format!("router-{number},{mac},,A{number},ATL,192.0.2.1,"));
            text.push('\n');
        }
        self.write("routers.csv", &text, 0o644);
    }

    fn arguments(&self) -> Vec<String> {
        let (host, org) = (self.cloud.base_host(), self.org.to_string());
        [
            "export-tokens",
            "--api-host",
            &host,
            "--org",
            &org,
            "--ca",
            "ca.pem",
            "--out",
            "keys.csv",
            "routers.csv",
        ]
        .map(str::to_owned)
        .into()
    }

    fn export(&self, more: &[&str]) -> Answer {
        let mut arguments = self.arguments();
        arguments.extend(["--token-file", "token", "-o", "json"].map(str::to_owned));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let answer = ask(self.home.path(), &arguments, b"");
        assert!(!(answer.out.clone() + &answer.said).contains(&self.token), "the API token is printed");
        answer
    }

    /// The lines of the file that was written, without its head; nothing when there is none.
    fn written(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home.path().join("keys.csv")).unwrap_or_default();
        text.lines().skip(1).map(str::to_owned).collect()
    }

    fn exports(&self) -> usize {
        self.cloud.calls_to("/export_idtokens").len()
    }
}

/// What became of each row: `exported`, or what was said.
fn reasons(answer: &Answer) -> Vec<String> {
    let json: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}"));
    let reason = |row: &Value| match row["exported"].as_bool() {
        Some(true) => "exported".to_owned(),
        _ => row["reason"].as_str().unwrap().to_owned(),
    };
    json["rows"].as_array().unwrap().iter().map(reason).collect()
}

#[test]
fn the_keys_of_twenty_routers_are_exported_by_one_call_each_to_its_router() {
    for field in ["token", "idtoken"] {
        let scene = Scene::of(20);
        scene.cloud.read_as(|readings| readings.id_token_fields = vec![field.to_owned()]);

        let answer = scene.export(&[]);

        assert_eq!(answer.code, 0, "{answer:?}");
        assert_eq!(reasons(&answer), vec!["exported"; 20]);
        let written = scene.written();
        for (number, (line, mac)) in written.iter().zip(&scene.routers).enumerate() {
            assert!(line.starts_with(&format!("router-{number},node0,{mac},sha256:")), "{line}");
            assert!(line.ends_with(&format!(",{}", scene.keys[number])), "{line}");
        }
        assert_eq!((written.len(), scene.exports()), (20, 1));
        let mode = fs::metadata(scene.home.path().join("keys.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
}

#[test]
fn many_routers_are_asked_for_in_batches_and_a_file_is_not_replaced_unasked() {
    let scene = Scene::of(60);

    assert_eq!(scene.export(&[]).code, 0);
    assert_eq!((scene.written().len(), scene.exports()), (60, 2));
    let again = scene.export(&[]);
    assert_eq!((again.code, again.out.as_str()), (2, ""), "{again:?}");
    assert!(again.said.contains("--replace"), "{again:?}");
    assert_eq!(scene.exports(), 2);
    assert_eq!(scene.export(&["--replace"]).code, 0);
}

#[test]
fn of_twenty_rows_one_has_a_wrong_mac_and_is_told() {
    let scene = Scene::of(20);
    let right = scene.routers[7].to_string();
    scene.list(|_, row| row.replace(&right, "02005eaa0099"));

    let answer = scene.export(&[]);

    assert_eq!(answer.code, 3, "{answer:?}");
    let reasons = reasons(&answer);
    assert_eq!(reasons.iter().filter(|reason| *reason == "exported").count(), 19);
    assert!(reasons[7].contains("no router 02005eaa0099 in the organisation's inventory"), "{}", reasons[7]);
    assert_eq!(scene.written().len(), 19);
    assert!(!scene.written().iter().any(|line| line.starts_with("router-7,")));
    assert!(answer.said.contains("19 of 20 endorsement keys are in `keys.csv`"), "{answer:?}");
}

#[test]
fn every_key_that_is_none_is_told_and_not_written() {
    let scene = Scene::of(9);
    let sharing = sharing_keys();
    let set = |number: usize, text: &str| scene.cloud.set_id_token(scene.routers[number], text).unwrap();
    let roca = openssl(
        Path::new("."),
        &["pkey", "-pubin", "-in", sample("ek/roca.pem").to_str().unwrap(), "-outform", "DER"],
    );
    fs::write(scene.home.path().join("roca"), roca).unwrap();
    let roca = openssl(scene.home.path(), &["base64", "-A", "-in", "roca"]);
    set(0, "");
    set(1, &scene.keys[1][..300]);
    set(2, &fs::read_to_string(sample("ek/swtpm.crt").with_file_name("swtpm.pem")).unwrap());
    set(3, std::str::from_utf8(&roca).unwrap());
    set(4, &scene.keys[5]);
    set(6, &sharing[0]);
    set(7, &sharing[1]);

    let answer = scene.export(&[]);

    assert_eq!(answer.code, 3, "{answer:?}");
    let reasons = reasons(&answer);
    for (number, expected) in [
        "Mist gave no ID token for it",
        "cut off or changed",
        "a public key in PEM",
        "CVE-2017-15361",
        "have the same endorsement key",
        "have the same endorsement key",
        "have a prime in common",
        "have a prime in common",
        "exported",
    ]
    .iter()
    .enumerate()
    {
        assert!(reasons[number].contains(expected), "{number}: {}", reasons[number]);
    }
    assert_eq!(scene.written().len(), 1);
}

#[test]
fn a_key_of_another_witness_is_compared() {
    let scene = Scene::of(3);
    let (own, other) = (&scene.keys[0], &scene.keys[2]);
    scene.list(|number, row| match number {
        0 => row + own,
        1 => row + other,
        _ => row,
    });

    let answer = scene.export(&[]);

    let json: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(answer.code, 3, "{answer:?}");
    assert_eq!(json["rows"][0]["evidence"], "confirmed");
    assert!(json["rows"][1]["reason"].as_str().unwrap().contains("one of them is of another machine"));
    assert_eq!(json["rows"][2]["evidence"], "Mist only");
}

#[test]
fn two_rows_of_one_device_are_both_refused() {
    let scene = Scene::of(3);
    let twice = scene.routers[0].to_string();
    let other = scene.routers[1].to_string();
    scene.list(|number, row| if number == 1 { row.replace(&format!("{other},"), ",router-0") } else { row });

    let answer = scene.export(&[]);

    let reasons = reasons(&answer);
    assert_eq!(answer.code, 3, "{answer:?}");
    for reason in &reasons[..2] {
        assert!(reason.contains(&format!("the device {twice} is in lines 2, 3")), "{reasons:?}");
    }
    assert_eq!(reasons[2], "exported");
}

#[test]
fn a_list_with_a_fault_is_not_asked_for() {
    let scene = Scene::of(2);
    scene.list(|_, row| row.replace(",ATL,", ",,"));

    let answer = scene.export(&[]);

    assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{answer:?}");
    assert!(answer.said.contains("routers.csv:2:5: there is no site"), "{answer:?}");
    assert_eq!((scene.cloud.call_count(), scene.written().len()), (0, 0));
}

#[test]
fn a_token_that_mist_does_not_accept_ends_with_4_and_nothing_written() {
    for (status, path) in
        [(401, "/self/usage"), (403, "/inventory"), (401, "/export_idtokens"), (403, "/export_idtokens")]
    {
        let scene = Scene::of(2);
        scene.cloud.misbehave(Misbehaviour::Status(status)).on(path).always();

        let answer = scene.export(&[]);

        assert_eq!((answer.code, scene.written().len()), (4, 0), "{status} {path}: {answer:?}");
        let all = answer.out + &answer.said;
        assert!(all.contains(&format!("answered with {status}")) && all.contains("src_ips"), "{path}: {all}");
        assert!(scene.exports() <= 1, "{path}");
    }
}

#[test]
fn a_fault_that_passes_is_asked_over_and_one_that_stays_is_told() {
    let scene = Scene::of(2);
    scene.cloud.misbehave(Misbehaviour::Status(503)).on("/export_idtokens").times(1);
    assert_eq!(scene.export(&[]).code, 0);
    assert_eq!(scene.exports(), 2);

    scene.cloud.misbehave(Misbehaviour::Status(503)).on("/export_idtokens").always();
    let answer = scene.export(&["--replace"]);

    assert_eq!(answer.code, 1, "{answer:?}");
    for reason in reasons(&answer) {
        assert!(reason.contains("answered with 503") && reason.ends_with("then run again"), "{reason}");
    }
    assert_eq!((scene.exports(), scene.written().len()), (5, 2));
}

#[test]
fn when_the_calls_of_the_hour_are_spent_no_more_are_made() {
    let scene = Scene::with(CloudSettings { calls_per_hour: 2, ..CloudSettings::default() }, 2);

    let answer = scene.export(&[]);

    assert_eq!(answer.code, 1, "{answer:?}");
    for reason in reasons(&answer) {
        assert!(reason.contains("the token's calls are spent for the next"), "{reason}");
    }
    // the usage and the inventory; what is known to be refused is not asked
    assert_eq!((scene.exports(), scene.written().len()), (0, 0));

    let scene = Scene::of(2);
    scene.cloud.misbehave(Misbehaviour::Status(429)).on("/export_idtokens").always();
    let answer = scene.export(&["--wait-secs", "0"]);
    for reason in reasons(&answer) {
        assert!(reason.contains("the token's calls are spent for the next"), "{reason}");
    }
    assert_eq!(scene.exports(), 1);
    assert_eq!((answer.code, scene.written().len()), (1, 0), "{answer:?}");
}

#[test]
fn the_token_is_read_from_a_private_file_or_a_terminal_alone() {
    let scene = Scene::of(1);
    scene.write("token", &scene.token, 0o644);
    let exposed = scene.export(&[]);
    assert_eq!((exposed.code, exposed.out.as_str()), (1, ""), "{exposed:?}");
    assert!(exposed.said.contains("chmod o=,g-w token"), "{exposed:?}");

    let arguments = scene.arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let without = ask(scene.home.path(), &arguments, scene.token.as_bytes());
    assert_eq!((without.code, without.out.as_str()), (2, ""), "{without:?}");
    assert!(without.said.contains("give --token-file"), "{without:?}");
    assert_eq!(scene.cloud.call_count(), 0);

    let (screen, code) = typed(&scene, &format!("{}\n", scene.token));
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("Mist only") && !screen.contains(&scene.token), "{screen}");
    fs::remove_file(scene.home.path().join("keys.csv")).unwrap();
    let (screen, code) = typed(&scene, "FAKE\u{3}");
    assert_eq!(code, 130, "{screen}");
    assert!(screen.contains("given up at the terminal") && !screen.contains("FAKE"), "{screen}");
    drop(scene.runtime);
}

/// What a terminal showed while `answer` was typed at the question for the token, and the exit code.
fn typed(scene: &Scene, answer: &str) -> (String, i32) {
    let words = std::iter::once(fogpilot_program().display().to_string()).chain(scene.arguments());
    let line: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    let log = scene.home.path().join("typescript");
    let _ = fs::remove_file(&log);
    let mut child = Command::new("script")
        .args(["--quiet", "--flush", "--echo", "always", "--return", "--command", &line.join(" ")])
        .arg(&log)
        .current_dir(scene.home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("script is on PATH");
    let screen =
        || fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let asked = e2e::wait_for(Duration::from_secs(30), || screen().contains("API token: ").then_some(()));
    assert!(asked.is_some(), "{}", screen());
    let mut keyboard = child.stdin.take().unwrap();
    keyboard.write_all(answer.as_bytes()).unwrap();
    let code = child.wait().unwrap().code().unwrap_or(-1);
    drop(keyboard);
    (screen(), code)
}
