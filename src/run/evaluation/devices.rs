//! The judges of a scenario's devices, and what they say together.
//!
//! Rules and the never-called proof take what they see for one client's. So each device of several has a
//! judge and a prover of its own, which are shown what concerns it and nothing else; the rules that
//! compare accounts are shown all.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::contract::Contract;
use crate::domain::coverage::{Coverage, Kind};
use crate::domain::journal::Entry;
use crate::domain::journal::file::Case;
use crate::domain::proof::{Proof, Proven, Prover};
use crate::domain::verdict::{Finding, ScopeTally};
use crate::rules::{Judge, JudgeSettings, Part, Ruling};

/// Who follows a journal.
pub(super) struct Devices {
    first: Follower,
    others: Vec<Follower>,
    /// Who compares the accounts of several devices.
    across: Option<Judge>,
}

/// Who follows one device.
struct Follower {
    device: Option<String>,
    judge: Judge,
    prover: Prover,
}

impl Devices {
    pub(super) fn of(contract: &Arc<Contract>, case: &Case) -> Self {
        let judge = |part: Part| {
            let waived = case.waivers.clone();
            Judge::new(Arc::clone(contract), JudgeSettings { waived, part })
        };
        let follower = |device: Option<&String>, part: Part| Follower {
            device: device.cloned(),
            judge: judge(part),
            prover: Prover::new(Arc::clone(contract)),
        };
        let first = case.devices.first();
        if case.devices.len() < 2 {
            return Self {
                first: follower(first, Part::Whole),
                others: Vec::new(),
                across: None,
            };
        }
        let others = case.devices.iter().skip(1);
        Self {
            first: follower(first, Part::OneDevice),
            others: others
                .map(|device| follower(Some(device), Part::OneDevice))
                .collect(),
            across: Some(judge(Part::AcrossDevices)),
        }
    }

    fn each(&mut self) -> impl Iterator<Item = &mut Follower> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }

    pub(super) fn observe(&mut self, entry: &Arc<Entry>) {
        for own in self.each() {
            if entry.concerns(own.device.as_deref()) {
                own.judge.observe(entry);
                own.prover.observe(entry);
            }
        }
        if let Some(across) = &mut self.across {
            across.observe(entry);
        }
    }

    /// What the scope saw so far of all of them.
    pub(super) fn tally(&self) -> ScopeTally {
        let mut tally = self.first.judge.tally();
        for own in &self.others {
            tally.add(own.judge.tally());
        }
        tally
    }

    /// What was found so far of the first of them, but for the first `known` findings.
    pub(super) fn found(&self, known: usize) -> Vec<Finding> {
        self.first.judge.found(known)
    }

    /// What is found, given that the journal has ended. It is asked once.
    pub(super) fn finish(&mut self) -> (Ruling, Proven) {
        let Some(across) = &mut self.across else {
            return (self.first.judge.finish(), self.first.prover.finish());
        };
        let across = across.finish();
        let tally = self.tally();
        let mut measured = Ruling::default();
        cover(&mut measured.coverage, &across.coverage);
        let (mut rulings, mut proofs) = (vec![(None, across)], Vec::new());
        for own in self.each() {
            let device = own.device.as_deref();
            let ruling = own.judge.finish();
            measured.figures.add(&ruling.figures);
            measured.coverage.add(&ruling.coverage);
            rulings.push((device, ruling));
            proofs.push((device, own.prover.finish()));
        }
        let ruling = Ruling {
            tally,
            figures: measured.figures,
            coverage: measured.coverage,
            ..together(rulings)
        };
        (ruling, proven_together(proofs))
    }
}

/// Takes over what a judge of all devices says of rules. All else that it saw, the judges of each saw.
fn cover(coverage: &mut Coverage, of_all: &Coverage) {
    for (rule, covered) in of_all.of(Kind::Rules).filter(|(_, own)| own.is_tested()) {
        coverage.expect(Kind::Rules, rule);
        coverage.by_client(Kind::Rules, rule, covered.by_client);
        coverage.by_harness(Kind::Rules, rule, covered.by_harness);
    }
}

/// A text about one of several devices.
fn on(device: Option<&str>, text: String) -> String {
    match device {
        Some(device) => format!("on {device}: {text}"),
        None => text,
    }
}

/// What several judges say, each about its device. What nothing put to the test on any of them was not put
/// to the test.
fn together(rulings: Vec<(Option<&str>, Ruling)>) -> Ruling {
    let mut all = Ruling::default();
    let mut idle: BTreeMap<&'static str, usize> = BTreeMap::new();
    let judges = rulings.len();
    let mut why: BTreeMap<(String, String), Option<&str>> = BTreeMap::new();
    let mut remarks: BTreeMap<(String, String), Option<&str>> = BTreeMap::new();
    for (device, ruling) in rulings {
        all.findings
            .extend(ruling.findings.into_iter().map(|finding| Finding {
                message: on(device, finding.message),
                ..finding
            }));
        // What is true of all of them is said once, and of none by its name.
        for (said, told) in [
            (ruling.not_judged, &mut why),
            (ruling.remarks, &mut remarks),
        ] {
            for own in said {
                let of = told.entry(own).or_insert(device);
                if *of != device {
                    *of = None;
                }
            }
        }
        for rule in ruling.not_exercised {
            *idle.entry(rule).or_default() += 1;
        }
    }
    let say = |told: BTreeMap<(String, String), Option<&str>>| {
        let told = told.into_iter();
        told.map(|((rule, text), device)| (rule, on(device, text)))
            .collect()
    };
    all.not_judged = say(why);
    all.remarks = say(remarks);
    let idle = idle.into_iter().filter(|(_, judged)| *judged == judges);
    all.not_exercised = idle.map(|(rule, _)| rule).collect();
    all
}

/// The proof of all devices: each must be proven for itself.
fn proven_together(proofs: Vec<(Option<&str>, Proven)>) -> Proven {
    let mut notes = Vec::new();
    let mut doubts = Vec::new();
    let mut broken: Option<Vec<Finding>> = None;
    for (device, proven) in proofs {
        for note in proven.notes {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        match proven.proof {
            Proof::Holds => {}
            Proof::Inconclusive(own) => doubts.extend(own.into_iter().map(|why| on(device, why))),
            // A call that a rule names on one device is what the backend counted.
            Proof::Broken(findings) => match &mut broken {
                Some(known) if findings.is_empty() => known.clear(),
                Some(_) => {}
                None => broken = Some(findings),
            },
        }
    }
    let proof = match broken {
        Some(findings) => Proof::Broken(findings),
        None if doubts.is_empty() => Proof::Holds,
        None => Proof::Inconclusive(doubts),
    };
    Proven { proof, notes }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::domain::contract::harbour::agreed_in;
    use crate::domain::journal::EntryId;

    /// The rules that compare accounts: what two devices did is more to them than what one did.
    const ACROSS: [&str; 4] = ["TENANT-1", "TENANT-2", "TENANT-3", "TENANT-5"];

    fn case(devices: &[&str]) -> Case {
        Case {
            devices: devices.iter().map(|own| (*own).to_owned()).collect(),
            ..Case::default()
        }
    }

    fn judged(contract: &Arc<Contract>, case: &Case, entries: &[Entry]) -> Vec<Finding> {
        let mut devices = Devices::of(contract, case);
        for entry in entries {
            devices.observe(&Arc::new(entry.clone()));
        }
        let (ruling, _) = devices.finish();
        let own = ruling.findings.into_iter();
        own.filter(|finding| !ACROSS.contains(&finding.rule.as_str()))
            .collect()
    }

    #[test]
    fn each_device_is_judged_as_if_it_were_alone_whatever_the_other_does() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/journals");
        let mut played = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let contract = Arc::new(agreed_in(&name));
            let text = std::fs::read_to_string(&path).unwrap();
            let alone: Vec<Entry> = text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            let places: BTreeMap<EntryId, u64> =
                (0..).zip(&alone).map(|(at, own)| (own.id, at)).collect();
            // The same twice, entry by entry in turns.
            let both: Vec<Entry> = (0..)
                .zip(&alone)
                .flat_map(|(at, own)| {
                    [("one", 2 * at + 1), ("two", 2 * at + 2)].map(|(device, id)| Entry {
                        id: EntryId(id),
                        device: Some(device.to_owned()),
                        ..own.clone()
                    })
                })
                .collect();
            let mut expected = Vec::new();
            for (device, shift) in [("one", 1), ("two", 2)] {
                let found = judged(&contract, &case(&[]), &alone).into_iter();
                expected.extend(found.map(|finding| {
                    Finding {
                        message: format!("on {device}: {}", finding.message),
                        evidence: finding
                            .evidence
                            .iter()
                            .map(|id| EntryId(2 * places[id] + shift))
                            .collect(),
                        ..finding
                    }
                }));
            }
            let found = judged(&contract, &case(&["one", "two"]), &both);
            assert_eq!(found, expected, "{name}");
            played += found.len();
        }
        assert!(played > 100, "{played} findings");
    }
}
