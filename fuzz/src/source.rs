//! Structured values out of arbitrary bytes.

use alarm::{AlarmKey, Alert, AlertId, Origin, Severity, State};
use ids::{Mac, Timestamp};

/// Takes values from the front of bytes; when they run out, everything is zero or empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) const fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn chance(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number of `N` bytes, little end first.
    pub(crate) fn number<const N: usize>(&mut self) -> u64 {
        self.bytes(N).iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    /// A number below `bound`, which is not zero.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number::<3>()).expect("three bytes are a usize") % bound
    }

    /// A text of some tens of bytes, or a short one repeated to some thousands; what is no UTF-8 is replaced.
    pub(crate) fn text(&mut self) -> String {
        let shape = self.byte();
        let times = if shape >= 0xf0 { 1 + usize::from(self.byte() % 128) } else { 1 };
        String::from_utf8_lossy(self.bytes(usize::from(shape % 48))).repeat(times)
    }

    /// Any alert.
    pub(crate) fn alert(&mut self) -> Alert {
        let (id, key) = (AlertId::of(&[self.bytes(2)]), AlarmKey::of(&[self.bytes(2)]));
        let topic = match self.byte() % 4 {
            0 => "audits".to_owned(),
            1 => Alert::OWN_TOPIC.to_owned(),
            _ => self.text(),
        };
        let mut alert = Alert::new(id, key, &topic, &self.text(), self.time());
        alert.last_seen = self.time();
        let choice = self.byte();
        alert.state = [State::Raised, State::Cleared, State::Event][usize::from(choice % 3)];
        alert.origin = [Origin::Webhook, Origin::Reconcile, Origin::Backfill, Origin::Expired, Origin::Relay]
            [usize::from(choice / 3 % 5)];
        if choice & 0x80 != 0 {
            alert.mac = <[u8; 6]>::try_from(self.bytes(6)).ok().map(Mac::new);
        }
        if choice & 0x40 != 0 {
            alert.duration_secs = Some(self.number::<8>());
        }
        alert.count = self.number::<8>();
        alert.mist_severity = self.text().into();
        alert.severity = Severity::from_mist(&alert.mist_severity);
        if self.chance() {
            alert.ip = std::net::Ipv4Addr::from_bits(self.below(1 << 24) as u32).to_string().into();
        } else {
            alert.ip = self.text().into();
        }
        for text in [
            &mut alert.summary,
            &mut alert.reason,
            &mut alert.message,
            &mut alert.device,
            &mut alert.site,
            &mut alert.org,
            &mut alert.group,
            &mut alert.category,
            &mut alert.site_id,
            &mut alert.device_type,
            &mut alert.model,
            &mut alert.serial,
            &mut alert.port,
        ] {
            *text = self.text().into();
        }
        alert
    }

    fn time(&mut self) -> Timestamp {
        Timestamp::from_micros(self.number::<8>().cast_signed())
    }
}
