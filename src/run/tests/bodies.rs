//! TENANT-2 where reads have bodies: users are named there, too.

use serde_json::json;

use super::*;
use crate::domain::contract::Body;
use crate::domain::selector::Template;
use crate::mock::Defect;

/// The rules that a backend breaks whose reads are POSTs with their parameters in the body.
fn broken(defect: Option<Defect>) -> Vec<String> {
    let mut plan = plan();
    let mut suite = Suite::shipped().unwrap();
    let contract = Arc::make_mut(&mut suite.contract);
    for resource in &mut contract.resources {
        "POST".clone_into(&mut resource.operation.method);
        let body = json!({"call": "read", "params": {}});
        resource.operation.body = Body::Json(Template(body));
        let (service, path) = (&resource.operation.service, &resource.operation.path);
        let forbidden = &mut contract.scope.forbid;
        forbidden.retain(|pattern| !pattern.matches("POST", service, path));
    }
    plan.suite = Arc::new(suite);
    plan.defects.extend(defect);
    let result = play::play(&plan, &plan.scenarios[0], &Interrupt::new());
    let findings = result.outcome.findings.into_iter();
    findings.map(|finding| finding.rule).collect()
}

#[test]
fn a_backend_that_obeys_a_name_in_the_body_is_found_and_one_that_does_not_is_not() {
    assert_eq!(broken(None), [""; 0]);
    assert_eq!(broken(Some(Defect::ObeysParameters)), ["TENANT-2"]);
}
