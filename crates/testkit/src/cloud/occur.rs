//! What happens because a test says so.

use ids::{Mac, OrgId, SiteId};
use serde_json::Value;

use super::deliver::{Delivered, deliver};
use super::happen::{MarvisState, Told};
use super::world::World;
use super::{FakeCloud, NoSuch};

/// What happened, after its messages were posted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Happened {
    /// The id of the alarm that came of it.
    pub alarm_id: Option<String>,
    /// What became of the messages, in the order in which they were made.
    pub deliveries: Vec<Delivered>,
}

impl FakeCloud {
    /// The device is lost: its inventory says so, and there are a device event, an up-down and an alarm; of a
    /// Mist Edge an event alone.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub async fn device_down(&self, mac: Mac) -> Result<Happened, NoSuch> {
        self.happen(|world| world.connect(mac, false)).await
    }

    /// The device is back.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub async fn device_up(&self, mac: Mac) -> Result<Happened, NoSuch> {
        self.happen(|world| world.connect(mac, true)).await
    }

    /// A port of a switch or gateway lost its link: a device event.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub async fn port_down(&self, mac: Mac, port: &str) -> Result<Happened, NoSuch> {
        self.happen(|world| world.port(mac, port, false)).await
    }

    /// The port has its link again.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub async fn port_up(&self, mac: Mac, port: &str) -> Result<Happened, NoSuch> {
        self.happen(|world| world.port(mac, port, true)).await
    }

    /// A device event of any type; `extra` is an object with further fields, or `Value::Null`.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub async fn device_event(&self, mac: Mac, kind: &str, extra: Value) -> Result<Happened, NoSuch> {
        self.happen(|world| world.device_event(mac, kind, "notice", &extra)).await
    }

    /// An event of a Mist Edge; no search finds it.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub async fn mxedge_event(&self, mac: Mac, kind: &str, extra: Value) -> Result<Happened, NoSuch> {
        self.happen(|world| world.mxedge_event(mac, kind, &extra)).await
    }

    /// An alarm about these devices at the site of the first; group and severity are those of its definition,
    /// `infrastructure` and `warn` when it has none.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`], or [`NoSuch::FirstDevice`] without any.
    pub async fn alarm(&self, kind: &str, devices: &[Mac]) -> Result<Happened, NoSuch> {
        self.alarm_with(kind, devices, Value::Null).await
    }

    /// The same with further fields, as in `{"reasons": […]}`; they win over its own.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`], or [`NoSuch::FirstDevice`] without any.
    pub async fn alarm_with(&self, kind: &str, devices: &[Mac], extra: Value) -> Result<Happened, NoSuch> {
        self.happen(|world| world.alarm(kind, devices, &extra)).await
    }

    /// A Marvis action about a device: opened, or the newest open one resolved under the same id.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`], or [`NoSuch::OpenAction`] when there is nothing to resolve.
    pub async fn marvis(&self, kind: &str, device: Mac, state: MarvisState) -> Result<Happened, NoSuch> {
        self.happen(|world| world.marvis(kind, device, state)).await
    }

    /// Somebody did something, as audits tell it; `extra` as in [`Self::device_event`].
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub async fn audit(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        message: &str,
        extra: Value,
    ) -> Result<Happened, NoSuch> {
        self.happen(|world| world.audit(org, site, message, &extra)).await
    }

    /// Posts these events as they are, as one message of `topic`, to the webhooks that listen; no search finds
    /// them.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub async fn tell(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        topic: &str,
        events: &[Value],
    ) -> Result<Happened, NoSuch> {
        self.happen(|world| {
            world.organisation(org)?;
            Ok(Told { alarm_id: None, jobs: world.jobs(org, site, topic, events) })
        })
        .await
    }

    /// Pings a webhook and waits for what becomes of it, unlike the API's call.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Webhook`].
    pub async fn ping(&self, webhook: &str) -> Result<Happened, NoSuch> {
        self.happen(|world| {
            let all = world.organisations.iter().flat_map(|org| &org.webhooks);
            let found = all.clone().find(|known| known.id == webhook).cloned();
            let found = found.ok_or_else(|| NoSuch::Webhook(webhook.to_owned()))?;
            Ok(Told { alarm_id: None, jobs: vec![world.ping(&found)] })
        })
        .await
    }

    async fn happen(
        &self,
        change: impl FnOnce(&mut World) -> Result<Told, NoSuch>,
    ) -> Result<Happened, NoSuch> {
        let told = change(&mut self.shared.world())?;
        Ok(Happened { alarm_id: told.alarm_id, deliveries: deliver(&self.shared, told.jobs).await })
    }
}
