//! What the cases share: the server, what is known of it, and the files that the check has put there.

use super::{
    Diagnosis, Kind, Stop, Verdict, content, fault, skip,
    wire::{Ending, Reply, Wire},
};
use crate::measure::clock;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{net::SocketAddr, time::Duration};

/// How long a small reply may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// How long a large transfer may take.
const LONG_PATIENCE: Duration = Duration::from_secs(30);
/// How long the whole check may take, cleaning up apart.
const BUDGET: Duration = Duration::from_secs(240);
/// Contents above this many bytes are large.
const LARGE_BYTES: usize = 64 * 1024;
/// The course's original reads this many bytes and takes them for a request.
const ORIGINAL_READ_BYTES: usize = 32;

pub(super) fn after(time: Duration) -> u64 {
    clock::now() + time.as_nanos() as u64
}

/// The deadline of a small reply that is asked for now.
pub(super) fn soon() -> u64 {
    after(PATIENCE)
}

/// A file on the server, and its content.
#[derive(Debug, Clone)]
pub(super) struct Fixture {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

pub(super) struct Scene {
    pub(super) target: SocketAddr,
    pub(super) pool: Option<usize>,
    pub(super) kind: Kind,
    /// Names that LIST showed before anything was uploaded.
    listed: Vec<String>,
    /// Why there are no uploads, where there are none.
    no_uploads: Option<String>,
    fixture: Option<Fixture>,
    /// Names that may have come to lie on the server because of this check.
    mine: Vec<String>,
    count: u32,
    end: u64,
    most_open: usize,
    /// The case after which the server no longer answered, and why.
    gone: Option<(String, Diagnosis)>,
}

impl Scene {
    /// Finds out what kind of server this is and whether it takes files.
    pub(super) fn survey(target: SocketAddr, pool: Option<usize>) -> Self {
        let mut scene = Self {
            target,
            pool,
            kind: Kind::Unknown,
            listed: Vec::new(),
            no_uploads: None,
            fixture: None,
            mine: Vec::new(),
            count: 0,
            end: after(BUDGET),
            most_open: 1,
            gone: None,
        };
        let Ok(reply) = scene.exchange(b"LIST\r\n") else {
            scene.no_uploads = Some("LIST got no proper reply, so nothing was uploaded".to_owned());
            return scene;
        };
        scene.listed = reply.names().unwrap_or_default();
        scene.kind = scene.find_kind();
        let fixture = Fixture { name: scene.fresh_name(), content: content::text(57, 1) };
        match scene.exchange(&upload_request(&fixture.name, &fixture.content)) {
            Ok(reply) if reply.ok => scene.fixture = scene.fetch_fixture(&fixture.name),
            Ok(reply) if reply.is_unknown_verb() || scene.kind == Kind::Original => {
                scene.no_uploads = Some("the server has no UPLOAD".to_owned());
            }
            Ok(reply) => scene.no_uploads = Some(format!("UPLOAD was answered with {}", reply.excerpt())),
            Err(_) => scene.no_uploads = Some("UPLOAD got no proper reply".to_owned()),
        }
        if scene.fixture.is_none() {
            scene.fixture = scene.listed_fixture();
        }
        scene
    }

    /// A request that is longer than the original's reads gets two replies from it.
    fn find_kind(&self) -> Kind {
        let Ok(mut wire) = self.open() else { return Kind::Unknown };
        match wire.ask(LONG_REQUEST.as_bytes()) {
            Ok(_) if wire.more(Duration::from_millis(150)).is_empty() => Kind::Course,
            Ok(_) => Kind::Original,
            Err(_) => Kind::Unknown,
        }
    }

    /// A small file that lay there before, with a name that the course's original can be asked for.
    fn listed_fixture(&self) -> Option<Fixture> {
        let plain = |name: &&String| {
            let request = "DOWNLOAD ".len() + name.len() + "\r\n".len();
            request <= ORIGINAL_READ_BYTES
                && !name.contains([' ', '"', '\'', '\\'])
                && **name == name.to_lowercase()
        };
        self.listed.iter().filter(plain).take(3).find_map(|name| self.fetch_fixture(name))
    }

    fn fetch_fixture(&self, name: &str) -> Option<Fixture> {
        let content = self.fetch(name).ok()?;
        (content.len() <= LARGE_BYTES).then(|| Fixture { name: name.to_owned(), content })
    }

    // What a case asks before it begins

    /// Starts the count of connections anew, or says why no case can be tried any more.
    pub(super) fn begin_case(&mut self) -> Result<(), String> {
        self.most_open = 1;
        if let Some((case, _)) = &self.gone {
            return Err(format!("the server has not answered since `{case}`"));
        }
        if clock::now() > self.end {
            return Err(format!("the check's {} s were used up", BUDGET.as_secs()));
        }
        Ok(())
    }

    pub(super) fn needs_uploads(&self) -> Verdict {
        self.no_uploads.as_ref().map_or(Ok(()), |why| Err(skip(why.clone())))
    }

    pub(super) fn has_uploads(&self) -> bool {
        self.no_uploads.is_none()
    }

    /// A file that can be fetched.
    pub(super) fn fixture(&self) -> Result<Fixture, Stop> {
        self.fixture.clone().ok_or_else(|| skip("there is no file that can be fetched with GET"))
    }

    /// Says that a case holds that many connections open.
    pub(super) fn opens(&mut self, connections: usize) {
        self.most_open = self.most_open.max(connections);
    }

    /// Whether the server is still there after a failed case; if not, what that is called.
    pub(super) fn look_after(&mut self, case: &str) -> Option<Diagnosis> {
        if let Some((_, diagnosis)) = self.gone {
            return Some(diagnosis);
        }
        let diagnosis = match self.exchange(b"LIST\r\n") {
            Err(Ending::Refused(_)) if self.most_open > 1 => Some(Diagnosis::DiesUnderLoad),
            Err(Ending::Refused(_)) => Some(Diagnosis::Dies),
            Err(Ending::Silence(received)) if received.is_empty() => None,
            _ => return None,
        };
        self.gone = Some((case.to_owned(), diagnosis.unwrap_or(Diagnosis::NoReply)));
        diagnosis
    }

    // Requests

    pub(super) fn open(&self) -> Result<Wire, Ending> {
        Wire::open(&self.target, soon().min(self.end.max(after(Duration::from_secs(1)))))
    }

    /// One request on a connection of its own.
    pub(super) fn exchange(&self, request: &[u8]) -> Result<Reply, Ending> {
        let mut wire = self.open()?;
        if request.len() > LARGE_BYTES {
            wire.until = after(LONG_PATIENCE);
        }
        wire.ask(request)
    }

    /// One request that must succeed.
    pub(super) fn succeed(&self, request: &[u8]) -> Result<Reply, Stop> {
        let reply = self.exchange(request)?;
        if reply.ok {
            return Ok(reply);
        }
        Err(fault(Diagnosis::RefusesGoodRequest, reply.excerpt()))
    }

    /// A name that no other case uses, to be deleted in the end.
    pub(super) fn fresh_name(&mut self) -> String {
        self.count += 1;
        let name = format!("ferrybench-check-{}-{}.txt", std::process::id(), self.count);
        self.mine(&name);
        name
    }

    /// Notes a name that may come to lie on the server.
    pub(super) fn mine(&mut self, name: &str) {
        self.mine.push(name.to_owned());
    }

    pub(super) fn names(&self) -> Result<Vec<String>, Stop> {
        let reply = self.succeed(b"LIST\r\n")?;
        reply.names().ok_or_else(|| fault(Diagnosis::MissingField, format!("LIST: {}", reply.excerpt())))
    }

    pub(super) fn upload(&self, name: &str, content: &[u8]) -> Verdict {
        self.succeed(&upload_request(name, content)).map(|_| ())
    }

    /// What GET sends.
    pub(super) fn fetch(&self, name: &str) -> Result<Vec<u8>, Stop> {
        let mut wire = self.open()?;
        wire.until = after(LONG_PATIENCE);
        let reply = wire.ask(&get_request(name))?;
        if !reply.ok {
            return Err(fault(Diagnosis::RefusesGoodRequest, format!("GET: {}", reply.excerpt())));
        }
        content::of_reply(&reply)
    }

    /// Whether GET says that there is no such file.
    pub(super) fn lacks(&self, name: &str) -> Result<bool, Stop> {
        Ok(!self.exchange(&get_request(name))?.ok)
    }

    /// Expects what was uploaded; `others` went to the same server under other names.
    pub(super) fn expect(&mut self, name: &str, expected: &[u8], others: &[&[u8]]) -> Verdict {
        let mut wire = self.open()?;
        wire.until = after(LONG_PATIENCE);
        let reply = wire.ask(&get_request(name))?;
        if !reply.ok {
            return Err(self.lost(expected, &reply));
        }
        content::compare(expected, &content::of_reply(&reply)?, others)
    }

    /// Where an upload went that was answered with `OK` and is not there.
    fn lost(&mut self, expected: &[u8], reply: &Reply) -> Stop {
        let names = self.names().unwrap_or_default();
        let mine = |name: &str| self.mine.iter().any(|mine| mine == name);
        let new = |name: &&String| !mine(name) && !self.listed.contains(*name);
        let suspects: Vec<String> =
            names.iter().filter(new).take(4).cloned().chain(["hasil.txt".to_owned()]).collect();
        for name in suspects {
            if self.fetch(&name).is_ok_and(|content| content == expected) {
                if !self.listed.contains(&name) {
                    self.mine(&name);
                }
                return fault(Diagnosis::OneNameForAll, format!("the content lies in `{name}`"));
            }
        }
        fault(Diagnosis::CopiesSuccess, format!("UPLOAD said OK, then GET: {}", reply.excerpt()))
    }

    /// Deletes what the check has put there; what remains is returned.
    pub(super) fn clean_up(&mut self) -> Vec<String> {
        let until = after(Duration::from_secs(10));
        let mut mine = std::mem::take(&mut self.mine);
        let answers = |request: &[u8]| {
            Wire::open(&self.target, soon().min(until)).and_then(|mut wire| wire.ask(request))
        };
        for name in &mine {
            let gone = self.gone.is_some() || clock::now() > until;
            if gone || matches!(answers(&delete_request(name)), Err(Ending::Refused(_) | Ending::Silence(_)))
            {
                break;
            }
        }
        let known = if self.gone.is_some() {
            None
        } else {
            answers(b"LIST\r\n").ok().and_then(|reply| reply.names())
        };
        // Where nobody says what lies there, all of it may.
        mine.retain(|name| known.as_ref().is_none_or(|names| names.contains(name)));
        mine
    }
}

/// More than the original reads at once.
pub(super) const LONG_REQUEST: &str = "GET ferrybench-check-no-such-file-under-this-name.txt\r\n";

fn quoted(name: &str) -> String {
    if name.contains(' ') || name.is_empty() { format!("\"{name}\"") } else { name.to_owned() }
}

pub(super) fn get_request(name: &str) -> Vec<u8> {
    format!("GET {}\r\n", quoted(name)).into_bytes()
}

pub(super) fn delete_request(name: &str) -> Vec<u8> {
    format!("DELETE {}\r\n", quoted(name)).into_bytes()
}

pub(super) fn upload_request(name: &str, content: &[u8]) -> Vec<u8> {
    format!("UPLOAD {} {}\r\n", quoted(name), STANDARD.encode(content)).into_bytes()
}
