//! How a request may end, come in pieces, and follow another.

use super::{
    Case, Diagnosis, Kind, Stop, Verdict, content, fault, must,
    scene::{LONG_REQUEST, Scene, after, delete_request, get_request, soon, upload_request},
    should, skip,
    wire::{Ending, Reply, excerpt},
};
use crate::measure::clock;
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    must("list-cr-lf", "LIST with CR LF is answered with names", |scene| list(scene, End::CrLf)),
    must("list-lf", "LIST with LF is answered with names", |scene| list(scene, End::Lf)),
    must("list-no-ending", "LIST without a line ending is answered after a silence", |scene| {
        list(scene, End::None)
    }),
    must("get-cr-lf", "GET with CR LF sends the file", |scene| get(scene, "GET", End::CrLf)),
    must("get-lf", "GET with LF sends the file", |scene| get(scene, "GET", End::Lf)),
    must("get-no-ending", "GET without a line ending sends the file", |scene| get(scene, "GET", End::None)),
    must("download-cr-lf", "DOWNLOAD is GET's twin, with CR LF", |scene| get(scene, "DOWNLOAD", End::CrLf)),
    must("download-lf", "DOWNLOAD is GET's twin, with LF", |scene| get(scene, "DOWNLOAD", End::Lf)),
    must("download-no-ending", "DOWNLOAD is GET's twin, without a line ending", |scene| {
        get(scene, "DOWNLOAD", End::None)
    }),
    must("upload-cr-lf", "UPLOAD with CR LF stores the file", |scene| upload(scene, End::CrLf)),
    must("upload-lf", "UPLOAD with LF stores the file", |scene| upload(scene, End::Lf)),
    must("delete-cr-lf", "DELETE with CR LF removes the file", |scene| delete(scene, End::CrLf)),
    must("delete-lf", "DELETE with LF removes the file", |scene| delete(scene, End::Lf)),
    must("delete-no-ending", "DELETE without a line ending removes the file", |scene| {
        delete(scene, End::None)
    }),
    must("long-request", "a request of more than 32 bytes is one request", long_request),
    must("split-request", "a request in several writes is one request", split_request),
    must("several-requests", "a connection carries several requests, one after another", several_requests),
    should("two-requests-in-one-write", "two requests in one write get two replies", two_in_one_write),
    must("verbs-in-any-case", "verbs are matched without regard to case", verbs_in_any_case),
    must("parameters-keep-case", "a name in another case is another name", parameters_keep_case),
    must("quoted-parameter", "quotes keep a space in a name", quoted_parameter),
];

/// How a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    CrLf,
    Lf,
    None,
}

impl End {
    fn after(self, request: &str) -> Vec<u8> {
        let ending = match self {
            Self::CrLf => "\r\n",
            Self::Lf => "\n",
            Self::None => "",
        };
        [request, ending].concat().into_bytes()
    }

    /// Asks, and names a silence by what the server seems to wait for.
    fn ask(self, scene: &mut Scene, request: &str) -> Result<Reply, Stop> {
        let mut wire = scene.open()?;
        if self != Self::CrLf {
            wire.until = after(scene.ending_patience());
        }
        let ending = match wire.ask(&self.after(request)) {
            Err(Ending::Silence(received)) if received.is_empty() => Ending::Silence(received),
            other => return other.map_err(Stop::from),
        };
        if self != Self::CrLf {
            scene.lose_patience();
        }
        match self {
            Self::None => Err(fault(Diagnosis::NeedsLineEnding, "no reply without a line ending")),
            Self::Lf => Err(fault(Diagnosis::NeedsCrLf, "no reply to a request that ends with LF")),
            Self::CrLf => {
                wire.until = after(Duration::from_secs(1));
                match wire.ask(b"\r\n") {
                    Ok(_) => Err(fault(Diagnosis::NeedsBlankLine, "a reply came only after a blank line")),
                    Err(_) => Err(ending.into()),
                }
            }
        }
    }
}

/// An `ERROR` to a request that follows the protocol: its words may say that the line ending became part of a name.
fn refused(reply: &Reply, otherwise: Diagnosis) -> Stop {
    let kept = reply.text("data").is_some_and(|said| said.contains(['\r', '\n']) || said.contains("\\r"));
    fault(if kept { Diagnosis::KeepsLineEnding } else { otherwise }, reply.excerpt())
}

fn list(scene: &mut Scene, end: End) -> Verdict {
    let reply = end.ask(scene, "LIST")?;
    if !reply.ok {
        let otherwise =
            if reply.is_unknown_verb() { Diagnosis::KeepsLineEnding } else { Diagnosis::RefusesGoodRequest };
        return Err(refused(&reply, otherwise));
    }
    match reply.names() {
        Some(_) => Ok(()),
        None => {
            Err(fault(Diagnosis::MissingField, format!("`data` is no array of names: {}", reply.excerpt())))
        }
    }
}

fn get(scene: &mut Scene, verb: &str, end: End) -> Verdict {
    let fixture = scene.fixture_of_any_ending()?;
    let reply = end.ask(scene, &format!("{verb} {}", fixture.name))?;
    if !reply.ok {
        if reply.is_unknown_verb() {
            return Err(fault(Diagnosis::NoDownload, reply.excerpt()));
        }
        // The same file has been fetched with another ending.
        return Err(refused(&reply, Diagnosis::KeepsLineEnding));
    }
    content::compare(&fixture.content, &content::of_reply(&reply)?, &[])
}

fn upload(scene: &mut Scene, end: End) -> Verdict {
    if end != End::CrLf {
        scene.needs_uploads()?;
    }
    let name = scene.fresh_name();
    let content = content::text(57, 2);
    let request = String::from_utf8_lossy(&upload_request(&name, &content)).trim_end().to_owned();
    let reply = end.ask(scene, &request)?;
    if !reply.ok {
        let original = scene.kind == Kind::Original;
        let otherwise = if reply.is_unknown_verb() || original {
            Diagnosis::NoUpload
        } else {
            Diagnosis::RefusesGoodRequest
        };
        return Err(refused(&reply, otherwise));
    }
    scene.expect(&name, &content, &[])
}

fn delete(scene: &mut Scene, end: End) -> Verdict {
    scene.needs_uploads()?;
    let name = scene.fresh_name();
    scene.upload(&name, &content::text(57, 3))?;
    if scene.lacks(&name)? {
        return Err(skip("an uploaded file cannot be fetched, so nothing can be seen to go"));
    }
    let reply = end.ask(scene, &format!("DELETE {name}"))?;
    if !reply.ok {
        let otherwise =
            if reply.is_unknown_verb() { Diagnosis::NoDelete } else { Diagnosis::RefusesGoodRequest };
        return Err(refused(&reply, otherwise));
    }
    if scene.lacks(&name)? && !scene.names()?.contains(&name) {
        return Ok(());
    }
    Err(fault(Diagnosis::DeleteKeepsFile, "DELETE said OK, and the file is still there"))
}

fn long_request(scene: &mut Scene) -> Verdict {
    let mut wire = scene.open()?;
    wire.ask(LONG_REQUEST.as_bytes())?;
    one_reply(&wire.more(Duration::from_millis(200)))
}

fn one_reply(more: &[u8]) -> Verdict {
    if more.is_empty() {
        return Ok(());
    }
    let diagnosis = if more.starts_with(b"{") { Diagnosis::AnswersEachRead } else { Diagnosis::ExtraBytes };
    Err(fault(diagnosis, format!("one request got more than one reply: {}", excerpt(more))))
}

fn split_request(scene: &mut Scene) -> Verdict {
    // A pause that this machine stretched to the server's own silence says nothing.
    for _ in 0..3 {
        let mut wire = scene.open()?;
        let start = clock::now();
        for piece in ["LI", "ST\r", "\n"] {
            wire.send(piece.as_bytes())?;
            clock::pause(Duration::from_millis(30));
        }
        if clock::now() - start > 150_000_000 {
            continue;
        }
        let reply = wire.reply()?;
        one_reply(&wire.more(Duration::from_millis(200)))?;
        return match reply.names() {
            Some(_) => Ok(()),
            None => Err(fault(Diagnosis::AnswersEachRead, reply.excerpt())),
        };
    }
    Err(skip("this machine is too busy to send pieces 30 ms apart"))
}

fn several_requests(scene: &mut Scene) -> Verdict {
    let get = match scene.fixture() {
        Ok(fixture) => get_request(&fixture.name),
        Err(_) => b"LIST\r\n".to_vec(),
    };
    let mut wire = scene.open()?;
    for (number, request) in [b"LIST\r\n", &get[..], b"LIST\r\n"].into_iter().enumerate() {
        wire.until = soon();
        match wire.ask(request) {
            Ok(reply) if reply.ok => {}
            Ok(reply) => return Err(fault(Diagnosis::RefusesGoodRequest, reply.excerpt())),
            Err(Ending::Closed(received)) if number > 0 && received.is_empty() => {
                return Err(fault(Diagnosis::OneRequest, format!("closed after {number} of 3 requests")));
            }
            Err(Ending::Silence(received)) if number > 0 && received.is_empty() => {
                return Err(fault(Diagnosis::OneRequest, format!("no reply to request {} of 3", number + 1)));
            }
            Err(ending) => return Err(ending.into()),
        }
    }
    Ok(())
}

fn two_in_one_write(scene: &mut Scene) -> Verdict {
    let mut wire = scene.open()?;
    wire.send(b"LIST\r\nLIST\r\n")?;
    wire.reply()?;
    match wire.reply() {
        Ok(_) => Ok(()),
        Err(Ending::Closed(received)) if received.is_empty() => {
            Err(fault(Diagnosis::OneRequest, "closed after the first of two replies"))
        }
        Err(Ending::Silence(received)) if received.is_empty() => {
            Err(fault(Diagnosis::LosesSecondRequest, "one reply to two requests"))
        }
        Err(ending) => Err(ending.into()),
    }
}

fn verbs_in_any_case(scene: &mut Scene) -> Verdict {
    let mut requests = vec!["list".to_owned(), "LiSt".to_owned()];
    if let Ok(fixture) = scene.fixture() {
        requests.push(format!("gEt {}", fixture.name));
    }
    for request in requests {
        let reply = scene.exchange(format!("{request}\r\n").as_bytes())?;
        if !reply.ok {
            let verb = request.split(' ').next().unwrap_or_default();
            return Err(fault(Diagnosis::KnowsOneCase, format!("`{verb}` got {}", reply.excerpt())));
        }
    }
    Ok(())
}

fn parameters_keep_case(scene: &mut Scene) -> Verdict {
    // Some servers repeat the name that they looked for.
    let reply = scene.exchange(b"GET No-Such-File.TXT\r\n")?;
    if reply.text("data").is_some_and(|said| said.contains("no-such-file.txt")) {
        return Err(fault(Diagnosis::LowerCasesParameters, format!("No-Such-File.TXT: {}", reply.excerpt())));
    }
    let fixture = scene.fixture()?;
    let upper = fixture.name.to_uppercase();
    if upper == fixture.name || scene.lacks(&upper)? {
        return Ok(());
    }
    // A server that has an answer to every name takes this one as well.
    if !scene.lacks("no-such-file.txt")? {
        return Err(skip("the server sends a file under every name"));
    }
    Err(fault(Diagnosis::LowerCasesParameters, format!("GET {upper} sent {}", fixture.name)))
}

fn quoted_parameter(scene: &mut Scene) -> Verdict {
    scene.needs_uploads()?;
    let name = scene.fresh(" two words.txt");
    let content = content::text(57, 4);
    let reply = scene.exchange(&upload_request(&name, &content))?;
    let first_word = format!("\"{}", name.split(' ').next().unwrap_or_default());
    let names = scene.names()?;
    if let Some(cut) = names.iter().find(|listed| listed.starts_with(&first_word)) {
        // Remove it in its own words: here a quote is a letter.
        let _ = scene.exchange(format!("DELETE {cut}\r\n").as_bytes());
        let _ = scene.exchange(&delete_request(&name));
        return Err(fault(Diagnosis::NoQuotes, format!("\"{name}\" is listed as {cut}")));
    }
    if !reply.ok {
        return Err(fault(Diagnosis::NoQuotes, reply.excerpt()));
    }
    scene.expect(&name, &content, &[])
}
