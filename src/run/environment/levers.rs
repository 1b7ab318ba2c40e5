//! Changing the world around a client, and telling the journal.

use std::sync::PoisonError;

use super::Environment;
use crate::domain::journal::HarnessFact;
use crate::domain::malformed::Malformed;
use crate::domain::scenario::{Fault, Lever, Setting};
use crate::run::failure::LeverError;

impl Environment {
    /// Changes the world. That the client's network went it is not told here: whoever plays the client
    /// does that.
    pub(in crate::run) async fn set(&self, setting: &Setting) -> Result<(), LeverError> {
        match setting {
            Setting::Network(there) => {
                self.gateway.set_network(*there)?;
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
                self.gateway.set_fault(on.clone(), fault.clone())?;
                self.note_switched(&on.to_string(), fault.as_ref().map(Fault::name));
            }
            _ => {
                let how = self.backend.set(setting, &self.gateway).await?;
                let lever = setting.lever().map_or("", Lever::name);
                self.note(HarnessFact::Lever {
                    lever: lever.to_owned(),
                    value: value_of(setting),
                    how,
                });
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
        self.note(HarnessFact::Fault {
            fault: fault.to_owned(),
            on,
        });
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
        Setting::Malform { resource, class } => {
            format!("{resource} {}", class.map_or("good", Malformed::name))
        }
        _ => "done".to_owned(),
    }
}
