//! SESSION-10: nobody gets in with a token that nobody should accept.

use std::sync::Arc;

use crate::domain::journal::{Entry, Flaw, Question};
use crate::domain::rules::ledger::{Breach, Ledger};
use crate::domain::rules::scene::{Scene, Verdict};
use crate::domain::rules::{JudgedFrom, Rule, RuleInfo};
use crate::domain::verdict::Subject;

pub(super) static FORGED: RuleInfo = RuleInfo {
    id: "SESSION-10",
    title: "The server refuses tokens that are unsigned, signed by others, for others, over, or of another kind",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Probe],
    source: "RFC 8725 §2 and §3; OWASP MASTG, testing of stateless authentication",
    explanation: "A server that reads a token's claims before it has checked the signature lets anybody be anybody. The harness takes a resource that is refused without a token and given to a genuine one, and asks for it with `alg: none`, without the signature, with a signature that no key has made, and with the refresh token. Genuine tokens for another audience, of another issuer and past their end can only be made by who holds the key, so these are asked on the mock. Opaque tokens are not judged.",
    fix: "Verify with a fixed list of algorithms and the issuer's key set, then check `iss`, `aud`, `exp`, `nbf` and the token's type; refuse on the first doubt.",
    parameters: &["session.token"],
};

#[derive(Default)]
pub(super) struct Forged {
    /// Whether the resource is refused without a token, and given to a genuine one.
    guarded: bool,
    given: bool,
}

impl Rule for Forged {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some((question, ended)) = scene.answered(entry) else {
            return;
        };
        match question {
            Question::NoToken => self.guarded = ended.verdict() == Verdict::Refused,
            Question::GenuineToken => self.given = ended.verdict() == Verdict::Granted,
            Question::BadToken { flaw } if self.guarded && self.given => match ended.verdict() {
                Verdict::Refused => ledger.occasion(&FORGED),
                Verdict::Unclear(why) => ledger.unable(&FORGED, why),
                Verdict::Granted => breach(*flaw, entry, &ended, ledger),
            },
            _ => {}
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

fn breach(
    flaw: Flaw,
    entry: &Entry,
    ended: &crate::domain::rules::scene::Ended<'_>,
    ledger: &mut Ledger,
) {
    ledger.breach(
        &FORGED,
        Breach {
            kind: flaw.words().to_owned(),
            message: format!("the backend accepts {}", flaw.words()),
            expected: "401, as without any token".to_owned(),
            observed: ended.words(),
            evidence: vec![ended.opened.id(), entry.id],
            exchanges: vec![ended.request.exchange],
            ..Breach::default()
        },
    );
}
