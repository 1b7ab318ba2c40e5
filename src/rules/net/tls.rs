//! NET-8: where TLS fails nothing is sent, neither under a certificate of nobody's nor in the
//! clear.

use crate::domain::change::{Change, Fault};
use crate::domain::journal::{Changed, EntryId, Fact, HarnessFact, Insecure, Request};
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Where TLS fails nothing is sent, and never in the clear instead
    ///
    /// # Why
    /// Whoever sits between an app and its backend can show a certificate of their own, or let TLS
    /// fail in the hope that the app tries without.
    ///
    /// # How it is judged
    /// Judged where the gateway serves the app over TLS: no request arrives in the clear, and none
    /// under the certificate that the fault `untrusted` shows in place of the right one. That such
    /// a failure must not end the session is SESSION-7's to judge. An app that is served in the
    /// clear has no TLS that could fail: for it the rule is not judged.
    ///
    /// # How to keep it
    /// Leave the platform's verification of certificates on, also in debug builds that testers get,
    /// take a failed handshake for a failed connection, and let no http:// address and no exception
    /// for cleartext into the app.
    ///
    /// # Source
    /// RFC 9110 §4.3.4 (https origins), OWASP MASVS-NETWORK-1
    pub(super) TLS: "NET-8", App, from [Wire]
}

#[derive(Default)]
pub(super) struct Tls {
    /// Since when services show a certificate that nobody may trust.
    fault: Option<EntryId>,
    /// The first such moment, until a client's handshake or request tells how it takes it.
    unanswered: Option<EntryId>,
}

impl Rule for Tls {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        match &entry.fact {
            Fact::Harness(HarnessFact::Changed(Changed {
                change: Change::Fault { fault, .. },
                ..
            })) => {
                if *fault == Some(Fault::Untrusted) {
                    self.fault = Some(entry.id);
                    self.unanswered = self.unanswered.or(self.fault);
                } else if !context.world.is_untrusted() {
                    self.fault = None;
                }
            }
            Fact::TlsRefused { .. } if self.fault.is_some() => {
                context.exercised(&TLS);
                self.unanswered = None;
            }
            _ => {}
        }
        if let Some(request) = context.request()
            && let Some(insecure) = request.insecure
        {
            self.sent(request, insecure, context);
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        if self.unanswered.is_some() {
            context.unable(
                &TLS,
                "no client met the certificate that it must not trust: \
                 the gateway serves in the clear, or nobody connected to it meanwhile",
            );
        }
    }
}

impl Tls {
    fn sent(&mut self, request: &Request, insecure: Insecure, context: &Context<'_>) {
        context.exercised(&TLS);
        self.unanswered = None;
        let (message, how) = match insecure {
            Insecure::Clear => (
                "the app sends a request in the clear to a service that it was given over https",
                "in the clear",
            ),
            Insecure::Untrusted => (
                "the app sends a request under a certificate that it has no reason to trust",
                "under a certificate that nobody vouches for",
            ),
        };
        let since = match self.fault {
            Some(_) => " while TLS with its service fails",
            None => "",
        };
        context.violated(
            &TLS,
            Violation::new(message)
                .expected("nothing is sent but over TLS with the service's own certificate")
                .observed(format!("{} {} {how}{since}", request.method, request.path))
                .evidence(self.fault.into_iter().chain([context.entry.id]))
                .exchanges([request.exchange]),
        );
    }
}
