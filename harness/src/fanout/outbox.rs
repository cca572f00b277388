//! Datagrams as they leave: content read from the file into its place behind each header, in one buffer that was touched
//! before, so that every way of batching sends from the same bytes.

use super::frame::{Announce, HEADER, Header, Kind, LARGEST_DATAGRAM};
use ferrybench_data::fanout::BATCH_DATAGRAMS;
use rustix::io::preadv;
use std::{
    fs::File,
    io::{self, IoSliceMut},
};

/// Most datagrams of one batch.
pub const MOST_DATAGRAMS: usize = BATCH_DATAGRAMS as usize;
/// Most bytes of one batch that is not segmented.
const MOST_BYTES: usize = 512 << 10;

/// A batch of datagrams.
#[derive(Debug)]
pub struct Outbox {
    file: File,
    session: u64,
    number: u32,
    announce: Announce,
    header: usize,
    buffer: Vec<u8>,
    /// Length of each datagram but the last, bytes.
    stride: usize,
    count: usize,
    last: usize,
}

impl Outbox {
    /// For a file whose datagrams have a header or none. `most_bytes` bounds a batch.
    pub fn new(
        file: File,
        session: u64,
        number: u32,
        announce: Announce,
        has_header: bool,
        is_one_packet: bool,
    ) -> Self {
        let header = if has_header { HEADER } else { 0 };
        let stride = header + announce.payload_bytes as usize;
        let most_bytes = if is_one_packet { LARGEST_DATAGRAM } else { MOST_BYTES };
        let most = (most_bytes / stride).clamp(1, MOST_DATAGRAMS);
        // Written, so that no page of it is new when the clock runs.
        let buffer = vec![1; most * stride];
        Self { file, session, number, announce, header, buffer, stride, count: 0, last: 0 }
    }

    /// Most datagrams that it holds.
    pub fn most(&self) -> u32 {
        (self.buffer.len() / self.stride) as u32
    }

    /// Reads the content at these runs of positions, and seals it with serials from this one. A short datagram, the last
    /// of the file, comes last.
    pub fn fill(&mut self, runs: &[(u32, u32)], serial: u64) -> io::Result<()> {
        (self.count, self.last) = (0, 0);
        for &(first, count) in runs {
            self.read(first, count as usize)?;
        }
        if self.header == 0 {
            return Ok(());
        }
        let positions = runs.iter().flat_map(|&(first, count)| first..first + count);
        for (place, position) in positions.enumerate() {
            let header = Header {
                kind: Kind::Data,
                session: self.session,
                file: self.number,
                serial: serial + place as u64,
                position,
            };
            let (start, length) = self.part(place);
            header.seal(&mut self.buffer[start..start + length]);
        }
        Ok(())
    }

    /// Datagrams in it.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Length of each datagram but the last, bytes.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// One datagram.
    pub fn datagram(&self, place: usize) -> &[u8] {
        let (start, length) = self.part(place);
        &self.buffer[start..start + length]
    }

    /// All datagrams from one on: each is as long as [`Outbox::stride`], but the last.
    pub fn rest(&self, place: usize) -> &[u8] {
        &self.buffer[place * self.stride..(self.count - 1) * self.stride + self.last]
    }

    /// Content bytes of all datagrams.
    pub fn content_bytes(&self) -> u64 {
        (self.rest(0).len() - self.count * self.header) as u64
    }

    fn part(&self, place: usize) -> (usize, usize) {
        (place * self.stride, if place + 1 == self.count { self.last } else { self.stride })
    }

    fn read(&mut self, first: u32, count: usize) -> io::Result<()> {
        let payload = self.announce.payload_bytes as usize;
        let last = self.announce.length_at(first + count as u32 - 1) as usize;
        let whole = (count - 1) * payload + last;
        let start = self.count * self.stride;
        let slots = &mut self.buffer[start..start + (count - 1) * self.stride + self.header + last];
        let mut places: Vec<IoSliceMut<'_>> = if self.header == 0 {
            vec![IoSliceMut::new(slots)]
        } else {
            slots.chunks_mut(self.stride).map(|slot| IoSliceMut::new(&mut slot[self.header..])).collect()
        };
        let mut places = &mut places[..];
        let mut offset = u64::from(first) * payload as u64;
        let mut left = whole;
        while left > 0 {
            let read = match preadv(&self.file, places, offset) {
                Ok(0) => return Err(io::Error::other("the file became shorter while it was sent")),
                Ok(read) => read,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            left -= read;
            offset += read as u64;
            IoSliceMut::advance_slices(&mut places, read);
        }
        self.count += count;
        self.last = self.header + last;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn outbox(content: &[u8], payload_bytes: u32, has_header: bool) -> Outbox {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let announce = Announce {
            name: "a".into(),
            bytes: content.len() as u64,
            hash: 0,
            payload_bytes,
            repairs: false,
        };
        Outbox::new(file, 7, 3, announce, has_header, false)
    }

    #[test]
    fn each_datagram_is_sealed_with_its_serial_and_position() {
        let content: Vec<u8> = (0..95).collect();
        let mut outbox = outbox(&content, 10, true);
        outbox.fill(&[(1, 2), (5, 1), (9, 1)], 40).unwrap();
        assert_eq!(outbox.len(), 4);
        for (place, position) in [1, 2, 5, 9].into_iter().enumerate() {
            let (header, payload) = Header::parse(outbox.datagram(place)).unwrap();
            assert_eq!((header.session, header.file, header.serial), (7, 3, 40 + place as u64));
            assert_eq!(header.position, position);
            let start = position as usize * 10;
            assert_eq!(payload, &content[start..(start + 10).min(95)]);
        }
        assert_eq!(outbox.rest(2).len(), 46 + 41);
        assert_eq!(outbox.content_bytes(), 10 + 10 + 10 + 5);
    }

    #[test]
    fn without_a_header_datagrams_are_content() {
        let mut outbox = outbox(b"abcdefg", 3, false);
        outbox.fill(&[(0, 3)], 0).unwrap();
        assert_eq!(
            (outbox.datagram(0), outbox.datagram(2), outbox.rest(0)),
            (&b"abc"[..], &b"g"[..], &b"abcdefg"[..])
        );
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let mut outbox = outbox(b"abcdefg", 3, true);
        outbox.file.set_len(4).unwrap();
        assert!(outbox.fill(&[(0, 3)], 0).unwrap_err().to_string().contains("shorter"));
    }

    #[test]
    fn a_batch_of_one_packet_fits_into_one() {
        let most = |payload_bytes, is_one_packet| {
            let announce = Announce { name: "a".into(), bytes: 1, hash: 0, payload_bytes, repairs: false };
            Outbox::new(tempfile::tempfile().unwrap(), 1, 1, announce, true, is_one_packet).most()
        };
        assert_eq!(
            (most(1400, true), most(1400, false), most(1, true), most(65_000, false)),
            (45, 64, 64, 8)
        );
    }
}
