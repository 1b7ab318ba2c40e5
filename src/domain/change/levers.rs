//! What levers and faults do to a request: one pure decision, the gateway's and the mock's alike.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::fault::{Fault, Withheld};
use super::requests::RequestMatch;
use crate::domain::contract::{Contract, Role};

/// The state of every lever and fault.
#[derive(Debug)]
pub struct Levers {
    /// Whether clients have a network.
    pub network: bool,
    /// Whether WebSockets are let through.
    pub websocket: bool,
    /// Whether the live feed is let through at all.
    pub socket: bool,
    /// Whether the kill-switch is imitated.
    pub maintenance: bool,
    stopped: BTreeSet<String>,
    faults: Vec<(RequestMatch, Fault)>,
}

impl Default for Levers {
    fn default() -> Self {
        Self {
            network: true,
            websocket: true,
            socket: true,
            maintenance: false,
            stopped: BTreeSet::new(),
            faults: Vec::new(),
        }
    }
}

/// What a decision needs to know of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a> {
    /// What it is for.
    pub role: Option<&'a Role>,
    /// Its method.
    pub method: &'a str,
    /// The service that it is for.
    pub service: &'a str,
    /// Canonical, below the service's URL.
    pub path: &'a str,
    /// Whether it asks for a WebSocket.
    pub upgrade: bool,
}

/// What is done to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Disposition {
    /// It is passed on, and its answer is held back for a while.
    Forward {
        /// For how long.
        hold: Duration,
    },
    /// Something is answered in the backend's place.
    Answer(MadeUp),
    /// It is never answered.
    Hang,
    /// The connection breaks.
    Sever,
}

/// An answer in the place of the backend's.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeUp {
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body: a text as it is, anything else as JSON.
    pub body: Option<Value>,
}

impl MadeUp {
    /// One with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(body),
        }
    }
}

impl Levers {
    /// Decides what is done to a client's request. The scope has let it pass.
    #[must_use]
    pub fn decide(&self, contract: &Contract, request: &RequestFacts<'_>) -> Disposition {
        let realtime = request.role == Some(&Role::Realtime);
        if realtime && !self.socket {
            return Disposition::Sever;
        }
        if request.upgrade && !self.websocket {
            return Disposition::Answer(MadeUp::json(403, json!({"error": "upgrade refused"})));
        }
        let fault = self
            .faults
            .iter()
            .rev()
            .find(|(which, _)| covers(which, request));
        match fault.map(|(_, fault)| fault) {
            Some(Fault::Respond {
                status,
                headers,
                body,
            }) => Disposition::Answer(MadeUp {
                status: *status,
                headers: headers.clone(),
                body: body.clone(),
            }),
            Some(Fault::BlackHole) => Disposition::Hang,
            Some(Fault::Refuse | Fault::Reset | Fault::Untrusted) => Disposition::Sever,
            Some(Fault::Delay(hold)) => self
                .imitate(contract, request)
                .unwrap_or(Disposition::Forward { hold: *hold }),
            Some(Fault::Withhold(_)) | None => {
                self.imitate(contract, request)
                    .unwrap_or(Disposition::Forward {
                        hold: Duration::ZERO,
                    })
            }
        }
    }

    /// The kill-switch's answers, while it is imitated.
    fn imitate(&self, contract: &Contract, request: &RequestFacts<'_>) -> Option<Disposition> {
        let switch = contract.kill_switch.as_ref().filter(|_| self.maintenance)?;
        let role = request.role?;
        if *role == Role::Status {
            return Some(Disposition::Answer(MadeUp::json(
                switch.status_on,
                switch.answer_on.clone(),
            )));
        }
        let status = switch.data_refusal.filter(|_| role.is_data())?;
        let body = json!({"error": "maintenance"});
        Some(Disposition::Answer(MadeUp::json(status, body)))
    }

    /// Whether a service's listener is open.
    #[must_use]
    pub fn lets_in(&self, service: &str) -> bool {
        let refused = self
            .faults
            .iter()
            .any(|(which, fault)| *fault == Fault::Refuse && which.covers_service(service));
        self.network && !refused && !self.stopped.contains(service)
    }

    /// Whether a service shows the certificate that its clients trust.
    #[must_use]
    pub fn is_trusted(&self, service: &str) -> bool {
        !self
            .faults
            .iter()
            .any(|(which, fault)| *fault == Fault::Untrusted && which.covers_service(service))
    }

    /// Stops a service, or has it run again.
    pub fn set_running(&mut self, service: &str, running: bool) {
        if running {
            self.stopped.remove(service);
        } else {
            self.stopped.insert(service.to_owned());
        }
    }

    /// Whether a service is not stopped.
    #[must_use]
    pub fn is_running(&self, service: &str) -> bool {
        !self.stopped.contains(service)
    }

    /// Which requests a fault is on.
    pub fn faulty(&self) -> impl Iterator<Item = &RequestMatch> {
        self.faults.iter().map(|(which, _)| which)
    }

    /// Switches a fault on some requests, or ends the one that is on the same.
    pub fn set_fault(&mut self, on: RequestMatch, fault: Option<Fault>) {
        self.faults.retain(|(which, _)| *which != on);
        if let Some(fault) = fault {
            self.faults.push((on, fault));
        }
    }

    /// Whether a fault cuts what is open on the live feed.
    #[must_use]
    pub fn severs_sockets(&self, contract: &Contract) -> bool {
        self.on_sockets(contract)
            .is_some_and(|fault| matches!(fault, Fault::Refuse | Fault::Reset | Fault::Untrusted))
    }

    /// Whether a fault swallows what open WebSockets carry.
    #[must_use]
    pub fn freezes_sockets(&self, contract: &Contract) -> bool {
        self.on_sockets(contract) == Some(&Fault::BlackHole)
    }

    /// Whether a fault keeps packets of this kind back.
    #[must_use]
    pub fn withholds(&self, contract: &Contract, kind: Withheld) -> bool {
        self.on_sockets(contract) == Some(&Fault::Withhold(kind))
    }

    fn on_sockets(&self, contract: &Contract) -> Option<&Fault> {
        let realtime = contract.realtime.as_ref()?;
        let request = RequestFacts {
            role: Some(&Role::Realtime),
            method: "GET",
            service: &realtime.service,
            path: &realtime.path,
            upgrade: true,
        };
        self.faults
            .iter()
            .rev()
            .find(|(which, _)| covers(which, &request))
            .map(|(_, fault)| fault)
    }
}

/// Whether a request is meant.
fn covers(which: &RequestMatch, request: &RequestFacts<'_>) -> bool {
    which.matches(request.role, request.method, request.service, request.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contract::RequestPattern;
    use crate::domain::scope::sample;

    fn decide(levers: &Levers, role: &Role, upgrade: bool) -> Disposition {
        let request = RequestFacts {
            role: Some(role),
            method: "GET",
            service: "trading",
            path: "/x",
            upgrade,
        };
        levers.decide(&sample::contract(), &request)
    }

    #[test]
    fn the_latest_fault_that_covers_a_request_decides() {
        let mut levers = Levers::default();
        levers.set_fault(RequestMatch::Any, Some(Fault::BlackHole));
        levers.set_fault(RequestMatch::Data, Some(Fault::Reset));
        let positions = Role::Resource("positions".to_owned());
        assert_eq!(decide(&levers, &positions, false), Disposition::Sever);
        assert_eq!(decide(&levers, &Role::Status, false), Disposition::Hang);
        levers.set_fault(RequestMatch::Data, None);
        assert_eq!(decide(&levers, &positions, false), Disposition::Hang);
    }

    #[test]
    fn maintenance_answers_status_and_refuses_data() {
        let levers = Levers {
            maintenance: true,
            ..Levers::default()
        };
        let Disposition::Answer(status) = decide(&levers, &Role::Status, false) else {
            panic!("no answer");
        };
        assert_eq!(status.body, Some(json!({"maintenance": true})));
        let Disposition::Answer(data) = decide(&levers, &Role::Realtime, false) else {
            panic!("no answer");
        };
        assert_eq!(data.status, 503);
        assert!(matches!(
            decide(&levers, &Role::SignIn, false),
            Disposition::Forward { .. }
        ));
    }

    #[test]
    fn only_a_refusal_of_everything_closes_a_listener() {
        let mut levers = Levers::default();
        let pattern = |text: &str| RequestMatch::Pattern(RequestPattern::parse(text).unwrap());
        levers.set_fault(pattern("GET trading /**"), Some(Fault::Refuse));
        assert!(levers.lets_in("trading"));
        levers.set_fault(pattern("* trading /**"), Some(Fault::Refuse));
        assert!(!levers.lets_in("trading") && levers.lets_in("platform"));
        levers.set_running("platform", false);
        assert!(!levers.lets_in("platform"));
        levers.network = false;
        levers.set_running("platform", true);
        assert!(!levers.lets_in("platform"));
    }
}
