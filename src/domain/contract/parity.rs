//! Another client of the same backend, by which the app's data is compared.

use super::{Resource, SessionRequest};

/// What another client of the backend reads, like the web's dashboard: it has to be what the app reads.
#[derive(Debug, Clone)]
pub struct Parity {
    /// How the other client signs in; without it, as the app does.
    pub sign_in: Option<SessionRequest>,
    /// What is compared.
    pub resources: Vec<Counterpart>,
}

/// What the other client reads in the place of one of the app's resources.
#[derive(Debug, Clone)]
pub struct Counterpart {
    /// The app's resource, by name.
    pub of: String,
    /// What the other client reads. It bears the name of the app's resource.
    pub resource: Resource,
    /// Fields that the other client calls otherwise: the app's JSON Pointer into an item or into the
    /// object, and the other's.
    pub renamed: Vec<(String, String)>,
    /// What is not compared: JSON Pointers of the app's.
    pub apart: Vec<String>,
}

impl Counterpart {
    /// Where the other client has what the app has at this path; nothing where it is not compared.
    #[must_use]
    pub fn path(&self, of_app: &str) -> Option<String> {
        if self
            .apart
            .iter()
            .any(|apart| below(apart, of_app).is_some())
        {
            return None;
        }
        let mut renamed = self.renamed.iter();
        let other =
            renamed.find_map(|(own, other)| Some(format!("{other}{}", below(own, of_app)?)));
        Some(other.unwrap_or_else(|| of_app.to_owned()))
    }
}

/// What is left of a path below a pointer, with its slash; nothing where it leads elsewhere.
fn below<'p>(pointer: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(pointer)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contract::harbour::harbour;

    #[test]
    fn a_field_is_found_under_the_others_name_and_nothing_apart_is_compared() {
        let counterpart = Counterpart {
            of: "ships".to_owned(),
            resource: harbour().resources.remove(1),
            renamed: vec![("/knots".to_owned(), "/speed/knots".to_owned())],
            apart: vec!["/mark".to_owned()],
        };
        let paths = ["/knots", "/knots/max", "/knotsman", "/mark/at", "/imo"];
        assert_eq!(
            paths.map(|path| counterpart.path(path)),
            [
                Some("/speed/knots".to_owned()),
                Some("/speed/knots/max".to_owned()),
                Some("/knotsman".to_owned()),
                None,
                Some("/imo".to_owned()),
            ]
        );
    }
}
