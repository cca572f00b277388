//! HTTP/1.1, as much of it as a file server needs: what stands in front of files everywhere else, so that other servers
//! and clients can be measured too. `GET /name`, `HEAD`, `PUT` with a length, `DELETE`, and `GET /` for the names.

mod client;
mod list;
mod server;
#[cfg(test)]
mod tests;

use super::Row;
use crate::shelf::LONGEST_NAME;
use httparse::Header;

/// Its row in the table.
pub(super) const ROW: Row = Row {
    name: "http",
    help: "HTTP/1.1: GET, PUT and DELETE, also against other people's servers",
    goes_ahead: true,
    server: |shelf, _| Box::new(server::Server::new(shelf)),
    client: |request, _| Box::new(client::Client::new(request)),
};

/// Longest head of a request or a reply, bytes: what an input holds at least.
const LONGEST_HEAD: usize = 16 << 10;
/// Most header fields of a head.
const MOST_FIELDS: usize = 64;
/// Headers before they are parsed.
const NO_FIELDS: [Header<'static>; MOST_FIELDS] = [httparse::EMPTY_HEADER; MOST_FIELDS];

/// The values of a header field, without regard to case.
fn values<'a>(fields: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a str> {
    let found = fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    found.map(|field| str::from_utf8(field.value).unwrap_or("\u{fffd}").trim())
}

/// Whether a field that is a list of words has this one.
fn says(fields: &[Header<'_>], name: &str, word: &str) -> bool {
    values(fields, name).flat_map(|value| value.split(',')).any(|it| it.trim().eq_ignore_ascii_case(word))
}

/// The length of the content, if it is told; an error where it is told wrongly.
fn content_length(fields: &[Header<'_>]) -> Result<Option<u64>, &'static str> {
    let mut lengths = values(fields, "content-length");
    let Some(first) = lengths.next() else { return Ok(None) };
    // A length that is told twice has been used to smuggle requests.
    if lengths.next().is_some() || !first.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("Content-Length makes no sense");
    }
    first.parse().map(Some).map_err(|_| "Content-Length makes no sense")
}

/// A name as a part of a target.
fn percent_encode(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The name that a part of a target is; none where it is no text.
fn percent_decode(text: &str) -> Option<String> {
    let mut name = Vec::with_capacity(text.len().min(LONGEST_NAME));
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            name.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        name.push((digit(digits[0])? * 16 + digit(digits[1])?) as u8);
        rest = after;
    }
    String::from_utf8(name).ok()
}
