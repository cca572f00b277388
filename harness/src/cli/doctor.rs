//! `doctor`: what this machine is, and whether it is fit to measure.

use super::{
    Done, Exit,
    axes::Axes,
    failure,
    plan::{rounded, spoken},
    plans, request, say,
};
use clap::Args;
use ferrybench::{host::facts, run::catalogue};
use ferrybench_data::{
    plan::{builtin, catalogue::Catalogue, estimate::estimate},
    record::Noise,
    run_info::HostFacts,
};
use serde_json::json;

#[derive(Args)]
pub(super) struct Doctor {
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn carry_out(self) -> Done {
        let catalogue = catalogue::of_this_machine().map_err(request)?;
        let host = facts::gather(&catalogue).map_err(failure)?;
        if self.json {
            say(json!({ "host": host, "places": catalogue.places, "cpus": catalogue.cpus }));
            return Ok(Exit::Good);
        }
        print_machine(&host, &catalogue);
        print_noise(&host);
        print_lacking(&catalogue);
        print_plans();
        Ok(Exit::Good)
    }
}

fn line(name: &str, value: impl std::fmt::Display) {
    say(format_args!("{name:<24} {value}"));
}

fn print_machine(host: &HostFacts, catalogue: &Catalogue) {
    line("CPU", &host.cpu);
    line("CPUs", format_args!("{} on line, {} allowed", host.cpus_online, host.cpus_allowed));
    line("caches", host.caches.join(", "));
    line(
        "memory",
        format_args!("{}, {} available", rounded(host.memory_bytes), rounded(host.memory_available_bytes)),
    );
    line("kernel", format_args!("{}, {}", host.kernel, host.distribution));
    line("virtualisation", host.virtualisation.as_deref().unwrap_or("none"));
    line("governor", host.governor.as_deref().unwrap_or("not told"));
    line(
        "clock",
        format_args!(
            "{}, {:.0} ns a reading, steps of {:.0} ns",
            host.clock_source, host.clock_cost_ns, host.clock_step_ns
        ),
    );
    line("same-cpu", format_args!("both ends on CPU {}", catalogue.places.same));
    match catalogue.places.split {
        Some([near, far]) => line("split", format_args!("near end on CPU {near}, far end on CPU {far}")),
        None => line("split", "not here: it needs two CPUs"),
    }
    for limit in &host.limits {
        line(&limit.name, &limit.value);
    }
}

fn print_noise(host: &HostFacts) {
    let (share, gap_s) = (host.noise.unwrap_or(0.0), host.noise_gap_s.unwrap_or(0.0));
    let quiet = share <= Noise::SHARE_LIMIT && gap_s <= Noise::GAP_LIMIT_S;
    let verdict = if quiet { "quiet" } else { "not quiet: close other programs before you measure" };
    line("noise", format_args!("{:.1} % lost, longest gap {:.2} ms: {verdict}", share * 100.0, gap_s * 1e3));
    if let Some(cpus) = host.cgroup_cpus {
        line("control group", format_args!("allows {cpus} CPUs: blocks may be throttled"));
    }
}

fn print_lacking(catalogue: &Catalogue) {
    for mechanism in catalogue.mechanisms.iter().filter(|mechanism| !mechanism.hidden) {
        if let Some(why) = &mechanism.lacking {
            line(&mechanism.name, format_args!("not here: {why}"));
        }
    }
    let fanout = &catalogue.fanout;
    for (what, lacking) in [
        ("test hosts", &fanout.namespaces_lacking),
        ("loss, duplication", &fanout.impairment_lacking),
        ("rate limit", &fanout.rate_lacking),
    ] {
        line(what, lacking.as_deref().map_or("can be made".to_owned(), |why| format!("not here: {why}")));
    }
}

fn print_plans() {
    say(format_args!(
        "\nLinux only; Rust {} or newer builds it. What the plans need here:",
        env!("CARGO_PKG_RUST_VERSION")
    ));
    for plan in builtin::ALL {
        if let Ok(chosen) = plans::choose(plan.text, plan.name, &Axes::default(), None) {
            let cost = estimate(&chosen.plan, &chosen.trials);
            line(
                plan.name,
                format_args!(
                    "{} trials, {}, {} of memory, {} of disk",
                    chosen.trials.len(),
                    spoken(cost.seconds),
                    rounded(cost.memory_bytes),
                    rounded(cost.disk_bytes)
                ),
            );
        }
    }
}
