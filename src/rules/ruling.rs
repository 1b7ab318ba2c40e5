//! What the judge says when a journal has ended.

use crate::domain::coverage::Coverage;
use crate::domain::figures::Figures;
use crate::domain::verdict::{Finding, ScopeTally};

/// What the judge says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ruling {
    /// Every violation, the gravest first.
    pub findings: Vec<Finding>,
    /// Rules that could not be judged although there was reason to, with why.
    pub not_judged: Vec<(String, String)>,
    /// What should be known before the verdict is believed, by the rule that it is about.
    pub remarks: Vec<(String, String)>,
    /// Rules that nothing in the run put to the test.
    pub not_exercised: Vec<&'static str>,
    /// What the scope saw.
    pub tally: ScopeTally,
    /// What was measured.
    pub figures: Figures,
    /// What of the contract was put to the test.
    pub coverage: Coverage,
}
