//! Keys of a real TPM and tokens made by OpenSSL.
//!
//! `cargo xtask test` provides swtpm, tpm2-tools and OpenSSL in `PATH`; plain `cargo test` leaves this out. The endorsement
//! key of a TPM takes a second to make: each is made once and kept under the target directory.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fogbell_sco::AssetId;
use fogbell_sco::certificate::Certificate;
use fogbell_sco::ek::{AllowFormats, EkError, EndorsementKey, Format, Kind, Screen};
use fogbell_sco::token::{Anchor, Authenticity, Expectation, OnboardingToken, TokenFault, find_tokens};
use ids::Timestamp;
use serde_json::{Value, json};

/// Runs a program to its end and answers what it printed.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program}, which `cargo xtask peers` provides: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    output.stdout
}

/// A folder of this name that was whole when it got it: made by `make` when it is not there.
fn cached(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = home.join(name);
    if !folder.exists() {
        let making = tempfile::tempdir_in(home).unwrap();
        make(making.path());
        // somebody else may have been faster
        let _ = fs::rename(making.keep(), &folder);
    }
    assert!(folder.join("done").exists(), "{} is not whole; remove it", folder.display());
    folder
}

/// A TPM in software that ends when it is dropped.
struct Tpm {
    process: Child,
    port: u16,
}

impl Tpm {
    fn start(state: &Path) -> Self {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let port = two_free_ports();
            let mut process = Command::new("swtpm")
                .args(["socket", "--tpm2", "--flags", "startup-clear"])
                .args(["--tpmstate", &format!("dir={}", state.display())])
                .args(["--server", &format!("type=tcp,port={port},bindaddr=127.0.0.1")])
                .args(["--ctrl", &format!("type=tcp,port={},bindaddr=127.0.0.1", port + 1)])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("swtpm, which `cargo xtask peers` provides");
            // it answers on its control port when it listens on both; the other one takes a single client
            while process.try_wait().unwrap().is_none() {
                if std::net::TcpStream::connect(("127.0.0.1", port + 1)).is_ok() {
                    return Self { process, port };
                }
                assert!(Instant::now() < deadline, "swtpm does not listen");
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(Instant::now() < deadline, "swtpm does not start");
        }
    }

    fn tool(&self, folder: &Path, program: &str, arguments: &[&str]) {
        let output = Command::new(program)
            .args(arguments)
            .env("TPM2TOOLS_TCTI", format!("swtpm:host=127.0.0.1,port={}", self.port))
            .current_dir(folder)
            .output()
            .unwrap_or_else(|error| panic!("{program}, which `cargo xtask peers` provides: {error}"));
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that is free with the one behind it.
fn two_free_ports() -> u16 {
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

/// The endorsement key of TPM `number` in every format: `ek.der`, `ek.pem`, `ek.tpm2b`, `ek.crt`.
fn endorsement_key(number: u8) -> PathBuf {
    cached(&format!("ek-{number}"), |folder| {
        let state = folder.join("state");
        fs::create_dir(&state).unwrap();
        let here = folder.display();
        let localca = std::env::var_os("PATH")
            .and_then(|path| {
                std::env::split_paths(&path)
                    .map(|entry| entry.join("swtpm_localca"))
                    .find(|file| file.exists())
            })
            .expect("swtpm_localca, which `cargo xtask peers` provides");
        let files = [
            (
                "setup.conf",
                format!(
                    "create_certs_tool={}\ncreate_certs_tool_config={here}/ca.conf\ncreate_certs_tool_options={here}/ca.options\n",
                    localca.display()
                ),
            ),
            (
                "ca.conf",
                format!(
                    "statedir={here}\nsigningkey={here}/ca.key\nissuercert={here}/ca.pem\ncertserial={here}/serial\n"
                ),
            ),
            (
                "ca.options",
                "--platform-manufacturer test\n--platform-version 1\n--platform-model test\n".to_owned(),
            ),
        ];
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
        let state_text = state.display().to_string();
        let setup = [
            "--tpm2",
            "--tpmstate",
            &state_text,
            "--config",
            "setup.conf",
            "--create-ek-cert",
            "--overwrite",
        ];
        run(folder, "swtpm_setup", &setup);
        let tpm = Tpm::start(&state);
        tpm.tool(folder, "tpm2_nvread", &["0x01c00002", "-o", "ek.crt"]);
        tpm.tool(folder, "tpm2_createek", &["-c", "ek.ctx", "-G", "rsa", "-u", "ek.tpm2b"]);
        tpm.tool(folder, "tpm2_readpublic", &["-c", "ek.ctx", "-f", "der", "-o", "ek.der"]);
        tpm.tool(folder, "tpm2_readpublic", &["-c", "ek.ctx", "-f", "pem", "-o", "ek.pem"]);
        fs::write(folder.join("done"), "").unwrap();
    })
}

#[test]
fn the_key_of_a_tpm_is_one_key_in_every_format() {
    let folder = endorsement_key(0);
    let openssl = run(&folder, "openssl", &["pkey", "-pubin", "-in", "ek.pem", "-outform", "DER"]);
    let digest = run(&folder, "openssl", &["dgst", "-sha256", "-r", "ek.der"]);
    let digest = format!("sha256:{}", std::str::from_utf8(&digest[..64]).unwrap());
    let base64 = STANDARD.encode(&openssl);

    let expected = EndorsementKey::read(base64.as_bytes(), &AllowFormats::none()).unwrap();

    assert_eq!((expected.kind, expected.warnings.len(), base64.len()), (Kind::Spki, 0, 392));
    assert_eq!(expected.key.fingerprint().to_string(), digest);
    assert_eq!(Screen::new().judge(&expected.key), Ok(()));
    for (file, kind, format) in [
        ("ek.der", Kind::Der, Format::Der),
        ("ek.pem", Kind::Pem, Format::Pem),
        ("ek.tpm2b", Kind::Tpm2b, Format::Tpm2b),
        ("ek.crt", Kind::Certificate, Format::Certificate),
    ] {
        let bytes = fs::read(folder.join(file)).unwrap();
        let refused = EndorsementKey::read(&bytes, &AllowFormats::none()).unwrap_err();
        assert_eq!(refused, EkError::Format { found: kind, allowed_by: Some(format) }, "{file}");
        let converted = EndorsementKey::read(&bytes, &[format].into_iter().collect()).unwrap();
        assert_eq!((converted.key, converted.kind), (expected.key.clone(), kind), "{file}");
    }
}

#[test]
fn two_tpms_have_two_keys_without_anything_in_common() {
    let keys: Vec<EndorsementKey> = [0, 1]
        .map(|number| {
            let der = fs::read(endorsement_key(number).join("ek.der")).unwrap();
            EndorsementKey::from_spki(&der).unwrap()
        })
        .into();
    let holder = |router: &str| fogbell_sco::ek::Holder {
        router: router.parse().unwrap(),
        node: "node0".parse().unwrap(),
    };

    let faults = fogbell_sco::ek::judge_batch([(&holder("a"), &keys[0]), (&holder("b"), &keys[1])]);

    assert_eq!(faults, []);
}

/// An authority and a conductor's certificate, made by OpenSSL: `ca.crt`, `server.crt`, `server.key`.
fn authority() -> PathBuf {
    cached("sco-ca", |folder| {
        let extensions = "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n[end]\nbasicConstraints=critical,CA:FALSE\n";
        fs::write(folder.join("ext"), extensions).unwrap();
        let openssl = |arguments: &str| run(folder, "openssl", &arguments.split(' ').collect::<Vec<_>>());
        openssl("req -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=SCO -out ca.csr");
        openssl("x509 -req -in ca.csr -signkey ca.key -days 3650 -extfile ext -extensions ca -out ca.crt");
        openssl("req -newkey rsa:3072 -nodes -keyout server.key -subj /CN=conductor -out server.csr");
        openssl(
            "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -set_serial 7 -days 3600 -extfile ext -extensions end -out server.crt",
        );
        fs::write(folder.join("done"), "").unwrap();
    })
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token that OpenSSL signed with this digest, and what its header says of it.
fn token(algorithm: &str, digest: &str) -> String {
    let folder = authority();
    let certificate = |name: &str| {
        let pem = fs::read(folder.join(name)).unwrap();
        STANDARD.encode(Certificate::parse_all(&pem).unwrap()[0].der())
    };
    let payload = json!({
        "conductor-public-cert": certificate("server.crt"),
        "conductor-ca-cert": certificate("ca.crt"),
        "secret": STANDARD.encode([3; 48]),
        "asset-id": ["A1", "A2"],
        "exp": now() + 7200,
    });
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(json!({"alg": algorithm, "typ": "JWT"})), part(payload));
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("signed"), &signed).unwrap();
    let key = folder.join("server.key").display().to_string();
    let signature = run(scratch.path(), "openssl", &["dgst", digest, "-sign", &key, "signed"]);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_token_signed_by_openssl_is_judged_here_as_by_another_implementation() {
    let folder = authority();
    let anchor = Certificate::parse_all(&fs::read(folder.join("ca.crt")).unwrap()).unwrap().remove(0);
    let anchor = Anchor::Certificate(anchor);
    let asset_ids: BTreeSet<AssetId> = ["A2", "A1"].map(|text| text.parse().unwrap()).into();
    let spki = run(&folder, "openssl", &["x509", "-in", "server.crt", "-noout", "-pubkey"]);
    fs::write(folder.join("server.pub"), spki).unwrap();
    let rsa = run(
        &folder,
        "openssl",
        &["rsa", "-pubin", "-in", "server.pub", "-RSAPublicKey_out", "-outform", "DER"],
    );
    let other = jsonwebtoken::DecodingKey::from_rsa_der(&rsa);
    for (algorithm, digest, name) in [
        ("RS256", "-sha256", jsonwebtoken::Algorithm::RS256),
        ("RS384", "-sha384", jsonwebtoken::Algorithm::RS384),
        ("RS512", "-sha512", jsonwebtoken::Algorithm::RS512),
    ] {
        let text = token(algorithm, digest);
        let wrong = token(algorithm, if digest == "-sha256" { "-sha512" } else { "-sha256" });
        for (text, good) in [(&text, true), (&wrong, false)] {
            let expect = Expectation {
                asset_ids: &asset_ids,
                anchor: Some(&anchor),
                served: None,
                now: Timestamp::now(),
                margin: Duration::from_secs(3600),
            };

            let judgement = OnboardingToken::parse(text).unwrap().judge(&expect);

            let theirs = jsonwebtoken::decode::<Value>(text, &other, &jsonwebtoken::Validation::new(name));
            assert_eq!(theirs.is_ok(), good, "{algorithm}");
            assert_eq!(judgement.is_usable(&[]), good, "{algorithm}: {judgement:?}");
            if good {
                assert_eq!(judgement.authenticity, Authenticity::Authenticated);
            } else {
                assert_eq!(judgement.faults, [TokenFault::Signature]);
            }
        }
        let wrapped: Vec<String> =
            text.as_bytes().chunks(79).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        let found = find_tokens(&format!("Token created:\r\n{}\r\nDone", wrapped.join("\r\n")));
        assert_eq!(found.tokens.len(), 1, "{found:?}");
        assert_eq!(found.tokens[0].token.expose(), text);
    }
}
