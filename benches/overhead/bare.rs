//! Bare loops: the same system calls, or the same two cache lines, with nothing of the harness around them.

use ferrybench::measure::{clock, place};
use std::{
    env,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

const FAR_END: &str = "FERRYBENCH_BARE_FAR_END";
/// Length of a piece, nanoseconds.
const PIECE_NS: u64 = 100_000_000;

/// Where this process was started as the far end of a bare pipe: answers each byte until there are no more.
pub(super) fn play_far_end() -> bool {
    let Some(cpu) = env::var(FAR_END).ok().and_then(|cpu| cpu.parse().ok()) else { return false };
    place::pin(cpu).expect("the CPU is one of ours");
    let mut byte = [0];
    let (from, to) = (std::io::stdin(), std::io::stdout());
    while rustix::io::read(&from, &mut byte) == Ok(1) && rustix::io::write(&to, &byte) == Ok(1) {}
    true
}

/// Two processes, two pipes, read(2) and write(2), straight to the kernel; the far end has one thread only.
pub(super) struct Pipe {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
    cpu: u32,
}

impl Pipe {
    pub(super) fn start([near, far]: [u32; 2]) -> Self {
        let mut child = Command::new(env::current_exe().expect("this program has a path"))
            .env(FAR_END, far.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let (to, from) =
            (child.stdin.take().expect("it is a pipe"), child.stdout.take().expect("it is a pipe"));
        Self { child, to, from, cpu: near }
    }

    /// Some 0.1 s; mean nanoseconds an exchange.
    pub(super) fn piece(&mut self) -> f64 {
        place::pin(self.cpu).expect("the CPU is one of ours");
        let mut byte = [1];
        let mut exchanges = 0_u64;
        let begun = clock::now();
        loop {
            for _ in 0..256 {
                let sent = rustix::io::write(&self.to, &byte);
                let received = rustix::io::read(&self.from, &mut byte);
                assert_eq!((sent, received), (Ok(1), Ok(1)), "the far end answers");
            }
            exchanges += 256;
            let elapsed = clock::now() - begun;
            if elapsed > PIECE_NS {
                return elapsed as f64 / exchanges as f64;
            }
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[repr(align(128))]
struct Line(AtomicU64);

/// Two threads, two cache lines: each waits for the other's number. The far thread lives for one piece, so that it does
/// not spin while the other side of a pair is measured.
pub(super) struct Atomics {
    cpus: [u32; 2],
}

impl Atomics {
    pub(super) fn start(cpus: [u32; 2]) -> Self {
        Self { cpus }
    }

    /// Some 0.1 s; mean nanoseconds an exchange.
    pub(super) fn piece(&mut self) -> f64 {
        const OVER: u64 = u64::MAX;
        let [near, far] = self.cpus;
        let (there, back) = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                place::pin(far).expect("the CPU is one of ours");
                let mut seen = 0;
                while seen != OVER {
                    let now = there.0.load(Ordering::Acquire);
                    if now == seen {
                        std::hint::spin_loop();
                    } else {
                        seen = now;
                        back.0.store(seen, Ordering::Release);
                    }
                }
            });
            place::pin(near).expect("the CPU is one of ours");
            let mut turn = 0;
            let mut pass = |turns: u64| {
                for _ in 0..turns {
                    turn += 1;
                    there.0.store(turn, Ordering::Release);
                    while back.0.load(Ordering::Acquire) != turn {
                        std::hint::spin_loop();
                    }
                }
                turn
            };
            let warm = pass(1000);
            let begun = clock::now();
            loop {
                let turns = pass(10_000) - warm;
                let elapsed = clock::now() - begun;
                if elapsed > PIECE_NS {
                    there.0.store(OVER, Ordering::Release);
                    return elapsed as f64 / turns as f64;
                }
            }
        })
    }
}
