//! One announced file at a receiver: its ledger, what of it is there, and what is answered. Pure: content goes where its
//! owner puts it.

use super::{
    bits::Bits,
    frame::{Announce, Answer, Ask, Header, Missing, State},
    ledger::{self, Ledger},
    told::Counts,
};

/// The account of a file.
#[derive(Debug, Clone)]
pub struct Account {
    announce: Announce,
    datagrams: u32,
    ledger: Ledger,
    present: Bits,
    /// The latest question.
    asked: Option<Ask>,
    state: State,
}

/// What becomes of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It is new: it belongs at this offset of the file, bytes.
    At(u64),
    /// It is there already, or nobody wants it any more.
    Known,
    /// Its position or length cannot be.
    Corrupt,
}

impl Account {
    /// Opens one.
    pub fn new(announce: Announce) -> Self {
        let datagrams = announce.datagrams().unwrap_or(0);
        Self {
            ledger: Ledger::new(datagrams),
            announce,
            datagrams,
            present: Bits::default(),
            asked: None,
            state: State::Open,
        }
    }

    /// What was announced.
    pub fn announce(&self) -> &Announce {
        &self.announce
    }

    /// How it is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The ledger so far.
    pub fn counts(&self) -> Counts {
        self.ledger.counts()
    }

    /// Transmissions by the sender's last word.
    pub fn sent(&self) -> Option<u64> {
        self.asked.map(|ask| ask.sent)
    }

    /// Datagrams that are still missing.
    pub fn missing(&self) -> u64 {
        u64::from(self.datagrams) - self.present.count()
    }

    /// Whether every byte is there and was not dealt with yet.
    pub fn is_whole(&self) -> bool {
        self.state == State::Open && self.missing() == 0
    }

    /// Whether the sender has said that nothing more comes, and the account is still open.
    pub fn has_ended(&self) -> bool {
        self.state == State::Open && self.asked.is_some_and(|ask| ask.ended)
    }

    /// A datagram of content arrived.
    #[inline]
    pub fn data(&mut self, header: &Header, length: usize) -> Placed {
        let position = header.position;
        if position >= self.datagrams || length as u64 != self.announce.length_at(position) {
            self.ledger.corrupted();
            return Placed::Corrupt;
        }
        if !self.ledger.arrived(header.serial) {
            return Placed::Corrupt;
        }
        if self.state != State::Open || !self.present.insert(position.into()) {
            return Placed::Known;
        }
        Placed::At(u64::from(position) * u64::from(self.announce.payload_bytes))
    }

    /// A datagram of this file arrived whose checksum is wrong.
    pub fn corrupted(&mut self) {
        self.ledger.corrupted();
    }

    /// A question arrived. An older one than the latest says nothing new.
    pub fn ask(&mut self, ask: Ask) {
        if self.asked.is_none_or(|last| ask.number > last.number) {
            // What has ended stays so, and counts only rise.
            let last = self.asked.unwrap_or(ask);
            self.asked = Some(Ask { ended: ask.ended || last.ended, sent: ask.sent.max(last.sent), ..ask });
        }
    }

    /// The content came to its end: what arrives from now on is late.
    pub fn close(&mut self, state: State) {
        self.ledger.close();
        self.state = state;
    }

    /// What is said to the latest question, or to the announcement.
    pub fn answer(&self, receiver: u32, window: u32) -> Answer {
        let missing = match self.asked {
            Some(ask) if self.state == State::Open && ask.from != u32::MAX => {
                let frontier = ask.frontier.min(self.datagrams);
                ledger::missing(&self.present, ask.from.min(frontier), frontier)
            }
            _ => Missing::default(),
        };
        Answer {
            number: self.asked.map_or(0, |ask| ask.number),
            receiver,
            state: self.state.clone(),
            window,
            counts: self.counts(),
            missing,
        }
    }
}

/// Datagrams of so many bytes that may be under way into a receive buffer at a time.
///
/// The kernel counts the memory that packets take, not their bytes: of each packet its buffer, rounded up, and what
/// describes it. Batches that arrive as one packet take less; they are not counted on.
pub fn window(buffer_bytes: u64, datagram_bytes: u64, open_files: usize) -> u32 {
    let share = buffer_bytes / 4 * 3 / open_files.max(1) as u64;
    (share / kernel_bytes(datagram_bytes)).clamp(1, u32::MAX.into()) as u32
}

/// What one datagram takes of a receive buffer, bytes.
fn kernel_bytes(datagram_bytes: u64) -> u64 {
    /// `sk_buff` itself.
    const DESCRIBED: u64 = 256;
    /// Room for headers before the data, and `skb_shared_info` behind it.
    const AROUND: u64 = 64 + 42 + 320;
    /// Of a datagram that is larger than a packet each fragment is one.
    const PACKET: u64 = 1472;
    let (whole, rest) = (datagram_bytes / PACKET, datagram_bytes % PACKET);
    let one = |bytes: u64| (bytes + AROUND).next_power_of_two() + DESCRIBED;
    whole * one(PACKET) + if rest > 0 || whole == 0 { one(rest) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::frame::Kind;

    fn account(bytes: u64) -> Account {
        Account::new(Announce { name: "a".into(), bytes, hash: 0, payload_bytes: 10, repairs: true })
    }

    fn header(serial: u64, position: u32) -> Header {
        Header { kind: Kind::Data, session: 1, file: 1, serial, position }
    }

    #[test]
    fn content_is_placed_once() {
        let mut account = account(25);
        assert_eq!(account.data(&header(0, 1), 10), Placed::At(10));
        assert_eq!(account.data(&header(1, 1), 10), Placed::Known);
        assert_eq!(account.data(&header(2, 2), 5), Placed::At(20));
        assert!(!account.is_whole());
        assert_eq!(account.data(&header(3, 0), 10), Placed::At(0));
        assert!(account.is_whole());
        assert_eq!(account.counts(), Counts { received: 4, unique: 4, ..Counts::default() });
    }

    #[test]
    fn what_cannot_be_is_corrupt() {
        let mut account = account(25);
        for (position, length) in [(3, 5), (2, 10), (0, 9), (u32::MAX, 10)] {
            assert_eq!(account.data(&header(0, position), length), Placed::Corrupt);
        }
        assert_eq!(account.counts(), Counts { received: 4, corrupt: 4, ..Counts::default() });
    }

    #[test]
    fn late_arrivals_are_counted_and_not_placed() {
        let mut account = account(25);
        account.close(State::Incomplete);
        assert_eq!(account.data(&header(0, 0), 10), Placed::Known);
        assert_eq!(account.counts(), Counts { received: 1, unique: 1, late: 1, ..Counts::default() });
    }

    #[test]
    fn an_answer_tells_what_is_missing_below_what_was_sent() {
        let mut account = account(100);
        account.data(&header(1, 1), 10);
        account.ask(Ask { number: 1, sent: 4, frontier: 4, from: 0, ended: false });
        let missing = account.answer(1, 8).missing;
        assert_eq!(missing, Missing { from: 0, to: 4, gaps: vec![(0, 1), (2, 2)] });
    }

    #[test]
    fn an_old_question_changes_nothing() {
        let mut account = account(100);
        account.ask(Ask { number: 5, sent: 4, frontier: 4, from: 0, ended: true });
        account.ask(Ask { number: 2, sent: 1, frontier: 1, from: 0, ended: false });
        assert_eq!((account.answer(1, 8).number, account.sent(), account.has_ended()), (5, Some(4), true));
    }

    #[test]
    fn an_empty_file_is_whole_at_once() {
        assert!(account(0).is_whole());
    }

    #[test]
    fn the_window_fits_the_buffer() {
        assert_eq!(window(212_992, 1436, 1), 69); // of 92 that fit by 2304 bytes
        assert_eq!(window(212_992, 1, 1), 208); // 768 bytes each
        assert!(window(212_992, 65_507, 1) == 1 && window(1, 1, 1) == 1);
        assert_eq!(window(212_992, 1436, 4), 17);
    }
}
