//! API-5: errors have the form that was agreed on.

use jsonschema::Validator;

use crate::domain::contract::Contract;
use crate::domain::journal::{Answer, Content};
use crate::domain::schema;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// Errors have the form that the contract names
    ///
    /// # Why
    /// An app tells a wrong password from a locked account, and a missing item from a missing right,
    /// by what stands in the error. In another form it can only say that something went wrong.
    ///
    /// # How it is judged
    /// The body of each answer of 400 or above to a request that the contract declares is validated
    /// with `errors.schema`, whoever asked. Left out are the statuses under `errors.except`, the
    /// feed's own answers, answers to HEAD, and a proxy's while the backend behind it is stopped.
    ///
    /// # How to keep it
    /// Make every error in one place, also those of the router, of the guard and of the body parser.
    ///
    /// # Source
    /// RFC 9457; JSON Schema
    pub(super) ERRORS: "API-5", Backend, from [Wire, Probe],
        needs [ErrorForm],
        set by ["errors.schema", "errors.except"]
}

pub(super) struct Errors {
    validator: Result<Validator, String>,
    except: Vec<u16>,
}

impl Errors {
    pub(super) fn new(contract: &Contract) -> Self {
        let form = contract.promises.errors.as_ref();
        let validator = form.map(|form| jsonschema::validator_for(&form.schema));
        Self {
            validator: match validator {
                Some(Ok(validator)) => Ok(validator),
                Some(Err(error)) => Err(format!("the schema of errors is not one: {error}")),
                None => Err("the contract has no form of errors".to_owned()),
            },
            except: form.map(|form| form.except.clone()).unwrap_or_default(),
        }
    }
}

impl Rule for Errors {
    fn see(&mut self, context: &Context<'_>) {
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        let declared = ended.request.role.is_some() && !super::is_of_the_feed(&ended);
        if answer.status < 400
            || !declared
            || ended.request.method == "HEAD"
            || self.except.contains(&answer.status)
            || super::is_of_a_proxy(&ended, context)
        {
            return;
        }
        match (&self.validator, &answer.body) {
            (Err(why), _) => context.unable(&ERRORS, why.as_str()),
            (_, Content::Truncated { .. }) => {
                context.unable(&ERRORS, "an error is longer than the journal keeps");
            }
            (_, Content::Unread { why, .. }) => {
                context.unable(&ERRORS, format!("an error cannot be read: {why}"));
            }
            (Ok(validator), _) => judge(validator, &ended, answer, context),
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

fn judge(validator: &Validator, ended: &Ended<'_>, answer: &Answer, context: &Context<'_>) {
    context.exercised(&ERRORS);
    let fault = match answer.body.json() {
        Some(body) => schema::fault(validator, body).map(|fault| match fault.place.is_empty() {
            true => fault.text,
            false => format!("at `{}`: {}", fault.place, fault.text),
        }),
        None if answer.body == Content::Empty => Some("an empty body".to_owned()),
        None => Some("a body that is not JSON".to_owned()),
    };
    let Some(fault) = fault else {
        return;
    };
    context.violated(
        &ERRORS,
        Violation::new(format!(
            "the backend answers {} in another form than agreed",
            answer.status
        ))
        .expected("a body that keeps the contract's `errors.schema`")
        .observed(format!("{}: {fault}", ended.words()))
        .evidence([ended.opened.id(), context.entry.id])
        .exchanges([answer.exchange]),
    );
}
