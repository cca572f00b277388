//! A sender and its receivers over a network that exists only here: it loses, repeats and delays by a seed.

use super::*;
use crate::fanout::{
    account::{Account, Placed},
    frame::{Ask, State},
};
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

const PAYLOAD: u32 = 10;
const MILLI: u64 = 1_000_000;

/// What the network does to a datagram, in hundredths.
#[derive(Debug, Clone, Copy)]
struct Weather {
    loses: u32,
    repeats: u32,
    delays: u32,
}

struct Receiver {
    account: Option<Account>,
    content: Vec<u8>,
    window: u32,
    /// Datagrams of content that wait in its buffer, and the most there ever were.
    waiting: (u32, u32),
    is_dead: bool,
}

/// What is under way: by time of arrival, then in order.
type UnderWay = BTreeMap<(u64, u64), (usize, Vec<u8>)>;

struct World {
    sending: Sending,
    receivers: Vec<Receiver>,
    content: Vec<u8>,
    to_receivers: UnderWay,
    to_sender: UnderWay,
    weather: Weather,
    random: ChaCha8Rng,
    sequence: u64,
    now: u64,
    is_shared: bool,
}

fn address(number: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number as u8], 4000))
}

impl World {
    fn new(bytes: u64, receivers: u32, is_shared: bool, repairs: bool, weather: Weather, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut content = vec![0; bytes as usize];
        random.fill_bytes(&mut content);
        let announce = Announce { name: "a".into(), bytes, hash: 7, payload_bytes: PAYLOAD, repairs };
        let manner = Manner {
            session: 1,
            file: 1,
            has_header: true,
            batch: 8,
            pace_bytes_per_s: 0,
            patience_ns: 20_000 * MILLI,
        };
        let peer = |number: u32| Peer::new(number, address(number as usize));
        let flows = if is_shared {
            vec![(address(255), (1..=receivers).map(peer).collect())]
        } else {
            (1..=receivers).map(|number| (address(number as usize), vec![peer(number)])).collect()
        };
        let receiver = |number: u32| Receiver {
            account: None,
            content: vec![0; bytes as usize],
            window: 3 + 20 * number,
            waiting: (0, 0),
            is_dead: false,
        };
        Self {
            sending: Sending::new(manner, announce, flows, 0),
            receivers: (1..=receivers).map(receiver).collect(),
            content,
            to_receivers: UnderWay::new(),
            to_sender: UnderWay::new(),
            weather,
            random,
            sequence: 0,
            now: 0,
            is_shared,
        }
    }

    /// The network takes a datagram: when it arrives, as often as it does.
    fn carry(&mut self) -> Vec<(u64, u64)> {
        let mut arrivals = Vec::new();
        let Weather { loses, repeats, delays } = self.weather;
        if self.random.random_range(0..100) < loses {
            return arrivals;
        }
        let copies = 1 + u32::from(self.random.random_range(0..100) < repeats);
        for _ in 0..copies {
            let delayed = self.random.random_range(0..100) < delays;
            let delay = if delayed { self.random.random_range(1..30) * MILLI } else { 50_000 };
            self.sequence += 1;
            arrivals.push((self.now + delay, self.sequence));
        }
        arrivals
    }

    fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        for number in 0..self.receivers.len() {
            if self.is_shared || to == address(number + 1) {
                for when in self.carry() {
                    let is_data = Header::parse(datagram).is_ok_and(|(header, _)| header.kind == Kind::Data);
                    let waiting = &mut self.receivers[number].waiting;
                    waiting.0 += u32::from(is_data);
                    waiting.1 = waiting.1.max(waiting.0);
                    self.to_receivers.insert(when, (number, datagram.to_vec()));
                }
            }
        }
    }

    fn reply(&mut self, number: usize) {
        let receiver = &self.receivers[number];
        let Some(account) = &receiver.account else { return };
        let datagram = account.answer(number as u32 + 1, receiver.window).encode(1, 1);
        for when in self.carry() {
            self.to_sender.insert(when, (number, datagram.clone()));
        }
    }

    fn arrive(&mut self, number: usize, datagram: &[u8]) {
        let receiver = &mut self.receivers[number];
        let (header, payload) = Header::parse(datagram).expect("the network does not change bits");
        receiver.waiting.0 -= u32::from(header.kind == Kind::Data);
        if receiver.is_dead {
            return;
        }
        match header.kind {
            Kind::Announce => {
                let announce = Announce::parse(payload).expect("it is well formed");
                receiver.account.get_or_insert_with(|| Account::new(announce));
            }
            Kind::Ask => {
                let ask = Ask::parse(&header, payload).expect("it is well formed");
                let Some(account) = &mut receiver.account else { return };
                account.ask(ask);
            }
            Kind::Data => {
                let Some(account) = &mut receiver.account else { return };
                if let Placed::At(offset) = account.data(&header, payload.len()) {
                    receiver.content[offset as usize..][..payload.len()].copy_from_slice(payload);
                }
            }
            Kind::Answer | Kind::Abort => {}
        }
        if let Some(account) = &mut receiver.account {
            if account.is_whole() {
                account.close(State::Verified);
            } else if account.has_ended() {
                account.close(State::Incomplete);
            }
        }
        if header.kind != Kind::Data {
            self.reply(number);
        }
    }

    /// Runs until the sender is done, or the time is up. How many datagrams of content it sent in all.
    fn run(&mut self) -> u64 {
        let mut sent = 0;
        while self.now < 600_000 * MILLI {
            match self.sending.step(self.now) {
                Step::Over => return sent,
                Step::Tell { to, datagram, .. } => self.send(to, &datagram),
                Step::Send { to, mut serial, .. } => {
                    let runs = self.sending.runs().to_vec();
                    for position in runs.into_iter().flat_map(|(first, count)| first..first + count) {
                        let start = (position * PAYLOAD) as usize;
                        let end = (start + PAYLOAD as usize).min(self.content.len());
                        let mut datagram = vec![0; crate::fanout::frame::HEADER];
                        datagram.extend(&self.content[start..end]);
                        Header { kind: Kind::Data, session: 1, file: 1, serial, position }
                            .seal(&mut datagram);
                        self.send(to, &datagram);
                        serial += 1;
                        sent += 1;
                    }
                }
                Step::Wait { until_ns } => {
                    let heard = [&self.to_receivers, &self.to_sender]
                        .into_iter()
                        .filter_map(|under_way| under_way.first_key_value().map(|(when, _)| when.0))
                        .min();
                    self.now = until_ns.min(heard.unwrap_or(u64::MAX)).max(self.now);
                    self.arrivals();
                }
            }
        }
        panic!("it never ends: {:?}", self.sending.flows);
    }

    fn arrivals(&mut self) {
        while let Some(entry) = self.to_receivers.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (number, datagram) = entry.remove();
            self.arrive(number, &datagram);
        }
        while let Some(entry) = self.to_sender.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (number, datagram) = entry.remove();
            assert!(self.sending.heard(address(number + 1), &datagram, self.now), "it is an answer to it");
        }
    }

    fn outcomes(&self) -> Vec<String> {
        let told = self.sending.told();
        told.flows.into_iter().flat_map(|flow| flow.receivers).map(|reached| reached.outcome).collect()
    }
}

const FAIR: Weather = Weather { loses: 0, repeats: 0, delays: 0 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn every_receiver_gets_every_byte(
        bytes in 0_u64..6_000,
        receivers in 1_u32..5,
        is_shared in any::<bool>(),
        loses in 0_u32..40,
        repeats in 0_u32..30,
        delays in 0_u32..30,
        seed in any::<u64>(),
    ) {
        let mut world = World::new(bytes, receivers, is_shared, true, Weather { loses, repeats, delays }, seed);
        let sent = world.run();
        prop_assert_eq!(world.outcomes(), vec![OK.to_owned(); receivers as usize]);
        for receiver in &world.receivers {
            prop_assert!(receiver.content == world.content);
            let counts = receiver.account.as_ref().expect("it was announced").counts();
            prop_assert_eq!(counts.received, counts.unique + counts.duplicate);
        }
        let told = world.sending.told();
        prop_assert_eq!(told.flows.iter().map(|flow| flow.transmissions).sum::<u64>(), sent);
        let first = bytes.div_ceil(PAYLOAD.into());
        prop_assert!(told.flows.iter().all(|flow| flow.transmissions == first + flow.repeated));
    }

    #[test]
    fn without_repair_the_ledger_is_that_of_the_network(bytes in 1_u64..3_000, loses in 0_u32..40, repeats in 0_u32..30, seed in any::<u64>()) {
        let mut world = World::new(bytes, 2, true, false, Weather { loses, repeats, delays: 0 }, seed);
        let sent = world.run();
        prop_assert_eq!(sent, bytes.div_ceil(PAYLOAD.into()));
        for (receiver, reached) in world.receivers.iter().zip(&world.sending.told().flows[0].receivers) {
            let account = receiver.account.as_ref().expect("it was announced");
            let is_whole = receiver.content == world.content;
            prop_assert_eq!(reached.outcome == OK, is_whole);
            prop_assert_eq!(account.counts().unique + account.missing(), sent);
        }
    }
}

#[test]
fn nothing_is_sent_twice_where_nothing_is_lost() {
    for is_shared in [false, true] {
        let mut world = World::new(100_000, 3, is_shared, true, FAIR, 1);
        let sent = world.run();
        assert_eq!(sent, if is_shared { 10_000 } else { 30_000 });
        assert_eq!(world.sending.told().rounds, 0);
    }
}

#[test]
fn no_more_is_under_way_than_receivers_have_room_for() {
    let mut world = World::new(50_000, 3, true, true, FAIR, 1);
    world.run();
    // The first batch goes with the window of the first answer; receiver 1 has the smallest.
    for receiver in &world.receivers {
        assert!(receiver.waiting.1 <= 23, "{:?}", receiver.waiting);
    }
    assert!(world.receivers[0].waiting.1 > 7);
}

#[test]
fn what_two_receivers_miss_is_repeated_once() {
    // Whoever loses a third of everything, alone, needs about as many as two that share one flow and lose unlike thirds
    // need together, less the common part.
    let lossy = Weather { loses: 30, ..FAIR };
    let mut shared = World::new(50_000, 2, true, true, lossy, 1);
    let mut apart = World::new(50_000, 2, false, true, lossy, 1);
    assert!(shared.run() < apart.run());
}

#[test]
fn a_receiver_that_is_not_there_is_named_and_the_others_finish() {
    for is_shared in [false, true] {
        let mut world = World::new(1_000, 3, is_shared, true, FAIR, 1);
        world.receivers[1].is_dead = true;
        world.run();
        assert_eq!(world.outcomes(), [OK, "it never answered, for 20000 ms", OK]);
    }
}

#[test]
fn a_receiver_that_dies_in_the_middle_is_named_and_the_others_finish() {
    for is_shared in [false, true] {
        let mut world = World::new(50_000, 3, is_shared, true, FAIR, 1);
        while world.receivers[1].account.as_ref().is_none_or(|account| account.counts().received < 100) {
            match world.sending.step(world.now) {
                Step::Tell { to, datagram, .. } => world.send(to, &datagram),
                Step::Send { to, mut serial, .. } => {
                    for (first, count) in world.sending.runs().to_vec() {
                        for position in first..first + count {
                            let mut datagram = vec![0; crate::fanout::frame::HEADER];
                            datagram
                                .extend(&world.content[(position * PAYLOAD) as usize..][..PAYLOAD as usize]);
                            Header { kind: Kind::Data, session: 1, file: 1, serial, position }
                                .seal(&mut datagram);
                            world.send(to, &datagram);
                            serial += 1;
                        }
                    }
                }
                Step::Wait { .. } => {
                    world.now += 100_000;
                    world.arrivals();
                }
                Step::Over => panic!("it cannot be over"),
            }
        }
        world.receivers[1].is_dead = true;
        world.run();
        assert_eq!(world.outcomes(), [OK, "it stopped answering, for 20000 ms", OK]);
        assert_eq!(world.sending.last_words().len(), 1);
    }
}

#[test]
fn the_pace_is_kept() {
    let mut world = World::new(100_000, 1, true, true, FAIR, 1);
    world.sending.manner.pace_bytes_per_s = 1_000_000;
    world.run();
    let told = world.sending.told();
    let took = told.last_ns.unwrap() - told.first_ns.unwrap();
    assert!((99 * MILLI..110 * MILLI).contains(&took), "{took}");
}

#[test]
fn without_a_header_content_is_sent_and_that_is_all() {
    let announce = Announce { name: "a".into(), bytes: 25, hash: 7, payload_bytes: 10, repairs: false };
    let manner =
        Manner { session: 1, file: 1, has_header: false, batch: 2, pace_bytes_per_s: 0, patience_ns: 1 };
    let mut sending = Sending::new(manner, announce, vec![(address(1), vec![Peer::new(1, address(1))])], 0);
    let mut steps = Vec::new();
    loop {
        let step = sending.step(1_000 * MILLI);
        let Step::Send { serial, .. } = step else {
            assert_eq!(step, Step::Over);
            break;
        };
        steps.push((serial, sending.runs().to_vec()));
    }
    assert_eq!(steps, [(0, vec![(0, 2)]), (2, vec![(2, 1)])]);
    assert_eq!(sending.told().flows[0].bytes, 25);
    assert!(!sending.listens() && sending.last_words().is_empty());
}

#[test]
fn datagrams_of_others_are_not_heard() {
    let mut world = World::new(1_000, 1, true, true, FAIR, 1);
    let account = Account::new(world.sending.announce.clone());
    for (session, file) in [(2, 1), (1, 2)] {
        assert!(!world.sending.heard(address(1), &account.answer(1, 9).encode(session, file), 1));
    }
    assert!(!world.sending.heard(address(1), b"GET / HTTP/1.1", 1));
    assert!(
        !world.sending.heard(address(1), &account.answer(9, 9).encode(1, 1), 1),
        "there is no receiver 9"
    );
    assert!(world.sending.heard(address(1), &account.answer(1, 9).encode(1, 1), 1));
}
