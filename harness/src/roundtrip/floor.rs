//! Floors: what the loop costs without a mechanism. One thread plays both ends; `null` carries nothing, `memcpy` copies
//! each message into a buffer between and out again, as any mechanism with a buffer must.

use super::{
    order::{EndSeen, Order, watched},
    pair::{Driver, Joint, OrderSeen, Setting, only_within},
    payload::{self, Payload},
    registry::{BOTH, Mechanism, unlimited},
};
use crate::measure::{clock, place};
use ferrybench_data::{
    plan::catalogue::{Group, Nature, WhenFull},
    roundtrip::{Pattern, Peers, Spec, Wait},
};
use hdrhistogram::Histogram;
use std::{borrow::Cow, hint::black_box, io};

const NATURE: Nature = Nature {
    boundaries: true,
    when_full: WhenFull::Unbounded,
    unrelated: false,
    between_hosts: false,
    pollable: false,
    after_crash: Cow::Borrowed("nothing"),
    portability: Cow::Borrowed("everywhere"),
};

pub(super) const NULL: Mechanism = Mechanism {
    name: "null",
    help: "floor: the measuring loop alone, its stamping and verifying included",
    group: Group::Floor,
    nature: NATURE,
    patterns: BOTH,
    peers: &[Peers::None],
    waits: &[Wait::Spin],
    many_producers: false,
    largest: unlimited,
    joint: Joint { start: |setting, _| alone(setting, Null), far: only_within },
};

pub(super) const MEMCPY: Mechanism = Mechanism {
    name: "memcpy",
    help: "floor: the loop with each message copied into a buffer and out again",
    joint: Joint {
        start: |setting, _| alone(setting, Memcpy { between: vec![0; bytes(&setting.spec)] }),
        far: only_within,
    },
    ..NULL
};

/// Carries a message from one buffer to another.
pub(super) trait Carry: 'static {
    fn carry<'a>(&'a mut self, message: &'a [u8], buffer: &'a mut [u8]) -> &'a [u8];
}

struct Null;

impl Carry for Null {
    #[inline]
    fn carry<'a>(&'a mut self, message: &'a [u8], _: &'a mut [u8]) -> &'a [u8] {
        black_box(message)
    }
}

struct Memcpy {
    between: Vec<u8>,
}

impl Carry for Memcpy {
    #[inline]
    fn carry<'a>(&'a mut self, message: &'a [u8], buffer: &'a mut [u8]) -> &'a [u8] {
        black_box(&mut self.between).copy_from_slice(message);
        buffer.copy_from_slice(black_box(&self.between));
        black_box(buffer)
    }
}

struct Alone<C> {
    carry: C,
    requests: Payload,
    answers: Payload,
    buffer: Vec<u8>,
    pattern: Pattern,
    next: u64,
}

fn bytes(spec: &Spec) -> usize {
    spec.message_bytes as usize
}

/// One thread that plays both ends.
pub(super) fn alone<C: Carry>(setting: &Setting, carry: C) -> io::Result<Box<dyn Driver>> {
    place::pin(setting.places.same)?;
    let spec = &setting.spec;
    Ok(Box::new(Alone {
        carry,
        requests: Payload::new(bytes(spec), setting.seed),
        answers: Payload::new(bytes(spec), setting.seed.wrapping_add(1)),
        buffer: vec![0xa5; bytes(spec)],
        pattern: spec.pattern,
        next: 0,
    }))
}

impl<C: Carry> Driver for Alone<C> {
    fn order(&mut self, order: Order, times: &mut Histogram<u64>) -> io::Result<OrderSeen> {
        let mut far = EndSeen::default();
        let mut near = watched(|seen| {
            let mut last = clock::now();
            seen.start_ns = last;
            while seen.exchanges < order.count {
                let size = u64::from(order.batch).min(order.count - seen.exchanges);
                for _ in 0..size {
                    far.verified += u64::from(self.there());
                    if self.pattern == Pattern::Rtt {
                        seen.verified += u64::from(self.back());
                    }
                    self.next += 2;
                }
                seen.exchanges += size;
                let now = clock::now();
                times.saturating_record((now - last) / size);
                last = now;
            }
            seen.end_ns = last;
            Ok(())
        })?;
        let carried = near.exchanges * self.buffer.len() as u64;
        near.bytes_sent = carried;
        (far.exchanges, far.bytes_received) = (near.exchanges, carried);
        (far.pid, far.tid, far.cpu_first, far.cpu_last) = (near.pid, near.tid, near.cpu_first, near.cpu_last);
        let elapsed_ns = near.end_ns - near.start_ns;
        Ok(OrderSeen { ordered: order.count, senders: vec![near], far, elapsed_ns })
    }

    fn buffer_bytes(&self) -> Option<u64> {
        None
    }
}

impl<C: Carry> Alone<C> {
    #[inline]
    fn there(&mut self) -> bool {
        let message = self.carry.carry(self.requests.stamp(self.next), &mut self.buffer);
        payload::read(message).is(self.next)
    }

    #[inline]
    fn back(&mut self) -> bool {
        let message = self.carry.carry(self.answers.stamp(self.next + 1), &mut self.buffer);
        payload::read(message).is(self.next + 1)
    }
}
