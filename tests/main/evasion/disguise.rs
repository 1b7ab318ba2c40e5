//! Forbidden endpoints in disguises that are thrown together at random.

use fastrand::Rng;
use rehearsal::internals::domain::contract::Contract;
use rehearsal::internals::domain::journal::Class;

use crate::corpus::{Case, host, trading};

/// A forbidden call, disguised by zero to three tricks, each of which may hit any place.
pub(super) fn case(contract: &Contract, dice: &mut Rng) -> Case {
    let pattern = &contract.scope.forbid[dice.usize(..contract.scope.forbid.len())];
    let mut method = pattern.method.clone().unwrap_or_else(|| "POST".to_owned());
    let mut target = pattern.path.example();
    let (mut headers, mut body) = (Vec::new(), None);
    for _ in 0..dice.usize(0..=3) {
        match dice.u8(..10) {
            0..=6 => target = disguised(&target, dice),
            7 => target.push_str(
                dice.choice(["?x=1", "?x=%2e%2e", "?a=1;b=2", "?"])
                    .unwrap_or(""),
            ),
            8 if method != "GET" => {
                let header = dice.choice([
                    "x-http-method-override",
                    "x-http-method",
                    "x-method-override",
                ]);
                headers.push((header.unwrap_or("").to_owned(), method.clone()));
                "POST".clone_into(&mut method);
            }
            _ => {
                headers.push((
                    "content-type".to_owned(),
                    "application/x-www-form-urlencoded".to_owned(),
                ));
                body = Some(format!("a=1&_method={method}"));
                "POST".clone_into(&mut method);
            }
        }
    }
    Case {
        why: "thrown together".to_owned(),
        service: trading(),
        base_path: String::new(),
        method,
        target,
        host: host(),
        headers,
        body,
        class: Class::Forbidden,
        non_canonical: true,
    }
}

/// The target with one trick at one place.
fn disguised(target: &str, dice: &mut Rng) -> String {
    let (path, query) = match target.find('?') {
        Some(at) => target.split_at(at),
        None => (target, ""),
    };
    let places: Vec<usize> = path.char_indices().map(|(at, _)| at).collect();
    let Some(&at) = dice.choice(&places) else {
        return target.to_owned();
    };
    let (before, after) = path.split_at(at);
    let mut rest = after.chars();
    let letter = rest.next().unwrap_or('/');
    let rest = rest.as_str();
    let code = u32::from(letter);
    let path = match dice.u8(..12) {
        0 => format!("{before}%{code:02x}{rest}"),
        1 => format!("{before}%{code:02X}{rest}"),
        2 => format!("{before}%25{code:02x}{rest}"),
        3 if letter.is_ascii_lowercase() => {
            format!("{before}{}{rest}", letter.to_ascii_uppercase())
        }
        4 if letter == '/' => format!("{before}//{rest}"),
        5 if letter == '/' => format!("{before}/./{rest}"),
        6 if letter == '/' => format!("{before}/x/../{rest}"),
        7 if letter == '/' => format!("{before}/%2e%2e;a=b/x/{rest}"),
        8 if letter == '/' => format!("{before};x=1/{rest}"),
        9 if letter == '/' => format!("{before}\\{rest}"),
        10 => {
            let ends = [
                "/", ".", "%20", "%00", ";x", ".json", "%3f", "#x", "%09", "//",
            ];
            format!("{path}{}", dice.choice(ends).unwrap_or(""))
        }
        _ => {
            let starts = [
                "/",
                "/.",
                "/x/..",
                "/%2e",
                "/%2e%2e",
                "http://trading.test",
                "/x%2f..",
            ];
            format!("{}{path}", dice.choice(starts).unwrap_or(""))
        }
    };
    format!("{path}{query}")
}
