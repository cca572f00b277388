//! Base64 piece by piece, without an allocation for each piece.

use crate::{fileserver::hands::read_part, shelf::Outgoing};
use base64_simd::{AsOut, STANDARD};
use std::io;

/// A file on its way to text.
#[derive(Debug)]
pub(super) struct Encoder {
    outgoing: Outgoing,
    /// Content bytes that have become text.
    offset: u64,
    piece: Vec<u8>,
}

impl Encoder {
    /// Takes the file in pieces of about so many bytes.
    pub(super) fn new(outgoing: Outgoing, piece: usize) -> Self {
        // Threes of bytes become fours of characters: only the last piece may end otherwise.
        let piece = (piece / 3).max(1) * 3;
        let piece = vec![0; piece.min(usize::try_from(outgoing.length).unwrap_or(piece))];
        Self { outgoing, offset: 0, piece }
    }

    /// Length of the whole file, bytes.
    pub(super) fn length(&self) -> u64 {
        self.outgoing.length
    }

    /// Puts the next piece into `text`, after its first `at` bytes; whether it was the last one.
    pub(super) fn fill(&mut self, text: &mut Vec<u8>, at: usize) -> io::Result<bool> {
        let rest = self.outgoing.length - self.offset;
        let count = self.piece.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        let piece = &mut self.piece[..count];
        read_part(&self.outgoing.file, piece, self.offset)?;
        self.offset += count as u64;
        text.resize(at + STANDARD.encoded_length(count), 0);
        let _ = STANDARD.encode(piece, text[at..].as_out());
        Ok(self.offset == self.outgoing.length)
    }
}

/// Text on its way to content.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// Characters that wait to be four.
    carry: [u8; 4],
    held: usize,
    /// The padding has come: nothing may follow.
    padded: bool,
    /// Its first `filled` bytes are content that was not taken yet. It never shrinks, so that it is not cleared again.
    content: Vec<u8>,
    filled: usize,
}

/// What is wrong with the text.
#[derive(Debug, PartialEq)]
pub(super) enum Bad {
    /// A character that base64 does not have.
    Character,
    /// Padding that is not at the end, or bits behind the last byte.
    Padding,
    /// The number of characters is no multiple of four.
    Length,
}

impl std::fmt::Display for Bad {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Character => "it has a character that base64 has not",
            Self::Padding => "its padding is wrong",
            Self::Length => "its length is no multiple of four",
        })
    }
}

/// Whether base64 has it.
pub(super) const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

impl Decoder {
    /// Takes more text. Where it is bad, nothing of it is taken.
    pub(super) fn push(&mut self, text: &[u8]) -> Result<(), Bad> {
        let before = (self.carry, self.held, self.padded, self.filled);
        self.try_push(text).inspect_err(|_| (self.carry, self.held, self.padded, self.filled) = before)
    }

    fn try_push(&mut self, mut text: &[u8]) -> Result<(), Bad> {
        if self.held > 0 {
            let count = text.len().min(4 - self.held);
            self.carry[self.held..self.held + count].copy_from_slice(&text[..count]);
            self.held += count;
            text = &text[count..];
            if self.held == 4 {
                self.held = 0;
                self.decode(&self.carry.clone())?;
            }
        }
        let (fours, rest) = text.split_at(text.len() / 4 * 4);
        self.decode(fours)?;
        if !rest.is_empty() {
            self.carry[..rest.len()].copy_from_slice(rest);
            self.held = rest.len();
            if self.padded {
                return Err(why(rest, true));
            }
        }
        // Decoding finds bad characters; those that wait for it must be told from the end of the text now.
        if self.carry[..self.held].iter().all(|byte| is_base64(*byte)) { Ok(()) } else { Err(Bad::Character) }
    }

    fn decode(&mut self, fours: &[u8]) -> Result<(), Bad> {
        let Some(last) = fours.last() else { return Ok(()) };
        if self.padded {
            return Err(why(fours, true));
        }
        let room = self.filled + fours.len() / 4 * 3;
        if self.content.len() < room {
            self.content.resize(room, 0);
        }
        let decoded = STANDARD.decode(fours, self.content[self.filled..room].as_out());
        self.filled += decoded.map_err(|_| why(fours, false))?.len();
        self.padded = *last == b'=';
        Ok(())
    }

    /// Content that was not taken yet.
    pub(super) fn content(&self) -> &[u8] {
        &self.content[..self.filled]
    }

    /// The content has been taken.
    pub(super) fn taken(&mut self) {
        self.filled = 0;
    }

    /// The text is over; the next one may come.
    pub(super) fn finish(&mut self) -> Result<(), Bad> {
        let held = std::mem::take(&mut self.held);
        self.padded = false;
        if held == 0 { Ok(()) } else { Err(Bad::Length) }
    }

    /// Nothing has come, whatever did.
    pub(super) fn reset(&mut self) {
        (self.held, self.padded, self.filled) = (0, false, 0);
    }
}

/// The first thing that is wrong with text that is, so that the answer is the same however it was cut. Looked for only
/// where decoding failed.
fn why(text: &[u8], mut padded: bool) -> Bad {
    for four in text.chunks(4) {
        let looked_at = if padded { &four[..1] } else { four };
        if !looked_at.iter().all(|byte| is_base64(*byte)) {
            return Bad::Character;
        }
        if padded || STANDARD.check(four).is_err() {
            return Bad::Padding;
        }
        padded = four.ends_with(b"=");
    }
    Bad::Padding
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(text: &[u8], cut: usize) -> Result<Vec<u8>, Bad> {
        let mut decoder = Decoder::default();
        let mut content = Vec::new();
        for part in text.chunks(cut) {
            decoder.push(part)?;
            content.extend_from_slice(decoder.content());
            decoder.taken();
        }
        decoder.finish()?;
        Ok(content)
    }

    proptest! {
        #[test]
        fn text_is_decoded_however_it_is_cut(content in prop::collection::vec(any::<u8>(), 0..300), cut in 1_usize..90) {
            let text = STANDARD.encode_to_string(&content);
            prop_assert_eq!(decode(text.as_bytes(), cut).unwrap(), content);
        }

        #[test]
        fn cuts_do_not_change_what_is_bad(text in "[AQgw=+/ ]{0,12}", cut in 1_usize..9) {
            let found = decode(text.as_bytes(), cut);
            prop_assert_eq!(&found, &decode(text.as_bytes(), 64));
            prop_assert_eq!(found.ok(), STANDARD.decode_to_vec(&text).ok());
        }
    }

    #[test]
    fn it_says_what_is_bad() {
        for cut in [1, 2, 3, 4, 5, 64] {
            assert_eq!(decode(b"QQ==QUJD", cut), Err(Bad::Padding));
            assert_eq!(decode(b"QQ==Q", cut), Err(Bad::Padding));
            assert_eq!(decode(b"QR==", cut), Err(Bad::Padding));
            assert_eq!(decode(b"Q===", cut), Err(Bad::Padding));
            assert_eq!(decode(b"====", cut), Err(Bad::Padding));
            assert_eq!(decode(b"QUJ", cut), Err(Bad::Length));
            assert_eq!(decode(b"QU*D", cut), Err(Bad::Character));
            assert_eq!(decode(b"QUJDQU-D", cut), Err(Bad::Character));
        }
    }

    #[test]
    fn text_that_is_bad_is_not_taken() {
        let mut decoder = Decoder::default();
        decoder.push(b"QUJDQ").unwrap();
        assert_eq!(decoder.push(b"UJD QUJD"), Err(Bad::Character));
        decoder.push(b"UJD").unwrap();
        assert_eq!(decoder.content(), b"ABCABC");
        assert_eq!(decoder.finish(), Ok(()));
    }
}
