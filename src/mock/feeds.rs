//! What the mock emits by itself: what the world says, and what the contract promises beyond it.

use std::time::Duration;

use crate::domain::contract::Contract;
use crate::domain::world::Feed;

/// The world's feeds, and one for each event that has to come by itself and that the world leaves
/// out. What it brings moves where the contract says that it does.
pub(super) fn of(contract: &Contract, mut feeds: Vec<Feed>) -> Vec<Feed> {
    for event in contract.events() {
        let Some(every) = event.promise.at_least_every else {
            continue;
        };
        if feeds.iter().any(|feed| feed.event == event.name) {
            continue;
        }
        let updated = event.updates.as_deref();
        let resource = updated.and_then(|name| contract.resource(name));
        feeds.push(Feed {
            event: event.name.clone(),
            every: (every / 2).max(Duration::from_millis(1)),
            drift: resource
                .and_then(|own| own.moves.clone())
                .into_iter()
                .collect(),
        });
    }
    feeds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contract::harbour::harbour;

    #[test]
    fn what_has_to_come_by_itself_does_and_what_the_world_emits_is_left_as_it_is() {
        let mut contract = harbour();
        let events = &mut contract.realtime.as_mut().unwrap().events;
        events[0].promise.at_least_every = Some(Duration::from_secs(20));
        let made = of(&contract, Vec::new());
        assert_eq!(made[0].event, "ship_moved");
        assert_eq!(made[0].every, Duration::from_secs(10));
        let own = Feed {
            event: "ship_moved".to_owned(),
            every: Duration::from_secs(3),
            drift: Vec::new(),
        };
        let made = of(&contract, vec![own]);
        assert_eq!((made.len(), made[0].every), (1, Duration::from_secs(3)));
    }
}
