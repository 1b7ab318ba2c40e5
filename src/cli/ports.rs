//! On which ports the services of a contract listen.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::exit::Exit;
use super::problem::Problem;
use crate::domain::contract::Contract;
use crate::mock::StartError;
use crate::net::{Endpoint, Listener};

/// How many ports above a wanted one are tried.
const TRIED: usize = 100;

/// Why a word cannot be read as a service and its port.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAPort {
    /// There are not two halves.
    #[error("write a service of the contract and a port, like `orders=8080`")]
    NoService,
    /// The second half is no port.
    #[error("`{0}` is not a port: write a number from 0 to 65535")]
    NoNumber(String),
}

/// What one `--port` says that may name a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// The port of the first service, from which the others are counted.
    First(u16),
    /// The port of one service.
    Of(String, u16),
}

/// A port to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Port {
    /// The number; 0 is any free one.
    pub(super) number: u16,
    /// Whether the next free one is as good when it is taken.
    pub(super) or_next: bool,
}

/// Reads `orders=8080`.
pub(super) fn service_port(text: &str) -> Result<(String, u16), NotAPort> {
    let (service, port) = text
        .split_once('=')
        .filter(|(service, _)| !service.is_empty())
        .ok_or(NotAPort::NoService)?;
    Ok((service.to_owned(), number(port)?))
}

/// Reads `4010` or `orders=8080`.
pub(super) fn asked(text: &str) -> Result<Asked, NotAPort> {
    if text.contains('=') {
        return service_port(text).map(|(service, port)| Asked::Of(service, port));
    }
    number(text).map(Asked::First)
}

fn number(text: &str) -> Result<u16, NotAPort> {
    text.parse()
        .map_err(|_| NotAPort::NoNumber(text.to_owned()))
}

/// Reads an address to listen on; of all names only `localhost` means one by itself.
pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    text.parse().map_err(|_| {
        "write an address of this machine, like 127.0.0.1, or 0.0.0.0 for all of them".to_owned()
    })
}

/// Reads the address of somebody who is let in.
pub(super) fn client(text: &str) -> Result<IpAddr, String> {
    let why = || "write the address of a device, like 192.168.1.20".to_owned();
    text.parse().map_err(|_| why())
}

/// The addresses of the services that are given a port.
pub(super) fn addresses(
    ports: &[(String, u16)],
    bind: IpAddr,
    contract: &Contract,
) -> Result<BTreeMap<String, SocketAddr>, Problem> {
    let mut addresses = BTreeMap::new();
    for (service, port) in ports {
        known(service, contract)?;
        addresses.insert(service.clone(), SocketAddr::from((bind, *port)));
    }
    Ok(addresses)
}

/// Refuses a service that the contract does not have.
fn known(service: &str, contract: &Contract) -> Result<(), Problem> {
    if contract.service(service).is_some() {
        return Ok(());
    }
    let services = contract.services.iter();
    Err(Problem::Unknown {
        kind: "service",
        name: service.to_owned(),
        known: services.map(|service| service.name.clone()).collect(),
        exit: Exit::Usage,
    })
}

/// The port of every service: what is asked for on the command line, else what is configured for it, else
/// counted from the first one. Only a port that is asked for service by service must be that one.
pub(super) fn of_services(
    asked: &[Asked],
    configured: &BTreeMap<String, u16>,
    first: u16,
    contract: &Contract,
) -> Result<BTreeMap<String, Port>, Problem> {
    let mut exact = BTreeMap::new();
    let mut counted_from = None;
    for asked in asked {
        match asked {
            Asked::First(port) => counted_from = Some(*port),
            Asked::Of(service, port) => {
                known(service, contract)?;
                exact.insert(service.as_str(), *port);
            }
        }
    }
    for service in configured.keys() {
        known(service, contract)?;
    }
    let mut next = counted_from.unwrap_or(first);
    let ports = contract.services.iter().map(|service| {
        let name = service.name.as_str();
        let counted = next;
        if next > 0 {
            next = next.saturating_add(1);
        }
        let kept = configured.get(name).filter(|_| counted_from.is_none());
        let port = match exact.get(name) {
            Some(number) => Port {
                number: *number,
                or_next: false,
            },
            None => Port {
                number: kept.copied().unwrap_or(counted),
                or_next: true,
            },
        };
        (name.to_owned(), port)
    });
    Ok(ports.collect())
}

/// Listens, on the next free port if this one is taken and another is as good. Whoever else wants a port
/// has it before: `spared` are left alone. Must be called on a runtime.
pub(super) fn listen(
    name: &str,
    address: IpAddr,
    port: Port,
    spared: &[u16],
) -> Result<Listener, StartError> {
    let bind = |number| Listener::bind(&Endpoint::Tcp(SocketAddr::from((address, number))));
    let mut found = bind(port.number);
    if port.or_next {
        let next = (port.number.saturating_add(1)..=u16::MAX).filter(|next| !spared.contains(next));
        for next in next.take(TRIED) {
            if !matches!(&found, Err(error) if error.kind() == io::ErrorKind::AddrInUse) {
                break;
            }
            found = bind(next);
        }
    }
    found.map_err(|source| StartError::Bind {
        service: name.to_owned(),
        address: SocketAddr::from((address, port.number)).to_string(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{Choice, Suite};

    fn ports(asked: &[Asked], configured: &[(&str, u16)]) -> Vec<(u16, bool)> {
        let suite = Suite::load(&Choice::default()).unwrap();
        let configured = configured.iter();
        let configured = configured.map(|(name, port)| ((*name).to_owned(), *port));
        let ports = of_services(asked, &configured.collect(), 4010, &suite.contract).unwrap();
        let services = suite.contract.services.iter();
        let ports = services.map(|service| ports[&service.name]);
        ports.map(|port| (port.number, port.or_next)).collect()
    }

    #[test]
    fn a_port_is_given_with_its_service() {
        assert_eq!(service_port("orders=8080"), Ok(("orders".to_owned(), 8080)));
        for wrong in ["8080", "=80", "orders=99999", "orders="] {
            assert!(service_port(wrong).is_err(), "{wrong}");
        }
        assert_eq!(asked("8080"), Ok(Asked::First(8080)));
        assert!(asked("orders").is_err() && asked("").is_err());
    }

    #[test]
    fn ports_are_counted_from_the_first_unless_one_is_kept_or_asked_for() {
        assert_eq!(ports(&[], &[]), [(4010, true), (4011, true)]);
        let kept = [("trading", 5000)];
        assert_eq!(ports(&[], &kept), [(4010, true), (5000, true)]);
        let one = [Asked::Of("trading".to_owned(), 80)];
        assert_eq!(ports(&one, &kept), [(4010, true), (80, false)]);
        assert_eq!(
            ports(&[Asked::First(7000)], &kept),
            [(7000, true), (7001, true)]
        );
        assert_eq!(ports(&[Asked::First(0)], &[]), [(0, true), (0, true)]);
        assert_eq!(ports(&[Asked::First(u16::MAX)], &[])[1], (u16::MAX, true));
    }

    #[tokio::test]
    async fn where_a_port_is_taken_the_next_free_one_is_found_and_what_others_want_is_left() {
        let here = IpAddr::from([127, 0, 0, 1]);
        let any = Port {
            number: 0,
            or_next: true,
        };
        let taken = listen("a", here, any, &[]).unwrap();
        let Endpoint::Tcp(address) = *taken.endpoint() else {
            panic!("TCP");
        };
        let wanted = Port {
            number: address.port(),
            or_next: true,
        };
        let spared = [address.port() + 1];
        let found = listen("b", here, wanted, &spared).unwrap();
        let Endpoint::Tcp(other) = *found.endpoint() else {
            panic!("TCP");
        };
        assert!(other.port() > address.port() + 1, "{other}");
        let exact = Port {
            or_next: false,
            ..wanted
        };
        let refused = listen("c", here, exact, &[]).unwrap_err().to_string();
        assert!(refused.contains(&address.to_string()), "{refused}");
    }
}
