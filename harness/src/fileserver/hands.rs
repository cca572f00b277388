//! What a session holds in its hands between two steps. A session decides several steps at once and puts them here; they
//! come out one by one. So its code reads in the order of the conversation, and its states are those of the input alone.

use super::session::{Finished, Step, Tell};
use crate::shelf::{Incoming, Outgoing};
use std::{collections::VecDeque, time::Duration};

/// A step that borrows nothing yet.
#[derive(Debug)]
enum Next {
    Write,
    Stamp,
    Send,
    Receive(u64),
    Tell(Tell),
    Drain,
    Close,
}

/// Bytes, a file that goes and a file that comes, and the steps that were decided about them.
#[derive(Debug, Default)]
pub(in crate::fileserver) struct Hands {
    steps: VecDeque<Next>,
    /// What the next write sends. Reused, so that nothing is allocated while content flows.
    pub(in crate::fileserver) text: Vec<u8>,
    /// The file that is being sent.
    pub(in crate::fileserver) outgoing: Option<Outgoing>,
    /// The file that is arriving.
    pub(in crate::fileserver) incoming: Option<Incoming>,
}

impl Hands {
    /// Whether steps that were decided are still to be done.
    pub(in crate::fileserver) fn are_busy(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Writes `text`, as it is when the step's turn comes.
    pub(in crate::fileserver) fn write(&mut self) {
        self.steps.push_back(Next::Write);
    }

    /// Sends the whole of `outgoing`.
    pub(in crate::fileserver) fn send(&mut self) {
        self.steps.extend([Next::Stamp, Next::Send]);
    }

    /// Receives so many bytes into `incoming`. Whether they came is seen by its length.
    pub(in crate::fileserver) fn receive(&mut self, length: u64) {
        self.steps.push_back(Next::Receive(length));
    }

    /// Tells that a request or a reply has begun.
    pub(in crate::fileserver) fn tell_begun(&mut self) {
        self.steps.push_back(Next::Tell(Tell::Begun));
    }

    /// Tells how a request ended, and lets go of its files once that is told.
    pub(in crate::fileserver) fn tell_finished(&mut self, finished: Finished) {
        self.steps.push_back(Next::Tell(Tell::Finished(finished)));
    }

    /// Closes the connection once the peer has stopped sending what nobody wants.
    pub(in crate::fileserver) fn drain_and_close(&mut self) {
        self.steps.extend([Next::Drain, Next::Close]);
    }

    /// Closes the connection.
    pub(in crate::fileserver) fn close(&mut self) {
        self.steps.push_back(Next::Close);
    }

    /// The next step that was decided; more input where none was.
    pub(in crate::fileserver) fn step(&mut self, patience: Option<Duration>) -> Step<'_> {
        let Some(next) = self.steps.pop_front() else { return Step::Read { patience } };
        match next {
            Next::Write => Step::Write(&self.text),
            Next::Stamp => Step::Write(self.outgoing.as_ref().map_or(&[], |outgoing| &outgoing.stamp)),
            Next::Send => match &self.outgoing {
                Some(Outgoing { file, length, stamp }) => {
                    let offset = stamp.len() as u64;
                    Step::FileToPeer { file, offset, length: length - offset }
                }
                None => Step::Write(&[]),
            },
            Next::Receive(length) => match &mut self.incoming {
                Some(incoming) => Step::PeerToFile { incoming, length },
                None => Step::Close,
            },
            Next::Tell(tell) => {
                if let Tell::Finished(_) = tell {
                    (self.outgoing, self.incoming) = (None, None);
                }
                Step::Tell(tell)
            }
            Next::Drain => Step::Drain,
            Next::Close => {
                // Whoever asks again is told the same.
                self.steps.push_back(Next::Close);
                Step::Close
            }
        }
    }
}
