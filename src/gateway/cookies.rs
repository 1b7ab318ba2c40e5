//! Cookies of the backend as cookies of the gateway, which has another domain and may have no TLS.

/// Attributes that a client takes only over TLS, where the gateway serves it in the clear.
fn needs_tls(attribute: &str) -> bool {
    let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
    let name = name.trim();
    name.eq_ignore_ascii_case("secure")
        || name.eq_ignore_ascii_case("partitioned")
        // Without `Secure` no browser takes it.
        || (name.eq_ignore_ascii_case("samesite") && value.trim().eq_ignore_ascii_case("none"))
}

/// Whether an attribute names the backend's own domain.
fn is_its_own_domain(attribute: &str, host: &str) -> bool {
    let Some((name, domain)) = attribute.split_once('=') else {
        return false;
    };
    let domain = domain.trim().trim_start_matches('.');
    let ends = host.len().checked_sub(domain.len());
    name.trim().eq_ignore_ascii_case("domain")
        && !domain.is_empty()
        && ends.is_some_and(|at| {
            host.get(at..)
                .is_some_and(|end| end.eq_ignore_ascii_case(domain))
                && (at == 0 || host[..at].ends_with('.'))
        })
}

/// A cookie without the backend's domain, which no client would accept from the gateway, and where the
/// client is served in the clear without what it would keep for TLS alone; `None` if nothing changes.
pub(super) fn of_this_host(cookie: &str, origin: &str, clear: bool) -> Option<String> {
    let authority = origin.split("://").nth(1)?;
    let host = authority.split(':').next()?;
    let mut parts = cookie.split(';');
    let pair = parts.next()?;
    let kept = parts.filter(|part| !(is_its_own_domain(part, host) || clear && needs_tls(part)));
    let kept: Vec<&str> = std::iter::once(pair).chain(kept).collect();
    (kept.len() < cookie.split(';').count()).then(|| kept.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_the_backends_domain_becomes_one_of_the_gateway() {
        let moved = |cookie| of_this_host(cookie, "https://api.b.test:8443", false);
        let bare = Some("id=1; Path=/".to_owned());
        assert_eq!(moved("id=1; Domain=api.b.test; Path=/"), bare);
        assert_eq!(moved("id=1; domain=.B.test; Path=/"), bare);
        assert_eq!(moved("id=1; Path=/"), None);
        assert_eq!(moved("id=1; Domain=pi.b.test; Path=/"), None);
        assert_eq!(moved("id=1; Domain=; Path=/"), None);
        assert_eq!(moved("id=1; Secure; SameSite=None"), None);
        assert_eq!(moved("domain=api.b.test; Path=/"), None);
    }

    #[test]
    fn a_cookie_for_tls_alone_is_kept_by_a_client_in_the_clear() {
        let moved = |cookie| of_this_host(cookie, "https://api.b.test", true);
        let bare = Some("sid=1; Path=/; HttpOnly".to_owned());
        assert_eq!(
            moved("sid=1; Path=/; HttpOnly; Secure; SameSite=None"),
            bare
        );
        assert_eq!(
            moved("sid=1; secure ; Path=/; HttpOnly; Partitioned").as_deref(),
            Some("sid=1; Path=/; HttpOnly")
        );
        assert_eq!(moved("sid=1; SameSite=Lax"), None);
        assert_eq!(moved("secure=1"), None);
    }
}
