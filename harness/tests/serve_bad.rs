//! What bad input, bad clients and odd things in the served folder do to a file server: a clear reply, and it serves on.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may, and says why it skips")]

mod support;

use rustix::net::sockopt::set_socket_linger;
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::{fs::symlink, net::UnixListener},
    process::{Command, Stdio},
    time::Duration,
};
use support::{
    client::{Client, Wire, as_sent, bytes, raw_request},
    eventually,
    server::{MODELS, Model, PROCESSES, SINGLE, Server, THREADS, TOKIO, each},
};

const LONG: usize = 256;

fn long_name() -> String {
    "x".repeat(LONG)
}

/// Requests of the course's protocol that cannot be met, and what they are told.
fn bad_lines() -> Vec<(Vec<u8>, &'static str)> {
    let base64 = "the content is not base64";
    let lines: Vec<(String, &'static str)> = vec![
        ("HELLO".into(), "request tidak dikenali"),
        ("\0\u{1}\u{7f}".into(), "request tidak dikenali"),
        ("GETaway file".into(), "request tidak dikenali"),
        ("GET".into(), "a file name is missing"),
        ("DOWNLOAD ".into(), "a file name is missing"),
        ("DELETE".into(), "a file name is missing"),
        ("UPLOAD".into(), "a file name and its content are missing"),
        ("UPLOAD a".into(), "the content is missing"),
        ("LIST a".into(), "LIST takes nothing more"),
        ("GET a b".into(), "only one file name was expected"),
        ("GET 'a".into(), "a quote is not closed"),
        ("UPLOAD a QQ== QQ==".into(), "only a file name and its content were expected"),
        ("UPLOAD a Q".into(), base64),
        ("UPLOAD a QQ=".into(), base64),
        ("UPLOAD a QR==".into(), base64),
        ("UPLOAD a QQ==QUJD".into(), base64),
        ("UPLOAD a b'SGVs'".into(), base64),
        ("UPLOAD a QUJD\u{e9}".into(), base64),
        (format!("UPLOAD a {}*", "QUJD".repeat(200_000)), base64),
        ("GET ../secret".into(), "a name has no path in it"),
        ("GET /etc/passwd".into(), "a name has no path in it"),
        ("GET folder/file".into(), "a name has no path in it"),
        ("DELETE ../secret".into(), "a name has no path in it"),
        ("UPLOAD ../secret QQ==".into(), "a name has no path in it"),
        ("UPLOAD a\\\\b QQ==".into(), "a name has no path in it"),
        ("GET a\0b".into(), "a name has no path in it"),
        ("GET ..".into(), ".. is not a file"),
        ("GET .".into(), ". is not a file"),
        ("DELETE ..".into(), ".. is not a file"),
        ("UPLOAD .. QQ==".into(), ".. is not a file"),
        ("GET ''".into(), "the name is empty"),
        ("DELETE \"\"".into(), "the name is empty"),
        ("UPLOAD '' QQ==".into(), "the name is empty"),
        (format!("GET {}", long_name()), "the name has 256 bytes, and 255 are the most"),
        (format!("DELETE {}", long_name()), "the name has 256 bytes, and 255 are the most"),
        (format!("UPLOAD {} QQ==", long_name()), "the name has 256 bytes, and 255 are the most"),
        ("UPLOAD .ferrybench-1-1.part QQ==".into(), "names that begin with .ferrybench- are ours"),
        (format!("GET {}", "x".repeat(10_000)), "a request has at most 4096 bytes"),
        (format!("UPLOAD {} QQ==", "x".repeat(1 << 20)), "a request has at most 4096 bytes"),
        ("y".repeat(1 << 20), "a request has at most 4096 bytes"),
        ("GET gone".into(), "there is no file gone"),
        ("DELETE gone".into(), "there is no file gone"),
    ];
    let mut lines: Vec<(Vec<u8>, _)> =
        lines.into_iter().map(|(line, why)| (line.into_bytes(), why)).collect();
    lines.push((b"GET \xff\xfe".to_vec(), "the request is not UTF-8"));
    lines.push((b"DELETE \xff".to_vec(), "the request is not UTF-8"));
    lines.push((b"UPLOAD \xff QQ==".to_vec(), "the request is not UTF-8"));
    for (line, _) in &mut lines {
        line.extend_from_slice(b"\r\n");
    }
    lines
}

/// The same of HTTP, as far as the connection goes on.
fn bad_messages() -> Vec<(Vec<u8>, &'static str)> {
    let path = "a name has no path in it";
    let of = |verb: &str, target: &str, more: &str| {
        format!("{verb} {target} HTTP/1.1\r\nHost: x\r\n{more}\r\n").into_bytes()
    };
    vec![
        (of("POST", "/a", "Content-Length: 3\r\n\r\nabc"), "only GET, HEAD, PUT and DELETE are served"),
        (of("OPTIONS", "/a", ""), "only GET, HEAD, PUT and DELETE are served"),
        (of("get", "/a", ""), "only GET, HEAD, PUT and DELETE are served"),
        (of("GET", "a", ""), "the name makes no sense"),
        (of("GET", "*", ""), "the name makes no sense"),
        (of("GET", "/%zz", ""), "the name makes no sense"),
        (of("GET", "/%", ""), "the name makes no sense"),
        (of("GET", "/%ff", ""), "the name makes no sense"),
        (of("GET", "/..", ""), ".. is not a file"),
        (of("GET", "/%2e%2e", ""), ".. is not a file"),
        (of("GET", "/../secret", ""), path),
        (of("GET", "/..%2fsecret", ""), path),
        (of("GET", "//etc/passwd", ""), path),
        (of("GET", "/%2Fetc%2Fpasswd", ""), path),
        (of("GET", "/a%00b", ""), path),
        (of("DELETE", "/..%2fsecret", ""), path),
        (of("DELETE", "/", ""), "the name is empty"),
        (of("PUT", "/", "Content-Length: 0\r\n"), "the name is empty"),
        (of("PUT", "/..%2fsecret", "Content-Length: 3\r\n\r\nabc"), path),
        (of("GET", &format!("/{}", long_name()), ""), "the name has 256 bytes, and 255 are the most"),
        (of("GET", "/gone", ""), "there is no file gone"),
        (of("GET", "http://x/gone?a=b#c", ""), "there is no file gone"),
        (of("DELETE", "/gone", ""), "there is no file gone"),
        (of("GET", "/gone", "Content-Length: 3\r\n\r\nabc"), "there is no file gone"),
    ]
}

/// Messages of HTTP after which nothing can be understood: they are answered, and the connection ends.
#[test]
fn a_message_that_has_no_end_is_answered_at_the_end_of_its_connection() {
    let wire = Wire::Http;
    for model in MODELS {
        let server = Server::start(model, wire);
        let fields = format!("GET /a HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(100));
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000));
        let table: &[(&str, &str)] = &[
            ("hello\r\n\r\n", "this is no HTTP request: "),
            ("\0\u{1}\u{2}\r\n\r\n", "this is no HTTP request: "),
            ("GET /a HTTP/9.9\r\n\r\n", "this is no HTTP request: "),
            (&fields, "this is no HTTP request: "),
            (&long, "a head has at most 16384 bytes"),
            ("PUT /a HTTP/1.1\r\n\r\n", "an upload tells its Content-Length"),
            ("PUT /a HTTP/1.1\r\nContent-Length: x\r\n\r\n", "Content-Length makes no sense"),
            ("PUT /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "Content-Length makes no sense"),
            (
                "PUT /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                "Content-Length makes no sense",
            ),
            (
                "PUT /a HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "Content-Length makes no sense",
            ),
            ("PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "content in chunks is not taken"),
        ];
        for (message, why) in table {
            let mut client = server.client();
            client.send(message.as_bytes()).unwrap();
            let told = client.answer().unwrap_err();
            assert!(told.starts_with(why), "{message:?} is told {told:?}");
            client.eventually_ends();
        }
        assert_eq!((server.files(), server.client().list()), (vec![], Ok(vec![])));
    }
}

/// The same of the raw protocol.
fn bad_heads() -> Vec<(Vec<u8>, &'static str)> {
    let of = raw_request;
    vec![
        (of(0, b"a", 0), "there is no such operation"),
        (of(9, b"a", 5), "there is no such operation"),
        (of(255, &[b'x'; 255], u64::MAX), "there is no such operation"),
        (of(2, b"", 0), "the name is empty"),
        (of(3, b"", 5), "the name is empty"),
        (of(4, b"", 0), "the name is empty"),
        (of(2, b"..", 0), ".. is not a file"),
        (of(3, b"..", 5), ".. is not a file"),
        (of(2, b"../secret", 0), "a name has no path in it"),
        (of(3, b"../secret", 5), "a name has no path in it"),
        (of(4, b"../secret", 0), "a name has no path in it"),
        (of(2, b"/etc/passwd", 0), "a name has no path in it"),
        (of(2, b"a\0b", 0), "a name has no path in it"),
        (of(2, b"\xff", 0), "the name is not UTF-8"),
        (of(3, b"\xff", 5), "the name is not UTF-8"),
        (of(3, b".ferrybench-1-1.part", 5), "names that begin with .ferrybench- are ours"),
        (of(2, b"gone", 0), "there is no file gone"),
        (of(4, b"gone", 0), "there is no file gone"),
    ]
}

#[test]
fn a_bad_request_gets_a_clear_reply_and_the_connection_goes_on() {
    each(&MODELS, |model, wire| {
        let server = Server::start(model, wire);
        let secret = server.place.write("secret", "secret");
        let mut client = server.client();
        let requests = match wire {
            Wire::Course => bad_lines(),
            Wire::Raw => bad_heads(),
            Wire::Http => bad_messages(),
        };
        for (request, why) in requests {
            let shown = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
            client.send(&request).unwrap();
            let told = client.answer().expect_err(&shown);
            assert!(told.starts_with(why), "{shown:?} is told {told:?}");
            assert_eq!(server.files(), [""; 0], "{shown:?} leaves nothing");
        }
        assert_eq!(client.list().unwrap(), [""; 0]);
        assert_eq!(fs::read(secret).unwrap(), b"secret");
        // A name as long as they may be.
        let name = "n".repeat(255);
        client.put(&name, b"content").unwrap();
        assert_eq!(client.get(&name).unwrap(), b"content");
    });
}

#[test]
fn names_that_look_odd_are_names() {
    each(&MODELS, |model, wire| {
        let server = Server::start(model, wire);
        let mut client = server.client();
        let mut names = vec!["...", "-rf", "*.txt", "%2e%2e", "ünïcödé-文件", "a=b&c", "CON", ".hidden"];
        for name in &names {
            client.put(name, name.as_bytes()).unwrap();
        }
        names.sort_unstable();
        assert_eq!(client.list().unwrap(), names);
        for name in &names {
            assert_eq!(client.get(name).unwrap(), name.as_bytes());
            client.delete(name).unwrap();
        }
        assert_eq!(server.files(), [""; 0]);
    });
}

/// One worker, so that it must be free again for the next client.
fn alone(model: Model, wire: Wire, more: &[&str]) -> Server {
    let workers: &[&str] = if model.pool { &["--workers", "1"] } else { &[] };
    Server::with(model, wire, &[workers, more].concat())
}

/// A client that has sent half of an upload.
fn half_an_upload(server: &Server) -> Client {
    let content = bytes(1 << 20, 1);
    let mut client = server.client();
    client.begin_put("half", content.len()).unwrap();
    let sent = as_sent(server.wire, &content);
    client.send(&sent[..sent.len() / 2]).unwrap();
    client
}

#[test]
fn a_client_that_disappears_in_mid_upload_leaves_nothing_and_no_worker_waits() {
    each(&MODELS, |model, wire| {
        let server = alone(model, wire, &[]);
        for resets in [false, true] {
            let client = half_an_upload(&server);
            if resets {
                set_socket_linger(&client.stream, Some(Duration::ZERO)).unwrap();
            }
            drop(client);
            let mut next = server.client();
            next.put("next", b"content").unwrap();
            eventually("nothing but the next file is there", || server.files() == ["next"]);
            assert_eq!(next.list().unwrap(), ["next"]);
            drop(next);
        }
        // A reset may overtake what it follows: then there never was a request.
        let least = if wire == Wire::Course { 1 } else { 2 };
        eventually("they are told of", || server.log().matches("failed").count() >= least);
    });
}

/// A connection that is closed with unread input is reset, which can take back the reply that is under way.
#[test]
fn a_refused_upload_gets_its_reply_however_much_is_still_to_come() {
    for model in MODELS {
        let server = alone(model, Wire::Http, &[]);
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let content = bytes(24 << 20, 1);
        let head = format!("PUT /..%2Fout HTTP/1.1\r\nContent-Length: {}\r\n\r\n", content.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&content).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 400 "), "{}: {reply}", model.name);
        drop(stream);
        assert_eq!(server.client().list().unwrap(), [""; 0], "{}: a worker is free again", model.name);
    }
}

#[test]
fn a_client_that_disappears_in_mid_download_is_not_waited_for() {
    each(&MODELS, |model, wire| {
        let server = alone(model, wire, &[]);
        fs::write(server.path("large"), bytes(16 << 20, 1)).unwrap();
        let mut client = server.client();
        client.ask_get("large");
        eventually("the reply has begun", || client.has_answer());
        drop(client);
        assert_eq!(server.client().list().unwrap(), ["large"]);
        server.eventually_says("failed: ");
    });
}

#[test]
fn a_silent_client_loses_its_worker() {
    each(&MODELS, |model, wire| {
        let server = alone(model, wire, &["--idle", "3s"]);
        let mut in_a_request = half_an_upload(&server);
        in_a_request.eventually_ends();
        server.eventually_says("request failed: the peer was silent for 3 s");
        // One that says nothing at all.
        let mut mute = server.client();
        mute.eventually_ends();
        server.eventually_says("closed: the peer was silent for 3 s");
        assert_eq!(server.client().list().unwrap(), [""; 0]);
        assert_eq!(server.files(), [""; 0]);
    });
}

#[test]
fn a_slow_client_ends_at_its_deadline() {
    each(&MODELS, |model, wire| {
        let server = alone(model, wire, &["--deadline", "3s"]);
        let why = "request failed: the transfer took longer than 3 s";
        // Lively, but without an end.
        let mut trickle = server.client();
        trickle.begin_put("slow", 1 << 20).unwrap();
        eventually("a trickle is ended", || trickle.send(b"AAAA").is_err());
        server.eventually_says(why);
        drop(trickle);
        // Silent, although silence alone would be borne for longer.
        half_an_upload(&server).eventually_ends();
        eventually("the silent one is told of as well", || server.log().matches(why).count() == 2);
        // One that does not take what it has asked for.
        fs::write(server.path("large"), bytes(16 << 20, 1)).unwrap();
        let mut reader = server.client();
        reader.ask_get("large");
        eventually("the one who does not read is told of", || server.log().matches(why).count() == 3);
        assert_eq!(server.client().list().unwrap(), ["large"]);
        assert_eq!(server.files(), ["large"]);
    });
}

#[test]
fn links_and_what_is_no_file_are_not_served() {
    each(&MODELS, |model, wire| {
        let server = Server::start(model, wire);
        let outside = server.place.write("outside", "outside");
        let folder = server.place.path("folder");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("file"), "inside of a folder").unwrap();
        fs::write(server.path("file"), "content").unwrap();
        symlink("/etc/passwd", server.path("to-passwd")).unwrap();
        symlink("../outside", server.path("to-outside")).unwrap();
        symlink("../folder", server.path("to-folder")).unwrap();
        symlink("gone", server.path("dangling")).unwrap();
        symlink("file", server.path("to-file")).unwrap();
        symlink("loop", server.path("loop")).unwrap();
        fs::create_dir(server.path("sub")).unwrap();
        fs::write(server.path("sub").join("file"), "below").unwrap();
        nix::unistd::mkfifo(&server.path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _socket = UnixListener::bind(server.path("socket")).unwrap();

        let mut client = server.client();
        assert_eq!(client.list().unwrap(), ["file"]);
        for link in ["to-passwd", "to-outside", "to-folder", "dangling", "to-file", "loop"] {
            let why = format!("{link} is a link, and links are not followed");
            assert_eq!(client.get(link).unwrap_err(), why);
        }
        for odd in ["sub", "fifo", "socket"] {
            assert_eq!(client.get(odd).unwrap_err(), format!("{odd} is not a file"));
        }
        // An upload takes the place of a link, and does not go where it leads.
        client.put("to-outside", b"new").unwrap();
        client.put("fifo", b"new").unwrap();
        assert_eq!(client.get("to-outside").unwrap(), b"new");
        assert_eq!(fs::read(&outside).unwrap(), b"outside");
        // A folder stays.
        assert!(client.put("sub", b"new").is_err());
        assert_eq!(client.delete("sub").unwrap_err(), "sub is not a file");
        let _ = client.delete("to-folder");
        assert_eq!(fs::read(server.path("sub").join("file")).unwrap(), b"below");
        assert_eq!(fs::read(folder.join("file")).unwrap(), b"inside of a folder");
        assert_eq!(client.list().unwrap(), ["fifo", "file", "to-outside"]);
        assert!(!server.files().iter().any(|name| name.starts_with(".ferrybench")));
    });
}

/// Whether a small disk of one's own can be had here.
fn may_mount() -> bool {
    let script = "mount -t tmpfs tmpfs /mnt";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    if !may_mount() {
        println!("skipped: a small disk needs the right to mount");
        return;
    }
    each(&MODELS, |model, wire| {
        let script = "mount -t tmpfs -o size=1m tmpfs root && exec \"$@\"";
        let server = Server::under(&["unshare", "-m", "sh", "-c", script, "sh"], model, wire, &[]);
        let inside = format!("/proc/{}/root{}", server.pid(), server.path("").display());
        let files = || fs::read_dir(&inside).unwrap().count();
        let mut client = server.client();
        for _ in 0..2 {
            let told = client.put("large", &bytes(3 << 20, 1)).unwrap_err();
            assert_eq!(told, "No space left on device (os error 28)");
            eventually("nothing is left", || files() == 0);
        }
        // The same connection, and the same disk.
        let content = bytes(700_000, 2);
        client.put("small", &content).unwrap();
        assert!(client.get("small").unwrap() == content);
        assert_eq!((client.list().unwrap(), files()), (vec!["small".to_owned()], 1));
        server.eventually_says("upload failed: No space left on device");
    });
}

/// A folder that is gone, or that may not be written into, is a reply as well.
#[test]
fn a_limit_to_the_size_of_files_is_told_and_ends_nobody() {
    for model in [THREADS, PROCESSES, TOKIO] {
        let server = Server::under(&["prlimit", "--fsize=65536"], model, Wire::Raw, &[]);
        let why = server.client().put("large", &bytes(1 << 20, 1)).unwrap_err();
        assert!(why.contains("File too large"), "{}: {why}", model.name);
        server.client().put("small", b"content").unwrap();
        assert_eq!(server.files(), ["small"], "{}", model.name);
    }
}

#[test]
fn a_folder_that_is_gone_is_told() {
    for model in [SINGLE, THREADS, TOKIO] {
        for wire in support::client::WIRES {
            let server = Server::start(model, wire);
            fs::remove_dir(server.path("")).unwrap();
            // Another one in its place is another one.
            fs::create_dir(server.path("")).unwrap();
            fs::write(server.path("a"), "content").unwrap();
            assert_eq!(server.client().put("a", b"content").unwrap_err(), "the folder is gone");
            assert_eq!(server.client().list().unwrap_err(), "the folder is gone");
            assert_eq!(server.client().get("a").unwrap_err(), "there is no file a");
        }
    }
    let server = Server::start(PROCESSES, Wire::Course);
    fs::remove_dir(server.path("")).unwrap();
    server.client().eventually_ends();
    server.eventually_says("No such file or directory");
}
