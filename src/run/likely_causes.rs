//! The likely causes of an expectation that failed: the entries before it that most probably say why.

mod said;

use std::collections::BTreeSet;

use crate::domain::contract::Role;
use crate::domain::journal::{
    Answerer, AppFact, Entry, EntryId, Fact, Frame, LossReason, SessionState, SocketEnd,
};

pub(super) use said::{Circumstances, likeliest};

/// How many kinds of causes are cited.
const CITED: usize = 3;

/// What went wrong before an expectation failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LikelyCauses {
    /// The last entry of each kind, newest kinds last.
    pub(super) entries: Vec<EntryId>,
    /// The backend's ids of the requests among them.
    pub(super) request_ids: Vec<String>,
}

/// The likely causes among these entries.
pub(super) fn among<'a>(
    entries: impl DoubleEndedIterator<Item = &'a Entry> + Clone,
) -> LikelyCauses {
    // An Engine.IO server answers posts as if they were pages.
    let feed: BTreeSet<u64> = entries
        .clone()
        .filter_map(|entry| match &entry.fact {
            Fact::Request(request) if request.role == Some(Role::Realtime) => {
                Some(request.exchange)
            }
            _ => None,
        })
        .collect();
    let mut kinds: Vec<String> = Vec::new();
    let mut causes = LikelyCauses::default();
    for entry in entries.rev() {
        let Some(kind) = kind(&entry.fact, &feed).filter(|kind| !kinds.contains(kind)) else {
            continue;
        };
        kinds.push(kind);
        causes.entries.push(entry.id);
        if let Fact::Answer(answer) = &entry.fact {
            causes.request_ids.extend(answer.request_id.clone());
        }
        if causes.entries.len() == CITED {
            break;
        }
    }
    causes.entries.reverse();
    causes.request_ids.reverse();
    causes
}

/// What kind of cause an entry may be. What the gateway did in a scenario's name is none.
fn kind(fact: &Fact, feed: &BTreeSet<u64>) -> Option<String> {
    match fact {
        Fact::Answer(answer) if answer.from == Answerer::Backend => {
            let is_page = answer.is_page() && !feed.contains(&answer.exchange);
            let is_odd = is_page || (answer.status >= 300 && answer.status != 304);
            is_odd.then(|| format!("answer {}", answer.status))
        }
        Fact::Lost {
            reason: LossReason::Upstream { .. },
            ..
        } => Some("lost".to_owned()),
        Fact::Frame { packet, .. } => match packet {
            Frame::ConnectError { .. } => Some("refused".to_owned()),
            Frame::Disconnect { .. } => Some("sent away".to_owned()),
            Frame::Unreadable { .. } => Some("unreadable".to_owned()),
            _ => None,
        },
        Fact::SocketClosed {
            end: SocketEnd::Backend | SocketEnd::Network { .. },
            ..
        } => Some("closed".to_owned()),
        Fact::App(AppFact::Notice { name }) => Some(format!("notice {name}")),
        Fact::App(AppFact::Unexpected { .. }) => Some("unexpected".to_owned()),
        Fact::App(AppFact::Session {
            state: SessionState::Ended { .. },
        }) => Some("ended".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::journal::Answer;

    fn entry(id: u64, fact: Fact) -> Entry {
        Entry {
            id: EntryId(id),
            at: Duration::from_secs(id),
            device: None,
            fact,
        }
    }

    fn answer(status: u16, kind: &str, from: Answerer) -> Fact {
        Fact::Answer(Answer {
            exchange: 1,
            status,
            headers: vec![("content-type".to_owned(), kind.to_owned())].into(),
            body: crate::domain::journal::Content::Empty,
            from,
            request_id: Some(format!("id-{status}")),
            sent: Default::default(),
            leads_past: Vec::new(),
        })
    }

    #[test]
    fn the_newest_of_each_kind_of_cause_is_cited_in_order() {
        let json = "application/json";
        let entries = [
            entry(1, answer(500, json, Answerer::Backend)),
            entry(2, answer(500, json, Answerer::Backend)),
            entry(3, answer(200, json, Answerer::Backend)),
            entry(
                4,
                answer(200, "Text/HTML; charset=utf-8", Answerer::Backend),
            ),
            entry(5, answer(503, json, Answerer::Fault)),
            entry(6, answer(304, json, Answerer::Backend)),
        ];
        let causes = among(entries.iter());
        assert_eq!(causes.entries, [EntryId(2), EntryId(4)]);
        assert_eq!(causes.request_ids, ["id-500", "id-200"]);
    }
}
