//! The times that `docs/PROXY.md` tells people to wait are those of the rules.

/// A constant of a rule, and the words by which the document tells it.
struct Told {
    rule: &'static str,
    code: &'static str,
    constant: &'static str,
    words: &'static str,
}

const TOLD: [Told; 11] = [
    Told {
        rule: "SESSION-11",
        code: include_str!("../session/signed_out.rs"),
        constant: "const GRACE: Duration = Duration::from_secs(5);",
        words: "| a sign-out | 5 s |",
    },
    Told {
        rule: "KILL-2",
        code: include_str!("../kill/effect.rs"),
        constant: "const REACTION: Duration = Duration::from_secs(2);",
        words: "`kill-switch.takes-effect-within` + 2 s",
    },
    Told {
        rule: "KILL-4",
        code: include_str!("../kill/recovery.rs"),
        constant: "const REACTION: Duration = Duration::from_secs(10);",
        words: "1¼ × `kill-switch.every` + 12 s",
    },
    Told {
        rule: "KILL-3",
        code: include_str!("../kill/fail_mode.rs"),
        constant: "const QUIET: Duration = Duration::from_secs(20);",
        words: "or 20 s without polling",
    },
    Told {
        rule: "KILL-6",
        code: include_str!("../kill/floor.rs"),
        constant: "const EQUAL: u32 = 8;",
        words: "8 × for no jitter",
    },
    Told {
        rule: "NET-5",
        code: include_str!("../net/resume.rs"),
        constant: "const LONG: Duration = Duration::from_secs(600);",
        words: "10 min before `foreground`, then 5 s",
    },
    Told {
        rule: "KILL-5",
        code: include_str!("../state/waits.rs"),
        constant: "const LEAST_CAP: Duration = Duration::from_secs(30);",
        words: "`retry.delay-max` or 30 s, the longer",
    },
    Told {
        rule: "NET-1",
        code: include_str!("../net/backoff/agreed.rs"),
        constant: "const GAPS: usize = 5;",
        words: "which are 5 gaps",
    },
    Told {
        rule: "NET-4",
        code: include_str!("../net/heartbeat.rs"),
        constant: "const SLACK: Duration = Duration::from_secs(5);",
        words: "`pingInterval` + `pingTimeout` + 5 s",
    },
    Told {
        rule: "SYNC-17",
        code: include_str!("../sync/punctual.rs"),
        constant: "const SLACK: Duration = Duration::from_secs(1);",
        words: "`at-least-every` + `realtime.live-within` + 1 s",
    },
    Told {
        rule: "NET-10",
        code: include_str!("../net/offline.rs"),
        constant: "const FIRST: Duration = Duration::from_secs(4);",
        words: "4 s after `online`",
    },
];

#[test]
fn the_times_to_wait_are_those_of_the_rules() {
    let document = include_str!("../../../docs/PROXY.md");
    for told in TOLD {
        assert!(
            told.code.contains(told.constant),
            "{} has another number than `{}`: say the new one in docs/PROXY.md and here",
            told.rule,
            told.constant
        );
        let line = document.lines().find(|line| line.contains(told.words));
        let line = line.unwrap_or_else(|| panic!("docs/PROXY.md lacks `{}`", told.words));
        assert!(line.contains(told.rule), "{}: {line}", told.rule);
    }
}
