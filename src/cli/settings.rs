//! Where a setting comes from: its default, the environment, the configuration, the command line,
//! each beating the one before it.

use std::ffi::OsString;
use std::str::FromStr;

use super::problem::Problem;

/// Reads variables of the environment; a test brings its own.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The environment of the process.
pub(super) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// One setting of three layers; `None` leaves the default to the caller.
pub(super) fn layered<T: FromStr<Err: std::fmt::Display>>(
    flag: Option<T>,
    file: Option<T>,
    environment: Environment<'_>,
    variable: &'static str,
) -> Result<Option<T>, Problem> {
    if flag.is_some() {
        return Ok(flag);
    }
    if file.is_some() {
        return Ok(file);
    }
    // A variable that is set to nothing is how shells and CI systems unset one.
    let Some(value) = environment(variable).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let value = value.to_string_lossy();
    match value.parse() {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(Problem::Value {
            place: variable.to_owned(),
            value: value.into_owned(),
            why: error.to_string(),
        }),
    }
}

/// A seed that nobody chose: short enough to be typed, and exact in every JSON reader.
pub(super) fn chance() -> u64 {
    u64::from(fastrand::u32(..))
}

/// How many scenarios are played at once if nobody says.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(
        flag: Option<u64>,
        file: Option<u64>,
        variable: Option<&str>,
    ) -> Result<Option<u64>, Problem> {
        let environment = |name: &str| {
            assert_eq!(name, "REHEARSAL_SEED");
            variable.map(OsString::from)
        };
        layered(flag, file, &environment, "REHEARSAL_SEED")
    }

    #[test]
    fn a_flag_beats_the_file_and_the_file_beats_the_environment() {
        assert_eq!(seed(Some(1), Some(2), Some("3")).unwrap(), Some(1));
        assert_eq!(seed(None, Some(2), Some("3")).unwrap(), Some(2));
        assert_eq!(seed(None, None, Some("3")).unwrap(), Some(3));
        assert_eq!(seed(None, None, Some("")).unwrap(), None);
        assert_eq!(seed(None, None, None).unwrap(), None);
    }

    #[test]
    fn a_variable_that_cannot_be_read_is_named() {
        let problem = seed(None, None, Some("many")).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "REHEARSAL_SEED is `many`: invalid digit found in string"
        );
    }
}
