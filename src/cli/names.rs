//! Names on the command line to what they mean.

use super::exit::Exit;
use super::problem::Problem;
use crate::app::Quirk;
use crate::mock::Defect;

/// The quirks of these names, or the first name that nobody knows.
pub(super) fn quirks(names: &[String]) -> Result<Vec<Quirk>, Problem> {
    find(names, "quirk", Quirk::ALL, |quirk| quirk.name())
}

/// The defects of these names.
pub(super) fn defects(names: &[String]) -> Result<Vec<Defect>, Problem> {
    find(names, "defect", Defect::ALL, |defect| defect.name())
}

fn find<T: Copy>(
    names: &[String],
    kind: &'static str,
    all: &[T],
    name_of: fn(T) -> &'static str,
) -> Result<Vec<T>, Problem> {
    let found = names.iter().map(|name| {
        let mut known = all.iter().copied();
        known
            .find(|one| name_of(*one) == name)
            .ok_or_else(|| Problem::Unknown {
                kind,
                name: name.clone(),
                known: all.iter().map(|one| name_of(*one).to_owned()).collect(),
                exit: Exit::Usage,
            })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_knows_is_answered_with_the_nearest() {
        let name = Quirk::ALL[0].name();
        let mistyped = format!("{}x", &name[..name.len() - 1]);
        let problem = quirks(&[name.to_owned(), mistyped]).unwrap_err();
        assert_eq!(problem.exit(), Exit::Usage);
        let told = problem.message(crate::suite::Rendering::Plain);
        assert!(told.contains(&format!("did you mean `{name}`")), "{told}");
        assert_eq!(quirks(&[name.to_owned()]).unwrap(), [Quirk::ALL[0]]);
    }
}
