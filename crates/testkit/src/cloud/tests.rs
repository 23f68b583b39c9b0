//! The whole, as clients and receivers see it.

mod access;
mod alarms;
mod deliveries;
mod inventory;
mod misbehaving;
mod onboarding;
mod paging;
mod receiver;
mod shapes;

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::mist::DeviceKind;
use crate::test_client::Client;
use receiver::Receiver;

const SOON: Duration = Duration::from_secs(10);

/// A cloud, its first organisation, and a client with a token that may do everything.
async fn started(settings: CloudSettings) -> (FakeCloud, OrgId, Client) {
    let cloud = FakeCloud::start(settings).await.unwrap();
    let org = cloud.organisations()[0];
    let client = Client::new(&cloud, Some(cloud.token(org)));
    (cloud, org, client)
}

/// A cloud that trusts `receiver`.
async fn started_with(receiver: &Receiver) -> (FakeCloud, OrgId, Client) {
    started(CloudSettings { trust: Some(receiver.trust()), ..CloudSettings::default() }).await
}

fn first(cloud: &FakeCloud, org: OrgId, kind: DeviceKind) -> CloudDevice {
    cloud.devices(org).unwrap().into_iter().find(|device| device.kind == kind).unwrap()
}
