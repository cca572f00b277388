//! Uploads that come slowly, break off, or come at the same time.

use super::{
    Case, Diagnosis, Stop, Verdict, content, fault, must,
    scene::{Scene, after, get_request, soon, upload_request},
    wire::{Reply, Wire, excerpt},
};
use std::{thread, time::Duration};

pub(super) const CASES: &[Case] = &[
    must("upload-in-pieces", "a slow upload with pauses of 300 ms is stored whole", upload_in_pieces),
    must(
        "upload-unfinished",
        "an upload whose connection ends before its line stores nothing",
        upload_unfinished,
    ),
    must(
        "two-uploads-one-name",
        "of two uploads of one name at once, one is stored whole",
        two_uploads_one_name,
    ),
    must("uploads-at-once", "8 uploads under unlike names at once are all stored", uploads_at_once),
    must("downloads-at-once", "8 downloads at once each get their own file", downloads_at_once),
];

/// How many clients come at once.
pub(super) const CLIENTS: usize = 8;

/// Cuts behind the name, at places where the base64 so far can be decoded.
pub(super) fn pieces(request: &[u8], count: usize) -> Vec<&[u8]> {
    let base64 = request.iter().rposition(|&byte| byte == b' ').map_or(0, |space| space + 1);
    let step = (request.len() - base64) / count / 4 * 4;
    let mut rest = request;
    let mut pieces = Vec::new();
    for number in 1..count {
        let (piece, after) = rest.split_at(if number == 1 { base64 + step } else { step });
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

fn upload_in_pieces(scene: &mut Scene) -> Verdict {
    scene.needs_uploads()?;
    let name = scene.fresh_name();
    let content = content::text(3000, 21);
    let request = upload_request(&name, &content);
    let mut wire = scene.open()?;
    for (number, piece) in pieces(&request, 4).into_iter().enumerate() {
        if number > 0 {
            let early = wire.more(Duration::from_millis(300));
            if !early.is_empty() {
                return Err(fault(
                    Diagnosis::PauseEndsUpload,
                    format!("a reply after a pause of 300 ms: {}", excerpt(&early)),
                ));
            }
        }
        wire.until = soon();
        wire.send(piece)?;
    }
    let reply = wire.reply()?;
    // A server of one worker serves the next connection after this one.
    drop(wire);
    if !reply.ok {
        return Err(fault(Diagnosis::PauseEndsUpload, reply.excerpt()));
    }
    scene.expect(&name, &content, &[])
}

fn upload_unfinished(scene: &mut Scene) -> Verdict {
    scene.needs_uploads()?;
    let name = scene.fresh_name();
    let request = upload_request(&name, &content::text(3000, 22));
    let mut wire = scene.open()?;
    wire.send(pieces(&request, 2)[0])?;
    wire.finish();
    let said = wire.more(Duration::from_millis(300));
    drop(wire);
    if !scene.lacks(&name)? {
        return Err(fault(Diagnosis::StoresHalf, format!("half an upload is stored as {name}")));
    }
    if said.windows(4).any(|word| word == b"\"OK\"") {
        return Err(fault(Diagnosis::CopiesSuccess, "OK to half an upload"));
    }
    Ok(())
}

/// Uploads at the same time, each from a thread and connection of its own.
fn upload_all(scene: &mut Scene, files: &[(String, Vec<u8>)]) -> Verdict {
    scene.opens(files.len());
    let scene = &*scene;
    let replies: Vec<Verdict> = thread::scope(|scope| {
        let clients: Vec<_> = files
            .iter()
            .map(|(name, content)| {
                scope.spawn(move || large(scene, &upload_request(name, content)).map(|_| ()))
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("a client's thread does not panic")).collect()
    });
    replies.into_iter().collect()
}

fn large(scene: &Scene, request: &[u8]) -> Result<Reply, Stop> {
    let mut wire = Wire::open(&scene.target, soon())?;
    // All of them may have to wait for one worker.
    wire.until = after(Duration::from_secs(20));
    let reply = wire.ask(request)?;
    if reply.ok { Ok(reply) } else { Err(fault(Diagnosis::RefusesGoodRequest, reply.excerpt())) }
}

fn two_uploads_one_name(scene: &mut Scene) -> Verdict {
    scene.needs_uploads()?;
    let name = scene.fresh_name();
    for round in 0..3 {
        let both = [23, 24].map(|seed| (name.clone(), content::text(200_000, seed + 2 * round)));
        upload_all(scene, &both)?;
        let [one, other] = both.map(|(_, content)| content);
        either(&one, &other, &scene.fetch_uploaded(&name, &[&one, &other])?)?;
    }
    Ok(())
}

/// Expects one content or the other. What is made of both has been mixed; the rest has its own names.
fn either(one: &[u8], other: &[u8], got: &[u8]) -> Verdict {
    if got == one || got == other {
        return Ok(());
    }
    let appended = [[one, other].concat(), [other, one].concat()];
    if appended.iter().any(|appended| got == &appended[..]) {
        return Err(fault(Diagnosis::Appends, "one upload was appended to the other"));
    }
    let of_both =
        got.iter().enumerate().all(|(at, byte)| one.get(at) == Some(byte) || other.get(at) == Some(byte));
    if of_both && !one.starts_with(got) && !other.starts_with(got) || got.len() == one.len() + other.len() {
        return Err(fault(
            Diagnosis::MixesFiles,
            format!("{} bytes, some of one upload and some of the other", got.len()),
        ));
    }
    match content::compare(one, got, &[]) {
        Err(Stop::Fault { diagnosis: Diagnosis::WrongContent, .. }) => content::compare(other, got, &[]),
        named => named,
    }
}

fn files(scene: &mut Scene) -> Result<Vec<(String, Vec<u8>)>, Stop> {
    scene.needs_uploads()?;
    Ok((0..CLIENTS).map(|seed| (scene.fresh_name(), content::text(50_000, 40 + seed as u64))).collect())
}

fn uploads_at_once(scene: &mut Scene) -> Verdict {
    let files = files(scene)?;
    upload_all(scene, &files)?;
    for (name, content) in &files {
        let others: Vec<&[u8]> =
            files.iter().filter(|(other, _)| other != name).map(|(_, content)| &content[..]).collect();
        scene.expect(name, content, &others)?;
    }
    Ok(())
}

fn downloads_at_once(scene: &mut Scene) -> Verdict {
    let files = files(scene)?;
    for (name, content) in &files {
        scene.upload(name, content)?;
        scene.expect(name, content, &[])?;
    }
    scene.opens(files.len());
    let scene = &*scene;
    let came: Vec<Result<Vec<u8>, Stop>> = thread::scope(|scope| {
        let clients: Vec<_> = files
            .iter()
            .map(|(name, _)| {
                scope.spawn(move || {
                    large(scene, &get_request(name)).and_then(|reply| content::of_reply(&reply))
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("a client's thread does not panic")).collect()
    });
    for ((name, content), got) in files.iter().zip(came) {
        let others: Vec<&[u8]> =
            files.iter().filter(|(other, _)| other != name).map(|(_, content)| &content[..]).collect();
        content::compare(content, &got?, &others)?;
    }
    Ok(())
}
