//! `ek inspect` and `token inspect`.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;

/// The DER of a public key in PEM, as OpenSSL writes it.
fn der(pem: &Path) -> Vec<u8> {
    openssl(Path::new("."), &["pkey", "-pubin", "-in", pem.to_str().unwrap(), "-outform", "DER"])
}

fn inspect(arguments: &[&str], input: &[u8]) -> Answer {
    let home = tempfile::tempdir().unwrap();
    ask(home.path(), &[&["ek", "inspect"], arguments, &["-"]].concat(), input)
}

#[test]
fn a_key_of_a_tpm_is_accepted_with_the_fingerprint_that_openssl_says() {
    let der = der(&sample("ek/swtpm.pem"));
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("spki.der"), &der).unwrap();
    let digest = openssl(home.path(), &["dgst", "-sha256", "-r", "spki.der"]);
    let digest = format!("sha256:{}", std::str::from_utf8(&digest[..64]).unwrap());

    let answer = inspect(&["-o", "json"], STANDARD.encode(der).as_bytes());

    assert_eq!((answer.code, answer.said.as_str()), (0, ""));
    let verdict: Value = serde_json::from_str(&answer.out).unwrap();
    let expected = json!({
        "version": 1, "accepted": true, "kind": "spki", "bits": 2048, "spki_sha256": digest,
        "reason": null, "warnings": [],
    });
    assert_eq!(verdict, expected);
}

#[test]
fn what_is_no_key_for_a_conductor_is_named_and_refused() {
    let mut all = String::new();
    let jwt = b"eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.AAAA".to_vec();
    let key = openssl(Path::new("."), &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let read = |name: &str| fs::read(sample(name)).unwrap();
    let spki = |name: &str| STANDARD.encode(der(&sample(name))).into_bytes();
    for (name, arguments, input, code) in [
        ("PEM", &[][..], read("ek/swtpm.pem"), 1),
        ("PEM, allowed", &["--allow-format", "pem"], read("ek/swtpm.pem"), 0),
        ("TPM2B", &[], read("ek/swtpm.tpm2b"), 1),
        ("TPM2B, allowed", &["--allow-format", "tpm2b"], read("ek/swtpm.tpm2b"), 0),
        ("certificate", &[], read("ek/swtpm.crt"), 1),
        ("certificate, allowed", &["--allow-format", "certificate"], read("ek/swtpm.crt"), 0),
        ("JWT", &["--allow-format", "pem"], jwt, 1),
        ("private key", &["--allow-format", "pem"], key, 1),
        ("RSA 1024", &[], spki("ek/rsa1024.pem"), 1),
        ("RSA 3072", &[], spki("ek/rsa3072.pem"), 0),
        ("exponent 3", &[], spki("ek/exponent3.pem"), 1),
        ("P-384", &[], spki("ek/p384.pem"), 1),
        ("ROCA", &[], spki("ek/roca.pem"), 1),
        ("cut off", &[], spki("ek/swtpm.pem")[..200].to_vec(), 1),
        ("nothing", &[], Vec::new(), 1),
    ] {
        let answer = inspect(arguments, &input);
        assert_eq!((answer.code, answer.said.as_str()), (code, ""), "{name}");
        assert_eq!(answer.out.contains("verdict  accepted"), code == 0, "{name}: {}", answer.out);
        all += &format!("## {name}\n{}\n", answer.out);
        let json = inspect(&[arguments, &["-o", "json"]].concat(), &input);
        let verdict: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!((verdict["accepted"] == true, json.code), (code == 0, code), "{name}");
    }
    golden("ek.txt", &all);
}

/// An authority and a conductor's certificate, made by OpenSSL.
struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    fn make() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        let extensions = "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n[end]\nbasicConstraints=critical,CA:FALSE\n";
        fs::write(this.path("ext"), extensions).unwrap();
        for line in [
            "req -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=SCO -out ca.csr",
            "x509 -req -in ca.csr -signkey ca.key -days 3650 -extfile ext -extensions ca -out ca.crt",
            "req -newkey rsa:2048 -nodes -keyout server.key -subj /CN=conductor -out server.csr",
            "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -set_serial 7 -days 3600 -extfile ext -extensions end -out server.crt",
        ] {
            openssl(this.folder.path(), &line.split(' ').collect::<Vec<_>>());
        }
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn certificate(&self, name: &str) -> Vec<u8> {
        openssl(self.folder.path(), &["x509", "-in", name, "-outform", "DER"])
    }

    /// The pin of the authority, by OpenSSL.
    fn pin(&self) -> String {
        let said =
            openssl(self.folder.path(), &["x509", "-in", "ca.crt", "-noout", "-fingerprint", "-sha256"]);
        let said = String::from_utf8(said).unwrap();
        format!("sha256:{}", said.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase())
    }

    /// A token for the assets A1 and A2 with this algorithm in its header; every RSA signature is over SHA-256.
    fn token(&self, algorithm: &str, lifetime_secs: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let payload = json!({
            "conductor-public-cert": STANDARD.encode(self.certificate("server.crt")),
            "conductor-ca-cert": STANDARD.encode(self.certificate("ca.crt")),
            "secret": SECRET,
            "asset-id": ["A1", "A2"],
            "exp": i64::try_from(now).unwrap() + lifetime_secs,
        });
        let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(json!({ "alg": algorithm, "typ": "JWT" })), part(payload));
        fs::write(self.path("signed"), &signed).unwrap();
        let signature = match algorithm {
            "none" => Vec::new(),
            // keyed with what is public, as in attacks on readers that take a certificate for an HMAC key
            "HS256" => {
                openssl(self.folder.path(), &["dgst", "-sha256", "-binary", "-hmac", "public", "signed"])
            }
            _ => openssl(self.folder.path(), &["dgst", "-sha256", "-sign", "server.key", "signed"]),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// 48 bytes.
const SECRET: &str = "Q0FOQVJZQ0FOQVJZQ0FOQVJZQ0FOQVJZQ0FOQVJZQ0FOQVJZQ0FOQVJZQ0FOQVJZ";

#[test]
fn a_token_is_trusted_by_what_is_outside_it() {
    let (ours, theirs) = (Authority::make(), Authority::make());
    let (pin, other_pin) = (ours.pin(), theirs.pin());
    let good = ours.token("RS256", 7200);
    let pcli = format!("Token created:\r\n{good}\r\nDone\r\n");
    for (name, arguments, input, code, says) in [
        ("anchored", &["--sco-ca", "ca.crt"][..], &good, 0, "authenticated"),
        ("pinned", &["--sco-ca-sha256", &pin], &pcli, 0, "authenticated"),
        ("nobody said", &[], &good, 1, "consistent, not authenticated"),
        ("other authority", &["--sco-ca-sha256", &other_pin], &good, 1, "refused"),
        (
            "right assets",
            &["--sco-ca", "ca.crt", "--asset-id", "A2", "--asset-id", "A1"],
            &good,
            0,
            "authenticated",
        ),
        ("other assets", &["--sco-ca", "ca.crt", "--asset-id", "A1"], &good, 1, "refused"),
        ("too short", &["--sco-ca", "ca.crt", "--margin-secs", "7300"], &good, 1, "refused"),
        ("expired", &["--sco-ca", "ca.crt"], &ours.token("RS256", -5), 1, "refused"),
        ("signed otherwise", &["--sco-ca", "ca.crt"], &ours.token("RS512", 7200), 1, "refused"),
        ("unsigned", &["--sco-ca", "ca.crt"], &ours.token("none", 7200), 1, "refused"),
        ("HMAC", &["--sco-ca", "ca.crt"], &ours.token("HS256", 7200), 1, "unverifiable"),
    ] {
        let line = [&["token", "inspect", "-o", "json"], arguments, &["-"]].concat();
        let answer = ask(ours.folder.path(), &line, input.as_bytes());

        assert_eq!((answer.code, answer.said.as_str()), (code, ""), "{name}: {}", answer.out);
        let verdict: Value = serde_json::from_str(&answer.out).unwrap();
        assert_eq!(verdict["tokens"][0]["verdict"], says, "{name}");
        let table = [&["token", "inspect"], arguments, &["-"]].concat();
        let table = ask(ours.folder.path(), &table, input.as_bytes());
        assert_eq!(table.code, code, "{name}");
        assert!(table.out.starts_with(&format!("verdict    {says}\n")), "{name}: {}", table.out);
        for secret in [SECRET, input.trim(), good.rsplit('.').next().unwrap()] {
            assert!(!answer.out.contains(secret) && !table.out.contains(secret), "{name} prints a secret");
        }
    }
}

#[test]
fn a_text_without_a_whole_token_is_told_and_not_repeated() {
    let authority = Authority::make();
    let good = authority.token("RS256", 7200);
    let cut = &good[..good.len() - 40];
    for (input, code) in [("nothing here", 1), (cut, 1)] {
        let answer =
            ask(authority.folder.path(), &["token", "inspect", "--sco-ca", "ca.crt", "-"], input.as_bytes());

        assert_eq!((answer.code, answer.out.as_str()), (code, ""), "{}", answer.said);
        assert!(answer.said.contains("no whole onboarding token"), "{}", answer.said);
        assert!(!answer.said.contains(&cut[..40]), "{}", answer.said);
    }
}

#[test]
fn a_token_that_others_can_read_is_warned_of() {
    let authority = Authority::make();
    let file = authority.path("token");
    fs::write(&file, authority.token("RS256", 7200)).unwrap();
    for (mode, warned) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();

        let answer = ask(authority.folder.path(), &["token", "inspect", "--sco-ca", "ca.crt", "token"], b"");

        assert_eq!(answer.code, 0, "{}", answer.said);
        assert_eq!(answer.said.contains("`chmod 600 token`"), warned, "{}", answer.said);
    }
}
