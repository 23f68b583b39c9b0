//! What the tools of an auditor find at the listener: nothing of medium or above.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use e2e::{Config, Fogbell};
use serde_json::Value;
use serde_json::value::RawValue;

/// What a tool holds against the listener.
#[derive(Debug)]
struct Finding {
    tool: Tool,
    id: String,
    text: String,
}

/// All that a tool looked at, and what of it it holds against the listener.
#[derive(Debug, Default)]
struct Report {
    examined: usize,
    findings: Vec<Finding>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tool {
    Testssl,
    Sslyze,
}

/// A finding that comes from the certificate of a test or from where the test runs, and says nothing of the relay.
struct Exception {
    tool: Tool,
    id: &'static str,
    #[expect(dead_code, reason = "for whoever reads the table")]
    why: &'static str,
}

/// Each must occur in every run of its tool: one that does not is taken out of here.
const EXCEPTIONS: &[Exception] = &[Exception {
    tool: Tool::Testssl,
    id: "engine_problem",
    why: "Debian's OpenSSL, with which the tool asks, has no engine for GOST",
}];

#[test]
fn testssl_and_sslyze_find_nothing_of_medium_or_above() {
    let long = std::env::var_os("FOGBELL_LONG").is_some_and(|value| value == "1");
    eprintln!("tls: nothing is random");
    let keys = [EC, RSA];
    // testssl.sh takes a minute and more for each
    let tools = if long { &[Tool::Sslyze, Tool::Testssl][..] } else { &[Tool::Sslyze] };

    let (mut examined, mut excepted, mut findings) = (0, 0, Vec::new());
    for key in keys {
        let scene = Scene::start(key);
        for tool in tools {
            let report = match tool {
                Tool::Testssl => testssl(&scene),
                Tool::Sslyze => sslyze(&scene),
            };
            examined += report.examined;
            for exception in EXCEPTIONS.iter().filter(|exception| exception.tool == *tool) {
                assert!(
                    report.findings.iter().any(|finding| finding.id == exception.id),
                    "{tool:?} does not find {} any more: take it out of the exceptions",
                    exception.id
                );
                excepted += 1;
            }
            findings.extend(report.findings.into_iter().filter(|finding| {
                !EXCEPTIONS.iter().any(|known| known.tool == finding.tool && known.id == finding.id)
            }));
        }
    }

    let figures = serde_json::json!({
        "scans": keys.len() * tools.len(),
        "examined": examined,
        "excepted": excepted,
        "findings": findings.len(),
    });
    eprintln!("figures: {figures}");
    let told: Vec<String> =
        findings.iter().map(|Finding { tool, id, text }| format!("{tool:?}: {id}: {text}")).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// A relay with a certificate of one kind of key.
struct Scene {
    relay: Fogbell,
    folder: tempfile::TempDir,
}

impl Scene {
    fn start(key: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path(), key);
        let path = |name| format!("\"{}\"", folder.path().join(name).display());
        let config = Config::new().set("tls", "certificate", &path("leaf.pem")).set(
            "tls",
            "key",
            &format!("{{ file = {} }}", path("leaf.key")),
        );
        Self { relay: Fogbell::start(&config), folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn port(&self) -> &str {
        self.relay.address().rsplit_once(':').unwrap().1
    }
}

/// Makes a CA and a certificate of it for `localhost`, in the form that public CAs give them.
fn certify(folder: &Path, key: &[&str]) {
    let ca = [
        "req",
        "-x509",
        "-nodes",
        "-days",
        DAYS,
        "-subj",
        "/CN=test ca",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ];
    let may = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    openssl(folder, &[&ca[..], &may, key].concat());
    let asks = ["req", "-nodes", "-subj", "/CN=localhost", "-keyout", "leaf.key", "-out", "leaf.csr"];
    openssl(folder, &[&asks[..], key].concat());
    let extensions = "subjectAltName=DNS:localhost\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n\
                      keyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n\
                      crlDistributionPoints=URI:http://crl.test/ca.crl\n";
    fs::write(folder.join("leaf.ext"), extensions).unwrap();
    let signs = ["x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
    openssl(folder, &[&signs[..], &["-days", DAYS, "-out", "leaf.pem", "-extfile", "leaf.ext"]].concat());
}

fn openssl(folder: &Path, arguments: &[&str]) {
    run(Command::new("openssl").args(arguments).current_dir(folder), &[0]);
}

/// Everything testssl.sh looks at, without asking anybody but the relay.
fn testssl(scene: &Scene) -> Report {
    let file = scene.file("testssl.json");
    let mut command = Command::new("testssl");
    command.args(["--warnings", "off", "--color", "0", "--quiet", "--nodns", "none", "--ip", "127.0.0.1"]);
    command.arg("--add-ca").arg(scene.file("ca.pem")).arg("--jsonfile").arg(&file);
    let said =
        run(command.arg(format!("localhost:{}", scene.port())), &(0..TESTSSL_GAVE_UP).collect::<Vec<_>>());

    let entries: Vec<Value> = serde_json::from_slice(&fs::read(file).unwrap()).expect(&said);
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    for wanted in TESTSSL_LOOKS_AT {
        assert!(
            entries.iter().any(|entry| entry["id"] == wanted),
            "testssl did not look at {wanted}:\n{said}"
        );
    }
    let findings = entries
        .iter()
        .filter(|entry| !matches!(text(entry, "severity").as_str(), "OK" | "INFO" | "LOW"))
        .map(|entry| Finding {
            tool: Tool::Testssl,
            id: text(entry, "id"),
            text: format!("{}: {}", text(entry, "severity"), text(entry, "finding")),
        })
        .collect();
    Report { examined: entries.len(), findings }
}

/// Everything sslyze looks at, and Mozilla's rules for servers, of which the tool knows the *intermediate* ones.
fn sslyze(scene: &Scene) -> Report {
    let file = scene.file("sslyze.json");
    let mut command = Command::new("sslyze");
    command
        .args(["--mozilla_config", "intermediate", "--early_data", "--certinfo_ca_file"])
        .arg(scene.file("ca.pem"));
    command.arg("--json_out").arg(&file).arg(format!("localhost:{}{{127.0.0.1}}", scene.port()));
    // 1: not as Mozilla has it
    let said = run(&mut command, &[0, 1]);

    let whole: Box<RawValue> = serde_json::from_slice(&fs::read(file).unwrap()).expect(&said);
    let scan = |pointer: &str| find(&whole, &format!("/server_scan_results/0/{pointer}"));
    assert_eq!(scan("scan_status"), Some("COMPLETED".into()), "{said}");
    let finding =
        |id: &str, text: &str| Finding { tool: Tool::Sslyze, id: id.to_owned(), text: text.to_owned() };
    let mut findings: Vec<Finding> = Vec::new();
    for (pointer, right) in SSLYZE_LOOKS_AT {
        let found = scan(&format!("scan_result/{pointer}"));
        if found != Some(Value::from(*right)) {
            findings.push(finding(pointer, &format!("{found:?}")));
        }
    }
    if !said
        .lines()
        .any(|line| line.trim().starts_with(CA_GIVEN) && line.ends_with("OK - Certificate is trusted"))
    {
        findings.push(finding("trust", "the certificate does not lead to the CA that was given"));
    }
    let (_, verdict) = said.split_once("COMPLIANCE AGAINST TLS CONFIGURATION").expect(&said);
    let broken: Vec<_> =
        verdict.lines().filter_map(|line| line.trim().strip_prefix("* ")?.split_once(": ")).collect();
    assert_eq!(broken.is_empty(), verdict.contains("OK - Compliant"), "{verdict}");
    findings.extend(broken.into_iter().map(|(id, text)| finding(id, text)));
    Report { examined: SSLYZE_LOOKS_AT.len() + 2, findings }
}

/// What is at a JSON pointer without escapes. What is not on the way is passed over unread: keys of RSA are there as
/// numbers that no type holds.
fn find(json: &RawValue, pointer: &str) -> Option<Value> {
    let Some(rest) = pointer.strip_prefix('/') else { return serde_json::from_str(json.get()).ok() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    match name.parse::<usize>() {
        Ok(index) => find(serde_json::from_str::<Vec<&RawValue>>(json.get()).ok()?.get(index)?, rest),
        Err(_) => {
            find(serde_json::from_str::<BTreeMap<String, &RawValue>>(json.get()).ok()?.get(name)?, rest)
        }
    }
}

/// Runs it to one of these ends; what it said.
fn run(command: &mut Command, ends: &[i32]) -> String {
    let name = command.get_program().to_owned();
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{}: {error}", name.display()));
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.code().is_some_and(|code| ends.contains(&code)), "{}: {status}:\n{said}", name.display());
    said
}

const EC: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const RSA: &[&str] = &["-newkey", "rsa:2048"];

/// As long as a public CA gives one: 200 days since 15 March 2026.
/// Source: CA/Browser Forum, Baseline Requirements for TLS server certificates, section 6.3.2.
const DAYS: &str = "199";

/// From here on an exit code of testssl.sh means that it could not look; below it counts what went wrong on the way.
/// Source: testssl(1), "EXIT STATUS".
const TESTSSL_GAVE_UP: i32 = 242;

/// Of what testssl.sh looks at, one from each of its parts: who breaks off has not all of them.
const TESTSSL_LOOKS_AT: [&str; 12] = [
    "TLS1",
    "TLS1_3",
    "cipherlist_NULL",
    "cipher_order",
    "PFS",
    "cert_trust",
    "cert_chain_of_trust",
    "HSTS_time",
    "heartbleed",
    "ROBOT",
    "LUCKY13",
    "scanTime",
];

/// How sslyze names the CA of the test among the stores it tries. That the stores of browsers do not know it is no
/// finding: theirs are the CAs of the operator's certificate.
const CA_GIVEN: &str = "Supplied CA file CA Store";

/// What sslyze must say, by the place in its result. What it did not look at is not what it must say.
const SSLYZE_LOOKS_AT: &[(&str, bool)] = &[
    ("ssl_2_0_cipher_suites/result/is_tls_version_supported", false),
    ("ssl_3_0_cipher_suites/result/is_tls_version_supported", false),
    ("tls_1_0_cipher_suites/result/is_tls_version_supported", false),
    ("tls_1_1_cipher_suites/result/is_tls_version_supported", false),
    ("tls_1_2_cipher_suites/result/is_tls_version_supported", true),
    ("tls_1_3_cipher_suites/result/is_tls_version_supported", true),
    ("tls_1_3_early_data/result/supports_early_data", false),
    ("tls_compression/result/supports_compression", false),
    ("tls_fallback_scsv/result/supports_fallback_scsv", true),
    ("tls_extended_master_secret/result/supports_ems_extension", true),
    ("heartbleed/result/is_vulnerable_to_heartbleed", false),
    ("openssl_ccs_injection/result/is_vulnerable_to_ccs_injection", false),
    ("session_renegotiation/result/supports_secure_renegotiation", true),
    ("session_renegotiation/result/is_vulnerable_to_client_renegotiation_dos", false),
    ("certificate_info/result/certificate_deployments/0/received_chain_has_valid_order", true),
];
