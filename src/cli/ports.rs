//! `--port SERVICE=PORT`: on which ports the services of a contract listen.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::exit::Exit;
use super::problem::Problem;
use crate::domain::contract::Contract;

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

/// Reads `orders=8080`.
pub(super) fn service_port(text: &str) -> Result<(String, u16), NotAPort> {
    let (service, port) = text
        .split_once('=')
        .filter(|(service, _)| !service.is_empty())
        .ok_or(NotAPort::NoService)?;
    let number = port.parse();
    let number = number.map_err(|_| NotAPort::NoNumber(port.to_owned()))?;
    Ok((service.to_owned(), number))
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

/// The addresses of the services that are given a port.
pub(super) fn addresses(
    ports: &[(String, u16)],
    bind: IpAddr,
    contract: &Contract,
) -> Result<BTreeMap<String, SocketAddr>, Problem> {
    let mut addresses = BTreeMap::new();
    for (service, port) in ports {
        if contract.service(service).is_none() {
            let services = contract.services.iter();
            return Err(Problem::Unknown {
                kind: "service",
                name: service.clone(),
                known: services.map(|service| service.name.clone()).collect(),
                exit: Exit::Usage,
            });
        }
        addresses.insert(service.clone(), SocketAddr::from((bind, *port)));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_with_its_service() {
        assert_eq!(service_port("orders=8080"), Ok(("orders".to_owned(), 8080)));
        for wrong in ["8080", "=80", "orders=99999", "orders="] {
            assert!(service_port(wrong).is_err(), "{wrong}");
        }
    }
}
