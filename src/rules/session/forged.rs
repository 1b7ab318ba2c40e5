//! SESSION-10: nobody gets in with a token that nobody should accept.

use std::sync::Arc;

use crate::domain::contract::Role;
use crate::domain::journal::{Entry, Fact, HarnessFact, Heard, Question, Request};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Scene, Verdict};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static FORGED: RuleInfo = RuleInfo {
    id: "SESSION-10",
    title: "The server refuses tokens that are unsigned, signed by others, for others, over, or of another kind",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Probe],
    source: "RFC 8725 §2 and §3; OWASP MASTG, testing of stateless authentication",
    explanation: "A server that reads a token's claims before it has checked the signature lets anybody be anybody. The harness asks for each of a user's resources without any token. Those that are refused then and given to a genuine token are asked for again, the first of them with `alg: none`, without the signature, with a signature that no key has made, and with the refresh token, the others with a bad signature, since a guard is forgotten route by route. Genuine tokens for another audience, of another issuer and past their end can only be made by who holds the key, so these are asked on the mock. An opaque token is asked with characters changed in its middle, without its end, and with the refresh token in its place; when it is over only its issuer knows. A socket of its own asks the live feed the same, with a text that was never a token too: one that joins without a good token and gets what the genuine one got breaks the rule.",
    fix: "Verify with a fixed list of algorithms and the issuer's key set, then check `iss`, `aud`, `exp`, `nbf` and the token's type; refuse on the first doubt.",
    parameters: &["session.token", "realtime.auth"],
};

#[derive(Default)]
pub(super) struct Forged {
    /// Whether the resource is refused without a token, and given to a genuine one.
    guarded: bool,
    given: bool,
    /// What the genuine socket of the harness got of the feed.
    feed: Option<Heard>,
}

impl Rule for Forged {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        if let Fact::Harness(HarnessFact::Listened(heard)) = &entry.fact {
            self.listened(entry, heard, ledger);
        }
        let Some((question, ended)) = scene.answered(entry) else {
            return;
        };
        match question {
            Question::NoToken => {
                self.guarded = ended.verdict() == Verdict::Refused;
                if ended.verdict() == Verdict::Granted && is_for_users(ended.request, scene) {
                    breach("no token", entry, &ended, ledger);
                }
            }
            Question::GenuineToken => self.given = ended.verdict() == Verdict::Granted,
            Question::BadToken { flaw } if self.guarded && self.given => match ended.verdict() {
                Verdict::Refused => ledger.occasion(&FORGED),
                Verdict::Unclear(why) => ledger.unable(&FORGED, why),
                Verdict::Granted => breach(flaw.words(), entry, &ended, ledger),
            },
            _ => {}
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Forged {
    fn listened(&mut self, entry: &Entry, heard: &Heard, ledger: &mut Ledger) {
        let what = match &heard.question {
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
        match heard.is_let_in(genuine) {
            Some(false) => ledger.occasion(&FORGED),
            None => ledger.unable(
                &FORGED,
                format!("a socket joined the feed with {what}, and nothing shows whether it would be sent anything"),
            ),
            Some(true) => ledger.breach(
                &FORGED,
                Breach {
                    kind: format!("feed {what}"),
                    message: format!("the backend lets a socket into the live feed with {what}"),
                    expected: "CONNECT_ERROR, or a disconnect before any event".to_owned(),
                    observed: heard.words(),
                    evidence: vec![entry.id],
                    ..Breach::default()
                },
            ),
        }
    }
}

/// Whether the contract says that a user's token goes with this request.
fn is_for_users(request: &Request, scene: &Scene) -> bool {
    let Some(Role::Resource(name)) = &request.role else {
        return false;
    };
    let resource = scene.contract.resource(name);
    resource.is_some_and(|resource| resource.operation.authorized)
}

fn breach(flaw: &str, entry: &Entry, ended: &crate::rules::scene::Ended<'_>, ledger: &mut Ledger) {
    ledger.breach(
        &FORGED,
        Breach {
            kind: flaw.to_owned(),
            message: format!("the backend gives a user's data for {flaw}"),
            expected: "a refusal, such as 401".to_owned(),
            observed: ended.words(),
            evidence: vec![ended.opened.id(), entry.id],
            exchanges: vec![ended.request.exchange],
            ..Breach::default()
        },
    );
}
