//! What a gateway takes from its clients at most, so that no client, by mistake or on purpose, takes
//! from the others what they need.
//!
//! Within a run's own world nobody is out to do harm, and a timer more would move its clock: there is no
//! limit to time and connections there. What is refused for a limit is journalled as that, and ends as
//! what a fault ends: nobody is blamed for it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::lock::lock;
use crate::domain::journal::Bound;

/// How much of one body is held: more than any server lets a polling post be.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;

/// What is taken at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one address.
    pub connections_of_address: usize,
    /// How long a connection may be without a whole head, idle or not.
    pub head: Option<Duration>,
    /// How long a body may bring nothing.
    pub body: Option<Duration>,
    /// How much of bodies is held over all connections, in KiB.
    pub buffered: usize,
    /// How many packets one polling post may hold.
    pub packets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: usize::MAX,
            connections_of_address: usize::MAX,
            head: None,
            body: None,
            buffered: Semaphore::MAX_PERMITS,
            packets: 10_000,
        }
    }
}

impl Limits {
    /// Those for clients that nobody knows: far above what an app needs. Apps keep idle connections for
    /// five minutes at most (OkHttp), so none is ended under their hands.
    #[must_use]
    pub fn for_strangers() -> Self {
        Self {
            connections: 4_096,
            connections_of_address: 1_024,
            head: Some(Duration::from_secs(10 * 60)),
            body: Some(Duration::from_secs(60)),
            buffered: 128 * 1024,
            ..Self::default()
        }
    }

    /// The same with another limit.
    #[must_use]
    pub fn with(mut self, limit: Limit) -> Self {
        let Limit { name, value } = limit;
        let seconds = Some(Duration::from_secs(value as u64));
        match name {
            Bound::Connections => self.connections = value,
            Bound::ConnectionsOfAddress => self.connections_of_address = value,
            Bound::Head => self.head = seconds,
            Bound::Body => self.body = seconds,
            Bound::Buffered => {
                self.buffered = value.saturating_mul(1024).min(Semaphore::MAX_PERMITS)
            }
            Bound::Packets => self.packets = value,
            // It is no number that anybody sets.
            Bound::Addresses => {}
        }
        self
    }
}

/// One limit as it is written: `connections=200`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    name: Bound,
    value: usize,
}

/// Why a text is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a limit is one of connections, connections-of-address, head, body (seconds), buffered (MiB) and packets, with a number from 1: `connections=200`"
)]
pub struct NoLimit;

impl FromStr for Limit {
    type Err = NoLimit;

    fn from_str(text: &str) -> Result<Self, NoLimit> {
        let (name, value) = text.split_once('=').ok_or(NoLimit)?;
        let name = Bound::ALL.into_iter().find(|own| own.name() == name);
        let value = value
            .parse()
            .ok()
            .filter(|value| (1..=1_000_000_000).contains(value));
        Ok(Self {
            name: name.ok_or(NoLimit)?,
            value: value.ok_or(NoLimit)?,
        })
    }
}

/// Who is connected, and how much of bodies is held.
pub(super) struct Bounds {
    pub(super) limits: Limits,
    /// Who is let in beside this machine; everybody where nobody is named.
    allowed: Vec<IpAddr>,
    seats: Mutex<Seats>,
    /// A quarter of what may be held, in KiB: room for bodies as they come.
    short: Arc<Semaphore>,
    /// Places for long bodies in the rest. Whoever has one needs no more, so of many that come at once some always come to
    /// their end; if each took as much as it has, all could wait for each other.
    long: Arc<Semaphore>,
}

#[derive(Default)]
struct Seats {
    taken: usize,
    of_address: HashMap<IpAddr, usize>,
    /// Whether the last who came was sent away: one entry tells of all who are, one after another.
    full: bool,
}

/// One connection among those that there may be.
pub(super) struct Seat {
    bounds: Arc<Bounds>,
    address: Option<IpAddr>,
}

/// Why a connection has no seat.
pub(super) struct Full {
    pub(super) bound: Bound,
    pub(super) most: usize,
    /// Whether nobody was told of this yet.
    pub(super) is_new: bool,
}

impl Bounds {
    pub(super) fn new(limits: Limits, allowed: Vec<IpAddr>) -> Self {
        Self {
            limits,
            allowed,
            seats: Mutex::default(),
            short: Arc::new(Semaphore::new((limits.buffered / 4).max(1))),
            long: Arc::new(Semaphore::new(
                (limits.buffered / 4 * 3 / (LONGEST / 1024)).max(1),
            )),
        }
    }

    /// Seats a connection from an address, if it has one.
    pub(super) fn seat(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Seat, Full> {
        let mut seats = lock(&self.seats);
        let of_address = address.and_then(|own| seats.of_address.get(&own).copied());
        let over = if !self.lets_in(address) {
            Some((Bound::Addresses, self.allowed.len()))
        } else if seats.taken >= self.limits.connections {
            Some((Bound::Connections, self.limits.connections))
        } else if of_address.unwrap_or(0) >= self.limits.connections_of_address {
            let most = self.limits.connections_of_address;
            Some((Bound::ConnectionsOfAddress, most))
        } else {
            None
        };
        let was_full = std::mem::replace(&mut seats.full, over.is_some());
        if let Some((bound, most)) = over {
            return Err(Full {
                bound,
                most,
                is_new: !was_full,
            });
        }
        seats.taken += 1;
        if let Some(address) = address {
            *seats.of_address.entry(address).or_default() += 1;
        }
        Ok(Seat {
            bounds: Arc::clone(self),
            address,
        })
    }

    /// Whether an address is this machine's own, or one that was named.
    fn lets_in(&self, address: Option<IpAddr>) -> bool {
        let own = address.map(|own| own.to_canonical());
        let is_let_in = |own: IpAddr| own.is_loopback() || self.allowed.contains(&own);
        self.allowed.is_empty() || own.is_none_or(is_let_in)
    }

    /// Waits until so many bytes more may be held: whoever sends them waits as well.
    pub(super) async fn hold(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let needed = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let short = Arc::clone(&self.short);
        short.acquire_many_owned(needed).await.ok()
    }

    /// Waits for the place of a long body.
    pub(super) async fn hold_long(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.long).acquire_owned().await.ok()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = lock(&self.bounds.seats);
        seats.taken -= 1;
        let Some(address) = self.address else {
            return;
        };
        if let Some(own) = seats.of_address.get_mut(&address) {
            *own -= 1;
            if *own == 0 {
                seats.of_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_seats_and_gets_them_back() {
        let limits = Limits {
            connections_of_address: 1,
            ..Limits::default()
        };
        let bounds = Arc::new(Bounds::new(limits, Vec::new()));
        let one = Some(IpAddr::from([127, 0, 0, 1]));
        let other = Some(IpAddr::from([127, 0, 0, 2]));
        let seat = bounds.seat(one);
        assert!(seat.is_ok() && bounds.seat(other).is_ok());
        let told = [(); 2].map(|()| bounds.seat(one).err().map(|full| full.is_new));
        assert_eq!(told, [Some(true), Some(false)], "one entry tells of both");
        drop(seat);
        assert!(bounds.seat(one).is_ok());
    }

    #[test]
    fn where_addresses_are_named_they_and_this_machine_are_let_in_and_nobody_else() {
        let phone = IpAddr::from([192, 168, 1, 7]);
        let bounds = |allowed: Vec<IpAddr>| Arc::new(Bounds::new(Limits::default(), allowed));
        let named = bounds(vec![phone]);
        // A listener for both families sees addresses of the older one mapped.
        let mapped = IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0xc0a8, 0x0107]);
        for own in [phone, mapped, IpAddr::from([127, 0, 0, 1])] {
            assert!(named.seat(Some(own)).is_ok(), "{own}");
        }
        let neighbour = Some(IpAddr::from([192, 168, 1, 8]));
        let full = named.seat(neighbour).err();
        assert_eq!(full.map(|full| full.bound), Some(Bound::Addresses));
        assert!(bounds(Vec::new()).seat(neighbour).is_ok());
    }

    #[test]
    fn limits_are_read_and_what_is_none_is_told_which_there_are() {
        let limit: Limit = "body=5".parse().unwrap();
        assert_eq!(
            Limits::default().with(limit).body,
            Some(Duration::from_secs(5))
        );
        for text in ["body", "body=0", "body=x", "bodies=1", "packets=-1"] {
            assert_eq!(text.parse::<Limit>(), Err(NoLimit), "{text}");
        }
        for bound in Bound::ALL {
            assert!(NoLimit.to_string().contains(bound.name()));
        }
    }
}
