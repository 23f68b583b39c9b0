//! What is wrong with single rows of a list, or with what Mist says of them.

use testkit::estate::Place;

use super::stage::Stage;
use super::*;

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// The MAC address is of no device.
    WrongMac,
    /// Mist has no ID token of the device.
    NoIdToken,
    /// Mist gives it the key of the row behind it, which is no row of the list.
    SameKeyAsNext,
    /// Mist's key is cut off.
    CutOff,
    /// Mist gives a certificate for a key.
    Certificate,
    /// The list has the key of another TPM, as an independent witness saw it.
    OtherWitness,
}

impl Fault {
    /// Every fault.
    pub(super) const ALL: [Self; 6] = [
        Self::WrongMac,
        Self::NoIdToken,
        Self::SameKeyAsNext,
        Self::CutOff,
        Self::Certificate,
        Self::OtherWitness,
    ];

    /// What is said of such a row.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::WrongMac => "no router 02005eff",
            Self::NoIdToken => "Mist gave no ID token for it",
            Self::SameKeyAsNext => "have the same endorsement key",
            Self::CutOff => "cut off or changed",
            Self::Certificate => "certificate",
            Self::OtherWitness => "one of them is of another machine",
        }
    }

    /// Makes it so; the row of the list.
    fn spoil(self, stage: &Stage, number: usize) -> String {
        let (cloud, places) = (stage.estate().cloud(), stage.estate().places());
        let (place, next) = (&places[number], &places[number + 1]);
        let mut mac = place.mac.to_string();
        let mut witness = "";
        match self {
            Self::WrongMac => mac.replace_range(6..8, "ff"),
            Self::NoIdToken => cloud.remove_id_token(place.mac).unwrap(),
            Self::SameKeyAsNext => cloud.set_id_token(place.mac, key(next)).unwrap(),
            Self::CutOff => cloud.set_id_token(place.mac, &key(place)[..300]).unwrap(),
            Self::Certificate => {
                let der = sample("ek/swtpm.crt");
                let text = openssl(Path::new("."), &["base64", "-A", "-in", der.to_str().unwrap()]);
                cloud.set_id_token(place.mac, std::str::from_utf8(&text).unwrap()).unwrap();
            }
            Self::OtherWitness => witness = key(next),
        }
        row(stage, place, &mac, witness)
    }
}

/// Writes a list of everything to `name`, in which these rows are wrong.
pub(super) fn list(stage: &Stage, name: &str, faults: &[(usize, Fault)]) {
    let rows = stage.estate().places().iter().enumerate().map(|(number, place)| {
        match faults.iter().find(|(at, _)| *at == number) {
            Some((_, fault)) => fault.spoil(stage, number),
            None => row(stage, place, &place.mac.to_string(), ""),
        }
    });
    let rows: String = rows.collect();
    let head = "name,node,mac,asset_id,site,conductor_hosts,ek";
    fs::write(stage.home().join(name), format!("{head}\n{rows}")).unwrap();
}

fn row(stage: &Stage, place: &Place, mac: &str, witness: &str) -> String {
    let hosts = stage.estate().conductor().public_hosts().join(" ");
    let Place { router, node, asset_id, site_name, .. } = place;
    format!("{router},{node},{mac},{asset_id},{site_name},{hosts},{witness}\n")
}

fn key(place: &Place) -> &'static str {
    place.endorsement_key.expect("only virtual routers are spoilt")
}
