//! The contract's names as scenarios use them.

use crate::domain::contract::{Apply, Contract, FailMode, Role, TransportName};
use crate::domain::journal::ScreenName;
use crate::domain::world::World;
use crate::suite::cursor::Cursor;
use crate::suite::suggest::suggest;

/// Means the first screen.
const HOME: &str = "home";
/// Means every name that fits.
const EACH: &str = "each";
/// Means the resource by whose updates the app is seen to be alive.
const WATCHED: &str = "watched";

/// A part of a contract that not every contract has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Refresh,
    SignOut,
    KillSwitch,
    Realtime,
    Polling,
    LongPolling,
    /// What the app does while the kill-switch cannot be asked.
    FailMode(FailMode),
}

/// The parts, as `if` names them.
pub(super) const PARTS: [(&str, Part); 9] = [
    ("refresh", Part::Refresh),
    ("sign-out", Part::SignOut),
    ("kill-switch", Part::KillSwitch),
    ("realtime", Part::Realtime),
    ("polling", Part::Polling),
    ("long-polling", Part::LongPolling),
    ("last-known", Part::FailMode(FailMode::LastKnown)),
    ("fail-open", Part::FailMode(FailMode::Open)),
    ("fail-closed", Part::FailMode(FailMode::Closed)),
];

/// The names that a scenario may use. Without a contract every name is taken as it is.
pub(crate) struct Names<'a> {
    contract: Option<&'a Contract>,
    /// The changes that the world names; `None` when there is no world.
    changes: Option<Vec<&'a str>>,
}

impl<'a> Names<'a> {
    pub(crate) fn of(contract: Option<&'a Contract>, world: Option<&'a World>) -> Self {
        let changes = world.map(|world| world.changes.keys().map(String::as_str).collect());
        Self { contract, changes }
    }

    /// The changes that the world names.
    pub(super) fn changes(&self) -> &[&'a str] {
        self.changes.as_deref().unwrap_or_default()
    }

    /// A change that the world names.
    pub(super) fn change(&self, place: &Cursor<'_>) -> Option<String> {
        let name = place.name_text()?;
        match &self.changes {
            Some(known) if !known.contains(&name.as_str()) => {
                refuse(place, "change", &name, known.iter().copied())
            }
            _ => Some(name),
        }
    }

    /// Whether the contract has this part.
    pub(super) fn has(&self, part: Part) -> bool {
        self.contract.is_none_or(|contract| match part {
            Part::Refresh => contract.session.refresh.is_some(),
            Part::SignOut => contract.session.sign_out.is_some(),
            Part::KillSwitch => contract.kill_switch.is_some(),
            Part::FailMode(mode) => {
                let switch = contract.kill_switch.as_ref();
                switch.is_some_and(|switch| switch.fail_mode == mode)
            }
            Part::Realtime => contract.realtime.is_some(),
            Part::Polling => contract.polling.is_some(),
            // A client that begins with WebSocket falls back only if it was told to.
            Part::LongPolling => contract.realtime.as_ref().is_some_and(|feed| {
                let transports = &feed.client.transports;
                transports.first() == Some(&TransportName::Polling)
                    || (feed.client.try_all_transports
                        && transports.contains(&TransportName::Polling))
            }),
        })
    }

    /// The status by which a refresh says that the session is over.
    pub(super) fn ended(&self) -> Option<u16> {
        let session = self.contract.map(|contract| &contract.session);
        session.map_or(Some(401), |session| session.ended_by.first().copied())
    }

    /// A screen that the app can show.
    pub(super) fn screen(&self, cursor: &Cursor<'_>) -> Option<ScreenName> {
        let name = cursor.text()?;
        let Some(contract) = self.contract else {
            return Some(name.into());
        };
        if contract.screen(&name).is_some() || ScreenName::EVERY_APP.contains(&name.as_str()) {
            return Some(name.into());
        }
        if name == HOME {
            return Some(contract.home().into());
        }
        let own = contract.screens.iter().map(|screen| screen.name.as_str());
        refuse(
            cursor,
            "screen",
            &name,
            own.chain(ScreenName::EVERY_APP).chain([HOME]),
        )
    }

    /// Screens that a user can open: one, or each.
    pub(super) fn tabs(&self, cursor: &Cursor<'_>) -> Option<Vec<String>> {
        let name = cursor.text()?;
        let Some(contract) = self.contract else {
            return Some(vec![name]);
        };
        let all = contract.screens.iter().map(|screen| screen.name.as_str());
        match name.as_str() {
            own if contract.screen(own).is_some() => Some(vec![name]),
            HOME => Some(vec![contract.home().to_owned()]),
            EACH => Some(all.map(str::to_owned).collect()),
            _ => refuse(cursor, "screen", &name, all.chain([HOME, EACH])),
        }
    }

    /// A resource.
    pub(super) fn resource(&self, cursor: &Cursor<'_>) -> Option<String> {
        let name = cursor.text()?;
        let Some(contract) = self.contract else {
            return Some(name);
        };
        if name == WATCHED {
            return Some(watched(contract));
        }
        if contract.resource(&name).is_some() {
            return Some(name);
        }
        let own = contract
            .resources
            .iter()
            .map(|resource| resource.name.as_str());
        refuse(cursor, "resource", &name, own.chain([WATCHED]))
    }

    /// Resources that are shown: some, those of the first screen, or each that a screen shows.
    pub(super) fn shown(&self, cursor: &Cursor<'_>) -> Option<Vec<String>> {
        if let (Some(HOME), Some(contract)) = (cursor.node.scalar(), self.contract) {
            let home = contract.screens.first();
            return Some(home.map_or_else(Vec::new, |screen| screen.resources.clone()));
        }
        self.several(cursor, |contract| {
            let screens = contract.screens.iter();
            let shown: Vec<&String> = screens.flat_map(|screen| &screen.resources).collect();
            let resources = contract.resources.iter().map(|resource| &resource.name);
            let shown = resources.filter(|name| shown.contains(name));
            shown.cloned().collect()
        })
    }

    /// Resources that have pages: some, or each.
    pub(super) fn paged(&self, cursor: &Cursor<'_>) -> Option<Vec<String>> {
        let names = self.several(cursor, |contract| {
            contract
                .resources
                .iter()
                .filter(|resource| resource.paging.is_some())
                .map(|resource| resource.name.clone())
                .collect()
        })?;
        let unpaged = names.iter().find(|name| {
            self.contract
                .and_then(|contract| contract.resource(name))
                .is_some_and(|resource| resource.paging.is_none())
        });
        match unpaged {
            Some(name) => cursor.refuse(
                format!("`{name}` has no pages"),
                "name a resource whose contract has `paging`, or write `each`",
            ),
            None => Some(names),
        }
    }

    fn several(
        &self,
        cursor: &Cursor<'_>,
        each: impl Fn(&Contract) -> Vec<String>,
    ) -> Option<Vec<String>> {
        if cursor.node.scalar() == Some(EACH)
            && let Some(contract) = self.contract
        {
            return Some(each(contract));
        }
        let names: Vec<Option<String>> = cursor
            .one_or_more()
            .iter()
            .map(|item| self.resource(item))
            .collect();
        names.into_iter().collect()
    }

    /// An event of the server.
    pub(super) fn event(&self, cursor: &Cursor<'_>) -> Option<String> {
        let name = cursor.name_text()?;
        let Some(contract) = self.contract else {
            return Some(name);
        };
        let events = || {
            contract
                .realtime
                .iter()
                .flat_map(|realtime| &realtime.events)
                .map(|event| event.name.as_str())
        };
        if events().any(|event| event == name) {
            return Some(name);
        }
        let watched = watched(contract);
        let feed = contract.realtime.iter().flat_map(|feed| &feed.events);
        if name == WATCHED
            && let Some(event) = feed
                .filter(|event| event.updates.as_deref() == Some(&watched))
                .map(|event| &event.name)
                .next()
        {
            return Some(event.clone());
        }
        if name == WATCHED {
            // Where nothing tells of it, a scenario that wants it is skipped.
            return Some(name);
        }
        refuse(cursor, "event", &name, events())
    }

    /// A service; `watched` is the one that serves the watched resource.
    pub(super) fn service(&self, cursor: &Cursor<'_>, name: &str) -> Option<String> {
        let Some(contract) = self.contract else {
            return Some(name.to_owned());
        };
        if contract.service(name).is_some() {
            return Some(name.to_owned());
        }
        if name == WATCHED {
            let resource = contract.resource(&watched(contract))?;
            return Some(resource.operation.service.clone());
        }
        let own = contract
            .services
            .iter()
            .map(|service| service.name.as_str());
        refuse(cursor, "service", name, own.chain([WATCHED]))
    }

    /// The services, as patterns name them; `None` when they are not known.
    pub(super) fn services(&self) -> Option<Vec<&'a str>> {
        let contract = self.contract?;
        let own = contract.services.iter();
        Some(own.map(|service| service.name.as_str()).collect())
    }

    /// The role of this name, and whether the contract declares it.
    pub(super) fn role(&self, name: &str) -> Option<(Role, bool)> {
        let fixed = match name {
            "sign-in" => Some(Role::SignIn),
            "refresh" => Some(Role::Refresh),
            "sign-out" => Some(Role::SignOut),
            "status" => Some(Role::Status),
            "health" => Some(Role::Health),
            "keys" => Some(Role::Keys),
            "realtime" => Some(Role::Realtime),
            _ => None,
        };
        let Some(contract) = self.contract else {
            return Some((
                fixed.unwrap_or_else(|| Role::Resource(name.to_owned())),
                true,
            ));
        };
        match fixed {
            Some(Role::Realtime) => Some((Role::Realtime, contract.realtime.is_some())),
            Some(role) => {
                let declared = contract.operation(&role).is_some();
                Some((role, declared))
            }
            None if name == WATCHED => Some((Role::Resource(watched(contract)), true)),
            None => contract
                .resource(name)
                .map(|resource| (Role::Resource(resource.name.clone()), true)),
        }
    }

    /// The names of all resources.
    pub(super) fn resources(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.contract
            .into_iter()
            .flat_map(|contract| &contract.resources)
            .map(|resource| resource.name.as_str())
    }
}

/// The resource by whose updates the app is seen to be alive: the first polled one that an event
/// changes too, else the first polled one, else the first that an event changes.
fn watched(contract: &Contract) -> String {
    let live: Vec<&str> = contract
        .realtime
        .iter()
        .flat_map(|realtime| &realtime.events)
        .filter(|event| event.apply != Apply::Ignore)
        .filter_map(|event| event.updates.as_deref())
        .collect();
    let polled: Vec<&str> = contract
        .polling
        .iter()
        .flat_map(|polling| &polling.resources)
        .map(String::as_str)
        .collect();
    polled
        .iter()
        .find(|name| live.contains(*name))
        .or(polled.first())
        .or(live.first())
        .copied()
        .or_else(|| contract.resources.first().map(|first| first.name.as_str()))
        .unwrap_or_default()
        .to_owned()
}

fn refuse<'w, T>(
    cursor: &Cursor<'_>,
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'w str> + Clone,
) -> Option<T> {
    cursor.refuse(format!("there is no {what} `{name}`"), suggest(name, known))
}
