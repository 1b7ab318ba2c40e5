//! Limits to figures: what is written becomes what is judged.

use std::time::Duration;

use super::super::*;
use crate::domain::figures::{Bound, Figure, Limit, Of, Quantile};

fn limits(figures: &str) -> Vec<Limit> {
    let text = format!(
        r#"
services: {{ api: {{}} }}
session:
  sign-in: {{ request: POST api /in, form: {{ u: "{{username}}", p: "{{password}}" }} }}
kill-switch: {{ request: GET api /flags, blocked: {{ status: 503 }} }}
resources: {{ one: GET api /one, p95: GET api /two }}
screens: {{ first: one }}
figures: {figures}
"#
    );
    let read = read_contract(&Source::new("contract.yaml", text.as_str()));
    let contract = read.unwrap_or_else(|problems| panic!("{}", problems.render(Rendering::Plain)));
    contract.limits
}

#[test]
fn a_limit_is_a_number_a_share_or_a_time_of_all_of_each_or_of_one() {
    let limit = |figure, of, bound| Limit { figure, of, bound };
    let time = |quantile, millis| Bound::Time(quantile, Duration::from_millis(millis));
    let one = || Of::Route("one".to_owned());
    assert_eq!(
        limits(
            "{ sign-in-failures: 0, errors-5xx: { any: 0.5%, one: 1 }, requests-per-minute: { each: 60 } }"
        ),
        [
            limit(Figure::SignInFailures, Of::Any, Bound::Number(0)),
            limit(Figure::Errors5xx, Of::Any, Bound::Percent(0.5)),
            limit(Figure::Errors5xx, one(), Bound::Number(1)),
            limit(Figure::RequestsPerMinute, Of::Each, Bound::Number(60)),
        ]
    );
    assert_eq!(
        limits(
            "{ kill-latency: 5s, latency: { p95: 800ms, one: { p50: 1s, max: 3s }, status: 2s } }"
        ),
        [
            limit(Figure::KillLatency, Of::Any, time(Quantile::Max, 5_000)),
            limit(Figure::Latency, Of::Any, time(Quantile::P95, 800)),
            limit(Figure::Latency, one(), time(Quantile::P50, 1_000)),
            limit(Figure::Latency, one(), time(Quantile::Max, 3_000)),
            limit(
                Figure::Latency,
                Of::Route("status".to_owned()),
                time(Quantile::Max, 2_000)
            ),
        ]
    );
}

#[test]
fn a_contract_without_figures_limits_nothing() {
    assert_eq!(limits("{}"), []);
}
