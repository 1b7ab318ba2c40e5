//! `use` and `repeat`: steps that stand for others.

use super::places::{Places, Use, read_label};
use super::{Names, steps_of};
use crate::domain::scenario::Step;
use crate::suite::cursor::Fields;

/// Reads the steps of a flow in the place of the step that uses it; they are about its device unless they
/// name another.
pub(super) fn used(
    step: &Fields<'_>,
    on: usize,
    names: &Names<'_>,
    places: &mut Places<'_>,
) -> Option<Vec<Step>> {
    let place = step.need("use")?;
    let with = step.get("with");
    let label = read_label(step).map(|(_, label)| label);
    let name = place.name_text()?;
    let flow = places.flows.flow(&place, &name)?;
    let arguments = flow.arguments(&place, with.as_ref());
    places.enter(&place, Use::of(&name, label, on))?;
    let steps = arguments.and_then(|arguments| {
        let span = place.node.span.clone();
        let base = place.diagnostics.include(flow.source(), span);
        let steps = flow.filled(base, &arguments);
        steps_of(&place.within(&steps), names, places)
    });
    places.leave();
    steps
}

/// Reads steps that happen several times in a row.
pub(super) fn repeated(
    step: &Fields<'_>,
    names: &Names<'_>,
    places: &mut Places<'_>,
) -> Option<Vec<Step>> {
    let times = step.need("repeat").and_then(|cursor| cursor.whole(1));
    let body = step.need("steps")?;
    let steps = steps_of(&body, names, places)?;
    let times = usize::try_from(times?).unwrap_or(usize::MAX);
    if steps.is_empty() && body.list()?.is_empty() {
        return body.refuse("there is nothing to repeat", "begin with `- do: ...`");
    }
    places.add(&step.cursor, steps.len().saturating_mul(times - 1))?;
    Some(
        steps
            .iter()
            .cycle()
            .take(steps.len() * times)
            .cloned()
            .collect(),
    )
}
