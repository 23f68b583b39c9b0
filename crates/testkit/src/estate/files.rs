//! What a program that onboards needs to know of an estate, as files and as JSON.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Place, WholeEstate};

impl WholeEstate {
    /// The list of what is to be onboarded, as CSV with a head: name, node, mac, asset_id, site, conductor_hosts.
    #[must_use]
    pub fn list(&self) -> String {
        self.list_of(&self.places)
    }

    /// The same of other nodes, as of legacy ones, or of some that are not right.
    #[must_use]
    pub fn list_of(&self, places: &[Place]) -> String {
        let hosts = self.conductor.public_hosts().join(" ");
        let row = |place: &Place| {
            let Place { router, node, mac, asset_id, site_name, .. } = place;
            format!("{router},{node},{mac},{asset_id},{site_name},{hosts}\n")
        };
        let rows: String = places.iter().map(row).collect();
        format!("name,node,mac,asset_id,site,conductor_hosts\n{rows}")
    }

    /// The SHA-256 of the key of the conductor's HTTPS certificate, as `sha256:` and hexadecimal digits.
    #[must_use]
    pub fn conductor_pin(&self) -> String {
        let der = CertificateDer::from_pem_slice(self.conductor.certificate_pem().as_bytes());
        let key = der.ok().and_then(|der| {
            let (_, certificate) = X509Certificate::from_der(&der).ok()?;
            Some(certificate.public_key().raw.to_vec())
        });
        let sum = digest(&SHA256, &key.unwrap_or_default());
        let digits: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{digits}")
    }

    /// Writes `mist-ca.pem`, `conductor-ca.pem`, `sco-ca.pem`, `mist-token`, `mist-read-token` and `conductor-password` (those
    /// three readable by their owner alone) and `routers.csv` into `folder`, which exists, and says where everything is.
    ///
    /// Shape: `mist` (`host`, `org`, `ca`, `token_file`, `read_token_file`), `conductor` (`host`, `nodes`, `user`,
    /// `password_file`, `ca`, `pin`, `sco_ca`, `hosts`), `ssh` (`config`, `host`; null without a server), `list`,
    /// `places` and `legacy` (each a node: `router`, `node`, `mac`, `asset_id`, `site`, `model`, `endorsement_key`).
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn write(&self, folder: &Path) -> io::Result<Value> {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text)?;
            Ok::<_, io::Error>(path.display().to_string())
        };
        let secret = |name: &str, text: &str| {
            let path = folder.join(name);
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            writeln!(file, "{text}")?;
            Ok::<_, io::Error>(path.display().to_string())
        };
        let (cloud, conductor) = (&self.cloud, &self.conductor);
        let nodes: Vec<String> = conductor.addresses().iter().map(ToString::to_string).collect();
        let ssh = self.ssh.as_ref().map(
            |server| json!({ "config": server.ssh_config().display().to_string(), "host": "conductor" }),
        );
        Ok(json!({
            "mist": {
                "host": cloud.base_host(),
                "org": self.org,
                "ca": write("mist-ca.pem", cloud.ca_pem())?,
                "token_file": secret("mist-token", &cloud.token(self.org))?,
                "read_token_file": secret("mist-read-token", &cloud.read_token(self.org))?,
            },
            "conductor": {
                "host": conductor.base_host(),
                "nodes": nodes,
                "user": conductor.user(),
                "password_file": secret("conductor-password", conductor.password())?,
                "ca": write("conductor-ca.pem", conductor.ca_pem())?,
                "pin": self.conductor_pin(),
                "sco_ca": write("sco-ca.pem", &conductor.onboarding_ca_pem())?,
                "hosts": conductor.public_hosts(),
            },
            "ssh": ssh,
            "list": write("routers.csv", &self.list())?,
            "places": self.places.iter().map(shown).collect::<Vec<_>>(),
            "legacy": self.legacy.iter().map(shown).collect::<Vec<_>>(),
        }))
    }
}

fn shown(place: &Place) -> Value {
    json!({
        "router": place.router,
        "node": place.node,
        "mac": place.mac,
        "asset_id": place.asset_id,
        "site": place.site_name,
        "model": place.model,
        "endorsement_key": place.endorsement_key,
    })
}
