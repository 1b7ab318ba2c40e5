//! API-15: the app is told what another client is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::domain::contract::{Contract, Counterpart, Resource};
use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Question, Reading};
use crate::domain::moment;
use crate::domain::selector::Selector;
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::flattened::{Fields, Flattened, plain};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// The app is told the same as another client of the backend
    ///
    /// # Why
    /// Who looks at a phone and at a desk at once trusts neither when they differ: a position that the
    /// web lists and the app does not, a profit that is rounded otherwise, a trade that is dated a day
    /// apart.
    ///
    /// # How it is judged
    /// For every resource under the contract's `parity` the harness reads, as one account, what the
    /// other client reads, then what the app reads, then the other client's once more, page by page
    /// where there are pages. Items are found by their `key` and compared field by field, by every field
    /// that some item has on both sides: decimals by value, times by instant, all else as it is written.
    /// What the other client's two readings do not agree on moves by itself and is not compared, and
    /// neither is what `moves`, `as-of` and `apart` name. Where an answer has no list at its place,
    /// nothing is compared. An item is missing when both of the other client's readings
    /// have it and the app's has not, and one too many when the app's alone has it; where the items
    /// of the two readings differ, the list moves and only fields are compared.
    ///
    /// # How to keep it
    /// Serve both clients from one query, with one set of rules for rounding, zones and filters.
    ///
    /// # Source
    /// The runbook's parallel run: mobile and web show the same data
    pub(super) PARITY: "API-15", Backend, from [Probe],
        needs [Parity],
        set by ["parity"]
}

/// How many differences of one resource become findings of their own.
const MOST: usize = 12;
/// How far two writings of one moment are apart at most, in seconds: a millisecond is cut off.
const MOMENT: f64 = 0.001;
/// How many characters of a value are shown.
const SHOWN: usize = 80;

#[derive(Default)]
pub(super) struct Parities(BTreeMap<String, BTreeMap<Reading, Read>>);

/// What one reading brought, of all of its pages.
#[derive(Default)]
struct Read {
    items: BTreeMap<String, Item>,
    single: Fields,
    /// Whether an answer lacked the list.
    lacks_list: bool,
    /// Whether fields are lacking because there were too many.
    is_cut: bool,
    is_broken: bool,
    at: Duration,
    /// The last answer.
    last: Source,
}

/// An item, and the answer that brought it.
struct Item {
    fields: Fields,
    source: Source,
}

/// An answer, for evidence.
#[derive(Default, Clone, Copy)]
struct Source {
    entry: Option<EntryId>,
    exchange: u64,
}

impl Rule for Parities {
    fn see(&mut self, context: &Context<'_>) {
        let Some((question, ended)) = context.answered() else {
            return;
        };
        let Question::Compared {
            resource: name,
            reading,
            ..
        } = question
        else {
            return;
        };
        let Some((own, counterpart)) = compared(&context.contract, name) else {
            return;
        };
        let resource = match reading {
            Reading::App => own,
            Reading::OtherFirst | Reading::OtherAgain => &counterpart.resource,
        };
        let readings = self.0.entry(name.clone()).or_default();
        readings
            .entry(*reading)
            .or_default()
            .take(resource, &ended, context);
    }

    fn end(&mut self, context: &Context<'_>) {
        for (name, readings) in &self.0 {
            let Some((resource, counterpart)) = compared(&context.contract, name) else {
                continue;
            };
            // A reading is begun when the one before it came to its end.
            let all = [Reading::OtherFirst, Reading::App, Reading::OtherAgain];
            let [Some(first), Some(app), Some(again)] = all.map(|own| readings.get(&own)) else {
                continue;
            };
            let three = Three {
                resource,
                counterpart,
                first,
                app,
                again,
            };
            three.judge(context);
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

/// A resource that is compared, and with what.
fn compared<'c>(contract: &'c Contract, name: &str) -> Option<(&'c Resource, &'c Counterpart)> {
    let mut all = contract.parity.iter().flat_map(|own| &own.resources);
    let counterpart = all.find(|own| own.of == name)?;
    Some((contract.resource(name)?, counterpart))
}

impl Read {
    fn take(&mut self, resource: &Resource, ended: &Ended<'_>, context: &Context<'_>) {
        self.at = context.entry.at;
        self.last = Source {
            entry: Some(context.entry.id),
            exchange: ended.request.exchange,
        };
        let answer = ended.by_backend().filter(|_| ended.succeeded());
        let Some(body) = answer.and_then(|answer| answer.body.json()) else {
            self.is_broken = true;
            return;
        };
        let page = Flattened::of(resource, body);
        self.is_cut |= page.is_cut;
        if let Some(list) = &resource.items {
            self.lacks_list |= list.in_body(body).is_none();
            let source = self.last;
            let items = page.items.into_iter();
            self.items
                .extend(items.map(|(key, fields)| (key, Item { fields, source })));
        } else {
            self.single.extend(page.single);
        }
    }
}

/// Three readings of one resource.
struct Three<'r> {
    resource: &'r Resource,
    counterpart: &'r Counterpart,
    first: &'r Read,
    app: &'r Read,
    again: &'r Read,
}

/// What was found in comparing.
struct Found<'c> {
    context: &'c Context<'c>,
    /// How many values were compared, whatever came of it.
    compared: usize,
    /// How many moved by themselves.
    moved: usize,
    /// What differs, each kind of it once.
    kinds: BTreeSet<String>,
}

impl<'r> Three<'r> {
    fn readings(&self) -> [&'r Read; 3] {
        [self.first, self.again, self.app]
    }

    fn judge(&self, context: &Context<'_>) {
        let name = &self.counterpart.of;
        let any = |is: fn(&Read) -> bool| self.readings().into_iter().any(is);
        if any(|read| read.is_broken) {
            let why = format!("an answer to a reading of `{name}` could not be read as JSON");
            context.unable(&PARITY, why);
            return;
        }
        if any(|read| read.lacks_list) {
            let why = format!("nothing stands where the contract has the list of `{name}`");
            context.doubtful(&PARITY, why);
            return;
        }
        let mut found = Found {
            context,
            compared: 0,
            moved: 0,
            kinds: BTreeSet::new(),
        };
        self.object(&mut found);
        self.lists(&mut found);
        let is_empty = !any(|read| !read.items.is_empty() || !read.single.is_empty());
        if found.compared > 0 || !found.kinds.is_empty() || is_empty {
            context.exercised(&PARITY);
            return;
        }
        let why = match found.moved {
            0 => format!("`{name}` has no field that another client has, too"),
            moved => format!("all {moved} values of `{name}` moved while they were compared"),
        };
        context.unable(&PARITY, why);
    }

    /// The fields that both sides have somewhere, by the app's path and by the other's.
    fn columns<'f>(
        &self,
        others: impl IntoIterator<Item = &'f Fields>,
        apps: impl IntoIterator<Item = &'f Fields>,
    ) -> Vec<(String, String)> {
        let theirs: BTreeSet<&String> = others.into_iter().flat_map(BTreeMap::keys).collect();
        let own: BTreeSet<&String> = apps.into_iter().flat_map(BTreeMap::keys).collect();
        own.into_iter()
            .filter(|path| !self.moves(path))
            .filter_map(|path| Some((path.clone(), self.counterpart.path(path)?)))
            .filter(|(_, other)| theirs.contains(other))
            .collect()
    }

    /// Whether the contract says that something moves there by itself: two readings may agree on it
    /// by chance.
    fn moves(&self, path: &str) -> bool {
        let as_of = self.resource.as_of.as_ref().map(|own| &own.at);
        let mut moving = self.resource.moves.iter().chain(as_of);
        moving.any(|own| matches!(own, Selector::Pointer(pointer) if pointer == path))
    }

    fn object(&self, found: &mut Found<'_>) {
        let [first, app, again] = [self.first, self.app, self.again];
        let columns = self.columns([&first.single], [&app.single]);
        let sources = [first.last, again.last, app.last];
        let fields = [&first.single, &app.single, &again.single];
        self.fields(("", sources), fields, &columns, found);
    }

    fn lists(&self, found: &mut Found<'_>) {
        let (first, again) = (&self.first.items, &self.again.items);
        let fields = |items: &'r BTreeMap<String, Item>| items.values().map(|item| &item.fields);
        let columns = self.columns(fields(first), fields(&self.app.items));
        let stands = first.keys().eq(again.keys());
        for (key, app) in &self.app.items {
            match (first.get(key), again.get(key)) {
                (Some(first), Some(again)) => {
                    let sources = [first.source, again.source, app.source];
                    let fields = [&first.fields, &app.fields, &again.fields];
                    self.fields((key, sources), fields, &columns, found);
                }
                (None, None) if stands => {
                    let observed = format!("the app is told of `{key}` as well");
                    let sources = [self.first.last, self.again.last, app.source];
                    self.items_differ("an item too many", observed, sources, found);
                }
                _ => {}
            }
        }
        for (key, item) in first.iter().filter(|_| stands) {
            if !self.app.items.contains_key(key) {
                let observed = format!("the app is not told of `{key}`");
                let again = again.get(key).map_or(self.again.last, |item| item.source);
                let sources = [item.source, again, self.app.last];
                self.items_differ("an item is missing", observed, sources, found);
            }
        }
    }

    /// Compares one item, or the object.
    fn fields(
        &self,
        (key, sources): (&str, [Source; 3]),
        [first, app, again]: [&Fields; 3],
        columns: &[(String, String)],
        found: &mut Found<'_>,
    ) {
        for (path, other) in columns {
            let (theirs, app) = (first.get(other), app.get(path));
            let stands = match (theirs, again.get(other)) {
                (Some(theirs), Some(again)) => is_same(theirs, again),
                (None, None) => true,
                _ => false,
            };
            match (theirs, app) {
                (None, None) => {}
                _ if !stands => found.moved += 1,
                (Some(theirs), Some(app)) if is_same(theirs, app) => found.compared += 1,
                // What there were too many of to look at may well be there.
                (None, _) | (_, None) if self.readings().iter().any(|read| read.is_cut) => {}
                (theirs, app) => {
                    found.compared += 1;
                    let (expected, observed) = self.told(key, [theirs, app]);
                    let what = format!("`{path}`");
                    self.differs(&what, [expected, observed], sources, found);
                }
            }
        }
    }

    fn items_differ(
        &self,
        what: &str,
        observed: String,
        sources: [Source; 3],
        found: &mut Found<'_>,
    ) {
        let items = self.first.items.len();
        let expected = format!("the {items} items that another client is told of");
        self.differs(what, [expected, observed], sources, found);
    }

    /// What the other client was told of a value, and what the app was.
    fn told(&self, key: &str, values: [Option<&Value>; 2]) -> (String, String) {
        let of = match key {
            "" => String::new(),
            key => format!(" of `{key}`"),
        };
        let [theirs, app] = values.map(|value| match value {
            Some(value) => format!("`{}`", shown(value)),
            None => "nothing".to_owned(),
        });
        let expected = format!(
            "{theirs}{of}, as another client was told {} and {} after the start",
            show(self.first.at),
            show(self.again.at)
        );
        (
            expected,
            format!("{app}, as the app was told after {}", show(self.app.at)),
        )
    }

    fn differs(
        &self,
        what: &str,
        [expected, observed]: [String; 2],
        sources: [Source; 3],
        found: &mut Found<'_>,
    ) {
        let name = &self.counterpart.of;
        let kind = format!("{name} {what}");
        if !found.kinds.contains(&kind) {
            if found.kinds.len() == MOST {
                return;
            }
            found.kinds.insert(kind.clone());
        }
        let message = format!("`{name}` is not what another client is told: {what}");
        found.context.violated(
            &PARITY,
            Violation::new(message)
                .kind(kind)
                .expected(expected)
                .observed(observed)
                .evidence(sources.into_iter().filter_map(|source| source.entry))
                .exchanges(sources.map(|source| source.exchange)),
        );
    }
}

fn shown(value: &Value) -> String {
    let text = plain(value);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Whether two values say the same: as they are written, as decimals, or as moments.
fn is_same(one: &Value, other: &Value) -> bool {
    let (left, right) = (plain(one), plain(other));
    if left == right {
        return true;
    }
    if let (Some(left), Some(right)) = (decimal(&left), decimal(&right)) {
        return left == right;
    }
    let is_scientific = |text: &str| text.contains(['e', 'E']);
    if let (Some(left_number), Some(right_number)) = (moment::number(one), moment::number(other)) {
        return (is_scientific(&left) || is_scientific(&right)) && left_number == right_number;
    }
    let moments = moment::unix(one).zip(moment::unix(other));
    moments.is_some_and(|(left, right)| (left - right).abs() < MOMENT)
}

/// A decimal without the zeros that say nothing; nothing for what is no plain decimal.
fn decimal(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // What begins with a zero is a name that is made of digits.
    let is_name = whole.len() > 1 && whole.starts_with('0');
    if !is_digits(whole) || !is_digits(part) || is_name {
        return None;
    }
    let part = part.trim_end_matches('0');
    let sign = if whole == "0" && part.is_empty() {
        ""
    } else {
        sign
    };
    Some(format!("{sign}{whole}.{part}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_the_same_by_what_they_say() {
        let same = [
            (json!("12.50"), json!(12.5)),
            (json!(1), json!("1.0")),
            (json!("-0.0"), json!(0)),
            (
                json!("2026-01-05T09:00:00Z"),
                json!("2026-01-05T10:00:00+01:00"),
            ),
            (json!("2026-01-05T09:00:00Z"), json!(1_767_603_600)),
            (
                json!("2026-01-05T09:00:00.5Z"),
                json!(1_767_603_600_500_u64),
            ),
            (json!("1e3"), json!(1000)),
            (json!("long"), json!("long")),
        ];
        for (one, other) in same {
            assert!(is_same(&one, &other), "{one} {other}");
        }
        let unlike = [
            (json!("12.50"), json!(12.51)),
            (json!("9007199254740993.1"), json!("9007199254740993.2")),
            (json!("007"), json!("7")),
            (json!("2026-01-05T09:00:00Z"), json!("2026-01-05T09:00:01Z")),
            (json!(true), json!("yes")),
            (json!("long"), json!("LONG")),
        ];
        for (one, other) in unlike {
            assert!(!is_same(&one, &other), "{one} {other}");
        }
    }
}
