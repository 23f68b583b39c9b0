//! Reading everything that a plan needs, in few calls.

use std::collections::BTreeMap;

use fogbell_sco::decide::Sample;
use fogbell_sco::ek::Exported;
use fogbell_sco::observe::{AssetStatus, AuthState};
use fogbell_sco::run::{LookError, Watched};
use testkit::cloud::Misbehaviour;
use testkit::estate::{EstateSettings, WholeEstate};

use super::stage::{Stage, world};

#[tokio::test]
async fn everything_is_read_in_few_calls_and_every_token_is_accounted_for() {
    let settings =
        EstateSettings { virtual_routers: 60, hardware: 5, sites: 10, ..EstateSettings::default() };
    let stage = Stage::with(settings).await;
    let places = stage.estate.places();
    stage.estate.cloud().remove_id_token(places[3].mac).unwrap();
    let calls = stage.estate.cloud().call_count();

    let catalogue = stage.world.catalogue().await.unwrap();
    let seen = stage.world.observe(&catalogue, &stage.requests, &[], BTreeMap::new()).await.unwrap();

    // inventory, sites, ten settings, the organisation's, two exports
    assert_eq!(stage.estate.cloud().call_count() - calls, 15);
    let exports = &seen.observed.exports;
    assert_eq!(exports.len(), 60, "hardware is not asked for");
    for place in &places[..60] {
        match &exports[&place.mac] {
            Exported::Token(text) => assert_eq!(Some(text.expose()), place.endorsement_key),
            other => assert_eq!((other, place.mac), (&Exported::Missing, places[3].mac)),
        }
    }
    assert_eq!((seen.observed.sites.len(), seen.observed.conductor.assets.len()), (10, 66));
    assert_eq!(seen.observed.conductor.pin.to_string(), stage.estate.conductor_pin());
    assert_eq!(seen.conductor.as_deref(), Some("conductor"));
}

#[tokio::test]
async fn an_export_that_fails_for_a_moment_is_asked_for_again_and_a_refusal_is_told() {
    let stage = Stage::of(2).await;
    let catalogue = stage.world.catalogue().await.unwrap();
    stage.estate.cloud().misbehave(Misbehaviour::Status(503)).on("export_idtokens").times(2);

    let seen = stage.world.observe(&catalogue, &stage.requests, &[], BTreeMap::new()).await.unwrap();
    assert!(seen.observed.exports.values().all(|exported| matches!(exported, Exported::Token(_))));
    stage.estate.cloud().misbehave(Misbehaviour::Status(403)).on("export_idtokens").always();
    let before = stage.estate.cloud().calls_to("export_idtokens").len();
    let refused = stage.world.observe(&catalogue, &stage.requests, &[], BTreeMap::new()).await.unwrap_err();

    assert!(matches!(&refused, LookError::Mist { what: "ID tokens", .. }), "{refused}");
    assert_eq!(stage.estate.cloud().calls_to("export_idtokens").len(), before + 1);
}

#[tokio::test]
async fn nodes_are_looked_at_together_and_what_cannot_be_seen_is_not_seen() {
    let estate =
        WholeEstate::start(EstateSettings { virtual_routers: 3, ..EstateSettings::default() }).await.unwrap();
    let world = world(&estate);
    let watched: Vec<Watched> = estate
        .places()
        .iter()
        .map(|place| Watched {
            router: place.router.parse().unwrap(),
            node: place.node.parse().unwrap(),
            asset_id: place.asset_id.parse().unwrap(),
            mac: place.mac,
        })
        .collect();
    estate.conductor().set_asset_status("store-0001-vm0", "running");
    let (mist, asked) = (estate.cloud().call_count(), estate.conductor().asked_for("graphql").len());

    let samples = world.samples(&watched, Some("conductor")).await.unwrap();

    assert_eq!(estate.cloud().call_count() - mist, 1);
    // the assets, and the connectivity of the one that runs
    assert_eq!(estate.conductor().asked_for("graphql").len() - asked, 2);
    let shown = |sample: &Sample| (sample.auth.clone(), sample.asset.clone(), sample.conductor, sample.mist);
    assert_eq!(
        shown(&samples[0]),
        (AuthState::NotSeen, Some(AssetStatus::new("running")), Some(true), Some(true))
    );
    assert_eq!(shown(&samples[1]), (AuthState::NotSeen, Some(AssetStatus::new("pending")), None, Some(true)));
    assert_eq!(samples.len(), 3);
}
