//! What stands in the place of a credential and is none: what programs write where a value is missing.

/// What becomes of a missing value when it is turned into text.
const MISSING: [&str; 12] = [
    "undefined",
    "null",
    "(null)",
    "<null>",
    "nil",
    "none",
    "nan",
    "optional(nil)",
    "[object object]",
    "[object promise]",
    "object object",
    "{}",
];

/// Schemes of credentials, which stand alone when nothing follows them.
const SCHEMES: [&str; 6] = ["bearer", "token", "basic", "jwt", "digest", "dpop"];

/// Whether a text is what a program writes where a value is missing: nothing, `undefined`, `null`.
#[must_use]
pub fn is_missing(text: &str) -> bool {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    text.is_empty() || MISSING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether the value of a header that authorizes holds no credential: it is empty, a scheme alone, or
/// a scheme before what stands for a missing value.
#[must_use]
pub fn is_hollow(header: &str) -> bool {
    let header = header.trim();
    if is_missing(header) {
        return true;
    }
    let (scheme, credential) = header.split_once(' ').unwrap_or((header, ""));
    let is_scheme = SCHEMES.iter().any(|own| scheme.eq_ignore_ascii_case(own));
    if credential.is_empty() {
        return is_scheme;
    }
    // What follows an unknown scheme may be anything but a missing value.
    is_missing(credential)
        && scheme
            .chars()
            .all(|sign| sign.is_ascii_alphanumeric() || "-_".contains(sign))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::secrets::Vault;

    #[test]
    fn what_stands_for_a_missing_value_is_no_credential() {
        for header in [
            "",
            " ",
            "Bearer",
            "bearer ",
            "Bearer undefined",
            "Bearer  null",
            "Bearer [object Object]",
            "Bearer \"\"",
            "Token nil",
            "undefined",
            "null",
        ] {
            assert!(is_hollow(header), "{header}");
        }
        for header in [
            "Bearer abc",
            "Bearer nullable",
            "Basic bnVsbA==",
            "q7Zr",
            "Digest username=\"none\"",
            "‹access-1›",
            "Bearer ‹access-1›",
        ] {
            assert!(!is_hollow(header), "{header}");
        }
    }

    #[test]
    fn what_stands_for_a_missing_credential_can_be_read() {
        let mut vault = Vault::new();
        for header in ["Bearer", "Bearer undefined", "Bearer [object Object]"] {
            assert_eq!(vault.redact_credential(header), header);
        }
        let template = json!({"refresh": "{refresh-token}", "password": "{password}"});
        let mut body = json!({"refresh": "undefined", "password": "undefined"});
        vault.redact_by_template(&template, &mut body);
        assert_eq!(
            body,
            json!({"refresh": "undefined", "password": "‹password-1›"})
        );
    }
}
