//! A test CA with certificates made by OpenSSL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A CA, a server and a client certificate as PEM files in one folder: ECDSA P-256, for `localhost`, `127.0.0.1` and
/// `::1`, valid for 800 days, so that a clock that is a year ahead ends none.
#[derive(Clone, Debug)]
pub struct Certs {
    folder: PathBuf,
}

impl Certs {
    /// Makes them in `folder`.
    ///
    /// # Panics
    ///
    /// When OpenSSL cannot.
    #[must_use]
    pub fn make(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for certificates can be made");
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let mut ca = vec!["req", "-x509"];
        ca.extend(key);
        ca.extend(["-keyout", "ca.key", "-out", "ca.pem", "-days", "800", "-subj", "/CN=test ca"]);
        ca.extend(["-addext", "keyUsage=critical,keyCertSign"]);
        openssl(folder, &ca);
        let extensions = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nbasicConstraints=CA:FALSE\n\
                          extendedKeyUsage=serverAuth,clientAuth\n";
        fs::write(folder.join("leaf.ext"), extensions).expect("a file can be written");
        for (name, subject) in [("server", "/CN=server.test"), ("client", "/CN=client.test")] {
            let (key_file, request, out) =
                (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
            let mut ask = vec!["req"];
            ask.extend(key);
            ask.extend(["-keyout", &key_file, "-out", &request, "-subj", subject]);
            openssl(folder, &ask);
            let mut sign = vec!["x509", "-req", "-in", &request, "-CA", "ca.pem", "-CAkey", "ca.key"];
            sign.extend(["-CAcreateserial", "-out", &out, "-days", "800", "-extfile", "leaf.ext"]);
            openssl(folder, &sign);
        }
        Self { folder: folder.to_owned() }
    }

    /// The CA's certificate.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The server's certificate.
    #[must_use]
    pub fn server(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// The server's key (0600).
    #[must_use]
    pub fn server_key(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    /// The client's certificate.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.folder.join("client.pem")
    }

    /// Those that were made in `folder`.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Puts another certificate for the client's key into the place of its own, which ends in so many days.
    ///
    /// # Panics
    ///
    /// When OpenSSL cannot.
    pub fn renew_client(&self, days: u32) {
        self.renew("client", days, "leaf.ext");
    }

    /// The same of the server, for these alternative names, as in `DNS:localhost,IP:127.0.0.1`; with none of them its
    /// name is in the subject only.
    ///
    /// # Panics
    ///
    /// When OpenSSL cannot.
    pub fn renew_server(&self, days: u32, names: Option<&str>) {
        let names = names.map_or_else(String::new, |names| format!("subjectAltName={names}\n"));
        let extensions = format!("{names}basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n");
        fs::write(self.folder.join("again.ext"), extensions).expect("a file can be written");
        self.renew("server", days, "again.ext");
    }

    fn renew(&self, leaf: &str, days: u32, extensions: &str) {
        let (key, subject, days) = (format!("{leaf}.key"), format!("/CN={leaf}.test"), days.to_string());
        openssl(&self.folder, &["req", "-new", "-key", &key, "-subj", &subject, "-out", "again.csr"]);
        let sign =
            ["x509", "-req", "-in", "again.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        openssl(
            &self.folder,
            &[&sign[..], &["-out", "again.pem", "-days", &days, "-extfile", extensions]].concat(),
        );
        fs::rename(self.folder.join("again.pem"), self.folder.join(format!("{leaf}.pem")))
            .expect("a file can be renamed");
    }

    /// The client's key (0600).
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.folder.join("client.key")
    }
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).stdin(Stdio::null()).output();
    let output = output.expect("openssl is on PATH");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {} failed:\n{said}", arguments.join(" "));
}
