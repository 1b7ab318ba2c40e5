//! What the pages for the browser share: what others wrote, small pieces, and how they look.
//!
//! There is no build step: parts are modules that an editor understands, and [`script`] makes one script of
//! them. `vendor/README.md` says where the libraries are from.

/// What others wrote, under the names by which it asks for each other, in the order in which it is
/// needed.
const VENDORED: [(&str, &str, &str); 5] = [
    (
        "preact",
        "preact.umd.js",
        include_str!("web/vendor/preact.umd.js"),
    ),
    (
        "preact/hooks",
        "hooks.umd.js",
        include_str!("web/vendor/hooks.umd.js"),
    ),
    (
        "@preact/signals-core",
        "signals-core.min.js",
        include_str!("web/vendor/signals-core.min.js"),
    ),
    (
        "@preact/signals",
        "signals.min.js",
        include_str!("web/vendor/signals.min.js"),
    ),
    ("htm", "htm.umd.js", include_str!("web/vendor/htm.umd.js")),
];

/// A module: its file and its text. It imports from those before it only.
pub(crate) type Part = (&'static str, &'static str);

/// The parts that every page has.
const SHARED: [Part; 5] = [
    ("view.js", include_str!("web/parts/view.js")),
    ("words.js", include_str!("web/parts/words.js")),
    ("pieces.js", include_str!("web/parts/pieces.js")),
    ("listing.js", include_str!("web/parts/listing.js")),
    ("wire.js", include_str!("web/parts/wire.js")),
];

/// How every page looks; what is a page's own comes after it.
pub(crate) const LOOK: &str = include_str!("web/look.css");

/// One script of what others wrote, of what pages share and of a page's own parts. A page from `file://` cannot
/// import one module from another, so imports are left out, and what is exported is simply there.
pub(crate) fn script(parts: &[Part]) -> String {
    let mut script = "const vendored = {};\n".to_owned();
    for (name, _, text) in VENDORED {
        // The form of CommonJS, which all of them know: they reach for no global then.
        script.push_str(&format!(
            "((module) => {{ ((exports, require) => {{\n{text}\n}}).call(undefined, module.exports, \
             (name) => vendored[name]); vendored[{name:?}] = module.exports; }})({{ exports: {{}} }});\n"
        ));
    }
    for (name, text) in SHARED.iter().chain(parts) {
        script.push_str(&format!("// {name}\n"));
        let kept = |line: &&str| !line.starts_with("import ") && !line.starts_with("export {");
        for line in text.lines().filter(kept) {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    script
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn what_is_vendored_is_what_its_hashes_say() {
        let sums = include_str!("web/vendor/SHA256SUMS");
        let known: BTreeMap<&str, &str> = sums
            .lines()
            .map(|line| line.split_once("  ").unwrap())
            .map(|(sum, file)| (file, sum))
            .collect();
        let licences = [
            ("htm.LICENSE", include_str!("web/vendor/htm.LICENSE")),
            ("preact.LICENSE", include_str!("web/vendor/preact.LICENSE")),
            (
                "signals.LICENSE",
                include_str!("web/vendor/signals.LICENSE"),
            ),
            (
                "signals-core.LICENSE",
                include_str!("web/vendor/signals-core.LICENSE"),
            ),
        ];
        let scripts = VENDORED.iter().map(|(_, file, text)| (*file, *text));
        let held: Vec<(&str, &str)> = scripts.chain(licences).collect();
        assert_eq!(held.len(), known.len());
        for (file, text) in held {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
            let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(known.get(file), Some(&hex.as_str()), "{file}");
        }
    }

    /// Holds that each part of a page imports what parts before it export, and that no two define one name: they
    /// are one script in the end.
    pub(crate) fn fit_together(parts: &[Part]) {
        let mut exported: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut defined: BTreeMap<&str, &str> = BTreeMap::new();
        for (part, text) in SHARED.iter().chain(parts) {
            assert!(text.starts_with("// "), "{part} does not say what it is");
            assert!(text.lines().count() <= 500, "{part} is two things");
            assert!(
                !text.contains("</script"),
                "{part} would end its own script"
            );
            let mut own = BTreeSet::new();
            for line in text.lines() {
                if let Some((list, from)) = line
                    .strip_prefix("import {")
                    .and_then(|rest| rest.split_once("} from \"./"))
                {
                    let there = &exported[from.trim_end_matches("\";")];
                    for name in names(list) {
                        assert!(there.contains(name), "{part} imports {name} from {from}");
                    }
                } else if let Some(list) = line.strip_prefix("export {") {
                    own.extend(names(list.trim_end_matches("};")));
                } else if let Some(rest) = line.strip_prefix("export ") {
                    own.insert(definition(rest).unwrap());
                } else {
                    assert!(!line.starts_with("import"), "{part}: {line}");
                }
                if let Some(name) = definition(line.strip_prefix("export ").unwrap_or(line)) {
                    let before = defined.insert(name, part);
                    assert_eq!(before, None, "{part} defines {name} again");
                }
            }
            exported.insert(part, own);
        }
    }

    fn names(list: &'static str) -> impl Iterator<Item = &'static str> {
        let names = list.split(',').map(str::trim);
        names.filter(|name| !name.is_empty())
    }

    /// What a line at the outermost level defines.
    fn definition(line: &'static str) -> Option<&'static str> {
        let line = line.trim_start_matches("async ");
        let kinds = ["function ", "const ", "let ", "class "];
        let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
        let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_');
        name.into_iter().next().filter(|name| !name.is_empty())
    }
}
