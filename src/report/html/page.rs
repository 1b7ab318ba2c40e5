//! The page around the data: markup, style and script, and the policy that admits nothing else.

use std::io::{self, Write};
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::web::{self, LOOK};

/// The page's own parts, after those that all pages share.
pub(super) const PARTS: [(&str, &str); 16] = [
    ("unpack.js", include_str!("parts/unpack.js")),
    ("journal.js", include_str!("parts/journal.js")),
    ("story.js", include_str!("parts/story.js")),
    ("store.js", include_str!("parts/store.js")),
    ("sentence.js", include_str!("parts/sentence.js")),
    ("runbook.js", include_str!("parts/runbook.js")),
    ("rollback.js", include_str!("parts/rollback.js")),
    ("numbers.js", include_str!("parts/numbers.js")),
    ("history.js", include_str!("parts/history.js")),
    ("overview.js", include_str!("parts/overview.js")),
    ("lanes.js", include_str!("parts/lanes.js")),
    ("entries.js", include_str!("parts/entries.js")),
    ("details.js", include_str!("parts/details.js")),
    ("findings.js", include_str!("parts/findings.js")),
    ("scenario.js", include_str!("parts/scenario.js")),
    ("main.js", include_str!("parts/main.js")),
];

/// How the page looks.
pub(super) static STYLE: LazyLock<String> =
    LazyLock::new(|| format!("{LOOK}{}", include_str!("page.css")));

static SCRIPT: LazyLock<String> = LazyLock::new(|| web::script(&PARTS));

/// The script of the page.
pub(super) fn script() -> &'static str {
    &SCRIPT
}

/// All that stands before the data.
pub(super) fn head(out: &mut impl Write) -> io::Result<()> {
    let (script, style) = (hash(script()), hash(&STYLE));
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
         <style>{}</style>\n\
         </head>\n\
         <body>\n\
         <div id=\"page\"><noscript><p>This report is read with JavaScript, which is switched off \
         here. It loads nothing from anywhere.</p></noscript></div>\n",
        *STYLE
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
