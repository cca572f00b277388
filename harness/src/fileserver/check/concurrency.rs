//! How many connections are served at the same time, and whether the server is still there in the end.

use super::{
    Case, Diagnosis, Verdict, content, fault, must,
    scene::{Scene, after, soon, upload_request},
    should, skip,
    wire::{Ending, Wire},
};
use crate::measure::clock;
use std::time::Duration;

/// The last case: it is tried even where the server has gone.
pub(super) const LAST: &str = "alive-at-the-end";

pub(super) const CASES: &[Case] = &[
    must(
        "server-pool",
        "as many slow connections as `--server-pool` says are served at the same time",
        server_pool,
    ),
    should("slow-client", "a client that is slow does not keep another waiting", slow_client),
    must("many-clients", "8 clients at once are all answered in the end", many_clients),
    must(LAST, "the server still answers after all this", alive),
];

fn server_pool(scene: &mut Scene) -> Verdict {
    match scene.pool {
        None => Err(skip("say `--server-pool N` to have N connections held open at once")),
        Some(0 | 1) => Err(skip("a pool of one serves one connection at a time")),
        Some(count) => served_together(scene, count),
    }
}

fn slow_client(scene: &mut Scene) -> Verdict {
    match scene.pool {
        Some(1) => Err(skip("a pool of one serves one connection at a time")),
        _ => served_together(scene, 2),
    }
}

/// Each connection is kept in the middle of a request; the last comes first to its end. It gets its reply while the others
/// are unfinished only where all have a worker.
fn served_together(scene: &mut Scene, count: usize) -> Verdict {
    scene.opens(count);
    let mut held = Vec::new();
    for number in 0..count {
        let (first, rest) = request(scene, number);
        let mut wire = scene.open()?;
        wire.send(&first)?;
        held.push((wire, rest));
    }
    // A server may need this long to hand each of them to a worker.
    clock::pause(Duration::from_millis(200));
    let last = held.len() - 1;
    let mut served = 0;
    for (number, (wire, rest)) in held.iter_mut().enumerate().rev() {
        wire.until = if number == last { soon() } else { after(Duration::from_millis(250)) };
        match finish(wire, rest) {
            Ok(()) => {
                served = number + 1;
                break;
            }
            Err(Ending::Silence(received)) if received.is_empty() => {}
            Err(ending) => return Err(ending.into()),
        }
    }
    let seen = |what: &str| format!("{what} of {count} connections held open");
    match served {
        served if served == count => complete(&mut held[..last]),
        0 | 1 => Err(fault(
            Diagnosis::OneThread,
            seen("the last got no reply before the others ended: one at a time,"),
        )),
        served => Err(fault(Diagnosis::SmallerPool, seen(&format!("about {served} are served together,")))),
    }
}

/// A request in two parts: an upload where there are uploads, else a LIST after which the connection stays open.
fn request(scene: &mut Scene, number: usize) -> (Vec<u8>, Vec<u8>) {
    if !scene.has_uploads() {
        return (Vec::new(), b"LIST\r\n".to_vec());
    }
    let name = scene.fresh_name();
    let mut first = upload_request(&name, &content::text(300, 70 + number as u64));
    let rest = first.split_off(first.len() - 100);
    (first, rest)
}

fn finish(wire: &mut Wire, rest: &[u8]) -> Result<(), Ending> {
    wire.ask(rest).map(|_| ())
}

fn complete(held: &mut [(Wire, Vec<u8>)]) -> Verdict {
    for (wire, rest) in held {
        wire.until = soon();
        finish(wire, rest)?;
    }
    Ok(())
}

fn many_clients(scene: &mut Scene) -> Verdict {
    const CLIENTS: usize = 8;
    scene.opens(CLIENTS);
    let mut clients = (0..CLIENTS).map(|_| scene.open()).collect::<Result<Vec<_>, _>>()?;
    for wire in &mut clients {
        wire.send(b"LIST\r\n")?;
    }
    // Each makes room for the next by closing.
    for mut wire in clients {
        wire.until = soon();
        wire.reply()?;
    }
    Ok(())
}

fn alive(scene: &mut Scene) -> Verdict {
    scene.names().map(|_| ())
}
