//! The certificates that the cases are made of.

use std::fs;
use std::path::Path;

use super::must;

/// Keys by name: what `openssl genpkey` is told.
pub(crate) const KEYS: &[(&str, &[&str])] = &[
    ("rsa1024", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]),
    ("rsa2048", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ("rsa2048b", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ("rsa3072", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"]),
    ("rsa4096", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"]),
    ("p256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("p256b", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("p384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    ("p521", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
    ("ed25519", &["-algorithm", "ED25519"]),
    ("ed448", &["-algorithm", "ED448"]),
];

/// A certificate: its name and key, its subject when that is not its name, who issues it (its own name: itself), its
/// extensions, days from now to its end, and what signs it (`openssl x509`'s arguments).
pub(crate) struct Certificate {
    name: &'static str,
    subject: &'static str,
    key: &'static str,
    issuer: &'static str,
    extensions: &'static str,
    days: &'static str,
    signed: &'static [&'static str],
}

const fn root(name: &'static str, key: &'static str) -> Certificate {
    let extensions =
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash";
    Certificate { name, subject: name, key, issuer: name, extensions, days: "3650", signed: SHA256 }
}

/// An authority below another one.
const fn below(name: &'static str, key: &'static str, issuer: &'static str) -> Certificate {
    let extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n\
                      authorityKeyIdentifier=keyid";
    Certificate { name, subject: name, key, issuer, extensions, days: "1000", signed: SHA256 }
}

const fn leaf(name: &'static str, key: &'static str, issuer: &'static str) -> Certificate {
    let extensions = "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n\
                      subjectAltName=DNS:relay.example.net";
    Certificate { name, subject: name, key, issuer, extensions, days: "100", signed: SHA256 }
}

impl Certificate {
    const fn with(mut self, extensions: &'static str) -> Self {
        self.extensions = extensions;
        self
    }

    const fn days(mut self, days: &'static str) -> Self {
        self.days = days;
        self
    }

    const fn signed(mut self, signed: &'static [&'static str]) -> Self {
        self.signed = signed;
        self
    }

    const fn subject(mut self, subject: &'static str) -> Self {
        self.subject = subject;
        self
    }
}

const SHA1: &[&str] = &["-sha1"];
const SHA256: &[&str] = &["-sha256"];
const NONE: &[&str] = &[];
const PSS: &[&str] = &["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
const CA: &str = "basicConstraints=critical,CA:TRUE";
const SAN: &str = "subjectAltName=DNS:relay.example.net";

pub(crate) const CERTIFICATES: &[Certificate] = &[
    root("root", "p256"),
    root("root-rsa", "rsa2048"),
    root("root-p384", "p384"),
    root("root-ed25519", "ed25519").signed(NONE),
    root("root-rsa4096", "rsa4096"),
    root("root-rsa1024", "rsa1024"),
    root("root-p521", "p521"),
    root("root-ed448", "ed448").signed(NONE),
    root("root-sha1", "rsa2048").signed(SHA1),
    root("root-short", "p256").days("10"),
    root("twin", "p256b").subject("root"),
    root("root-path0", "p256").with("basicConstraints=critical,CA:TRUE,pathlen:0"),
    root("root-path1", "p256").with("basicConstraints=critical,CA:TRUE,pathlen:1"),
    root("root-no-sign", "p256").with("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign"),
    root("root-not-ca", "p256").with("basicConstraints=critical,CA:FALSE"),
    root("root-v1", "p256").with(""),
    root("root-client", "p256").with("basicConstraints=critical,CA:TRUE\nextendedKeyUsage=clientAuth"),
    root("root-critical", "p256").with("basicConstraints=critical,CA:TRUE\n1.2.3.4=critical,ASN1:NULL"),
    root("root-other", "p384"),
    below("cross", "p256", "root-other").subject("root"),
    below("middle", "p384", "root"),
    below("lower", "rsa2048", "middle"),
    below("middle-rsa1024", "rsa1024", "root"),
    below("middle-sha1", "rsa2048b", "root-rsa").signed(SHA1),
    below("middle-short", "p384", "root").days("10"),
    below("middle-path0", "p384", "root").with("basicConstraints=critical,CA:TRUE,pathlen:0"),
    below("lower-path0", "rsa2048", "middle-path0"),
    below("middle-path1", "p384", "root-path1"),
    below("lower-path1", "rsa2048", "middle-path1"),
    below("middle-of-path0", "p384", "root-path0"),
    below("middle-not-ca", "p384", "root").with("basicConstraints=critical,CA:FALSE"),
    below("middle-plain", "p384", "root").with("subjectKeyIdentifier=hash"),
    below("middle-v1", "p384", "root").with(""),
    below("middle-no-sign", "p384", "root")
        .with("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature"),
    below("middle-client", "p384", "root")
        .with("basicConstraints=critical,CA:TRUE\nextendedKeyUsage=clientAuth"),
    below("middle-server", "p384", "root")
        .with("basicConstraints=critical,CA:TRUE\nextendedKeyUsage=serverAuth"),
    below("middle-critical", "p384", "root")
        .with("basicConstraints=critical,CA:TRUE\n1.2.3.4=critical,ASN1:NULL"),
    below("middle-names", "p384", "root")
        .with("basicConstraints=critical,CA:TRUE\nnameConstraints=critical,permitted;DNS:example.net"),
    below("middle-other-names", "p384", "root")
        .with("basicConstraints=critical,CA:TRUE\nnameConstraints=critical,permitted;DNS:example.org"),
    below("middle-excluded", "p384", "root")
        .with("basicConstraints=critical,CA:TRUE\nnameConstraints=critical,excluded;DNS:relay.example.net"),
    leaf("p256-by-p256", "p256b", "root"),
    leaf("p384-by-p256", "p384", "root"),
    leaf("rsa2048-by-p256", "rsa2048", "root"),
    leaf("ed25519-by-p256", "ed25519", "root"),
    leaf("rsa3072-by-rsa", "rsa3072", "root-rsa"),
    leaf("p256-by-rsa", "p256b", "root-rsa"),
    leaf("rsa4096-by-rsa4096", "rsa4096", "root-rsa4096"),
    leaf("p384-by-p384", "p384", "root-p384").signed(&["-sha384"]),
    leaf("p256-by-ed25519", "p256b", "root-ed25519").signed(NONE),
    leaf("sha384-by-rsa", "rsa2048b", "root-rsa").signed(&["-sha384"]),
    leaf("sha512-by-rsa", "rsa2048b", "root-rsa").signed(&["-sha512"]),
    leaf("sha384-by-p256", "p256b", "root").signed(&["-sha384"]),
    leaf("pss-by-rsa", "p256b", "root-rsa").signed(PSS),
    leaf("by-sha1-root", "p256b", "root-sha1"),
    leaf("p521-by-p256", "p521", "root"),
    leaf("by-p521", "p256b", "root-p521"),
    leaf("by-ed448", "p256b", "root-ed448").signed(NONE),
    leaf("sha224-by-rsa", "p256b", "root-rsa").signed(&["-sha224"]),
    leaf("sha512-by-p256", "p256b", "root").signed(&["-sha512"]),
    leaf("rsa1024-by-p256", "rsa1024", "root"),
    leaf("by-rsa1024", "p256b", "root-rsa1024"),
    leaf("by-middle-rsa1024", "p256b", "middle-rsa1024"),
    leaf("sha1-by-rsa", "p256b", "root-rsa").signed(SHA1),
    leaf("md5-by-rsa", "p256b", "root-rsa").signed(&["-md5"]),
    leaf("by-middle-sha1", "p256b", "middle-sha1"),
    leaf("by-middle", "p256b", "middle"),
    leaf("by-lower", "p256b", "lower"),
    leaf("by-middle-short", "p256b", "middle-short"),
    leaf("by-root-short", "p256b", "root-short"),
    leaf("by-middle-path0", "p256b", "middle-path0"),
    leaf("by-lower-path0", "p256b", "lower-path0"),
    leaf("by-lower-path1", "p256b", "lower-path1"),
    leaf("by-middle-path1", "p256b", "middle-path1"),
    leaf("by-middle-of-path0", "p256b", "middle-of-path0"),
    leaf("by-root-path0", "p256b", "root-path0"),
    leaf("by-root-no-sign", "p256b", "root-no-sign"),
    leaf("by-root-not-ca", "p256b", "root-not-ca"),
    leaf("by-root-v1", "p256b", "root-v1"),
    leaf("by-root-client", "p256b", "root-client"),
    leaf("by-root-critical", "p256b", "root-critical"),
    leaf("by-middle-not-ca", "p256b", "middle-not-ca"),
    leaf("by-middle-plain", "p256b", "middle-plain"),
    leaf("by-middle-v1", "p256b", "middle-v1"),
    leaf("by-middle-no-sign", "p256b", "middle-no-sign"),
    leaf("by-middle-client", "p256b", "middle-client"),
    leaf("by-middle-server", "p256b", "middle-server"),
    leaf("by-middle-critical", "p256b", "middle-critical"),
    leaf("by-middle-names", "p256b", "middle-names"),
    leaf("by-middle-other-names", "p256b", "middle-other-names"),
    leaf("by-middle-excluded", "p256b", "middle-excluded"),
    leaf("usage-agreement", "p256b", "root").with("keyUsage=keyAgreement"),
    leaf("usage-encipherment", "rsa2048", "root").with("keyUsage=keyEncipherment"),
    leaf("usage-crl", "p256b", "root").with("keyUsage=critical,cRLSign"),
    leaf("for-clients", "p256b", "root").with("extendedKeyUsage=clientAuth"),
    leaf("for-both", "p256b", "root").with("extendedKeyUsage=clientAuth,serverAuth"),
    leaf("for-any", "p256b", "root").with("extendedKeyUsage=anyExtendedKeyUsage"),
    leaf("critical", "p256b", "root").with("1.2.3.4=critical,ASN1:NULL"),
    leaf("not-critical", "p256b", "root").with("1.2.3.4=ASN1:NULL"),
    leaf("plain", "p256b", "root").with("subjectKeyIdentifier=hash"),
    leaf("san-only", "p256b", "root").with(SAN),
    leaf("v1", "p256b", "root").with(""),
    leaf("authority", "p256b", "root").with(CA),
    leaf("self-signed", "p256b", "self-signed"),
    leaf("self-signed-authority", "p256b", "self-signed-authority").with(CA),
];

pub(crate) fn make_key(folder: &Path, (name, arguments): &(&str, &[&str])) {
    let file = format!("{name}.key");
    must(folder, &[&["genpkey", "-out", &file], *arguments].concat());
}

/// Makes `certificate`; its issuer is there.
pub(crate) fn make(folder: &Path, certificate: &Certificate) {
    let Certificate { name, subject, key, issuer, extensions, days, signed } = certificate;
    let (out, request, key) = (format!("{name}.pem"), format!("{name}.csr"), format!("{key}.key"));
    let subject = format!("/CN={subject}");
    must(folder, &["req", "-new", "-key", &key, "-subj", &subject, "-out", &request]);
    let mut sign = vec!["x509", "-req", "-in", &request, "-out", &out, "-days", days];
    sign.extend(*signed);
    let issuer_key =
        CERTIFICATES.iter().find(|other| other.name == *issuer).map(|other| format!("{}.key", other.key));
    let (issuer_file, issuer_key) = (format!("{issuer}.pem"), issuer_key.unwrap());
    if issuer == name {
        sign.extend(["-signkey", &key]);
    } else {
        sign.extend(["-CA", &issuer_file, "-CAkey", &issuer_key, "-CAcreateserial"]);
    }
    let file = format!("{name}.ext");
    // without an extension it is of version 1
    if !extensions.is_empty() {
        fs::write(folder.join(&file), format!("{extensions}\n")).unwrap();
        sign.extend(["-extfile", &file]);
    }
    must(folder, &sign);
}

/// Makes copies of a certificate with one bit flipped in its signature and in what is signed.
pub(crate) fn damage(folder: &Path) {
    must(folder, &["x509", "-in", "rsa2048-by-p256.pem", "-outform", "der", "-out", "whole.der"]);
    let whole = fs::read(folder.join("whole.der")).unwrap();
    // the public key stands in the middle; the last byte is of the signature
    let modulus = whole.len() / 2;
    for (name, place) in [("bad-signature", whole.len() - 1), ("altered", modulus)] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(folder.join("damaged.der"), bytes).unwrap();
        let out = format!("{name}.pem");
        must(folder, &["x509", "-inform", "der", "-in", "damaged.der", "-out", &out]);
    }
}
