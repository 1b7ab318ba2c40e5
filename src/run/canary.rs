//! The marked forbidden calls by which the gateway proves that it looks.

use super::environment::{Client, Environment};
use crate::domain::journal::{Answerer, Class, EntryId, Fact, HarnessFact, Sender};

impl Environment {
    /// Sends one marked call under every forbidden entry: the gateway must catch each and keep it
    /// from the backend. Without that, "never called" would only mean that nobody looked.
    pub(super) async fn send_canaries(&self) {
        for client in self.clients() {
            self.send_canaries_of(client).await;
        }
    }

    async fn send_canaries_of(&self, client: &Client) {
        for pattern in &self.contract.scope.forbid {
            let services: Vec<String> = match &pattern.service {
                Some(service) => vec![service.clone()],
                None => self
                    .contract
                    .services
                    .iter()
                    .map(|service| service.name.clone())
                    .collect(),
            };
            let method = pattern.method.as_deref().unwrap_or("POST");
            for service in services {
                client
                    .send_canary(&service, method, &pattern.path.example())
                    .await;
            }
        }
    }
}

impl Client {
    async fn send_canary(&self, service: &str, method: &str, path: &str) {
        let before = EntryId(self.recorder.journal().len());
        // Whether it was caught is read from the journal, not from the answer.
        let _ = self
            .call(service, method, path, "canary", Some(serde_json::json!({})))
            .await;
        let (mut exchange, mut caught) = (None, false);
        for entry in self.recorder.journal().after(before) {
            match &entry.fact {
                Fact::Request(request) if request.sender == Sender::Canary => {
                    exchange = Some(request.exchange);
                    caught = false;
                    if request.judgement.class != Class::Forbidden {
                        break;
                    }
                }
                Fact::Answer(answer) if Some(answer.exchange) == exchange => {
                    caught = answer.from == Answerer::Policy;
                }
                _ => {}
            }
        }
        let call = format!("{method} {service} {path}");
        self.recorder.record(Fact::Harness(HarnessFact::Canary {
            exchange,
            call,
            caught,
        }));
    }
}
