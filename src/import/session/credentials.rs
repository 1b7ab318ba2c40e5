//! What fields are called that hold a name, a password or a token. Backends have their own words for them, so
//! beside the usual names there is what else tells: the last word of one, the format of a schema, and which
//! field is left over.

use super::super::api::{plain, words};
use super::super::schemas::{Field, is_of};

const ACCESS: [&str; 9] = [
    "accesstoken",
    "access",
    "authtoken",
    "sessiontoken",
    "bearertoken",
    "token",
    "jwt",
    "idtoken",
    "sessionid",
];
const REFRESH: [&str; 4] = ["refreshtoken", "refresh", "renewaltoken", "refreshtok"];
const USER: [&str; 13] = [
    "username",
    "email",
    "login",
    "user",
    "identifier",
    "emailaddress",
    "loginid",
    "userid",
    "usernameoremail",
    "phone",
    "phonenumber",
    "account",
    "name",
];
const PASSWORD: [&str; 8] = [
    "password",
    "passwd",
    "pass",
    "passphrase",
    "passcode",
    "pwd",
    "pin",
    "pincode",
];

/// Last words of names that say what a text is.
const TOKENS: [&str; 4] = ["token", "jwt", "bearer", "tok"];
const HANDLES: [&str; 9] = [
    "token", "tok", "jwt", "key", "code", "handle", "ticket", "refresh", "renewal",
];

/// Words of tokens that open no session.
const OTHER_TOKENS: [&str; 12] = [
    "refresh", "renew", "renewal", "csrf", "xsrf", "push", "device", "page", "next", "captcha",
    "id", "reset",
];

/// Words of fields that say of whom or what a sign-in is, and are nobody's name.
const BESIDE: [&str; 14] = [
    "client",
    "grant",
    "scope",
    "device",
    "otp",
    "mfa",
    "captcha",
    "locale",
    "language",
    "platform",
    "product",
    "audience",
    "remember",
    "challenge",
];

/// Whether a field of this name holds a password.
pub(in crate::import) fn is_password(name: &str) -> bool {
    let plain = plain(name);
    PASSWORD.contains(&plain.as_str()) || plain.ends_with("password")
}

/// Whether a field of this name holds what renews a session.
pub(in crate::import) fn is_refresh(name: &str) -> bool {
    let words = words(name);
    let is_handle = words
        .last()
        .is_some_and(|own| HANDLES.contains(&own.as_str()));
    let renews = words
        .first()
        .is_some_and(|own| own.starts_with("refresh") || own.starts_with("renew"));
    REFRESH.contains(&plain(name).as_str()) || (renews && is_handle)
}

/// Whether a field of this name holds what requests are authorized with.
pub(in crate::import) fn is_access(name: &str) -> bool {
    let words = words(name);
    let is_token = words
        .last()
        .is_some_and(|own| TOKENS.contains(&own.as_str()));
    let is_other = || words.iter().any(|own| OTHER_TOKENS.contains(&own.as_str()));
    ACCESS.contains(&plain(name).as_str()) || (is_token && !is_other())
}

/// Whether a field has a usual name for who signs in.
pub(super) fn is_user(name: &str) -> bool {
    USER.contains(&plain(name).as_str())
}

/// The field with the access token: the usual names first, in their order.
pub(super) fn access<'f, 'a>(fields: &'f [Field<'a>]) -> Option<&'f Field<'a>> {
    named(fields, &ACCESS).or_else(|| texts(fields).find(|own| is_access(&own.name)))
}

/// The field with the refresh token.
pub(super) fn refresh<'f, 'a>(fields: &'f [Field<'a>]) -> Option<&'f Field<'a>> {
    named(fields, &REFRESH).or_else(|| texts(fields).find(|own| is_refresh(&own.name)))
}

/// The fields with the name of who signs in, and with the password: by what was seen there, by their names, else the
/// one whose schema says that it is a password, and the only text that is left beside it.
pub(super) fn pair<'f, 'a>(
    fields: &'f [Field<'a>],
    seen: Option<&str>,
) -> Option<(&'f Field<'a>, &'f Field<'a>)> {
    let of_format = |own: &&Field<'_>| {
        own.schema
            .get("format")
            .is_some_and(|own| own == "password")
    };
    let is_beside = |own: &Field<'_>| {
        let words = words(&own.name);
        words.iter().any(|word| BESIDE.contains(&word.as_str()))
    };
    let password = texts(fields)
        .find(|own| Some(own.pointer.as_str()) == seen)
        .or_else(|| named(fields, &PASSWORD))
        .or_else(|| texts(fields).find(|own| is_password(&own.name)))
        .or_else(|| texts(fields).filter(of_format).find(|own| !is_beside(own)))?;
    let left = || {
        let mut left =
            texts(fields).filter(|own| own.pointer != password.pointer && !is_beside(own));
        let only = left.next()?;
        left.next().is_none().then_some(only)
    };
    let user = named(fields, &USER).or_else(left)?;
    Some((user, password))
}

/// The field that has the first of these names that one has.
pub(super) fn named<'f, 'a>(fields: &'f [Field<'a>], names: &[&str]) -> Option<&'f Field<'a>> {
    names
        .iter()
        .find_map(|name| values(fields).find(|field| plain(&field.name) == *name))
}

/// Fields that are no object and no list.
fn values<'f, 'a>(fields: &'f [Field<'a>]) -> impl Iterator<Item = &'f Field<'a>> {
    let is_value =
        |field: &&Field<'_>| !is_of(field.schema, "object") && !is_of(field.schema, "array");
    fields.iter().filter(is_value)
}

/// Fields that are texts, or of which nobody says what they are.
fn texts<'f, 'a>(fields: &'f [Field<'a>]) -> impl Iterator<Item = &'f Field<'a>> {
    let is_text =
        |field: &&Field<'_>| field.schema.get("type").is_none() || is_of(field.schema, "string");
    values(fields).filter(is_text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fields(own: &[(&str, Value)]) -> Vec<Field<'static>> {
        own.iter()
            .map(|(name, schema)| Field {
                pointer: format!("/{name}"),
                name: (*name).to_owned(),
                schema: Box::leak(Box::new(schema.clone())),
                required: true,
            })
            .collect()
    }

    fn found(own: &[(&str, Value)]) -> Option<(String, String)> {
        let fields = fields(own);
        pair(&fields, None).map(|(user, password)| (user.name.clone(), password.name.clone()))
    }

    #[test]
    fn who_signs_in_is_found_by_name_or_as_the_only_text_beside_the_password() {
        let text = || json!({"type": "string"});
        let secret = || json!({"type": "string", "format": "password"});
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(
            found(&[("memberNo", text()), ("pin", secret())]),
            pair("memberNo", "pin")
        );
        assert_eq!(
            found(&[("card", text()), ("Losung", secret()), ("deviceId", text())]),
            pair("card", "Losung")
        );
        assert_eq!(
            found(&[
                ("email", text()),
                ("nick", text()),
                ("userPassword", text())
            ]),
            pair("email", "userPassword")
        );
        // Of two that are left nobody can say which is meant, and a client's secret is no user's.
        assert_eq!(
            found(&[("card", text()), ("branch", text()), ("pin", text())]),
            None
        );
        assert_eq!(
            found(&[("client_secret", secret()), ("code", text())]),
            None
        );
    }

    #[test]
    fn tokens_are_told_from_what_is_only_called_like_them() {
        for name in [
            "accessToken",
            "jwt",
            "rider_token",
            "API-Token",
            "sessionJwt",
        ] {
            assert!(is_access(name), "{name}");
        }
        for name in [
            "csrfToken",
            "push_token",
            "nextPageToken",
            "tokens",
            "tokenType",
            "renewalToken",
        ] {
            assert!(!is_access(name), "{name}");
        }
        for name in ["refresh_token", "renewalKey", "refreshHandle", "renewToken"] {
            assert!(is_refresh(name), "{name}");
        }
        for name in ["refreshIn", "refreshInterval", "renewalUrl", "renewedAt"] {
            assert!(!is_refresh(name), "{name}");
        }
    }
}
