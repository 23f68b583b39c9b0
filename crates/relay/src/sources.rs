//! Whether the relay sees where webhooks come from, or only what stands in front of it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Notices that every webhook seems to come from one private address.
#[derive(Debug)]
pub(crate) struct Sources {
    seen: Mutex<Seen>,
    /// Whether the listener hears this machine only: what comes from it hides nothing then.
    on_loopback: bool,
}

/// What was seen of where webhooks come from.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// The private address that the last ones came from, and how many they were.
    last: Option<(IpAddr, u32)>,
    /// When one last came from a public address.
    public: Option<Instant>,
}

/// What is known of where webhooks come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sight {
    /// Too few came to tell.
    Unknown,
    /// Addresses on the internet are seen.
    Clear,
    /// All seem to come from this address.
    Hidden(IpAddr),
}

impl Sources {
    pub(crate) fn new(listener: IpAddr) -> Self {
        Self { seen: Mutex::default(), on_loopback: listener.to_canonical().is_loopback() }
    }

    /// A request with a signature, right or wrong, came from `source`: only those who post webhooks sign, and not the
    /// checks of whoever watches the relay.
    pub(crate) fn saw(&self, source: IpAddr) {
        if !(self.on_loopback && source.is_loopback()) {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).add(source, Instant::now());
        }
    }

    /// What is known by now.
    pub(crate) fn sight(&self) -> Sight {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).judge(Instant::now())
    }
}

impl Seen {
    fn add(&mut self, source: IpAddr, now: Instant) {
        if !is_private(source) {
            *self = Self { last: None, public: Some(now) };
            return;
        }
        self.last = match self.last {
            Some((last, count)) if last == source => Some((last, count.saturating_add(1))),
            _ => Some((source, 1)),
        };
    }

    fn judge(&self, now: Instant) -> Sight {
        if self.public.is_some_and(|public| now.duration_since(public) < CLEAR_FOR) {
            return Sight::Clear;
        }
        match self.last {
            Some((address, ENOUGH..)) => Sight::Hidden(address),
            _ => Sight::Unknown,
        }
    }
}

/// Whether an address is of a network that nobody on the internet can be in: RFC 1918, RFC 6598, RFC 4193, link-local
/// and loopback.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4 & MASK_10 == Ipv4Addr::new(100, 64, 0, 0)
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

/// How many webhooks in a row from one private address are no chance.
const ENOUGH: u32 = 20;

/// How long it is remembered that a public address was seen: a test inside one's own network changes nothing then.
const CLEAR_FOR: Duration = Duration::from_secs(3600);

const MASK_10: Ipv4Addr = Ipv4Addr::new(255, 192, 0, 0);

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "54.193.71.17";
    const FIREWALL: &str = "10.77.0.2";

    /// What is known after these webhooks: so many from each, at so many seconds.
    fn after(webhooks: &[(u64, u32, &str)], asked: u64) -> Sight {
        let start = Instant::now();
        let mut seen = Seen::default();
        for (at, count, source) in webhooks {
            for _ in 0..*count {
                seen.add(source.parse().unwrap(), start + Duration::from_secs(*at));
            }
        }
        seen.judge(start + Duration::from_secs(asked))
    }

    #[test]
    fn only_many_in_a_row_from_one_private_address_and_none_from_elsewhere_hide_mist() {
        let hidden = Sight::Hidden(FIREWALL.parse().unwrap());
        for (webhooks, asked, sight) in [
            (&[][..], 0, Sight::Unknown),
            (&[(0, 19, FIREWALL)], 0, Sight::Unknown),
            (&[(0, 20, FIREWALL)], 0, hidden),
            (&[(0, 10, FIREWALL), (90_000, 10, FIREWALL)], 90_000, hidden),
            (&[(0, 1, PUBLIC)], 0, Sight::Clear),
            (&[(0, 1, "2600:1f1c::1")], 0, Sight::Clear),
            // an address beside it: not one, or another one from now on
            (&[(0, 19, FIREWALL), (0, 1, "10.77.0.3"), (0, 19, FIREWALL)], 0, Sight::Unknown),
            (&[(0, 99, "10.77.0.3"), (0, 20, FIREWALL)], 0, hidden),
            // Mist is seen too, before, between or after
            (&[(0, 1, PUBLIC), (1, 500, FIREWALL)], 3599, Sight::Clear),
            (&[(0, 500, FIREWALL), (1, 1, PUBLIC)], 1, Sight::Clear),
            (&[(0, 500, FIREWALL), (1, 1, PUBLIC), (2, 19, FIREWALL)], 9_000, Sight::Unknown),
            // until long ago
            (&[(0, 1, PUBLIC), (1, 500, FIREWALL)], 3600, hidden),
            (&[(0, 1, PUBLIC)], 3600, Sight::Unknown),
        ] {
            assert_eq!(after(webhooks, asked), sight, "{webhooks:?} asked at {asked} s");
        }
    }

    #[test]
    fn private_is_what_nobody_on_the_internet_has() {
        for (address, private) in [
            ("10.0.0.1", true),
            ("172.16.0.1", true),
            ("172.31.255.255", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("192.169.1.1", false),
            ("100.64.0.1", true),
            ("100.127.255.255", true),
            ("100.128.0.0", false),
            ("100.63.255.255", false),
            ("169.254.0.1", true),
            ("127.0.0.1", true),
            ("::ffff:10.77.0.2", true),
            ("::ffff:54.193.71.17", false),
            ("fd00::1", true),
            ("fe80::1", true),
            ("::1", true),
            ("2001:db8::1", false),
            (PUBLIC, false),
        ] {
            assert_eq!(is_private(address.parse().unwrap()), private, "{address}");
        }
    }

    #[test]
    fn a_listener_on_loopback_hears_this_machine_and_that_hides_nothing() {
        for (listener, source, sight) in [
            ("127.0.0.1", "127.0.0.1", Sight::Unknown),
            ("::1", "::1", Sight::Unknown),
            ("0.0.0.0", "127.0.0.1", Sight::Hidden("127.0.0.1".parse().unwrap())),
            ("0.0.0.0", FIREWALL, Sight::Hidden(FIREWALL.parse().unwrap())),
        ] {
            let sources = Sources::new(listener.parse().unwrap());
            (0..ENOUGH).for_each(|_| sources.saw(source.parse().unwrap()));
            assert_eq!(sources.sight(), sight, "{listener} {source}");
        }
    }
}
