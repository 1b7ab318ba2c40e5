//! Figures add up, whatever the order, and are read as they were written.

use proptest::prelude::*;

use super::*;

fn times() -> impl Strategy<Value = Distribution> {
    prop::collection::vec(0..50_000_000_u64, 0..12).prop_map(|all| {
        let mut times = Distribution::default();
        all.into_iter()
            .for_each(|micros| times.record(Duration::from_micros(micros)));
        times
    })
}

fn route() -> impl Strategy<Value = Route> {
    (prop::array::uniform8(0..9_u64), times()).prop_map(|(numbers, latency)| {
        let [
            requests,
            peak_minute,
            answered,
            status_401,
            status_403,
            status_5xx,
            lost,
            provoked,
        ] = numbers;
        Route {
            load: Load {
                requests,
                peak_minute,
            },
            answered,
            status_401,
            status_403,
            status_5xx,
            lost,
            provoked,
            latency,
        }
    })
}

prop_compose! {
    fn figures()(
        numbers in prop::array::uniform16(0..9_u64),
        routes in prop::collection::btree_map("[ab]", route(), 0..3),
        ages in prop::collection::btree_map("[ab]", times(), 0..3),
        fallback in times(),
        comeback in times(),
        kill in times(),
    ) -> Figures {
        let millis = |at: usize| Duration::from_millis(numbers[at]);
        let attempts = |at: usize| Attempts {
            succeeded: numbers[at],
            refused: numbers[at + 1],
            failed: numbers[at + 2],
            provoked: numbers[at + 3],
        };
        let ways = |at: usize| Ways {
            live: millis(at),
            polling: millis(at + 1),
            stale: millis(at + 2),
        };
        Figures {
            watched: millis(0),
            sign_ins: attempts(1),
            refreshes: attempts(2),
            load: Load { requests: numbers[5], peak_minute: numbers[6] },
            routes,
            sockets: Connects { connects: numbers[7], peak_second: numbers[8] },
            feed: FeedTimes { all: ways(9), steady: ways(12), offline: millis(15) },
            ages,
            fallback,
            comeback,
            kill,
            by_harness: numbers[6],
        }
    }
}

fn sum(left: &Figures, right: &Figures) -> Figures {
    let mut sum = left.clone();
    sum.add(right);
    sum
}

proptest! {
    #[test]
    fn it_does_not_matter_in_which_order_figures_are_added(
        a in figures(), b in figures(), c in figures(),
    ) {
        prop_assert_eq!(sum(&a, &b), sum(&b, &a));
        prop_assert_eq!(sum(&sum(&a, &b), &c), sum(&a, &sum(&b, &c)));
        prop_assert_eq!(sum(&a, &Figures::default()), a);
    }

    #[test]
    fn figures_are_read_as_they_were_written(own in figures()) {
        let text = serde_json::to_string(&Written::from(&own)).unwrap();
        let written: Written = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(Figures::try_from(written).unwrap(), own);
    }
}

#[test]
fn a_percentile_is_right_to_one_percent() {
    let mut times = Distribution::default();
    for millis in 1..=1_000 {
        times.record(Duration::from_millis(millis));
    }
    for (quantile, millis) in [
        (Quantile::P50, 500),
        (Quantile::P95, 950),
        (Quantile::P99, 990),
        (Quantile::Max, 1_000),
    ] {
        let told = times.at(quantile).unwrap().as_secs_f64() * 1_000.0;
        let error = (told - f64::from(millis)).abs() / f64::from(millis);
        assert!(error <= 0.01, "{quantile}: {told}");
    }
    assert_eq!(Distribution::default().at(Quantile::P50), None);
}

#[test]
fn what_is_no_histogram_is_refused() {
    for text in ["!", "AAAA", "HISTFAAA"] {
        assert!(Distribution::decode(text).is_err(), "{text}");
    }
}

#[test]
fn a_mean_needs_a_minute() {
    let load = Load {
        requests: 30,
        peak_minute: 30,
    };
    let watched = |seconds| Figures {
        watched: Duration::from_secs(seconds),
        ..Figures::default()
    };
    assert_eq!(watched(59).per_minute(load), None);
    assert_eq!(watched(120).per_minute(load), Some(15.0));
}
