//! The MIB: what every notification and object is called, and its module as text.

mod module;
mod objects;
mod traps;

use thiserror::Error;

use crate::Oid;

pub use objects::Object;
pub(crate) use objects::Syntax;
pub use traps::Trap;

/// FOGBELL-MIB under one enterprise number.
///
/// Below `enterprises.<number>.1` are the notifications (`.0`), the objects (`.1`) and the conformance
/// statements (`.2`). What a number means never changes from the first release on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mib {
    enterprise: u32,
    traps: [Oid; Trap::ALL.len()],
    objects: [Oid; Object::ALL.len()],
}

impl Mib {
    /// The number that RFC 5612 sets aside for documentation; it belongs to nobody.
    pub const DEFAULT_ENTERPRISE: u32 = 32_473;

    /// The MIB under a private enterprise number as IANA assigns them.
    ///
    /// # Errors
    ///
    /// [`BadEnterprise`] for zero, which is reserved, and for what an engine id cannot hold (RFC 3411:
    /// 31 bits).
    pub fn new(enterprise: u32) -> Result<Self, BadEnterprise> {
        if enterprise == 0 || enterprise >> 31 != 0 {
            return Err(BadEnterprise(enterprise));
        }
        let below = |rest: [u32; 3]| {
            let [branch, number, instance] = rest;
            [1, 3, 6, 1, 4, 1, enterprise, 1, branch, number, instance]
        };
        Ok(Self {
            enterprise,
            // RFC 2578 8.5: the arc before a notification's own is zero. A notification has no instance.
            traps: Trap::ALL.map(|trap| Oid::new(&below([0, trap as u32, 0])[..10])),
            objects: Object::ALL.map(|object| Oid::new(&below([1, object as u32, 0]))),
        })
    }

    /// The enterprise number.
    #[must_use]
    pub const fn enterprise(&self) -> u32 {
        self.enterprise
    }

    /// What `snmpTrapOID.0` says for this notification.
    #[must_use]
    pub fn trap(&self, trap: Trap) -> &Oid {
        &self.traps[trap as usize - 1]
    }

    /// The one instance of an object, with its final zero.
    #[must_use]
    pub fn object(&self, object: Object) -> &Oid {
        &self.objects[object as usize - 1]
    }

    /// The SMIv2 module `FOGBELL-MIB`, for a file of that name: ASCII, lines ended by LF.
    #[must_use]
    pub fn text(&self) -> String {
        module::text(self.enterprise)
    }
}

impl Default for Mib {
    fn default() -> Self {
        Self::new(Self::DEFAULT_ENTERPRISE).expect("the default is neither zero nor too large")
    }
}

/// A number that cannot be a private enterprise number here.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{0} is not an enterprise number; expected 1 to 2147483647")]
pub struct BadEnterprise(u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_hangs_below_the_enterprise_number() {
        let mib = Mib::new(4_711).unwrap();

        assert_eq!(mib.trap(Trap::AlarmRaised).to_string(), "1.3.6.1.4.1.4711.1.0.1");
        assert_eq!(mib.trap(Trap::DeviceUp).to_string(), "1.3.6.1.4.1.4711.1.0.9");
        assert_eq!(mib.object(Object::Summary).to_string(), "1.3.6.1.4.1.4711.1.1.1.0");
        assert_eq!(mib.object(Object::Truncated).to_string(), "1.3.6.1.4.1.4711.1.1.29.0");
        assert!(mib.text().contains("{ enterprises fogbellEnterprise(4711) 1 }"));
    }

    #[test]
    fn a_number_that_no_engine_id_can_hold_is_refused() {
        for number in [0, 1 << 31, u32::MAX] {
            assert_eq!(Mib::new(number), Err(BadEnterprise(number)));
        }
        assert_eq!(Mib::new((1 << 31) - 1).unwrap().enterprise(), (1 << 31) - 1);
        assert_eq!(Mib::default().enterprise(), 32_473);
    }
}
