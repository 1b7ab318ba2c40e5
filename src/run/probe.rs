//! What the harness asks the backend on its own account, and when.
//!
//! Probes go through the gateway, marked as the harness's own, so they stand in the journal and are
//! never taken for the app's. Most are asked when the app is gone, so that nothing of them can
//! disturb it; what only maintenance can show is asked just before its lever is moved back. Each
//! question is written down before its request, and the rules judge the answers; here nobody does.
//!
//! The mock answers everything. A deployment is asked what its configuration allows: with `probes`,
//! what a signed-in account may read; with a `disposable` account, also what ends sessions or must
//! be refused.

mod conditional;
mod expired;
mod feed;
mod forge;
mod health;
mod lists;
mod maintenance;
mod not_asked;
mod parity;
mod permission;
mod scope;
mod session;
mod sign_in;
mod tenants;
mod tokens;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::call::{Call, Connection, ConnectionError, Reply};
use super::environment::Environment;
use crate::domain::bindings::Bindings;
use crate::domain::contract::{Operation, Resource};
use crate::domain::journal::{Fact, HarnessFact, Question};
use crate::domain::secret::Account;
use crate::net::ServiceAddress;

pub(crate) use conditional::Validator;
pub(crate) use maintenance::Bystander;
use not_asked::NotAsked;
pub(crate) use permission::Permission;
pub(crate) use session::OwnSession;

/// The rules that are judged by what is asked when the app is gone.
const AFTERWARDS: [&str; 12] = [
    "SESSION-6",
    "SESSION-10",
    "SESSION-11",
    "API-8",
    "API-13",
    "API-15",
    "SYNC-12",
    "SCOPE-5",
    "TENANT-1",
    "TENANT-2",
    "TENANT-3",
    "TENANT-5",
];

/// How long a backend may take for everything that is asked.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many resources of a contract are asked for.
const RESOURCES: usize = 16;

/// Asks on one run's behalf.
pub(crate) struct Prober<'s> {
    environment: &'s Environment,
    connections: BTreeMap<String, Connection>,
}

impl<'s> Prober<'s> {
    pub(crate) fn new(environment: &'s Environment) -> Self {
        Self {
            environment,
            connections: BTreeMap::new(),
        }
    }

    /// Asks everything that can be asked when the app is gone.
    pub(crate) async fn afterwards(
        mut self,
        permission: &Permission,
        held: Option<OwnSession>,
        switched: Option<Validator>,
    ) {
        if let Permission::Nothing { target } = permission {
            self.skip_all(&AFTERWARDS, &NotAsked::no_probes(target));
            return;
        }
        let patience = PATIENCE + self.environment.contract.session.reuse_grace;
        let asked = tokio::time::timeout(patience, self.ask(permission)).await;
        if asked.is_err() {
            self.skip_all(&AFTERWARDS, &NotAsked::TooSlow(PATIENCE));
        }
        let kept = self.conditionally(permission, switched);
        let kept = in_time(PATIENCE, kept).await;
        self.skip_unless(kept, &["API-13"]);
        let feed = in_time(feed::PATIENCE_IN_ALL, self.feed_tokens(permission)).await;
        self.skip_unless(feed, &["SESSION-10"]);
        let patience = expired::PATIENCE + PATIENCE;
        let over = in_time(patience, self.expired_token(permission, held)).await;
        self.skip_unless(over, &["SESSION-10", "API-9"]);
    }

    /// Asks what only a scenario can show that has moved the kill-switch. `switched` is what it was given
    /// with while it was on.
    pub(crate) async fn after_maintenance(mut self, permission: &Permission, switched: &Validator) {
        let asked = in_time(PATIENCE, self.switch_is_off(permission, switched)).await;
        self.skip_unless(asked, &["API-13"]);
    }

    fn skip_unless(&self, asked: Result<(), NotAsked>, rules: &[&str]) {
        if let Err(why) = asked {
            self.skip_all(rules, &why);
        }
    }

    async fn ask(&mut self, permission: &Permission) {
        self.used_refresh(permission).await;
        self.signed_out(permission).await;
        self.wrong_credentials(permission).await;
        let mut accounts = permission.readers().iter();
        if let Some(first) = accounts.next() {
            self.read_as(permission, first, accounts.next()).await;
        } else {
            self.skip_all(&AFTERWARDS, &NotAsked::NoAccount);
        }
        self.forbidden(permission).await;
    }

    /// Asks what needs one signed-in account, and what needs two.
    async fn read_as(
        &mut self,
        permission: &Permission,
        first: &Account,
        second: Option<&Account>,
    ) {
        const READING: [&str; 7] = [
            "SESSION-10",
            "SYNC-12",
            "API-15",
            "TENANT-1",
            "TENANT-2",
            "TENANT-3",
            "TENANT-5",
        ];
        let own = match self.sign_in(first).await {
            Ok(own) => own,
            Err(why) => return self.skip_all(&READING, &why),
        };
        self.bad_tokens(permission, &own).await;
        let cursors = self.walk(&own).await;
        self.compare(first, &own).await;
        let other = match second {
            Some(second) => self.sign_in(second).await,
            None => Err(NotAsked::OneAccount),
        };
        match other {
            Ok(other) => self.two_tenants(&own, &other, &cursors).await,
            Err(why) => self.skip_all(&READING[3..], &why),
        }
    }

    fn skip_all(&self, rules: &[&str], why: &NotAsked) {
        for rule in rules {
            self.skip(rule, why);
        }
    }

    /// Says that nothing is asked for a rule, and why.
    fn skip(&self, rule: &str, why: &NotAsked) {
        self.environment
            .client
            .recorder
            .record(Fact::Harness(HarnessFact::NotProbed {
                rule: rule.to_owned(),
                why: why.to_string(),
                suspicious: why.is_suspicious(),
            }));
    }

    /// Sends one request, after writing down what it asks, if it asks anything.
    async fn send(
        &mut self,
        question: Option<Question>,
        request: ProbeRequest<'_>,
    ) -> Result<Reply, NotAsked> {
        let environment = self.environment;
        asks(environment, question.clone());
        let address = environment.client.gateway.address(request.service);
        let base_path = address.as_ref().map_or("", ServiceAddress::base_path);
        let call = Call {
            method: request.method,
            target: &format!("{base_path}{}", request.target),
            mark: format!("probe {}", environment.marker),
            headers: request.headers,
            body: request.body,
        };
        let connection = kept_as(request.connection, request.service);
        let endpoint = address.as_ref().and_then(|address| address.via.as_ref());
        let kept = self.connections.remove(&connection);
        let sent = async {
            if let Some(mut own) = kept {
                let reply = own.send(&call).await;
                match reply {
                    // It may have been closed since it was last used, which only the next request finds out
                    // (RFC 9112 §9.3.1).
                    Err(ConnectionError::Http(_)) if matches!(call.method, "GET" | "HEAD") => {
                        asks(environment, question);
                    }
                    reply => {
                        let reply = reply?;
                        self.connections.insert(connection, own);
                        return Ok(reply);
                    }
                }
            }
            let mut own = Connection::open(endpoint).await?;
            let reply = own.send(&call).await?;
            self.connections.insert(connection, own);
            Ok(reply)
        };
        let in_time = tokio::time::timeout(environment.contract.request_timeout, sent).await;
        let reply = in_time.unwrap_or(Err(ConnectionError::Late));
        reply.map_err(|why| NotAsked::Lost {
            method: request.method.to_owned(),
            service: request.service.to_owned(),
            why,
        })
    }

    /// Sends an operation of the contract with bindings.
    async fn perform(
        &mut self,
        question: Option<Question>,
        operation: &Operation,
        query: &[(String, String)],
        with: With<'_>,
    ) -> Result<Reply, NotAsked> {
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
        let authorize = (operation.authorized && with.bindings.access.is_some())
            .then_some(&self.environment.contract.session.authorize);
        for (name, template) in authorize.into_iter().chain(&operation.headers) {
            headers.push((name.clone(), with.bindings.text(template)));
        }
        headers.extend(with.headers);
        let request = ProbeRequest {
            service: &operation.service,
            method: &operation.method,
            target: with.bindings.target(operation, query),
            headers,
            body: with.bindings.payload(operation),
            connection: with.connection,
        };
        self.send(question, request).await
    }

    /// The resources that can be read with a token and without changing anything. What the contract calls a
    /// resource is read, also where that takes a POST, as with GraphQL.
    fn readable(&self) -> Vec<Resource> {
        self.environment
            .contract
            .resources
            .iter()
            .filter(|resource| {
                let operation = &resource.operation;
                operation.authorized && (!operation.is_write() || operation.method == "POST")
            })
            .take(RESOURCES)
            .cloned()
            .collect()
    }
}

/// What is asked, unless it takes too long.
async fn in_time(
    patience: Duration,
    asked: impl Future<Output = Result<(), NotAsked>>,
) -> Result<(), NotAsked> {
    let asked = tokio::time::timeout(patience, asked).await;
    asked.unwrap_or(Err(NotAsked::TooSlow(patience)))
}

/// Writes down what the next request asks, if it asks anything.
fn asks(environment: &Environment, question: Option<Question>) {
    if let Some(question) = question {
        let fact = HarnessFact::Probe { question };
        environment.client.recorder.record(Fact::Harness(fact));
    }
}

/// Under what a connection is kept.
fn kept_as(name: &str, service: &str) -> String {
    format!("{name} {service}")
}

/// One request of the harness.
struct ProbeRequest<'a> {
    service: &'a str,
    method: &'a str,
    /// Path and query below the service's URL.
    target: String,
    headers: Vec<(String, String)>,
    body: Option<(&'static str, Bytes)>,
    /// Its name: requests that name the same one share it.
    connection: &'a str,
}

/// With what an operation is sent.
struct With<'a> {
    bindings: &'a Bindings,
    headers: Vec<(String, String)>,
    connection: &'a str,
}

impl<'a> With<'a> {
    /// On a connection of its own for each account: connections that accounts share are a question
    /// of their own.
    fn of(bindings: &'a Bindings) -> Self {
        Self {
            bindings,
            headers: Vec::new(),
            connection: bindings.username.as_deref().unwrap_or_default(),
        }
    }
}
