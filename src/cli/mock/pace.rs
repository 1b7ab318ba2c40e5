//! How a world goes on while it is served: its tokens' lifetimes, and whether its numbers move.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cli::arguments::MockArguments;
use crate::domain::contract::Contract;
use crate::domain::world::{Feed, World};

/// What the command line says otherwise than the world.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    still: bool,
    access: Option<Duration>,
    refresh: Option<Duration>,
}

impl Pace {
    pub(super) fn of(arguments: &MockArguments) -> Self {
        Self {
            still: arguments.still,
            access: arguments.access_token,
            refresh: arguments.refresh_token,
        }
    }

    /// The world as it is to be served.
    pub(super) fn set(self, mut world: World, contract: &Contract) -> World {
        world.access_token_lifetime = self.access.unwrap_or(world.access_token_lifetime);
        world.refresh_token_lifetime = self.refresh.unwrap_or(world.refresh_token_lifetime);
        if self.still {
            stand_still(&mut world, contract);
        }
        world
    }
}

/// Every event still comes as often as it is promised, and says the same each time. What somebody else moves is
/// followed all the same.
fn stand_still(world: &mut World, contract: &Contract) {
    world.live.changes.clear();
    for feed in &mut world.feeds {
        feed.drift.clear();
    }
    let known: BTreeSet<String> = world.feeds.iter().map(|feed| feed.event.clone()).collect();
    let promised = contract.events().filter_map(|event| {
        let every = event.promise.at_least_every?;
        let feed = Feed {
            event: event.name.clone(),
            every: (every / 2).max(Duration::from_millis(1)),
            drift: Vec::new(),
        };
        (!known.contains(&event.name)).then_some(feed)
    });
    world.feeds.extend(promised);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Suite;

    #[test]
    fn a_world_that_stands_still_says_the_same_as_often_and_tokens_live_as_long_as_is_said() {
        let suite = Suite::shipped().unwrap();
        let mut world = (**suite.world.as_ref().unwrap()).clone();
        let left_out = world.feeds.pop().unwrap();
        let pace = Pace {
            still: true,
            access: Some(Duration::from_secs(20)),
            refresh: None,
        };
        let kept = world.refresh_token_lifetime;
        let world = pace.set(world, &suite.contract);
        let events: Vec<&str> = world.feeds.iter().map(|feed| feed.event.as_str()).collect();
        assert!(events.contains(&left_out.event.as_str()), "{events:?}");
        assert!(world.feeds.iter().all(|feed| feed.drift.is_empty()));
        assert!(world.live.changes.is_empty() && !world.live.follows.is_empty());
        assert_eq!(world.access_token_lifetime, Duration::from_secs(20));
        assert_eq!(world.refresh_token_lifetime, kept);
    }
}
