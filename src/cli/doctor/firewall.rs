//! Whether a firewall of this machine keeps phones out, as far as that can be seen without being its administrator.

use std::fs;

use super::adb::ask;
use crate::run::{Examined, State};

const WHAT: &str = "firewall";

/// Says what is known.
pub(super) fn examine(ports: &[u16]) -> Examined {
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    if is_on_in(&fs::read_to_string("/etc/ufw/ufw.conf").unwrap_or_default()) {
        let next = format!(
            "let phones in: `sudo ufw allow proto tcp to any port {}`; `sudo ufw status` lists what is let in",
            ports.join(",")
        );
        return Examined::new(WHAT, State::Warning, "ufw is on").next(next);
    }
    if ask("firewall-cmd", &["--state"]).is_ok_and(|said| said.trim() == "running") {
        let flags = ports.iter().map(|port| format!(" --add-port={port}/tcp"));
        let next = format!(
            "let phones in until the next start: `sudo firewall-cmd{}`",
            flags.collect::<String>()
        );
        return Examined::new(WHAT, State::Warning, "firewalld is on").next(next);
    }
    let said = "none is seen; its rules can be read by an administrator alone";
    let next = if cfg!(target_os = "linux") {
        "if a phone is not answered: `sudo nft list ruleset`"
    } else if cfg!(target_os = "macos") {
        "if a phone is not answered: System Settings, Network, Firewall"
    } else {
        "if a phone is not answered: let the program in when the system asks, on private networks"
    };
    Examined::new(WHAT, State::NotTried, said).next(next)
}

/// Whether ufw begins with the system.
fn is_on_in(config: &str) -> bool {
    let mut lines = config.lines().map(str::trim);
    lines.any(|line| line.eq_ignore_ascii_case("enabled=yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ufw_is_on_where_its_configuration_says_so() {
        assert!(is_on_in("# comment\nENABLED=yes\nLOGLEVEL=low\n"));
        assert!(!is_on_in("# ENABLED=yes\nENABLED=no\n") && !is_on_in(""));
    }
}
