//! The fake Mist cloud of `bench directory`: a large organisation, asked and ordered line by line.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::super::lab::Lab;
use super::super::server::{Core, PATIENCE, Server, Speaks, on};
use super::super::stage::{Api, SECRET, Stage};

/// A cloud with one organisation, in its own process, off the core of the relay.
#[derive(Debug)]
pub(super) struct Cloud {
    server: Server,
    address: String,
    org: String,
    token: String,
    ca: PathBuf,
}

/// A device of it.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) mac: String,
    pub(super) name: String,
}

/// How many calls were made to it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Calls {
    /// In all.
    pub(super) all: usize,
    /// For sites, the inventory and the definitions: the directory.
    pub(super) directory: usize,
    /// For devices that were changed lately.
    pub(super) changed: usize,
    /// Answered with something else than 200.
    pub(super) refused: usize,
}

impl Cloud {
    /// Starts one with so many sites and devices, which have not changed for a day.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub(super) fn start(lab: &Lab<'_>, stage: &Stage, sites: u64, devices: u64) -> Result<Self> {
        let ca = stage.path("cloud.pem");
        let mut command = on(Core::Others, lab.pinned, &lab.program("fogbell-testkit-cloud"));
        command.arg("--ca").arg(&ca).args(["--danger-insecure", "--age", "86400"]);
        command.args(["--sites", &sites.to_string(), "--devices", &devices.to_string()]);
        let mut server = Server::start("fogbell-testkit-cloud", command, Speaks::Output)?;
        let said = server.json(PATIENCE)?;
        let text =
            |value: &Value| value.as_str().map(str::to_owned).context("the cloud does not say what it is");
        let org = &said["organisations"][0];
        if (org["sites"].as_u64(), org["devices"].as_u64()) != (Some(sites), Some(devices)) {
            bail!("the cloud is not as large as it is to be: {said}");
        }
        let (address, token) = (text(&said["address"])?, text(&org["read_token"])?);
        Ok(Self { org: text(&org["id"])?, server, address, token, ca })
    }

    /// How the relay asks it.
    pub(super) fn api(&self) -> Api<'_> {
        Api { host: &self.address, org: &self.org, token: &self.token, ca: &self.ca }
    }

    /// Its first devices.
    ///
    /// # Errors
    ///
    /// When it does not tell.
    pub(super) fn devices(&mut self, count: usize) -> Result<Vec<Device>> {
        let said = self.order(&format!("devices {} {count}", self.org))?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let device = |it: &Value| Some(Device { mac: text(&it["mac"])?, name: text(&it["name"])? });
        let devices: Option<Vec<Device>> = said.as_array().and_then(|all| all.iter().map(device).collect());
        devices.filter(|devices| devices.len() == count).context("the cloud does not tell its devices")
    }

    /// Gives a device another name.
    ///
    /// # Errors
    ///
    /// When there is no such device.
    pub(super) fn rename(&mut self, device: &Device) -> Result<()> {
        self.order(&format!("rename {} {}", device.mac, device.name)).map(drop)
    }

    /// Posts device events to the relay at `address` from now on.
    ///
    /// # Errors
    ///
    /// When it refuses.
    pub(super) fn post_to(&mut self, address: &str) -> Result<()> {
        let webhook = format!("webhook {} - https://{address}/v1/mist {SECRET} device-events", self.org);
        self.order(&webhook).map(drop)
    }

    /// Posts an event about a device that says nothing of it but its MAC address.
    ///
    /// # Errors
    ///
    /// When the relay does not answer 200.
    pub(super) fn tell(&mut self, device: &Device, time: u64) -> Result<()> {
        let event = json!([{ "type": "SW_CONFIG_CHANGED_BY_USER", "mac": device.mac, "timestamp": time }]);
        let happened = self.order(&format!("tell {} - device-events {event}", self.org))?;
        if happened["deliveries"][0]["status"] != 200 {
            bail!("the relay did not take an event: {happened}");
        }
        Ok(())
    }

    /// Stops listening, or listens again; what it posts goes on.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub(super) fn set_there(&mut self, there: bool) -> Result<()> {
        self.order(if there { "open" } else { "close" }).map(drop)
    }

    /// The calls since its start.
    ///
    /// # Errors
    ///
    /// When it does not tell.
    pub(super) fn calls(&mut self) -> Result<Calls> {
        let said = self.order("calls")?;
        Ok(Calls::of(said.as_array().context("the cloud does not tell the calls")?))
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub(super) fn end(self) -> Result<()> {
        self.server.end(false)
    }

    fn order(&mut self, line: &str) -> Result<Value> {
        let mut answer = self.server.ask(line)?;
        match answer.get_mut("ok") {
            Some(ok) => Ok(ok.take()),
            None => bail!("the cloud refuses `{line}`: {answer}"),
        }
    }
}

impl Calls {
    fn of(calls: &[Value]) -> Self {
        let count = |wanted: fn(&str, &str) -> bool| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            calls.iter().filter(|call| wanted(&text(&call["path"]), &text(&call["query"]))).count()
        };
        Self {
            all: calls.len(),
            directory: count(|path, _| {
                path.ends_with("/sites") || path.ends_with("/inventory") || path.contains("/const/")
            }),
            changed: count(|_, query| query.contains("modified_after=")),
            refused: calls.iter().filter(|call| call["status"] != 200).count(),
        }
    }

    /// Those behind `earlier`.
    pub(super) const fn since(self, earlier: Self) -> Self {
        Self {
            all: self.all - earlier.all,
            directory: self.directory - earlier.directory,
            changed: self.changed - earlier.changed,
            refused: self.refused - earlier.refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_what_they_are_for() {
        let call =
            |path: &str, query: &str, status: u16| json!({ "path": path, "query": query, "status": status });
        let first = [
            call("/api/v1/orgs/o/sites", "limit=1000&page=1", 200),
            call("/api/v1/const/alarm_defs", "", 200),
            call("/api/v1/orgs/o/webhooks", "", 200),
        ];
        let more = call("/api/v1/orgs/o/inventory", "modified_after=7", 503);

        let before = Calls::of(&first);
        let after = Calls::of(&[&first[..], &[more]].concat());

        assert_eq!(before, Calls { all: 3, directory: 2, changed: 0, refused: 0 });
        assert_eq!(after.since(before), Calls { all: 1, directory: 1, changed: 1, refused: 1 });
    }
}
