//! Routers in the inventory of an organisation.

use std::collections::BTreeMap;
use std::fmt;

use ids::{Mac, SiteId, Timestamp};
use serde::{Deserialize, Serialize};

/// A router in the inventory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Device {
    /// Its address.
    pub mac: Mac,
    /// Its serial number.
    pub serial: Option<Box<str>>,
    /// Its model.
    pub model: Option<Box<str>>,
    /// Its name.
    pub name: Option<Box<str>>,
    /// The site it is assigned to.
    pub site: Option<SiteId>,
    /// Whether Mist has a connection to it.
    pub connected: Option<bool>,
    /// When its record was changed last, by Mist's clock.
    ///
    /// Source: Mist OpenAPI 2607.1.0, `modified_time` of an inventory record. Which changes count is not documented.
    pub modified: Option<Timestamp>,
}

impl Device {
    /// What it is; `virtual_models` are more names of virtual ones.
    #[must_use]
    pub fn platform(&self, virtual_models: &[Box<str>]) -> Platform {
        Platform::of(self.model.as_deref().unwrap_or_default(), virtual_models)
    }
}

/// Which of the two ways of onboarding a model goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// A virtual appliance with a virtual TPM: it is known by an endorsement key.
    Virtual,
    /// SSR400 or SSR440: it is known by its device ID certificate, whose serial number is the asset id.
    DeviceId,
    /// Secure Conductor Onboarding is not documented for it.
    Unsupported,
}

impl Platform {
    /// The one of a `model` as the inventory writes it.
    ///
    /// Source: the vendor's task page names SSR400, SSR440 and virtual appliances with TPM 2.0. The inventory's word for a
    /// virtual one is not documented; `VSSR`, `SSR` and `SSR-VM` are taken for it, and what the operator says.
    #[must_use]
    pub fn of(model: &str, virtual_models: &[Box<str>]) -> Self {
        if virtual_models.iter().any(|known| **known == *model) {
            return Self::Virtual;
        }
        let bare: String =
            model.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        match bare.as_str() {
            "SSR400" | "SSR440" => Self::DeviceId,
            "VSSR" | "SSR" | "SSRVM" => Self::Virtual,
            _ => Self::Unsupported,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Virtual => "vSSR",
            Self::DeviceId => "SSR400/440",
            Self::Unsupported => "not supported",
        })
    }
}

/// The routers of an organisation, each by its address.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inventory(BTreeMap<Mac, Device>);

impl Inventory {
    /// Those of `devices`, which is everything of the type `gateway`; what has no address is passed over.
    pub fn of<'a>(devices: impl IntoIterator<Item = &'a mist::inventory::Device>) -> Self {
        let device = |device: &mist::inventory::Device| {
            Some(Device {
                mac: device.mac?,
                serial: device.serial.as_deref().map(Into::into),
                model: device.model.as_deref().map(Into::into),
                name: device.name.as_deref().or(device.hostname.as_deref()).map(Into::into),
                site: device.site_id.filter(|site| !site.is_nil()),
                connected: device.connected,
                modified: device.modified,
            })
        };
        devices.into_iter().filter_map(device).collect()
    }

    /// The router of this address.
    #[must_use]
    pub fn device(&self, mac: Mac) -> Option<&Device> {
        self.0.get(&mac)
    }

    /// Every router.
    pub fn iter(&self) -> impl Iterator<Item = &Device> {
        self.0.values()
    }

    /// Those assigned to `site`.
    pub fn at(&self, site: SiteId) -> impl Iterator<Item = &Device> {
        self.0.values().filter(move |device| device.site == Some(site))
    }
}

impl FromIterator<Device> for Inventory {
    fn from_iter<I: IntoIterator<Item = Device>>(devices: I) -> Self {
        Self(devices.into_iter().map(|device| (device.mac, device)).collect())
    }
}

#[cfg(test)]
mod tests {
    use mist::Answer as _;

    use super::*;

    #[test]
    fn the_model_says_which_way_a_router_goes() {
        for (model, expect) in [
            ("SSR400", Platform::DeviceId),
            ("SSR440", Platform::DeviceId),
            ("VSSR", Platform::Virtual),
            ("vSSR", Platform::Virtual),
            ("SSR", Platform::Virtual),
            ("SSR120", Platform::Unsupported),
            ("SSR1300", Platform::Unsupported),
            ("SRX300", Platform::Unsupported),
            ("SSR4400", Platform::Unsupported),
            ("", Platform::Unsupported),
        ] {
            assert_eq!(Platform::of(model, &[]), expect, "{model}");
        }
        assert_eq!(Platform::of("SSRaaS", &["SSRaaS".into()]), Platform::Virtual);
    }

    #[test]
    fn the_vendors_example_is_read_and_a_site_of_zeros_is_none() {
        let sample = include_str!("../../tests/fixtures/getOrgInventory--response200.json");
        let sample: serde_json::Value = serde_json::from_str(sample).unwrap();
        let mut devices: Vec<_> = sample.as_array().unwrap().clone();
        let mut unassigned = devices[0].clone();
        unassigned["mac"] = "020000000001".into();
        unassigned["site_id"] = "00000000-0000-0000-0000-000000000000".into();
        devices.push(unassigned);
        let devices: Vec<_> =
            devices.into_iter().map(|device| mist::inventory::Device::from_json(device).unwrap()).collect();

        let inventory = Inventory::of(&devices);

        assert_eq!(inventory.iter().count(), devices.len());
        assert_eq!(inventory.device("020000000001".parse().unwrap()).unwrap().site, None);
    }
}
