//! The server's side.

use super::{
    END, LONGEST_LINE, PATIENCE,
    base64::{Decoder, Encoder, is_base64},
    reply::{
        Value,
        Value::{Names, Text},
        object,
    },
    request::{Head, NO_TEXT, UNCLOSED, head, may_be_whole, operation, parse, too_many},
    shell::is_blank,
};
use crate::{
    fileserver::{
        hands::Hands,
        protocols::Options,
        session::{Finished, Input, Session, Step},
    },
    shelf::{Incoming, Shelf},
};
use ferrybench_data::fileserver::Operation;
use memchr::{memchr, memchr2};
use std::{io, sync::Arc, time::Duration};

/// One connection at the server.
pub(super) struct Server {
    shelf: Arc<Shelf>,
    options: Options,
    hands: Hands,
    phase: Phase,
    decoder: Decoder,
    patience: Option<Duration>,
}

enum Phase {
    Between,
    /// A request has begun; its line is not there, nor an upload's content.
    Head,
    Sending(Encoder),
    /// An upload's content, in the quote that it began with.
    Content(Incoming, Option<u8>),
    /// An upload's content is over, its line is not.
    AfterContent(Incoming),
    /// The rest of a line that is not wanted, and what an upload is told at its end.
    Swallow(Option<String>),
}

const CUT_OFF: &str = "the upload ended before its line did";

impl Server {
    pub(super) fn new(shelf: &Arc<Shelf>, options: Options) -> Self {
        Self {
            shelf: Arc::clone(shelf),
            options,
            hands: Hands::default(),
            phase: Phase::Between,
            decoder: Decoder::default(),
            patience: None,
        }
    }

    /// Decides what to do with the input; false while more of it is needed.
    fn decide(&mut self, input: &mut Input) -> bool {
        self.patience = None;
        match std::mem::replace(&mut self.phase, Phase::Between) {
            Phase::Between => self.begin(input),
            Phase::Head => self.take_head(input),
            Phase::Sending(encoder) => self.send(encoder, 0),
            Phase::Content(incoming, quote) => self.take_content(input, incoming, quote),
            Phase::AfterContent(incoming) => self.take_line_end(input, incoming),
            Phase::Swallow(why) => self.swallow(input, why),
        }
    }

    fn begin(&mut self, input: &mut Input) -> bool {
        // An empty line is no request: some clients end theirs twice, or after the silence that had ended it.
        let bytes = input.bytes();
        let empty = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        input.consume(empty);
        if !input.bytes().is_empty() {
            self.hands.tell_begun();
            self.phase = Phase::Head;
        } else if input.ended {
            self.hands.close();
        } else {
            return false;
        }
        true
    }

    fn take_head(&mut self, input: &mut Input) -> bool {
        let bytes = input.bytes();
        match head(bytes) {
            Head::Upload { name, content } => {
                let quote = Some(bytes[content]).filter(|byte| matches!(byte, b'"' | b'\''));
                input.consume(content + usize::from(quote.is_some()));
                let incoming = match String::from_utf8(name) {
                    Ok(name) => self.shelf.put(&name).map_err(|why| why.to_string()),
                    Err(_) => Err(NO_TEXT.to_owned()),
                };
                self.decoder.reset();
                self.phase = match incoming {
                    Ok(incoming) => Phase::Content(incoming, quote),
                    Err(why) => Phase::Swallow(Some(why)),
                };
            }
            Head::Line(length, with_ending) => {
                self.answer(&bytes[..length]);
                input.consume(with_ending);
            }
            Head::TooLong => {
                let why = format!("a request has at most {LONGEST_LINE} bytes");
                self.fail(operation(bytes), why);
                self.phase = Phase::Swallow(None);
            }
            Head::Part if input.ended => {
                match operation(bytes) {
                    Some(Operation::Upload) => self.fail(Some(Operation::Upload), CUT_OFF),
                    _ => self.answer(bytes),
                }
                input.consume(bytes.len());
            }
            Head::Part => {
                let enough = may_be_whole(bytes);
                if !(enough && input.silent) {
                    self.patience = enough.then_some(PATIENCE);
                    self.phase = Phase::Head;
                    return false;
                }
                input.silent = false;
                self.answer(input.bytes());
                input.consume(input.bytes().len());
            }
        }
        true
    }

    /// Answers a line that brings no content.
    fn answer(&mut self, line: &[u8]) {
        match parse(line) {
            Err((operation, why)) => self.fail(operation, why),
            Ok((operation, name)) => {
                if let Err(why) = self.serve(operation, &name) {
                    self.fail(Some(operation), why.to_string());
                }
            }
        }
    }

    fn serve(&mut self, operation: Operation, name: &str) -> io::Result<()> {
        match operation {
            Operation::List => {
                let names = self.shelf.names()?;
                self.reply(&[("status", Text("OK")), ("data", Names(&names))]);
            }
            Operation::Delete => {
                self.shelf.remove(name)?;
                let message = format!("deleted {name}");
                self.reply(&[("status", Text("OK")), ("message", Text(&message)), ("data", Text(&message))]);
            }
            Operation::Download | Operation::Upload => {
                let encoder = Encoder::new(self.shelf.get(name)?, self.options.piece);
                let text = &mut self.hands.text;
                text.clear();
                let members =
                    [("status", Text("OK")), ("data_namafile", Text(name)), ("data_file", Text(""))];
                object(text, &members);
                // The content goes between the last two quotes.
                text.truncate(text.len() - br#""}"#.len());
                let at = text.len();
                self.send(encoder, at);
                return Ok(());
            }
        }
        self.hands.tell_finished(Finished { operation: Some(operation), ..Finished::default() });
        Ok(())
    }

    /// Sends the next piece of a file, after so many bytes that are there to be sent.
    fn send(&mut self, mut encoder: Encoder, at: usize) -> bool {
        let operation = Some(Operation::Download);
        match encoder.fill(&mut self.hands.text, at) {
            Ok(true) => {
                self.hands.text.extend_from_slice(br#""}"#);
                self.hands.text.extend_from_slice(END);
                self.hands.write();
                let bytes = encoder.length();
                self.hands.tell_finished(Finished { operation, bytes, ..Finished::default() });
            }
            Ok(false) => {
                self.hands.write();
                self.phase = Phase::Sending(encoder);
            }
            Err(why) if at > 0 => self.fail(operation, why.to_string()),
            Err(why) => {
                // The reply has begun, and nothing but its end can say that it is wrong.
                self.hands.tell_finished(Finished::failed(operation, why.to_string()));
                self.hands.close();
            }
        }
        true
    }

    fn take_content(&mut self, input: &mut Input, mut incoming: Incoming, quote: Option<u8>) -> bool {
        let bytes = input.bytes();
        if bytes.is_empty() {
            return self.wait_for_upload(input, Phase::Content(incoming, quote));
        }
        let end = memchr2(b'\r', b'\n', bytes);
        let text = &bytes[..end.unwrap_or(bytes.len())];
        let (mut taken, mut over) = (text.len(), end.is_some());
        if self.decoder.push(text).is_ok() {
            if over && quote.is_some() {
                return self.reject(UNCLOSED);
            }
        } else {
            // Only here is anything looked for that ends the content before its line ends.
            let plain = text.iter().take_while(|byte| is_base64(**byte)).count();
            if let Err(bad) = self.decoder.push(&text[..plain]) {
                return self.reject(format!("the content is not base64: {bad}"));
            }
            (taken, over) = match (quote, text.get(plain)) {
                (Some(open), Some(byte)) if open == *byte => (plain + 1, true),
                (None, Some(byte)) if is_blank(*byte) => (plain, true),
                _ => return self.reject("the content is not base64: it has a character that base64 has not"),
            };
        }
        if over && let Err(bad) = self.decoder.finish() {
            return self.reject(format!("the content is not base64: {bad}"));
        }
        if let Err(why) = incoming.write(self.decoder.content()) {
            return self.reject(why.to_string());
        }
        self.decoder.taken();
        input.consume(taken);
        self.phase = if over { Phase::AfterContent(incoming) } else { Phase::Content(incoming, quote) };
        true
    }

    fn take_line_end(&mut self, input: &mut Input, incoming: Incoming) -> bool {
        let blanks = input.bytes().iter().take_while(|byte| is_blank(**byte)).count();
        input.consume(blanks);
        match input.bytes().first() {
            None => return self.wait_for_upload(input, Phase::AfterContent(incoming)),
            Some(b'\n') => {
                input.consume(1);
                self.store(incoming);
            }
            Some(_) => return self.reject(too_many(Operation::Upload)),
        }
        true
    }

    fn store(&mut self, incoming: Incoming) {
        let operation = Some(Operation::Upload);
        let bytes = incoming.length();
        match incoming.finish() {
            Ok(hash) => {
                let message = format!("stored {bytes} bytes");
                self.reply(&[("status", Text("OK")), ("data", Text(&message))]);
                self.hands.tell_finished(Finished { operation, bytes, hash, ..Finished::default() });
            }
            Err(why) => self.fail(operation, why.to_string()),
        }
    }

    /// More of an upload is needed: it may come, or not any more.
    fn wait_for_upload(&mut self, input: &Input, phase: Phase) -> bool {
        if input.ended {
            self.fail(Some(Operation::Upload), CUT_OFF);
        } else {
            self.phase = phase;
        }
        input.ended
    }

    /// The rest of an upload's line goes by, then its failure is told: a client reads nothing before it has sent all.
    fn reject(&mut self, why: impl Into<String>) -> bool {
        self.phase = Phase::Swallow(Some(why.into()));
        true
    }

    fn swallow(&mut self, input: &mut Input, why: Option<String>) -> bool {
        let bytes = input.bytes();
        let end = memchr(b'\n', bytes);
        input.consume(end.map_or(bytes.len(), |end| end + 1));
        if end.is_none() && !input.ended {
            self.phase = Phase::Swallow(why);
            return false;
        }
        if let Some(why) = why {
            self.fail(Some(Operation::Upload), why);
        }
        true
    }

    fn reply(&mut self, members: &[(&str, Value<'_>)]) {
        self.hands.text.clear();
        object(&mut self.hands.text, members);
        self.hands.text.extend_from_slice(END);
        self.hands.write();
    }

    fn fail(&mut self, operation: Option<Operation>, why: impl Into<String>) {
        let why = why.into();
        self.reply(&[("status", Text("ERROR")), ("data", Text(&why))]);
        self.hands.tell_finished(Finished::failed(operation, why));
    }
}

impl Session for Server {
    fn next(&mut self, input: &mut Input) -> io::Result<Step<'_>> {
        while !self.hands.are_busy() && self.decide(input) {}
        Ok(self.hands.step(self.patience))
    }
}
