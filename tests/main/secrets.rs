//! Nothing that a run writes or says holds a secret, in whatever form.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::access::{self, Deployment};
use crate::proxy::Proxy;

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
    let bytes = |each: fn(u8) -> String, between: &str| {
        secret.bytes().map(each).collect::<Vec<_>>().join(between)
    };
    for between in ["", ":"] {
        forms.push(bytes(|byte| format!("{byte:02x}"), between));
        forms.push(bytes(|byte| format!("{byte:02X}"), between));
    }
    forms.push(bytes(|byte| format!("\\x{byte:02x}"), ""));
    forms.push(bytes(|byte| format!("={byte:02X}"), ""));
    forms.push(bytes(|byte| format!("&#{byte};"), ""));
    forms.push(bytes(|byte| format!("&#x{byte:x};"), ""));
    forms.push(STANDARD.encode(STANDARD.encode(secret)));
    let lines = STANDARD.encode(secret);
    let lines = lines.as_bytes().chunks(8).map(String::from_utf8_lossy);
    forms.push(lines.collect::<Vec<_>>().join("\n"));
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
    for name in ["run.gz", "page.html"] {
        let (_, texts) = texts.iter().find(|(path, _)| path.ends_with(name)).unwrap();
        let (_, packed) = texts.split_last().unwrap();
        let found = packed.iter().any(|text| text.contains("shut-out"));
        assert!(found, "{name} could not be looked into");
    }
}

fn is_of_token(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-_.".contains(char)
}

/// A secret that nobody declared, of its own for a place: none is a part of another.
fn planted(place: usize) -> String {
    format!("Kelp-{place}x81-Boat-{place}y42")
}

/// Heads and bodies of requests, each with a secret in another place: `{}` stands for it.
const PLACES: [&str; 30] = [
    "GET /api/me/profile?access_token={} HTTP/1.1\r\n",
    "GET /api/me/profile?api_key={}&n=1 HTTP/1.1\r\n",
    "GET /api/me/profile?n=1&Password={} HTTP/1.1\r\n",
    "GET /api/me/profile?to=%2Fx%3Fid_token%3D{} HTTP/1.1\r\n",
    "{} /api/me/profile HTTP/1.1\r\n",
    "GET /api/me/profile HTTP/1.1\r\nx-access-token: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nx-csrf-token: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nX-XSRF-TOKEN: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\napi-key: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nx-goog-api-key: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nx-session-token: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nx-session-id: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nx-auth: Bearer {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nx-client-secret: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nprivate-token: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nauthentication: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\ndpop: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nocp-apim-subscription-key: {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nsec-websocket-protocol: graphql-ws, {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nx-note: Bearer {}\r\n",
    "GET /api/me/profile HTTP/1.1\r\nreferer: https://a.test/?token={}\r\n",
    "POST /api/me HTTP/1.1\r\n\r\n{\"newPassword\": \"{}\"}",
    "POST /api/me HTTP/1.1\r\n\r\n{\"a\": [{\"id_token\": \"{}\"}]}",
    "POST /api/me HTTP/1.1\r\n\r\n{\"apiKey\": {\"value\": \"{}\"}}",
    "POST /api/me HTTP/1.1\r\n\r\n{\"text\": \"{\\\"password\\\":\\\"{}\\\"}\"}",
    "POST /api/me HTTP/1.1\r\n\r\n{\"Password\": \"{}\", \"broken\": ",
    "POST /api/me HTTP/1.1\r\n\r\nuser=a&PASSWORD={}&n=1",
    "POST /api/me HTTP/1.1\r\n\r\nuser[password_confirmation]={}",
    "POST /api/me HTTP/1.1\r\n\r\n<u><Password>{}</Password></u>",
    "POST /api/me HTTP/1.1\r\n\r\npassword: {}\n",
];

#[tokio::test]
async fn secrets_that_nobody_declared_stand_in_nothing_that_a_session_writes_or_says() {
    let proxy = Proxy::start(&[]);
    let address = proxy.address("trading");
    for (place, request) in PLACES.iter().enumerate() {
        let request = request.replace("{}", &planted(place));
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((&request, ""));
        let head = head.trim_end();
        let length = body.len();
        let request = format!(
            "{head}\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.starts_with(b"HTTP/1.1 "), "{head}");
    }
    let (folder, said) = proxy.folder_at_end().await;
    let at = folder.path();
    let words = "judge session.jsonl --verbose --report-json report.json";
    let judged = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .current_dir(at)
        .args(words.split_whitespace())
        .output()
        .unwrap();
    let mut texts = vec![
        ("said".into(), vec![said]),
        (
            "output".into(),
            vec![String::from_utf8_lossy(&judged.stdout).into_owned()],
        ),
        (
            "errors".into(),
            vec![String::from_utf8_lossy(&judged.stderr).into_owned()],
        ),
    ];
    let mut written = Vec::new();
    files(at, &mut written);
    assert!(written.len() >= 2, "{written:?}: {texts:?}");
    for path in written {
        let mut all = Vec::new();
        said_by(&path, &mut all);
        texts.push((path, all));
    }
    for (output, texts) in &texts {
        for (place, request) in PLACES.iter().enumerate() {
            for form in forms(&planted(place)) {
                let found = texts.iter().any(|text| text.contains(&form));
                let output: &Path = output;
                assert!(!found, "{} has {form} of {request}", output.display());
            }
        }
    }
    let journal = fs::read_to_string(at.join("session.jsonl")).unwrap();
    let seen = journal.matches("\"request\":").count();
    assert!(seen >= PLACES.len(), "{seen} requests");
}

fn said_by(path: &Path, into: &mut Vec<String>) {
    said(&fs::read(path).unwrap(), 3, into);
}
