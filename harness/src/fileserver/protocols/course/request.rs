//! Requests, as far as they are a line of words.

use super::{
    LONGEST_LINE,
    shell::{skip_blanks, word},
};
use ferrybench_data::fileserver::Operation;
use memchr::memchr;

/// What there is of a request.
pub(super) enum Head {
    /// An upload, whose content begins there.
    Upload { name: Vec<u8>, content: usize },
    /// A line of that length, and its length with its ending.
    Line(usize, usize),
    /// The beginning of a line.
    Part,
    /// More than a line may have.
    TooLong,
}

const VERBS: &[(&str, Operation)] = &[
    ("list", Operation::List),
    ("get", Operation::Download),
    ("download", Operation::Download),
    ("upload", Operation::Upload),
    ("delete", Operation::Delete),
];

const UNKNOWN: &str = "request tidak dikenali";
pub(super) const UNCLOSED: &str = "a quote is not closed";
pub(super) const NO_TEXT: &str = "the request is not UTF-8";

/// What there is of a request. Only so much is looked at as a line may have.
pub(super) fn head(bytes: &[u8]) -> Head {
    let window = &bytes[..bytes.len().min(LONGEST_LINE + b"\r\n".len())];
    let end = memchr(b'\n', window);
    let text = &window[..end.unwrap_or(window.len())];
    if let Ok(Some(verb)) = word(text)
        && verb.text.eq_ignore_ascii_case(b"upload")
        && let Ok(Some(name)) = word(verb.rest)
        && let rest = skip_blanks(name.rest)
        && !rest.is_empty()
        && let content = text.len() - rest.len()
        && content <= LONGEST_LINE
    {
        return Head::Upload { name: name.text, content };
    }
    let length = text.strip_suffix(b"\r").unwrap_or(text).len();
    match end {
        _ if length > LONGEST_LINE => Head::TooLong,
        Some(end) => Head::Line(length, end + 1),
        None => Head::Part,
    }
}

/// What a line asks for, as far as its verb says it.
pub(super) fn operation(line: &[u8]) -> Option<Operation> {
    let verb = word(line).ok()??.text;
    VERBS
        .iter()
        .find(|(known, _)| verb.eq_ignore_ascii_case(known.as_bytes()))
        .map(|(_, operation)| *operation)
}

/// Whether silence may end this line: not an upload, nor what may become another verb.
pub(super) fn may_be_whole(line: &[u8]) -> bool {
    match (operation(line), word(line)) {
        (Some(operation), _) => operation != Operation::Upload,
        (None, Ok(Some(verb))) if verb.rest.is_empty() => {
            let verb = verb.text.to_ascii_lowercase();
            !VERBS.iter().any(|(known, _)| known.as_bytes().starts_with(&verb))
        }
        _ => true,
    }
}

/// What a line that brings no content asks for, and the file's name.
pub(super) fn parse(line: &[u8]) -> Result<(Operation, String), (Option<Operation>, String)> {
    let operation = operation(line);
    let fail = |why: &str| Err((operation, why.to_owned()));
    let Ok(mut rest) = str::from_utf8(line).map(str::as_bytes) else { return fail(NO_TEXT) };
    let Some(known) = operation else { return fail(UNKNOWN) };
    let mut words = Vec::new();
    loop {
        match word(rest) {
            Err(_) => return fail(UNCLOSED),
            Ok(None) => break,
            Ok(Some(word)) => {
                // Quotes and backslashes are ASCII: what they leave of UTF-8 is UTF-8.
                words.push(String::from_utf8_lossy(&word.text).into_owned());
                rest = word.rest;
            }
        }
    }
    match (known, &words[1..]) {
        (Operation::List, []) => Ok((known, String::new())),
        (Operation::Download | Operation::Delete, [name]) => Ok((known, name.clone())),
        (Operation::Download | Operation::Delete, []) => fail("a file name is missing"),
        (Operation::Upload, []) => fail("a file name and its content are missing"),
        (Operation::Upload, [_]) => fail("the content is missing"),
        _ => fail(too_many(known)),
    }
}

pub(super) const fn too_many(operation: Operation) -> &'static str {
    match operation {
        Operation::List => "LIST takes nothing more",
        Operation::Download | Operation::Delete => {
            "only one file name was expected, and one with spaces needs quotes"
        }
        Operation::Upload => {
            "only a file name and its content were expected, and a name with spaces needs quotes"
        }
    }
}
