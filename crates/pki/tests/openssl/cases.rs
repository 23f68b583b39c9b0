//! The table: what is judged, and how.

/// A chain, its own certificate first, for a peer that trusts `roots`, so many days from now.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) chain: &'static [&'static str],
    pub(crate) roots: &'static [&'static str],
    pub(crate) days: i32,
    pub(crate) here: Here,
}

/// How it is judged here.
#[derive(Clone, Copy)]
pub(crate) enum Here {
    /// As OpenSSL does: fine, or refused with these words.
    Same(Option<&'static str>),
    /// OpenSSL accepts it; here it is refused with these words, and why.
    Stricter(&'static str, &'static str),
}

const fn fine(name: &'static str, chain: &'static [&'static str], roots: &'static [&'static str]) -> Case {
    Case { name, chain, roots, days: 1, here: Here::Same(None) }
}

const fn refused(
    name: &'static str,
    chain: &'static [&'static str],
    roots: &'static [&'static str],
    words: &'static str,
) -> Case {
    Case { name, chain, roots, days: 1, here: Here::Same(Some(words)) }
}

const fn stricter(
    name: &'static str,
    chain: &'static [&'static str],
    roots: &'static [&'static str],
    words: &'static str,
    reason: &'static str,
) -> Case {
    Case { name, chain, roots, days: 1, here: Here::Stricter(words, reason) }
}

impl Case {
    const fn at(mut self, days: i32) -> Self {
        self.days = days;
        self
    }
}

const LIBRARY: &str = "TLS libraries other than OpenSSL do not verify such a signature, ring among them";

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    // keys and signatures
    fine("P-256 by P-256", &["p256-by-p256"], &["root"]),
    fine("P-384 by P-256", &["p384-by-p256"], &["root"]),
    fine("RSA 2048 by P-256", &["rsa2048-by-p256"], &["root"]),
    fine("Ed25519 by P-256", &["ed25519-by-p256"], &["root"]),
    fine("RSA 3072 by RSA 2048", &["rsa3072-by-rsa"], &["root-rsa"]),
    fine("P-256 by RSA 2048", &["p256-by-rsa"], &["root-rsa"]),
    fine("RSA 4096 by RSA 4096", &["rsa4096-by-rsa4096"], &["root-rsa4096"]),
    fine("P-384 by P-384 with SHA-384", &["p384-by-p384"], &["root-p384"]),
    fine("P-256 by Ed25519", &["p256-by-ed25519"], &["root-ed25519"]),
    fine("RSA with SHA-384", &["sha384-by-rsa"], &["root-rsa"]),
    fine("RSA with SHA-512", &["sha512-by-rsa"], &["root-rsa"]),
    fine("P-256 with SHA-384", &["sha384-by-p256"], &["root"]),
    fine("RSA-PSS with SHA-256", &["pss-by-rsa"], &["root-rsa"]),
    fine("a root that signed itself with SHA-1", &["by-sha1-root"], &["root-sha1"]),
    fine("a P-521 key of its own", &["p521-by-p256"], &["root"]),
    stricter("signed with P-521", &["by-p521"], &["root-p521"], "not every TLS library", LIBRARY),
    stricter("signed with Ed448", &["by-ed448"], &["root-ed448"], "not every TLS library", LIBRARY),
    stricter("signed with RSA and SHA-224", &["sha224-by-rsa"], &["root-rsa"], "not every TLS library", LIBRARY),
    stricter("signed with P-256 and SHA-512", &["sha512-by-p256"], &["root"], "not every TLS library", LIBRARY),
    refused("RSA 1024 of its own", &["rsa1024-by-p256"], &["root"], "`CN=rsa1024-by-p256` has a weak key, RSA 1024"),
    refused("a root with RSA 1024", &["by-rsa1024"], &["root-rsa1024"], "`CN=root-rsa1024` has a weak key"),
    refused("an intermediate with RSA 1024", &["by-middle-rsa1024", "middle-rsa1024"], &["root"], "`CN=middle-rsa1024` has a weak key"),
    refused("SHA-1", &["sha1-by-rsa"], &["root-rsa"], "signed with SHA-1"),
    refused("MD5", &["md5-by-rsa"], &["root-rsa"], "signed with MD5"),
    refused("an intermediate signed with SHA-1", &["by-middle-sha1", "middle-sha1"], &["root-rsa"], "`CN=middle-sha1` is signed with SHA-1"),
    refused("a bit of the signature flipped", &["bad-signature"], &["root"], "signature is wrong"),
    refused("a bit of the certificate flipped", &["altered"], &["root"], "signature is wrong"),
    // paths
    fine("an intermediate in the file", &["by-middle", "middle"], &["root"]),
    fine("two intermediates", &["by-lower", "lower", "middle"], &["root"]),
    fine("two intermediates the wrong way round", &["by-lower", "middle", "lower"], &["root"]),
    fine("the root in the file too", &["by-middle", "middle", "root"], &["root"]),
    fine("a certificate too many", &["by-middle", "root-rsa", "middle"], &["root"]),
    fine("one of several roots", &["p256-by-rsa"], &["root", "root-rsa", "root-p384"]),
    fine("a root that another one vouches for", &["p256-by-p256", "cross"], &["root-other"]),
    refused("the intermediate is missing", &["by-middle"], &["root"], "intermediate certificate missing"),
    refused("the lower intermediate is missing", &["by-lower", "middle"], &["root"], "nobody who is trusted issued `CN=by-lower`"),
    refused("the upper intermediate is missing", &["by-lower", "lower"], &["root"], "nobody who is trusted issued `CN=lower`"),
    refused("another root", &["p256-by-p256"], &["root-rsa"], "nobody who is trusted issued"),
    refused("a root of the same name with another key", &["p256-by-p256"], &["twin"], "signature is wrong"),
    fine("both roots of one name", &["p256-by-p256"], &["twin", "root"]),
    refused("self-signed", &["self-signed"], &["root"], "is self-signed and is not trusted"),
    fine("self-signed and trusted", &["self-signed"], &["self-signed"]),
    // time
    refused("over", &["p256-by-p256"], &["root"], "`CN=p256-by-p256` expired 1").at(111),
    refused("an intermediate that is over", &["by-middle-short", "middle-short"], &["root"], "`CN=middle-short` expired").at(20),
    refused("a root that is over", &["by-root-short"], &["root-short"], "`CN=root-short` expired").at(20),
    refused("not begun", &["p256-by-p256"], &["root"], "is not valid yet").at(-10),
    fine("one day before its end", &["p256-by-p256"], &["root"]).at(99),
    // authorities
    fine("a path length that is just enough", &["by-middle-path0", "middle-path0"], &["root"]),
    refused("a path length that is not enough", &["by-lower-path0", "lower-path0", "middle-path0"], &["root"], "pathlen"),
    fine("a root's path length that is just enough", &["by-middle-path1", "middle-path1"], &["root-path1"]),
    refused("a root's path length that is not enough", &["by-lower-path1", "lower-path1", "middle-path1"], &["root-path1"], "pathlen"),
    fine("a root that allows no intermediate, and none", &["by-root-path0"], &["root-path0"]),
    refused("a root that allows no intermediate, and one", &["by-middle-of-path0", "middle-of-path0"], &["root-path0"], "pathlen"),
    refused("an issuer with CA:FALSE", &["by-middle-not-ca", "middle-not-ca"], &["root"], "is no authority"),
    refused("an issuer without basicConstraints", &["by-middle-plain", "middle-plain"], &["root"], "is no authority"),
    refused("an issuer of version 1", &["by-middle-v1", "middle-v1"], &["root"], "version 1"),
    refused("an issuer that may not sign certificates", &["by-middle-no-sign", "middle-no-sign"], &["root"], "no keyCertSign"),
    refused("a root that may not sign certificates", &["by-root-no-sign"], &["root-no-sign"], "no keyCertSign"),
    refused("a root with CA:FALSE", &["by-root-not-ca"], &["root-not-ca"], "is no authority"),
    fine("a root of version 1", &["by-root-v1"], &["root-v1"]),
    stricter("an authority as the server", &["authority"], &["root"], "that of an authority", "webpki and others refuse it (RFC 5280 4.2.1.9 gives the key another purpose)"),
    stricter("a self-signed authority as the server", &["self-signed-authority"], &["self-signed-authority"], "that of an authority", "the same"),
    // what it is for
    fine("keyAgreement alone", &["usage-agreement"], &["root"]),
    fine("keyEncipherment alone", &["usage-encipherment"], &["root"]),
    refused("cRLSign alone", &["usage-crl"], &["root"], "no digitalSignature"),
    fine("servers and clients", &["for-both"], &["root"]),
    refused("clients only", &["for-clients"], &["root"], "`CN=for-clients` is not made for servers"),
    refused("any use", &["for-any"], &["root"], "not made for servers"),
    fine("an intermediate for servers", &["by-middle-server", "middle-server"], &["root"]),
    refused("an intermediate for clients", &["by-middle-client", "middle-client"], &["root"], "`CN=middle-client` is not made for servers"),
    refused("a root for clients", &["by-root-client"], &["root-client"], "`CN=root-client` is not made for servers"),
    // extensions and names
    fine("no extension but an identifier", &["plain"], &["root"]),
    fine("names alone", &["san-only"], &["root"]),
    stricter("version 1", &["v1"], &["root"], "version 1", "webpki refuses it, and so do browsers: it can name no host"),
    fine("an unknown extension", &["not-critical"], &["root"]),
    refused("an unknown critical extension", &["critical"], &["root"], "`CN=critical` has a critical extension"),
    refused("an intermediate with an unknown critical extension", &["by-middle-critical", "middle-critical"], &["root"], "`CN=middle-critical` has a critical extension"),
    refused("a root with an unknown critical extension", &["by-root-critical"], &["root-critical"], "`CN=root-critical` has a critical extension"),
    fine("a name that its issuer may certify", &["by-middle-names", "middle-names"], &["root"]),
    refused("a name that its issuer may not certify", &["by-middle-other-names", "middle-other-names"], &["root"], "nameConstraints"),
    refused("a name that its issuer leaves out", &["by-middle-excluded", "middle-excluded"], &["root"], "nameConstraints"),
];
