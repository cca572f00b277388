//! The course protocol to the letter: what is sent, and what is said to every mistake.

use super::{LONGEST_LINE, LONGEST_REPLY};
use crate::{
    fileserver::{
        protocols::{
            Options, Request,
            tests::{OPTIONS, Shelves, only, row, shelves},
        },
        script::Side,
        session::{Finished, Tell},
    },
    shelf::Keep,
};
use ferrybench_data::fileserver::Operation;
use std::fs;

fn server(shelves: &Shelves, reads: &[usize]) -> Side {
    Side::new((row("course").server)(&shelves.server, OPTIONS), reads)
}

fn put(shelves: &Shelves, name: &str, content: &str) {
    fs::write(shelves.server.path().join(name), content).unwrap();
}

fn said(side: &Side) -> &str {
    str::from_utf8(&side.sent).unwrap()
}

/// What a server with the files `Notes.txt` ("ABC") and `my file` (nothing) answers, however the request is cut.
#[track_caller]
fn answers(request: impl AsRef<[u8]>, expected: &str) {
    for reads in [&[1][..], &[3, 7], &[1 << 16]] {
        let shelves = shelves(Keep::Files);
        put(&shelves, "Notes.txt", "ABC");
        put(&shelves, "my file", "");
        let mut server = server(&shelves, reads);
        server.hears(request.as_ref());
        let shown = String::from_utf8_lossy(&request.as_ref()[..request.as_ref().len().min(60)]).into_owned();
        assert_eq!(said(&server), format!("{expected}\r\n\r\n"), "{shown}");
        assert_eq!(server.finished().len(), 1, "{shown}");
        // The connection stays usable.
        let before = server.sent.len();
        server.hears(b"GET Notes.txt\r\n");
        let notes = r#"{"status":"OK","data_namafile":"Notes.txt","data_file":"QUJD"}"#;
        assert_eq!(&said(&server)[before..], format!("{notes}\r\n\r\n"), "{shown}");
        assert_eq!(server.told.iter().filter(|tell| **tell == Tell::Begun).count(), 2, "{shown}");
        server.hears_the_end();
        assert!(matches!(server.end, Some(Ok(()))));
        assert_eq!(shelves.at_server("a"), None);
    }
}

#[track_caller]
fn refuses(request: impl AsRef<[u8]>, why: &str) {
    answers(request, &format!(r#"{{"status":"ERROR","data":"{why}"}}"#));
}

#[test]
fn requests_are_answered_however_their_lines_end() {
    let list = r#"{"status":"OK","data":["Notes.txt","my file"]}"#;
    for request in ["LIST\r\n", "list\n", "LiSt \r\n", "\r\n\nLIST\r\n", "LIST\r\n\r\n"] {
        answers(request, list);
    }
    let empty = r#"{"status":"OK","data_namafile":"my file","data_file":""}"#;
    for request in ["GET \"my file\"\r\n", "download 'my file'\n", "Get my\\ file\r\n"] {
        answers(request, empty);
    }
    answers(
        "DELETE 'my file'\r\n",
        r#"{"status":"OK","message":"deleted my file","data":"deleted my file"}"#,
    );
}

#[test]
fn bad_requests_are_refused_and_the_connection_stays() {
    for request in ["HELLO\r\n", "  \r\n", "lists\n", "GETNotes.txt\n", "'\r\n", "\"GET x\r\n", "\0\r\n"] {
        refuses(request, "request tidak dikenali");
    }
    refuses("GET\r\n", "a file name is missing");
    refuses("DELETE  \n", "a file name is missing");
    refuses("GET a b\r\n", "only one file name was expected, and one with spaces needs quotes");
    refuses("DELETE a b\r\n", "only one file name was expected, and one with spaces needs quotes");
    refuses("LIST all\r\n", "LIST takes nothing more");
    refuses("GET \"a\r\n", "a quote is not closed");
    refuses("GET a\\\n", "a quote is not closed");
    refuses(b"GET \xff\xfe\r\n", "the request is not UTF-8");
    refuses(b"\xff\r\n", "the request is not UTF-8");
    refuses("GET notes.txt\r\n", "there is no file notes.txt");
    refuses("GET ../a\r\n", "a name has no path in it");
    refuses("GET ..\r\n", ".. is not a file");
    refuses("GET ''\r\n", "the name is empty");
    refuses(format!("GET {}\r\n", "a".repeat(256)), "the name has 256 bytes, and 255 are the most");
}

#[test]
fn bad_uploads_are_refused_at_the_end_of_their_line() {
    refuses("UPLOAD\r\n", "a file name and its content are missing");
    refuses("UPLOAD a\r\n", "the content is missing");
    refuses("UPLOAD a \n", "the content is missing");
    let many = "only a file name and its content were expected, and a name with spaces needs quotes";
    refuses("UPLOAD a QUJD REVG\r\n", many);
    refuses("UPLOAD my file QUJD\r\n", many);
    refuses("UPLOAD a \"QUJD\"REVG\r\n", many);
    refuses("UPLOAD a \"QUJD\r\n", "a quote is not closed");
    refuses("UPLOAD \"a QUJD\r\n", "a quote is not closed");
    for text in ["QUJDRE", "QUJDRE REVG", "Q", "\"QUJDR\""] {
        let why = "the content is not base64: its length is no multiple of four";
        refuses(format!("UPLOAD a {text}\r\n"), why);
    }
    for text in ["QQ==QUJD", "QQ==Q", "Q===", "QR==", "===="] {
        refuses(format!("UPLOAD a {text}\n"), "the content is not base64: its padding is wrong");
    }
    for text in ["b'QUJD'", "QU*D", "*", "QUJD\\n", "QUJDQUJD-_==", "\"QU JD\"", "QUJD\0", "QU\u{e9}D"] {
        let why = "the content is not base64: it has a character that base64 has not";
        refuses(format!("UPLOAD a {text}\r\n"), why);
    }
    refuses("UPLOAD ../a QUJD\r\n", "a name has no path in it");
    refuses("UPLOAD '' QUJD\r\n", "the name is empty");
    refuses(b"UPLOAD \xff QUJD\r\n", "the request is not UTF-8");
    refuses(
        format!("UPLOAD a QUJD*{}\n", "QUJD".repeat(9000)),
        "the content is not base64: it has a character that base64 has not",
    );
}

#[test]
fn a_line_has_an_end() {
    let why = "a request has at most 4096 bytes";
    refuses(format!("GET {}\r\n", "a".repeat(LONGEST_LINE - 3)), why);
    refuses(format!("GET {}\r\n", "a".repeat(50_000)), why);
    refuses(format!("{}\n", "x".repeat(LONGEST_LINE + 1)), why);
    refuses(format!("UPLOAD {} QUJD\r\n", "a".repeat(LONGEST_LINE)), why);
    refuses(format!("UPLOAD a{}QUJD\r\n", " ".repeat(LONGEST_LINE)), why);
    refuses(format!("UPLOAD \"{}\r\n", "a".repeat(LONGEST_LINE)), why);
    let longest = "the name has 4092 bytes, and 255 are the most";
    refuses(format!("GET {}\r\n", "a".repeat(LONGEST_LINE - 4)), longest);
    refuses(
        format!("GET {}{}\r\n", "a".repeat(256), " ".repeat(LONGEST_LINE - 260)),
        "the name has 256 bytes, and 255 are the most",
    );
}

#[test]
fn uploads_are_stored() {
    for (content, stored) in [
        ("QUJD", "ABC"),
        ("QQ==", "A"),
        ("\"QUJDQUI=\"", "ABCAB"),
        ("'QUJD' ", "ABC"),
        ("QUJD \t ", "ABC"),
        ("\"\"", ""),
        ("''", ""),
    ] {
        for (end, reads) in [("\r\n", &[1][..]), ("\n", &[5]), ("\r\n", &[1 << 16])] {
            let shelves = shelves(Keep::Files);
            let mut server = server(&shelves, reads);
            server.hears(format!("upload 'My File' {content}{end}").as_bytes());
            let message = format!("stored {} bytes", stored.len());
            assert_eq!(
                said(&server),
                format!("{{\"status\":\"OK\",\"data\":\"{message}\"}}\r\n\r\n"),
                "{content}"
            );
            assert_eq!(shelves.at_server("My File").unwrap(), stored.as_bytes());
            let bytes = stored.len() as u64;
            let expected = Finished { operation: Some(Operation::Upload), bytes, ..Finished::default() };
            assert_eq!(server.finished(), [&expected]);
        }
    }
}

#[test]
fn requests_may_come_in_one_segment() {
    let shelves = shelves(Keep::Files);
    let mut server = server(&shelves, &[1 << 16]);
    server.hears(b"UPLOAD a QUJD\r\nLIST\nGET a\r\nFOO\r\nUPLOAD b *\r\nDELETE a\r\nLIST\r\n");
    let replies: Vec<_> = said(&server).split_terminator("\r\n\r\n").collect();
    assert_eq!(
        replies,
        [
            r#"{"status":"OK","data":"stored 3 bytes"}"#,
            r#"{"status":"OK","data":["a"]}"#,
            r#"{"status":"OK","data_namafile":"a","data_file":"QUJD"}"#,
            r#"{"status":"ERROR","data":"request tidak dikenali"}"#,
            r#"{"status":"ERROR","data":"the content is not base64: it has a character that base64 has not"}"#,
            r#"{"status":"OK","message":"deleted a","data":"deleted a"}"#,
            r#"{"status":"OK","data":[]}"#,
        ]
    );
    assert_eq!(server.finished().len(), 7);
}

#[test]
fn silence_ends_a_request_but_no_upload() {
    let get = "{\"status\":\"OK\",\"data_namafile\":\"a\",\"data_file\":\"QUJD\"}\r\n\r\n";
    let unknown = "{\"status\":\"ERROR\",\"data\":\"request tidak dikenali\"}\r\n\r\n";
    for (request, expected) in [
        ("LIST", "{\"status\":\"OK\",\"data\":[\"a\"]}\r\n\r\n"),
        ("LIST\r", "{\"status\":\"OK\",\"data\":[\"a\"]}\r\n\r\n"),
        ("get a", get),
        ("DOWNLOAD a", get),
        ("HELLO", unknown),
        ("GET", "{\"status\":\"ERROR\",\"data\":\"a file name is missing\"}\r\n\r\n"),
        // What may become a request is waited for.
        ("LIS", ""),
        ("uploa", ""),
        ("UPLOAD", ""),
        ("UPLOAD a", ""),
        ("UPLOAD a QUJD", ""),
        ("UPLOAD a QUJD\r", ""),
        ("UPLOAD a QUJD*", ""),
    ] {
        for reads in [1, 64] {
            let shelves = shelves(Keep::Files);
            put(&shelves, "a", "ABC");
            let mut server = server(&shelves, &[reads]);
            server.hears(request.as_bytes());
            assert_eq!(said(&server), "", "{request}");
            server.hears_nothing();
            assert_eq!(said(&server), expected, "{request}");
            if !expected.is_empty() {
                // The line ending that comes late is no request.
                server.hears(b"\r\n");
                server.hears_nothing();
                server.hears(b"GET a");
                server.hears_nothing();
                assert_eq!(said(&server), format!("{expected}{get}"), "{request}");
            }
        }
    }
}

#[test]
fn the_end_of_the_stream_ends_a_request_but_no_upload() {
    let cut = "{\"status\":\"ERROR\",\"data\":\"the upload ended before its line did\"}\r\n\r\n";
    for (request, expected) in [
        ("", ""),
        ("\r\n", ""),
        ("LIST", "{\"status\":\"OK\",\"data\":[\"a\"]}\r\n\r\n"),
        ("DELETE a", "{\"status\":\"OK\",\"message\":\"deleted a\",\"data\":\"deleted a\"}\r\n\r\n"),
        ("LIS", "{\"status\":\"ERROR\",\"data\":\"request tidak dikenali\"}\r\n\r\n"),
        ("UPLOAD", cut),
        ("UPLOAD b", cut),
        ("UPLOAD b QUJD", cut),
        ("UPLOAD b \"QUJD\"", cut),
        ("UPLOAD b QUJD\r", cut),
        ("UPLOAD b QUJD ", cut),
    ] {
        let shelves = shelves(Keep::Files);
        put(&shelves, "a", "ABC");
        let mut server = server(&shelves, &[64]);
        server.hears(request.as_bytes());
        server.hears_the_end();
        assert_eq!(said(&server), expected, "{request}");
        assert!(matches!(server.end, Some(Ok(()))), "{request}");
        assert_eq!(shelves.at_server("b"), None);
    }
}

#[test]
fn a_download_is_written_in_pieces_of_one_length() {
    let shelves = shelves(Keep::Files);
    put(&shelves, "a", &"x".repeat(100));
    let head = r#"{"status":"OK","data_namafile":"a","data_file":""#.len();
    let end = b"\"}\r\n\r\n".len();
    for (piece, expected) in [
        (30, vec![head + 40, 40, 40, 16 + end]),
        (31, vec![head + 40, 40, 40, 16 + end]),
        (51, vec![head + 68, 68 + end]),
        (1 << 20, vec![head + 136 + end]),
    ] {
        let session = (row("course").server)(&shelves.server, Options { piece });
        let mut server = Side::new(session, &[64]);
        server.hears(b"GET a\r\n");
        assert_eq!(server.writes, expected);
    }
}

#[test]
fn small_requests_are_one_write() {
    let shelves = shelves(Keep::Files);
    let delete = Request::Delete { name: "my file".to_owned() };
    for (request, expected) in [
        (Request::List, "LIST\r\n"),
        (shelves.download("a.txt"), "GET a.txt\r\n"),
        (delete, "DELETE 'my file'\r\n"),
        (shelves.upload("a.txt", b"ABC"), "UPLOAD a.txt QUJD\r\n"),
        (shelves.upload("a.txt", b""), "UPLOAD a.txt \"\"\r\n"),
    ] {
        let mut client = Side::new((row("course").client)(request, OPTIONS), &[64]);
        client.hears(b"");
        assert_eq!((said(&client), client.writes.len()), (expected, 1));
    }
    let request = Request::Delete { name: "a\nLIST".to_owned() };
    let mut client = Side::new((row("course").client)(request, OPTIONS), &[64]);
    client.hears(b"");
    assert_eq!(only(&client).failure.unwrap(), "a name with a line end in it has no place in a line");
}

/// How a request ends that is answered so, however the answer is cut.
#[track_caller]
fn understands(request: impl Fn(&Shelves) -> Request, reply: &str, check: impl Fn(&Finished, &Shelves)) {
    for reads in [&[1][..], &[2, 3], &[1 << 16]] {
        let shelves = shelves(Keep::Files);
        let mut client = Side::new((row("course").client)(request(&shelves), OPTIONS), reads);
        client.hears(reply.as_bytes());
        client.hears_the_end();
        check(&only(&client), &shelves);
    }
}

#[track_caller]
fn downloads(reply: &str, content: &str) {
    let reply = format!("{reply}\r\n\r\n");
    understands(
        |shelves| shelves.download("Résumé.txt"),
        &reply,
        |finished, shelves| {
            assert_eq!(finished.failure, None, "{reply}");
            assert_eq!(finished.bytes, content.len() as u64);
            assert_eq!(fs::read_to_string(shelves.client.path().join("here")).unwrap(), content);
        },
    );
}

#[track_caller]
fn fails(reply: &str, why: &str) {
    understands(
        |shelves| shelves.download("a"),
        reply,
        |finished, shelves| {
            assert_eq!(finished.failure.as_deref(), Some(why), "{reply}");
            assert_eq!(shelves.client.names().unwrap(), [""; 0], "nothing stays");
        },
    );
}

#[test]
fn downloads_are_understood_however_they_are_written() {
    downloads(r#"{"status":"OK","data_namafile":"Résumé.txt","data_file":"QUJD"}"#, "ABC");
    downloads(
        r#"{"status": "OK", "data_namafile": "r\u00e9sum\u00e9.txt", "data_file": "QUJDQQ=="}"#,
        "ABCA",
    );
    downloads(
        "\n{ \"data_file\"\t:\r\n \"QUJD\" , \"other\":[{\"data_file\":\"?\"}],\n\"status\" : \"OK\" }",
        "ABC",
    );
    downloads(r#"{"status":"OK","data_file":"fn5\/fn5\u002f\u0051Q\u003d\u003D"}"#, "~~\u{7f}~~\u{7f}A");
    downloads(r#"{"x\"data_file":"?","y":"data_file","status":"OK","data_file":"QUJD"}"#, "ABC");
    downloads(r#"{"data_file":"QUJD","status":"OK","data":{"a":[1,true,null,"\\"]}}"#, "ABC");
}

#[test]
fn replies_that_are_wrong_are_told_in_one_sentence() {
    let end = "\r\n\r\n";
    fails(&format!(r#"{{"status":"ERROR","data":"there is no \"a\""}}{end}"#), "there is no \"a\"");
    fails(&format!(r#"{{"status":"ERROR","message":"gone"}}{end}"#), "gone");
    fails(&format!(r#"{{"status":"ERROR","data":7}}{end}"#), "the server answered ERROR without a reason");
    fails(&format!(r#"{{"status":"OK","data_namafile":"b","data_file":"QUJD"}}{end}"#), "asked for a, got b");
    fails(&format!(r#"{{"status":"OK","data_namafile":"a"}}{end}"#), "the reply has no data_file");
    fails(&format!(r#"{{"status":"OK","data_file":null}}{end}"#), "the reply has no data_file");
    fails(&format!(r#"{{"data_file":"QUJD"}}{end}"#), "the reply has no status");
    fails(
        &format!(r#"{{"status":"fine","data_file":"QUJD"}}{end}"#),
        "the status is \"fine\", neither OK nor ERROR",
    );
    fails(r#"{"data_file":"QUJD","data_file":"QUJD"}"#, "the reply has data_file twice");
    let bad = |why| format!("data_file is not base64: {why}");
    for text in ["QU*D", "QUJD\\n", "QUJD\\u000a", "QUJD\\u+00", "b'QUJD'", "QUJD\r\n\r\n"] {
        fails(&format!(r#"{{"data_file":"{text}"}}{end}"#), &bad("it has a character that base64 has not"));
    }
    fails(r#"{"data_file":"QQ==QUJD"}"#, &bad("its padding is wrong"));
    fails(r#"{"data_file":"QUJ"}"#, &bad("its length is no multiple of four"));
    fails(end, "the reply is empty");
    fails("", "the server closed without a reply");
    let reply = r#"{"status":"OK","data_file":"QUJD"}"#;
    for length in [1, 12, 29, reply.len()] {
        let why = format!("the server closed after {length} bytes, before the end of its reply");
        fails(&reply[..length], &why);
    }
    fails(&format!("{reply}\r\n\r"), "the server closed after 37 bytes, before the end of its reply");
    fails(
        &format!("{{\"status\":\"OK\" \"data_file\":1}}{end}"),
        "the reply is not JSON: expected `,` or `}` at line 1 column 16",
    );
    fails(
        &format!("{{\"status\":\"OK{end}"),
        "the reply is not JSON: EOF while parsing a string at line 1 column 13",
    );
    understands(
        |_| Request::List,
        "Hello\r\n\r\n",
        |finished, _| {
            let why = finished.failure.as_ref().unwrap();
            assert!(why.starts_with("the reply is not JSON: it begins with \"H"), "{why}");
        },
    );
    let long = format!(r#"{{"status":"{}"#, "x".repeat(LONGEST_REPLY + 70_000));
    understands(
        |shelves| shelves.download("a"),
        &long,
        |finished, _| {
            assert_eq!(finished.failure.as_deref(), Some("the reply is longer than 1048576 bytes"));
        },
    );
}

#[test]
fn lists_are_understood() {
    let reply = "{\"status\": \"OK\", \"data\": [\"a.txt\", \"\\u00e9 \\\"b\\\"\", \"data_file\"]}\r\n\r\n";
    understands(
        |_| Request::List,
        reply,
        |finished, _| {
            assert_eq!(finished.names, ["a.txt", "é \"b\"", "data_file"]);
            assert_eq!(finished.failure, None);
        },
    );
    for data in ["7", "\"a\"", "[1]", "{}"] {
        understands(
            |_| Request::List,
            &format!("{{\"status\":\"OK\",\"data\":{data}}}\r\n\r\n"),
            |finished, _| {
                assert_eq!(finished.failure.as_deref(), Some("data is not a list of names"));
            },
        );
    }
}
