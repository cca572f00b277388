//! What each mechanism is, and the best by goal.

use super::view::{Standing, View, size, spoken, standing, worded};
use crate::{
    element::{Align, Cell, Column, Element, Table},
    format::Unit,
};
use ferrybench_data::{
    dataset::TrialView,
    plan::catalogue::{Mechanism, Nature, WhenFull},
    roundtrip::{BANDWIDTH, CPU_COST, Pattern, Peers, Placement, RATE},
};

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let used = |mechanism: &&Mechanism| {
        mechanism.group != ferrybench_data::plan::catalogue::Group::Floor
            && view.trials.iter().any(|trial| trial.spec.mechanism == mechanism.name)
    };
    let mechanisms: Vec<&Mechanism> = view.data.info.catalogue.mechanisms.iter().filter(used).collect();
    if mechanisms.is_empty() {
        return Vec::new();
    }
    let center = |title: &str| Column { title: title.to_owned(), align: Align::Center };
    let columns = vec![
        Column::left("Mechanism"),
        Column::left("What it is"),
        center("Keeps boundaries"),
        Column::right("Largest message here"),
        Column::left("When full"),
        center("Unrelated processes"),
        center("Between hosts"),
        center("Pollable"),
        Column::left("After a crash"),
        Column::left("Where"),
    ];
    let rows = mechanisms.iter().map(|mechanism| row(mechanism)).collect();
    let caption = "What each mechanism is, beyond its speed. Largest is what this machine allowed; – means that only memory bounds it."
        .to_owned();
    let mut elements =
        vec![Element::heading(2, "What each mechanism is"), Element::Table(Table { columns, rows, caption })];
    let goals = goals(view);
    if !goals.is_empty() {
        elements.push(Element::heading(3, "The best by goal"));
        elements.push(Element::prose(
            "Among the mechanisms of this run, as each is by nature. Those that cannot be told apart from the best (the \
             interval of their ratio holds 1) are named beside it.",
        ));
        elements.push(Element::Table(Table {
            columns: vec![
                Column::left("Goal"),
                Column::left("Best median"),
                Column::left("Figure"),
                Column::left("Not told apart from"),
            ],
            rows: goals,
            caption: "95 % intervals over blocks; ratios by signed rank over blocks of the same round."
                .into(),
        }));
    }
    elements
}

fn row(mechanism: &Mechanism) -> Vec<Cell> {
    let Nature { boundaries, when_full, unrelated, between_hosts, pollable, after_crash, portability } =
        &mechanism.nature;
    let yes = |is: bool| Cell::text(if is { "yes" } else { "no" });
    vec![
        Cell::code(&mechanism.name),
        Cell::text(&mechanism.help),
        yes(*boundaries),
        Cell::text(mechanism.largest_bytes.map_or("–".to_owned(), size)),
        Cell::text(match when_full {
            WhenFull::BackPressure => "the sender waits",
            WhenFull::Loss => "messages are lost",
            WhenFull::Unbounded => "never",
        }),
        yes(*unrelated),
        yes(*between_hosts),
        yes(*pollable),
        Cell::text(after_crash.as_ref()),
        Cell::text(portability.as_ref()),
    ]
}

/// Which mechanisms may win a goal.
type Eligible = fn(&Nature) -> bool;

fn goals(view: &View<'_>) -> Vec<Vec<Cell>> {
    let any: Eligible = |_| true;
    let unrelated: Eligible = |nature| nature.unrelated;
    let boundaries: Eligible = |nature| nature.boundaries;
    let mut rows = Vec::new();
    for placement in [Placement::SameCpu, Placement::Split] {
        for (who, eligible) in [
            ("between processes", any),
            ("between unrelated processes", unrelated),
            ("with message boundaries", boundaries),
        ] {
            let goal = format!("latency, {who}, {}", spoken(placement));
            rows.extend(goal_row(
                view,
                &goal,
                (Pattern::Rtt, placement, RATE, Unit::PerSecond),
                true,
                eligible,
            ));
        }
    }
    for placement in [Placement::SameCpu, Placement::Split] {
        let goal = format!("CPU time a round trip, between processes, {}", spoken(placement));
        rows.extend(goal_row(
            view,
            &goal,
            (Pattern::Rtt, placement, CPU_COST, Unit::CpuMicroseconds),
            false,
            any,
        ));
        let goal = format!("bandwidth, between processes, {}", spoken(placement));
        rows.extend(goal_row(
            view,
            &goal,
            (Pattern::Stream, placement, BANDWIDTH, Unit::BytesPerSecond),
            true,
            any,
        ));
    }
    rows
}

fn goal_row(
    view: &View<'_>,
    goal: &str,
    (pattern, placement, metric, unit): (Pattern, Placement, &str, Unit),
    higher: bool,
    eligible: Eligible,
) -> Option<Vec<Cell>> {
    // Round trips are compared at one size; for bandwidth each mechanism brings its own best size.
    let bytes = view.usual_size(Pattern::Rtt).filter(|_| pattern == Pattern::Rtt);
    let mut candidates: Vec<(&TrialView<'_>, f64)> = view
        .ranked()
        .filter(|trial| {
            let spec = trial.spec;
            (spec.pattern, spec.placement, spec.peers) == (pattern, placement, Peers::Process)
                && bytes.is_none_or(|bytes| spec.message_bytes == bytes)
                && view.is_natural(spec)
                && view.mechanism(&spec.mechanism).is_some_and(|mechanism| eligible(&mechanism.nature))
        })
        .filter_map(|trial| Some((trial, trial.estimate(metric)?.value)))
        .collect();
    candidates.sort_by(|a, b| if higher { b.1.total_cmp(&a.1) } else { a.1.total_cmp(&b.1) });
    let (best, others) = candidates.split_first()?;
    let others = others.iter().map(|(other, _)| (*other, view.label(other.spec)));
    let beside = match standing((best.0, &view.label(best.0.spec)), others, metric) {
        Standing::Unknown if candidates.len() == 1 => "nothing else was measured".to_owned(),
        Standing::Unknown => "no interval".to_owned(),
        Standing::Beside(names) if names.is_empty() => "–".to_owned(),
        Standing::Beside(names) => names.join(", "),
    };
    let spec = best.0.spec;
    let at = if bytes.is_none() { format!(" at {}", size(spec.message_bytes)) } else { String::new() };
    Some(vec![
        Cell::text(goal),
        Cell::text(format!("**`{}`**", spec.mechanism)),
        Cell::text(format!("{}{at}", worded(best.0.estimate(metric)?, unit))),
        Cell::text(beside),
    ])
}
