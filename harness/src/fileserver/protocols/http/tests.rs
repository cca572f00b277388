//! HTTP as others speak it.

use crate::{
    fileserver::{
        protocols::{
            Request,
            tests::{OPTIONS, Shelves, only, row, shelves},
        },
        script::Side,
        session::{Finished, Tell},
    },
    shelf::Keep,
};
use std::fs;

fn server(shelves: &Shelves, reads: &[usize]) -> Side {
    fs::write(shelves.server.path().join("my file"), "ABC").unwrap();
    Side::new((row("http").server)(&shelves.server, OPTIONS), reads)
}

const CUTS: [&[usize]; 3] = [&[1], &[7, 30], &[1 << 16]];

/// What a server with the file `my file` ("ABC") answers, however the request is cut, and whether it then closes.
#[track_caller]
fn answers(request: &str, expected: &str, closes: bool) {
    for reads in CUTS {
        let shelves = shelves(Keep::Files);
        let mut server = server(&shelves, reads);
        server.hears(request.as_bytes());
        let said = String::from_utf8_lossy(&server.sent).into_owned();
        assert_eq!(said, expected.replace('\n', "\r\n").replace("\\r\r\n", "\n"), "{request}");
        assert_eq!((server.finished().len(), server.end.is_some()), (1, closes), "{request}");
        if !closes {
            let before = server.sent.len();
            server.hears(b"GET /my%20file HTTP/1.1\r\n\r\n");
            assert!(server.sent[before..].ends_with(b"\r\n\r\nABC"), "{request}");
        }
        server.hears_the_end();
        assert!(matches!(server.end, Some(Ok(()))), "{request}");
    }
}

/// A refusal: status line without its beginning, further fields, and the sentence.
#[track_caller]
fn refuses(request: &str, status: &str, why: &str, closes: bool) {
    let length = why.len() + 1;
    let allow = if status.starts_with("405") { "Allow: GET, HEAD, PUT, DELETE\n" } else { "" };
    let close = if closes { "Connection: close\n" } else { "" };
    let kind = "Content-Type: text/plain; charset=utf-8";
    let expected = format!("HTTP/1.1 {status}\nContent-Length: {length}\n{kind}\n{allow}{close}\n{why}\\r\n");
    answers(request, &expected, closes);
}

const FILE: &str = "HTTP/1.1 200 OK\nContent-Length: 3\nContent-Type: application/octet-stream\n";

#[test]
fn files_and_names_are_served() {
    answers("GET /my%20file HTTP/1.1\r\nHost: x\r\n\r\n", &format!("{FILE}\nABC"), false);
    answers("\r\nGET /my%20%66ile?x=/y HTTP/1.1\nHost: x\n\n", &format!("{FILE}\nABC"), false);
    answers("GET http://host:80/my%20file HTTP/1.1\r\n\r\n", &format!("{FILE}\nABC"), false);
    answers("HEAD /my%20file HTTP/1.1\r\n\r\n", &format!("{FILE}\n"), false);
    answers("GET /my%20file HTTP/1.0\r\n\r\n", &format!("{FILE}Connection: close\n\nABC"), true);
    let closing = "GET /my%20file HTTP/1.1\r\nconnection: foo, Close\r\n\r\n";
    answers(closing, &format!("{FILE}Connection: close\n\nABC"), true);
    let list = "HTTP/1.1 200 OK\nContent-Length: 11\nContent-Type: application/json\n";
    answers("GET / HTTP/1.1\r\n\r\n", &format!("{list}\n[\"my file\"]"), false);
    answers("HEAD / HTTP/1.1\r\n\r\n", &format!("{list}\n"), false);
}

#[test]
fn bad_requests_are_refused() {
    refuses("GET /a HTTP/1.1\r\n\r\n", "404 Not Found", "there is no file a", false);
    refuses("DELETE /a HTTP/1.1\r\n\r\n", "404 Not Found", "there is no file a", false);
    refuses("GET /../a HTTP/1.1\r\n\r\n", "400 Bad Request", "a name has no path in it", false);
    refuses("GET /a%2fb HTTP/1.1\r\n\r\n", "400 Bad Request", "a name has no path in it", false);
    refuses("GET /%2e%2E HTTP/1.1\r\n\r\n", "400 Bad Request", ".. is not a file", false);
    for target in ["/%f", "/%+1", "/%ff", "*"] {
        let request = format!("GET {target} HTTP/1.1\r\n\r\n");
        refuses(&request, "400 Bad Request", "the name makes no sense", false);
    }
    let only = "only GET, HEAD, PUT and DELETE are served";
    refuses("POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", "405 Method Not Allowed", only, false);
    let length = "an upload tells its Content-Length";
    refuses("PUT /a HTTP/1.1\r\n\r\n", "411 Length Required", length, true);
    let chunks = "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    refuses(chunks, "501 Not Implemented", "content in chunks is not taken", true);
    for length in ["x", "+1", "-1", "", "1, 1", "99999999999999999999", "1\r\nContent-Length: 1"] {
        let request = format!("PUT /a HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        refuses(&request, "400 Bad Request", "Content-Length makes no sense", true);
    }
    refuses("PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", "400 Bad Request", "the name is empty", false);
    let waiting = "PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    refuses(waiting, "400 Bad Request", "the name is empty", true);
    let large = format!("PUT / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", 9 << 20);
    refuses(&large, "400 Bad Request", "the name is empty", true);
    let head = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(20_000));
    refuses(&head, "431 Request Header Fields Too Large", "a head has at most 16384 bytes", true);
    let shelves = shelves(Keep::Files);
    let mut server = server(&shelves, &[64]);
    server.hears(b"\x16\x03\x01\x02\x00\r\n\r\n");
    assert!(server.sent.starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
    assert_eq!(server.finished()[0].failure.as_deref(), Some("this is no HTTP request: invalid token"));
}

#[test]
fn uploads_are_stored() {
    let put = "PUT /a HTTP/1.1\r\nContent-Length: 2\r\n";
    for (request, expected) in [
        (format!("{put}\r\nhi"), "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
        (
            format!("{put}Expect: 100-continue\r\n\r\nhi"),
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "PUT /my%20file HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "HTTP/1.1 204 No Content\r\n\r\n",
        ),
        ("DELETE /my%20file HTTP/1.1\r\n\r\n".to_owned(), "HTTP/1.1 204 No Content\r\n\r\n"),
    ] {
        for reads in CUTS {
            let shelves = shelves(Keep::Files);
            let mut server = server(&shelves, reads);
            server.hears(request.as_bytes());
            assert_eq!(String::from_utf8_lossy(&server.sent), expected);
            assert_eq!(server.finished()[0].failure, None);
            if request.contains("/a") {
                assert_eq!(shelves.at_server("a").unwrap(), b"hi");
            }
        }
    }
}

/// How a request ends that is answered so, however the answer is cut.
#[track_caller]
fn understands(request: impl Fn(&Shelves) -> Request, reply: &str, check: impl Fn(&Finished, &Shelves)) {
    for reads in CUTS {
        let shelves = shelves(Keep::Files);
        let mut client = Side::new((row("http").client)(request(&shelves), OPTIONS), reads);
        client.hears(reply.replace('\n', "\r\n").as_bytes());
        client.hears_the_end();
        check(&only(&client), &shelves);
    }
}

#[test]
fn downloads_are_understood_however_they_are_framed() {
    for reply in [
        "HTTP/1.1 200 OK\nContent-Length: 6\n\nABCDEF",
        "HTTP/1.0 200 OK\nServer: x\n\nABCDEF",
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nABC\n3;x=y\nDEF\n0\nX: y\n\n",
        "HTTP/1.1 103 Early Hints\nLink: x\n\nHTTP/1.1 200 OK\ncontent-length:6\n\nABCDEF",
    ] {
        understands(
            |shelves| shelves.download("a"),
            reply,
            |finished, shelves| {
                assert_eq!((&finished.failure, finished.bytes), (&None, 6), "{reply}");
                assert_eq!(fs::read_to_string(shelves.client.path().join("here")).unwrap(), "ABCDEF");
            },
        );
    }
}

#[test]
fn replies_that_are_wrong_are_told_in_one_sentence() {
    for (reply, why) in [
        ("HTTP/1.1 404 Not Found\nContent-Type: text/plain\n\ngone\n", "404 Not Found: gone"),
        ("HTTP/1.1 404 Not Found\nContent-Length: 5\n\n<p>no", "the server answered 404 Not Found"),
        ("HTTP/1.1 204 No Content\n\n", "the server answered 204 No Content"),
        ("HTTP/1.1 500\n\n", "the server answered 500"),
        ("HTTP/1.1 200 OK\nContent-Length: 6\n\nABC", "the server closed after 3 of 6 bytes of content"),
        ("HTTP/1.1 200 OK\nContent-Le", "the server closed in the middle of its reply"),
        ("HTTP/1.1 100 Continue\n\n", "the server closed in the middle of its reply"),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: gzip\n\n", "the content is gzip, and that is not understood"),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nx", "a chunk of the reply has no length"),
        (
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\nab",
            "a chunk of the reply is longer than it says",
        ),
        (
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\n",
            "the server closed in the middle of its reply",
        ),
        ("HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2\n\n", "Content-Length makes no sense"),
        ("", "the server closed without a reply"),
    ] {
        understands(
            |shelves| shelves.download("a"),
            reply,
            |finished, shelves| {
                assert_eq!(finished.failure.as_deref(), Some(why), "{reply}");
                assert_eq!(shelves.client.names().unwrap(), [""; 0], "nothing stays");
            },
        );
    }
    understands(
        |_| Request::List,
        "hello",
        |finished, _| {
            let why = finished.failure.as_ref().unwrap();
            assert!(why.starts_with("the reply is not HTTP") && why.contains("it begins with \"h"), "{why}");
        },
    );
}

#[test]
fn lists_of_other_servers_are_understood() {
    for reply in [
        "HTTP/1.1 200 OK\nContent-Type: application/json\n\n[\"a b\",\"c\"]",
        "HTTP/1.1 200 OK\n\n[{\"name\":\"a b\",\"type\":\"file\"},{\"name\":\"d\",\"type\":\"directory\"},{\"name\":\"c\"}]",
        "HTTP/1.0 200 OK\nContent-Type: Text/HTML; charset=utf-8\n\n<a href=\"../\">..</a><a href=\"a%20b\">a b</a><a href=\"d/\">d</a><a href=\"c\">c</a><a href=\"?C=N\">",
    ] {
        understands(
            |_| Request::List,
            reply,
            |finished, _| {
                assert_eq!(
                    (&finished.failure, &finished.names[..]),
                    (&None, &["a b".to_owned(), "c".to_owned()][..])
                );
            },
        );
    }
}

#[test]
fn an_upload_waits_for_the_go_ahead_but_not_for_ever() {
    let shelves = shelves(Keep::Files);
    let upload = |name| Side::new((row("http").client)(shelves.upload(name, b"content"), OPTIONS), &[64]);
    let mut client = upload("a b");
    client.hears(b"");
    let head = "PUT /a%20b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&client.sent), head);
    client.hears(b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(client.sent.len(), head.len() + 7);
    assert_eq!(client.told, [Tell::Begun]);
    client.hears(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((only(&client).failure, only(&client).bytes), (None, 7));

    let mut client = upload("b");
    client.hears(b"");
    client.hears_nothing();
    assert!(client.sent.ends_with(b"\r\n\r\ncontent"));
    client.hears_nothing();
    client.hears(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!((only(&client).failure, only(&client).bytes), (None, 7));
    assert!(client.sent.ends_with(b"\r\n\r\ncontent"));

    for (reply, why) in [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "the server answered 403 Forbidden"),
        (
            "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
            "the server answered 201 before it had the content",
        ),
    ] {
        let mut client = upload("c");
        client.hears(reply.as_bytes());
        assert_eq!(only(&client).failure.as_deref(), Some(why));
        assert!(!client.sent.ends_with(b"content"));
    }
}

#[test]
fn a_name_s_extension_is_told_as_a_content_type() {
    for (name, kind) in [("a.jpg", "image/jpeg"), ("a.PNG", "image/png"), ("jpg", "application/octet-stream")]
    {
        let shelves = shelves(Keep::Files);
        let mut server = server(&shelves, &[64]);
        fs::write(shelves.server.path().join(name), "ABC").unwrap();
        server.hears(format!("GET /{name} HTTP/1.1\r\n\r\n").as_bytes());
        let said = String::from_utf8_lossy(&server.sent);
        assert!(said.contains(&format!("\r\nContent-Type: {kind}\r\n")), "{said}");
    }
}
