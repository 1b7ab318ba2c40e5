//! Which of this machine's addresses a phone beside it would use.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// How the interfaces are called that lead to no phone: bridges of virtual machines and containers,
/// tunnels, and what Apple's machines have among themselves.
const VIRTUAL: [&str; 22] = [
    "docker",
    "br-",
    "bridge",
    "veth",
    "virbr",
    "vmnet",
    "vboxnet",
    "vnic",
    "vethernet",
    "podman",
    "cni",
    "flannel",
    "cali",
    "lxc",
    "lxd",
    "tun",
    "tap",
    "utun",
    "wg",
    "tailscale",
    "zt",
    "awdl",
];

/// An address of this machine, and the interface that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) interface: String,
    pub(super) ip: IpAddr,
}

/// An address as it stands in a URL.
pub(super) fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// The addresses by which another device may reach this machine, the likeliest first.
pub(super) fn addresses() -> Vec<Address> {
    let all = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    let all = all.map(|own| Address {
        ip: own.ip(),
        interface: own.name,
    });
    ranked(all, outgoing())
}

/// The address that this machine itself would call the rest of the world from. Nothing is sent for it: a
/// datagram's socket only looks up its route. The address called is nobody's (RFC 5737).
fn outgoing() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(SocketAddr::from(([192, 0, 2, 1], 9))).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_unspecified()).then_some(own)
}

fn ranked(all: impl Iterator<Item = Address>, outgoing: Option<IpAddr>) -> Vec<Address> {
    let mut usable: Vec<Address> = all.filter(|address| reaches(address.ip)).collect();
    // The sort is stable: among equals the system's own order stays.
    usable.sort_by_key(|Address { interface, ip }| {
        let interface = interface.to_lowercase();
        let is_virtual = VIRTUAL.iter().any(|prefix| interface.starts_with(prefix));
        let is_private = matches!(ip, IpAddr::V4(ip) if ip.is_private());
        (is_virtual, !is_private, Some(*ip) != outgoing, ip.is_ipv6())
    });
    usable.dedup();
    usable
}

/// Whether another device can call an address at all. What is only good on one link needs the name of the
/// caller's own interface, which no URL of ours can know.
fn reaches(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_link_local() || ip.is_unspecified()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(all: &[(&str, &str)], outgoing: Option<&str>) -> Vec<String> {
        let all = all.iter().map(|(interface, ip)| Address {
            interface: (*interface).to_owned(),
            ip: ip.parse().unwrap(),
        });
        let outgoing = outgoing.map(|ip| ip.parse().unwrap());
        let ranked = ranked(all, outgoing).into_iter();
        ranked.map(|own| own.ip.to_string()).collect()
    }

    #[test]
    fn the_address_that_a_phone_would_use_stands_first() {
        let laptop = [
            ("lo0", "127.0.0.1"),
            ("awdl0", "fe80::1"),
            ("utun4", "10.8.0.2"),
            ("docker0", "172.17.0.1"),
            ("en7", "169.254.3.4"),
            ("en0", "fd00::5"),
            ("en0", "192.168.1.20"),
        ];
        let all = ["192.168.1.20", "fd00::5", "10.8.0.2", "172.17.0.1"];
        // A tunnel that takes all traffic leads to no phone.
        for outgoing in [None, Some("192.168.1.20"), Some("10.8.0.2")] {
            assert_eq!(order(&laptop, outgoing)[..2], all[..2], "{outgoing:?}");
        }
        assert_eq!(order(&laptop, None), all);
        let two = [("eth0", "10.1.0.5"), ("wlan0", "192.168.1.20")];
        assert_eq!(order(&two, Some("192.168.1.20"))[0], "192.168.1.20");
        let host = [("eth0", "203.0.113.9"), ("eth1", "10.0.0.2")];
        assert_eq!(order(&host, Some("203.0.113.9"))[0], "10.0.0.2");
    }

    #[test]
    fn a_machine_without_a_network_has_no_such_address() {
        assert!(order(&[("lo", "127.0.0.1"), ("lo", "::1")], None).is_empty());
    }
}
