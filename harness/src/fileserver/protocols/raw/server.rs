//! The server's side.

use super::{DONE, ERROR, GO_AHEAD, LONGEST_LIST, LONGEST_MESSAGE, REQUEST_HEAD, number, operation};
use crate::{
    fileserver::{
        hands::Hands,
        session::{Finished, Input, Session, Step},
    },
    shelf::Shelf,
};
use ferrybench_data::fileserver::Operation;
use std::{io, sync::Arc};

/// One connection at the server.
pub(super) struct Server {
    shelf: Arc<Shelf>,
    hands: Hands,
    phase: Phase,
}

enum Phase {
    Between,
    Head,
    /// An upload's content has been asked for; it should have so many bytes.
    Content(u64),
}

impl Server {
    pub(super) fn new(shelf: &Arc<Shelf>) -> Self {
        Self { shelf: Arc::clone(shelf), hands: Hands::default(), phase: Phase::Between }
    }

    /// Decides what to do with the input; nothing while more of it is needed.
    fn decide(&mut self, input: &mut Input) {
        match self.phase {
            Phase::Between if input.bytes().is_empty() => {
                if input.ended {
                    self.hands.close();
                }
            }
            Phase::Between => {
                self.phase = Phase::Head;
                self.hands.tell_begun();
            }
            Phase::Head => {
                let bytes = input.bytes();
                let whole = REQUEST_HEAD + bytes.get(1).map_or(0, |length| usize::from(*length));
                if bytes.len() >= whole {
                    self.phase = Phase::Between;
                    let operation = operation(bytes[0]);
                    let name = str::from_utf8(&bytes[REQUEST_HEAD..whole]).map(str::to_owned);
                    let length = number(&bytes[2..REQUEST_HEAD]);
                    input.consume(whole);
                    let done = match (operation, name) {
                        (None, _) => Err(other("there is no such operation")),
                        (_, Err(_)) => Err(other("the name is not UTF-8")),
                        (Some(operation), Ok(name)) => self.answer(operation, &name, length),
                    };
                    if let Err(why) = done {
                        self.fail(operation, &why);
                    }
                } else if input.ended {
                    let why = "the client closed in the middle of a request";
                    self.hands.tell_finished(Finished::failed(operation(bytes[0]), why));
                    self.hands.close();
                }
            }
            Phase::Content(length) => {
                self.phase = Phase::Between;
                self.keep(length);
            }
        }
    }

    fn answer(&mut self, operation: Operation, name: &str, length: u64) -> io::Result<()> {
        let mut bytes = 0;
        match operation {
            Operation::List => {
                let names = self.shelf.names()?;
                let length: usize = names.iter().map(|name| 1 + name.len()).sum();
                if length > LONGEST_LIST {
                    return Err(other("the list is too long for a reply"));
                }
                self.reply(DONE, length as u64);
                for name in &names {
                    // A file's name has at most 255 bytes.
                    self.hands.text.push(name.len() as u8);
                    self.hands.text.extend_from_slice(name.as_bytes());
                }
            }
            Operation::Download => {
                let outgoing = self.shelf.get(name)?;
                bytes = outgoing.length;
                self.hands.outgoing = Some(outgoing);
                self.reply(DONE, bytes);
                self.hands.send();
            }
            Operation::Upload => {
                self.hands.incoming = Some(self.shelf.put(name)?);
                self.reply(GO_AHEAD, 0);
                self.hands.receive(length);
                self.phase = Phase::Content(length);
                return Ok(());
            }
            Operation::Delete => {
                self.shelf.remove(name)?;
                self.reply(DONE, 0);
            }
        }
        self.hands.tell_finished(Finished { operation: Some(operation), bytes, ..Finished::default() });
        Ok(())
    }

    /// An upload's content has come, or its end has.
    fn keep(&mut self, length: u64) {
        let operation = Some(Operation::Upload);
        let Some(incoming) = self.hands.incoming.take() else { return self.hands.close() };
        let bytes = incoming.length();
        if bytes < length {
            let why = format!("the client closed after {bytes} of {length} bytes of content");
            self.hands.tell_finished(Finished::failed(operation, why));
            return self.hands.close();
        }
        match incoming.finish() {
            Ok(hash) => {
                self.reply(DONE, 0);
                self.hands.tell_finished(Finished { operation, bytes, hash, ..Finished::default() });
            }
            Err(why) => self.fail(operation, &why),
        }
    }

    fn reply(&mut self, status: u8, length: u64) {
        self.hands.text.clear();
        self.hands.text.push(status);
        self.hands.text.extend_from_slice(&length.to_le_bytes());
        self.hands.write();
    }

    fn fail(&mut self, operation: Option<Operation>, why: &io::Error) {
        let why = why.to_string();
        let mut length = why.len().min(LONGEST_MESSAGE);
        while !why.is_char_boundary(length) {
            length -= 1;
        }
        let message = &why[..length];
        self.reply(ERROR, message.len() as u64);
        self.hands.text.extend_from_slice(message.as_bytes());
        self.hands.tell_finished(Finished::failed(operation, message));
    }
}

impl Session for Server {
    fn next(&mut self, input: &mut Input) -> io::Result<Step<'_>> {
        if !self.hands.are_busy() {
            self.decide(input);
        }
        Ok(self.hands.step(None))
    }
}

fn other(why: &str) -> io::Error {
    io::Error::other(why.to_owned())
}
