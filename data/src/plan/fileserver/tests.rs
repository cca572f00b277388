use super::{expand::tables, *};
use crate::{
    fileserver::{Spec, Storage},
    plan::{
        Overrides, Plan, Trial, Work, builtin,
        catalogue::{FileServers, Named, Pool, Room, ServerModel},
        estimate::estimate,
    },
};
use proptest::prelude::*;
use std::collections::HashSet;

const GIB: u64 = 1 << 30;

fn room() -> Room {
    Room {
        memory_available_bytes: 64 * GIB,
        tmpfs_free_bytes: Some(64 * GIB),
        disk_free_bytes: 100 * GIB,
        descriptors: 1 << 20,
    }
}

fn catalogue(room: Room) -> Catalogue {
    let named = |name: &str| Named { name: name.into(), help: String::new() };
    let model = |name: &str, pool, processes| ServerModel {
        name: name.into(),
        help: String::new(),
        pool,
        processes,
        hidden: name.starts_with("broken"),
        lacking: (name == "io-uring").then(|| "io_uring is disabled here".into()),
    };
    Catalogue {
        fileserver: FileServers {
            protocols: ["raw", "course", "http"].map(named).to_vec(),
            client_models: ["thread-pool", "process-pool"].map(named).to_vec(),
            server_models: vec![
                model("single", Pool::One, false),
                model("thread-pool", Pool::Sized, false),
                model("process-pool", Pool::Sized, true),
                model("process-per-connection", Pool::Unbounded, true),
                model("io-uring", Pool::Sized, false),
                model("broken-liar", Pool::Sized, false),
            ],
            room,
        },
        ..Catalogue::default()
    }
}

fn specs(trials: &[Trial]) -> Vec<&Spec> {
    trials.iter().filter_map(|trial| trial.cell.fileserver()).collect()
}

fn lab(overrides: &Overrides) -> Vec<Trial> {
    let catalogue = catalogue(room());
    let text = builtin::find("lab-fileserver").unwrap().text;
    let plan = Plan::parse(text, "lab.toml", &catalogue).unwrap();
    plan.overridden(overrides, &catalogue).unwrap().expand(&catalogue).unwrap()
}

fn count(trials: &[Trial], client: &str, server: &str, moves: bool) -> usize {
    let of = |spec: &&&Spec| {
        (spec.client_model.as_str(), spec.server_model.as_str(), spec.operation.moves_content())
            == (client, server, moves)
    };
    specs(trials).iter().filter(of).count()
}

#[test]
fn the_assignment_has_54_rows_for_threads_and_54_for_processes() {
    let trials = lab(&Overrides::default());
    for model in ["thread-pool", "process-pool"] {
        assert_eq!(count(&trials, model, model, true), 54);
        assert_eq!(
            count(&trials, model, model, false),
            18,
            "list and delete come once for each pair of pools"
        );
    }
    assert_eq!(trials.len(), 2 * (54 + 18));
    let first: Vec<String> = trials.iter().take(4).map(Trial::id).collect();
    let row = |client, server| {
        format!(
            "fileserver/download/10MiB/course/thread-pool/{client}/thread-pool/{server}/shared/auto/tmpfs/touched"
        )
    };
    assert_eq!(
        first,
        [row(1, 1), row(1, 5), row(1, 50), row(5, 1)],
        "in the order of the assignment's table"
    );
    assert!(trials.iter().all(|trial| trial.work == Work::Once && trial.skip.is_none()));
}

#[test]
fn crossing_pairs_every_model_with_every_other() {
    let cross = FileServerOverrides { cross: true, ..FileServerOverrides::default() };
    let trials = lab(&Overrides { fileserver: cross, ..Overrides::default() });
    for client in ["thread-pool", "process-pool"] {
        for server in ["thread-pool", "process-pool"] {
            assert_eq!(count(&trials, client, server, true), 54, "{client} against {server}");
        }
    }
    assert_eq!(trials.len(), 4 * (54 + 18));
}

#[test]
fn what_a_model_does_not_have_collapses() {
    let table = FileServerTable {
        operations: vec![Operation::Download],
        server_pools: vec![1, 5],
        accepts: Accept::ALL.to_vec(),
        ..FileServerTable::default()
    };
    let trials = tables(&[table], None, &catalogue(room()));
    let seen: Vec<(&str, u32, Accept)> = specs(&trials)
        .into_iter()
        .map(|spec| (spec.server_model.as_str(), spec.server_pool, spec.accept))
        .collect();
    let shared = Accept::Shared;
    let mut expected = vec![("single", 1, shared), ("thread-pool", 1, shared), ("thread-pool", 5, shared)];
    for &accept in Accept::ALL {
        expected.extend([("process-pool", 1, accept), ("process-pool", 5, accept)]);
    }
    expected.extend([
        ("process-per-connection", 0, shared),
        ("io-uring", 1, shared),
        ("io-uring", 5, shared),
    ]);
    assert_eq!(seen, expected, "hidden models are left out");
    let lacking: Vec<&str> = trials.iter().filter_map(|trial| trial.skip.as_deref()).collect();
    assert_eq!(lacking, ["io_uring is disabled here"; 2]);
}

/// Downloads of 1 and 3 GiB by one client: 2 and 6 GiB of files.
fn two_volumes(room: Room) -> Vec<(Storage, Option<String>)> {
    let table = FileServerTable {
        operations: vec![Operation::Download],
        volume_bytes: vec![Size(3 * GIB), Size(GIB)],
        client_pools: vec![1],
        server_models: Some(vec!["thread-pool".into()]),
        ..FileServerTable::default()
    };
    let trials = tables(&[table], None, &catalogue(room));
    trials.into_iter().map(|trial| (trial.cell.fileserver().unwrap().storage, trial.skip)).collect()
}

#[test]
fn files_lie_in_memory_where_they_fit_else_on_disk_else_nowhere() {
    let both = |storage| vec![(storage, None), (storage, None)];
    assert_eq!(two_volumes(Room { memory_available_bytes: 16 * GIB, ..room() }), both(Storage::Tmpfs));
    assert_eq!(two_volumes(Room { memory_available_bytes: 15 * GIB, ..room() }), both(Storage::Disk));
    assert_eq!(two_volumes(Room { tmpfs_free_bytes: Some(7 * GIB), ..room() }), both(Storage::Disk));
    assert_eq!(two_volumes(Room { tmpfs_free_bytes: None, ..room() }), both(Storage::Disk));
    let tight = Room { memory_available_bytes: 4 * GIB, disk_free_bytes: 5 * GIB, ..room() };
    let why = "memory: 8.0 GiB are needed for files of up to 3GiB; there is room for 2.0 GiB in memory and 4.5 GiB on disk";
    assert_eq!(two_volumes(tight), [(Storage::Disk, Some(why.into())), (Storage::Tmpfs, None)]);
    let nothing = two_volumes(Room { descriptors: 1024, ..Room::default() });
    assert!(nothing.iter().all(|(_, skip)| skip.as_ref().is_some_and(|why| why.starts_with("memory: "))));
}

#[test]
fn discarded_content_needs_the_source_alone() {
    let one = |received| FileServerTable {
        received: vec![received],
        client_pools: vec![50],
        transfers: 2,
        ..FileServerTable::default()
    };
    let needed = |received| {
        let trials = tables(&[one(received)], None, &catalogue(room()));
        storage::needed(specs(&trials).into_iter()).into_values().collect::<Vec<_>>()
    };
    assert_eq!(needed(Received::Written), [101 * (10 << 20)]);
    assert_eq!(needed(Received::Discarded), [10 << 20]);
}

#[test]
fn trials_between_hosts_need_no_room_here() {
    let catalogue = catalogue(Room::default());
    let hosts = "[[host]]\nname = \"a\"\n[[host]]\nname = \"b\"\nprefix = [\"x\"]\n";
    let table = "[fileserver]\nserver_models = [\"thread-pool\"]\nhosts = [\"a:b\", \"b:a\"]\n";
    let plan = Plan::parse(&format!("name = \"x\"\n{hosts}{table}"), "x.toml", &catalogue).unwrap();
    let again = Plan::parse(&plan.to_toml(), "plan.toml", &catalogue).unwrap();
    assert_eq!(again, plan);
    let trials = plan.expand(&catalogue).unwrap();
    let seen: Vec<_> = specs(&trials)
        .into_iter()
        .map(|spec| (spec.operation, spec.hosts.as_str(), spec.storage, spec.is_here()))
        .collect();
    let row = |operation, hosts| (operation, hosts, Storage::Tmpfs, false);
    let (download, upload) = (Operation::Download, Operation::Upload);
    assert_eq!(seen, [row(download, "a:b"), row(upload, "a:b"), row(download, "b:a"), row(upload, "b:a")]);
    assert!(trials.iter().all(|trial| trial.skip.is_none()), "who has room is known on the hosts");
    let cost = estimate(&plan, &trials);
    assert!(cost.memory_bytes < 100 << 20 && cost.seconds > 0.1, "{cost:?}");

    let outside = Outside {
        label: "theirs".into(),
        command: Some("serve".into()),
        target: None,
        server_root: None,
        files: None,
        server_memory: Size(GIB),
        deadline: Span::from_millis(1000),
        budget: Span::from_millis(1000),
    };
    let refused = plan.against(outside, &catalogue).unwrap().expand(&catalogue).unwrap_err();
    assert_eq!(refused.message, "somebody else's server is where its target says: its trials have no hosts");
}

#[test]
fn too_few_descriptors_are_a_limit() {
    let table = FileServerTable {
        operations: vec![Operation::Download],
        client_pools: vec![50],
        server_pools: vec![50],
        server_models: Some(vec!["thread-pool".into(), "process-pool".into()]),
        ..FileServerTable::default()
    };
    let trials = tables(&[table], None, &catalogue(Room { descriptors: 600, ..room() }));
    let skips: Vec<Option<&str>> = trials.iter().map(|trial| trial.skip.as_deref()).collect();
    assert_eq!(skips, [Some("limit: 700 descriptors are needed, a process may have 600"), None]);
}

#[test]
fn a_wrong_table_points_at_line_and_column() {
    let refused = |line: &str| {
        let text = format!("name = \"x\"\n[fileserver]\n{line}\n");
        Plan::parse(&text, "x.toml", &catalogue(room())).unwrap_err().to_string()
    };
    for (line, sentence) in [
        ("protocols = [\"corse\"]", "x.toml:3:14: unknown protocol \"corse\"; did you mean \"course\"?"),
        (
            "client_models = [\"treads\"]",
            "x.toml:3:18: unknown client model \"treads\"; did you mean \"thread-pool\"?",
        ),
        (
            "server_models = [\"thread-pool\", \"proces-pool\"]",
            "x.toml:3:33: unknown server model \"proces-pool\"; did you mean \"process-pool\"?",
        ),
        ("client_pools = [1, 0]", "x.toml:3:16: expected 1 to 10000 workers in a pool, not 0"),
        ("server_pools = [10001]", "x.toml:3:16: expected 1 to 10000 workers in a pool, not 10001"),
        (
            "volume_bytes = [\"17GiB\"]",
            "x.toml:3:16: a file of 17GiB is above the most that is measured, 16GiB",
        ),
        ("transfers = 0", "x.toml:3:13: expected 1 to 1000 transfers of a worker, not 0"),
        ("read_bytes = [\"all\"]", "x.toml:3:15: expected \"auto\" or 1 byte to 16 MiB, not \"all\""),
    ] {
        assert_eq!(refused(line), sentence);
    }
    assert!(refused("operations = [\"fetch\"]").starts_with("x.toml:3:15: unknown variant `fetch`"));
    assert!(refused("volumes = [1]").starts_with("x.toml:3:1: unknown field `volumes`"));
}

#[test]
fn a_plan_survives_its_own_toml() {
    let catalogue = catalogue(room());
    let text = "name = \"x\"\n[fileserver]\nread_bytes = [\"auto\", 16]\nleg = \"200ms\"\nreceived = [\"discarded\"]\n";
    let plan = Plan::parse(text, "x.toml", &catalogue).unwrap();
    let again = Plan::parse(&plan.to_toml(), "plan.toml", &catalogue).unwrap();
    assert_eq!((plan.fileserver[0].leg, &again), (Some(Span::from_millis(200)), &plan));
}

#[test]
fn naming_an_axis_asks_for_its_family() {
    let catalogue = catalogue(room());
    let text =
        "name = \"x\"\n[roundtrip]\n[fileserver]\n[[foreign]]\nname = \"other\"\ncommand = [\"other\"]\n";
    let plan = || Plan::parse(text, "x.toml", &catalogue).unwrap();
    let left = |with: &Overrides| {
        let plan = plan().overridden(with, &catalogue).unwrap();
        [plan.roundtrip.len(), plan.fileserver.len(), plan.foreign.len()]
    };
    let mut with = Overrides { leg: Some(Span::from_millis(5)), ..Overrides::default() };
    assert_eq!(left(&with), [1, 1, 1], "a leg belongs to every family");
    let changed = plan().overridden(&with, &catalogue).unwrap();
    assert_eq!((changed.roundtrip[0].leg, changed.fileserver[0].leg), (Span::from_millis(5), with.leg));
    with.fileserver.server_pools = vec![7];
    assert_eq!(left(&with), [0, 1, 0]);
    with.roundtrip.producers = vec![2];
    assert_eq!(left(&with), [1, 1, 1]);
    with.fileserver = FileServerOverrides::default();
    assert_eq!(left(&with), [1, 0, 1]);
    with.roundtrip.producers = vec![3];
    assert!(plan().overridden(&with, &catalogue).is_err());
}

#[test]
fn the_same_trial_with_two_legs_is_refused() {
    let catalogue = catalogue(room());
    let text = "name = \"x\"\n[[fileserver]]\n[[fileserver]]\nleg = \"20ms\"\n";
    let refused = Plan::parse(text, "x.toml", &catalogue).unwrap().expand(&catalogue).unwrap_err();
    assert!(refused.message.ends_with("is asked for twice, with different legs"), "{refused}");
}

#[test]
fn the_assignment_takes_minutes_and_its_files_fit() {
    let catalogue = catalogue(room());
    let text = builtin::find("lab-fileserver").unwrap().text;
    let plan = Plan::parse(text, "lab.toml", &catalogue).unwrap();
    let cost = estimate(&plan, &plan.expand(&catalogue).unwrap());
    assert!((30.0..600.0).contains(&cost.seconds), "{cost:?}");
    let files = 51 * 160 * (1 << 20);
    assert!((files..files + GIB).contains(&cost.memory_bytes), "{cost:?}");
    assert!(cost.disk_bytes < 16 << 20, "{cost:?}");
}

fn some<T: Clone + std::fmt::Debug + 'static>(values: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    proptest::sample::subsequence(values, 1..=values.len())
}

fn any_table() -> impl Strategy<Value = FileServerTable> {
    let axes = (
        some(Operation::ALL),
        some(&[Size(1), Size(10 << 20), Size(50 << 20)]),
        some(&[1_u32, 5, 50]),
        some(&[1_u32, 5, 50]),
        some(&["single", "thread-pool", "process-pool", "process-per-connection"]),
        some(Accept::ALL),
        some(Received::ALL),
        1_u32..3,
    );
    axes.prop_map(
        |(operations, volume_bytes, client_pools, server_pools, models, accepts, received, transfers)| {
            FileServerTable {
                operations,
                volume_bytes,
                client_pools,
                server_pools,
                server_models: Some(models.into_iter().map(str::to_owned).collect()),
                accepts,
                received,
                transfers,
                ..FileServerTable::default()
            }
        },
    )
}

fn any_room() -> impl Strategy<Value = Room> {
    (0_u64..1 << 36, proptest::option::of(0_u64..1 << 36), 0_u64..1 << 36, 100_u64..2_000).prop_map(
        |(memory_available_bytes, tmpfs_free_bytes, disk_free_bytes, descriptors)| Room {
            memory_available_bytes,
            tmpfs_free_bytes,
            disk_free_bytes,
            descriptors,
        },
    )
}

proptest! {
    #[test]
    fn what_runs_fits_and_is_asked_for_once(
        asked in proptest::collection::vec(any_table(), 1..3),
        room in any_room(),
    ) {
        let plan = Plan {
            name: "x".into(), seed: 1, blocks: 1, order: crate::plan::Order::Shuffled, only: None,
            allow_same_host: false, host: Vec::new(), source: None,
            roundtrip: Vec::new(), fileserver: asked, fanout: Vec::new(), outside: None,
            foreign: Vec::new(),
        };
        let trials = plan.expand(&catalogue(room)).unwrap();
        let ids: HashSet<String> = trials.iter().map(Trial::id).collect();
        prop_assert_eq!(ids.len(), trials.len());
        let run: Vec<&Trial> = trials.iter().filter(|trial| trial.skip.is_none()).collect();
        let places: HashSet<Storage> =
            run.iter().filter_map(|trial| trial.cell.fileserver()).map(|spec| spec.storage).collect();
        prop_assert!(places.len() <= 1, "all files lie in one place: {:?}", places);
        let run = run.iter().filter_map(|trial| trial.cell.fileserver());
        let needed: u64 = storage::needed(run).into_values().sum();
        let most = match places.iter().next() {
            Some(Storage::Tmpfs) => (room.memory_available_bytes / 2).min(room.tmpfs_free_bytes.unwrap()),
            _ => room.disk_free_bytes / 10 * 9,
        };
        prop_assert!(needed <= most, "{needed} of {most}");
        for spec in specs(&trials) {
            prop_assert_eq!(spec.volume_bytes == 0, !spec.operation.moves_content());
        }
    }
}
