//! Secrets and addresses out of a recording, before anything is made of it: the same is hidden by the same.

use std::collections::BTreeMap;

use serde_json::Value;

use super::recording::{Exchange, Packet, Says};
use super::session::{is_access, is_password, is_refresh};
use crate::domain::secrets::{SecretKind, Vault, holds_label};

/// What is hidden so far.
#[derive(Default)]
pub(super) struct Hide {
    vault: Vault,
    /// Addresses of people, and what stands for them.
    addresses: BTreeMap<String, String>,
}

impl Hide {
    /// Learns the tokens and passwords of an exchange.
    pub(super) fn learn(&mut self, exchange: &Exchange) {
        if let Some(body) = &exchange.body {
            self.fields(&body.value);
        }
        if let Some(answer) = &exchange.answer {
            self.fields(answer);
        }
        let bearer = exchange
            .header("authorization")
            .and_then(|own| own.split_once(' '));
        if let Some((scheme, token)) = bearer
            && scheme.eq_ignore_ascii_case("bearer")
            && !holds_label(token)
        {
            self.vault.learn(SecretKind::Access, token.trim());
        }
    }

    fn fields(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|own| self.fields(own)),
            Value::Object(fields) => {
                for (name, own) in fields {
                    match own
                        .as_str()
                        .filter(|own| !own.is_empty() && !holds_label(own))
                    {
                        Some(text) if is_refresh(name) => {
                            self.vault.learn(SecretKind::Refresh, text);
                        }
                        // Short words under such names are no tokens.
                        Some(text) if is_access(name) && text.len() >= 16 => {
                            self.vault.learn(SecretKind::Access, text);
                        }
                        Some(text) if is_password(name) => {
                            self.vault.learn(SecretKind::Password, text);
                        }
                        _ => self.fields(own),
                    }
                }
            }
            _ => {}
        }
    }

    /// Hides in an exchange.
    pub(super) fn exchange(&mut self, own: &mut Exchange) {
        own.path = self.text(&own.path);
        for (name, value) in &mut own.query {
            *value = match self.vault.conceal_header(name, value) {
                hidden if hidden == *value => self.text(value),
                hidden => hidden,
            };
        }
        for (name, value) in own.headers.iter_mut().chain(&mut own.answer_headers) {
            *value = self.vault.conceal_header(name, value);
        }
        if let Some(body) = &mut own.body {
            self.value(&mut body.value);
        }
        if let Some(answer) = &mut own.answer {
            self.value(answer);
        }
    }

    /// Hides in a packet.
    pub(super) fn packet(&mut self, own: &mut Packet) {
        match &mut own.says {
            Says::Connect(Some(auth)) => self.value(auth),
            Says::Event { args, .. } => args.iter_mut().for_each(|own| self.value(own)),
            _ => {}
        }
    }

    fn value(&mut self, value: &mut Value) {
        self.vault.conceal_value(value);
        self.addresses(value);
    }

    fn text(&mut self, text: &str) -> String {
        let hidden = self.vault.conceal(text).into_owned();
        self.without_addresses(&hidden)
    }

    fn addresses(&mut self, value: &mut Value) {
        match value {
            Value::String(text) if text.contains('@') => *text = self.without_addresses(text),
            Value::Array(items) => items.iter_mut().for_each(|own| self.addresses(own)),
            Value::Object(fields) => fields.values_mut().for_each(|own| self.addresses(own)),
            _ => {}
        }
    }

    /// A text in which each e-mail address is another one, always the same for the same.
    fn without_addresses(&mut self, text: &str) -> String {
        let is_part = |own: char| own.is_alphanumeric() || "._%+-@".contains(own);
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(is_part) {
            let end = rest[start..]
                .find(|own| !is_part(own))
                .map_or(rest.len(), |end| start + end);
            out.push_str(&rest[..start]);
            let word = &rest[start..end];
            match word.split_once('@') {
                Some((name, host))
                    if !name.is_empty() && host.contains('.') && !host.contains('@') =>
                {
                    let number = self.addresses.len() + 1;
                    let known = self.addresses.entry(word.to_lowercase());
                    out.push_str(known.or_insert_with(|| format!("user-{number}@example.com")));
                }
                _ => out.push_str(word),
            }
            rest = &rest[end..];
        }
        out.push_str(rest);
        out
    }
}
