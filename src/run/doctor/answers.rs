//! What one service answers to a question that anybody may ask: whether, how fast, and what time it is there.

use std::time::Duration;

use tokio::time::Instant;

use super::{Examined, Show, State};
use crate::domain::contract::Contract;
use crate::domain::duration;
use crate::domain::moment;
use crate::net::Clock;
use crate::run::deployment::{Clients, Unlike, World, inquiry};
use crate::suite::config::Target;

/// How often it is asked, for a latency that is no accident.
const TIMES: usize = 5;
/// A clock that is off by more makes tokens seem too old or too young.
const TOLERABLE: f64 = 5.0;
/// A median latency above is worth a warning: what scenarios allow is meant for less.
const SLOW: Duration = Duration::from_secs(1);

/// Whether a service answers as the contract says.
pub(super) async fn examine(
    target: &Target,
    contract: &Contract,
    name: &str,
    show: &mut Show<'_>,
) -> bool {
    let clients = Clients::of(target);
    let Some(asked) = inquiry(target, contract, name, World::AsItShouldBe) else {
        return true;
    };
    let what = format!("http {name}");
    let url = &asked.url;
    let (mut took, mut date) = (Vec::new(), None);
    for _ in 0..TIMES {
        let began = Instant::now();
        match asked.ask(&clients).await {
            Ok(answered) => {
                took.push(began.elapsed());
                if took.len() == 1 {
                    let said = format!("GET {url} answered {}", answered.status);
                    show(status(&what, answered.status, said));
                }
                date = answered.date.or(date);
            }
            Err(why) => {
                let next = advice(&why);
                show(Examined::failure(what, format!("GET {url}: {why}")).next(next));
                return false;
            }
        }
    }
    took.sort_unstable();
    show(latency(name, took[took.len() / 2]));
    show(clock(name, date.as_deref()));
    true
}

fn status(what: &str, status: u16, said: String) -> Examined {
    match status {
        401 | 403 => Examined::new(what, State::Warning, said)
            .next("if something stands before the service, write what it wants into `headers`"),
        500.. => Examined::new(what, State::Warning, said).next("see what the service's log says"),
        _ => Examined::ok(what, said),
    }
}

fn advice(why: &Unlike) -> &'static str {
    match why {
        Unlike::Client(_) => "see that the files of `tls` and the URL of `proxy` are right",
        Unlike::None(_) => "see that the service runs behind what accepted the connection",
        Unlike::NotFound { .. } => "correct the service's URL, with its base path, or the contract",
        Unlike::InMaintenance => {
            "`rehearsal levers restore` puts back what a run left; otherwise switch it off there"
        }
        Unlike::NotJson { .. } => {
            "see what stands in front of the service: `headers` may be missing"
        }
    }
}

fn latency(name: &str, median: Duration) -> Examined {
    let said = format!("{} in the median of {TIMES}", duration::show(round(median)));
    let what = format!("latency {name}");
    match median > SLOW {
        true => Examined::new(what, State::Warning, said)
            .next("say so with `latency`, so that nobody is blamed for it"),
        false => Examined::ok(what, said),
    }
}

/// To the millisecond, which is all that anybody reads.
fn round(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1))
}

fn clock(name: &str, date: Option<&str>) -> Examined {
    let what = format!("clock {name}");
    let Some(there) = date.and_then(moment::date) else {
        return Examined::new(what, State::NotTried, "its answers bear no date");
    };
    // A date has whole seconds.
    let here = Clock::real_time().epoch().as_secs_f64();
    let off = here - there.as_duration().as_secs_f64();
    let said = format!(
        "{:.0} s {} this machine's",
        off.abs(),
        if off < 0.0 { "before" } else { "behind" }
    );
    if off.abs() > TOLERABLE {
        let next = "set both clocks by NTP: tokens are judged by them";
        Examined::new(what, State::Warning, said).next(next)
    } else {
        Examined::ok(what, "as this machine's, to the second or so")
    }
}
