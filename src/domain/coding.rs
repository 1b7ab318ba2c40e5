//! What the bytes of a body say: content codings undone (RFC 9110 §8.4), characters read as UTF-8.
//!
//! Judging and the simulated app read what a phone's HTTP stack would hand to its app; the bytes that
//! pass stay as they are. A body is never trusted to be as large as it looks: what opens out of all
//! proportion is given up, and so is one whose coding or character set nobody here knows.

use std::borrow::Cow;
use std::io::Read as Source;

use brotli_decompressor::Decompressor;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;

/// No body opens to more than this, whatever it is packed in.
const MOST: usize = 32 * 1024 * 1024;
/// Up to here nobody asks how much smaller it was when packed.
const SMALL: usize = 1024 * 1024;
/// How many times its own length a body that is not small may open to. Text of the most boring kind
/// comes to a fifth of that.
const RATIO: usize = 500;
/// How many codings may lie around one body.
const LAYERS: usize = 3;
/// The largest window that a sender may ask for (RFC 9659 §3).
const ZSTD_WINDOW: u64 = 8 * 1024 * 1024;
/// How much is opened at once.
const STEP: usize = 16 * 1024;

/// Why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It is packed in a way that nobody here undoes.
    #[error("it is packed in the content coding `{0}`, which cannot be read here")]
    Coding(String),
    /// It is not packed as it says, so no client can read it either.
    #[error("it says that its content coding is `{0}`, and does not keep it")]
    Broken(String),
    /// It opens out of all proportion.
    #[error(
        "it is packed in the content coding `{coding}`, and {packed} bytes open to more than {opened}: a decompression bomb"
    )]
    Bomb {
        /// How it is packed.
        coding: String,
        /// Its length on the wire, as far as it was read.
        packed: usize,
        /// How far it was opened.
        opened: usize,
    },
    /// Its characters are written in a way that nobody here knows.
    #[error("it is written in the character set `{0}`, which cannot be read here")]
    Charset(String),
}

impl Unread {
    /// Whether its sender is to blame: nobody could read it.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Broken(_))
    }
}

/// A body that was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'b> {
    /// What it says, in UTF-8 where it is text.
    pub bytes: Cow<'b, [u8]>,
    /// Whether that is all of it.
    pub whole: bool,
}

/// A body packed in no coding at all.
#[must_use]
pub fn is_plain<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>) -> bool {
    codings(headers).is_empty()
}

/// Reads a body, of which `whole` says whether it is complete, as its headers say that it is written.
/// No more than `room` bytes of it come back.
///
/// # Errors
/// When it cannot be read.
pub fn read<'b, 'h>(
    headers: impl Iterator<Item = (&'h str, &'h str)> + Clone,
    body: &'b [u8],
    whole: bool,
    room: usize,
) -> Result<Opened<'b>, Unread> {
    let mut opened = Opened {
        bytes: Cow::Borrowed(body),
        whole,
    };
    let layers = codings(headers.clone());
    if body.is_empty() {
        return Ok(opened);
    }
    if layers.len() > LAYERS {
        return Err(Unread::Coding(layers.join(", ")));
    }
    // The last that was put on comes off first.
    for (left, coding) in layers.iter().enumerate().rev() {
        let room = if left == 0 { room } else { MOST };
        let (bytes, whole) = undo(coding, &opened.bytes, opened.whole, room)?;
        opened = Opened {
            bytes: Cow::Owned(bytes),
            whole,
        };
    }
    let mut kinds = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let kind = kinds.next().map_or("", |(_, kind)| kind);
    if let Some(text) = in_utf8(kind, &opened.bytes)? {
        opened.bytes = Cow::Owned(text);
    }
    Ok(opened)
}

/// The codings around a body, in the order in which they were put on.
fn codings<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>) -> Vec<String> {
    headers
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"))
        .flat_map(|(_, value)| value.split(','))
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect()
}

/// Undoes one coding; says whether what comes back is all.
fn undo(coding: &str, packed: &[u8], whole: bool, room: usize) -> Result<(Vec<u8>, bool), Unread> {
    let mut source: Box<dyn Source + '_> = match coding {
        "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(packed)),
        "deflate" if is_zlib(packed) => Box::new(ZlibDecoder::new(packed)),
        // Some servers leave the frame out, and clients have learnt to bear it.
        "deflate" => Box::new(DeflateDecoder::new(packed)),
        "br" => Box::new(Decompressor::new(packed, STEP)),
        "zstd" => Box::new(Frames {
            rest: packed,
            frame: None,
        }),
        other => return Err(Unread::Coding(other.to_owned())),
    };
    let mut kept = Vec::new();
    let mut opened = 0;
    let mut piece = vec![0; STEP];
    let ended = loop {
        match source.read(&mut piece) {
            Ok(0) => break true,
            Ok(read) => {
                opened += read;
                let fits = read.min(room.saturating_sub(kept.len()));
                kept.extend_from_slice(&piece[..fits]);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) if whole => return Err(Unread::Broken(coding.to_owned())),
            // What is missing is missing because it was not kept.
            Err(_) => break false,
        }
        if opened > MOST || (opened > SMALL && opened / RATIO > packed.len()) {
            return Err(Unread::Bomb {
                coding: coding.to_owned(),
                packed: packed.len(),
                opened,
            });
        }
    };
    let all = ended && whole && opened == kept.len();
    Ok((kept, all))
}

/// Whether it begins as RFC 1950 says.
fn is_zlib(packed: &[u8]) -> bool {
    match packed {
        [first, second, ..] => {
            first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31)
        }
        _ => false,
    }
}

/// Zstandard frames, one after the other (RFC 8878 §3).
struct Frames<'b> {
    rest: &'b [u8],
    frame: Option<StreamingDecoder<&'b [u8], ruzstd::decoding::FrameDecoder>>,
}

impl Source for Frames<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(into)?;
                if read > 0 {
                    return Ok(read);
                }
                self.rest = frame.get_ref();
                self.frame = None;
            }
            if self.rest.is_empty() {
                return Ok(0);
            }
            let next = StreamingDecoder::new_with_max_window_size(self.rest, ZSTD_WINDOW);
            self.frame = Some(next.map_err(std::io::Error::other)?);
        }
    }
}

/// Text in UTF-8, where it is written otherwise or behind a byte order mark.
fn in_utf8(kind: &str, bytes: &[u8]) -> Result<Option<Vec<u8>>, Unread> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let text = encoding.decode_without_bom_handling(&bytes[mark..]).0;
        return Ok(Some(if encoding == UTF_8 {
            // What is no UTF-8 behind the mark is for the reader to notice.
            bytes[mark..].to_vec()
        } else {
            text.into_owned().into_bytes()
        }));
    }
    let Some(label) = charset(kind) else {
        return Ok(None);
    };
    let known = Encoding::for_label(label.as_bytes());
    let wide = known.is_some_and(|known| known == UTF_16LE || known == UTF_16BE);
    if !wide && std::str::from_utf8(bytes).is_ok() {
        // JSON knows no such parameter (RFC 8259 §11), and clients read it as UTF-8 where it is that.
        return Ok(None);
    }
    match known {
        None => Err(Unread::Charset(label.to_owned())),
        Some(known) if known == UTF_8 => Ok(None),
        Some(known) => {
            let text = known.decode_without_bom_handling(bytes).0;
            Ok(Some(text.into_owned().into_bytes()))
        }
    }
}

/// The character set that a media type names.
fn charset(kind: &str) -> Option<&str> {
    kind.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests;
