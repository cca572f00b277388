//! Somebody who outlives a process, to remove what it leaves: for commands that have no agent to do so.

use super::{
    partner::{Partner, Program},
    remains::Remains,
    role::{Port, Role},
};
use serde::{Deserialize, Serialize};
use std::{io, sync::Arc, time::Duration};

/// The role of an heir: it waits for the end of its input, which comes however whoever started it ends.
pub enum Heir {}

/// What an heir answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It knows what it is to remove, which may be made now.
    Ready,
}

impl Role for Heir {
    const NAME: &'static str = "heir";
    // Removing comes first; that takes milliseconds.
    const GRACE: Duration = Duration::from_secs(3);
    // Ctrl-C at a terminal is for whoever leaves something, not for who removes it.
    const LEADS_GROUP: bool = true;
    type Job = Remains;
    type Cue = ();
    type Reply = Reply;

    fn play(remains: Remains, port: Port<(), Reply>) -> io::Result<()> {
        port.replies.send(&Reply::Ready)?;
        port.cues.iter().for_each(drop);
        remains.remove();
        Ok(())
    }
}

/// Something that outlives a process, and is removed with this value; by its heir where the process is killed.
pub struct Bequest {
    remains: Remains,
    _heir: Partner<Heir>,
}

/// Longest that an heir may take until it is there.
const START: Duration = Duration::from_secs(60);

impl Bequest {
    /// Starts the heir of something that is to be made, and not before this returns.
    pub fn of(remains: Remains) -> io::Result<Self> {
        // Should it be killed, we are here still.
        let heir: Partner<Heir> =
            Partner::process(&Program::myself(), &remains, Vec::new(), Arc::new(|_| {}))?;
        let Reply::Ready = heir.reply(START)?;
        Ok(Self { remains, _heir: heir })
    }
}

impl Drop for Bequest {
    /// Before the heir's input ends: it finds nothing then, unless somebody of ours has made something meanwhile.
    fn drop(&mut self) {
        self.remains.remove();
    }
}
