//! The page around the data: markup, style and script, and the policy that admits nothing else.

use std::io::{self, Write};
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What others wrote, under the names by which it asks for each other, in the order in which it is
/// needed.
pub(super) const VENDORED: [(&str, &str, &str); 5] = [
    (
        "preact",
        "preact.umd.js",
        include_str!("vendor/preact.umd.js"),
    ),
    (
        "preact/hooks",
        "hooks.umd.js",
        include_str!("vendor/hooks.umd.js"),
    ),
    (
        "@preact/signals-core",
        "signals-core.min.js",
        include_str!("vendor/signals-core.min.js"),
    ),
    (
        "@preact/signals",
        "signals.min.js",
        include_str!("vendor/signals.min.js"),
    ),
    ("htm", "htm.umd.js", include_str!("vendor/htm.umd.js")),
];

/// Our own parts: modules, each of which imports from those before it only.
pub(super) const PARTS: [(&str, &str); 17] = [
    ("view.js", include_str!("parts/view.js")),
    ("unpack.js", include_str!("parts/unpack.js")),
    ("words.js", include_str!("parts/words.js")),
    ("journal.js", include_str!("parts/journal.js")),
    ("story.js", include_str!("parts/story.js")),
    ("store.js", include_str!("parts/store.js")),
    ("pieces.js", include_str!("parts/pieces.js")),
    ("runbook.js", include_str!("parts/runbook.js")),
    ("rollback.js", include_str!("parts/rollback.js")),
    ("numbers.js", include_str!("parts/numbers.js")),
    ("overview.js", include_str!("parts/overview.js")),
    ("lanes.js", include_str!("parts/lanes.js")),
    ("entries.js", include_str!("parts/entries.js")),
    ("details.js", include_str!("parts/details.js")),
    ("findings.js", include_str!("parts/findings.js")),
    ("scenario.js", include_str!("parts/scenario.js")),
    ("main.js", include_str!("parts/main.js")),
];

pub(super) const STYLE: &str = include_str!("page.css");

/// One script of all of it. A page from `file://` cannot import one module from another, so imports
/// are left out, and what is exported is simply there.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let mut script = "const vendored = {};\n".to_owned();
    for (name, _, text) in VENDORED {
        // The form of CommonJS, which all of them know: they reach for no global then.
        script.push_str(&format!(
            "((module) => {{ ((exports, require) => {{\n{text}\n}}).call(undefined, module.exports, \
             (name) => vendored[name]); vendored[{name:?}] = module.exports; }})({{ exports: {{}} }});\n"
        ));
    }
    for (name, text) in PARTS {
        script.push_str(&format!("// {name}\n"));
        let kept = |line: &&str| !line.starts_with("import ") && !line.starts_with("export {");
        for line in text.lines().filter(kept) {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    script
});

/// The script of the page.
pub(super) fn script() -> &'static str {
    &SCRIPT
}

/// All that stands before the data.
pub(super) fn head(out: &mut impl Write) -> io::Result<()> {
    let (script, style) = (hash(script()), hash(STYLE));
    write!(
        out,
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src \
         '{script}'; style-src '{style}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>Rehearsal report</title>\n\
         <style>{STYLE}</style>\n\
         </head>\n\
         <body>\n\
         <div id=\"page\"><noscript><p>This report is read with JavaScript, which is switched off \
         here. It loads nothing from anywhere.</p></noscript></div>\n"
    )
}

/// All that stands behind it.
pub(super) fn tail(out: &mut impl Write) -> io::Result<()> {
    let script = script();
    write!(
        out,
        "<script type=\"module\">{script}</script>\n</body>\n</html>\n"
    )
}

/// How a policy names a script or a style.
pub(super) fn hash(text: &str) -> String {
    format!(
        "sha256-{}",
        STANDARD.encode(digest(&SHA256, text.as_bytes()))
    )
}
