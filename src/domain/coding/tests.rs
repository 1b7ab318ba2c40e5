use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use rstest::rstest;

use super::*;

const ROOM: usize = 256 * 1024;
const TEXT: &str = r#"{"rows":[{"uid":"u1-o1"},{"uid":"ü"}]}"#;
/// `TEXT` by `zstd` 1.5 and `brotli` 1.1.
const ZSTD: &[u8] = include_bytes!("../../../fixtures/codings/rows.json.zst");
const BROTLI: &[u8] = include_bytes!("../../../fixtures/codings/rows.json.br");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn bare_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn opened<'b>(coding: &str, kind: &str, body: &'b [u8]) -> Result<Opened<'b>, Unread> {
    let headers = [("Content-Type", kind), ("Content-Encoding", coding)];
    read(headers.into_iter(), body, true, ROOM)
}

#[rstest]
#[case("gzip", gzip(TEXT.as_bytes()))]
#[case("X-GZIP", gzip(TEXT.as_bytes()))]
#[case("deflate", zlib(TEXT.as_bytes()))]
#[case("deflate", bare_deflate(TEXT.as_bytes()))]
#[case("br", BROTLI.to_vec())]
#[case("zstd", ZSTD.to_vec())]
#[case("zstd", [ZSTD, b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00"].concat())]
#[case("deflate, gzip", gzip(&zlib(TEXT.as_bytes())))]
#[case("identity", TEXT.as_bytes().to_vec())]
#[case("", TEXT.as_bytes().to_vec())]
fn every_coding_of_the_field_is_undone(#[case] coding: &str, #[case] packed: Vec<u8>) {
    let opened = opened(coding, "application/json", &packed).unwrap();
    assert_eq!(String::from_utf8_lossy(&opened.bytes), TEXT);
    assert!(opened.whole);
}

#[test]
fn an_unknown_coding_is_named() {
    let error = opened("compress", "", b"x").unwrap_err();
    assert!(error.to_string().contains("`compress`"), "{error}");
    assert!(!error.is_fault());
    let many = opened("gzip, gzip, gzip, gzip", "", b"x").unwrap_err();
    assert!(matches!(many, Unread::Coding(_)), "{many}");
}

#[rstest]
#[case("gzip", b"\x1f\x8b\x08 this is not compressed".to_vec())]
#[case("gzip", gzip(TEXT.as_bytes())[..20].to_vec())]
#[case("br", b"no".to_vec())]
#[case("zstd", TEXT.as_bytes().to_vec())]
#[case("zstd", ZSTD[..ZSTD.len() - 2].to_vec())]
#[case("deflate", b"\xff\xff\xff".to_vec())]
fn what_does_not_keep_its_coding_is_its_senders_fault(
    #[case] coding: &str,
    #[case] packed: Vec<u8>,
) {
    assert!(opened(coding, "", &packed).unwrap_err().is_fault());
}

#[test]
fn a_window_beyond_what_senders_may_ask_for_is_refused() {
    // A frame header whose window is 64 MiB.
    let header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 16 << 3, 0x01, 0x00, 0x00];
    assert!(opened("zstd", "", &header).is_err());
}

#[test]
fn a_bomb_is_given_up_and_what_is_merely_long_is_cut() {
    let bomb = gzip(&vec![b' '; 40 * 1024 * 1024]);
    let error = opened("gzip", "", &bomb).unwrap_err();
    assert!(matches!(error, Unread::Bomb { .. }), "{error}");
    let nested = opened("gzip, gzip", "", &gzip(&bomb)).unwrap_err();
    assert!(matches!(nested, Unread::Bomb { .. }), "{nested}");

    let rows: String = (0..20_000)
        .map(|row| format!("{{\"id\":{row}}},"))
        .collect();
    let packed = gzip(rows.as_bytes());
    let opened = opened("gzip", "", &packed).unwrap();
    assert_eq!(opened.bytes.len(), ROOM.min(rows.len()));
    assert!(!opened.whole || rows.len() <= ROOM);
}

#[test]
fn of_a_body_that_was_not_kept_whole_the_beginning_is_read() {
    let rows: String = (0..2_000).map(|row| format!("{{\"id\":{row}}},")).collect();
    let packed = gzip(rows.as_bytes());
    let headers = [("content-encoding", "gzip")];
    let opened = read(
        headers.into_iter(),
        &packed[..packed.len() / 2],
        false,
        ROOM,
    )
    .unwrap();
    assert!(!opened.whole);
    assert!(!opened.bytes.is_empty() && rows.as_bytes().starts_with(&opened.bytes));
}

#[rstest]
#[case("application/json", b"\xef\xbb\xbf{\"a\":1}", "{\"a\":1}")]
#[case("application/json", b"\xff\xfe{\0}\0", "{}")]
#[case("application/json; charset=utf-16be", b"\0{\0}", "{}")]
#[case(
    "application/json; Charset=\"ISO-8859-1\"",
    b"{\"a\":\"\xfc\"}",
    "{\"a\":\"ü\"}"
)]
#[case("application/json; charset=windows-1251", b"\"\xff\"", "\"я\"")]
#[case("application/json; charset=latin1", "\"ü\"".as_bytes(), "\"ü\"")]
#[case("application/json; charset=klingon", b"{}", "{}")]
#[case("application/json; charset=utf-8", b"{}", "{}")]
fn text_is_read_in_its_character_set(#[case] kind: &str, #[case] body: &[u8], #[case] text: &str) {
    let opened = opened("", kind, body).unwrap();
    assert_eq!(String::from_utf8_lossy(&opened.bytes), text);
}

#[test]
fn what_is_no_utf_8_stays_as_it_is_and_an_unknown_character_set_is_named() {
    let plain = opened("", "application/json", b"\"\xff\"").unwrap();
    assert_eq!(plain.bytes, Cow::Borrowed(b"\"\xff\""));
    let marked = opened("", "application/json", b"\xef\xbb\xbf\"\xff\"").unwrap();
    assert_eq!(*marked.bytes, *b"\"\xff\"");
    let error = opened("", "text/plain; charset=klingon", b"\xff").unwrap_err();
    assert_eq!(error, Unread::Charset("klingon".to_owned()));
}
