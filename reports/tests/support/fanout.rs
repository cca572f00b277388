//! The made-up fan-out: a sender, receivers and a network on paper.

use super::{MIB, Run, chance, noise};
use ferrybench_data::{
    family::Family,
    fanout::{
        Assignment, Batching, Delivery, Evidence, Fanout, FetchRow, FetchWhere, Framing, HEADERS_BYTES,
        Hosts, OK, ReceiverRow, Reliability, Spec,
    },
    plan::{
        Plan, builtin,
        catalogue::{Fanouts, SenderModel},
    },
    record::{Audit, Outcome, Record},
    run_info::{Interface, Participant},
};

/// Sizes of the pictures, bytes.
const PICTURES: [u64; 2] = [214_803, 151_340];
/// Why the failed block failed.
pub const FAILURE: &str = "server2 was lost: its agent ended after 3 of 6 s";
/// Why a trial was skipped.
pub const LACK: &str = "limit: 15 processes are needed, a user may have 10";
/// Why a file is not there.
pub const INCOMPLETE: &str = "214211 of 214803 bytes arrived before the deadline";

/// Our sender models, each with the name that the assignment has for it and whether it is sized and made of processes.
const MODELS: [(&str, &str, bool, bool); 6] = [
    ("single-thread", "single thread", false, false),
    ("thread-per-file", "multi thread", false, false),
    ("process-per-file", "multi process", false, true),
    ("thread-pool", "multi thread asynchronous", true, false),
    ("process-pool", "multi process asynchronous", true, true),
    ("tokio", "", true, false),
];

/// What the made-up machine knows of fan-outs.
pub fn catalogue() -> Fanouts {
    let model = |(name, assignment_name, sized, processes): (&str, &str, bool, bool)| SenderModel {
        name: name.into(),
        assignment_name: assignment_name.into(),
        help: format!("what `{name}` is, in a sentence"),
        sized,
        processes,
    };
    Fanouts { sender_models: MODELS.map(model).to_vec(), ..Fanouts::default() }
}

/// Two pictures, one to each of two receivers, as published.
pub fn two_pictures() -> Spec {
    Spec {
        assignment: Assignment::Each,
        files: 2,
        file_bytes: 0,
        datagram_bytes: 1,
        framing: Framing::Bare,
        fetch_where: FetchWhere::ParentSerial,
        ..Spec::default()
    }
}

/// One picture to both receivers by broadcast, as published.
pub fn one_picture() -> Spec {
    Spec {
        delivery: Delivery::LimitedBroadcast,
        assignment: Assignment::All,
        files: 1,
        file_bytes: 54_272,
        datagram_bytes: 0,
        fetch_where: FetchWhere::InWorker,
        think_ms: 2000,
        ..two_pictures()
    }
}

/// A file of 100 MiB to two receivers until each has every byte.
pub fn large() -> Spec {
    Spec {
        sender_model: "thread-pool".into(),
        pool_size: 4,
        assignment: Assignment::All,
        files: 1,
        file_bytes: 100 * MIB,
        datagram_bytes: 1400,
        framing: Framing::Ledger,
        reliability: Reliability::Repair,
        fetch_where: FetchWhere::Local,
        ..two_pictures()
    }
}

impl Run {
    /// The assignment's cases by every program, with a failed block, a skipped trial, and captures.
    pub fn lab_fanout(blocks: u32) -> Self {
        let mut run = Self::new("lab-fanout", blocks);
        run.info.participants = hosts(2);
        let ledger =
            |spec: Spec| Spec { framing: Framing::Ledger, datagram_bytes: 1400, file_bytes: 0, ..spec };
        for case in [two_pictures(), ledger(two_pictures()), one_picture(), ledger(one_picture())] {
            run.programs(&case);
        }
        run.sources();
        run
    }

    /// The same where no namespaces can be made.
    pub fn on_loopback(blocks: u32) -> Self {
        let mut run = Self::new("lab-fanout", blocks);
        run.info.participants = hosts(2).into_iter().map(on_loopback).collect();
        run.programs(&Spec { hosts: Hosts::Loopback, ..two_pictures() });
        run
    }

    /// Datagram sizes, batching, losses, and receivers that grow.
    pub fn fanouts(blocks: u32) -> Self {
        let mut run = Self::new("standard", blocks);
        run.info.participants = hosts(8);
        for (sender_model, pool_size) in [("single-thread", 0), ("thread-pool", 4), ("tokio", 4)] {
            let sender_model: String = sender_model.into();
            for batching in Batching::ALL {
                for datagram_bytes in [512, 1400, 8192, 32_768] {
                    let plain = Spec {
                        files: 4,
                        file_bytes: 25 * MIB,
                        reliability: Reliability::Unrepaired,
                        ..large()
                    };
                    let spec =
                        Spec { sender_model: sender_model.clone(), pool_size, batching: *batching, ..plain };
                    run.send(&Spec { datagram_bytes, ..spec });
                }
            }
            for delivery in [Delivery::Unicast, Delivery::Broadcast, Delivery::Multicast] {
                for receivers in [2, 4, 8] {
                    let sender_model = sender_model.clone();
                    run.send(&Spec { sender_model, pool_size, delivery, receivers, ..large() });
                }
            }
        }
        for (loss_percent, duplicate_percent) in [(10, 0), (0, 10), (10, 10)] {
            let plain = Spec { reliability: Reliability::Unrepaired, file_bytes: 10 * MIB, ..large() };
            run.send(&Spec { loss_percent, duplicate_percent, ..plain });
        }
        run
    }

    /// Every fan-out trial of a built-in plan, on a machine that can do all of it.
    pub fn planned(name: &str, blocks: u32) -> Self {
        let mut run = Self::new(name, blocks);
        run.info.participants = hosts(8);
        let text = builtin::find(name).expect("the plan is built in").text;
        // The made-up machine does not have the mechanisms that the other families name.
        let tables = text.split("\n[[").skip(1).filter(|table| table.starts_with("fanout]]"));
        let text: String = tables.flat_map(|table| ["[[", table, "\n"]).collect();
        let known = &run.info.catalogue;
        let plan = Plan::parse(&format!("name = \"{name}\"\n{text}"), name, known)
            .expect("the built-in plans are sound");
        let trials = plan.expand(known).expect("and come to trials");
        for trial in trials {
            match (trial.cell.fanout(), trial.skip) {
                (None, _) => {}
                (Some(spec), Some(why)) => run.push_fanout(1, spec, Outcome::Skipped(why)),
                (Some(spec), None) => run.send(spec),
            }
        }
        run
    }

    fn programs(&mut self, case: &Spec) {
        for (name, _, sized, processes) in MODELS {
            let pool_size = if !sized {
                0
            } else if processes {
                15
            } else {
                4
            };
            let spec = Spec { sender_model: name.into(), pool_size, ..case.clone() };
            if spec.think_ms > 0 && spec.framing == Framing::Ledger && name == "process-pool" {
                self.push_fanout(1, &spec, Outcome::Skipped(LACK.into()));
            } else {
                self.send(&spec);
            }
        }
    }

    /// Every block of a trial.
    pub fn send(&mut self, spec: &Spec) {
        let fails = spec.sender_model == "process-per-file"
            && spec.framing == Framing::Ledger
            && spec.delivery == Delivery::Unicast
            && self.blocks > 1;
        for block in 1..=self.blocks {
            let fetches = fetches(spec, block);
            let receivers = received(spec, block);
            let seen = evidence(spec, block, &fetches, &receivers);
            let outcome = if fails && block == 2 {
                Outcome::Failed { reason: FAILURE.into(), seen: Some(seen) }
            } else {
                let audit = Audit::of::<Fanout>(spec, &seen);
                Outcome::Measured { evidence: seen, audit }
            };
            self.fetches.extend(fetches);
            self.receivers.extend(receivers);
            self.push_fanout(block, spec, outcome);
        }
    }

    fn push_fanout(&mut self, block: u32, spec: &Spec, outcome: Outcome<Evidence>) {
        let order = self.fanouts.len() as u32 + 1;
        self.fanouts.push(Record { block, order, noise: noise(), spec: spec.clone(), outcome });
    }

    /// The sources of the sender models, and what each trial put out.
    fn sources(&mut self) {
        for (name, ..) in MODELS {
            let text = format!("//! What `{name}` is.\n\npub(super) fn send() {{\n    // ```\n}}\n");
            self.captures.push((format!("program-{name}.rs.txt"), text));
        }
        let trials: Vec<String> =
            self.fanouts.iter().filter(|row| row.seen().is_some()).map(Record::trial).collect();
        for trial in trials {
            for host in ["client", "server1", "server2"] {
                let file = format!("{}.{host}.txt", trial.replace('/', "_"));
                if self.captures.iter().all(|(known, _)| *known != file) {
                    self.captures
                        .push((file, format!("start 03:04:05.678\n{host} of {trial}\ntotal 0.123456 s\n")));
                }
            }
        }
        self.captures.sort();
    }
}

/// A client and so many servers.
pub fn hosts(servers: u32) -> Vec<Participant> {
    let host = |number: u32| {
        let name = if number == 0 { "client".to_owned() } else { format!("server{number}") };
        let interface =
            |name: &str, address: String, mtu_bytes| Interface { name: name.into(), address, mtu_bytes };
        Participant {
            prefix: ["ip", "netns", "exec", &format!("fb-lab-{name}")].map(String::from).to_vec(),
            name,
            host_name: "workbench".into(),
            boot_id: "5f0c7a52-3a0e-4d55-9f31-3a3c3f1d2b11".into(),
            network_namespace: 4_026_532_500 + u64::from(number) * 61,
            interfaces: vec![
                interface("eth0", format!("10.77.0.{}/24", number + 1), 1500),
                interface("lo", "127.0.0.1/8".into(), 65_536),
            ],
            clock_offset_s: 0.0,
            clock_bound_s: 0.000_02,
        }
    };
    (0..=servers).map(host).collect()
}

fn on_loopback(mut host: Participant) -> Participant {
    host.prefix.clear();
    host.network_namespace = 4_026_531_840;
    host.interfaces.remove(0);
    host
}

/// Sizes of a trial's files, bytes.
fn sizes(spec: &Spec) -> Vec<u64> {
    (0..spec.files)
        .map(|file| if spec.file_bytes == 0 { PICTURES[file as usize % 2] } else { spec.file_bytes })
        .collect()
}

fn name(spec: &Spec, file: u32) -> String {
    if spec.file_bytes == 0 {
        format!("picture-{}.jpg", file + 1)
    } else {
        format!("synthetic-{}.bin", file + 1)
    }
}

/// How many workers have work at the same time.
fn workers(spec: &Spec) -> u32 {
    match (spec.sender_model.as_str(), spec.pool_size) {
        ("single-thread", _) => 1,
        (_, 0) => spec.files,
        (_, size) => size.min(spec.files),
    }
}

/// How a block differs from the trial's usual time.
fn pace(spec: &Spec, block: u32, what: u64) -> f64 {
    0.97 + 0.06 * chance(&Fanout::id(spec), u64::from(block) << 8 | what)
}

fn fetches(spec: &Spec, block: u32) -> Vec<FetchRow> {
    if spec.fetch_where == FetchWhere::Local {
        return Vec::new();
    }
    let mut start_s = 0.000_2;
    sizes(spec)
        .iter()
        .zip(0..)
        .map(|(bytes, file)| {
            let fetch_s = 0.004 * pace(spec, block, 1 + u64::from(file));
            let row = FetchRow {
                trial: Fanout::id(spec),
                block,
                file: file + 1,
                name: name(spec, file),
                url: format!("http://10.77.0.1:8080/{}", name(spec, file)),
                content_type: "image/jpeg".into(),
                bytes: *bytes,
                start_s,
                fetch_s,
                outcome: OK.into(),
            };
            if spec.fetch_where == FetchWhere::ParentSerial {
                start_s += fetch_s;
            } else if workers(spec) == 1 {
                start_s += fetch_s + spec.think_ms as f64 / 1e3;
            }
            row
        })
        .collect()
}

/// The transmissions of one file to one receiver: sent, lost on purpose, lost in the socket, and delivered twice.
fn traffic(spec: &Spec, block: u32, receiver: u32, bytes: u64) -> [u64; 4] {
    let payload = if spec.datagram_bytes == 0 { bytes } else { spec.datagram_bytes.into() };
    let datagrams = bytes.div_ceil(payload.max(1));
    let by = |what: u64| chance(&Fanout::id(spec), u64::from(block) << 40 | u64::from(receiver) << 8 | what);
    let share = |percent: u32, what: u64| {
        (datagrams as f64 * f64::from(percent) / 100.0 * (0.99 + 0.02 * by(what))) as u64
    };
    let repair = spec.reliability == Reliability::Repair;
    // A burst that is neither paced nor answered overruns the receiver, the more so the smaller its datagrams.
    let overrun = match spec.batching {
        _ if spec.framing == Framing::Bare => 0.0,
        _ if repair => 0.01,
        Batching::One => 0.02 * (1400.0 / payload as f64).min(2.0),
        Batching::Sendmmsg => 0.05 * (1400.0 / payload as f64).min(2.0),
        Batching::Gso => 0.0,
    };
    let socket =
        if spec.file_bytes == 0 { 0 } else { (datagrams as f64 * overrun * (0.8 + 0.4 * by(3))) as u64 };
    // A datagram to all is sent again to all, as often as the receiver that lost most asks for.
    let again = match spec.delivery {
        _ if !repair => 0,
        Delivery::Unicast => socket + share(spec.loss_percent, 1),
        _ => (datagrams as f64 * (overrun * 1.3 + f64::from(spec.loss_percent) / 95.0)) as u64,
    };
    [datagrams + again, share(spec.loss_percent, 1), socket, share(spec.duplicate_percent, 2)]
}

fn received(spec: &Spec, block: u32) -> Vec<ReceiverRow> {
    let mut rows = Vec::new();
    for receiver in 1..=spec.receivers {
        for (bytes, file) in sizes(spec).into_iter().zip(0..) {
            if spec.assignment == Assignment::Each && file % spec.receivers != receiver - 1 {
                continue;
            }
            let [sent, injected, socket, duplicate] = traffic(spec, block, receiver, bytes);
            let is_ledger = spec.framing == Framing::Ledger;
            let told = |count: u64| is_ledger.then_some(count);
            // One receiver of the unnumbered datagrams lacks a few in one block.
            let damaged = !is_ledger
                && receiver == 1
                && block == 1
                && spec.datagram_bytes == 1
                && spec.sender_model == "thread-pool";
            let lost = injected + socket + if damaged { 592 } else { 0 };
            let intact = !damaged && (lost == 0 || spec.reliability == Reliability::Repair);
            let source_hash =
                format!("xxh3:{:016x}{:016x}", bytes * 7919, 0x9e37_79b9_7f4a_7c15_u64 ^ u64::from(file));
            let outcome = match (intact, damaged) {
                (true, _) => OK.to_owned(),
                (_, true) => INCOMPLETE.to_owned(),
                _ => "some datagrams never arrived, and nothing is sent again".to_owned(),
            };
            let address = if spec.hosts == Hosts::Loopback {
                format!("127.0.0.{}:7000", receiver + 1)
            } else {
                format!("10.77.0.{}:7000", receiver + 1)
            };
            rows.push(ReceiverRow {
                trial: Fanout::id(spec),
                block,
                receiver,
                host: format!("server{receiver}"),
                address,
                file: file + 1,
                name: name(spec, file),
                bytes,
                sent: told(sent),
                received: Some(sent - lost + duplicate),
                unique: told(sent - lost),
                lost: told(lost),
                duplicate: told(duplicate),
                reordered: told(duplicate / 10),
                reorder_extent: told(if duplicate >= 10 { 3 } else { 0 }),
                corrupt: told(0),
                late: told(0),
                received_bytes: bytes
                    - if intact { 0 } else { bytes.min(lost * u64::from(spec.datagram_bytes.max(1))) },
                socket_dropped: Some(socket / 2),
                first_s: Some(0.01),
                last_s: Some(0.02),
                verified_s: intact.then_some(0.021),
                hash: if intact { source_hash.clone() } else { String::new() },
                source_hash,
                outcome,
            });
        }
    }
    rows
}

fn evidence(spec: &Spec, block: u32, fetches: &[FetchRow], receivers: &[ReceiverRow]) -> Evidence {
    let think = spec.think_ms as f64 / 1e3;
    let processes = spec.sender_model.starts_with("process");
    let count = |of: fn(&ReceiverRow) -> Option<u64>| receivers.iter().map(of).sum::<Option<u64>>();
    let total = |of: fn(&ReceiverRow) -> u64| receivers.iter().map(of).sum::<u64>();
    let multiple = if spec.delivery == Delivery::Unicast { 1 } else { u64::from(spec.receivers) };
    let payload = |bytes: u64| if spec.datagram_bytes == 0 { bytes } else { u64::from(spec.datagram_bytes) };
    let datagrams = sizes(spec).iter().map(|bytes| bytes.div_ceil(payload(*bytes))).sum::<u64>()
        * if spec.assignment == Assignment::All { u64::from(spec.receivers) } else { 1 };
    let sent = count(|row| row.sent).unwrap_or(datagrams);
    // A datagram for all is counted for each: their sum has to be a multiple.
    let wire_datagrams = sent / multiple;
    let largest = sizes(spec).first().copied().unwrap_or(1);
    let repeated = if spec.reliability == Reliability::Repair { sent - sent.min(datagrams) } else { 0 };
    let sent_bytes = total(|row| row.bytes) + repeated * payload(largest);
    let wire_bytes = sent_bytes / multiple + wire_datagrams * (spec.header_bytes() + HEADERS_BYTES);
    let each_s = match spec.batching {
        Batching::One => 2.1e-6,
        Batching::Sendmmsg => 1.3e-6,
        Batching::Gso => 0.35e-6,
    };
    let model = if spec.sender_model == "tokio" {
        1.1
    } else if processes {
        1.02
    } else {
        1.0
    };
    let copies = wire_datagrams as f64 * (each_s + payload(largest) as f64 * 0.11e-9) * model;
    let send_s = copies * pace(spec, block, 7) + 0.000_1;
    let all_fetches_s: f64 = fetches.iter().map(|row| row.fetch_s).sum();
    let elapsed_fetch = fetches.iter().map(|row| row.start_s + row.fetch_s).fold(0.0, f64::max);
    let total_s = elapsed_fetch + think + send_s + if processes { 0.003 } else { 0.000_4 };
    let intact = receivers.iter().filter(|row| row.outcome == OK).count() as u32;
    let whole = intact as usize == receivers.len();
    // Whoever has to answer for more receivers waits longer.
    let answers =
        if spec.delivery == Delivery::Unicast { 0.0 } else { 0.11 * f64::from(spec.receivers).sqrt() };
    let complete_s = whole.then_some((send_s * (1.0 + 0.02 * pace(spec, block, 8)) + answers).max(0.000_2));
    let received_bytes = total(|row| row.received_bytes);
    let arrival = complete_s.unwrap_or(send_s);
    let received = total(|row| row.received.unwrap_or(0));
    let injected =
        receivers.iter().map(|row| row.lost.unwrap_or(0)).sum::<u64>() * u64::from(spec.loss_percent > 0);
    Evidence {
        start_up_s: if spec.pool_size > 0 {
            f64::from(spec.pool_size) * if processes { 0.001_1 } else { 0.000_06 }
        } else {
            0.0
        },
        fetch_s: all_fetches_s,
        send_s,
        total_s,
        complete_s,
        goodput_bytes_per_s: received_bytes as f64 / arrival,
        delivered_per_s: received as f64 / f64::from(spec.receivers) / arrival,
        sent: count(|row| row.sent),
        unique: count(|row| row.unique),
        lost: count(|row| row.lost),
        duplicate: count(|row| row.duplicate),
        reordered: count(|row| row.reordered),
        reorder_extent: receivers.iter().filter_map(|row| row.reorder_extent).max(),
        corrupt: count(|row| row.corrupt),
        late: count(|row| row.late),
        received: Some(received),
        repeated,
        repair_rounds: if spec.reliability == Reliability::Repair { 3 } else { 0 },
        wire_datagrams,
        wire_bytes,
        control_datagrams: 40,
        sent_bytes,
        received_bytes,
        socket_dropped: Some(total(|row| row.socket_dropped.unwrap_or(0))),
        interface_dropped: Some(receivers.len() as u64 / 2),
        injected_drops: (spec.loss_percent > 0).then_some(injected * 9 / 10),
        injected_duplicates: (spec.duplicate_percent > 0).then(|| total(|row| row.duplicate.unwrap_or(0))),
        files_asked: receivers.len() as u32,
        files_intact: intact,
        hosts_distinct: if spec.hosts == Hosts::Loopback { 1 } else { spec.receivers + 1 },
        sender_processes: if processes { workers(spec) } else { 1 },
        sender_threads: workers(spec),
        start_skew_s: Some(0.000_04),
        clock_bound_s: 0.000_02,
        receive_buffer_bytes: 4 << 20,
        cpu_user_s: send_s * 0.4,
        cpu_system_s: send_s * 1.4,
        sender_cpu_s: send_s * 0.95,
        sender_peak_rss_bytes: 4_000_000,
        receiver_peak_rss_bytes: 6_000_000,
        ..Evidence::default()
    }
}
