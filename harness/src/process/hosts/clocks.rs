//! How far the clocks of hosts are apart.

use super::{Cue, Hosts, Reply};
use crate::measure::clock;
use std::io;

/// Exchanges of which the quickest tells how far two clocks are apart.
const EXCHANGES: u32 = 16;

impl Hosts {
    /// Measures how far a host's clock is from ours. Clocks of two machines drift: measure before each block.
    pub fn measure_clock(&mut self, host: usize) -> io::Result<()> {
        let mut quickest = u64::MAX;
        for asked in 0..u64::from(EXCHANGES) {
            let sent_ns = clock::now();
            self.cue(host, &Cue::Now { asked });
            let (answer, came_ns) =
                self.answer(host, |reply| matches!(reply, Reply::Now { asked: of, .. } if *of == asked))?;
            let Reply::Now { now_ns, .. } = answer else { continue };
            // It read its clock at some moment between: the middle is wrong by half the round trip at most.
            let round_trip_ns = came_ns.saturating_sub(sent_ns);
            if round_trip_ns < quickest {
                quickest = round_trip_ns;
                let middle = sent_ns + round_trip_ns / 2;
                self.all[host].clock = (now_ns as i64 - middle as i64, round_trip_ns.div_ceil(2));
            }
        }
        Ok(())
    }

    /// What a host's monotonic clock shows when ours shows `here_ns`: one instant on every host is a start barrier.
    pub fn on_its_clock(&self, host: usize, here_ns: u64) -> u64 {
        here_ns.saturating_add_signed(self.all[host].clock.0)
    }

    /// What our monotonic clock shows when a host's shows `there_ns`.
    pub fn on_our_clock(&self, host: usize, there_ns: u64) -> u64 {
        there_ns.saturating_add_signed(-self.all[host].clock.0)
    }

    /// By how much a host's monotonic clock is ahead of ours, nanoseconds.
    pub fn ahead_ns(&self, host: usize) -> i64 {
        self.all[host].clock.0
    }

    /// Whether two hosts read the same clock: they are of one boot, and in no namespaces of time that differ.
    pub fn share_a_clock(&self, one: usize, other: usize) -> bool {
        let boot = |host: usize| self.all[host].introduction.as_ref().map(|told| &told.identity.boot_id);
        let is_ours = |host: usize| {
            let (offset_ns, bound_ns) = self.all[host].clock;
            offset_ns.unsigned_abs() <= bound_ns
        };
        boot(one).is_some() && boot(one) == boot(other) && is_ours(one) && is_ours(other)
    }

    /// How far [`Self::on_its_clock`] may be wrong, nanoseconds.
    pub fn clock_bound_ns(&self, host: usize) -> u64 {
        self.all[host].clock.1
    }
}
