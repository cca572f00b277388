//! What a message holds, so that its receiver can prove it: a sequence number, and a checksum over the whole message.
//!
//! From 16 bytes on a message is `sequence (8) | check (8) | body`, with `check = xxh3(body) + mix(sequence)`. Three
//! bodies take turns, so that a mechanism which leaves an earlier body in the buffer is found out; their hashes are
//! known to the sender in advance, the receiver hashes what really arrived. Shorter messages cannot carry that: they
//! are an integer in little-endian, and the answer to n is n + 1.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use xxhash_rust::xxh3::xxh3_64;

const HEADER: usize = 16;
const BODIES: usize = 3;

/// Stamps and verifies messages of one size.
pub(crate) struct Payload {
    messages: [Vec<u8>; BODIES],
    hashes: [u64; BODIES],
}

/// What a received message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received {
    /// Its sequence number, or as much of it as fits.
    pub(crate) sequence: u64,
    /// Whether its checksum holds; a message too short for one is whole by its length alone.
    whole: bool,
    /// Bits of a sequence number that fit.
    mask: u64,
}

impl Received {
    /// Whether it is the message with that sequence number, intact.
    #[inline(always)]
    pub(crate) fn is(self, expected: u64) -> bool {
        self.whole && self.sequence == expected & self.mask
    }
}

impl Payload {
    pub(crate) fn new(bytes: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let messages: [Vec<u8>; BODIES] = std::array::from_fn(|_| {
            let mut message = vec![0; bytes];
            random.fill_bytes(&mut message);
            message
        });
        let hashes = std::array::from_fn(|body| messages[body].get(HEADER..).map_or(0, xxh3_64));
        Self { messages, hashes }
    }

    /// The message with that sequence number.
    #[inline(always)]
    pub(crate) fn stamp(&mut self, sequence: u64) -> &[u8] {
        let number = sequence.to_le_bytes();
        if self.messages[0].len() < HEADER {
            let message = &mut self.messages[0];
            write_short(message, number);
            return message;
        }
        // Requests are even and answers odd, so that halving lets both take turns through all bodies.
        let body = (sequence >> 1) as usize % BODIES;
        let message = &mut self.messages[body];
        message[..8].copy_from_slice(&number);
        message[8..HEADER].copy_from_slice(&self.hashes[body].wrapping_add(mix(sequence)).to_le_bytes());
        message
    }
}

/// Reads a message that arrived: its number, and its checksum over every byte.
#[inline(always)]
pub(crate) fn read(message: &[u8]) -> Received {
    if let Some((header, body)) = message.split_at_checked(HEADER) {
        let word =
            |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes are eight"));
        let sequence = word(0);
        let whole = word(8) == xxh3_64(body).wrapping_add(mix(sequence));
        return Received { sequence, whole, mask: u64::MAX };
    }
    let mask = if message.len() >= 8 { u64::MAX } else { (1 << (8 * message.len())) - 1 };
    Received { sequence: read_short(message), whole: true, mask }
}

/// Writes as much of a number as fits. The lengths that matter are spelled out: a copy of any length is a call into the C
/// library, which just after a context switch costs more than all else that is done here.
#[inline(always)]
fn write_short(message: &mut [u8], number: [u8; 8]) {
    if let Some(word) = message.first_chunk_mut() {
        *word = number;
    } else if let [byte] = message {
        *byte = number[0];
    } else {
        message.copy_from_slice(&number[..message.len()]);
    }
}

/// Reads the number back.
#[inline(always)]
fn read_short(message: &[u8]) -> u64 {
    if let Some(word) = message.first_chunk() {
        u64::from_le_bytes(*word)
    } else if let [byte] = message {
        u64::from(*byte)
    } else {
        let mut number = [0; 8];
        number[..message.len()].copy_from_slice(message);
        u64::from_le_bytes(number)
    }
}

/// Spreads a sequence number over 64 bits (the finaliser of `SplitMix64`), so that neighbours differ everywhere.
#[inline(always)]
fn mix(sequence: u64) -> u64 {
    let mut bits = sequence.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_stamped_verifies(bytes in 1_usize..5000, sequence in any::<u64>()) {
            let mut payload = Payload::new(bytes, 1);
            prop_assert!(read(payload.stamp(sequence)).is(sequence));
        }

        #[test]
        fn any_changed_bit_is_seen(bytes in 16_usize..5000, sequence in any::<u64>(), place in any::<prop::sample::Index>(), bit in 0..8) {
            let mut message = Payload::new(bytes, 1).stamp(sequence).to_vec();
            let place = place.index(bytes);
            message[place] ^= 1_u8 << bit;
            prop_assert!(!read(&message).is(sequence));
        }

        #[test]
        fn an_earlier_body_is_seen(bytes in 24_usize..5000, sequence in 0..u64::MAX - 8, back in 1_u64..3) {
            let mut payload = Payload::new(bytes, 1);
            let earlier = payload.stamp(sequence).to_vec();
            let mut message = payload.stamp(sequence + 2 * back).to_vec();
            message[HEADER..].copy_from_slice(&earlier[HEADER..]);
            prop_assert!(!read(&message).is(sequence + 2 * back));
        }
    }

    #[test]
    fn a_short_message_is_an_integer() {
        let mut payload = Payload::new(1, 1);
        assert_eq!(payload.stamp(0x1_02), [2]);
        assert!(read(&[3]).is(0x1_03));
        assert!(!read(&[3]).is(4));
    }
}
