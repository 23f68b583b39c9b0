//! The port that systemd binds for the relay: `fogbell.socket` of the package has one of its own, and a drop-in gives it that
//! of the configuration.

use std::net::SocketAddr;

/// An address as `ListenStream=` takes it: the port alone for all addresses, of either family.
pub(crate) fn stream(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => address.port().to_string(),
        false => address.to_string(),
    }
}

/// The drop-in that `fogbell init` writes.
pub(crate) const DROP_IN: &str = "/etc/systemd/system/fogbell.socket.d/listen.conf";

/// What `fogbell.socket` has without one.
pub(crate) const OF_THE_UNIT: &str = "8443";

/// Has systemd read it again, and bind.
pub(crate) const RESTART: &str = "systemctl daemon-reload && systemctl restart fogbell.socket";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_systemd_takes_it() {
        let check = |address: &str, expect: &str| assert_eq!(stream(address.parse().unwrap()), expect);
        check("0.0.0.0:443", "443");
        check("[::]:443", "443");
        check("192.0.2.7:443", "192.0.2.7:443");
        check("[2001:db8::7]:8443", "[2001:db8::7]:8443");
    }

    #[test]
    fn the_port_of_the_unit_is_the_one_that_needs_no_drop_in() {
        let unit = include_str!("../../../dist/systemd/fogbell.socket");
        let ports: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix("ListenStream=")).collect();
        assert_eq!(ports, [OF_THE_UNIT]);
    }
}
