//! Made-up rounds, and what they come to.

use super::*;
use crate::{
    fileserver::{
        conduct::There,
        drivers::Limits,
        store::{self, Store},
    },
    process::afar::Rendezvous,
};
use ferrybench_data::{
    family::{Family, Source},
    fileserver::FileServer,
};

const SOURCE: &str = "the hash of the source";
const VOLUME: u64 = 1000;
const MS: u64 = 1_000_000;

fn job(operation: Operation, protocol: &str) -> Job {
    let spec = Spec {
        operation,
        volume_bytes: VOLUME,
        protocol: protocol.into(),
        client_pool: 2,
        server_pool: 2,
        ..Spec::default()
    };
    Job {
        spec,
        leg: None,
        tag: "tag".into(),
        store: Store { folder: "/nowhere".into() },
        sources: BTreeMap::from([(VOLUME, store::Source { whole: SOURCE.to_owned(), rest: String::new() })]),
        limits: Limits::default(),
        there: None,
        server_root: None,
        files: None,
    }
}

/// A transfer from a port, which begins so many milliseconds after the clock's zero and takes 100.
fn done(port: u16, started_ms: u64) -> Done {
    Done {
        started_ns: started_ms * MS,
        connected_ns: Some((started_ms + 10) * MS),
        begun_ns: Some((started_ms + 30) * MS),
        ended_ns: (started_ms + 100) * MS,
        port,
        bytes: VOLUME,
        pid: 10,
        tid: u32::from(port),
        ..Done::default()
    }
}

fn failed(done: Done, why: &str) -> Done {
    Done { bytes: 400, failure: Some(why.to_owned()), ..done }
}

/// A round whose barrier was released then.
fn round(released_ms: u64, workers: Vec<Result<Vec<Done>, String>>) -> Round<Done> {
    Round { released_ns: released_ms * MS, workers, used: Usage::default(), processes: Vec::new() }
}

/// What a worker says that took connections from these ports at those milliseconds.
fn told(worker: u32, taken: &[(u16, u64)]) -> Told {
    let connections =
        taken.iter().map(|&(port, ms)| Taken { port, taken_ns: ms * MS, hash: None }).collect::<Vec<_>>();
    let ok = connections.len() as u64;
    Told { worker, pid: 20, tid: worker, ok, bytes: ok * VOLUME, connections, ..Told::default() }
}

fn report(workers: Vec<Told>) -> Report {
    Report { workers, processes: vec![ProcessUse::default()] }
}

fn after() -> Vec<Sighting> {
    vec![Sighting::Content(Verified::After)]
}

type Judged = (Evidence, Vec<TransferRow>, Option<String>);

fn judge(job: &Job, rounds: Vec<(Round<Done>, Vec<Vec<Sighting>>)>, told: Report) -> Judged {
    let mut seen = Seen::new(&job.spec, 0.5);
    for (round, sightings) in rounds {
        seen.add(round, ProcessUse::default(), sightings);
    }
    let (evidence, rows, failure, _) = seen.judge(job, &Ok(told));
    (evidence, rows, failure)
}

fn outcomes(rows: &[TransferRow]) -> Vec<&str> {
    rows.iter().map(|row| row.outcome.as_str()).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn sound_rounds_prove_themselves() {
    let job = job(Operation::Download, "raw");
    let rounds = vec![
        (round(0, vec![Ok(vec![done(1, 0)]), Ok(vec![done(2, 50)])]), vec![after(), after()]),
        (round(1000, vec![Ok(vec![done(3, 1000)]), Ok(vec![done(4, 1020)])]), vec![after(), after()]),
    ];
    let server = report(vec![told(1, &[(1, 10), (4, 1030)]), told(2, &[(2, 60), (3, 1010)])]);
    let (seen, rows, failure) = judge(&job, rounds, server);
    assert_eq!(FileServer::audit(&job.spec, &seen), [""; 0]);
    assert_eq!((outcomes(&rows), failure), (vec![OK; 4], None));
    let places: Vec<_> = rows.iter().map(|row| (row.round, row.client, row.transfer, row.worker)).collect();
    assert_eq!(places, [(1, 1, 1, Some(1)), (1, 2, 1, Some(2)), (2, 1, 1, Some(2)), (2, 2, 1, Some(1))]);
    // From each release to the last byte of the last client.
    assert!(close(seen.elapsed_s, 0.150 + 0.120), "{}", seen.elapsed_s);
    assert!(close(seen.client_mean_s, (0.100 + 0.150 + 0.100 + 0.120) / 4.0), "{}", seen.client_mean_s);
    assert!(close(seen.client_max_s, 0.150) && close(seen.barrier_skew_s, 0.050));
    assert!(close(seen.client_wait_mean_s.unwrap(), 0.020) && close(seen.client_connect_mean_s, 0.010));
    assert!(close(seen.client_service_mean_s.unwrap(), 0.070));
    assert!(close(seen.aggregate_bytes_per_s, 4000.0 / 0.270) && close(seen.operations_per_s, 4.0 / 0.270));
    assert_eq!((seen.bytes_expected, seen.bytes_client, seen.bytes_server), (4000, 4000, Some(4000)));
    assert_eq!((seen.client_processes, seen.client_threads, seen.server_processes), (1, 4, Some(1)));
    assert_eq!((seen.busiest_transfers, seen.servers_ok, seen.servers_idle), (Some(2), Some(2), Some(0)));
}

#[test]
fn a_server_on_another_clock_is_joined_all_the_same() {
    let job = job(Operation::Upload, "raw");
    let rounds =
        || vec![(round(0, vec![Ok(vec![done(1, 0)]), Ok(vec![done(2, 50)])]), vec![after(), after()])];
    let server = |ahead_ms: u64| report(vec![told(1, &[(1, ahead_ms + 12)]), told(2, &[(2, ahead_ms + 65)])]);
    let hour_ms = 3_600_000;
    let same = judge(&job, rounds(), server(0));
    assert_eq!(same.1.iter().map(|row| row.worker).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(judge(&job, rounds(), server(hour_ms).on_a_clock_behind((hour_ms * MS) as i64)), same);
    let unknown = judge(&job, rounds(), server(hour_ms));
    assert!(unknown.1.iter().all(|row| row.worker.is_none()), "an hour away is no match");
    // An offset that is wrong by more than a transfer takes is made up for by its bound.
    let late = || server(hour_ms).on_a_clock_behind(((hour_ms - 200) * MS) as i64);
    assert!(judge(&job, rounds(), late()).1.iter().all(|row| row.worker.is_none()));
    let there = |bound_ns| There {
        control: Rendezvous { at: ([10, 0, 0, 2], 1).into(), token: 0 },
        address: [10, 0, 0, 2].into(),
        store: job.store.clone(),
        ahead_ns: 0,
        bound_ns,
    };
    let bounded = Job { there: Some(there(200 * MS)), ..job.clone() };
    let known = judge(&bounded, rounds(), late()).1;
    assert_eq!(known.iter().map(|row| row.worker).collect::<Vec<_>>(), [Some(1), Some(2)]);
}

#[test]
fn wrong_content_fails_its_transfer_and_counts_no_bytes() {
    let job = job(Operation::Download, "raw");
    let rounds = vec![(
        round(0, vec![Ok(vec![done(1, 0)]), Ok(vec![done(2, 0)])]),
        vec![after(), vec![Sighting::wrong_content()]],
    )];
    let (seen, rows, failure) = judge(&job, rounds, report(vec![told(1, &[(1, 10)]), told(2, &[(2, 10)])]));
    assert_eq!(outcomes(&rows), [OK, "the content is not the source's"]);
    assert_eq!(failure.unwrap(), "1 of 2 transfers failed: the content is not the source's (1)");
    assert_eq!((rows[1].bytes, rows[1].bytes_verified, seen.bytes_verified), (VOLUME, 0, VOLUME));
    assert_eq!((seen.clients_ok, seen.clients_failed, seen.transfers_ok), (1, 1, 1));
    // Times are of those that ended well.
    assert!(close(seen.client_mean_s, 0.100));
}

#[test]
fn a_dead_worker_is_a_failed_client_and_the_others_count() {
    let job = job(Operation::Download, "raw");
    let how = "the client-worker worker was ended by SIGKILL";
    let mut seen = Seen::new(&job.spec, 0.0);
    seen.add(
        round(0, vec![Ok(vec![done(1, 0)]), Err(how.to_owned())]),
        ProcessUse::default(),
        vec![after(), Vec::new()],
    );
    assert!(seen.has_failed());
    let (seen, rows, failure, _) = seen.judge(&job, &Ok(report(vec![told(1, &[(1, 10)]), told(2, &[])])));
    assert_eq!(outcomes(&rows), [OK, how]);
    assert_eq!(failure.unwrap(), format!("1 of 2 transfers failed: {how} (1)"));
    assert_eq!((seen.clients_ok, seen.clients_failed, seen.transfers_ok), (1, 1, 1));
    assert_eq!((seen.servers_ok, seen.servers_idle), (Some(1), Some(1)));
    // A worker that fails once has failed, whatever it does in other rounds.
    assert!(!FileServer::audit(&job.spec, &seen).is_empty());
}

#[test]
fn a_dead_server_worker_counts_as_failed() {
    let job = job(Operation::Download, "raw");
    let dead = Told { worker: 2, pid: 21, failed: 1, failure: Some("killed".into()), ..Told::default() };
    let rounds = vec![(
        round(0, vec![Ok(vec![done(1, 0)]), Ok(vec![failed(done(2, 0), "reset")])]),
        vec![after(), vec![Sighting::Nothing]],
    )];
    let (seen, rows, failure) = judge(&job, rounds, report(vec![told(1, &[(1, 10)]), dead]));
    assert_eq!((seen.servers_ok, seen.servers_failed, seen.servers_idle), (Some(1), Some(1), Some(0)));
    assert_eq!((rows[1].worker, rows[1].bytes), (None, 400));
    assert_eq!(failure.unwrap(), "1 of 2 transfers failed: reset (1)");
}

#[test]
fn a_server_that_tells_nothing_fails_the_row() {
    let job = job(Operation::Download, "raw");
    let rounds = vec![(round(0, vec![Ok(vec![done(1, 0)]), Ok(vec![done(2, 0)])]), vec![after(), after()])];
    let gone = Err(io::Error::other("the serve worker is gone"));
    let mut before = Seen::new(&job.spec, 0.0);
    for (round, looked) in rounds {
        before.add(round, ProcessUse::default(), looked);
    }
    let (seen, rows, failure, _) = before.judge(&job, &gone);
    assert_eq!(failure.unwrap(), "the server: the serve worker is gone");
    assert_eq!((seen.servers_ok, seen.bytes_server, rows[0].worker), (None, None, None));
}

#[test]
fn a_port_that_comes_again_is_told_apart_by_time() {
    let job = job(Operation::Download, "raw");
    // The same two ports, a fifth of a second later, served by the other worker each.
    let rounds = vec![
        (round(0, vec![Ok(vec![done(1, 0)]), Ok(vec![done(2, 0)])]), vec![after(), after()]),
        (round(200, vec![Ok(vec![done(1, 200)]), Ok(vec![done(2, 200)])]), vec![after(), after()]),
    ];
    for turned in [false, true] {
        let mut of_one = vec![(1, 10), (2, 210)];
        let mut of_two = vec![(2, 10), (1, 210)];
        if turned {
            of_one.reverse();
            of_two.reverse();
        }
        let rounds = rounds.clone();
        let (seen, rows, _) = judge(&job, rounds, report(vec![told(1, &of_one), told(2, &of_two)]));
        let workers: Vec<_> = rows.iter().map(|row| row.worker).collect();
        assert_eq!(workers, [Some(1), Some(2), Some(2), Some(1)]);
        assert_eq!(FileServer::audit(&job.spec, &seen), [""; 0]);
    }
    // A connection of long ago is nobody's.
    let late = vec![(round(5000, vec![Ok(vec![done(1, 5000)])]), vec![after()])];
    let (_, rows, _) = judge(&job, late, report(vec![told(1, &[(1, 10)])]));
    assert_eq!(rows[0].worker, None);
}

#[test]
fn the_wait_of_an_upload_ends_when_a_worker_takes_it() {
    // Where the protocol answers an upload at its end only, the server tells when it began; else the reply does.
    for (protocol, wait_s) in [("course", 0.050), ("raw", 0.020)] {
        let job = job(Operation::Upload, protocol);
        let rounds =
            vec![(round(0, vec![Ok(vec![done(1, 0)]), Ok(vec![done(2, 0)])]), vec![after(), after()])];
        let server = report(vec![told(1, &[(1, 60)]), told(2, &[(2, 60)])]);
        let (seen, rows, _) = judge(&job, rounds, server);
        assert!(close(rows[0].wait_s.unwrap(), wait_s), "{protocol}: {rows:?}");
        assert!(close(rows[0].service_s.unwrap(), 0.090 - wait_s));
        assert_eq!(FileServer::audit(&job.spec, &seen), [""; 0]);
    }
}

#[test]
fn the_server_s_hashes_count_where_content_was_not_kept() {
    let job = job(Operation::Upload, "raw");
    let by_server = || vec![vec![Sighting::ByTheServer], vec![Sighting::ByTheServer]];
    let sent = || round(0, vec![Ok(vec![done(1, 0)]), Ok(vec![done(2, 0)])]);
    let hashed = |first: Option<&str>, second: Option<&str>| {
        let mut workers = vec![told(1, &[(1, 10)]), told(2, &[(2, 10)])];
        workers[0].connections[0].hash = first.map(str::to_owned);
        workers[1].connections[0].hash = second.map(str::to_owned);
        report(workers)
    };
    let (seen, rows, failure) = judge(&job, vec![(sent(), by_server())], hashed(Some(SOURCE), Some(SOURCE)));
    assert_eq!((outcomes(&rows), failure, seen.verified), (vec![OK; 2], None, Verified::Inside));
    assert_eq!(FileServer::audit(&job.spec, &seen), [""; 0]);
    let (seen, rows, failure) =
        judge(&job, vec![(sent(), by_server())], hashed(Some(SOURCE), Some("another")));
    assert_eq!(outcomes(&rows), [OK, "the content is not the source's"]);
    assert!(failure.is_some() && !FileServer::audit(&job.spec, &seen).is_empty());
    let (seen, rows, _) = judge(&job, vec![(sent(), by_server())], hashed(Some(SOURCE), None));
    assert_eq!(outcomes(&rows), [OK, UNVERIFIED]);
    assert_eq!(seen.bytes_verified, VOLUME);
    assert!(!FileServer::audit(&job.spec, &seen).is_empty());
}

#[test]
fn failures_are_summed_up_with_the_most_frequent_first() {
    let job = job(Operation::Download, "raw");
    let bad = |port, why| failed(done(port, 0), why);
    let workers = vec![
        Ok(vec![bad(1, "refused"), bad(2, "reset"), done(3, 0)]),
        Ok(vec![bad(4, "reset"), bad(5, "late"), bad(6, "reset")]),
    ];
    let sightings = (0..2).map(|_| (0..3).map(|_| Sighting::Content(Verified::After)).collect()).collect();
    let (seen, rows, failure) =
        judge(&job, vec![(round(0, workers), sightings)], report(vec![told(1, &[(3, 10)])]));
    assert_eq!(failure.unwrap(), "5 of 6 transfers failed: reset (3); late (1); refused (1)");
    assert_eq!((rows.len(), seen.transfers_ok, seen.clients_failed), (6, 1, 2));
    // Nobody is left to take a mean over.
    assert_eq!((seen.client_mean_s, seen.client_throughput_bytes_per_s), (0.0, 0.0));
}

#[test]
fn what_nobody_could_look_at_is_unverified() {
    let job = job(Operation::Upload, "raw");
    let rounds = vec![(
        round(0, vec![Ok(vec![done(1, 0)]), Ok(vec![done(2, 0)])]),
        vec![after(), vec![Sighting::Unverified]],
    )];
    let (seen, rows, failure) = judge(&job, rounds, report(vec![told(1, &[(1, 10)]), told(2, &[(2, 10)])]));
    assert_eq!((outcomes(&rows), failure), (vec![OK, UNVERIFIED], None));
    assert_eq!((seen.verified, seen.bytes_verified), (Verified::Unverified, VOLUME));
    let why = "nobody could look at the content that arrived";
    assert_eq!(FileServer::audit(&job.spec, &seen), [why]);
}

#[test]
fn somebody_else_s_server_leaves_its_columns_blank() {
    let mut job = job(Operation::Download, "raw");
    (job.spec.source, job.spec.server_pool) = (Source::Foreign, 0);
    let mut seen = Seen::new(&job.spec, 0.0);
    seen.add(
        round(0, vec![Ok(vec![done(1, 0)]), Ok(vec![done(2, 0)])]),
        ProcessUse::default(),
        vec![after(), after()],
    );
    let (seen, rows, failure, _) = seen.judge_outside(&job);
    assert_eq!((failure, rows[0].worker), (None, None));
    assert_eq!((seen.servers_ok, seen.servers_failed, seen.servers_idle), (None, None, None));
    assert_eq!((seen.server_transfers_ok, seen.bytes_server, seen.server_processes), (None, None, None));
    assert_eq!((seen.server_cpu_s, seen.client_cpu_share, seen.server_peak_rss_bytes), (None, None, None));
    assert_eq!(FileServer::audit(&job.spec, &seen), [""; 0]);
}
