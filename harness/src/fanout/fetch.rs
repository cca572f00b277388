//! A file fetched over HTTP or HTTPS before it is sent.

use super::{books::spoken, told::Fetched};
use crate::{
    measure::clock,
    shelf::{self, Hasher, Shelf},
};
use ferrybench_data::fanout::OK;
use std::{
    env, fs,
    io::{self, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use ureq::{
    Agent,
    http::Response,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

/// What was fetched, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// How it went.
    pub fetched: Fetched,
    /// The file; `None` where there is none.
    pub file: Option<File>,
}

/// A file that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name, with an extension.
    pub name: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its hash, as hexadecimal digits.
    pub hash: String,
}

/// Piece in which content is read.
const PIECE: usize = 64 << 10;
/// Longest time of one fetch.
const LONGEST: Duration = Duration::from_secs(120);
/// What names a file of certificates, as for other programs: of those who vouch for HTTPS servers, instead of the public
/// authorities that are built in.
const AUTHORITIES: &str = "SSL_CERT_FILE";
/// Longest time until the server is reached.
const REACHED: Duration = Duration::from_secs(10);

/// Fetches a file into a folder, under this name, with an extension where it has none. A failure is part of what is returned, in one sentence.
pub fn fetch(url: &str, name: &str, into: &Path, limit_bytes: u64) -> Got {
    let start_ns = clock::now();
    let mut content_type = String::new();
    let got = get(url, name, into, limit_bytes, &mut content_type);
    let ended_ns = clock::now();
    let (outcome, file) = match got {
        Ok(file) => (OK.to_owned(), Some(file)),
        Err(error) => (error.to_string(), None),
    };
    Got { fetched: Fetched { url: url.to_owned(), content_type, start_ns, ended_ns, outcome }, file }
}

fn get(url: &str, name: &str, into: &Path, limit_bytes: u64, kind: &mut String) -> io::Result<File> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(io::Error::other(format!(
            "{url} is no HTTP address: it begins with http:// or https://"
        )));
    }
    let mut config = Agent::config_builder()
        .timeout_global(Some(LONGEST))
        .timeout_connect(Some(REACHED))
        .http_status_as_error(false);
    if let Some(path) = env::var_os(AUTHORITIES).filter(|_| url.starts_with("https://")) {
        let root_certs = authorities(Path::new(&path))?;
        config = config.tls_config(TlsConfig::builder().root_certs(root_certs).build());
    }
    let agent: Agent = config.build().into();
    let cannot = |why: &dyn std::fmt::Display| io::Error::other(format!("{url} cannot be fetched: {why}"));
    let reply = agent.get(url).call().map_err(|error| cannot(&words(&error)))?;
    if !reply.status().is_success() {
        return Err(cannot(&format_args!("the server answered {}", reply.status())));
    }
    let said = |name: &str| header(&reply, name);
    *kind = said("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if said("content-length").parse().is_ok_and(|length: u64| length > limit_bytes) {
        return Err(cannot(&format_args!("it is larger than {limit_bytes} bytes")));
    }
    let name = with_extension(name, url, kind);
    let shelf = Arc::new(Shelf::open(into, shelf::Keep::Files, None)?);
    let mut incoming = shelf.put(&name)?;
    let mut hasher = Hasher::new();
    let mut content = reply.into_body().into_reader();
    let mut piece = vec![0; PIECE];
    loop {
        let read = match content.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => return Err(cannot(&error)),
        };
        if incoming.length() + read as u64 > limit_bytes {
            return Err(cannot(&format_args!("it is larger than {limit_bytes} bytes")));
        }
        incoming.write(&piece[..read]).map_err(|error| io::Error::other(spoken(&error)))?;
        hasher.update(&piece[..read]);
    }
    let bytes = incoming.length();
    incoming.finish()?;
    Ok(File { path: into.join(&name), name, bytes, hash: hasher.finalize().to_hex() })
}

/// The certificates of a file.
fn authorities(path: &Path) -> io::Result<RootCerts> {
    let cannot = |why: String| io::Error::other(format!("{AUTHORITIES} names {}: {why}", path.display()));
    let text = fs::read(path).map_err(|error| cannot(error.to_string()))?;
    let certificates: Vec<_> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(cannot("there is no certificate in it".to_owned()));
    }
    Ok(certificates.into())
}

fn header<B>(reply: &Response<B>, name: &str) -> String {
    reply.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// An error in words without the names of its types.
fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::ConnectionFailed => "nobody answers there".to_owned(),
        ureq::Error::Timeout(_) => "it took too long".to_owned(),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "nobody answers there".to_owned()
        }
        ureq::Error::BadUri(_) => "it is no address".to_owned(),
        ureq::Error::Io(error) if error.to_string().contains("certificate") => format!(
            "nobody whom this host trusts vouches for the server ({error}); {AUTHORITIES} can name a file of those who do"
        ),
        ureq::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// The name that a fetched file gets: as it was told; with the extension of the address, or of the type that the server
/// says it is, where the name has none.
fn with_extension(name: &str, url: &str, kind: &str) -> String {
    if extension(name).is_some() {
        return name.to_owned();
    }
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let of_type = match kind {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/svg+xml" => "svg",
        "text/plain" => "txt",
        "text/html" => "html",
        "application/pdf" => "pdf",
        "application/json" => "json",
        "application/zip" => "zip",
        _ => "bin",
    };
    let has_known_type = of_type != "bin";
    let found = if has_known_type { of_type } else { extension(last).unwrap_or(of_type) };
    format!("{name}.{found}")
}

fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let is_one =
        (1..=5).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_one && !stem.is_empty()).then_some(extension)
}

/// The name of a file behind an address: the last part of its path.
pub fn name_of(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let last = path.split_once('/').map_or("", |(_, rest)| rest).rsplit('/').next().unwrap_or_default();
    if shelf::check(last).is_ok() { last.to_owned() } else { "file".to_owned() }
}

/// The address of a file that a server holds under its name, whatever is in that.
pub fn address_of(server: SocketAddr, name: &str) -> String {
    let mut address = format!("http://{server}/");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            address.push(byte.into());
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io::Write, net::TcpListener, thread};

    /// A server that gives one answer; its address.
    fn serve(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = peer.read(&mut request).unwrap();
            let _ = peer.write_all(&answer);
        });
        format!("http://{address}/pictures/ferry?size=2")
    }

    fn answer(head: &str, content: &[u8]) -> Vec<u8> {
        [format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes(), content].concat()
    }

    #[test]
    fn a_file_is_fetched_with_its_type_and_hash() {
        let folder = tempfile::tempdir().unwrap();
        let url = serve(answer("200 OK\r\nContent-Type: image/png; x=y\r\nContent-Length: 5", b"12345"));
        let got = fetch(&url, &name_of(&url), folder.path(), 5);
        assert_eq!((got.fetched.outcome.as_str(), got.fetched.content_type.as_str()), (OK, "image/png"));
        assert!(got.fetched.ended_ns > got.fetched.start_ns);
        let file = got.file.unwrap();
        assert_eq!((file.name.as_str(), file.bytes), ("ferry.png", 5));
        assert_eq!(file.hash, shelf::hash(&mut &b"12345"[..]).unwrap().to_hex());
        assert_eq!(fs::read(file.path).unwrap(), b"12345");
    }

    #[test]
    fn a_failure_is_one_sentence_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            (serve(answer("404 Not Found\r\nContent-Length: 0", b"")), "answered 404 Not Found"),
            (serve(answer("200 OK\r\nContent-Length: 6", b"123456")), "larger than 5 bytes"),
            (serve(answer("200 OK", b"123456789")), "larger than 5 bytes"),
            (serve(answer("200 OK\r\nContent-Length: 5", b"12")), "cannot be fetched"),
            ("http://127.0.0.1:1/a".to_owned(), "nobody answers there"),
            ("ftp://host/a".to_owned(), "no HTTP address"),
        ];
        for (url, why) in cases {
            let got = fetch(&url, &name_of(&url), folder.path(), 5);
            assert!(got.fetched.outcome.contains(why), "{}", got.fetched.outcome);
            assert!(!got.fetched.outcome.contains('\n') && got.file.is_none());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_address_holds_any_name() {
        let server = SocketAddr::from(([10, 0, 0, 1], 80));
        assert_eq!(address_of(server, "a-b_c~1.png"), "http://10.0.0.1:80/a-b_c~1.png");
        assert_eq!(address_of(server, "a b?#%é"), "http://10.0.0.1:80/a%20b%3F%23%25%C3%A9");
    }

    #[test]
    fn names_get_an_extension_where_they_have_none() {
        assert_eq!(with_extension("a.png", "http://h/b.gif", "image/jpeg"), "a.png");
        assert_eq!(with_extension("a", "http://h/b.gif", "image/jpeg"), "a.jpg");
        assert_eq!(with_extension("a", "http://h/b.gif?c.d", "what/ever"), "a.gif");
        assert_eq!(with_extension("a", "http://h.org/", ""), "a.bin");
        assert_eq!(name_of("https://h.org/x/y.png?z=/w"), "y.png");
        assert_eq!((name_of("https://h.org").as_str(), name_of("https://h.org/").as_str()), ("file", "file"));
    }
}
