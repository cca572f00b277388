//! Contents that are uploaded, and what is wrong with one that comes back.

use super::{Diagnosis, Stop, Verdict, fault, wire::Reply};
use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

/// Printable text; unlike seeds give unlike texts.
pub(super) fn text(length: usize, seed: u64) -> Vec<u8> {
    bytes(length, seed).iter().map(|byte| b' ' + byte % 95).collect()
}

/// Every value of a byte, many times over.
pub(super) fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// The content in a reply to GET.
pub(super) fn of_reply(reply: &Reply) -> Result<Vec<u8>, Stop> {
    let Some(text) = reply.text("data_file") else {
        return Err(fault(Diagnosis::MissingField, format!("no `data_file` in {}", reply.excerpt())));
    };
    if is_literal(text.as_bytes()) {
        return Err(fault(
            Diagnosis::BytesLiteral,
            format!("`data_file` is formatted bytes: {}", reply.excerpt()),
        ));
    }
    STANDARD.decode(text).map_err(|error| {
        fault(Diagnosis::WrongContent, format!("`data_file` is no base64 with padding: {error}"))
    })
}

/// Whether bytes were formatted into text, as Python does it.
fn is_literal(bytes: &[u8]) -> bool {
    bytes.len() >= 3
        && [b'\'', b'"'].iter().any(|quote| bytes.starts_with(&[b'b', *quote]) && bytes.ends_with(&[*quote]))
}

/// What base64 becomes when it is lower-cased on the way.
fn lower_cased(content: &[u8]) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&ALPHABET, config).decode(STANDARD.encode(content).to_lowercase()).ok()
}

/// Names what is wrong with a content; `others` belong to other names.
pub(super) fn compare(expected: &[u8], got: &[u8], others: &[&[u8]]) -> Verdict {
    if got == expected {
        return Ok(());
    }
    let (came, sent) = (got.len(), expected.len());
    Err(if others.contains(&got) {
        fault(Diagnosis::MixesFiles, format!("{came} bytes of another file came back"))
    } else if is_literal(got) && !is_literal(expected) {
        fault(Diagnosis::BytesLiteral, format!("{came} bytes instead of {sent}, in b'...'"))
    } else if lower_cased(expected).is_some_and(|lower| lower == got) {
        fault(Diagnosis::LowerCasesBase64, "the content of the same base64 in lower case came back")
    } else if expected.starts_with(got) {
        fault(Diagnosis::Truncates, format!("{came} of {sent} bytes came back"))
    } else if got.starts_with(expected) {
        fault(
            Diagnosis::AddsBytes,
            format!("{came} bytes came back instead of {sent}, the first {sent} as sent"),
        )
    } else if std::str::from_utf8(expected).is_err() && String::from_utf8_lossy(expected).as_bytes() == got {
        fault(Diagnosis::TextOnly, "bytes that are no UTF-8 came back as question marks")
    } else {
        let at = expected.iter().zip(got).take_while(|(one, other)| one == other).count();
        fault(
            Diagnosis::WrongContent,
            format!("{came} bytes came back for {sent}, and differ from byte {at} on"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{bytes, compare, lower_cased, text};
    use crate::fileserver::check::{Diagnosis, Stop};

    fn named(expected: &[u8], got: &[u8]) -> Option<Diagnosis> {
        match compare(expected, got, &[b"another"]) {
            Err(Stop::Fault { diagnosis, .. }) => Some(diagnosis),
            _ => None,
        }
    }

    #[test]
    fn each_difference_has_its_name() {
        let sent = text(300, 1);
        let binary = bytes(300, 1);
        let longer = [&sent[..], b"\n"].concat();
        let lower = lower_cased(&sent).expect("lower-cased base64 decodes");
        assert_eq!(named(&sent, &sent), None);
        assert_eq!(named(&sent, b"another"), Some(Diagnosis::MixesFiles));
        assert_eq!(named(&sent, b"b'abc'"), Some(Diagnosis::BytesLiteral));
        assert_eq!(named(&sent, &lower), Some(Diagnosis::LowerCasesBase64));
        assert_eq!(named(&sent, &sent[..150]), Some(Diagnosis::Truncates));
        assert_eq!(named(&sent, &longer), Some(Diagnosis::AddsBytes));
        assert_eq!(named(&binary, String::from_utf8_lossy(&binary).as_bytes()), Some(Diagnosis::TextOnly));
        assert_eq!(named(&sent, &text(300, 2)), Some(Diagnosis::WrongContent));
    }

    #[test]
    fn contents_are_what_they_say() {
        assert!(text(4096, 3).iter().all(|byte| (b' '..=b'~').contains(byte)));
        let values: std::collections::HashSet<u8> = bytes(4096, 3).into_iter().collect();
        assert_eq!(values.len(), 256);
        assert_ne!(text(64, 1), text(64, 2));
    }
}
