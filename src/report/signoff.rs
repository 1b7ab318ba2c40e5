//! The sign-off of a period: one document that a release owner can put a name under, as a page, as
//! Markdown, and as an in-toto statement. What keeps it from being complete stands first.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::document::{Block, Cell, Document, Line, Tone, markdown};
use super::html::render_document;
use super::rollback::together;
use super::text::count;
use super::title;
use crate::domain::runbook::{Build, State, Status};
use crate::domain::signoff::{ItemOverTime, Lack, Night, SignOff, Standing};
use crate::domain::verdict::Verdict;

/// What the sign-off says, in a line.
#[must_use]
pub fn headline(signed: &SignOff) -> String {
    let (period, target) = (signed.gathered.period, &signed.gathered.target);
    let over = format!("{target} from {} to {}", period.first, period.last);
    match signed.lacks.len() {
        0 => format!("complete: {over}"),
        number => format!("incomplete: {over}, for {}", count(number as u64, "reason")),
    }
}

/// The document as Markdown.
#[must_use]
pub fn markdown(signed: &SignOff) -> Vec<u8> {
    markdown::render(&document(signed))
}

/// The document as a page.
#[must_use]
pub fn html(signed: &SignOff) -> Vec<u8> {
    render_document(&document(signed))
}

/// An in-toto statement with the predicate `test-result` about the run files: tests are the runbook's items.
/// Unsigned: signing it is its reader's.
#[must_use]
pub fn in_toto(signed: &SignOff) -> Vec<u8> {
    let described = |name: &str, sha256: &str| json!({"name": name, "digest": {"sha256": sha256}});
    let files = signed.gathered.nights.iter().flat_map(|own| &own.files);
    let subject = files.map(|own| described(&own.name, &own.sha256));
    let named = |wanted: &dyn Fn(Standing) -> bool| {
        let items = signed.items.iter().filter(|own| wanted(own.standing));
        items.map(|own| own.id.clone()).collect::<Vec<_>>()
    };
    let is_failed = signed.lacks.iter().any(|own| {
        matches!(
            own,
            Lack::Violated(_) | Lack::Fired { .. } | Lack::Finding { .. }
        )
    });
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject.collect::<Vec<Value>>(),
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": match (signed.is_complete(), is_failed) {
                (true, _) => "PASSED",
                (false, true) => "FAILED",
                (false, false) => "WARNED",
            },
            "configuration": configuration(signed),
            "passedTests": named(&|own| own == Standing::Holds),
            "warnedTests": named(&|own| own.is_lacking() && own != Standing::Violated),
            "failedTests": named(&|own| own == Standing::Violated),
        },
    });
    let mut bytes = serde_json::to_vec_pretty(&statement).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// What the nights were played from, each hash once.
fn configuration(signed: &SignOff) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for (name, sha256) in signed.gathered.nights.iter().flat_map(|own| &own.hashes) {
        let described = json!({"name": name, "digest": {"sha256": sha256}});
        if !all.contains(&described) {
            all.push(described);
        }
    }
    all
}

fn document(signed: &SignOff) -> Document {
    let (period, target) = (signed.gathered.period, &signed.gathered.target);
    let over = format!("{target}, {} to {}", period.first, period.last);
    let mut document = Document {
        title: format!("Sign-off – {over}"),
        ..Document::default()
    };
    document.heading(1, format!("Sign-off: {over}"));
    let tone = match signed.is_complete() {
        true => Tone::Good,
        false => Tone::Bad,
    };
    document.put(Block::Banner(tone, headline(signed)));
    document.put(Block::List {
        ordered: false,
        items: signed
            .lacks
            .iter()
            .map(|own| Line::from(own.to_string()))
            .collect(),
    });
    nights(&mut document, signed);
    triggers(&mut document, signed);
    items(&mut document, signed);
    findings(&mut document, signed);
    not_judged(&mut document, signed);
    attestations(&mut document, signed);
    versions(&mut document, signed);
    signature(&mut document, signed);
    document
}

/// The days as heads of columns.
fn heads(signed: &SignOff, first: &[&str]) -> Vec<String> {
    let days = signed.days.iter().map(|(day, _)| short(*day));
    let first = first.iter().map(|own| (*own).to_owned());
    first.chain(days).collect()
}

fn short(day: Date) -> String {
    day.strftime("%m-%d").to_string()
}

fn nights(document: &mut Document, signed: &SignOff) {
    document.heading(2, "Nights");
    let rows = signed.days.iter().flat_map(|(day, nights)| {
        if nights.is_empty() {
            let missing = Cell::new(Tone::Odd, "missing");
            return vec![vec![
                Cell::plain(day.to_string()),
                missing,
                Cell::default(),
                Cell::default(),
            ]];
        }
        let rows = nights
            .iter()
            .map(|at| night(*day, &signed.gathered.nights[*at]));
        rows.collect()
    });
    document.put(Block::Table {
        head: ["day", "verdict", "build", "run"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    });
    if signed.gathered.passed_over > 0 {
        let runs = count(signed.gathered.passed_over as u64, "run");
        document.say(format!(
            "{runs} of other targets or other days passed over."
        ));
    }
}

fn night(day: Date, night: &Night) -> Vec<Cell> {
    let verdict = &night.verdict;
    let tone = match verdict {
        _ if night.partial.is_some() => Tone::Odd,
        Verdict::Passed | Verdict::KnownFailure(_) => Tone::Good,
        Verdict::Inconclusive(_) | Verdict::Skipped(_) => Tone::Odd,
        _ => Tone::Bad,
    };
    let why = night.partial.as_deref().or(verdict.reason());
    let told = match why {
        Some(why) => format!("{}: {why}", verdict.name()),
        None => verdict.name().to_owned(),
    };
    let build = match night.answer.build() {
        Some(Build::Pull) => Cell::new(Tone::Bad, "pull"),
        Some(Build::Keep) => Cell::new(Tone::Good, "keep"),
        Some(Build::Open) => Cell::new(Tone::Odd, "not all judged"),
        None => Cell::plain("no triggers"),
    };
    let files = night.files.iter().map(|own| own.name.as_str());
    let mut run = Line::default().code(files.collect::<Vec<_>>().join(" "));
    if !night.misbehaving.is_empty() {
        run = run.and(format!(
            " misbehaving on purpose: {}",
            night.misbehaving.join(", ")
        ));
    }
    vec![
        Cell::plain(day.to_string()),
        Cell::new(tone, told),
        build,
        Cell::plain(run),
    ]
}

fn triggers(document: &mut Document, signed: &SignOff) {
    if signed.triggers.is_empty() {
        return;
    }
    document.heading(2, "Rollback triggers");
    let rows = signed.triggers.iter().map(|own| {
        let named = Line::default().code(&own.id).and(format!(" {}", own.title));
        let days = own.days.iter().map(|state| match state {
            None => Cell::plain("–").brief(),
            Some(State::Fired) => Cell::new(Tone::Bad, "fired").brief(),
            Some(State::Quiet) => Cell::new(Tone::Good, "quiet").brief(),
            Some(other) => Cell::new(Tone::Odd, other.name()).brief(),
        });
        std::iter::once(Cell::plain(named)).chain(days).collect()
    });
    document.put(Block::Table {
        head: heads(signed, &["trigger"]),
        rows: rows.collect(),
    });
    for trigger in signed
        .triggers
        .iter()
        .filter(|own| !own.evidence.is_empty())
    {
        document.heading(3, format!("{} {}", trigger.id, trigger.title));
        document.put(Block::List {
            ordered: true,
            items: trigger.actions.iter().map(Line::from).collect(),
        });
        let days = trigger
            .evidence
            .chunk_by(|(one, _), (other, _)| one == other);
        let told = days.flat_map(|all| {
            let day = all[0].0;
            let lines = together(all.iter().map(|(_, own)| own));
            lines.into_iter().map(move |own| format!("{day}: {own}"))
        });
        document.put(Block::List {
            ordered: false,
            items: told.take(20).map(Line::from).collect(),
        });
    }
}

fn items(document: &mut Document, signed: &SignOff) {
    document.heading(2, "The runbook over time");
    let Some(newest) = signed.newest() else {
        document.say("No run was read, so nothing is known of any item.");
        return;
    };
    let counted = [
        Standing::Holds,
        Standing::Violated,
        Standing::Open,
        Standing::NotTested,
        Standing::NotScored,
        Standing::NotApplicable,
    ];
    let counted = counted.iter().filter_map(|standing| {
        let number = signed
            .items
            .iter()
            .filter(|own| own.standing == *standing)
            .count();
        (number > 0).then(|| format!("{number} {}", standing.name()))
    });
    let (name, version) = (&newest.answer.name, &newest.answer.version);
    let counted = counted.collect::<Vec<_>>().join(", ");
    document.say(format!("{name}, version {version}: {counted}."));
    document.say("Night by night: ✓ proven or attested, ✗ violated, ? open or not scored, ○ not applicable, – no run.");
    for group in &newest.answer.groups {
        let of_it = signed.items.iter().filter(|own| own.group == group.id);
        group_table(
            document,
            signed,
            &format!("{} {}", group.id, group.title),
            of_it,
        );
    }
    let known = |id: &str| newest.answer.groups.iter().any(|own| own.id == id);
    let rest = signed.items.iter().filter(|own| !known(&own.group));
    group_table(document, signed, "In no group of the newest runbook", rest);
}

fn group_table<'a>(
    document: &mut Document,
    signed: &SignOff,
    named: &str,
    items: impl Iterator<Item = &'a ItemOverTime>,
) {
    let rows: Vec<Vec<Cell>> = items.map(row).collect();
    if rows.is_empty() {
        return;
    }
    document.heading(3, named);
    let head = heads(signed, &["id", "what has to be so", "over all"]);
    document.put(Block::Table { head, rows });
}

fn row(item: &ItemOverTime) -> Vec<Cell> {
    let days = item.days.iter().map(|status| match status {
        None => Cell::plain("–").brief(),
        Some(own) => Cell::new(
            match own {
                Status::Proven | Status::Attested => Tone::Good,
                Status::Violated => Tone::Bad,
                Status::Inconclusive | Status::NotScored => Tone::Odd,
                Status::NotApplicable => Tone::Plain,
            },
            match own {
                Status::Inconclusive => "open",
                other => other.name(),
            },
        )
        .brief(),
    });
    let standing = match item.standing {
        Standing::Holds => Tone::Good,
        Standing::NotApplicable => Tone::Plain,
        Standing::Violated => Tone::Bad,
        Standing::Open | Standing::NotTested | Standing::NotScored => Tone::Odd,
    };
    let mut told = Line::from(item.standing.name());
    if let Some(why) = &item.why {
        told = told.and(format!(": {why}"));
    }
    let first = [
        Cell::plain(Line::default().code(&item.id)),
        Cell::plain(item.title.as_str()),
        Cell::new(standing, told),
    ];
    first.into_iter().chain(days).collect()
}

fn findings(document: &mut Document, signed: &SignOff) {
    document.heading(2, "Findings");
    if signed.findings.is_empty() {
        document.say("Nothing was found in the period.");
        return;
    }
    let rows = signed.findings.iter().map(|own| {
        let what = title(&own.rule).unwrap_or_default();
        let named = Line::default().code(&own.rule).and(format!(" {what}"));
        let state = match own.is_open {
            true => Cell::new(Tone::Bad, "open"),
            false => Cell::new(Tone::Good, "not seen since"),
        };
        vec![
            Cell::plain(named),
            state,
            Cell::plain(own.subject.name()),
            Cell::plain(own.first.to_string()),
            Cell::plain(own.last.to_string()),
            Cell::plain(own.scenarios.join(", ")),
        ]
    });
    document.put(Block::Table {
        head: [
            "finding",
            "state",
            "broken by",
            "first",
            "last",
            "scenarios",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
    });
}

fn not_judged(document: &mut Document, signed: &SignOff) {
    document.heading(2, "What was not judged in the last night");
    let rules = signed.newest().map_or(&[][..], |own| &own.not_judged);
    if rules.is_empty() {
        document.say("Every rule that something put to the test was judged.");
    }
    let told = rules
        .iter()
        .map(|(rule, why)| Line::default().code(rule).and(format!(" {why}")));
    document.put(Block::List {
        ordered: false,
        items: told.collect(),
    });
}

fn attestations(document: &mut Document, signed: &SignOff) {
    let rows = signed.items.iter().filter_map(|item| {
        let own = item.attested.as_ref()?;
        let until = own.until.map_or_else(String::new, |day| day.to_string());
        Some(vec![
            Cell::plain(Line::default().code(&item.id)),
            Cell::plain(own.by.as_str()),
            Cell::plain(own.on.to_string()),
            match own.expired {
                true => Cell::new(Tone::Bad, format!("ended on {until}")),
                false => Cell::plain(until),
            },
            Cell::plain(own.note.as_str()),
        ])
    });
    let rows: Vec<Vec<Cell>> = rows.collect();
    if rows.is_empty() {
        return;
    }
    document.heading(2, "What people vouch for");
    document.put(Block::Table {
        head: ["id", "who", "on", "until", "by what"]
            .map(str::to_owned)
            .to_vec(),
        rows,
    });
}

fn versions(document: &mut Document, signed: &SignOff) {
    let Some(newest) = signed.newest() else {
        return;
    };
    document.heading(2, "Versions and hashes");
    let mut facts: Vec<(String, Line)> = Vec::new();
    for (name, value) in &newest.versions {
        facts.push(((*name).to_owned(), Line::from(value)));
    }
    document.put(Block::Facts(facts));
    document.say("Hashes of the last night's files, and of every run file, are SHA-256:");
    let hashes = newest
        .hashes
        .iter()
        .map(|(name, hash)| (name.as_str(), hash.as_str()));
    let files = signed.gathered.nights.iter().flat_map(|own| &own.files);
    let files = files.map(|own| (own.name.as_str(), own.sha256.as_str()));
    let rows = hashes
        .chain(files)
        .map(|(name, hash)| vec![Cell::plain(name), Cell::plain(Line::default().code(hash))]);
    document.put(Block::Table {
        head: vec!["file".to_owned(), "SHA-256".to_owned()],
        rows: rows.collect(),
    });
}

fn signature(document: &mut Document, signed: &SignOff) {
    document.heading(2, "Signed off by");
    document.say(match signed.is_complete() {
        true => "Name, day: ______________________________",
        false => "This period is incomplete. Whoever signs it takes what is listed above upon themselves: ______________________________",
    });
}

#[cfg(test)]
mod tests;
