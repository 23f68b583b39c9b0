//! What reaches an estate, and what is planned for it.

use std::collections::BTreeMap;
use std::time::Duration;

use fogbell_sco::input::{Defaults, Names, RouterRequest, parse};
use fogbell_sco::plan::{Plan, PlanOptions};
use fogbell_sco::run::{Pace, World};
use testkit::estate::WholeEstate;

/// Clients that wait so long for an answer, and try three times with a few milliseconds between.
pub(crate) fn world(estate: &WholeEstate, answer: Duration, pace: Pace) -> World {
    let (tries, first_pause, longest_pause) = (3, Duration::from_millis(2), Duration::from_millis(10));
    let token = mist::ApiToken::new(estate.cloud().token(estate.org())).unwrap();
    let mut settings = mist::Settings::new(estate.cloud().base_host().parse().unwrap(), token);
    settings.ca = Some(estate.cloud().ca_pem().into());
    settings.answer_timeout = answer;
    settings.retry = mist::Retry { tries, first_pause, longest_pause };
    let mist = mist::Client::new(settings).unwrap();
    let fake = estate.conductor();
    let password = conductor::Password::new(fake.password()).unwrap();
    let mut settings = conductor::Settings::new(fake.base_host().parse().unwrap(), fake.user(), password);
    settings.trust = conductor::Trust::Authorities(fake.ca_pem().into());
    settings.answer_timeout = answer;
    settings.commit_timeout = answer;
    settings.retry = conductor::Retry { tries, first_pause, longest_pause };
    let conductor = conductor::Conductor::new(settings).unwrap();
    World { mist, org: estate.org(), conductor, pcli: None, pace }
}

/// The estate's routers, as its list asks for them.
pub(crate) async fn requests(estate: &WholeEstate, world: &World) -> Vec<RouterRequest> {
    let catalogue = world.catalogue().await.unwrap();
    let names = Names { sites: &catalogue.sites, inventory: &catalogue.inventory };
    parse(estate.list().as_bytes(), &Defaults::default()).resolve(&names).unwrap()
}

/// A plan by what is seen now.
pub(crate) async fn plan(world: &World, requests: &[RouterRequest], options: &PlanOptions) -> Plan {
    let catalogue = world.catalogue().await.unwrap();
    let seen = world.observe(&catalogue, requests, &[], BTreeMap::new()).await.unwrap();
    Plan::make(requests, &seen.observed, options)
}
