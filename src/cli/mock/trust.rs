//! How clients come to trust the certificate of a mock that speaks TLS.

use std::io::{self, Write};

use crate::cli::tls::Voucher;
use crate::mock::AUTHORITY;

/// Tells a person, with the URL of any service of the mock.
pub(super) fn tell(out: &mut dyn Write, voucher: &Voucher, service: &str) -> io::Result<()> {
    let path = voucher.path.display();
    let made = if voucher.is_new {
        ", made just now"
    } else {
        ""
    };
    writeln!(
        out,
        "\nclients have to trust the authority of this machine{made}: {path}"
    )?;
    let (curl, node) = (
        format!("--cacert {path}"),
        format!("NODE_EXTRA_CA_CERTS={path}"),
    );
    let phones = in_the_clear(service);
    for (who, how) in [
        ("curl", curl.as_str()),
        ("Node", &node),
        (
            "browser",
            "import it as an authority that identifies websites",
        ),
        (
            "iOS",
            &format!(
                "open {phones}, install the profile, then Settings > General > About > Certificate Trust Settings"
            ),
        ),
        (
            "Android",
            &format!(
                "open {phones}, install it in the settings as a CA certificate, and let the debug build take user certificates"
            ),
        ),
    ] {
        writeln!(out, "  {who:<8} {how}")?;
    }
    Ok(())
}

/// Where a phone that trusts nothing yet gets the certificate.
fn in_the_clear(service: &str) -> String {
    let rest = service.split_once("://").map_or(service, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    format!("http://{authority}{AUTHORITY}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_gets_the_certificate_at_the_root_of_any_service_in_the_clear() {
        for (service, phones) in [
            (
                "https://192.168.1.20:4010",
                "http://192.168.1.20:4010/ca.crt",
            ),
            (
                "https://[fd00::5]:4010/edge/api",
                "http://[fd00::5]:4010/ca.crt",
            ),
        ] {
            assert_eq!(in_the_clear(service), phones);
        }
    }
}
