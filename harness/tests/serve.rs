//! The file server does what it says, by every model and protocol, over real sockets.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::{collections::HashSet, fs, thread};
use support::{
    client::{Client, WIRES, Wire, as_sent, bytes, first_readable},
    eventually,
    server::{CONCURRENT, MODELS, REUSEPORT, SINGLE, Server, THREADS, TOKIO, WORKERS, each},
};

/// More than sockets hold on the way: a client that has read little of it has not read all.
const LARGE: usize = 16 << 20;

#[test]
fn files_come_back_as_they_went() {
    each(&MODELS, |model, wire| {
        let server = Server::start(model, wire);
        let mut client = server.client();
        for (seed, length) in [0, 1, 3, 65_537, 5 << 20].into_iter().enumerate() {
            let content = bytes(length, seed as u64);
            client.put("file.bin", &content).unwrap();
            assert_eq!(server.files(), ["file.bin"]);
            assert!(fs::read(server.path("file.bin")).unwrap() == content, "{length} bytes on disk");
            assert_eq!(client.list().unwrap(), ["file.bin"]);
            assert!(client.get("file.bin").unwrap() == content, "{length} bytes back");
            client.delete("file.bin").unwrap();
            assert_eq!(client.list().unwrap(), [""; 0]);
            assert_eq!(server.files(), [""; 0]);
        }
        server.eventually_says("upload ok, 65537 bytes");
    });
}

/// The verbs of the course have a twin, no case, quotes, and ends of line that its older clients leave away.
#[test]
fn the_course_s_own_clients_are_understood() {
    each(&MODELS, |model, wire| {
        if wire != Wire::Course {
            return;
        }
        let server = Server::start(model, wire);
        fs::write(server.path("My File.txt"), "content").unwrap();
        for request in [
            "GET 'My File.txt'\r\n",
            "download \"My File.txt\"\n",
            "Get My\\ File.txt\r\n",
            "GET \"My File.txt\"",
            "DOWNLOAD 'My File.txt'",
        ] {
            let mut client = server.client();
            client.send(request.as_bytes()).unwrap();
            assert_eq!(client.end_get().unwrap(), b"content", "{request:?}");
            // The same connection takes another.
            client.send(b"list").unwrap();
            assert_eq!(client.end_list().unwrap(), ["My File.txt"], "after {request:?}");
        }
    });
}

#[test]
fn several_requests_in_one_write_get_their_replies_in_order() {
    each(&MODELS, |model, wire| {
        let server = Server::start(model, wire);
        fs::write(server.path("a"), "A").unwrap();
        fs::write(server.path("b"), "B").unwrap();
        let mut client = server.client();
        for name in ["a", "gone", "b"] {
            client.ask_get(name);
        }
        client.ask_list();
        assert_eq!(client.end_get().unwrap(), b"A");
        assert_eq!(client.end_get().unwrap_err(), "there is no file gone");
        assert_eq!(client.end_get().unwrap(), b"B");
        assert_eq!(client.end_list().unwrap(), ["a", "b"]);
    });
}

#[test]
fn many_clients_at_once_all_get_theirs() {
    each(&MODELS, |model, wire| {
        let server = Server::start(model, wire);
        thread::scope(|scope| {
            for number in 0..20 {
                let server = &server;
                scope.spawn(move || {
                    let content = bytes(100_000 + number, number as u64);
                    let name = format!("file-{number}");
                    server.client().put(&name, &content).unwrap();
                    assert!(server.client().get(&name).unwrap() == content, "{name}");
                    server.client().delete(&name).unwrap();
                });
            }
        });
        assert_eq!(server.files(), [""; 0]);
    });
}

/// Clients that keep a worker by staying, and more that wait: as many have an answer as there are workers, and with
/// each that leaves one more gets its own.
#[test]
fn a_pool_serves_so_many_at_a_time() {
    each(&MODELS, |model, wire| {
        let server = Server::start(model, wire);
        let most = match model {
            model if model.pool => WORKERS,
            SINGLE => 1,
            _ => usize::MAX,
        };
        let mut waiting: Vec<Client> = (0..24).map(|_| server.client()).collect();
        waiting.iter_mut().for_each(Client::ask_list);
        let mut answered = Vec::new();
        let mut gone = 0;
        let mut seen_full = false;
        while !waiting.is_empty() {
            // Under `reuseport` a connection belongs to one worker, busy or not: one answer at least is there.
            let full = if model == REUSEPORT { 1 } else { most.min(answered.len() + waiting.len()) };
            while answered.len() < full {
                let mut client = waiting.swap_remove(first_readable(&waiting));
                client.end_list().unwrap();
                answered.push(client);
            }
            let all = answered.len() + waiting.iter().filter(|client| client.has_answer()).count();
            assert!(all <= most, "{all} were served at a time, after {gone} had left");
            seen_full |= all == most.min(24);
            drop(answered.pop());
            gone += 1;
        }
        assert!(seen_full || model == REUSEPORT || most > 24, "never were {most} served at a time");
    });
}

/// Under `reuseport` too, all workers are at work once enough clients are there.
#[test]
fn workers_with_sockets_of_their_own_are_all_at_work() {
    let server = Server::start(REUSEPORT, Wire::Raw);
    let mut clients: Vec<Client> = (0..64).map(|_| server.client()).collect();
    clients.iter_mut().for_each(Client::ask_list);
    eventually("every worker has answered", || {
        clients.iter().filter(|client| client.has_answer()).count() == WORKERS
    });
}

/// A client that has asked for a file, and whose reply has begun.
fn reader(server: &Server, name: &str) -> Client {
    let mut client = server.taken_client();
    client.ask_get(name);
    eventually("the reply has begun", || client.has_answer());
    client
}

#[test]
fn a_file_that_goes_away_in_mid_download_arrives_whole() {
    each(&CONCURRENT, |model, wire| {
        let server = Server::start(model, wire);
        let (old, new) = (bytes(LARGE, 1), bytes(1 << 20, 2));
        fs::write(server.path("file"), &old).unwrap();
        let mut first = reader(&server, "file");
        let mut other = server.taken_client();
        other.put("file", &new).unwrap();
        drop(other);
        let mut second = reader(&server, "file");
        server.taken_client().delete("file").unwrap();
        assert_eq!(server.files(), [""; 0]);
        assert!(first.end_get().unwrap() == old, "the old content, whole");
        assert!(second.end_get().unwrap() == new, "the new content, whole");
    });
}

/// Two uploads of one name, byte by byte in turns: whichever is complete last has it.
#[test]
fn of_two_uploads_of_one_name_the_last_wins_whole() {
    each(&CONCURRENT, |model, wire| {
        let server = Server::start(model, wire);
        let contents = [bytes(300, 3), bytes(420, 4)];
        for last in [0, 1] {
            let mut clients = [server.taken_client(), server.taken_client()];
            let mut rest = [0, 1].map(|which: usize| {
                clients[which].begin_put("same", contents[which].len()).unwrap();
                as_sent(wire, &contents[which]).into_iter()
            });
            // All but the last byte of each.
            while rest.iter().any(|rest| rest.len() > 1) {
                for which in [0, 1] {
                    if rest[which].len() > 1 {
                        clients[which].send(&[rest[which].next().unwrap()]).unwrap();
                    }
                }
            }
            for which in [1 - last, last] {
                let end: Vec<u8> = rest[which].by_ref().collect();
                clients[which].send(&end).unwrap();
                clients[which].end_put().unwrap();
                assert!(fs::read(server.path("same")).unwrap() == contents[which]);
            }
            assert_eq!(server.files(), ["same"]);
        }
    });
}

#[test]
fn whoever_downloads_while_others_upload_gets_one_of_theirs_whole() {
    each(&CONCURRENT, |model, wire| {
        let server = Server::start(model, wire);
        let contents: HashSet<Vec<u8>> = (10..14).map(|seed| bytes(200_000, seed)).collect();
        let first = contents.iter().next().unwrap();
        fs::write(server.path("same"), first).unwrap();
        thread::scope(|scope| {
            for content in &contents {
                scope.spawn(|| {
                    for _ in 0..5 {
                        server.client().put("same", content).unwrap();
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        assert!(contents.contains(&server.client().get("same").unwrap()), "it is mixed");
                    }
                });
            }
        });
        assert_eq!(server.files(), ["same"]);
    });
}

/// What the sizes of reads are must not matter to anybody.
#[test]
fn small_reads_bring_the_same() {
    for model in [THREADS, TOKIO] {
        for wire in WIRES {
            for read_bytes in ["1", "16", "51200", "16MiB"] {
                let server = Server::with(model, wire, &["--read-bytes", read_bytes]);
                let content = bytes(30_001, 5);
                let mut client = server.client();
                client.put("a", &content).unwrap();
                assert!(client.get("a").unwrap() == content, "{model:?} {wire:?} {read_bytes}");
            }
        }
    }
}

#[test]
fn a_quiet_server_says_nothing_of_requests() {
    let mut server = Server::with(SINGLE, Wire::Course, &["--quiet"]);
    server.client().put("a", b"content").unwrap();
    assert_eq!(server.client().get("gone").unwrap_err(), "there is no file gone");
    support::signal(server.pid(), nix::sys::signal::Signal::SIGTERM);
    assert_eq!(server.ends().code(), Some(0));
    server.eventually_says("Ended: 1 requests went well, 1 failed.");
    assert_eq!(server.log().lines().count(), 1, "{}", server.log());
}
