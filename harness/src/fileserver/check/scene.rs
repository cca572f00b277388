//! What the cases share: the server, what is known of it, and the files that the check has put there.

use super::{
    Diagnosis, Kind, Stop, Verdict, concurrency, content, fault, skip,
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
    /// It came without a line ending only: a server that keeps line endings has no such file otherwise.
    unended: bool,
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
    /// Nothing of LIST's reply could be used, so that only LIST itself is worth trying.
    unreadable: bool,
    /// How long a request may take whose ending the server may not know.
    ending_patience: Duration,
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
            unreadable: false,
            ending_patience: PATIENCE,
        };
        let Ok(reply) = scene.exchange(b"LIST\r\n") else {
            scene.no_uploads = Some("LIST got no proper reply, so nothing was uploaded".to_owned());
            scene.unreadable = true;
            return scene;
        };
        scene.listed = reply.names().unwrap_or_default();
        scene.kind = scene.find_kind();
        let name = scene.fresh_name();
        match scene.exchange(&upload_request(&name, &content::text(57, 1))) {
            Ok(reply) if reply.ok => scene.fixture = scene.fetch_fixture(&name),
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
            Ok(_) => {
                wire.until = after(Duration::from_millis(500));
                if wire.reply().is_ok() { Kind::Original } else { Kind::Course }
            }
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
        let ended = self.fetch(name);
        let unended = ended.is_err();
        let content = ended.or_else(|_| {
            let reply = self.exchange(get_request(name).trim_ascii_end())?;
            content::of_reply(&reply)
        });
        let content = content.ok()?;
        (content.len() <= LARGE_BYTES).then(|| Fixture { name: name.to_owned(), content, unended })
    }

    // What a case asks before it begins

    /// Starts the count of connections anew, or says why no case can be tried any more.
    pub(super) fn begin_case(&mut self, case: &str) -> Result<(), String> {
        self.most_open = 1;
        if case == concurrency::LAST {
            return Ok(());
        }
        if let Some((case, _)) = &self.gone {
            return Err(format!("the server has not answered since `{case}`"));
        }
        if clock::now() > self.end {
            return Err(format!("the check's {} s were used up", BUDGET.as_secs()));
        }
        if self.unreadable && !case.starts_with("list-") {
            return Err("no reply to LIST could be read".to_owned());
        }
        Ok(())
    }

    pub(super) fn needs_uploads(&self) -> Verdict {
        self.no_uploads.as_ref().map_or(Ok(()), |why| Err(skip(why.clone())))
    }

    pub(super) fn has_uploads(&self) -> bool {
        self.no_uploads.is_none()
    }

    /// A file that can be fetched with one line ending or another.
    pub(super) fn fixture_of_any_ending(&self) -> Result<Fixture, Stop> {
        self.fixture.clone().ok_or_else(|| skip("there is no file that can be fetched with GET"))
    }

    /// A file that can be fetched.
    pub(super) fn fixture(&self) -> Result<Fixture, Stop> {
        let fixture = self.fixture_of_any_ending()?;
        if fixture.unended { Err(skip("GET with CR LF sends no file")) } else { Ok(fixture) }
    }

    /// Says that a case holds that many connections open.
    pub(super) fn opens(&mut self, connections: usize) {
        self.most_open = self.most_open.max(connections);
    }

    /// How long to wait for a reply to a request whose ending the server may not know.
    pub(super) fn ending_patience(&self) -> Duration {
        self.ending_patience
    }

    /// One ending is not known; the next that is not need not take as long.
    pub(super) fn lose_patience(&mut self) {
        self.ending_patience = Duration::from_millis(1500);
    }

    /// Looks whether the server is still there after a failed case. What a case saw of a server that died is not what is
    /// wrong with it: returns what is.
    pub(super) fn look_after(&mut self, case: &str, diagnosis: Diagnosis) -> Diagnosis {
        if let Some((_, diagnosis)) = self.gone {
            return diagnosis;
        }
        let mut probe = self.exchange(b"LIST\r\n");
        if matches!(&probe, Err(Ending::Closed(received)) if received.is_empty()) {
            // It may be about to end.
            clock::pause(Duration::from_millis(200));
            probe = self.exchange(b"LIST\r\n");
        }
        let diagnosis = match probe {
            Err(Ending::Refused(_)) if self.most_open > 1 => Diagnosis::DiesUnderLoad,
            Err(Ending::Refused(_)) => Diagnosis::Dies,
            Err(Ending::Silence(received)) if received.is_empty() => diagnosis,
            _ => return diagnosis,
        };
        self.gone = Some((case.to_owned(), diagnosis));
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
        self.fresh(".txt")
    }

    /// Such a name with an ending of its own.
    pub(super) fn fresh(&mut self, ending: &str) -> String {
        self.count += 1;
        let name = format!("{}{}{ending}", prefix(), self.count);
        self.mine(&name);
        name
    }

    /// Such a name of that many bytes.
    pub(super) fn fresh_of(&mut self, length: usize) -> String {
        self.count += 1;
        let stem = format!("{}{}-", prefix(), self.count);
        let name = format!("{stem}{}.txt", "x".repeat(length - stem.len() - ".txt".len()));
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

    /// Whether GET says that there is no such file. Servers that hide their errors send an empty one.
    pub(super) fn lacks(&self, name: &str) -> Result<bool, Stop> {
        let reply = self.exchange(&get_request(name))?;
        Ok(!reply.ok || reply.text("data_file") == Some(""))
    }

    /// Expects what was uploaded; `others` went to the same server under other names.
    pub(super) fn expect(&mut self, name: &str, expected: &[u8], others: &[&[u8]]) -> Verdict {
        let got = self.fetch_uploaded(name, &[&[expected], others].concat())?;
        content::compare(expected, &got, others)
    }

    /// What GET sends of a file that was uploaded, with one of these contents.
    pub(super) fn fetch_uploaded(&mut self, name: &str, contents: &[&[u8]]) -> Result<Vec<u8>, Stop> {
        let mut wire = self.open()?;
        wire.until = after(LONG_PATIENCE);
        let reply = wire.ask(&get_request(name))?;
        if reply.ok { content::of_reply(&reply) } else { Err(self.lost(name, contents, &reply)) }
    }

    /// Where an upload went that was answered with `OK` and is not there.
    fn lost(&mut self, name: &str, contents: &[&[u8]], reply: &Reply) -> Stop {
        if self.exchange(get_request(name).trim_ascii_end()).is_ok_and(|unended| unended.ok) {
            return fault(
                Diagnosis::KeepsLineEnding,
                format!("GET without a line ending works, with CR LF {}", reply.excerpt()),
            );
        }
        let names = self.names().unwrap_or_default();
        let mine = |name: &str| self.mine.iter().any(|mine| mine == name);
        let new = |name: &&String| !mine(name) && !self.listed.contains(*name);
        let suspects: Vec<String> =
            names.iter().filter(new).take(4).cloned().chain([PUBLISHED_NAME.to_owned()]).collect();
        for name in suspects {
            if self.fetch(&name).is_ok_and(|content| contents.contains(&&content[..])) {
                if !self.listed.contains(&name) {
                    self.mine(&name);
                }
                return fault(Diagnosis::OneNameForAll, format!("the content lies in `{name}`"));
            }
        }
        fault(Diagnosis::CopiesSuccess, format!("UPLOAD said OK, then GET: {}", reply.excerpt()))
    }

    /// Deletes what the check has put there; what remains is returned, as a pattern where nobody says what does.
    pub(super) fn clean_up(&mut self) -> Vec<String> {
        let until = after(Duration::from_secs(10));
        let mine = std::mem::take(&mut self.mine);
        let answers = |request: &[u8]| {
            Wire::open(&self.target, soon().min(until)).and_then(|mut wire| wire.ask(request))
        };
        let names = || answers(b"LIST\r\n").ok().and_then(|reply| reply.names());
        for name in &mine {
            if self.gone.is_some()
                || matches!(answers(&delete_request(name)), Err(Ending::Refused(_) | Ending::Silence(_)))
            {
                break;
            }
        }
        let Some(listed) = names() else {
            return if mine.is_empty() { mine } else { vec![format!("{}*", prefix())] };
        };
        let left: Vec<String> = mine.into_iter().filter(|name| listed.contains(name)).collect();
        // A server that keeps line endings deletes without one.
        let deleted =
            |name: &String| answers(delete_request(name).trim_ascii_end()).is_ok_and(|reply| reply.ok);
        if !left.first().is_some_and(deleted) {
            return left;
        }
        left.into_iter().skip(1).filter(|name| !deleted(name)).collect()
    }
}

/// How the names of the check's files begin.
fn prefix() -> String {
    format!("ferrybench-check-{}-", std::process::id())
}

/// Where a published server puts every upload.
const PUBLISHED_NAME: &str = "hasil.txt";

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
