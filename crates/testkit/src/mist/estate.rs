//! Organisations, sites and devices that do not exist.

use ids::{Mac, OrgId, SiteId};

use crate::rng::Rng;

/// An organisation.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Organisation {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Its sites.
    pub sites: Vec<Site>,
    /// The names and e-mail addresses of its administrators, in one text each, as audits have them.
    pub administrators: Vec<String>,
    /// The id of its cluster of Mist Edges, a UUID.
    pub mxcluster_id: String,
}

/// A site.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// Its name; not always ASCII.
    pub name: String,
    /// Its devices, of every kind at least one.
    pub devices: Vec<Device>,
}

/// A device.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Device {
    /// What it is.
    pub kind: DeviceKind,
    /// Its MAC address; starts with `02`.
    pub mac: Mac,
    /// Its name.
    pub name: String,
    /// Its model, as the vendor writes it.
    pub model: &'static str,
    /// Its serial number.
    pub serial: String,
    /// Its firmware, as the vendor writes versions.
    pub version: &'static str,
}

/// What a device is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(missing_docs, reason = "the names are Mist's own")]
pub enum DeviceKind {
    Ap,
    Switch,
    Gateway,
    MxEdge,
}

impl Organisation {
    /// One with this id and name, these sites, and nobody to administer it.
    #[must_use]
    pub fn new(id: OrgId, name: impl Into<String>, sites: Vec<Site>) -> Self {
        Self { id, name: name.into(), sites, administrators: Vec::new(), mxcluster_id: String::new() }
    }
}

impl Site {
    /// One with this id, name and devices.
    #[must_use]
    pub fn new(id: SiteId, name: impl Into<String>, devices: Vec<Device>) -> Self {
        Self { id, name: name.into(), devices }
    }
}

impl Device {
    /// One with this address and name; the model and the firmware are usual ones, the serial number is the address.
    #[must_use]
    pub fn new(kind: DeviceKind, mac: Mac, name: impl Into<String>) -> Self {
        let &(_, _, _, model, version) =
            DEVICES.iter().find(|(of, ..)| *of == kind).expect("there is one of every kind");
        Self { kind, mac, name: name.into(), model, serial: mac.to_string(), version }
    }
}

impl DeviceKind {
    /// As `device_type` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ap => "ap",
            Self::Switch => "switch",
            Self::Gateway => "gateway",
            Self::MxEdge => "mxedge",
        }
    }
}

impl Site {
    /// Any of the site's devices of this kind.
    pub(super) fn device(&self, rng: &mut Rng, kind: DeviceKind) -> &Device {
        let devices: Vec<&Device> = self.devices.iter().filter(|device| device.kind == kind).collect();
        devices[rng.below(devices.len())]
    }
}

pub(crate) fn organisations(rng: &mut Rng) -> Vec<Organisation> {
    [("Example Retail", &SITES[..4]), ("Example Logistics", &SITES[4..])]
        .into_iter()
        .map(|(name, sites)| Organisation {
            id: uuid(rng).parse().expect("it is made as a UUID"),
            name: name.to_owned(),
            sites: sites.iter().map(|(name, short)| site(rng, name, short)).collect(),
            administrators: ["Jane Admin jane.admin@example.com", "Olu Operator olu@example.com"]
                .map(str::to_owned)
                .to_vec(),
            mxcluster_id: uuid(rng),
        })
        .collect()
}

fn site(rng: &mut Rng, name: &str, short: &str) -> Site {
    let mut devices = Vec::new();
    for &(kind, count, stem, model, version) in DEVICES {
        for number in 1..=count {
            devices.push(Device {
                kind,
                mac: mac(rng),
                name: format!("{short}-{stem}-{number:02}"),
                model,
                serial: format!("TS{:08}", rng.below(100_000_000)),
                version,
            });
        }
    }
    Site { id: uuid(rng).parse().expect("it is made as a UUID"), name: name.to_owned(), devices }
}

/// A made-up UUID of version 4.
pub(crate) fn uuid(rng: &mut Rng) -> String {
    let (high, low) = (rng.bits(), rng.bits());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// A made-up MAC address, marked as locally administered.
pub(crate) fn mac(rng: &mut Rng) -> Mac {
    let [_, a, b, c, d, e, ..] = rng.bits().to_be_bytes();
    Mac::new([0x02, a, b, c, d, e])
}

const SITES: [(&str, &str); 8] = [
    ("Lisboa Store 12", "lis12"),
    ("Zürich Bahnhof", "zrh01"),
    ("Austin \"North\" Campus", "aus03"),
    ("Osaka 大阪", "osa02"),
    ("Rotterdam Depot", "rtm07"),
    ("Kraków Hub [B]", "krk02"),
    ("Nairobi Yard", "nbo04"),
    ("São Paulo DC", "gru09"),
];

const DEVICES: &[(DeviceKind, usize, &str, &str, &str)] = &[
    (DeviceKind::Ap, 6, "ap", "AP45", "0.14.29313"),
    (DeviceKind::Switch, 3, "sw", "EX4100-48P", "23.4R2-S3.9"),
    (DeviceKind::Gateway, 1, "gw", "SSR120", "6.3.0-107.r1"),
    (DeviceKind::Gateway, 1, "fw", "SRX320", "22.4R3-S2.11"),
    (DeviceKind::MxEdge, 1, "me", "ME-X1", "0.1.3412"),
];
