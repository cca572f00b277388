//! Real threads, each with a mapping of its own. What they cannot show, every order of every access, is for the model
//! check in `tests/ring_model.rs`.

use super::{
    super::super::mechanisms::{shm_futex::Sleeping, shm_spin::Spinning},
    *,
};
use crate::process::role::Replies;
use ferrybench_data::roundtrip::{Pattern, Peers, Placement, Source, Wait};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn spec(message_bytes: u64, wait: Wait, placement: Placement) -> Spec {
    Spec {
        mechanism: "shm".into(),
        pattern: Pattern::Stream,
        message_bytes,
        peers: Peers::Thread,
        wait,
        placement,
        producers: 1,
        source: Source::BuiltIn,
        hosts: String::new(),
    }
}

/// Messages of random lengths, about half of them inline, and now and then a pause at one end or the other, so that the
/// ring is empty and full by turns. Both ends draw the same from the same seed.
struct Script {
    random: ChaCha8Rng,
    longest: usize,
}

impl Script {
    fn new(seed: u64, longest: usize) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), longest }
    }

    fn next(&mut self) -> (Vec<u8>, [u32; 2]) {
        let most = if self.random.random_bool(0.5) { INLINE + 2 } else { self.longest };
        let mut message = vec![0; self.random.random_range(0..=most)];
        self.random.fill_bytes(&mut message);
        let mut pause = || if self.random.random_bool(0.01) { self.random.random_range(0..200) } else { 0 };
        (message, [pause(), pause()])
    }
}

fn stream<W: Waiting + for<'a> From<&'a Spec> + 'static>(spec: &Spec, longest: usize, messages: usize) {
    let making = Making::new(std::env::temp_dir(), Replies::new(|_| Ok(())));
    let Ends { mut near, far } = Rings::<W>::ends(spec, &making).unwrap();
    let near = near.remove(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut rings = Rings::<W>::open(near, spec).unwrap();
            let mut script = Script::new(1, longest);
            for _ in 0..messages {
                let (message, [pause, _]) = script.next();
                (0..pause).for_each(|_| std::thread::yield_now());
                rings.send(&message).unwrap();
            }
        });
        let mut rings = Rings::<W>::open(far, spec).unwrap();
        let mut script = Script::new(1, longest);
        for number in 0..messages {
            let (expected, [_, pause]) = script.next();
            (0..pause).for_each(|_| std::thread::yield_now());
            let mut message = vec![0; expected.len()];
            rings.recv(&mut message).unwrap();
            assert!(message == expected, "message {number} of {} bytes came whole", expected.len());
        }
    });
}

#[test]
fn random_messages_arrive_spinning() {
    stream::<Spinning>(&spec(64, Wait::Spin, Placement::Unpinned), 20_000, 20_000);
    stream::<Spinning>(&spec(64, Wait::Spin, Placement::SameCpu), 500, 20_000);
}

#[test]
fn random_messages_arrive_sleeping() {
    stream::<Sleeping>(&spec(64, Wait::Block, Placement::Unpinned), 20_000, 20_000);
    stream::<Sleeping>(&spec(64, Wait::Adaptive, Placement::Unpinned), 500, 20_000);
}

#[test]
fn messages_longer_than_the_ring_arrive() {
    stream::<Sleeping>(&spec(64, Wait::Block, Placement::Unpinned), 3 << 20, 50);
    stream::<Spinning>(&spec(3 << 20, Wait::Spin, Placement::Unpinned), 5 << 20, 50);
}

#[test]
fn a_message_of_another_length_is_refused() {
    let spec = spec(64, Wait::Block, Placement::Unpinned);
    let making = Making::new(std::env::temp_dir(), Replies::new(|_| Ok(())));
    for (sent, expected) in [(8, 9), (9, 8), (300, 200), (20_000, 8_192), (8_192, 20_000)] {
        let Ends { mut near, far } = Rings::<Sleeping>::ends(&spec, &making).unwrap();
        let mut near = Rings::<Sleeping>::open(near.remove(0), &spec).unwrap();
        let mut far = Rings::<Sleeping>::open(far, &spec).unwrap();
        near.send(&vec![0; sent]).unwrap();
        let refused = far.recv(&mut vec![0; expected]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{sent} bytes for {expected}");
    }
}
