//! Nothing that a run writes or says holds a secret, in whatever form.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::access::{self, Deployment};

/// The operator's, with whatever forms escape.
const OPERATOR: &str = "0per\"ator/s3cret+&=<of>the levers";
/// The tester's, as the mock's world has it.
const TESTER: &str = "mock-heron-41";

/// Every form in which a secret may stand in a text.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let escaped: String = secret
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    let url: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let html = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    let mut forms = vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        json.replace('\\', "\\\\").trim_matches('"').to_owned(),
        escaped,
        url.replace('+', "%20"),
        url,
        html,
    ];
    // Base64 of a longer text holds that of the secret at one of three offsets, but for its edges.
    for before in 0..3 {
        let within = [&vec![b' '; before][..], secret.as_bytes()].concat();
        for encoded in [STANDARD.encode(&within), URL_SAFE.encode(&within)] {
            let from = (before * 4).div_ceil(3);
            forms.push(encoded[from..encoded.len() - 4].to_owned());
        }
    }
    forms
}

/// All that a file says: itself, what is packed in it, and what is packed as Base64 in its text.
fn said(bytes: &[u8], depth: usize, into: &mut Vec<String>) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if depth > 0 {
        let mut unpacked = Vec::new();
        let read = match bytes {
            [0x1f, 0x8b, ..] => MultiGzDecoder::new(bytes).read_to_end(&mut unpacked),
            [0x78, ..] => ZlibDecoder::new(bytes).read_to_end(&mut unpacked),
            _ => DeflateDecoder::new(bytes).read_to_end(&mut unpacked),
        };
        if read.is_ok() && !unpacked.is_empty() {
            said(&unpacked, depth - 1, into);
        }
        let is_base64 = |char: char| char.is_ascii_alphanumeric() || "+/=".contains(char);
        let long = text
            .split(|char| !is_base64(char))
            .filter(|own| own.len() >= 60);
        for packed in long {
            if let Ok(bytes) = STANDARD.decode(packed) {
                said(&bytes, depth - 1, into);
            }
        }
    }
    into.push(text);
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, into),
            false => into.push(path),
        }
    }
}

#[test]
fn no_secret_stands_in_anything_that_a_run_writes_or_says() {
    let deployment = Deployment::start();
    let at = deployment.folder.path();
    let config = fs::read_to_string(at.join("rehearsal.toml")).unwrap();
    let bearing = "headers = { authorization = \"Bearer {env:OPERATOR}\" }, json =";
    let bearing = config.replace("json =", bearing);
    fs::write(at.join("rehearsal.toml"), bearing).unwrap();
    let secrets = fs::read_to_string(at.join("secrets")).unwrap();
    let secrets = secrets + &format!("OPERATOR={OPERATOR}\n");
    fs::write(at.join("secrets"), secrets).unwrap();
    let mut before = Vec::new();
    files(at, &mut before);
    // An app that says its token where it must not gives every report something to quote.
    let words = "--quirk token-in-query --verbose --github --run-file run.gz --journal journals --json report.json \
         --html page.html --junit junit.xml --tap run.tap --ctrf ctrf.json --har run.har --summary summary.md \
         --in-toto statement.json";
    let words: Vec<&str> = words.split_whitespace().collect();
    let (out, err) = deployment.run(&words, 4);
    let mut written = Vec::new();
    files(at, &mut written);
    written.retain(|path| !before.contains(path));
    assert!(written.len() >= 11, "{written:?}");

    let key = fs::read_to_string(at.join("client.pem")).unwrap();
    let key = key.split("PRIVATE KEY-----").nth(1).unwrap().trim();
    let key = key.lines().nth(1).unwrap();
    let planted = [
        access::EDGE,
        access::PASSWORD,
        &access::credentials(),
        OPERATOR,
        TESTER,
        key,
    ];
    let mut texts = vec![("output".into(), vec![out]), ("errors".into(), vec![err])];
    for path in written {
        let mut all = Vec::new();
        said(&fs::read(&path).unwrap(), 3, &mut all);
        texts.push((path, all));
    }
    for (place, texts) in &texts {
        for text in texts {
            for secret in planted {
                for form in forms(secret) {
                    let place: &Path = place;
                    assert!(!text.contains(&form), "{} has {form}", place.display());
                }
            }
            // A token is known by its form.
            let token = text.match_indices("eyJ").find(|(from, _)| {
                let rest = text[*from..].split(|char: char| !is_of_token(char)).next();
                rest.is_some_and(|word| word.matches('.').count() == 2 && word.len() > 80)
            });
            assert!(token.is_none(), "{} has a token", place.display());
        }
    }
    // The search finds what is there: what the run file holds in its blocks, and the page in its own.
    let of = |name: &str| texts.iter().find(|(path, _)| path.ends_with(name));
    for name in ["run.gz", "page.html"] {
        let (_, texts) = of(name).unwrap();
        let found = texts.iter().any(|text| text.contains("\"journal\":2"));
        assert!(found, "{name} could not be looked into");
    }
}

fn is_of_token(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-_.".contains(char)
}
