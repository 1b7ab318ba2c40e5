//! Money as the household ledger writes it: decimal texts with two places.

/// The cents of an amount such as `-12.30`; nothing if it is none.
///
/// ```
/// assert_eq!(ledger_client::cents("-12.30"), Some(-1230));
/// assert_eq!(ledger_client::cents("12.3"), None);
/// ```
#[must_use]
pub fn cents(amount: &str) -> Option<i64> {
    let (whole, places) = amount.split_once('.')?;
    if places.len() != 2 {
        return None;
    }
    format!("{whole}{places}").parse().ok()
}
