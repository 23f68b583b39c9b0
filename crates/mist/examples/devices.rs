//! Lists the devices of an organisation, page by page: `cargo run -p fogbell-mist --example devices`.
//!
//! It asks a fake cloud on loopback. In service the host is `Cloud::Global01.into()`, and `ca` stays `None`.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::error::Error;

use fogbell_mist::inventory::{self, InventoryFilter};
use fogbell_mist::{ApiToken, Client, Settings};
use testkit::cloud::{CloudSettings, FakeCloud};

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let cloud = FakeCloud::start(CloudSettings::default()).await?;
    let org = cloud.organisations()[0];

    let mut settings = Settings::new(cloud.base_host().parse()?, ApiToken::new(cloud.token(org))?);
    settings.ca = Some(cloud.ca_pem().as_bytes().to_vec());
    let client = Client::new(settings)?;

    let mut pages = client.pages(inventory::list(org, &InventoryFilter::default()));
    let mut devices = 0;
    while let Some(page) = pages.next_page().await {
        for device in page? {
            devices += 1;
            let mac = device.mac.ok_or("a device has an address")?;
            println!("{mac} {} {}", device.model.unwrap_or_default(), device.name.unwrap_or_default());
            assert!(cloud.device(mac).is_ok());
        }
    }
    assert!(devices > 0);
    println!("{devices} devices; this hour's calls so far: {:?}", client.usage().await?.requests);
    Ok(())
}
