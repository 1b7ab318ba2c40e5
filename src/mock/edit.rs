//! An operator writes into the world: rows of lists, whole answers. What is written is held against the contract's schema, told to
//! whoever listens, and can be undone.

use serde_json::{Value, json};

use super::backend::{Backend, Core};
use super::edits::{Place, Step};
use super::look::{Owner, rows};
use super::resource_state::Change;
use super::writing::{find_mut, pointer};
use crate::domain::contract::{Apply, EventRule, Resource};
use crate::domain::schema::{Fault, faults};
use crate::operator::{Edit, Edits, Refusal, Row};

/// How many things that are wrong are told.
const TOLD: usize = 20;

/// Whose resource is written.
#[derive(Clone, Copy)]
struct Target<'a> {
    resource: &'a Resource,
    owner: Owner,
}

impl Backend {
    /// Does what was asked for, and says what came of it.
    pub(super) fn edit(&self, edit: Edit) -> Result<Value, Refusal> {
        let mut core = self.core();
        let core = &mut *core;
        match edit {
            Edit::Change(what, row) => self.write(core, what, *row),
            Edit::Undo => {
                let none = nothing("undo", core.edits.cleared());
                let step = core.edits.take_last().ok_or(none)?;
                let mut done = self.make(core, &step.backwards())?;
                done["undone"] = step.to_string().into();
                core.edits.undid(step);
                done["edits"] = core.edits.shown();
                Ok(done)
            }
            Edit::Redo => {
                let none = nothing("do again", core.edits.cleared());
                let step = core.edits.take_undone().ok_or(none)?;
                let mut done = self.make(core, &step)?;
                done["redone"] = step.to_string().into();
                core.edits.redid(step);
                done["edits"] = core.edits.shown();
                Ok(done)
            }
        }
    }

    fn write(&self, core: &mut Core, what: Edits, row: Row) -> Result<Value, Refusal> {
        let (resource, owner) = self.owner(core, &row.resource, row.user.as_deref())?;
        let target = Target { resource, owner };
        let (force, check) = (row.force, row.check);
        let step = self.step(core, target, what, row)?;
        let state = core.held(owner, &resource.name);
        let state = state.ok_or_else(Refusal::not_found)?;
        let mut candidate = state.answer.clone();
        put(resource, &mut candidate, &step).map_err(|why| Refusal(409, "conflict", why))?;
        let wrong = broken(resource, &step, &state.answer, &candidate)?;
        if check {
            let problems: Vec<Value> = wrong
                .iter()
                .map(|Fault { place, text }| json!({ "at": place, "problem": text }))
                .collect();
            let schema = resource.schema.is_some();
            return Ok(json!({ "check": true, "schema": schema, "problems": problems }));
        }
        if !wrong.is_empty() && !force {
            let told = wrong.iter().map(|own| match own.place.as_str() {
                "" => own.text.clone(),
                place => format!("at `{place}`: {}", own.text),
            });
            let told = told.collect::<Vec<_>>().join("; ");
            let why = format!(
                "it does not keep the contract's schema: {told}. Mend it, or say `\"force\": true` if it is meant"
            );
            return Err(Refusal(422, "schema", why));
        }
        let mut done = self.make(core, &step)?;
        if !wrong.is_empty() {
            done["forced"] = true.into();
        }
        core.edits.add(step);
        done["edits"] = core.edits.shown();
        Ok(done)
    }

    /// What is asked for as a step from what is there.
    fn step(
        &self,
        core: &Core,
        target: Target<'_>,
        what: Edits,
        row: Row,
    ) -> Result<Step, Refusal> {
        let Target { resource, owner } = target;
        let bad = |why: String| Refusal(400, "bad-body", why);
        let name = &resource.name;
        let state = core.held(owner, name).ok_or_else(Refusal::not_found)?;
        let names_row = row.row.is_some() || row.at.is_some();
        let step = |place, before, after| Step {
            resource: name.clone(),
            user: row.user.clone(),
            place,
            before,
            after,
        };
        if what == Edits::Add {
            let rows = rows(resource, state);
            let rows = rows.ok_or_else(|| bad(format!("`{name}` is no list: put all of it")))?;
            let key = row.value.as_ref().and_then(|value| key_of(resource, value));
            let at = row.at.unwrap_or(0).min(rows.len());
            return Ok(step(Place::Row { key, at }, None, row.value));
        }
        if !names_row {
            if what == Edits::Remove {
                return Err(bad(format!(
                    "say which row of `{name}`: its key as `row`, or `at`"
                )));
            }
            let value = row.value.map(|value| self.revealed(value, &state.answer));
            return Ok(step(Place::Whole, Some(state.answer.clone()), value));
        }
        let rows = rows(resource, state);
        let rows = rows.ok_or_else(|| bad(format!("`{name}` is no list: it has no rows")))?;
        let at = match (&row.row, row.at) {
            (Some(key), _) => place_of(resource, rows, key),
            (None, at) => at.filter(|at| *at < rows.len()),
        };
        let at = at.ok_or_else(|| {
            let which = match (&row.row, row.at) {
                (Some(key), _) => format!("whose key is {key}"),
                (None, at) => format!("{}", at.unwrap_or_default()),
            };
            let count = rows.len();
            Refusal(
                404,
                "unknown",
                format!("`{name}` has no row {which}; it has {count}"),
            )
        })?;
        let before = rows[at].clone();
        let after = row.value.map(|value| self.revealed(value, &before));
        let key = key_of(resource, after.as_ref().unwrap_or(&before));
        Ok(step(Place::Row { key, at }, Some(before), after))
    }

    fn revealed(&self, mut value: Value, known: &Value) -> Value {
        self.shown.revealed(&mut value, known);
        value
    }

    /// Takes a step, and says so to whoever listens.
    fn make(&self, core: &mut Core, step: &Step) -> Result<Value, Refusal> {
        let (resource, owner) = self.owner(core, &step.resource, step.user.as_deref())?;
        let target = Target { resource, owner };
        let now = self.clock.elapsed();
        let state = core.held_mut(owner, &resource.name);
        let state = state.ok_or_else(Refusal::not_found)?;
        let before = state.answer.clone();
        let at = put(resource, &mut state.answer, step)
            .map_err(|why| Refusal(409, "conflict", format!("{why}: that step is left out")))?;
        state.changed = now;
        let sequence = state.sequence;
        let user = match owner {
            Owner::Account(user) => user,
            Owner::Everybody => core.people.len(),
        };
        core.follow_edited(&self.contract, user, &resource.name);
        let (events, sockets) = self.announce(core, target, step, at, &before);
        let Some(state) = core.held_mut(owner, &resource.name) else {
            return Err(Refusal::not_found());
        };
        if state.sequence == sequence {
            // Nobody may take it for what was there before.
            state.sequence += 1;
        }
        let is = match (&step.after, at) {
            (None, _) => None,
            (Some(_), Some(at)) => rows(resource, state).and_then(|rows| rows.get(at)),
            (Some(_), None) => Some(&state.answer),
        };
        let key = match &step.place {
            Place::Row { key, .. } => key.clone(),
            Place::Whole => None,
        };
        Ok(json!({
            "did": step.verb(),
            "resource": resource.name,
            "user": step.user,
            "row": key,
            "at": at,
            "value": is.map(|is| self.shown.concealed(is)),
            "events": events,
            "sockets": sockets,
        }))
    }

    /// Tells whoever listens, by the events by which the contract has it told. Answers which, and how often they were sent.
    fn announce(
        &self,
        core: &mut Core,
        target: Target<'_>,
        step: &Step,
        at: Option<usize>,
        before: &Value,
    ) -> (Vec<String>, usize) {
        let Target { resource, owner } = target;
        let after = core.held(owner, &resource.name);
        let after = after.map_or(Value::Null, |state| state.answer.clone());
        let rules = self.contract.events();
        let about = |rule: &&EventRule| rule.updates.as_ref() == Some(&resource.name);
        let rules: Vec<&EventRule> = rules
            .filter(about)
            .filter(|rule| rule.apply != Apply::Ignore)
            .collect();
        let (change, told) = match (&step.before, &step.after, at) {
            (Some(lost), None, _) => (Change::Lost(lost), by_loss(&rules)),
            (_, _, Some(at)) => (Change::Item(at), by_row(&rules)),
            _ => (Change::Anything, by_whole(&rules)),
        };
        let told = told.map_or_else(|| by_parts(&rules, before, &after), |rule| vec![rule]);
        let mut sent = 0;
        for rule in &told {
            let change = match change {
                // An event that brings the list says what is left of it.
                Change::Lost(_) if rule.removed.is_none() => Change::Anything,
                other => other,
            };
            sent += match owner {
                Owner::Everybody => self.emit_made_up(core, rule, change),
                Owner::Account(whose) => self.emit(core, rule, |core, user| {
                    (user == whose).then(|| self.make_up(core, user, rule, change))
                }),
            };
        }
        let names = told.iter().map(|rule| rule.name.clone());
        (names.collect(), sent)
    }
}

fn nothing(what: &str, cleared: Option<&str>) -> Refusal {
    let why = match cleared {
        Some(cleared) => {
            format!("there is nothing to {what}: {cleared}, and steps from before are forgotten")
        }
        None => format!("there is nothing to {what}"),
    };
    Refusal(409, "nothing-to-do", why)
}

/// The event that takes a row away; or else one that brings all rows, or has them read again.
fn by_loss<'r>(rules: &[&'r EventRule]) -> Option<&'r EventRule> {
    let first =
        |wanted: &dyn Fn(&EventRule) -> bool| rules.iter().copied().find(|rule| wanted(rule));
    first(&|rule| rule.removed.is_some() && rule.into.is_none())
        .or_else(|| first(&|rule| rule.into.is_none() && rule.apply == Apply::Replace))
        .or_else(|| first(&|rule| rule.apply == Apply::Refetch))
}

/// The event that brings one row; or else one that brings all rows, or has them read again.
fn by_row<'r>(rules: &[&'r EventRule]) -> Option<&'r EventRule> {
    let first =
        |wanted: &dyn Fn(&EventRule) -> bool| rules.iter().copied().find(|rule| wanted(rule));
    let brings =
        |rule: &EventRule| rule.into.is_none() && (rule.removed.is_none() || rule.items.is_some());
    first(&|rule| brings(rule) && rule.apply == Apply::Merge)
        .or_else(|| first(&|rule| brings(rule) && rule.apply == Apply::Replace))
        .or_else(|| first(&|rule| rule.apply == Apply::Refetch))
}

/// The event that brings all of it.
fn by_whole<'r>(rules: &[&'r EventRule]) -> Option<&'r EventRule> {
    let whole = |apply: Apply| {
        let brings = move |rule: &&EventRule| {
            rule.into.is_none() && rule.removed.is_none() && rule.apply == apply
        };
        rules.iter().copied().find(brings)
    };
    whole(Apply::Replace).or_else(|| whole(Apply::Merge))
}

/// The events that bring parts which are others now; or else one that has it read again.
fn by_parts<'r>(rules: &[&'r EventRule], before: &Value, after: &Value) -> Vec<&'r EventRule> {
    let is_other = |rule: &&&EventRule| {
        let part = rule.into.as_ref();
        part.is_some_and(|part| part.in_body(before) != part.in_body(after))
    };
    let parts: Vec<&EventRule> = rules.iter().filter(is_other).copied().collect();
    if !parts.is_empty() {
        return parts;
    }
    let again = rules.iter().find(|rule| rule.apply == Apply::Refetch);
    again.into_iter().copied().collect()
}

fn key_of(resource: &Resource, row: &Value) -> Option<Value> {
    resource.key.as_ref()?.in_body(row).cloned()
}

fn place_of(resource: &Resource, rows: &[Value], wanted: &Value) -> Option<usize> {
    let key = resource.key.as_ref()?;
    rows.iter().position(|row| key.in_body(row) == Some(wanted))
}

/// Writes what a step says. Answers where, if it is a row.
fn put(resource: &Resource, answer: &mut Value, step: &Step) -> Result<Option<usize>, String> {
    let name = &resource.name;
    let (key, at) = match &step.place {
        Place::Whole => {
            *answer = step.after.clone().unwrap_or_default();
            return Ok(None);
        }
        Place::Row { key, at } => (key.as_ref(), *at),
    };
    let items = resource.items.as_ref();
    let list = items.and_then(|items| find_mut(items, answer)?.as_array_mut());
    let list = list.ok_or_else(|| format!("`{name}` is no list any more"))?;
    let new_key = step.after.as_ref().and_then(|row| key_of(resource, row));
    let holder = new_key
        .as_ref()
        .and_then(|key| place_of(resource, list, key));
    let taken = |holder: usize| {
        let key = new_key.clone().unwrap_or_default();
        format!("`{name}` has a row whose key is {key} already, at {holder}")
    };
    let Some(before) = &step.before else {
        return match (holder, &step.after) {
            (Some(holder), _) => Err(taken(holder)),
            (None, Some(row)) => {
                let at = at.min(list.len());
                list.insert(at, row.clone());
                Ok(Some(at))
            }
            (None, None) => Ok(None),
        };
    };
    let own = key_of(resource, before);
    let there = match &own {
        Some(own) => place_of(resource, list, own),
        None => (at < list.len()).then_some(at),
    };
    let there = there.ok_or_else(|| {
        let which = own.or_else(|| key.cloned());
        let which = which.map_or_else(|| format!("row {at}"), |key| format!("row {key}"));
        format!("{which} of `{name}` is not there any more")
    })?;
    match &step.after {
        Some(_) if holder.is_some_and(|holder| holder != there) => {
            Err(taken(holder.unwrap_or_default()))
        }
        Some(row) => {
            list[there].clone_from(row);
            Ok(Some(there))
        }
        None => {
            list.remove(there);
            Ok(Some(there))
        }
    }
}

/// What of a step breaks the contract's schema: all of what it writes, and what around it was not broken before. Places in a row
/// are those in the row.
fn broken(
    resource: &Resource,
    step: &Step,
    before: &Value,
    after: &Value,
) -> Result<Vec<Fault>, Refusal> {
    let Some(schema) = &resource.schema else {
        return Ok(Vec::new());
    };
    let validator = jsonschema::validator_for(schema)
        .map_err(|error| Refusal(422, "no-schema", format!("the schema is not one: {error}")))?;
    if validator.is_valid(after) {
        return Ok(Vec::new());
    }
    let list = resource.items.as_ref();
    let list = list
        .and_then(|items| pointer(items, after))
        .unwrap_or_default();
    let row = match (&step.place, &step.after) {
        (Place::Row { .. }, Some(row)) => {
            let rows = after.pointer(&list).and_then(Value::as_array);
            let at = rows.and_then(|rows| rows.iter().position(|own| own == row));
            at.map(|at| format!("{list}/{at}"))
        }
        _ => None,
    };
    let mut known: Option<Vec<Fault>> = None;
    let mut told = Vec::new();
    for Fault { place, text } in faults(&validator, after) {
        if told.len() == TOLD {
            break;
        }
        if step.place == Place::Whole {
            told.push(Fault { place, text });
            continue;
        }
        let own = row
            .as_ref()
            .and_then(|row| place.strip_prefix(row.as_str()));
        if let Some(own) = own.filter(|own| own.is_empty() || own.starts_with('/')) {
            let place = own.to_owned();
            told.push(Fault { place, text });
            continue;
        }
        // Another row, or what is around them: it counts only if this step has broken it.
        let of_list = place.strip_prefix(list.as_str());
        let is_row = of_list.is_some_and(|rest| rest.starts_with('/'));
        let known = known.get_or_insert_with(|| faults(&validator, before).collect());
        let was = known.iter().any(|own| own.place == place);
        if !is_row && !was {
            let text = format!("{text} (in the whole answer, at `{place}`)");
            let place = String::new();
            told.push(Fault { place, text });
        }
    }
    Ok(told)
}
