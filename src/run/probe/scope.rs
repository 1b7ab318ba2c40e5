//! SCOPE-5: what the app must never call, called once by the harness.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::not_asked::NotAsked;
use super::tokens::with_other_slash;
use super::{OwnSession, Permission, ProbeRequest, Prober};
use crate::domain::bindings::escape;
use crate::domain::contract::{Realtime, TransportName, is_safe};
use crate::domain::journal::Question;

impl Prober<'_> {
    /// Calls everything that is forbidden, as an account whose writes do no harm.
    pub(super) async fn forbidden(&mut self, permission: &Permission) {
        if let Err(why) = self.call_forbidden(permission).await {
            self.skip("SCOPE-5", &why);
        }
    }

    async fn call_forbidden(&mut self, permission: &Permission) -> Result<(), NotAsked> {
        let contract = self.environment.contract.clone();
        if contract.scope.forbid.is_empty() && contract.scope.forbid_namespaces.is_empty() {
            return Err(NotAsked::NothingForbidden);
        }
        let own = self.sign_in(permission.disposable()?).await?;
        let ids = self.own_ids(permission, &own).await;
        let (header, template) = &contract.session.authorize;
        for pattern in &contract.scope.forbid {
            let services = contract.services.iter().map(|service| &service.name);
            for service in
                services.filter(|name| pattern.service.as_ref().is_none_or(|own| own == *name))
            {
                let method = pattern.method.as_deref().unwrap_or("POST");
                let known = |path: &str| ids.get(&(service.clone(), path.to_owned())).cloned();
                let (target, guessed) = pattern.path.filled(&known);
                let question = match guessed {
                    true => Question::ForbiddenGuess,
                    false => Question::ForbiddenCall,
                };
                let other = with_other_slash(&target);
                let asked = std::iter::once((question, target));
                let asked =
                    asked.chain(other.map(|target| (Question::ForbiddenOtherSlash, target)));
                for (question, target) in asked {
                    let body = || ("application/json", Bytes::from_static(b"{}"));
                    let request = ProbeRequest {
                        service,
                        method,
                        target,
                        headers: vec![(header.clone(), own.bindings.text(template))],
                        body: (!is_safe(method)).then(body),
                        connection: "",
                    };
                    self.send(Some(question), request).await?;
                }
            }
        }
        match &contract.realtime {
            Some(realtime) if !contract.scope.forbid_namespaces.is_empty() => {
                let polls = realtime.client.transports.contains(&TransportName::Polling);
                for namespace in &contract.scope.forbid_namespaces {
                    match polls {
                        true => self.join(realtime, namespace, &own).await?,
                        false => self.listen_in(realtime, namespace, &own).await?,
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// An id of something that is the account's own, by service and path of its list: a refusal of
    /// what does not exist says nothing. What several accounts share is left alone.
    async fn own_ids(
        &mut self,
        permission: &Permission,
        own: &OwnSession,
    ) -> BTreeMap<(String, String), String> {
        let everything = matches!(permission, Permission::Everything(_));
        let mut ids = BTreeMap::new();
        for resource in self.readable() {
            if !(resource.personal || everything) {
                continue;
            }
            let (Some(items), Some(key)) = (&resource.items, &resource.key) else {
                continue;
            };
            let operation = &resource.operation;
            let Ok(reply) = self.perform(None, operation, &[], own.with()).await else {
                continue;
            };
            let body = reply.json();
            let first = body.as_ref().and_then(|body| items.in_body(body)?.get(0));
            if let Some(id) = first.and_then(|item| key.in_body(item)) {
                let id = id.as_str().map_or_else(|| id.to_string(), escape);
                let path = operation.path.trim_end_matches('/').to_owned();
                ids.insert((operation.service.clone(), path), id);
            }
        }
        ids
    }

    /// Asks to join a namespace, by long-polling.
    async fn join(
        &mut self,
        realtime: &Realtime,
        namespace: &str,
        own: &OwnSession,
    ) -> Result<(), NotAsked> {
        let mut target = format!("{}?EIO=4&transport=polling", realtime.path);
        for (name, template) in &realtime.query {
            let value = escape(&own.bindings.text(template));
            target.push_str(&format!("&{}={value}", escape(name)));
        }
        let opened = self.poll(realtime, &target, None, None).await?;
        let sid = opened
            .strip_prefix('0')
            .and_then(|open| serde_json::from_str::<serde_json::Value>(open).ok())
            .and_then(|open| Some(open.get("sid")?.as_str()?.to_owned()))
            .ok_or(NotAsked::NoSession)?;
        target.push_str("&sid=");
        target.push_str(&sid);
        let auth = realtime.auth.fill(&|name| own.bindings.get(name));
        let connect = format!("40{namespace},{auth}");
        self.poll(realtime, &target, Some(connect), None).await?;
        let question = Question::ForbiddenNamespace {
            namespace: namespace.to_owned(),
        };
        self.poll(realtime, &target, None, Some(question)).await?;
        // Nobody waits for the goodbye.
        let _ = self
            .poll(realtime, &target, Some("1".to_owned()), None)
            .await;
        Ok(())
    }

    async fn poll(
        &mut self,
        realtime: &Realtime,
        target: &str,
        packet: Option<String>,
        question: Option<Question>,
    ) -> Result<String, NotAsked> {
        let request = ProbeRequest {
            service: &realtime.service,
            method: if packet.is_some() { "POST" } else { "GET" },
            target: target.to_owned(),
            headers: Vec::new(),
            body: packet.map(|packet| ("text/plain;charset=UTF-8", Bytes::from(packet))),
            connection: "",
        };
        let reply = self.send(question, request).await?;
        if !reply.succeeded() {
            return Err(NotAsked::PollRefused(reply.status));
        }
        Ok(String::from_utf8_lossy(&reply.body).into_owned())
    }
}
