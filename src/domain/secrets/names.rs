//! Names under which secrets stand: of headers, of fields, of keys in a query.

use std::collections::HashMap;

/// What a name ends in whose value is a secret, written as one word.
const ENDINGS: [&str; 27] = [
    "token",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authkey",
    "sessionkey",
    "functionskey",
    "subscriptionkey",
    "encryptionkey",
    "credential",
    "authorization",
    "authentication",
    "bearer",
    "jwt",
    "sessionid",
    "sessid",
    "assertion",
    "samlresponse",
    "codeverifier",
    "passwordhash",
];

/// Words that say it only as the last word of a name: others end in the same letters.
const WORDS: [&str; 12] = [
    "pass", "auth", "otp", "totp", "pin", "cvv", "cvc", "csrf", "xsrf", "cookie", "dpop", "mfa",
];

/// Words after the one that says it.
const AFTER: [&str; 13] = [
    "confirmation",
    "confirm",
    "repeat",
    "repeated",
    "again",
    "verify",
    "new",
    "old",
    "current",
    "value",
    "plain",
    "text",
    "raw",
];

/// Words before `token` that make it a mark in a list of pages or changes, which nobody signs in with.
const MARKS: [&str; 12] = [
    "page",
    "next",
    "prev",
    "previous",
    "continuation",
    "continue",
    "sync",
    "cursor",
    "resume",
    "change",
    "delta",
    "paging",
];

/// Words at the end of names of what is long and random, and no secret.
const IDENTIFIERS: [&str; 35] = [
    "id",
    "ids",
    "uid",
    "uuid",
    "guid",
    "sid",
    "key",
    "hash",
    "digest",
    "etag",
    "checksum",
    "sha",
    "md",
    "crc",
    "cursor",
    "next",
    "previous",
    "after",
    "before",
    "since",
    "page",
    "match",
    "range",
    "version",
    "revision",
    "accept",
    "policy",
    "trace",
    "traceparent",
    "tracestate",
    "integrity",
    "slug",
    "boundary",
    "path",
    "url",
];

/// How many names are remembered.
const REMEMBERED: usize = 4_096;

/// What a name says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// It is a secret.
    Secret,
    /// It identifies something, however random it looks.
    Identifier,
    Nothing,
}

/// Which names say that a value is a secret.
#[derive(Default)]
pub(super) struct Names {
    /// Those that a contract adds, as one word.
    further: Vec<String>,
    remembered: HashMap<Box<str>, Says>,
}

impl Names {
    /// Adds names as a contract has them.
    pub(super) fn add(&mut self, names: &[String]) {
        let further = names.iter().map(|name| words(name).concat());
        self.further.extend(further);
        self.remembered.clear();
    }

    /// What a name says of its value.
    pub(super) fn say(&mut self, name: &str) -> Says {
        if let Some(says) = self.remembered.get(name) {
            return *says;
        }
        let says = self.judge(name);
        if self.remembered.len() < REMEMBERED && name.len() <= 64 {
            self.remembered.insert(name.into(), says);
        }
        says
    }

    fn judge(&self, name: &str) -> Says {
        let mut words = words(name);
        if self.further.contains(&words.concat()) {
            return Says::Secret;
        }
        while words.len() > 1
            && words.last().is_some_and(|word| {
                AFTER.contains(&word.as_str()) || word.bytes().all(|byte| byte.is_ascii_digit())
            })
        {
            words.pop();
        }
        let Some(last) = words.last() else {
            return Says::Nothing;
        };
        let one = words.concat();
        let singular = one.strip_suffix('s').unwrap_or(&one);
        let is_mark = MARKS.iter().any(|mark| {
            let rest = one.strip_suffix("token");
            rest.is_some_and(|rest| rest.ends_with(mark))
        });
        let ends = |ending: &&str| one.ends_with(*ending) || singular.ends_with(*ending);
        if !is_mark && (WORDS.contains(&last.as_str()) || ENDINGS.iter().any(ends)) {
            Says::Secret
        } else if is_mark || IDENTIFIERS.contains(&last.as_str()) {
            Says::Identifier
        } else {
            Says::Nothing
        }
    }
}

/// The words of a name, in lower case: `newPassword`, `x-csrf-token` and `user[password]` have several.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for letter in name.chars() {
        let begins = !last.is_alphanumeric()
            || (letter.is_ascii_uppercase() && !last.is_ascii_uppercase())
            || letter.is_ascii_digit() != last.is_ascii_digit();
        if letter.is_alphanumeric() {
            if begins || words.is_empty() {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(letter.to_lowercase());
            }
        }
        last = letter;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_others() {
        let mut names = Names::default();
        names.add(&["X-Harbour-Seal".to_owned()]);
        for name in [
            "x-access-token",
            "x-csrf-token",
            "api-key",
            "apiKey",
            "X-API-KEY",
            "access_token",
            "id_token",
            "newPassword",
            "Password",
            "PASSWORD",
            "password2",
            "password_confirmation",
            "user[password]",
            "tokens",
            "clientSecret",
            "x-goog-api-key",
            "ocp-apim-subscription-key",
            "x-session-id",
            "PHPSESSID",
            "x-auth",
            "pin",
            "x-harbour-seal",
            "harbour.pwd",
        ] {
            assert_eq!(names.say(name), Says::Secret, "{name}");
        }
        for name in [
            "sid",
            "id",
            "orderId",
            "etag",
            "if-none-match",
            "nextPageToken",
            "page_token",
            "idempotency-key",
            "sec-websocket-key",
            "sha256",
        ] {
            assert_eq!(names.say(name), Says::Identifier, "{name}");
        }
        for name in [
            "sequence",
            "token_type",
            "tokenExpiresIn",
            "hasToken2FA",
            "shipping",
            "laptop",
            "compass",
            "author",
            "authority",
            "www-authenticate",
            "symbol",
            "",
        ] {
            assert_eq!(names.say(name), Says::Nothing, "{name}");
        }
    }
}
