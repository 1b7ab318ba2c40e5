//! The shipped contract and world: what the mock makes of them keeps the contract's own schemas.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::stage::{Answer, Socket, Stage};
use crate::domain::contract::{Body, Contract, Operation};
use crate::domain::selector::{Template, fill_text};
use crate::domain::world::World;
use crate::suite::Suite;

pub(super) struct Shipped {
    pub(super) stage: Stage,
    contract: Contract,
    world: World,
}

impl Shipped {
    /// With a world that goes on by itself, after a change to it.
    pub(super) fn living(change: impl FnOnce(&mut World)) -> Self {
        let mut shipped = Self::new();
        change(&mut shipped.world);
        shipped.stage = Stage::living(shipped.contract.clone(), shipped.world.clone());
        shipped
    }

    pub(super) async fn read(&self, resource: &str, token: &Value) -> Value {
        let operation = &self.contract.resource(resource).unwrap().operation;
        let answer = self.call(operation, &|_| Some(token.clone())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Joins the feed of whose token this is.
    pub(super) async fn join(&self, token: &Value) -> Socket {
        let realtime = self.contract.realtime.as_ref().unwrap();
        let base = &self.contract.service(&realtime.service).unwrap().base_path;
        let path = format!("{base}{}", realtime.path);
        let mut socket = self.stage.socket(&realtime.service, &path, &[]).await;
        socket.text().await.unwrap();
        let Template(auth) = &realtime.auth;
        let auth = Template(auth.clone()).fill(&|_| Some(token.clone()));
        socket
            .say(&format!("40{},{auth}", realtime.namespace))
            .await;
        let joined = socket.text().await.unwrap();
        assert!(
            joined.starts_with(&format!("40{}", realtime.namespace)),
            "{joined}"
        );
        socket
    }

    pub(super) fn new() -> Self {
        let suite = Suite::shipped().unwrap_or_else(|_| panic!("the shipped suite is valid"));
        let contract = (*suite.contract).clone();
        let world = (**suite.world.as_ref().unwrap()).clone();
        Self {
            stage: Stage::with(contract.clone(), world.clone(), &[]),
            contract,
            world,
        }
    }

    async fn call(&self, operation: &Operation, known: &dyn Fn(&str) -> Option<Value>) -> Answer {
        let (name, template) = &self.contract.session.authorize;
        let token = fill_text(template, known);
        let headers = if operation.authorized {
            vec![(name.as_str(), token.as_str())]
        } else {
            Vec::new()
        };
        let body = match &operation.body {
            Body::Json(template) => Some(template.fill(known)),
            _ => None,
        };
        let request = format!(
            "{} {} {}",
            operation.method, operation.service, operation.path
        );
        self.stage.call(&request, &headers, body).await
    }

    /// Signs a user in: their access token.
    pub(super) async fn sign_in(&self, user: usize) -> Value {
        let user = &self.world.users[user];
        let request = &self.contract.session.sign_in;
        let answer = self
            .call(&request.operation, &|name| match name {
                "username" => Some(user.username.as_str().into()),
                "password" => Some(user.password.expose().into()),
                _ => Some("constant".into()),
            })
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        request.answer.access_token.in_body(&body).unwrap().clone()
    }
}

fn keeps(schema: &Value, value: &Value, what: &str) {
    let schema = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = schema
        .iter_errors(value)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:?} in {value}");
}

#[tokio::test(start_paused = true)]
async fn every_resource_of_every_user_keeps_its_schema() {
    let shipped = Shipped::new();
    for user in 0..shipped.world.users.len() {
        let token = shipped.sign_in(user).await;
        for resource in &shipped.contract.resources {
            let answer = shipped
                .call(&resource.operation, &|_| Some(token.clone()))
                .await;
            assert_eq!(answer.status, 200, "{}", resource.name);
            if let Some(schema) = &resource.schema {
                keeps(schema, &answer.json(), &resource.name);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_event_keeps_its_schema() {
    let shipped = Shipped::new();
    let realtime = shipped.contract.realtime.as_ref().unwrap();
    let token = shipped.sign_in(0).await;
    let mut socket = shipped.join(&token).await;
    for rule in &realtime.events {
        assert_eq!(shipped.stage.mock.push(&rule.name, None).unwrap(), 1);
    }
    shipped.stage.mock.alter("close-trade").unwrap();
    let mut seen = BTreeSet::new();
    for text in socket.texts(Duration::from_secs(60)).await {
        let packet = text.strip_prefix(&format!("42{},", realtime.namespace));
        let packet: Value = serde_json::from_str(packet.unwrap_or(&text)).unwrap();
        let name = packet[0].as_str().unwrap();
        let rule = realtime
            .events
            .iter()
            .find(|rule| rule.name == name)
            .unwrap();
        if let Some(schema) = &rule.schema {
            keeps(schema, &packet[1], name);
        }
        seen.insert(rule.name.as_str());
    }
    let all: BTreeSet<&str> = realtime
        .events
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(seen, all);
}

#[tokio::test(start_paused = true)]
async fn nothing_of_one_user_is_told_to_another() {
    let shipped = Shipped::new();
    let token = shipped.sign_in(1).await;
    let other = &shipped.world.users[0];
    for resource in &shipped.contract.resources {
        let answer = shipped
            .call(&resource.operation, &|_| Some(token.clone()))
            .await;
        for foreign in [json!(other.subject), json!(other.username)] {
            assert!(
                !answer.text.contains(foreign.as_str().unwrap()),
                "{}",
                resource.name
            );
        }
    }
}
