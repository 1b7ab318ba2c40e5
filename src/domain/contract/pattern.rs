//! Patterns of requests and paths, as scope lists and scenarios write them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A pattern over requests: `POST trading /api/trade`, `* trading /internal/**`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPattern {
    /// The method, upper case; `None` for `*`.
    pub method: Option<String>,
    /// The service; `None` for `*`.
    pub service: Option<String>,
    /// The path below the service's URL.
    pub path: PathPattern,
}

impl RequestPattern {
    /// Reads `METHOD service /path`, where `*` stands for any method or service.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [method, service, path] = words[..] else {
            return Err(format!(
                "`{text}` is not a request pattern: write `METHOD service /path`, like `POST trading /api/orders` or `* trading /internal/**`"
            ));
        };
        if !method
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
            && method != "*"
        {
            return Err(format!("`{method}` is not an HTTP method"));
        }
        Ok(Self {
            method: (method != "*").then(|| method.to_ascii_uppercase()),
            service: (service != "*").then(|| service.to_owned()),
            path: PathPattern::parse(path)?,
        })
    }

    /// Reads the same in a contract with these services: where there is only one, it need not be named.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse_among(text: &str, services: &[&str]) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match (&words[..], services) {
            ([method, path], [only]) if path.starts_with('/') => {
                Self::parse(&format!("{method} {only} {path}"))
            }
            ([_, path], [_, _, ..]) if path.starts_with('/') => {
                Err(format!("`{text}` does not say which service it asks"))
            }
            _ => Self::parse(text),
        }
    }

    /// Whether a request falls under this pattern. `path` is the canonical path below the
    /// service's URL, without query.
    #[must_use]
    pub fn matches(&self, method: &str, service: &str, path: &str) -> bool {
        self.method
            .as_ref()
            .is_none_or(|own| own.eq_ignore_ascii_case(method))
            && self.service.as_ref().is_none_or(|own| own == service)
            && self.path.matches(path)
    }
}

impl fmt::Display for RequestPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} {} {}",
            self.method.as_deref().unwrap_or("*"),
            self.service.as_deref().unwrap_or("*"),
            self.path
        )
    }
}

impl Serialize for RequestPattern {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RequestPattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// A pattern over paths: segments are literal, `*` or `{name}` for one segment, `**` for any rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    One,
    Rest,
}

impl PathPattern {
    /// Reads a path pattern, which starts with `/`.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(format!(
                "`{text}` is not a path pattern: it starts with `/`"
            ));
        };
        let segments: Vec<Segment> = path
            .split('/')
            .map(|segment| match segment {
                "**" => Segment::Rest,
                "*" => Segment::One,
                name if name.starts_with('{') && name.ends_with('}') => Segment::One,
                literal => Segment::Literal(literal.to_owned()),
            })
            .collect();
        if let Some(at) = segments
            .iter()
            .position(|segment| *segment == Segment::Rest)
            && at + 1 != segments.len()
        {
            return Err(format!(
                "`{text}` goes on after `**`, which stands for any rest and must be last"
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    /// Whether a path falls under this pattern. `/a/**` holds `/a` and everything below it.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
        for segment in &self.segments {
            match (segment, parts.next()) {
                (Segment::Rest, _) => return true,
                (Segment::Literal(literal), Some(part)) if literal == part => {}
                (Segment::One, Some(part)) if !part.is_empty() => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }

    /// A path that falls under this pattern, for a request that must be caught.
    #[must_use]
    pub fn example(&self) -> String {
        self.filled(&|_| None).0
    }

    /// A path that falls under this pattern, with what `known` has for each segment that is open; it
    /// is asked with the path before it. Answers also whether a segment had to be made up.
    #[must_use]
    pub fn filled(&self, known: &dyn Fn(&str) -> Option<String>) -> (String, bool) {
        let mut path = String::new();
        let mut guessed = false;
        for segment in &self.segments {
            let open = match segment {
                Segment::Literal(literal) => literal.clone(),
                Segment::One | Segment::Rest => known(&path).unwrap_or_else(|| {
                    guessed = true;
                    "rehearsal-canary".to_owned()
                }),
            };
            path.push('/');
            path.push_str(&open);
        }
        (path, guessed)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_one_and_rest_segments_match_what_they_say() {
        let rest = PathPattern::parse("/internal/trading/**").unwrap();
        assert!(rest.matches("/internal/trading"));
        assert!(rest.matches("/internal/trading/a/b"));
        assert!(!rest.matches("/internal/tradings"));
        let one = PathPattern::parse("/api/strategies/{id}/toggle").unwrap();
        assert!(one.matches("/api/strategies/7/toggle"));
        assert!(!one.matches("/api/strategies//toggle"));
        assert!(!one.matches("/api/strategies/7"));
    }

    #[test]
    fn the_example_of_a_pattern_falls_under_it() {
        for text in ["/api/trade", "/internal/**", "/x/*/y"] {
            let pattern = PathPattern::parse(text).unwrap();
            assert!(pattern.matches(&pattern.example()), "{text}");
        }
    }

    #[test]
    fn a_request_pattern_reads_and_writes_the_same() {
        let pattern = RequestPattern::parse("* trading /internal/**").unwrap();
        assert_eq!(pattern.to_string(), "* trading /internal/**");
        assert!(pattern.matches("DELETE", "trading", "/internal/x"));
        assert!(!pattern.matches("DELETE", "platform", "/internal/x"));
        assert!(RequestPattern::parse("POST /api/trade").is_err());
        let among = |services: &[&str]| RequestPattern::parse_among("* /internal/**", services);
        assert_eq!(among(&["trading"]), Ok(pattern));
        let refused = among(&["trading", "platform"]).unwrap_err();
        assert!(refused.contains("which service"), "{refused}");
        assert!(RequestPattern::parse("POST trading /a/**/b").is_err());
    }
}
