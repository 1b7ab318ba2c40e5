//! SESSION-10: nobody gets in with a token that nobody should accept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::contract::Role;
use crate::domain::journal::{Fact, HarnessFact, Heard, Question, Request};
use crate::rules::context::Context;
use crate::rules::exchange::{Ended, Reception};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// The server refuses tokens that are unsigned, signed by others, for others, over, or of
    /// another kind
    ///
    /// # Why
    /// A server that reads a token's claims before it has checked the signature lets anybody be
    /// anybody.
    ///
    /// # How it is judged
    /// The harness asks for each of a user's resources without any token. Those that are refused
    /// then and given to a genuine token are asked for again, the first of them with `alg: none`,
    /// without the signature, with a signature that no key has made, and with the refresh token,
    /// the others with a bad signature, since a guard is forgotten route by route. Genuine tokens
    /// for another audience, of another issuer and past their end can only be made by who holds the
    /// key, so these are asked on the mock; of a deployment the first is asked where the contract
    /// says how to get one (`session.other-audience`), and the last where a token ends while the
    /// harness can wait, or by the lever `expire-tokens`. An opaque token is asked with characters changed in its
    /// middle, without its end, and with the refresh token in its place; when it is over only its
    /// issuer knows. A socket of its own asks the live feed the same, with a text that was never a
    /// token too: one that joins without a good token and gets what the genuine one got breaks the
    /// rule. So does one that is sent an event of the contract's in the main namespace or a forbidden
    /// one, whoever is let in there. What is refused without a token is asked for once more with a
    /// slash at its path's end, or without the one that it has: an answer of the same form as the
    /// genuine one breaks the rule.
    ///
    /// # How to keep it
    /// Verify with a fixed list of algorithms and the issuer's key set, then check `iss`, `aud`,
    /// `exp`, `nbf` and the token's type; refuse on the first doubt.
    ///
    /// # Source
    /// RFC 8725 §2 and §3; OWASP MASTG, testing of stateless authentication
    pub(super) FORGED: "SESSION-10", Backend, from [Probe],
        set by ["session.token", "session.other-audience", "realtime.auth"]
}

#[derive(Default)]
pub(super) struct Forged {
    /// Resources that are refused without a token, and those that are given to a genuine one.
    guarded: BTreeSet<String>,
    given: BTreeSet<String>,
    /// What the answers to a genuine token hold at their outermost, by service and path.
    forms: BTreeMap<String, Form>,
    /// What the genuine socket of the harness got of the feed.
    feed: Option<Heard>,
}

impl Rule for Forged {
    fn see(&mut self, context: &Context<'_>) {
        if let Fact::Harness(HarnessFact::Listened(heard)) = &context.entry.fact {
            self.listened(heard, context);
        }
        let Some((question, ended)) = context.answered() else {
            return;
        };
        let reception = ended.reception();
        match question {
            Question::NoToken => {
                if reception == Reception::Refused {
                    self.guarded.insert(ended.request.operation());
                }
                if reception == Reception::Granted && is_for_users(ended.request, context) {
                    context.expects_refusal(&FORGED, &ended, given_for("no token"));
                }
            }
            Question::GenuineToken if reception == Reception::Granted => {
                self.given.insert(ended.request.operation());
                if let Some(form) = form_of(&ended) {
                    self.forms.insert(place(ended.request), form);
                }
            }
            Question::OtherSlash => self.other_slash(&ended, context),
            Question::BadToken { flaw } if self.is_guard_known(ended.request) => {
                context.expects_refusal(&FORGED, &ended, given_for(flaw.words()));
            }
            _ => {}
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Forged {
    fn is_guard_known(&self, request: &Request) -> bool {
        let operation = request.operation();
        self.guarded.contains(&operation) && self.given.contains(&operation)
    }

    /// Whether a path that differs in its final slash only is guarded as well. That it leads elsewhere,
    /// or to a page for people, is no gap.
    fn other_slash(&self, ended: &Ended<'_>, context: &Context<'_>) {
        let Some(genuine) = self.forms.get(&place(ended.request)) else {
            return;
        };
        let is_given = ended.reception() == Reception::Granted;
        if is_given && form_of(ended).as_ref() == Some(genuine) {
            let granted = given_for("no token where its path has another final slash");
            context.expects_refusal(&FORGED, ended, granted);
        } else {
            context.exercised(&FORGED);
        }
    }

    /// A socket with a bad token is held against the genuine one.
    fn listened(&mut self, heard: &Heard, context: &Context<'_>) {
        let flaw = match &heard.question {
            Question::GenuineToken => {
                self.feed = Some(heard.clone()).filter(|heard| heard.joined);
                return;
            }
            Question::NoToken => "no token",
            Question::BadToken { flaw } => flaw.words(),
            _ => return,
        };
        let Some(genuine) = &self.feed else {
            return;
        };
        if let Some(namespace) = &heard.namespace {
            elsewhere(namespace, flaw, heard, context);
            return;
        }
        match heard.is_let_in(genuine) {
            Some(false) => context.exercised(&FORGED),
            None => context.unable(
                &FORGED,
                format!(
                    "a socket joined the feed with {flaw}, and nothing shows whether it would be \
                     sent anything"
                ),
            ),
            Some(true) => context.violated(
                &FORGED,
                Violation::new(format!(
                    "the backend lets a socket into the live feed with {flaw}"
                ))
                .expected("CONNECT_ERROR, or a disconnect before any event")
                .observed(heard.words())
                .evidence([context.entry.id]),
            ),
        }
    }
}

/// What an answer in JSON holds at its outermost: the names of an object, or that it is a list.
type Form = Option<Vec<String>>;

fn form_of(ended: &Ended<'_>) -> Option<Form> {
    match ended.answer?.body.json()? {
        Value::Object(fields) => Some(Some(fields.keys().cloned().collect())),
        Value::Array(_) => Some(None),
        _ => None,
    }
}

/// Where a request goes, whatever slash its path ends in.
fn place(request: &Request) -> String {
    let path = request.bare_target().trim_end_matches('/');
    format!("{} {path}", request.service)
}

/// Judges a socket in another namespace than the feed's: it may be let in, and must be sent nothing.
fn elsewhere(namespace: &str, flaw: &str, heard: &Heard, context: &Context<'_>) {
    if heard.events.is_empty() {
        context.exercised(&FORGED);
        return;
    }
    context.violated(
        &FORGED,
        Violation::new(format!(
            "the backend sends the live feed to a socket in `{namespace}` with {flaw}"
        ))
        .expected("no event of the contract's without a good token, in whatever namespace")
        .observed(heard.words())
        .evidence([context.entry.id]),
    );
}

/// Whether the contract says that a user's token goes with this request.
fn is_for_users(request: &Request, context: &Context<'_>) -> bool {
    let Some(Role::Resource(name)) = &request.role else {
        return false;
    };
    let resource = context.contract.resource(name);
    resource.is_some_and(|resource| resource.operation.authorized)
}

fn given_for(flaw: &str) -> Violation {
    Violation::new(format!("the backend gives a user's data for {flaw}"))
        .expected("a refusal, such as 401")
}
