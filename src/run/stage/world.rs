//! Changing the world of a stage, and telling the journal.

use std::sync::PoisonError;

use super::Stage;
use crate::domain::journal::{Fact, HarnessFact, LeverHow};
use crate::domain::scenario::{Fault, Lever, Setting};

impl Stage {
    /// Changes the world.
    pub(crate) async fn set(&self, setting: &Setting) -> Result<(), String> {
        match setting {
            Setting::Network(there) => {
                // The app must not learn of it before the wire is cut, nor try before it is back.
                if *there {
                    self.gateway
                        .set_network(true)
                        .map_err(|error| error.to_string())?;
                }
                self.device
                    .network(*there)
                    .await
                    .map_err(|error| error.to_string())?;
                if !*there {
                    self.gateway
                        .set_network(false)
                        .map_err(|error| error.to_string())?;
                }
                self.note_fault("network", !there);
            }
            Setting::Websocket(open) => {
                self.gateway.set_websocket(*open);
                self.note_fault("websocket blocked", !open);
            }
            Setting::Socket(open) => {
                self.gateway.set_socket(*open);
                self.note_fault("socket blocked", !open);
            }
            Setting::ForgetSessions => {
                self.gateway.forget_polled_sessions();
                self.note_fault("sessions forgotten", true);
                self.note_fault("sessions forgotten", false);
            }
            Setting::Fault { on, fault } => {
                self.gateway
                    .set_fault(on.clone(), fault.clone())
                    .map_err(|error| error.to_string())?;
                self.note_switched(&on.to_string(), fault.as_ref().map(Fault::name));
            }
            _ => {
                let how = self.backend.set(setting, &self.gateway).await?;
                let lever = setting.lever().map_or("", Lever::name);
                self.note_lever(lever, value_of(setting), how);
            }
        }
        Ok(())
    }

    /// A fault ends under the name under which it began, also when another takes its place.
    fn note_switched(&self, on: &str, fault: Option<&str>) {
        let before = {
            let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
            match fault {
                Some(fault) => faults.insert(on.to_owned(), fault.to_owned()),
                None => faults.remove(on),
            }
        };
        if let Some(before) = before {
            self.note_fault(&format!("{before} on {on}"), false);
        }
        if let Some(fault) = fault {
            self.note_fault(&format!("{fault} on {on}"), true);
        }
    }

    fn note_fault(&self, fault: &str, on: bool) {
        self.recorder.record(Fact::Harness(HarnessFact::Fault {
            fault: fault.to_owned(),
            on,
        }));
    }

    fn note_lever(&self, lever: &str, value: String, how: LeverHow) {
        self.recorder.record(Fact::Harness(HarnessFact::Lever {
            lever: lever.to_owned(),
            value,
            how,
        }));
    }
}

fn value_of(setting: &Setting) -> String {
    match setting {
        Setting::Maintenance(on) => if *on { "on" } else { "off" }.to_owned(),
        Setting::Backend { service, running } => {
            let state = if *running { "running" } else { "stopped" };
            match service {
                Some(service) => format!("{service} {state}"),
                None => state.to_owned(),
            }
        }
        Setting::Push { event, .. } => event.clone(),
        _ => "done".to_owned(),
    }
}
