//! Both ends of a trial at work: the near end in this thread, the far end and further producers beside it.

use super::{
    Channel, Ends, Handles, Making,
    between::{Between, FarHost},
    far::{Cue, Far, FarPort, Job, Meet, Part, Reply, work},
    order::{End, EndKind, EndSeen, Order},
};
use crate::{
    measure::{
        clock,
        place::{self, cpus_of},
    },
    process::partner::{OnDeath, Partner, Program},
};
use ferrybench_data::{
    plan::catalogue::{Nature, Places, WhenFull},
    roundtrip::{Pattern, Peers, Spec},
};
use hdrhistogram::Histogram;
use std::{io, time::Duration};

/// Longest that a partner may take for an order: orders are cut to some 20 ms, but a single one-megabyte message
/// under a busy machine may take its time.
const PATIENCE: Duration = Duration::from_secs(20);
/// Lead that several producers get to start together.
const LEAD_NS: u64 = 500_000;

/// Everything that a trial's ends need.
pub struct Setting {
    /// The trial.
    pub spec: Spec,
    /// Seed of the payload.
    pub seed: u64,
    /// CPUs of the placements.
    pub places: Places,
    /// The binary that plays the far end.
    pub program: Program,
    /// Where ends are made.
    pub making: Making,
    /// What happens when a partner dies.
    pub on_death: OnDeath,
    /// Where the far end is, when it is on another host.
    pub far_host: Option<FarHost>,
}

/// Carries out orders: one dynamic call for some 20 ms of messages.
pub trait Driver {
    /// Has both ends carry out an order; samples go into `times`.
    fn order(&mut self, order: Order, times: &mut Histogram<u64>) -> io::Result<OrderSeen>;
    /// Buffer in use in each direction, bytes.
    fn buffer_bytes(&self) -> Option<u64>;
}

/// What both ends saw of one order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OrderSeen {
    /// Messages that the order asked for, of all producers.
    pub ordered: u64,
    /// The near end and, in streams, the other producers.
    pub senders: Vec<EndSeen>,
    /// The end that answered or received.
    pub far: EndSeen,
    /// From the first message to the last, nanoseconds.
    pub elapsed_ns: u64,
}

/// How a mechanism joins its ends: the functions that know its type.
#[derive(Clone, Copy)]
pub struct Joint {
    pub(super) start: fn(&Setting, &Nature) -> io::Result<Box<dyn Driver>>,
    pub(super) far: fn(Job, Handles, FarPort) -> io::Result<()>,
}

impl Joint {
    /// A mechanism whose ends can be handed to another process.
    pub(super) const fn across<C: Channel<End = Handles> + 'static>() -> Self {
        Self {
            start: |setting, nature| start::<C>(setting, nature, beside::<C>),
            far: |job, handles, port| work::<C>(&job, handles, &port),
        }
    }

    /// A mechanism that joins processes of one host, or of two.
    pub(super) const fn between<C: Channel<End = Handles> + 'static, B: Between>() -> Self {
        Self {
            start: |setting, nature| match &setting.far_host {
                None => start::<C>(setting, nature, beside::<C>),
                Some(host) => start_between::<C, B>(setting, nature, host),
            },
            far: |job, handles, port| match job.meet {
                None => work::<C>(&job, handles, &port),
                Some(meet) => {
                    let (handles, at) = B::come(meet).inspect_err(|error| {
                        // Nobody listens where the near end is gone: then there is nobody to tell.
                        let _ = port.replies.send(&Reply::Failed(error.to_string()));
                    })?;
                    port.replies.send(&Reply::At(at))?;
                    work::<C>(&job, handles, &port)
                }
            },
        }
    }

    /// A mechanism that joins threads of one process.
    pub(super) const fn within<C: Channel + 'static>() -> Self {
        Self { start: |setting, nature| start::<C>(setting, nature, thread::<C>), far: only_within }
    }
}

/// The far function of what has no far process.
pub(super) fn only_within(_: Job, _: Handles, _: FarPort) -> io::Result<()> {
    Err(io::Error::other("this mechanism joins threads of one process"))
}

/// A far end on this host: a process, or a thread where the trial says so.
fn beside<C: Channel<End = Handles> + 'static>(
    setting: &Setting,
    job: Job,
    end: Handles,
) -> io::Result<Partner<Far>> {
    match setting.spec.peers {
        Peers::Process => {
            let job = Job { descriptors: end.fds.len() as u32, note: end.note, ..job };
            Partner::process(&setting.program, &job, end.fds, setting.on_death.clone())
        }
        _ => thread::<C>(setting, job, end),
    }
}

fn thread<C: Channel + 'static>(setting: &Setting, job: Job, end: C::End) -> io::Result<Partner<Far>> {
    Partner::thread(move |port| work::<C>(&job, end, &port), setting.on_death.clone())
}

struct Pair<C> {
    near: End<C>,
    far: Partner<Far>,
    sources: Vec<Partner<Far>>,
    pattern: Pattern,
    message_bytes: u64,
    lossy: bool,
    /// Sequence number of the next order's first message.
    next: u64,
}

fn start<C: Channel + 'static>(
    setting: &Setting,
    nature: &Nature,
    partner: impl Fn(&Setting, Job, C::End) -> io::Result<Partner<Far>>,
) -> io::Result<Box<dyn Driver>> {
    let Ends { near: senders, far } = C::ends(&setting.spec, &setting.making)?;
    let far = partner(setting, far_job(setting, nature), far)?;
    let mut senders = senders.into_iter();
    let near = senders.next().ok_or_else(|| io::Error::other("the mechanism made no near end"))?;
    let mut sources = Vec::new();
    for (producer, end) in (1..).zip(senders) {
        sources.push(partner(setting, source_job(setting, nature, producer), end)?);
    }
    join::<C>(setting, nature, near, far, sources)
}

/// The same, with the far end on another host: each end makes its own socket there.
fn start_between<C: Channel<End = Handles> + 'static, B: Between>(
    setting: &Setting,
    nature: &Nature,
    host: &FarHost,
) -> io::Result<Box<dyn Driver>> {
    let (waiting, near) = B::wait(host.own)?;
    let meet = Some(Meet { near, own: host.control.at.ip() });
    let job = Job { meet, ..far_job(setting, nature) };
    let far: Partner<Far> = host.control.partner(&job, setting.on_death.clone())?;
    let at = match far.reply(PATIENCE)? {
        Reply::At(at) => at,
        other => return Err(out_of_turn(other)),
    };
    join::<C>(setting, nature, B::met(waiting, at)?, far, Vec::new())
}

fn far_job(setting: &Setting, nature: &Nature) -> Job {
    let part = if setting.spec.pattern == Pattern::Rtt { Part::Echo } else { Part::Sink };
    let kind = EndKind { seed: setting.seed.wrapping_add(1), ..kind(setting, nature, 0) };
    job(setting, kind, part, cpus_of(&setting.spec, setting.places)[1])
}

fn source_job(setting: &Setting, nature: &Nature, producer: u32) -> Job {
    job(setting, kind(setting, nature, producer), Part::Source, cpus_of(&setting.spec, setting.places)[0])
}

fn job(setting: &Setting, kind: EndKind, part: Part, cpu: Option<u32>) -> Job {
    Job { spec: setting.spec.clone(), kind, part, cpu, descriptors: 0, note: 0, meet: None }
}

fn kind(setting: &Setting, nature: &Nature, producer: u32) -> EndKind {
    EndKind {
        message_bytes: setting.spec.message_bytes,
        // Unlike seeds: an end that gets its own message back must notice.
        seed: setting.seed.wrapping_add(u64::from(producer) * 2),
        producer,
        producers: setting.spec.producers,
        lossy: nature.when_full == WhenFull::Loss,
    }
}

/// Takes the near end into use beside its partners.
fn join<C: Channel + 'static>(
    setting: &Setting,
    nature: &Nature,
    near: C::End,
    far: Partner<Far>,
    sources: Vec<Partner<Far>>,
) -> io::Result<Box<dyn Driver>> {
    let spec = &setting.spec;
    if let Some(cpu) = cpus_of(spec, setting.places)[0] {
        place::pin(cpu)?;
    }
    place::own_descriptors();
    let near = End::new(C::open(near, spec)?, kind(setting, nature, 0));
    for partner in [&far].into_iter().chain(&sources) {
        match partner.reply(PATIENCE)? {
            Reply::Open => {}
            other => return Err(out_of_turn(other)),
        }
    }
    let lossy = nature.when_full == WhenFull::Loss;
    let (pattern, message_bytes) = (spec.pattern, spec.message_bytes);
    Ok(Box::new(Pair { near, far, sources, pattern, message_bytes, lossy, next: 0 }))
}

impl<C: Channel> Driver for Pair<C> {
    fn order(&mut self, mut order: Order, times: &mut Histogram<u64>) -> io::Result<OrderSeen> {
        order.first = self.next;
        self.next += 2 * order.count;
        begin(&mut self.far, order)?;
        if !self.sources.is_empty() {
            order.start_ns = clock::now() + LEAD_NS;
        }
        for source in &mut self.sources {
            begin(source, order)?;
        }
        let near = self.near.near(self.pattern, order, times)?;
        let mut senders = vec![near];
        for source in &self.sources {
            senders.push(finish(source)?);
        }
        if self.lossy && self.pattern == Pattern::Stream {
            self.far.cue(Cue::Sent)?;
        }
        let mut far = finish(&self.far)?;
        let bytes = self.message_bytes;
        let answers = self.pattern == Pattern::Rtt;
        for end in &mut senders {
            (end.bytes_sent, end.bytes_received) =
                (end.exchanges * bytes, if answers { end.exchanges * bytes } else { 0 });
        }
        (far.bytes_received, far.bytes_sent) =
            (far.exchanges * bytes, if answers { far.exchanges * bytes } else { 0 });
        let start = senders.iter().map(|sender| sender.start_ns).min().unwrap_or(0);
        let end = if answers { senders[0].end_ns } else { far.end_ns };
        let ordered = order.count * senders.len() as u64;
        Ok(OrderSeen { ordered, senders, far, elapsed_ns: end.saturating_sub(start) })
    }

    fn buffer_bytes(&self) -> Option<u64> {
        self.near.channel.buffer_bytes()
    }
}

fn begin(partner: &mut Partner<Far>, order: Order) -> io::Result<()> {
    partner.cue(Cue::Order(order))?;
    match partner.reply(PATIENCE)? {
        Reply::Ready => Ok(()),
        other => Err(out_of_turn(other)),
    }
}

fn finish(partner: &Partner<Far>) -> io::Result<EndSeen> {
    match partner.reply(PATIENCE)? {
        Reply::Done(seen) => Ok(seen),
        other => Err(out_of_turn(other)),
    }
}

fn out_of_turn(reply: Reply) -> io::Error {
    match reply {
        Reply::Failed(reason) => io::Error::other(format!("the far end failed: {reason}")),
        other => io::Error::other(format!("the far end answered out of turn: {other:?}")),
    }
}
