//! What a datagram of ours looks like: one header before every payload, and the few kinds of control datagrams. Pure:
//! bytes in, meaning out.
//!
//! | bytes | field |
//! |---|---|
//! | 0-1 | magic |
//! | 2 | version |
//! | 3 | kind |
//! | 4-11 | session: random, so that forged and old datagrams are told apart |
//! | 12-15 | file, from 1 |
//! | 16-23 | serial: each transmission of data has its own, repeats included; number of a question |
//! | 24-27 | position: the payload's place in the file, counted in payloads |
//! | 28-29 | length of what follows the header |
//! | 30-31 | 0 |
//! | 32-35 | CRC-32 of what follows the header and the header up to here |
//!
//! Numbers are in network order.

use super::told::Counts;
use ferrybench_data::fanout::LEDGER_HEADER_BYTES;

/// Length of the header, bytes.
pub const HEADER: usize = LEDGER_HEADER_BYTES as usize;
/// Largest payload of a UDP datagram over IPv4, bytes.
pub const LARGEST_DATAGRAM: usize = 65_507;
/// Largest control datagram that we send, bytes: it fits into one packet of Ethernet.
pub const LARGEST_CONTROL: usize = 1_400;

const MAGIC: u16 = 0xFE77;
const VERSION: u8 = 1;
const CHECKSUM_AT: usize = HEADER - 4;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What follows.
    pub kind: Kind,
    /// Whose it is.
    pub session: u64,
    /// The file, from 1.
    pub file: u32,
    /// The transmission, or the question.
    pub serial: u64,
    /// The payload's place, counted in payloads.
    pub position: u32,
}

/// Kinds of datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Content.
    Data = 0,
    /// A file will be sent: [`Announce`].
    Announce = 1,
    /// How far are you: [`Ask`].
    Ask = 2,
    /// What is here and what is missing: [`Answer`].
    Answer = 3,
    /// The sender gives the file up; nothing follows.
    Abort = 4,
}

/// Why a datagram does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Not ours: too short, or another magic or version.
    Foreign,
    /// It has our header, and its checksum or a field is wrong: of that session and file, as far as it can be believed.
    Corrupt {
        /// Session.
        session: u64,
        /// File.
        file: u32,
    },
}

impl Header {
    /// Reads a datagram whose checksum holds; its payload is beside it.
    pub fn parse(datagram: &[u8]) -> Result<(Self, &[u8]), Wrong> {
        let (header, payload) = datagram.split_at_checked(HEADER).ok_or(Wrong::Foreign)?;
        if be16(header, 0) != MAGIC || header[2] != VERSION {
            return Err(Wrong::Foreign);
        }
        let (session, file) = (be64(header, 4), be32(header, 12));
        let corrupt = Wrong::Corrupt { session, file };
        let kind = match header[3] {
            0 => Kind::Data,
            1 => Kind::Announce,
            2 => Kind::Ask,
            3 => Kind::Answer,
            4 => Kind::Abort,
            _ => return Err(corrupt),
        };
        let length_holds = usize::from(be16(header, 28)) == payload.len() && be16(header, 30) == 0;
        if !length_holds || checksum(header, payload) != be32(header, CHECKSUM_AT) {
            return Err(corrupt);
        }
        Ok((Self { kind, session, file, serial: be64(header, 16), position: be32(header, 24) }, payload))
    }

    /// Writes the header before a payload that is in its place already: `datagram` begins with room for the header.
    pub fn seal(self, datagram: &mut [u8]) {
        let (header, payload) = datagram.split_at_mut(HEADER);
        header[0..2].copy_from_slice(&MAGIC.to_be_bytes());
        header[2] = VERSION;
        header[3] = self.kind as u8;
        header[4..12].copy_from_slice(&self.session.to_be_bytes());
        header[12..16].copy_from_slice(&self.file.to_be_bytes());
        header[16..24].copy_from_slice(&self.serial.to_be_bytes());
        header[24..28].copy_from_slice(&self.position.to_be_bytes());
        header[28..30].copy_from_slice(&(payload.len() as u16).to_be_bytes());
        header[30..32].copy_from_slice(&[0; 2]);
        let checksum = checksum(header, payload);
        header[CHECKSUM_AT..].copy_from_slice(&checksum.to_be_bytes());
    }

    /// A control datagram.
    fn control(self, body: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0; HEADER + body.len()];
        datagram[HEADER..].copy_from_slice(body);
        self.seal(&mut datagram);
        datagram
    }
}

fn checksum(header: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(payload);
    hasher.update(&header[..CHECKSUM_AT]);
    hasher.finalize()
}

/// A file that will be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announce {
    /// Its name.
    pub name: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its hash, as hexadecimal digits.
    pub hash: u128,
    /// Content bytes of each datagram but the last.
    pub payload_bytes: u32,
    /// Whether what is missing will be sent again.
    pub repairs: bool,
}

impl Announce {
    /// Datagrams that the content takes; `None` where they are more than positions can count.
    pub fn datagrams(&self) -> Option<u32> {
        u32::try_from(self.bytes.div_ceil(u64::from(self.payload_bytes.max(1)))).ok()
    }

    /// Length of the payload at a position, bytes.
    pub fn length_at(&self, position: u32) -> u64 {
        let payload = u64::from(self.payload_bytes);
        self.bytes.saturating_sub(u64::from(position) * payload).min(payload)
    }

    /// As a datagram.
    pub fn encode(&self, session: u64, file: u32) -> Vec<u8> {
        let mut body = Vec::with_capacity(32 + self.name.len());
        body.extend(self.bytes.to_be_bytes());
        body.extend(self.hash.to_be_bytes());
        body.extend(self.payload_bytes.to_be_bytes());
        body.push(u8::from(self.repairs));
        body.extend(self.name.as_bytes());
        Header { kind: Kind::Announce, session, file, serial: 0, position: 0 }.control(&body)
    }

    /// From the payload of one.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut rest = Reader(payload);
        let announce = Self {
            bytes: rest.u64()?,
            hash: rest.u128()?,
            payload_bytes: rest.u32()?,
            repairs: rest.bool()?,
            name: rest.text()?,
        };
        let fits = (1..=LARGEST_DATAGRAM as u32 - HEADER as u32).contains(&announce.payload_bytes);
        (fits && announce.datagrams().is_some()).then_some(announce)
    }
}

/// The sender asks how far a receiver is. Its number comes back in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Number of the question, from 1, rising.
    pub number: u64,
    /// Transmissions so far.
    pub sent: u64,
    /// Positions below this have been sent at least once.
    pub frontier: u32,
    /// From where what is missing is asked for; `u32::MAX` where it is not.
    pub from: u32,
    /// Nothing more will be sent.
    pub ended: bool,
}

impl Ask {
    /// As a datagram.
    pub fn encode(&self, session: u64, file: u32) -> Vec<u8> {
        let mut body = Vec::with_capacity(16);
        body.extend(self.sent.to_be_bytes());
        body.extend(self.frontier.to_be_bytes());
        body.push(u8::from(self.ended));
        let header = Header { kind: Kind::Ask, session, file, serial: self.number, position: self.from };
        header.control(&body)
    }

    /// From a header and its payload.
    pub fn parse(header: &Header, payload: &[u8]) -> Option<Self> {
        let mut rest = Reader(payload);
        let (sent, frontier, ended) = (rest.u64()?, rest.u32()?, rest.bool()?);
        let ask = Self { number: header.serial, sent, frontier, from: header.position, ended };
        rest.0.is_empty().then_some(ask)
    }
}

/// What a receiver says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Number of the question that it answers; 0 after an announcement.
    pub number: u64,
    /// Who says it; 0 where nobody numbered the receivers.
    pub receiver: u32,
    /// How the file is.
    pub state: State,
    /// Data datagrams that may be under way to it at a time.
    pub window: u32,
    /// The ledger so far.
    pub counts: Counts,
    /// What is missing, where that was asked.
    pub missing: Missing,
}

/// How a file is at a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Content may come.
    Open,
    /// It is whole, verified, and has its name.
    Verified,
    /// Its account was closed before it was whole.
    Incomplete,
    /// It cannot be had, with the reason in one sentence.
    Failed(String),
}

/// Positions that are missing within a stretch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missing {
    /// The stretch begins here.
    pub from: u32,
    /// It ends before this: of what comes later nothing is said.
    pub to: u32,
    /// First position and count of each gap, ascending and apart.
    pub gaps: Vec<(u32, u32)>,
}

/// Most gaps that are told one by one.
pub const MOST_GAPS: usize = 150;
/// Longest stretch that is told position by position.
pub const LONGEST_MAP: u32 = 8 * 1_200;
/// Longest sentence of a failure, bytes.
const LONGEST_WHY: usize = 300;

impl Answer {
    /// As a datagram. What is missing must be within the limits: [`MOST_GAPS`], or within [`LONGEST_MAP`] positions.
    pub fn encode(&self, session: u64, file: u32) -> Vec<u8> {
        let mut body = Vec::with_capacity(128);
        body.extend(self.receiver.to_be_bytes());
        body.extend(self.window.to_be_bytes());
        let Counts { received, unique, duplicate, reordered, reorder_extent, corrupt, late } = self.counts;
        for count in [received, unique, duplicate, reordered, reorder_extent, corrupt, late] {
            body.extend(count.to_be_bytes());
        }
        body.push(match self.state {
            State::Open => 0,
            State::Verified => 1,
            State::Incomplete => 2,
            State::Failed(_) => 3,
        });
        if let State::Failed(why) = &self.state {
            let mut end = why.len().min(LONGEST_WHY);
            while !why.is_char_boundary(end) {
                end -= 1;
            }
            body.extend(&why.as_bytes()[..end]);
        } else {
            self.missing.encode(&mut body);
        }
        Header { kind: Kind::Answer, session, file, serial: self.number, position: 0 }.control(&body)
    }

    /// From a header and its payload.
    pub fn parse(header: &Header, payload: &[u8]) -> Option<Self> {
        let mut rest = Reader(payload);
        let (receiver, window) = (rest.u32()?, rest.u32()?);
        let counts = Counts {
            received: rest.u64()?,
            unique: rest.u64()?,
            duplicate: rest.u64()?,
            reordered: rest.u64()?,
            reorder_extent: rest.u64()?,
            corrupt: rest.u64()?,
            late: rest.u64()?,
        };
        let (state, missing) = match rest.u8()? {
            0 => (State::Open, Missing::parse(&mut rest)?),
            1 => (State::Verified, Missing::parse(&mut rest)?),
            2 => (State::Incomplete, Missing::parse(&mut rest)?),
            3 => (State::Failed(rest.text()?), Missing::default()),
            _ => return None,
        };
        Some(Self { number: header.serial, receiver, state, window, counts, missing })
    }
}

impl Missing {
    /// Gaps one by one, or a map of the stretch where they are many.
    fn encode(&self, body: &mut Vec<u8>) {
        body.extend(self.from.to_be_bytes());
        body.extend(self.to.to_be_bytes());
        let is_map = self.gaps.len() > MOST_GAPS;
        body.push(u8::from(is_map));
        if !is_map {
            for (first, count) in &self.gaps {
                body.extend(first.to_be_bytes());
                body.extend(count.to_be_bytes());
            }
            return;
        }
        let start = body.len();
        body.resize(start + (self.to - self.from).div_ceil(8) as usize, 0);
        for position in self.gaps.iter().flat_map(|&(first, count)| first..first + count) {
            let place = position - self.from;
            body[start + place as usize / 8] |= 1 << (place % 8);
        }
    }

    fn parse(rest: &mut Reader<'_>) -> Option<Self> {
        let (from, to, is_map) = (rest.u32()?, rest.u32()?, rest.bool()?);
        let mut gaps: Vec<(u32, u32)> = Vec::new();
        if from > to {
            return None;
        }
        if is_map {
            let map = rest.0;
            if to - from > LONGEST_MAP || map.len() != (to - from).div_ceil(8) as usize {
                return None;
            }
            for place in (0..to - from).filter(|place| map[*place as usize / 8] & (1 << (place % 8)) != 0) {
                match gaps.last_mut() {
                    Some((first, count)) if *first + *count == from + place => *count += 1,
                    _ => gaps.push((from + place, 1)),
                }
            }
            return Some(Self { from, to, gaps });
        }
        let mut least = from;
        while !rest.0.is_empty() {
            let (first, count) = (rest.u32()?, rest.u32()?);
            let end = first.checked_add(count)?;
            if count == 0 || first < least || end > to {
                return None;
            }
            gaps.push((first, count));
            least = end;
        }
        Some(Self { from, to, gaps })
    }
}

/// The sender gives a file up.
pub fn abort(session: u64, file: u32) -> Vec<u8> {
    Header { kind: Kind::Abort, session, file, serial: 0, position: 0 }.control(&[])
}

/// Takes fields from the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn u128(&mut self) -> Option<u128> {
        self.take().map(u128::from_be_bytes)
    }

    /// All that is left, as text.
    fn text(&mut self) -> Option<String> {
        let text = str::from_utf8(self.0).ok()?.to_owned();
        self.0 = &[];
        Some(text)
    }
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    Reader(&bytes[at..]).u32().expect("the header was split off whole")
}

fn be64(bytes: &[u8], at: usize) -> u64 {
    Reader(&bytes[at..]).u64().expect("the header was split off whole")
}

#[cfg(test)]
mod tests;
