//! How a file server begins and ends, what it does where something is lacking, and what it never needs.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may, and says why it skips")]

mod support;

use nix::sys::signal::Signal;
use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    time::Duration,
};
use support::{
    BINARY, Place,
    client::{Client, WIRES, Wire, as_sent, bytes},
    eventually, now, pause,
    server::{
        CONCURRENT, HANDOFF, MODELS, PROCESSES, REUSEPORT, SHARED, SINGLE, Server, THREAD_POOL, THREADS,
        TOKIO, cpu_ticks, each,
    },
    signal,
};

/// The refusal of a command line: exit code 2, and what it says.
fn refused(place: &Place, arguments: &[&str]) -> String {
    let words = [&["serve"], arguments].concat();
    let output = place.ferrybench(&words).assert().code(2).get_output().clone();
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap().trim_end().to_owned()
}

#[test]
fn what_cannot_be_served_is_one_sentence() {
    let place = Place::new();
    fs::create_dir(place.path("root")).unwrap();
    place.write("file", "");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let in_use = format!("{taken} cannot be listened on: Address already in use (os error 98)");
    let wrong = "--listen takes HOST:PORT, such as 127.0.0.1:6666, not";
    let table: &[(&[&str], &str)] = &[
        (&["--root", "gone"], "gone: No such file or directory (os error 2)"),
        (&["--root", "file"], "file: Not a directory (os error 20)"),
        (&["--root", "root", "--listen", &taken], &in_use),
        (
            &["--root", "root", "--model", "process-pool", "--accept", "reuseport", "--listen", &taken],
            &in_use,
        ),
        (
            &["--root", "root", "--model", "thread-pol"],
            "unknown server model \"thread-pol\"; did you mean \"thread-pool\"?",
        ),
        (
            &["--root", "root", "--model", "zzz"],
            "unknown server model \"zzz\"; `ferrybench list` shows what exists",
        ),
        (&["--root", "root", "--protocol", "cours"], "unknown protocol \"cours\"; did you mean \"course\"?"),
        (
            &["--root", "root", "--protocol", "zzz"],
            "unknown protocol \"zzz\"; `ferrybench list` shows what exists",
        ),
        (
            &["--root", "root", "--model", "single", "--workers", "3"],
            "single has no pool: leave --workers away",
        ),
        (
            &["--root", "root", "--model", "thread-per-connection", "--workers", "3"],
            "thread-per-connection has no pool: leave --workers away",
        ),
        (
            &["--root", "root", "--accept", "handoff"],
            "--accept handoff is for worker processes, and thread-pool has none",
        ),
        (&["--root", "root", "--listen", "6666"], wrong),
        (&["--root", "root", "--listen", "127.0.0.1"], wrong),
        (&["--root", "root", "--listen", "127.0.0.1:66666"], wrong),
        (&["--root", "root", "--listen", ""], wrong),
        (&["--root", "root", "--listen", "192.0.2.1:0"], "192.0.2.1:0 cannot be listened on: "),
    ];
    for (arguments, why) in table {
        let said = refused(&place, arguments);
        assert!(said.starts_with(&format!("ferrybench: {why}")), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    // What the parser of the command line refuses has its form: the first line says it.
    let table: &[(&[&str], &str)] = &[
        (&[], "error: the following required arguments were not provided:"),
        (
            &["--root", "root", "--workers", "0"],
            "error: invalid value '0' for '--workers <N>': 0 is not in 1..=10000",
        ),
        (&["--root", "root", "--workers", "many"], "error: invalid value 'many' for '--workers <N>'"),
        (&["--root", "root", "--accept", "share"], "error: invalid value 'share' for '--accept <HOW>'"),
        (&["--root", "root", "--idle", "0s"], "error: invalid value '0s' for '--idle <TIME>'"),
        (&["--root", "root", "--deadline", "soon"], "error: invalid value 'soon' for '--deadline <TIME>'"),
        (
            &["--root", "root", "--read-bytes", "1GiB"],
            "error: invalid value '1GiB' for '--read-bytes <SIZE>'",
        ),
    ];
    for (arguments, why) in table {
        let said = refused(&place, arguments);
        assert!(said.starts_with(why), "{arguments:?}: {said}");
    }
}

/// Two servers of `reuseport` would share a port, and each client meet either.
#[test]
fn a_port_is_not_shared_with_another_server() {
    let server = Server::start(REUSEPORT, Wire::Course);
    let place = Place::new();
    let listen = server.address.to_string();
    for accept in ["shared", "reuseport", "handoff"] {
        let words = ["--root", ".", "--model", "process-pool", "--accept", accept, "--listen", &listen];
        assert!(refused(&place, &words).ends_with("Address already in use (os error 98)"), "{accept}");
    }
    assert_eq!(server.client().list().unwrap(), [""; 0]);
}

/// The port can be had again at once, although connections of before linger.
#[test]
fn a_port_is_free_again_at_once() {
    let mut server = Server::start(THREAD_POOL, Wire::Course);
    let mut client = server.client();
    client.put("a", b"content").unwrap();
    signal(server.pid(), Signal::SIGKILL);
    client.eventually_ends();
    server.child.wait().unwrap();
    let listen = server.address.to_string();
    let again = Server::with(THREAD_POOL, Wire::Course, &["--listen", &listen]);
    assert_eq!(again.address, server.address);
    assert_eq!(again.client().list().unwrap(), [""; 0]);
}

/// What makes the rest of a command line run as an ordinary user.
const AS_NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

fn may_become_nobody() -> bool {
    let open =
        |path: &Path| fs::metadata(path).is_ok_and(|facts| facts.permissions().mode() & 0o005 == 0o005);
    let readable = Path::new(BINARY).ancestors().all(open);
    let output = Command::new(AS_NOBODY[0]).args(&AS_NOBODY[1..]).arg("true").output();
    readable && output.is_ok_and(|output| output.status.success())
}

#[test]
fn what_an_ordinary_user_may_not_do_is_told() {
    if !may_become_nobody() {
        println!("skipped: becoming another user needs root, and a binary that others can read");
        return;
    }
    let place = Place::new();
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(place.path("locked")).unwrap();
    fs::set_permissions(place.path("locked"), fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = place.command(AS_NOBODY[0]);
    command.args(&AS_NOBODY[1..]).args([BINARY, "serve", "--root", "locked", "--listen", "127.0.0.1:0"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "ferrybench: locked: Permission denied (os error 13)\n"
    );

    // A folder that may be read and not written into, with a file that may not be read.
    for model in [THREAD_POOL, SHARED, TOKIO] {
        for wire in WIRES {
            let script = "chmod 755 . root; echo content > root/open; echo secret > root/closed; chmod 600 root/closed; exec \"$@\"";
            let wrapper = [&["sh", "-c", script, "sh"], &AS_NOBODY[..]].concat();
            let server = Server::under(&wrapper, model, wire, &[]);
            let mut client = server.client();
            assert_eq!(client.list().unwrap(), ["closed", "open"]);
            assert_eq!(client.get("open").unwrap(), b"content\n");
            let denied = "Permission denied (os error 13)";
            assert_eq!(server.client().get("closed").unwrap_err(), denied);
            assert_eq!(server.client().put("new", b"content").unwrap_err(), denied);
            assert_eq!(server.client().delete("open").unwrap_err(), denied);
            assert_eq!(server.client().list().unwrap(), ["closed", "open"]);
        }
    }
}

/// Whether a process uses less than a third of a CPU over a while.
fn is_calm(pid: i32) -> bool {
    let (begun, before) = (now(), cpu_ticks(pid));
    pause(400);
    let used = Duration::from_millis(10) * (cpu_ticks(pid) - before) as u32;
    used < begun.elapsed() / 3
}

#[test]
fn a_lack_of_descriptors_is_survived_and_burns_nothing() {
    for model in [THREADS, PROCESSES] {
        for wire in WIRES {
            let server = Server::under(&["prlimit", "--nofile=24"], model, wire, &[]);
            let clients: Vec<Client> = (0..40).map(|_| server.client()).collect();
            eventually("it runs out of descriptors", || {
                let open = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
                open >= 23 || server.log().contains("Too many open files")
            });
            assert!(is_calm(server.pid()), "{model:?} burns a CPU");
            drop(clients);
            let content = bytes(100_000, 1);
            eventually(&format!("it serves again: {model:?} {wire:?}"), || {
                let mut client = server.client();
                client.put("a", &content).is_ok() && client.get("a").is_ok_and(|back| back == content)
            });
        }
    }
}

#[test]
fn too_few_descriptors_for_a_pool_are_a_sentence() {
    let start = |model, workers| {
        let arguments = ["--workers", workers];
        Server::try_under(&["prlimit", "--nofile=40"], model, Wire::Raw, &arguments)
    };
    for model in [THREAD_POOL, TOKIO] {
        let said = start(model, "7").err().unwrap();
        let why = "--workers 7 may need 44 descriptors, and the limit here is 40 (ulimit -n)";
        assert_eq!(said.trim_end(), format!("ferrybench: {why}"));
        // As many as are said to be possible can all be at work.
        let server = start(model, "6").unwrap();
        let half = bytes(50_000, 1);
        let mut clients: Vec<Client> = (0..6).map(|_| server.client()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.begin_put(&format!("file-{number}"), 100_000).unwrap();
            client.send(&half).unwrap();
        }
        for client in &mut clients {
            client.send(&half).unwrap();
            client.end_put().unwrap();
        }
        assert_eq!(server.files().len(), 6);
    }
    for model in [SHARED, HANDOFF, REUSEPORT] {
        let said = start(model, "30").err().unwrap();
        assert!(said.contains("Too many open files"), "{model:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_killed_worker_takes_nobody_with_it() {
    for model in [SHARED, REUSEPORT, HANDOFF] {
        for wire in WIRES {
            let mut server = Server::start(model, wire);
            let workers = server.workers();
            assert_eq!(workers.len(), 3);
            // With an upload in its hands.
            let mut client = server.taken_client();
            client.begin_put("half", 1 << 20).unwrap();
            client.send(&[b'A'; 1000]).unwrap();
            let holds = |pid: i32| {
                let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
                entries.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok()).any(|to| {
                    to.to_string_lossy().contains("/root/#") && to.to_string_lossy().ends_with("(deleted)")
                })
            };
            let mut victim = None;
            eventually("a worker has the upload", || {
                victim = workers.iter().copied().find(|pid| holds(*pid));
                victim.is_some()
            });
            signal(victim.unwrap(), Signal::SIGKILL);
            client.eventually_ends();
            eventually("the others serve all", || {
                (0..12).all(|number| {
                    let name = format!("file-{number}");
                    let mut client = server.client();
                    client.put(&name, b"content").is_ok()
                        && client.get(&name).is_ok_and(|back| back == b"content")
                })
            });
            assert_eq!((server.files().len(), server.workers().len()), (12, 2));
            assert!(is_calm(server.pid()), "{model:?}: the parent burns a CPU");
            // When there is nobody left, it says so.
            server.workers().iter().for_each(|pid| signal(*pid, Signal::SIGKILL));
            assert_eq!(server.ends().code(), Some(1));
            server.eventually_says(
                "ferrybench: the server could not go on: the file-worker worker was ended by SIGKILL",
            );
        }
    }
}

/// A client in the middle of an upload, and the rest of what it has to send.
fn in_mid_upload(server: &Server) -> (Client, Vec<u8>) {
    let content = bytes(200_000, 9);
    let mut client = server.taken_client();
    client.begin_put("upload", content.len()).unwrap();
    let mut sent = as_sent(server.wire, &content);
    let rest = sent.split_off(sent.len() / 2);
    client.send(&sent).unwrap();
    (client, rest)
}

#[test]
fn a_killed_server_leaves_no_process_and_no_file() {
    each(&MODELS, |model, wire| {
        let mut server = Server::start(model, wire);
        let (mut client, _) = in_mid_upload(&server);
        signal(server.pid(), Signal::SIGKILL);
        client.eventually_ends();
        server.child.wait().unwrap();
        eventually("no process is left", || server.place.processes().is_empty());
        assert_eq!(server.files(), [""; 0]);
    });
}

/// As a terminal's Ctrl-C does, the signal goes to the whole process group.
#[test]
fn a_signal_ends_it_and_what_is_under_way_is_finished() {
    each(&MODELS, |model, wire| {
        for which in [Signal::SIGINT, Signal::SIGTERM] {
            let mut server = Server::start(model, wire);
            let (mut client, rest) = in_mid_upload(&server);
            signal(-server.pid(), which);
            server.eventually_refuses();
            client.send(&rest).unwrap();
            client.end_put().unwrap();
            drop(client);
            assert_eq!(server.ends().code(), Some(0));
            assert!(fs::read(server.path("upload")).unwrap() == bytes(200_000, 9));
            eventually("no process is left", || server.place.processes().is_empty());
            server.eventually_says("Ended");
        }
    });
}

#[test]
fn a_second_signal_does_not_wait() {
    each(&MODELS, |model, wire| {
        let mut server = Server::start(model, wire);
        let (mut client, _) = in_mid_upload(&server);
        signal(server.pid(), Signal::SIGTERM);
        server.eventually_refuses();
        let asked = now();
        signal(server.pid(), Signal::SIGINT);
        assert_eq!(server.ends().code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(4), "it waited for the connection");
        server.eventually_says("Connections that were still under way are broken off.");
        client.eventually_ends();
        eventually("no process is left", || server.place.processes().is_empty());
        assert_eq!(server.files(), [""; 0]);
    });
}

/// A signal that comes as early as anybody can know of the server.
#[test]
fn a_signal_right_after_the_greeting_counts() {
    for model in MODELS {
        for _ in 0..5 {
            let mut server = Server::start(model, Wire::Course);
            signal(server.pid(), Signal::SIGTERM);
            assert_eq!(server.ends().code(), Some(0), "{model:?}");
        }
    }
}

#[test]
fn nobody_s_process_stays_after_its_connection() {
    let server = Server::start(PROCESSES, Wire::Course);
    for number in 0..10 {
        server.client().put(&format!("file-{number}"), b"content").unwrap();
    }
    // Dead ones that nobody has waited for would be there as well.
    let children = || {
        let path = format!("/proc/{0}/task/{0}/children", server.pid());
        fs::read_to_string(path).unwrap().split_whitespace().count()
            + fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap().count()
    };
    eventually("all are gone", || server.workers().is_empty() && children() <= 6);
}

/// Anonymous memory of all processes of a server, bytes.
fn anonymous(server: &Server) -> u64 {
    let of = |pid: i32| {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:").map(str::to_owned));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
    };
    server.place.processes().iter().map(|(pid, _)| of(*pid)).sum()
}

/// A file of 300 MiB in each direction, through one worker.
#[test]
fn memory_does_not_grow_with_the_file() {
    const PIECE: usize = 3 << 20;
    const PIECES: usize = 100;
    const MOST: u64 = 16 << 20;
    let piece = bytes(PIECE, 7);
    for model in [SINGLE, TOKIO] {
        for wire in WIRES {
            let arguments: &[&str] = if model.pool { &["--workers", "1"] } else { &[] };
            let server = Server::with(model, wire, arguments);
            let mut most = 0;
            let mut client = server.client();
            client.begin_put("large", PIECE * PIECES).unwrap();
            // Threes of bytes become fours of characters: pieces can be sent one by one.
            let mut sent = as_sent(wire, &piece);
            if wire == Wire::Course {
                sent.truncate(sent.len() - 2);
            }
            for _ in 0..PIECES {
                client.send(&sent).unwrap();
                most = most.max(anonymous(&server));
            }
            if wire == Wire::Course {
                client.send(b"\r\n").unwrap();
            }
            client.end_put().unwrap();
            assert_eq!(fs::metadata(server.path("large")).unwrap().len(), (PIECE * PIECES) as u64);

            client.ask_get("large");
            let length = PIECE * PIECES;
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nContent-Type: application/octet-stream\r\n\r\n"
            );
            let (before, after) = match wire {
                Wire::Course => (br#"{"status":"OK","data_namafile":"large","data_file":""#.len(), 6),
                Wire::Raw => (9, 0),
                Wire::Http => (head.len(), 0),
            };
            client.stream.read_exact(&mut vec![0; before]).unwrap();
            let mut back = vec![0; sent.len()];
            for _ in 0..PIECES {
                client.stream.read_exact(&mut back).unwrap();
                assert!(back == sent, "the content is another");
                most = most.max(anonymous(&server));
            }
            client.stream.read_exact(&mut vec![0; after]).unwrap();
            assert!(most < MOST, "{model:?} {wire:?} took {most} bytes");
            assert_eq!(client.list().unwrap(), ["large"]);
        }
    }
}

/// Whoever connects and never asks holds a worker, and no more than that.
#[test]
fn noise_on_the_port_harms_nobody() {
    each(&CONCURRENT, |model, wire| {
        let server = Server::start(model, wire);
        for seed in 0..20 {
            let mut client = server.client();
            let _ = client.stream.write_all(&bytes(10_000, seed));
        }
        eventually("it serves", || server.client().put("a", b"content").is_ok());
        assert_eq!(server.files().iter().filter(|name| name.starts_with(".ferrybench")).count(), 0);
    });
}
