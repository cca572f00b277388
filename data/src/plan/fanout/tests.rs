use super::*;
use crate::{
    fanout::{Content, Hosts, MOST_DATAGRAM_BYTES, Spec},
    plan::{
        Overrides, Plan, Trial, Work, builtin,
        catalogue::{Fanouts, SenderModel},
        estimate::estimate,
    },
};
use proptest::prelude::*;
use std::collections::HashSet;

const PROGRAMS: [(&str, bool, bool); 6] = [
    ("single-thread", false, false),
    ("thread-per-file", false, false),
    ("process-per-file", false, true),
    ("thread-pool", true, false),
    ("process-pool", true, true),
    ("tokio", false, false),
];

/// A machine that can do everything.
fn able() -> Catalogue {
    let model = |(name, sized, processes): (&str, bool, bool)| SenderModel {
        name: name.into(),
        assignment_name: String::new(),
        help: String::new(),
        sized,
        processes,
    };
    let fanout = Fanouts { sender_models: PROGRAMS.map(model).to_vec(), ..Fanouts::default() };
    Catalogue { fanout, ..Catalogue::default() }
}

fn without(lacking: fn(&mut Fanouts)) -> Catalogue {
    let mut catalogue = able();
    lacking(&mut catalogue.fanout);
    catalogue
}

fn plan(text: &str, catalogue: &Catalogue) -> Plan {
    Plan::parse(&format!("name = \"x\"\n{text}\n"), "x.toml", catalogue).unwrap()
}

fn trials(text: &str, catalogue: &Catalogue) -> Vec<Trial> {
    plan(text, catalogue).expand(catalogue).unwrap()
}

fn specs(trials: &[Trial]) -> Vec<&Spec> {
    trials.iter().filter_map(|trial| trial.cell.fanout()).collect()
}

/// Why the one trial of a table is not run.
fn skip(axes: &str, catalogue: &Catalogue) -> Option<String> {
    let text = format!("[fanout]\nsender_models = [\"single-thread\"]\n{axes}");
    let trials = trials(&text, catalogue);
    assert_eq!(trials.len(), 1, "{text}");
    trials[0].skip.clone()
}

#[test]
fn the_assignment_has_both_cases_by_every_program() {
    let catalogue = able();
    let text = builtin::find("lab-fanout").unwrap().text;
    let plan = Plan::parse(text, "lab.toml", &catalogue).unwrap();
    let trials = plan.expand(&catalogue).unwrap();
    assert_eq!((trials.len(), plan.blocks), (4 * PROGRAMS.len(), 3));
    assert!(trials.iter().all(|trial| trial.work == Work::Once && trial.skip.is_none()));
    let ids: Vec<String> = trials.iter().map(Trial::id).collect();
    for id in [
        "fanout/single-thread/0/unicast/each/2/2/pictures/1B/bare/one/none/parent-serial/0ms/never",
        "fanout/process-pool/15/unicast/each/2/2/pictures/1B/bare/one/none/parent-serial/0ms/never",
        "fanout/thread-pool/4/limited-broadcast/all/2/1/53KiB/whole-file/bare/one/none/in-worker/2000ms/never",
        "fanout/tokio/0/unicast/each/2/2/pictures/1400B/ledger/one/none/parent-serial/0ms/never",
        "fanout/process-per-file/0/limited-broadcast/all/2/1/pictures/1400B/ledger/one/none/in-worker/2000ms/never",
    ] {
        assert!(ids.iter().any(|known| known == id), "{id} is not among {ids:#?}");
    }
    let cost = estimate(&plan, &trials);
    assert!((60.0..300.0).contains(&cost.seconds), "{cost:?}");
}

#[test]
fn built_in_plans_stay_within_their_time() {
    for (name, most_s, skipped) in [("smoke", 5.0, 0), ("quick", 20.0, 0), ("standard", 130.0, 0)] {
        let catalogue = able();
        let text = builtin::find(name).unwrap().text;
        let table: toml::Table = text.parse().unwrap();
        let only: toml::Table = table
            .into_iter()
            .filter(|(key, _)| ["name", "blocks", "fanout"].contains(&key.as_str()))
            .collect();
        let plan = Plan::parse(&only.to_string(), name, &catalogue).unwrap();
        let trials = plan.expand(&catalogue).unwrap();
        let cost = estimate(&plan, &trials);
        assert!(cost.seconds < most_s, "{name}: {} s", cost.seconds);
        let skips: Vec<&String> = trials.iter().filter_map(|trial| trial.skip.as_ref()).collect();
        assert_eq!(skips.len(), skipped, "{name}: {skips:?}");
        let used: HashSet<&str> = specs(&trials).iter().map(|spec| spec.sender_model.as_str()).collect();
        assert_eq!(used.len(), PROGRAMS.len(), "{name} has every program");
    }
}

#[test]
fn smoke_runs_on_loopback_as_well() {
    let catalogue = without(|known| known.namespaces_lacking = Some("no user namespaces".into()));
    let text = builtin::find("smoke").unwrap().text;
    let fanout = &text[text.find("[[fanout]]").unwrap()..];
    let trials = trials(fanout, &catalogue);
    assert!(trials.iter().all(|trial| trial.skip.is_none()));
    assert!(specs(&trials).iter().all(|spec| spec.hosts == Hosts::Loopback));
}

#[test]
fn what_means_nothing_collapses() {
    let catalogue = able();
    let trials = trials(
        r#"[fanout]
        sender_models = ["thread-per-file", "process-pool"]
        pool_sizes = [2, 3]
        deliveries = ["unicast", "multicast"]
        assignments = ["each", "all"]
        batchings = ["one", "gso"]
        segmented = ["never", "stack"]
        receive_offloads = ["gro", "off"]"#,
        &catalogue,
    );
    let ids: HashSet<String> = trials.iter().map(Trial::id).collect();
    assert_eq!(ids.len(), trials.len(), "nothing is asked for twice");
    // By model: one pool size or two. By delivery: each and all, or all. By batching: one, or four of gso.
    assert_eq!(trials.len(), (1 + 2) * (2 + 1) * (1 + 4));
    for spec in specs(&trials) {
        assert_eq!(spec.pool_size == 0, spec.sender_model == "thread-per-file", "{spec:?}");
        assert!(spec.delivery == Delivery::Unicast || spec.assignment == Assignment::All, "{spec:?}");
        assert!(spec.batching == Batching::Gso || spec.segmented == Segmented::Never, "{spec:?}");
        assert!(spec.batching == Batching::Gso || spec.receive_offload == ReceiveOffload::Gro, "{spec:?}");
    }
}

#[test]
fn what_udp_cannot_carry_is_a_limit() {
    let able = able();
    let why = |axes: &str| skip(axes, &able).unwrap_or_default();
    assert_eq!(
        why("framings = [\"bare\"]\nreliabilities = [\"repair\"]"),
        "bare datagrams cannot be told apart, so that nobody can say which of them is missing"
    );
    assert_eq!(why("datagram_bytes = [65471]"), "");
    assert_eq!(
        why("datagram_bytes = [65472]"),
        "limit: a payload of 65472 bytes does not fit into a datagram of at most 65471 bytes"
    );
    assert_eq!(why("datagram_bytes = [65507]\nframings = [\"bare\"]"), "", "bare has no header");
    assert_eq!(
        why("datagram_bytes = [\"whole-file\"]\nfile_bytes = [70000]"),
        "limit: a whole file of 70000 bytes does not fit into a datagram of at most 65471 bytes"
    );
    assert_eq!(
        why("datagram_bytes = [\"whole-file\"]\nfile_bytes = [\"pictures\"]"),
        "limit: a whole picture does not fit into a datagram of at most 65471 bytes"
    );
    let broadcast = "deliveries = [\"broadcast\"]\ndatagram_bytes = [\"whole-file\"]\nfile_bytes = [54272]";
    assert_eq!(why(broadcast), "", "IP cuts it into fragments");
    let gso = |payload: u32| why(&format!("batchings = [\"gso\"]\ndatagram_bytes = [{payload}]"));
    assert_eq!(gso(1500 - 28 - 36), "");
    assert_eq!(
        gso(1437),
        "limit: with segmentation offload a datagram carries at most 1436 bytes where packets are of 1500, not 1437"
    );
    assert_eq!(why("batchings = [\"gso\"]\ndatagram_bytes = [8192]\nmtu_bytes = [9000]"), "");
    assert_eq!(
        why("batchings = [\"gso\"]\nsegmented = [\"device\"]"),
        "limit: between namespaces there is no device that cuts up a batch"
    );
}

#[test]
fn what_the_machine_lacks_is_said() {
    let why = |axes: &str, lacking: fn(&mut Fanouts)| skip(axes, &without(lacking));
    let no_loss = |known: &mut Fanouts| known.impairment_lacking = Some("no nftables".into());
    assert_eq!(why("loss_percents = [10]", no_loss), Some("no nftables".into()));
    assert_eq!(why("duplicate_percents = [10]", no_loss), Some("no nftables".into()));
    assert_eq!(why("rates = [\"10MB\"]", no_loss), None);
    let no_rate = |known: &mut Fanouts| known.rate_lacking = Some("no token bucket".into());
    assert_eq!(why("rates = [\"10MB\"]", no_rate), Some("no token bucket".into()));
    assert_eq!(why("loss_percents = [10]", no_rate), None);
    let loopback = |known: &mut Fanouts| known.namespaces_lacking = Some("no namespaces".into());
    assert_eq!(why("", loopback), None);
    for axes in
        ["loss_percents = [1]", "duplicate_percents = [1]", "rates = [\"10MB\"]", "mtu_bytes = [9000]"]
    {
        assert_eq!(why(axes, loopback), Some("no namespaces".into()), "{axes}");
    }
    assert_eq!(
        why("batchings = [\"gso\"]\ndatagram_bytes = [8192]", loopback),
        None,
        "its packets are of 64 KiB"
    );
    assert_eq!(
        why("batchings = [\"gso\"]\nsegmented = [\"stack\"]", loopback),
        Some("limit: the loopback interface passes a batch as it is".into())
    );
}

const THREE_HOSTS: &str = "[[host]]\nname = \"here\"\n[[host]]\nname = \"a\"\nprefix = [\"ssh\", \"a\"]\n\
                           [[host]]\nname = \"b\"\nprefix = [\"ssh\", \"b\"]\naddress = \"192.0.2.7\"\npush = true\n";

#[test]
fn named_hosts_are_used_as_they_are() {
    let catalogue = able();
    let asked =
        plan(&format!("allow_same_host = true\n{THREE_HOSTS}[fanout]\nreceivers = [2, 3]"), &catalogue);
    assert!(asked.allow_same_host);
    let names: Vec<&str> = asked.host.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["here", "a", "b"]);
    assert_eq!((asked.host[2].address.as_deref(), asked.host[2].push), (Some("192.0.2.7"), true));
    let trials = asked.expand(&catalogue).unwrap();
    for trial in &trials {
        let spec = trial.cell.fanout().unwrap();
        assert_eq!(spec.hosts, Hosts::Named);
        let why = "limit: 3 receivers are asked for, the plan names 3 hosts and the first of them sends";
        assert_eq!(trial.skip.as_deref(), (spec.receivers == 3).then_some(why));
    }
    let why = |axes: &str| {
        expand::table(
            &plan(&format!("[fanout]\nsender_models = [\"single-thread\"]\n{axes}"), &catalogue).fanout[0],
            expand::Around { hosts: &asked.host, source: None },
            &catalogue,
        )[0]
        .skip
        .clone()
    };
    assert_eq!(
        why("loss_percents = [1]"),
        Some("limit: the network between named hosts is left as it is".into())
    );
    assert_eq!(
        why("batchings = [\"gso\"]\nsegmented = [\"stack\"]"),
        Some("limit: the interfaces of named hosts are left as they are".into())
    );
    assert_eq!(why("batchings = [\"gso\"]\nsegmented = [\"device\"]\nmtu_bytes = [9000]"), None);
}

#[test]
fn files_of_one_s_own_are_as_many_and_as_long_as_they_are() {
    let catalogue = without(|known| known.source_files = Some(3));
    let text =
        |what: &str| format!("[source]\n{what}\n[fanout]\nsender_models = [\"tokio\"]\nfile_bytes = [1, 2]");
    let local = trials(&text("paths = [\"photos\"]"), &catalogue);
    let spec = local[0].cell.fanout().unwrap();
    assert_eq!((local.len(), spec.content, spec.files, spec.file_bytes), (1, Content::Own, 3, 0));
    assert_eq!(spec.fetch_where, FetchWhere::Local);
    assert!(local[0].id().contains("/2/3/own/1400B/"), "{}", local[0].id());
    let fetched = trials(&text("urls = [\"https://example.org/a.png\"]"), &catalogue);
    let spec = fetched[0].cell.fanout().unwrap();
    assert_eq!((spec.fetch_where, spec.hosts), (FetchWhere::ParentSerial, Hosts::Namespaces));
}

#[test]
fn a_wrong_table_points_at_line_and_column() {
    let refused = |text: &str| {
        let text = format!("name = \"x\"\n{text}\n[fanout]\n");
        Plan::parse(&text, "x.toml", &able()).unwrap_err().to_string()
    };
    let table = |line: &str| {
        let text = format!("name = \"x\"\n[fanout]\n{line}\n");
        Plan::parse(&text, "x.toml", &able()).unwrap_err().to_string()
    };
    for (line, sentence) in [
        (
            "sender_models = [\"tread-pool\"]",
            "x.toml:3:18: unknown sender model \"tread-pool\"; did you mean \"thread-pool\"?",
        ),
        ("pool_sizes = [0]", "x.toml:3:14: expected 1 to 1000 workers in a pool, not 0"),
        ("receivers = [251]", "x.toml:3:13: expected 1 to 250 receivers, not 251"),
        ("files = [0]", "x.toml:3:9: expected 1 to 10000 files, not 0"),
        (
            "file_bytes = [\"17GiB\"]",
            "x.toml:3:14: a file of 17GiB is above the most that is measured, 16GiB",
        ),
        ("datagram_bytes = [\"2GiB\"]", "x.toml:3:18: expected a datagram of at most 65507 bytes, not 2GiB"),
        ("think = [\"1500us\"]", "x.toml:3:9: expected a pause of whole milliseconds, not 1500us"),
        ("mtu_bytes = [500]", "x.toml:3:13: expected 576 to 65535 bytes in a packet, not 500"),
        ("loss_percents = [91]", "x.toml:3:17: expected 0 to 90 percent lost, not 91"),
        ("duplicate_percents = [101]", "x.toml:3:22: expected 0 to 100 percent delivered twice, not 101"),
    ] {
        assert_eq!(table(line), sentence);
    }
    assert!(table("deliveries = [\"anycast\"]").starts_with("x.toml:3:15: unknown variant `anycast`"));
    assert!(
        table("file_bytes = [\"big\"]")
            .contains("expected \"pictures\" or a size such as \"1MiB\", not \"big\"")
    );
    assert!(table("delivery = [1]").starts_with("x.toml:3:1: unknown field `delivery`"));
    for (text, sentence) in [
        (
            "[[host]]\nname = \"a b\"",
            "x.toml:3:8: a host's name is letters, digits, '-', '_' and '.', at most 64 of them",
        ),
        ("[[host]]\nname = \"a\"\n[[host]]\nname = \"a\"", "x.toml:5:8: two hosts are called \"a\""),
        (
            "[[host]]\nname = \"a\"\nprefix = [\"\"]",
            "x.toml:4:11: expected a word of the host's prefix, not \"\"",
        ),
        (
            "[[host]]\nname = \"a\"\naddress = \"192.0.2.1 \"",
            "x.toml:4:11: expected a word of the host's address, not \"192.0.2.1 \"",
        ),
        (
            "[[host]]\nname = \"a\"",
            "x.toml:1:1: one named host is not enough: the first sends, the others receive",
        ),
        ("[source]", "x.toml:2:1: a source needs urls or paths"),
        (
            "[source]\nurls = [\"ftp://a/b\"]",
            "x.toml:2:1: expected an http:// or https:// address, not \"ftp://a/b\"",
        ),
    ] {
        assert_eq!(refused(text), sentence);
    }
}

#[test]
fn a_plan_survives_its_own_toml() {
    let catalogue = able();
    let text = format!(
        "allow_same_host = true\n{THREE_HOSTS}[source]\nurls = [\"http://a/b\"]\npaths = [\"c\"]\n[fanout]\n\
         file_bytes = [\"pictures\", \"1MiB\"]\ndatagram_bytes = [\"whole-file\", 1]\nthink = [\"none\", \"2s\"]\n\
         paces = [0, \"10MB\"]\nrates = [\"none\"]\ndeliveries = [\"limited-broadcast\"]\n"
    );
    let asked = plan(&text, &catalogue);
    assert_eq!(asked.fanout[0].think, [Pause(0), Pause(2_000_000_000)]);
    assert_eq!(asked.fanout[0].paces, [BytesPerSecond(0), BytesPerSecond(10_000_000)]);
    let again = Plan::parse(&asked.to_toml(), "plan.toml", &catalogue).unwrap();
    assert_eq!(again, asked);
}

#[test]
fn naming_an_axis_asks_for_fan_out_alone() {
    let catalogue = able();
    let asked = || plan("[roundtrip]\n[fileserver]\n[fanout]\n", &catalogue);
    let fanout =
        FanoutOverrides { receivers: vec![7], urls: vec!["http://a/b".into()], ..FanoutOverrides::default() };
    let changed = asked().overridden(&Overrides { fanout, ..Overrides::default() }, &catalogue).unwrap();
    assert_eq!((changed.roundtrip.len(), changed.fileserver.len(), changed.fanout.len()), (0, 0, 1));
    assert_eq!((&changed.fanout[0].receivers[..], changed.source.unwrap().urls.len()), (&[7][..], 1));
    let refused = |fanout| {
        let with = Overrides { fanout, ..Overrides::default() };
        asked().overridden(&with, &catalogue).unwrap_err().to_string()
    };
    let unknown = FanoutOverrides { sender_models: vec!["tokyo".into()], ..FanoutOverrides::default() };
    assert_eq!(refused(unknown), "unknown sender model \"tokyo\"; did you mean \"tokio\"?");
    let many = FanoutOverrides { receivers: vec![251], ..FanoutOverrides::default() };
    assert_eq!(refused(many), "expected 1 to 250 receivers, not 251");
    let other = FanoutOverrides { urls: vec!["a.png".into()], ..FanoutOverrides::default() };
    assert_eq!(refused(other), "expected an http:// or https:// address, not \"a.png\"");
}

#[test]
fn sending_more_takes_longer() {
    let catalogue = able();
    let seconds = |axes: &str| {
        let plan =
            plan(&format!("blocks = 1\n[fanout]\nsender_models = [\"thread-pool\"]\n{axes}"), &catalogue);
        estimate(&plan, &plan.expand(&catalogue).unwrap()).seconds
    };
    let first = seconds("file_bytes = [\"30MB\"]");
    // 2 files of 30 MB to 2 receivers: 86 thousand datagrams, at 0.17 million a second.
    assert!((0.5..1.0).contains(&(first - 1.0)), "{first}");
    assert!(seconds("file_bytes = [\"30MB\"]\ndeliveries = [\"multicast\"]") < first);
    assert!(seconds("file_bytes = [\"30MB\"]\npaces = [\"10MB\"]") > 12.0, "120 MB at 10 MB a second");
    assert!(seconds("file_bytes = [\"30MB\"]\nrates = [\"10MB\"]") > 6.0, "60 MB to each receiver");
    let pauses = |files: u32| {
        let axes =
            format!("files = [{files}]\nfetch_where = [\"in-worker\"]\nthink = [\"1s\"]\nfile_bytes = [1]");
        seconds(&axes)
    };
    assert!((0.9..1.1).contains(&(pauses(8) - pauses(4))), "four workers pause at once");
}

fn some<T: Clone + std::fmt::Debug + 'static>(values: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    proptest::sample::subsequence(values, 1..=values.len().min(2))
}

fn any_table() -> impl Strategy<Value = FanoutTable> {
    let who = (some(&[1_u32, 4]), some(Delivery::ALL), some(Assignment::ALL), some(&[1_u32, 2, 8]));
    let what = (
        some(&[1_u32, 3]),
        some(&[FileBytes(0), FileBytes(1), FileBytes(70_000)]),
        some(&[0_u64, 1, 1400, 1437, 65_472, 65_508]),
        some(Framing::ALL),
    );
    let how = (some(Batching::ALL), some(Reliability::ALL), some(FetchWhere::ALL), some(Segmented::ALL));
    let network =
        (some(&[1500_u32, 9000]), some(&[0_u32, 10]), some(&[0_u64, 1000]), some(ReceiveOffload::ALL));
    (who, what, how, network).prop_map(|(who, what, how, network)| FanoutTable {
        pool_sizes: who.0,
        deliveries: who.1,
        assignments: who.2,
        receivers: who.3,
        files: what.0,
        file_bytes: what.1,
        datagram_bytes: what.2.into_iter().map(DatagramBytes).collect(),
        framings: what.3,
        batchings: how.0,
        reliabilities: how.1,
        fetch_where: how.2,
        segmented: how.3,
        mtu_bytes: network.0,
        loss_percents: network.1,
        rates: network.2.into_iter().map(BytesPerSecond).collect(),
        receive_offloads: network.3,
        ..FanoutTable::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_runs_can_be_sent_and_is_asked_for_once(
        asked in any_table(),
        loopback in any::<bool>(),
        impaired in any::<bool>(),
    ) {
        let mut catalogue = able();
        catalogue.fanout.sender_models.drain(1..3);
        catalogue.fanout.namespaces_lacking = loopback.then(|| "no namespaces".into());
        catalogue.fanout.impairment_lacking = (!impaired).then(|| "no nftables".into());
        let around = expand::Around { hosts: &[], source: None };
        let trials = expand::table(&asked, around, &catalogue);
        let ids: HashSet<String> = trials.iter().map(Trial::id).collect();
        prop_assert_eq!(ids.len(), trials.len(), "unlike specs have unlike ids");
        for spec in trials.iter().filter(|trial| trial.skip.is_none()).filter_map(|trial| trial.cell.fanout()) {
            let payload = spec.payload_bytes().expect("a picture is no datagram");
            prop_assert!(payload + spec.header_bytes() <= MOST_DATAGRAM_BYTES);
            prop_assert!(spec.framing == Framing::Ledger || spec.reliability == Reliability::Unrepaired);
            prop_assert!(spec.loss_percent == 0 || (impaired && !loopback));
            prop_assert!(spec.delivery == Delivery::Unicast || spec.assignment == Assignment::All);
            prop_assert!(!loopback || (spec.mtu_bytes == 1500 && spec.rate_bytes_per_s == 0));
            if spec.batching == Batching::Gso && !loopback {
                prop_assert!(payload + spec.header_bytes() + 28 <= u64::from(spec.mtu_bytes));
            }
        }
    }
}

#[test]
fn a_plan_has_one_subnet() {
    let catalogue = able();
    let read = |text: &str| Plan::parse(&format!("name = \"x\"\n{text}"), "x.toml", &catalogue);
    let subnet = |text: &str| read(text).unwrap().subnet().to_string();
    assert_eq!(subnet("[fanout]"), "10.77.0.0/24");
    let plan = read("[[fanout]]\nfiles = [1]\n[[fanout]]\nsubnet = \"172.16.9.0/24\"").unwrap();
    assert_eq!(plan.subnet().to_string(), "172.16.9.0/24");
    let again = Plan::parse(&plan.to_toml(), "plan.toml", &catalogue).unwrap();
    assert_eq!((&again, again.subnet()), (&plan, plan.subnet()), "a resumed run has it too");
    assert_eq!(
        subnet("[[fanout]]\nsubnet = \"10.1.2.0/24\"\n[[fanout]]\nsubnet = \"10.1.2.0/24\""),
        "10.1.2.0/24"
    );

    let named = "[[host]]\nname = \"a\"\n[[host]]\nname = \"b\"\nprefix = [\"env\"]\n[fanout]\nsubnet = \"10.1.2.0/24\"";
    for (text, why) in [
        (
            "[fanout]\nsubnet = \"8.8.8.0/24\"",
            "expected a private subnet such as 10.77.0.0/24, not \"8.8.8.0/24\"",
        ),
        ("[fanout]\nsubnet = [\"10.1.2.0/24\"]", "expected a string"),
        (
            "[[fanout]]\nsubnet = \"10.1.2.0/24\"\n[[fanout]]\nsubnet = \"10.1.3.0/24\"",
            "all tables share one network: its subnet is 10.1.2.0/24 above, and 10.1.3.0/24 here",
        ),
        (named, "named hosts have addresses already: a subnet is for hosts that the run makes"),
    ] {
        let error = read(text).unwrap_err();
        let line = 1 + text.lines().count();
        assert!(error.message.contains(why), "{error}");
        assert_eq!(error.place.map(|(_, at, _)| at), Some(line), "{why}");
    }
}
