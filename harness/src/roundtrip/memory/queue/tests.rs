use super::*;
use proptest::prelude::*;
use std::{
    collections::VecDeque,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    thread,
};

const SOON: Option<Duration> = Some(Duration::from_millis(20));
const LATE: Option<Duration> = Some(Duration::from_secs(20));
const NOW: Option<Duration> = Some(Duration::ZERO);

/// Another handle of the queue, with a mapping of its own as in another process.
fn again(queue: &SharedQueue) -> SharedQueue {
    SharedQueue::open(queue.as_fd().try_clone_to_owned().unwrap()).unwrap()
}

fn get(queue: &SharedQueue, most: Option<Duration>) -> Result<Vec<u8>, QueueError> {
    let mut buffer = vec![0; queue.capacity()];
    let length = queue.get(&mut buffer, most)?;
    buffer.truncate(length);
    Ok(buffer)
}

proptest! {
    /// Whatever is put and taken in turns, it is a queue: nothing lost, doubled or changed, round the end of the ring.
    #[test]
    fn it_is_a_queue(sizes in prop::collection::vec(0_usize..130, 1..200), takes in prop::collection::vec(0_usize..4, 200)) {
        let queue = SharedQueue::create(256).unwrap();
        let mut model = VecDeque::new();
        for (turn, (&size, &takes)) in sizes.iter().zip(&takes).enumerate() {
            let message = vec![turn as u8; size];
            let used: usize = model.iter().map(|message: &Vec<u8>| record(message.len())).sum();
            prop_assert_eq!(queue.used(), used);
            match queue.put(&message, NOW) {
                Ok(()) => model.push_back(message),
                Err(QueueError::TimedOut) => prop_assert!(used + record(size) > queue.capacity()),
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            }
            for _ in 0..takes {
                match (get(&queue, NOW), model.pop_front()) {
                    (Ok(message), Some(expected)) => prop_assert_eq!(message, expected),
                    (Err(QueueError::TimedOut), None) => {}
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                }
            }
        }
    }
}

#[test]
fn its_bounds_are_kept() {
    let queue = SharedQueue::create(1000).unwrap();
    assert_eq!(queue.capacity(), 1024);
    assert!(matches!(queue.put(&[0; 1017], SOON), Err(QueueError::TooLarge { bytes: 1017, capacity: 1024 })));
    queue.put(&[7; 1016], SOON).unwrap();
    assert!(matches!(queue.put(&[], SOON), Err(QueueError::TimedOut)), "it is full");
    assert!(matches!(queue.get(&mut [0; 1015], SOON), Err(QueueError::BufferTooSmall { bytes: 1016 })));
    assert_eq!(get(&queue, SOON).unwrap(), [7; 1016], "a buffer that was too small loses nothing");
    assert!(matches!(get(&queue, SOON), Err(QueueError::TimedOut)), "it is empty");
    assert!(matches!(get(&queue.spinning(Duration::from_secs(1)), SOON), Err(QueueError::TimedOut)));
    assert!(matches!(SharedQueue::create(MOST_CAPACITY + 1), Err(QueueError::TooLarge { .. })));
}

#[test]
fn only_a_queue_opens() {
    let other = Mapping::create(c"other", 5000).unwrap().into_fd().unwrap();
    assert!(matches!(SharedQueue::open(other), Err(QueueError::Damaged(_))));
    let pipe = nix::unistd::pipe().unwrap().0;
    assert!(matches!(SharedQueue::open(pipe), Err(QueueError::System(_))));
}

#[test]
fn who_sleeps_is_woken() {
    let queue = SharedQueue::create(64).unwrap();
    thread::scope(|scope| {
        let getter = scope.spawn(|| get(&again(&queue), None).unwrap());
        until_somebody_sleeps(&queue.header().put.0);
        queue.put(&[1; 56], None).unwrap();
        assert_eq!(getter.join().unwrap(), [1; 56]);
        queue.put(&[2; 56], None).unwrap();
        let putter = scope.spawn(|| again(&queue).put(&[3; 56], None).unwrap());
        until_somebody_sleeps(&queue.header().taken.0);
        assert_eq!(get(&queue, None).unwrap(), [2; 56]);
        putter.join().unwrap();
        assert_eq!(get(&queue, None).unwrap(), [3; 56]);
    });
}

fn until_somebody_sleeps(position: &Position) {
    while position.sleepers() == 0 {
        thread::yield_now();
    }
}

/// Four producers and three consumers, each with a mapping of its own, small ring, random lengths: every message comes
/// out once, intact, and those of one producer in their order at each consumer.
#[test]
fn many_share_it() {
    for spin in [Duration::ZERO, Duration::from_micros(30)] {
        share(spin);
    }
}

fn share(spin: Duration) {
    const PRODUCERS: usize = 4;
    const CONSUMERS: usize = 3;
    const MESSAGES: u32 = 20_000;
    let queue = SharedQueue::create(512).unwrap();
    let handle = || again(&queue).spinning(spin);
    let seen: Vec<Vec<(u8, u32)>> = thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS as u8)
            .map(|producer| {
                scope.spawn(move || {
                    let queue = handle();
                    for number in 0..MESSAGES {
                        queue.put(&message(producer, number), LATE).unwrap();
                    }
                })
            })
            .collect();
        let consumers: Vec<_> = (0..CONSUMERS)
            .map(|_| {
                scope.spawn(move || {
                    let queue = handle();
                    let mut seen = Vec::new();
                    loop {
                        let received = get(&queue, LATE).unwrap();
                        let Some(number) = received.get(1..5) else { return seen };
                        let number = u32::from_le_bytes(number.try_into().unwrap());
                        assert_eq!(received, message(received[0], number));
                        seen.push((received[0], number));
                    }
                })
            })
            .collect();
        for producer in producers {
            producer.join().unwrap();
        }
        for _ in 0..CONSUMERS {
            queue.put(&[], LATE).unwrap(); // an empty message sends one home
        }
        consumers.into_iter().map(|consumer| consumer.join().unwrap()).collect()
    });
    for consumer in &seen {
        for producer in 0..PRODUCERS as u8 {
            let numbers = consumer.iter().filter(|(from, _)| *from == producer).map(|(_, number)| number);
            assert!(numbers.is_sorted(), "producer {producer} was overtaken by itself");
        }
    }
    let mut all = seen.concat();
    all.sort_unstable();
    let expected =
        (0..PRODUCERS as u8).flat_map(|producer| (0..MESSAGES).map(move |number| (producer, number)));
    assert!(all.into_iter().eq(expected), "every message once");
    assert!(queue.is_empty());
}

/// Length and content follow from whose message it is.
fn message(producer: u8, number: u32) -> Vec<u8> {
    let length = 5 + (u64::from(number) * 2_654_435_761 + u64::from(producer) * 97) as usize % 140;
    let mut message = vec![producer ^ number as u8; length];
    message[0] = producer;
    message[1..5].copy_from_slice(&number.to_le_bytes());
    message
}

/// Names the queue that `role_holder` is to die with.
const HOLD: &str = "FERRYBENCH_TEST_HOLD";

/// Not a test but the victim of the next: started again from this test binary, so that it is a process of its own
/// without a fork in the midst of other tests' threads. It holds the lock in the middle of a put until it is killed.
#[test]
#[ignore = "played by another test"]
fn role_holder() {
    let Ok(path) = std::env::var(HOLD) else { return };
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let queue = SharedQueue::open(file.into()).unwrap();
    let _held = queue.lock().unwrap();
    queue.copy_in(queue.header().put.0.at.load(Ordering::Relaxed), &[0xff; 24]);
    nix::unistd::write(io::stdout(), b"\nholding\n").unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn a_holder_that_is_killed_is_told_once_and_the_queue_goes_on() {
    let queue = SharedQueue::create(256).unwrap();
    queue.put(b"before", SOON).unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), std::os::fd::AsRawFd::as_raw_fd(&queue.as_fd()));
    let name = format!("{}::role_holder", module_path!().split_once("::").unwrap().1);
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--ignored", "--nocapture"])
        .env(HOLD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(holder.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap() == "holding"), "the holder says when it holds the lock");

    thread::scope(|scope| {
        // One waits for the lock itself when the holder dies.
        let waiting = scope.spawn(|| get(&again(&queue), LATE));
        holder.kill().unwrap();
        holder.wait().unwrap();
        assert!(matches!(waiting.join().unwrap(), Err(QueueError::PeerDied)));
    });
    assert_eq!(get(&queue, SOON).unwrap(), b"before");
    assert!(matches!(get(&queue, SOON), Err(QueueError::TimedOut)), "what was not finished is not there");
    for turn in 0..100_u8 {
        queue.put(&[turn; 100], SOON).unwrap();
        assert_eq!(get(&again(&queue), SOON).unwrap(), [turn; 100]);
    }
}
