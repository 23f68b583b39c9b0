//! Devices: there, moved, renamed, gone.

use ids::{Mac, OrgId, SiteId};

use crate::cloud::device::{CloudDevice, Conducted};
use crate::cloud::foreign::AssignmentFault;
use crate::cloud::world::World;
use crate::cloud::{FakeCloud, NoSuch};
use crate::mist::estate;
use crate::mist::{Device, DeviceKind};

impl FakeCloud {
    /// Every device as it is now, Mist Edges and members of virtual chassis too.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn devices(&self, org: OrgId) -> Result<Vec<CloudDevice>, NoSuch> {
        Ok(self.shared.world().organisation(org)?.devices.iter().cloned().collect())
    }

    /// One device as it is now.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn device(&self, mac: Mac) -> Result<CloudDevice, NoSuch> {
        self.shared.world().device(mac).map(|(_, device)| device.clone())
    }

    /// Puts a new device into the inventory, connected and at `site` unless that is `None`. A gateway is a
    /// Session Smart Router.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn add_device(
        &self,
        org: OrgId,
        site: Option<SiteId>,
        kind: DeviceKind,
        name: &str,
    ) -> Result<Mac, NoSuch> {
        let mut world = self.shared.world();
        world.add_device(org, site, kind, name)
    }

    /// Puts this device into the inventory, connected; one of its MAC address gives way to it.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn put_device(&self, org: OrgId, site: Option<SiteId>, device: Device) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let now = world.seconds();
        world.organisation_mut(org)?.devices.insert(CloudDevice::new(device, site, now));
        Ok(())
    }

    /// Gives a device another name.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn rename_device(&self, mac: Mac, name: &str) -> Result<(), NoSuch> {
        self.with_device(mac, |device| device.name = name.into())
    }

    /// Sets whether Mist reaches a device, without an event.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn set_connected(&self, mac: Mac, connected: bool) -> Result<(), NoSuch> {
        self.with_device(mac, |device| device.connected = connected)
    }

    /// Moves a device to another site of its organisation, or to none.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn move_device(&self, mac: Mac, site: Option<SiteId>) -> Result<(), NoSuch> {
        self.with_device(mac, |device| device.site = site)
    }

    /// Sets what `stats/devices` says of a router's conductor.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn set_conducted(&self, mac: Mac, conducted: Option<Conducted>) -> Result<(), NoSuch> {
        self.with_device(mac, |device| device.conducted = conducted)
    }

    fn with_device(&self, mac: Mac, change: impl FnOnce(&mut CloudDevice)) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let now = world.seconds();
        let device = world.device_mut(mac)?;
        change(device);
        device.touch(now);
        Ok(())
    }

    /// Sets what `export_idtokens` says of a router; without this it is made up from the MAC address.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn set_id_token(&self, mac: Mac, token: &str) -> Result<(), NoSuch> {
        self.with_id_token(mac, Some(token.to_owned()))
    }

    /// `export_idtokens` has no token for a router.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn remove_id_token(&self, mac: Mac) -> Result<(), NoSuch> {
        self.with_id_token(mac, None)
    }

    fn with_id_token(&self, mac: Mac, token: Option<String>) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let owner = world.device(mac)?.0;
        world.organisation_mut(owner)?.id_tokens.insert(mac, token);
        Ok(())
    }

    /// The devices that were assigned by a call while they were at a site, oldest first.
    #[must_use]
    pub fn reassigned(&self) -> Vec<Mac> {
        self.shared.world().reassigned.clone()
    }

    /// The next assignment of a device goes wrong in this way.
    pub fn spoil_assignment(&self, mac: Mac, fault: AssignmentFault) {
        self.shared.world().assignment_faults.insert(mac, fault);
    }

    /// Takes a device out of the inventory.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Device`].
    pub fn remove_device(&self, mac: Mac) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let owner = world.device(mac)?.0;
        world.organisation_mut(owner)?.devices.remove(mac);
        Ok(())
    }

    /// Makes a virtual chassis of so many new members at a site. Its address starts with `020003`, as the cloud
    /// assigns them; with `fpc0` it is the first member's, as older ones have it.
    ///
    /// Says the address of the chassis, and those of the members that are listed only by `vc=true`.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Site`].
    pub fn add_chassis(
        &self,
        site: SiteId,
        name: &str,
        members: usize,
        fpc0: bool,
    ) -> Result<(Mac, Vec<Mac>), NoSuch> {
        let mut world = self.shared.world();
        let org = world.owner_of(site)?;
        let chassis = world.add_device(org, Some(site), DeviceKind::Switch, name)?;
        let chassis = if fpc0 {
            chassis
        } else {
            let organisation = world.organisation_mut(org)?;
            let mut device = organisation.devices.remove(chassis).ok_or(NoSuch::Device(chassis))?;
            let [.., a, b, c] = chassis.bytes();
            device.mac = Mac::new([0x02, 0x00, 0x03, a, b, c]);
            let mac = device.mac;
            organisation.devices.insert(device);
            mac
        };
        world.device_mut(chassis)?.vc_mac = Some(chassis);
        let mut macs = Vec::new();
        for number in usize::from(fpc0)..members {
            let member =
                world.add_device(org, Some(site), DeviceKind::Switch, &format!("{name}-fpc{number}"))?;
            world.device_mut(member)?.vc_mac = Some(chassis);
            macs.push(member);
        }
        Ok((chassis, macs))
    }
}

impl World {
    fn add_device(
        &mut self,
        org: OrgId,
        site: Option<SiteId>,
        kind: DeviceKind,
        name: &str,
    ) -> Result<Mac, NoSuch> {
        let mac = estate::mac(&mut self.rng);
        let (model, version) = match kind {
            DeviceKind::Ap => ("AP45", "0.14.29313"),
            DeviceKind::Switch => ("EX4100-48P", "23.4R2-S3.9"),
            DeviceKind::Gateway => ("SSR120", "6.3.0-107.r1"),
            DeviceKind::MxEdge => ("ME-X1", "0.1.3412"),
        };
        let serial = format!("TS{:08}", self.rng.below(100_000_000));
        let now = self.seconds();
        let device = Device { kind, mac, name: name.to_owned(), model, serial, version };
        self.organisation_mut(org)?.devices.insert(CloudDevice::new(device, site, now));
        Ok(mac)
    }
}
