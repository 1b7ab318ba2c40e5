//! KILL-7, the other way round: once the kill-switch is off, data is given again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::enforced::ENFORCED;
use crate::domain::duration::show;
use crate::rules::context::{Context, Read};
use crate::rules::moment::Moment;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// How many refusals in a row, over which time, are no accident.
const TIMES: u32 = 3;
const LONG: Duration = Duration::from_secs(5);

/// Counts refusals of data that came after the backend had said that its kill-switch is off, for each
/// service: one may go on refusing while the others have heard.
#[derive(Default)]
pub(super) struct Lingers(BTreeMap<String, Refusals>);

/// Those of one service in a row.
struct Refusals {
    first: Moment,
    count: u32,
}

impl Rule for Lingers {
    fn see(&mut self, context: &Context<'_>) {
        let Some((false, lifted)) = context.world.maintenance else {
            self.0.clear();
            return;
        };
        let open = context.switch.open;
        let Some((_, open)) = open.filter(|(asked, _)| asked.id > lifted.id) else {
            return;
        };
        if let Some(read) = context.read_by_anyone()
            && read.ended.opened.id() > open.id
            && context.switch.told.is_none()
            && !context.world.backend_is_stopped()
        {
            self.judge(&read, open, context);
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Lingers {
    fn judge(&mut self, read: &Read<'_>, open: Moment, context: &Context<'_>) {
        let switch = context.contract.kill_switch.as_ref();
        let refusal = switch.and_then(|switch| switch.data_refusal);
        let service = &read.ended.request.service;
        if Some(read.answer.status) != refusal {
            self.0.remove(service);
            return;
        }
        context.exercised(&ENFORCED);
        let refusals = self.0.entry(service.clone()).or_insert(Refusals {
            first: context.moment(),
            count: 0,
        });
        refusals.count += 1;
        if refusals.count < TIMES || context.now < refusals.first.at + LONG {
            return;
        }
        context.violated(
            &ENFORCED,
            Violation::new(format!(
                "{service} goes on refusing data although the kill-switch is off"
            ))
            .expected("data, once the backend has said that its kill-switch is off")
            .observed(format!(
                "{}, as were those before it, {} after it had said so",
                read.ended.words(),
                show(context.now - open.at)
            ))
            .evidence([open.id, read.ended.opened.id(), context.entry.id])
            .exchanges([read.answer.exchange]),
        );
    }
}
