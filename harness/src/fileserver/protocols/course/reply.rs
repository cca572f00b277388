//! Replies: one JSON object each, written by the server, and read by the client as a stream.

use super::{END, LONGEST_REPLY, base64::Decoder};
use memchr::{memchr2, memchr3};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use std::ops::Range;

/// What a member of a reply holds.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Names(&'a [String]),
}

/// Appends an object.
pub(super) fn object(text: &mut Vec<u8>, members: &[(&str, Value<'_>)]) {
    for (place, (name, value)) in members.iter().enumerate() {
        text.push(if place == 0 { b'{' } else { b',' });
        for value in [&Value::Text(name), value] {
            serde_json::to_writer(&mut *text, value)
                .expect("text and names are JSON, and a vector takes all");
            text.push(b':');
        }
        text.pop();
    }
    text.push(b'}');
}

/// Reads a reply as it comes. Of a download's content nothing stays here; the rest of a reply is short.
#[derive(Debug)]
pub(super) struct Reader {
    /// Whether a member `data_file` is content.
    takes_content: bool,
    /// All of it has come.
    has_content: bool,
    /// The reply without its content.
    text: Vec<u8>,
    place: Place,
    /// Brackets that are open.
    depth: usize,
    /// Where the last string stands in `text`.
    last: Range<usize>,
    decoder: Decoder,
    /// Bytes taken.
    received: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Between,
    InText,
    AfterBackslash,
    InContent,
    AtEnd,
}

impl Reader {
    pub(super) fn new(takes_content: bool) -> Self {
        Self {
            takes_content,
            has_content: false,
            text: Vec::new(),
            place: Place::Between,
            depth: 0,
            last: 0..0,
            decoder: Decoder::default(),
            received: 0,
        }
    }

    /// Takes what came, all of it but for half an escape sequence in content; how much it took.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let mut rest = bytes;
        while !rest.is_empty() && self.place != Place::AtEnd {
            if self.text.len() > LONGEST_REPLY {
                return Err(format!("the reply is longer than {LONGEST_REPLY} bytes"));
            }
            let taken = match self.place {
                Place::InContent => self.take_content(rest)?,
                Place::InText => self.take_text(rest),
                Place::AfterBackslash => {
                    self.text.push(rest[0]);
                    self.place = Place::InText;
                    1
                }
                Place::Between | Place::AtEnd => self.take_mark(rest)?,
            };
            if taken == 0 {
                break;
            }
            rest = &rest[taken..];
            if self.text.ends_with(END) {
                self.place = Place::AtEnd;
            }
        }
        let taken = bytes.len() - rest.len();
        self.received += taken as u64;
        Ok(taken)
    }

    /// One byte outside of a string.
    fn take_mark(&mut self, rest: &[u8]) -> Result<usize, String> {
        let byte = rest[0];
        if self.depth == 0 && byte != b'{' && self.text.trim_ascii().is_empty() && !byte.is_ascii_whitespace()
        {
            let shown = String::from_utf8_lossy(&rest[..rest.len().min(32)]);
            return Err(format!("the reply is not JSON: it begins with {shown:?}"));
        }
        match byte {
            b'"' => {
                self.place = if self.is_content()? { Place::InContent } else { Place::InText };
                self.last.start = self.text.len();
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.text.push(byte);
        Ok(1)
    }

    /// Whether a string that begins here is content.
    fn is_content(&self) -> Result<bool, String> {
        let name = &self.text[self.last.clone()];
        let between = self.text[self.last.end..].trim_ascii();
        if !(self.takes_content && self.depth == 1 && name == br#""data_file""# && between == b":") {
            return Ok(false);
        }
        if self.has_content { Err("the reply has data_file twice".to_owned()) } else { Ok(true) }
    }

    /// A part of a string, its end included where it is there.
    fn take_text(&mut self, rest: &[u8]) -> usize {
        // No string holds a line end, but a reply that was cut off in one has its end mark there.
        let stop = memchr3(b'"', b'\\', b'\n', rest);
        let taken = stop.map_or(rest.len(), |stop| stop + 1);
        self.text.extend_from_slice(&rest[..taken]);
        match stop.map(|stop| rest[stop]) {
            Some(b'"') => {
                self.last.end = self.text.len();
                self.place = Place::Between;
            }
            Some(b'\\') => self.place = Place::AfterBackslash,
            _ => {}
        }
        taken
    }

    /// A part of the content, its end included where it is there; nothing of an escape sequence that is not all there.
    fn take_content(&mut self, rest: &[u8]) -> Result<usize, String> {
        let stop = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        let (plain, rest) = rest.split_at(stop);
        self.push(plain)?;
        match rest {
            [b'"', ..] => {
                self.decoder.finish().map_err(|bad| format!("data_file is not base64: {bad}"))?;
                self.text.push(b'"');
                self.last.end = self.text.len();
                self.place = Place::Between;
                self.has_content = true;
                Ok(stop + 1)
            }
            // Base64 has a slash, which some writers of JSON escape.
            [b'\\', b'u', digits @ ..] if digits.len() >= 4 => {
                // All that base64 has is ASCII: two zeros and two digits.
                let code =
                    str::from_utf8(&digits[2..4]).ok().and_then(|code| u8::from_str_radix(code, 16).ok());
                let byte = code.filter(|_| digits.starts_with(b"00") && digits[2] != b'+');
                self.push(&[byte.unwrap_or(b'\\')])?;
                Ok(stop + 6)
            }
            [] | [b'\\'] | [b'\\', b'u', ..] => Ok(stop),
            [_, escaped @ ..] => {
                self.push(if escaped[0] == b'/' { b"/" } else { b"\\" })?;
                Ok(stop + 2)
            }
        }
    }

    fn push(&mut self, text: &[u8]) -> Result<(), String> {
        self.decoder.push(text).map_err(|bad| format!("data_file is not base64: {bad}"))
    }

    /// Content that has come and was not handed out yet.
    pub(super) fn content(&self) -> &[u8] {
        self.decoder.content()
    }

    /// The content was handed out.
    pub(super) fn content_taken(&mut self) {
        self.decoder.taken();
    }

    /// Whether the reply is over.
    pub(super) fn is_over(&self) -> bool {
        self.place == Place::AtEnd
    }

    /// Bytes of the reply so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The members of a reply that is over and says `OK`; else what is wrong, in one sentence.
    pub(super) fn members(&self) -> Result<Members, String> {
        let text = self.text.strip_suffix(END).unwrap_or(&self.text).trim_ascii();
        if text.is_empty() {
            return Err("the reply is empty".to_owned());
        }
        let members: Map<String, Json> =
            serde_json::from_slice(text).map_err(|error| format!("the reply is not JSON: {error}"))?;
        let members = Members(members);
        match members.text("status") {
            Some("OK") => {}
            Some("ERROR") => {
                let why = members.text("data").or(members.text("message")).filter(|why| !why.is_empty());
                return Err(why.unwrap_or("the server answered ERROR without a reason").to_owned());
            }
            Some(other) => return Err(format!("the status is {other:?}, neither OK nor ERROR")),
            None => return Err("the reply has no status".to_owned()),
        }
        if self.takes_content && !self.has_content {
            return Err("the reply has no data_file".to_owned());
        }
        Ok(members)
    }
}

/// What a reply holds besides content.
#[derive(Debug)]
pub(super) struct Members(Map<String, Json>);

impl Members {
    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The names in `data`.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let names = self.0.get("data")?.as_array()?.iter();
        names.map(|name| name.as_str().map(str::to_owned)).collect()
    }
}
