//! What common servers take a path for, written down apart from our own readings: whatever one of
//! them would route to a forbidden endpoint must never be judged to pass.
//!
//! The real servers are asked in `tests/main/evasion.rs`; these models are asked more often.

use proptest::prelude::*;

use super::*;

/// A path as one server sees it after its own steps; `None` where it refuses the request.
type Model = fn(&str) -> Option<String>;

const MODELS: [(&str, Model); 7] = [
    ("express", express),
    ("nginx", nginx),
    ("a servlet container", servlet),
    ("a server of Windows", windows),
    ("a proxy that decodes once", |path| proxy(path, 1)),
    ("a proxy that decodes twice", |path| proxy(path, 2)),
    ("a proxy that decodes three times", |path| proxy(path, 3)),
];

/// Matches what was sent, in any case, with or without a slash at the end.
fn express(path: &str) -> Option<String> {
    Some(slashless(path))
}

/// Decodes once, merges slashes, resolves dots; what climbs out or ends in NUL is refused.
fn nginx(path: &str) -> Option<String> {
    let decoded = decoded(path)?;
    (!decoded.contains('\0')).then(|| resolved(&decoded))?
}

/// Takes parameters off each segment before anything else, as the servlet specification has it.
fn servlet(path: &str) -> Option<String> {
    let bare: Vec<&str> = path
        .split('/')
        .map(|segment| segment.split(';').next().unwrap_or_default())
        .collect();
    resolved(&decoded(&bare.join("/"))?)
}

/// Knows backslashes, and no dots or blanks at the end of a name.
fn windows(path: &str) -> Option<String> {
    let resolved = resolved(&decoded(path)?.replace('\\', "/"))?;
    Some(slashless(resolved.trim_end_matches(['.', ' ', '/'])))
}

/// Decodes several times, resolves, cuts parameters off, and hands on to a server like Express.
fn proxy(path: &str, times: usize) -> Option<String> {
    let mut path = path.to_owned();
    for _ in 0..times {
        path = decoded(&path)?;
    }
    let path = resolved(&path.replace('\\', "/"))?;
    let path = path.split([';', '?', '#', '\0']).next().unwrap_or_default();
    express(path)
}

fn slashless(path: &str) -> String {
    path.trim_end_matches('/').to_lowercase()
}

fn decoded(path: &str) -> Option<String> {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8();
    decoded.ok().map(std::borrow::Cow::into_owned)
}

fn resolved(path: &str) -> Option<String> {
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop()?;
            }
            other => kept.push(other),
        }
    }
    Some(slashless(&format!("/{}", kept.join("/"))))
}

/// The part of a target that servers route by.
fn path_of(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or_default()
}

/// One trick at one place of a path.
fn tricked(path: &str, (trick, place): (u8, prop::sample::Index)) -> String {
    let letters: Vec<char> = path.chars().collect();
    let at = place.index(letters.len());
    let letter = letters[at];
    let code = u32::from(letter);
    let (before, after): (String, String) = (
        letters[..at].iter().collect(),
        letters[at + 1..].iter().collect(),
    );
    match (trick, letter) {
        (0, _) => format!("{before}%{code:02x}{after}"),
        (1, _) => format!("{before}%25{code:02X}{after}"),
        (2, 'a'..='z') => format!("{before}{}{after}", letter.to_ascii_uppercase()),
        (3, '/') => format!("{before}//{after}"),
        (4, '/') => format!("{before}/./{after}"),
        (5, '/') => format!("{before}/x/%2e%2e/{after}"),
        (6, '/') => format!("{before};a=b/{after}"),
        (7, '/') => format!("{before}\\{after}"),
        (8, '/') => format!("{before}/x/..;/{after}"),
        (9, _) => format!("{path}/"),
        (10, _) => format!("{path}."),
        (11, _) => format!("{path}%20"),
        (12, _) => format!("{path};v=1"),
        (13, _) => format!("{path}%3fx"),
        (14, _) => format!("/api/../{path}"),
        (15, _) => format!("{path}?x=1"),
        _ => path.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_a_common_server_would_take_for_a_forbidden_endpoint_never_passes(
        which in any::<prop::sample::Index>(),
        tricks in proptest::collection::vec((0_u8..17, any::<prop::sample::Index>()), 0..5),
    ) {
        let contract = sample::contract();
        let forbidden = &contract.scope.forbid;
        let pattern = &forbidden[which.index(forbidden.len())];
        let plain = pattern.path.example();
        let target = tricks.into_iter().fold(plain.clone(), |path, trick| tricked(&path, trick));
        let routed: Vec<&str> = MODELS
            .iter()
            .filter(|(_, model)| model(path_of(&target)) == Some(plain.to_lowercase()))
            .map(|(name, _)| *name)
            .collect();
        let request = RequestView {
            service: "trading",
            base_path: "",
            method: pattern.method.as_deref().unwrap_or("POST"),
            target: &target,
            host: "h",
            expected_authority: "h",
            headers: &[],
            body: Some(b""),
        };
        let judgement = judge(&contract, &request).judgement;
        prop_assert!(
            routed.is_empty() || !judgement.class.passes(),
            "{routed:?} take {target} for {plain}: {judgement:?}"
        );
    }
}

#[test]
fn each_model_takes_the_disguise_that_it_is_known_for() {
    for (name, disguise) in [
        ("express", "/API/Trade/"),
        ("nginx", "/x/..%2fapi%2f/trade"),
        ("a servlet container", "/x/..;a=b/api/trade"),
        ("a server of Windows", "/api\\trade. "),
        ("a proxy that decodes twice", "/api/%2574rade;x"),
    ] {
        let (_, model) = MODELS.iter().find(|(own, _)| *own == name).unwrap();
        assert_eq!(model(disguise).as_deref(), Some("/api/trade"), "{name}");
    }
}
