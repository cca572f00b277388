//! What a reply consists of, and what is an error.

use super::{
    Case, Diagnosis, Verdict, fault, must,
    scene::{LONG_REQUEST, Scene, delete_request, get_request, soon, upload_request},
    should, skip,
    wire::{Ending, Wire, excerpt},
};
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    must("reply-is-json", "a reply is a JSON object with a status", reply_is_json),
    must("reply-ends", "CR LF CR LF ends a reply, and nothing follows it", reply_ends),
    must("reply-fields", "replies have the fields that clients read", reply_fields),
    must("unknown-verb", "an unknown verb is answered with `request tidak dikenali`", unknown_verb),
    must("missing-parameter", "a verb without its parameter is an ERROR", missing_parameter),
    must("missing-file", "a file that is not there is an ERROR, for GET and for DELETE", missing_file),
    must("usable-after-error", "a connection stays usable after an ERROR", usable_after_error),
    must("bad-base64", "base64 that cannot be decoded is an ERROR and stores nothing", bad_base64),
    should("strict-base64", "letters outside the alphabet of base64 are an ERROR", strict_base64),
];

fn reply_is_json(scene: &mut Scene) -> Verdict {
    for request in ["LIST\r\n", LONG_REQUEST, "FERRYBENCH\r\n"] {
        scene.exchange(request.as_bytes())?;
    }
    Ok(())
}

fn reply_ends(scene: &mut Scene) -> Verdict {
    let mut requests = vec![b"LIST\r\n".to_vec(), b"GET no-such-file.txt\r\n".to_vec()];
    requests.extend(scene.fixture().ok().map(|fixture| get_request(&fixture.name)));
    for request in requests {
        let mut wire = scene.open()?;
        wire.ask(&request)?;
        let more = wire.more(Duration::from_millis(100));
        if !more.is_empty() {
            return Err(fault(
                Diagnosis::ExtraBytes,
                format!("after the end of the reply: {}", excerpt(&more)),
            ));
        }
    }
    Ok(())
}

fn reply_fields(scene: &mut Scene) -> Verdict {
    let lacks = |verb: &str, field: &str| {
        fault(Diagnosis::MissingField, format!("{verb}: no `{field}` that is text"))
    };
    scene.names()?;
    let fixture = scene.fixture()?;
    let reply = scene.succeed(&get_request(&fixture.name))?;
    match reply.text("data_namafile") {
        None => return Err(lacks("GET", "data_namafile")),
        Some(name) if name != fixture.name => {
            return Err(fault(Diagnosis::MissingField, format!("GET: `data_namafile` is `{name}`")));
        }
        Some(_) => {}
    }
    if scene.has_uploads() {
        let name = scene.fresh_name();
        let reply = scene.succeed(&upload_request(&name, b"fields"))?;
        reply.text("data").ok_or_else(|| lacks("UPLOAD", "data"))?;
        let reply = scene.exchange(&delete_request(&name))?;
        if reply.ok {
            reply.text("data").ok_or_else(|| lacks("DELETE", "data"))?;
            reply.text("message").ok_or_else(|| lacks("DELETE", "message"))?;
        }
    }
    Ok(())
}

fn unknown_verb(scene: &mut Scene) -> Verdict {
    let reply = scene.exchange(b"FERRYBENCH\r\n")?;
    if reply.ok {
        return Err(fault(Diagnosis::HidesErrors, reply.excerpt()));
    }
    if reply.text("data") == Some("request tidak dikenali") {
        return Ok(());
    }
    Err(fault(Diagnosis::OtherWords, reply.excerpt()))
}

fn missing_parameter(scene: &mut Scene) -> Verdict {
    for verb in ["GET", "DOWNLOAD", "UPLOAD", "DELETE"] {
        let reply = scene.exchange(format!("{verb}\r\n").as_bytes())?;
        if reply.ok {
            return Err(fault(Diagnosis::HidesErrors, format!("{verb} alone got {}", reply.excerpt())));
        }
    }
    Ok(())
}

fn missing_file(scene: &mut Scene) -> Verdict {
    for verb in ["GET", "DELETE"] {
        let reply = scene.exchange(format!("{verb} no-such-file.txt\r\n").as_bytes())?;
        if reply.ok {
            return Err(fault(Diagnosis::HidesErrors, format!("{verb} of no file got {}", reply.excerpt())));
        }
    }
    Ok(())
}

fn usable_after_error(scene: &mut Scene) -> Verdict {
    let mut wire = scene.open()?;
    for request in ["GET no-such-file.txt\r\n", "FERRYBENCH\r\n", "GET\r\n"] {
        let closed = |seen| fault(Diagnosis::ClosesAfterError, seen);
        wire.until = soon();
        match wire.ask(request.as_bytes()).and_then(|_| list(&mut wire)) {
            Ok(()) => {}
            Err(Ending::Closed(received)) if received.is_empty() => {
                return Err(if carries_two(scene)? {
                    closed(format!("closed after `{}`", request.trim_end()))
                } else {
                    skip("the server closes after every reply")
                });
            }
            Err(Ending::Silence(received)) if received.is_empty() => {
                return Err(closed(format!("no reply after `{}`", request.trim_end())));
            }
            Err(ending) => return Err(ending.into()),
        }
    }
    Ok(())
}

fn list(wire: &mut Wire) -> Result<(), Ending> {
    wire.ask(b"LIST\r\n").map(|_| ())
}

/// Whether a connection stays open after a reply that is no error.
fn carries_two(scene: &Scene) -> Result<bool, super::Stop> {
    let mut wire = scene.open()?;
    list(&mut wire)?;
    Ok(list(&mut wire).is_ok())
}

fn bad_base64(scene: &mut Scene) -> Verdict {
    undecodable(scene, "SGVsb", Diagnosis::IgnoresBadBase64)
}

fn strict_base64(scene: &mut Scene) -> Verdict {
    undecodable(scene, "SGVs*bG8h", Diagnosis::LooseBase64)
}

fn undecodable(scene: &mut Scene, text: &str, diagnosis: Diagnosis) -> Verdict {
    scene.needs_uploads()?;
    let name = scene.fresh_name();
    let reply = scene.exchange(format!("UPLOAD {name} {text}\r\n").as_bytes())?;
    if reply.ok {
        return Err(fault(diagnosis, format!("base64 `{text}` got {}", reply.excerpt())));
    }
    if !scene.names()?.contains(&name) {
        return Ok(());
    }
    Err(fault(diagnosis, format!("base64 `{text}` is an ERROR, and {name} is listed all the same")))
}
