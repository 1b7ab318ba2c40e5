//! What is done to a request: one pure decision.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::reply::Reply;
use crate::domain::contract::{Contract, Role};
use crate::domain::scenario::{Fault, RequestMatch, Withheld};

/// The state of every lever and fault.
#[derive(Debug)]
pub(super) struct Levers {
    pub(super) network: bool,
    pub(super) websocket: bool,
    pub(super) socket: bool,
    pub(super) maintenance: bool,
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
pub(super) struct RequestFacts<'a> {
    pub(super) role: Option<&'a Role>,
    pub(super) method: &'a str,
    pub(super) service: &'a str,
    /// Canonical, below the service's URL.
    pub(super) path: &'a str,
    /// Whether it asks for a WebSocket.
    pub(super) upgrade: bool,
}

/// What is done to a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Disposition {
    /// It is passed on, and its answer is held back for a while.
    Forward { hold: Duration },
    /// The gateway answers.
    Answer(Reply),
    /// It is never answered.
    Hang,
    /// The connection breaks.
    Sever,
}

impl Levers {
    /// Decides what is done to a client's request. The scope has let it pass.
    pub(super) fn decide(&self, contract: &Contract, request: &RequestFacts<'_>) -> Disposition {
        let realtime = request.role == Some(&Role::Realtime);
        if realtime && !self.socket {
            return Disposition::Sever;
        }
        if request.upgrade && !self.websocket {
            return Disposition::Answer(Reply::json(403, json!({"error": "upgrade refused"})));
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
            }) => Disposition::Answer(Reply {
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
            return Some(Disposition::Answer(Reply::json(
                switch.status_on,
                switch.answer_on.clone(),
            )));
        }
        let status = switch.data_refusal.filter(|_| role.is_data())?;
        let body = json!({"error": "maintenance"});
        Some(Disposition::Answer(Reply::json(status, body)))
    }

    /// Whether a service's listener is open.
    pub(super) fn lets_in(&self, service: &str) -> bool {
        let refused = self
            .faults
            .iter()
            .any(|(which, fault)| *fault == Fault::Refuse && which.covers_service(service));
        self.network && !refused && !self.stopped.contains(service)
    }

    /// Whether a service shows the certificate that its clients trust.
    pub(super) fn is_trusted(&self, service: &str) -> bool {
        !self
            .faults
            .iter()
            .any(|(which, fault)| *fault == Fault::Untrusted && which.covers_service(service))
    }

    pub(super) fn set_running(&mut self, service: &str, running: bool) {
        if running {
            self.stopped.remove(service);
        } else {
            self.stopped.insert(service.to_owned());
        }
    }

    pub(super) fn set_fault(&mut self, on: RequestMatch, fault: Option<Fault>) {
        self.faults.retain(|(which, _)| *which != on);
        if let Some(fault) = fault {
            self.faults.push((on, fault));
        }
    }

    /// Whether a fault cuts what is open on the live feed.
    pub(super) fn severs_sockets(&self, contract: &Contract) -> bool {
        self.on_sockets(contract)
            .is_some_and(|fault| matches!(fault, Fault::Refuse | Fault::Reset | Fault::Untrusted))
    }

    /// Whether a fault swallows what open WebSockets carry.
    pub(super) fn freezes_sockets(&self, contract: &Contract) -> bool {
        self.on_sockets(contract) == Some(&Fault::BlackHole)
    }

    /// Whether a fault keeps packets of this kind back.
    pub(super) fn withholds(&self, contract: &Contract, kind: Withheld) -> bool {
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
