//! What one device of the client's side stands behind: a gateway of its own, and its part of the journal.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::domain::change::{Fault, RequestMatch};
use crate::gateway::{Gateway, Listen, Settings};
use crate::net::{Recorder, ServiceAddress};
use crate::run::call::{Call, CallFailed, Reply};
use crate::run::failure::SetUpError;

/// What a device stands behind.
pub(in crate::run) struct Client {
    /// Through which is written what is observed of it.
    pub(in crate::run) recorder: Recorder,
    /// Between it and the backend; all of its traffic crosses it.
    pub(in crate::run) gateway: Gateway,
    /// By which the gateway knows the harness's own calls of this run.
    marker: String,
    /// What faults are on.
    faults: Mutex<Vec<RequestMatch>>,
}

impl Client {
    /// What each of these devices stands behind, the first apart; without names there is one.
    pub(super) fn all(
        devices: &[String],
        recorder: &Recorder,
        listen: &Listen,
        settings: impl Fn(Recorder) -> Result<Settings, SetUpError>,
    ) -> Result<(Self, Vec<Self>), SetUpError> {
        let first = devices.first();
        let own = first.map_or_else(|| recorder.clone(), |name| recorder.of(name));
        let first = Self::start(settings(own)?, |settings| {
            Gateway::start_at(settings, listen)
        })?;
        let mut others = Vec::new();
        for name in devices.iter().skip(1) {
            others.push(Self::start(settings(recorder.of(name))?, |settings| {
                first.gateway.start_beside(settings, listen)
            })?);
        }
        Ok((first, others))
    }

    fn start(
        settings: Settings,
        start: impl FnOnce(Settings) -> std::io::Result<Gateway>,
    ) -> Result<Self, SetUpError> {
        Ok(Self {
            recorder: settings.recorder.clone(),
            marker: settings.marker.clone(),
            gateway: start(settings).map_err(SetUpError::Gateway)?,
            faults: Mutex::default(),
        })
    }

    /// Calls a service through the gateway, marked as the harness's own.
    ///
    /// # Errors
    /// When there is no answer.
    pub(in crate::run) async fn call(
        &self,
        service: &str,
        method: &str,
        path: &str,
        mark: &str,
        body: Option<serde_json::Value>,
    ) -> Result<Reply, CallFailed> {
        let address = self.gateway.address(service);
        let base_path = address.as_ref().map_or("", ServiceAddress::base_path);
        let endpoint = address.as_ref().and_then(|address| address.via.as_ref());
        let json = |body: serde_json::Value| ("application/json", Bytes::from(body.to_string()));
        Call {
            method,
            target: &format!("{base_path}{path}"),
            mark: format!("{mark} {}", self.marker),
            headers: Vec::new(),
            body: body.map(json),
        }
        .send(endpoint)
        .await
    }

    /// Whether a fault begins, or one ends that was on.
    pub(super) fn switched(&self, on: &RequestMatch, fault: Option<&Fault>) -> bool {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let before = faults.len();
        faults.retain(|own| own != on);
        let was_on = faults.len() < before;
        if fault.is_some() {
            faults.push(on.clone());
        }
        was_on || fault.is_some()
    }
}
