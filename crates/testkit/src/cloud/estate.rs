//! What exists in a fake cloud when it starts.

use ids::Mac;

use crate::mist::estate::{self, uuid};
use crate::mist::{Device, DeviceKind, Organisation, Site};
use crate::rng::Rng;

/// Organisations with their sites and devices, made from a seed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Estate {
    pub(super) seed: u64,
    pub(super) organisations: Vec<Organisation>,
}

impl Estate {
    /// Two organisations with four sites each: the same that [`FakeMist::new`](crate::mist::FakeMist::new)
    /// makes from `seed`.
    #[must_use]
    pub fn small(seed: u64) -> Self {
        Self { seed, organisations: estate::organisations(&mut Rng::new(seed)) }
    }

    /// One organisation with so many sites and so many devices, which are spread evenly; of ten devices seven
    /// are access points, two are switches and one is a Session Smart Router.
    #[must_use]
    pub fn large(sites: usize, devices: usize, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let id = uuid(&mut rng).parse().expect("it is made as a UUID");
        let mut places: Vec<Site> = (0..sites.max(1))
            .map(|number| Site {
                id: uuid(&mut rng).parse().expect("it is made as a UUID"),
                name: format!("Site {number:05}"),
                devices: Vec::with_capacity(devices / sites.max(1) + 1),
            })
            .collect();
        for number in 0..devices {
            let site = number % places.len();
            places[site].devices.push(device(seed, site, number));
        }
        let organisation = Organisation {
            id,
            name: "Example Worldwide".to_owned(),
            sites: places,
            administrators: vec!["Jane Admin jane.admin@example.com".to_owned()],
            mxcluster_id: uuid(&mut rng),
        };
        Self { seed, organisations: vec![organisation] }
    }

    /// These organisations, for a test that needs certain ids; `seed` makes what is not given.
    #[must_use]
    pub const fn of(organisations: Vec<Organisation>, seed: u64) -> Self {
        Self { seed, organisations }
    }

    /// The organisations.
    #[must_use]
    pub fn organisations(&self) -> &[Organisation] {
        &self.organisations
    }
}

fn device(seed: u64, site: usize, number: usize) -> Device {
    let (kind, stem, model, version) = match number % 10 {
        0..7 => (DeviceKind::Ap, "ap", "AP45", "0.14.29313"),
        7 | 8 => (DeviceKind::Switch, "sw", "EX4100-48P", "23.4R2-S3.9"),
        _ => (DeviceKind::Gateway, "gw", "SSR120", "6.3.0-107.r1"),
    };
    let [_, _, _, _, a, b, c, d] = (number as u64).to_be_bytes();
    let [.., e] = seed.to_be_bytes();
    Device {
        kind,
        mac: Mac::new([0x02, e, a, b, c, d]),
        name: format!("s{site:05}-{stem}-{number:06}"),
        model,
        serial: format!("TL{number:08}"),
        version,
    }
}
