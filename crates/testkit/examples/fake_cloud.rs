//! A Mist cloud for a test of your own: `cargo run -p fogbell-testkit --example fake_cloud`.
//!
//! Your service gets its host, its authority and a token, as it gets those of Mist; then things happen.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::error::Error;

use fogbell_testkit::cloud::{CloudSettings, FakeCloud, Misbehaviour, NewWebhook};

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let cloud = FakeCloud::start(CloudSettings::default()).await?;
    let org = cloud.organisations()[0];
    println!("https://{}/api/v1, organisation {org}, authority:\n{}", cloud.base_host(), cloud.ca_pem());

    // where your service listens; nobody does here, and the log of deliveries says so
    cloud.add_webhook(
        org,
        NewWebhook::new("https://127.0.0.1:9/", b"secret", &["alarms", "device-updowns"]),
    )?;
    let device = cloud.devices(org)?.remove(0);
    let happened = cloud.device_down(device.mac).await?;
    assert!(!happened.deliveries.is_empty() && !happened.deliveries[0].is_success());
    cloud.device_up(device.mac).await?;

    // a cloud that is unwell: the next three questions for the inventory
    cloud.misbehave(Misbehaviour::Status(503)).on("/inventory").times(3);
    println!("{} calls so far", cloud.call_count());
    Ok(())
}
