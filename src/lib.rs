//! rehearsal: a conformance test harness for mobile clients.
