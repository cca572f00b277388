//! The measured loops: an order is a fixed count of messages, carried by both ends at once.
//!
//! This is all that runs while time is measured. Nothing here allocates, logs or branches on the mechanism.

use super::{
    Channel,
    payload::{self, Payload},
};
use crate::measure::{
    clock,
    place::current,
    usage::{self, Usage},
};
use ferrybench_data::roundtrip::Pattern;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::io;

/// One piece of work for both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Messages, or round trips, of each producer.
    pub count: u64,
    /// Exchanges that one sample times.
    pub batch: u32,
    /// Timer slack at both ends, nanoseconds; 0 leaves it alone.
    pub slack_ns: u64,
    /// Sequence number of the first message.
    pub first: u64,
    /// Clock before which no producer starts, so that several start together; 0 starts at once.
    pub start_ns: u64,
}

impl Order {
    /// So many messages, each timed by itself.
    pub fn of(count: u64) -> Self {
        Self { count, batch: 1, slack_ns: 0, first: 0, start_ns: 0 }
    }
}

/// What one end did for an order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EndSeen {
    /// Its process.
    pub pid: u32,
    /// Its thread.
    pub tid: u32,
    /// CPU when the order began.
    pub cpu_first: u32,
    /// CPU when it ended.
    pub cpu_last: u32,
    /// Messages or round trips that it counted.
    pub exchanges: u64,
    /// Messages that it received and verified.
    pub verified: u64,
    /// Payload bytes sent.
    pub bytes_sent: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Clock when the first message went, or was waited for.
    pub start_ns: u64,
    /// Clock when the last message was done.
    pub end_ns: u64,
    /// What it used.
    pub usage: Usage,
}

/// One end at work: its channel, its messages, and how far both have come.
pub(crate) struct End<C> {
    pub(crate) channel: C,
    payload: Payload,
    buffer: Vec<u8>,
    /// Number of the producer that this end is, in a stream.
    producer: u64,
    /// Whether messages may be lost.
    lossy: bool,
}

/// What an end must know of its trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndKind {
    /// Size of a message.
    pub message_bytes: u64,
    /// Seed of the bodies.
    pub seed: u64,
    /// Number of the producer that it is, where it sends in a stream.
    pub producer: u32,
    /// Producers in all.
    pub producers: u32,
    /// Whether messages may be lost.
    pub lossy: bool,
}

/// A sequence number's bits below those that say which producer sent it.
const WITHIN_PRODUCER: u64 = u64::MAX >> 8;
const PRODUCER_SHIFT: u32 = WITHIN_PRODUCER.count_ones();

impl<C: Channel> End<C> {
    pub(crate) fn new(channel: C, kind: EndKind) -> Self {
        let bytes = kind.message_bytes as usize;
        Self {
            channel,
            payload: Payload::new(bytes, kind.seed),
            // Written once, so that no page is touched for the first time in a measured loop.
            buffer: vec![0xa5; bytes],
            producer: u64::from(kind.producer),
            lossy: kind.lossy,
        }
    }

    /// Carries out the near end's part of an order; samples go into `times`, nanoseconds an exchange.
    pub(crate) fn near(
        &mut self,
        pattern: Pattern,
        order: Order,
        times: &mut Histogram<u64>,
    ) -> io::Result<EndSeen> {
        prepare(order)?;
        watched(|seen| match pattern {
            Pattern::Rtt if order.batch > 1 => self.ask_in_batches(order, times, seen),
            Pattern::Rtt => self.ask(order, times, seen),
            Pattern::Stream => self.produce(order, seen),
        })
    }

    /// Carries out the far end's part of a round-trip order: each answer is made from what was received.
    pub(crate) fn answer(&mut self, order: Order) -> io::Result<EndSeen> {
        prepare(order)?;
        watched(|seen| {
            for expected in requests(order) {
                self.channel.recv(&mut self.buffer)?;
                let request = payload::read(&self.buffer);
                self.channel.send(self.payload.stamp(request.sequence.wrapping_add(1)))?;
                seen.verified += u64::from(request.is(expected));
                seen.exchanges += 1;
            }
            Ok(())
        })
    }

    /// Sends one producer's messages of a stream.
    pub(crate) fn source(&mut self, order: Order) -> io::Result<EndSeen> {
        prepare(order)?;
        watched(|seen| self.produce(order, seen))
    }

    /// Receives a stream's messages from all producers. When nothing comes for as long as the mechanism waits, `sent`
    /// says whether the producers have finished; what is still missing one wait later is lost.
    pub(crate) fn sink(
        &mut self,
        order: Order,
        producers: u32,
        sent: impl Fn() -> bool,
    ) -> io::Result<EndSeen> {
        let mut due = vec![order.first; producers as usize];
        let total = order.count * u64::from(producers);
        let mut last_chance = false;
        watched(|seen| {
            while seen.exchanges < total {
                match self.channel.recv(&mut self.buffer) {
                    Ok(()) => {}
                    Err(error) if self.lossy && error.kind() == io::ErrorKind::TimedOut => {
                        if last_chance {
                            return Ok(());
                        }
                        last_chance = sent();
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                seen.exchanges += 1;
                seen.verified += u64::from(self.is_due(&mut due));
                if self.lossy {
                    seen.end_ns = clock::now(); // the last one that comes may be any
                }
            }
            seen.end_ns = clock::now();
            Ok(())
        })
    }

    /// Whether the received message is the next of its producer, intact. Where loss is legal it may be a later one.
    #[inline(always)]
    fn is_due(&self, due: &mut [u64]) -> bool {
        let message = payload::read(&self.buffer);
        let producer = if due.len() == 1 { 0 } else { message.sequence >> PRODUCER_SHIFT };
        let Some(next) = due.get_mut(producer as usize) else { return false };
        let ahead = self.lossy && (message.sequence > *next || self.buffer.len() < 8);
        let expected = if ahead { message.sequence } else { *next | (producer << PRODUCER_SHIFT) };
        *next = (expected & WITHIN_PRODUCER) + 2;
        message.is(expected)
    }

    fn ask(&mut self, order: Order, times: &mut Histogram<u64>, seen: &mut EndSeen) -> io::Result<()> {
        let mut last = clock::now();
        seen.start_ns = last;
        for sequence in requests(order) {
            seen.verified += u64::from(self.exchange(sequence)?);
            seen.exchanges += 1;
            let now = clock::now();
            times.saturating_record(now - last);
            last = now;
        }
        seen.end_ns = last;
        Ok(())
    }

    fn ask_in_batches(
        &mut self,
        order: Order,
        times: &mut Histogram<u64>,
        seen: &mut EndSeen,
    ) -> io::Result<()> {
        let mut last = clock::now();
        seen.start_ns = last;
        let mut sequence = order.first;
        while seen.exchanges < order.count {
            let size = u64::from(order.batch).min(order.count - seen.exchanges);
            let mut verified = 0;
            for _ in 0..size {
                verified += u64::from(self.exchange(sequence)?);
                sequence += 2;
            }
            let now = clock::now();
            times.saturating_record((now - last) / size);
            last = now;
            seen.verified += verified;
            seen.exchanges += size;
        }
        seen.end_ns = last;
        Ok(())
    }

    /// One round trip; whether its answer was the right one, intact.
    #[inline(always)]
    fn exchange(&mut self, sequence: u64) -> io::Result<bool> {
        self.channel.send(self.payload.stamp(sequence))?;
        self.channel.recv(&mut self.buffer)?;
        Ok(payload::read(&self.buffer).is(sequence + 1))
    }

    fn produce(&mut self, order: Order, seen: &mut EndSeen) -> io::Result<()> {
        let whose = self.producer << PRODUCER_SHIFT;
        seen.start_ns = clock::now();
        for sequence in requests(order) {
            self.channel.send(self.payload.stamp(sequence | whose))?;
            seen.exchanges += 1;
        }
        seen.end_ns = clock::now();
        Ok(())
    }
}

/// The sequence numbers of an order's requests: even, so that an answer is its request and one.
fn requests(order: Order) -> impl Iterator<Item = u64> {
    (0..order.count).map(move |message| order.first + 2 * message)
}

/// What an order asks for before its loop: timer slack, and the common start of several producers.
fn prepare(order: Order) -> io::Result<()> {
    // Zero is the kernel's word for "back to the thread's default".
    nix::sys::prctl::set_timerslack(order.slack_ns)?;
    clock::wait_until(order.start_ns);
    Ok(())
}

/// Runs one end's part and notes who ran it, where, and what it used.
pub(crate) fn watched(part: impl FnOnce(&mut EndSeen) -> io::Result<()>) -> io::Result<EndSeen> {
    let mut seen = EndSeen {
        pid: std::process::id(),
        tid: nix::unistd::gettid().as_raw() as u32,
        cpu_first: current(),
        ..EndSeen::default()
    };
    let from = usage::start();
    part(&mut seen)?;
    seen.usage = from.used();
    seen.cpu_last = current();
    Ok(seen)
}
