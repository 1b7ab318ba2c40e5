//! Every quirk deviates, and an app without quirks does nothing of the kind.

use super::*;

/// What went over the wire in a life that gives every quirk its chance.
struct Tale {
    bench: Bench,
    /// Requests, each with the second in which it was sent.
    sent: Vec<(u64, Request)>,
}

impl Tale {
    /// Sign-in, live feed, long loss of the socket, its return, maintenance, a 401 and a 403, no
    /// network, a new process.
    fn of(quirks: &[Quirk]) -> Self {
        let mut tale = Self {
            bench: Bench::of(contract(), quirks),
            sent: vec![],
        };
        tale.bench.start();
        tale.live(1);
        tale.bench.sign_in();
        tale.live(2);
        tale.connect();
        tale.live(5);
        if tale.bench.socket.is_some() {
            tale.bench.disconnect(DisconnectReason::TransportClose);
        }
        tale.live(61);
        tale.connect();
        tale.live(61);
        tale.bench.maintenance = true;
        tale.live(65);
        tale.bench.maintenance = false;
        tale.live(65);
        tale
    }

    fn live(&mut self, span: u64) {
        for _ in 0..span {
            let before = self.bench.sent.len();
            self.bench.live(seconds(1));
            self.note(before);
        }
    }

    fn note(&mut self, before: usize) {
        let second = self.bench.now.elapsed.as_secs();
        let new = self.bench.sent[before..].iter().cloned();
        self.sent.extend(new.map(|request| (second, request)));
    }

    fn connect(&mut self) {
        if self.bench.socket.is_some() {
            let before = self.bench.sent.len();
            self.bench.connect();
            self.bench.serve();
            self.note(before);
        }
    }

    fn loads_between(&self, from: u64, to: u64) -> usize {
        self.sent
            .iter()
            .filter(|(second, _)| (from..to).contains(second))
            .filter(|(_, request)| self.bench.role(request) == Some(positions()))
            .count()
    }

    fn writes(&self) -> Vec<String> {
        self.sent
            .iter()
            .map(|(_, request)| request)
            .filter(|request| request.method != "GET" && request.service == "trading")
            .map(|request| format!("{} {}", request.method, request.target))
            .collect()
    }
}

/// Seconds of the tale.
const LOST: u64 = 8;
const BACK: u64 = 69;
const MAINTENANCE_FROM: u64 = 130 + 34;
const MAINTENANCE_TO: u64 = 195;

/// Whether a tale shows the deviation. Each is false for an app that behaves.
fn deviates(quirk: Quirk, tale: &Tale) -> Option<bool> {
    let bench = &tale.bench;
    Some(match quirk {
        Quirk::TokenInQuery => bench.sent.iter().any(|own| own.target.contains("access-1")),
        Quirk::SocketTokenInQuery => !bench.sockets[0].query.is_empty() && bench.auths[0].is_null(),
        Quirk::NoFallback => tale.loads_between(LOST, BACK) == 0,
        Quirk::StaysOnPolling => tale.bench.socket.is_none() && bench.sockets.len() == 1,
        Quirk::PollsBesideSocket => tale.loads_between(BACK + 1, BACK + 60) > 2,
        Quirk::NeverStopsPolling => tale.loads_between(BACK + 1, BACK + 60) > 2,
        Quirk::TwoPollers | Quirk::OverlappingPolls | Quirk::PollsTooFast => {
            tale.loads_between(LOST, BACK) > 6
        }
        Quirk::NoSnapshot => tale.loads_between(BACK, BACK + 1) == 0,
        Quirk::DataWhileBlocked => {
            tale.loads_between(MAINTENANCE_FROM, MAINTENANCE_TO) > 0 || bench.sockets.len() == 1
        }
        Quirk::SignOutOnMaintenance => bench.screen() == SIGNED_OUT,
        Quirk::MaintenanceForGood => bench.screen() == MAINTENANCE,
        Quirk::ReconnectWithoutBackoff => {
            let client = &bench.sockets[0].client;
            client.jitter == 0.0 && client.delay_max < seconds(1)
        }
        Quirk::CallsForbidden => tale.writes().contains(&"POST /api/trade".into()),
        Quirk::DisguisedWrite => tale.writes().contains(&"POST //api//%74rade".into()),
        Quirk::UndeclaredWrite => tale.writes().contains(&"PATCH /api/positions".into()),
        Quirk::DisguisedRead => bench
            .sent
            .iter()
            .any(|own| own.target == "//api//%70ositions"),
        Quirk::UndeclaredEmit => bench.emitted.contains(&"undeclared".into()),
        Quirk::ForbiddenNamespace => bench.sockets[0].namespaces == ["/live", "/admin"],
        Quirk::DataBeforeSession => bench
            .sent
            .iter()
            .take_while(|own| bench.role(own) != Some(Role::SignIn))
            .any(|own| bench.role(own) == Some(positions())),
        // These need a situation of their own, below or on their stage.
        _ => return None,
    })
}

#[test]
fn each_quirk_deviates_where_it_says_and_an_app_without_quirks_nowhere() {
    let behaved = Tale::of(&[]);
    for &quirk in Quirk::ALL {
        if let Some(deviation) = deviates(quirk, &behaved) {
            assert!(!deviation, "an app without quirks looks like {quirk}");
            let tale = Tale::of(&[quirk]);
            assert_eq!(deviates(quirk, &tale), Some(true), "{quirk}");
        }
    }
    assert_eq!(behaved.bench.screen(), "overview");
    assert!(behaved.writes().is_empty());
}

/// The same situation with a quirk and without.
fn both(quirk: Quirk, situation: impl Fn(Bench) -> usize) -> (usize, usize) {
    (situation(Bench::new()), situation(Bench::with(quirk)))
}

#[test]
fn parallel_refreshes_are_two_where_one_is_enough() {
    let refreshes = both(Quirk::ParallelRefreshes, |bench| {
        let mut bench = bench.signed_in();
        bench.pass(seconds(545));
        bench.count(&Role::Refresh)
    });
    assert_eq!(refreshes, (1, 2));
}

#[test]
fn a_refresh_loop_ends_but_goes_round_more_than_once() {
    let refreshes = both(Quirk::RefreshLoop, |bench| {
        let mut bench = bench.signed_in();
        bench.user(UserAct::Refresh);
        bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
        while bench.pending(&positions()).is_some() {
            bench.answer(&positions(), 401, &json!({}));
            bench.serve_all_but(&positions());
        }
        bench.count(&Role::Refresh)
    });
    assert_eq!(refreshes, (1, 5));
}

fn forbid_positions(bench: Bench) -> Bench {
    let mut bench = bench.signed_in();
    bench.user(UserAct::Refresh);
    bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
    bench.answer(&positions(), 403, &json!({}));
    bench
}

#[test]
fn a_403_makes_only_quirky_apps_refresh_or_sign_out() {
    let refreshes = both(Quirk::RefreshOn403, |bench| {
        forbid_positions(bench).count(&Role::Refresh)
    });
    assert_eq!(refreshes, (0, 1));
    let sign_outs = both(Quirk::SignOutOn403, |bench| {
        forbid_positions(bench).count(&Role::SignOut)
    });
    assert_eq!(sign_outs, (0, 1));
}

#[test]
fn a_restore_makes_only_a_quirky_app_sign_in() {
    let sign_ins = both(Quirk::SignInOnRestore, |bench| {
        let mut bench = bench.signed_in().relaunch();
        bench.start();
        bench.serve();
        bench.count(&Role::SignIn)
    });
    assert_eq!(sign_ins, (0, 1));
}

#[test]
fn only_a_quirky_app_asks_for_data_before_the_switch() {
    let loads = both(Quirk::NoStatusFirst, |bench| {
        let mut bench = bench.signed_in().relaunch();
        bench.start();
        bench.all_loads()
    });
    assert_eq!(loads, (0, 2));
}

#[test]
fn only_a_quirky_app_retries_within_a_moment() {
    let loads = both(Quirk::RetryWithoutBackoff, |bench| {
        let mut bench = bench.signed_in();
        bench.user(UserAct::Open("history".into()));
        let trades = Role::Resource("trades".into());
        for _ in 0..3 {
            if bench.pending(&trades).is_some() {
                bench.answer(&trades, 500, &json!({}));
            }
            bench.pass(Duration::from_millis(150));
        }
        bench.loads("trades")
    });
    assert_eq!(loads, (1, 3));
}

#[test]
fn only_a_quirky_app_goes_on_without_network() {
    let (good, quirky) = both(Quirk::AttemptsWhileOffline, |bench| {
        let mut bench = bench.signed_in();
        bench.event(Event::Connectivity(false));
        let before = bench.sent.len();
        bench.live(seconds(120));
        bench.sent.len() - before
    });
    assert_eq!(good, 0);
    assert!(quirky > 5);
}

#[test]
fn only_a_quirky_app_sends_a_redirected_refresh_on() {
    let sent = both(Quirk::FollowsWithTheRefresh, |bench| {
        let mut bench = bench.signed_in();
        bench.user(UserAct::Refresh);
        bench.answer(&Role::Status, 200, &json!({"maintenance": false}));
        bench.answer(&positions(), 401, &json!({}));
        let refresh = bench.pending(&Role::Refresh).unwrap();
        let elsewhere = [("location", "/elsewhere")];
        bench.reply(refresh.id, 307, &elsewhere, String::new());
        let led = bench.sent.iter().filter(|own| own.target == "/elsewhere");
        led.filter(|own| own.body == refresh.body).count()
    });
    assert_eq!(sent, (0, 1));
}
