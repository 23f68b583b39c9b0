//! The organisation, its routers, and what the conductor has of them.

use ids::{Mac, OrgId};

use super::{EstateSettings, Place, StartError};
use crate::cloud::{Estate, FakeCloud};
use crate::conductor::FakeConductor;
use crate::endorsement_keys::endorsement_key;
use crate::mist::estate::uuid;
use crate::mist::{Device, DeviceKind, Organisation, Site};
use crate::rng::Rng;
use crate::router::FakeRouter;

/// What there is to be.
pub(super) struct Made {
    pub(super) estate: Estate,
    pub(super) places: Vec<Place>,
    pub(super) legacy: Vec<Place>,
}

/// What kind of router.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Virtual,
    Hardware,
    Pair,
    Legacy,
}

pub(super) fn make(settings: &EstateSettings) -> Made {
    let mut rng = Rng::new(settings.seed);
    let id = uuid(&mut rng).parse().expect("it is made as a UUID");
    let sites: Vec<Site> = (1..=settings.sites.max(1))
        .map(|number| Site {
            id: uuid(&mut rng).parse().expect("it is made as a UUID"),
            name: format!("Store {number:04}"),
            devices: Vec::new(),
        })
        .collect();
    let kinds = std::iter::empty()
        .chain(std::iter::repeat_n(Kind::Virtual, settings.virtual_routers))
        .chain(std::iter::repeat_n(Kind::Hardware, settings.hardware))
        .chain(std::iter::repeat_n(Kind::Pair, settings.pairs))
        .chain(std::iter::repeat_n(Kind::Legacy, settings.legacy));
    let (mut places, mut legacy) = (Vec::new(), Vec::new());
    for (number, kind) in kinds.enumerate() {
        let nodes = if kind == Kind::Pair { 2 } else { 1 };
        for node in 0..nodes {
            let machine = places.len() + legacy.len();
            let place = place(kind, number, node, machine, &sites[number % sites.len()]);
            if kind == Kind::Legacy { legacy.push(place) } else { places.push(place) }
        }
    }
    let organisation = Organisation {
        id,
        name: "Example Stores".to_owned(),
        sites,
        administrators: vec!["Jane Admin jane.admin@example.com".to_owned()],
        mxcluster_id: uuid(&mut rng),
    };
    Made { estate: Estate::of(vec![organisation], settings.seed), places, legacy }
}

fn place(kind: Kind, number: usize, node: usize, machine: usize, site: &Site) -> Place {
    let hardware = kind == Kind::Hardware;
    let router = match kind {
        Kind::Legacy => format!("legacy-{:04}", number + 1),
        _ => format!("store-{:04}", number + 1),
    };
    let serial = if hardware { format!("SSR400{machine:06}") } else { format!("VM{machine:08}") };
    let [.., a, b] = machine.to_be_bytes();
    Place {
        asset_id: if hardware { serial.clone() } else { format!("{router}-vm{node}") },
        node: format!("node{node}"),
        mac: Mac::new([0x02, 0x00, 0x5e, 0xaa, a, b]),
        model: if hardware { "SSR400" } else { "VSSR" },
        site: site.id,
        site_name: site.name.clone(),
        endorsement_key: (!hardware).then(|| endorsement_key(machine)),
        router,
        serial,
    }
}

impl Made {
    /// The machines.
    pub(super) fn routers(&self) -> Vec<FakeRouter> {
        let machine = |place: &Place| match place.endorsement_key {
            Some(key) => FakeRouter::virtual_one(place.mac, &place.asset_id, key),
            None => FakeRouter::hardware(place.mac, &place.serial),
        };
        self.places.iter().map(machine).collect()
    }

    /// Puts the routers into cloud and conductor.
    pub(super) fn fill(
        &self,
        settings: &EstateSettings,
        cloud: &FakeCloud,
        conductor: &FakeConductor,
    ) -> Result<OrgId, StartError> {
        let org = self.estate.organisations()[0].id;
        for place in self.places.iter().chain(&self.legacy) {
            let device = Device {
                kind: DeviceKind::Gateway,
                mac: place.mac,
                name: place.asset_id.clone(),
                model: place.model,
                serial: place.serial.clone(),
                version: "7.2.3-8.r2",
            };
            cloud.put_device(org, None, device)?;
            match place.endorsement_key {
                Some(key) => cloud.set_id_token(place.mac, key)?,
                // what hardware gives is not documented; its device certificate is known elsewhere
                None => cloud.remove_id_token(place.mac)?,
            }
        }
        let configured: &[Place] = if settings.configured { &self.places } else { &[] };
        for nodes in configured.chunk_by(|one, other| one.router == other.router) {
            add(conductor, nodes);
        }
        for place in &self.legacy {
            add(conductor, std::slice::from_ref(place));
            conductor.add_legacy_asset(&place.asset_id);
        }
        Ok(org)
    }
}

/// A router with these nodes.
fn add(conductor: &FakeConductor, nodes: &[Place]) {
    let named: Vec<(&str, &str)> =
        nodes.iter().map(|place| (place.node.as_str(), place.asset_id.as_str())).collect();
    conductor.add_router(&nodes[0].router, &named);
}
