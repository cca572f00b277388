//! How many connections are served at the same time, and whether the server is still there in the end.

use super::{
    Case, Diagnosis, Verdict, content, fault, must,
    scene::{Scene, after, get_request, soon, upload_request},
    should, skip,
    uploads::{CLIENTS, pieces},
    wire::{Ending, Wire},
};
use crate::measure::clock;
use std::{thread, time::Duration};

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
    must(
        "client-disappears",
        "clients that go away in the middle leave the server working",
        client_disappears,
    ),
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
    let mut served = 0;
    let mut silent = false;
    let Some((last, others)) = held.split_last_mut() else { return Ok(()) };
    last.0.until = soon();
    match finish(last) {
        Ok(()) => served += 1,
        Err(Ending::Silence(received)) if received.is_empty() => silent = true,
        Err(ending) => return Err(ending.into()),
    }
    // Connections that stay open keep their workers: as many as get a reply now are served together.
    for (wire, rest) in &mut *others {
        wire.until = soon();
        wire.send(rest)?;
    }
    // All were asked already, so the time is for all of them together; a reply that is there is read all the same.
    let give_up = after(Duration::from_secs(2));
    for (wire, _) in &mut *others {
        wire.until = if silent { give_up.max(after(Duration::from_millis(50))) } else { soon() };
        match wire.reply() {
            Ok(_) => served += 1,
            Err(Ending::Silence(received)) if received.is_empty() => silent = true,
            Err(ending) => return Err(ending.into()),
        }
        if silent && wire.is_closed() {
            // Its worker went on to the next, so that replies count nothing.
            served = 1;
            break;
        }
    }
    if !silent {
        return Ok(());
    }
    let seen = format!("{count} connections held open, and not all got a reply before another was closed");
    Err(if served > 1 {
        fault(Diagnosis::SmallerPool, format!("{seen}: about {served} are served together"))
    } else {
        fault(Diagnosis::OneThread, seen)
    })
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

fn finish((wire, rest): &mut (Wire, Vec<u8>)) -> Result<(), Ending> {
    wire.ask(rest).map(|_| ())
}

fn many_clients(scene: &mut Scene) -> Verdict {
    scene.opens(CLIENTS);
    let scene = &*scene;
    // Each makes room for the next by closing.
    let ask = || Wire::open(&scene.target, after(Duration::from_secs(15)))?.ask(b"LIST\r\n");
    let replies: Vec<Result<_, Ending>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        clients.into_iter().map(|client| client.join().expect("a client's thread does not panic")).collect()
    });
    for reply in replies {
        reply?;
    }
    Ok(())
}

fn client_disappears(scene: &mut Scene) -> Verdict {
    let fixture = scene.fixture().ok();
    let half = upload_request(&scene.fresh_name(), &content::text(3000, 60));
    for _ in 0..CLIENTS {
        if scene.has_uploads() {
            let mut wire = scene.open()?;
            wire.send(pieces(&half, 2)[0])?;
        }
        // Whoever closes with a reply unread resets the connection.
        let mut wire = scene.open()?;
        wire.send(&fixture.as_ref().map_or(b"LIST\r\n".to_vec(), |fixture| get_request(&fixture.name)))?;
        clock::pause(Duration::from_millis(10));
    }
    match scene.exchange(b"LIST\r\n") {
        Ok(_) => Ok(()),
        Err(Ending::Silence(received) | Ending::Closed(received)) if received.is_empty() => {
            Err(fault(Diagnosis::Dies, format!("no reply after {CLIENTS} clients that went away")))
        }
        Err(ending) => Err(ending.into()),
    }
}

fn alive(scene: &mut Scene) -> Verdict {
    scene.names().map(|_| ())
}
