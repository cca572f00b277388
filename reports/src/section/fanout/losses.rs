//! Where datagrams were lost, as far as the kernel tells.

use super::view::{Trial, cases, program, short, sum};
use crate::{
    chart::{self, Chart, Stacked, StackedRow},
    element::{Cell, Column, Element, Figure, Table},
    format::{self, Unit},
    section::view::View,
};
use ferrybench_data::fanout::{ReceiveOffload, Spec};

/// Where a datagram can be lost, in the order in which counters are believed.
const PLACES: [&str; 4] = ["injected", "interface or queue", "socket buffer", "unexplained"];
/// Rows of one figure; those that lost the largest shares.
const MOST_DRAWN: usize = 20;
/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 16;

/// A trial's losses, summed over its good blocks.
struct Loss<'v, 'a> {
    trial: &'v Trial<'a>,
    case: Spec,
    sent: u64,
    lost: u64,
    /// The kernel's own counters, in the order of [`PLACES`]; `None` where it does not tell.
    counted: [Option<u64>; 3],
}

impl Loss<'_, '_> {
    fn share(&self) -> f64 {
        self.lost as f64 / self.sent.max(1) as f64
    }

    /// The loss by place: each counter explains no more than is left.
    fn parts(&self) -> [u64; 4] {
        let mut left = self.lost;
        let spec = self.trial.spec;
        let whole = spec.datagrams_a_packet();
        // A socket that takes no batches has got them cut up already.
        let at_a_socket = if spec.receive_offload == ReceiveOffload::Gro { whole } else { 1 };
        let mut explained = [0; 3];
        let counters = self.counted.into_iter().zip([whole, whole, at_a_socket]);
        for (part, (packets, datagrams)) in explained.iter_mut().zip(counters) {
            *part = packets.unwrap_or(0).saturating_mul(datagrams).min(left);
            left -= *part;
        }
        [explained[0], explained[1], explained[2], left]
    }
}

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let mut losses: Vec<Loss<'_, '_>> = Vec::new();
    let (mut bare, mut kept) = (0_usize, 0_usize);
    for case in cases(view) {
        for trial in case.trials.iter().filter(|trial| trial.good().next().is_some()) {
            let (Some(sent), Some(lost)) = (sum(trial, |seen| seen.sent), sum(trial, |seen| seen.lost))
            else {
                bare += 1;
                continue;
            };
            if lost == 0 {
                kept += 1;
                continue;
            }
            let counted = [
                sum(trial, |seen| seen.injected_drops),
                sum(trial, |seen| seen.interface_dropped),
                sum(trial, |seen| seen.socket_dropped),
            ];
            losses.push(Loss { trial, case: case.spec.clone(), sent, lost, counted });
        }
    }
    if bare + kept + losses.len() == 0 {
        return Vec::new();
    }
    let mut elements = vec![
        Element::heading(2, "UDP fan-out: where datagrams were lost"),
        Element::prose(words(&losses, kept, bare)),
    ];
    if losses.is_empty() {
        return elements;
    }
    elements.push(Element::prose(
        "**Injected:** the firewall was told to drop them, by its own counter. **Interface or queue:** what lies between the hosts dropped \
         them; of hosts that the plan names, what their own interfaces dropped, whoever's packets it was. **Socket buffer:** they arrived faster than the receiver read. A counter counts packets, control datagrams among them; a batch \
         that was never cut up counts once, and stands for as many datagrams as it may hold. So each explains at most what the ledger \
         misses, in this order, and what none explains is said to be unexplained.",
    ));
    elements.extend(figure(view, &losses));
    elements.push(table(view, &losses));
    elements
}

fn words(losses: &[Loss<'_, '_>], kept: usize, bare: usize) -> String {
    let mut text = format!(
        "Of {} whose datagrams carry a number, {kept} lost none and {} lost some.",
        format::counted(kept + losses.len(), "trial"),
        losses.len()
    );
    let lost: u64 = losses.iter().map(|of| of.lost).sum();
    if lost > 0 {
        let sums = losses
            .iter()
            .map(Loss::parts)
            .fold([0; 4], |sums, parts| std::array::from_fn(|place| sums[place] + parts[place]));
        let parts: Vec<String> = PLACES
            .iter()
            .zip(sums)
            .filter(|(_, count)| *count > 0)
            .map(|(place, count)| {
                format!(
                    "{place} {} ({})",
                    format::integer(count),
                    format::value(count as f64 / lost as f64, Unit::Percent)
                )
            })
            .collect();
        text += &format!(" In all {} transmissions were lost: {}.", format::integer(lost), parts.join(", "));
    }
    if bare > 0 {
        text +=
            &format!(" Of {} with bare datagrams the losses are not known.", format::counted(bare, "trial"));
    }
    text
}

fn figure(view: &View<'_>, losses: &[Loss<'_, '_>]) -> Option<Element> {
    let mut shares: Vec<f64> = losses.iter().map(Loss::share).collect();
    shares.sort_by(|a, b| b.total_cmp(a));
    let least = shares.get(MOST_DRAWN - 1).copied().unwrap_or(0.0);
    let mut groups: Vec<chart::Group<StackedRow>> = Vec::new();
    let mut drawn = 0;
    for of in losses.iter().filter(|of| of.share() >= least) {
        if drawn == MOST_DRAWN {
            break;
        }
        drawn += 1;
        let heading = short(&of.case);
        let parts = of.parts().map(|part| part as f64 / of.sent.max(1) as f64).to_vec();
        let row = StackedRow { label: program(view, of.trial.spec), parts };
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.items.push(row),
            None => groups.push(chart::Group::new(heading, vec![row])),
        }
    }
    let kinds = PLACES.map(Into::into).to_vec();
    let chart = Stacked::new("Share of all transmissions that was lost", Unit::Percent, kinds, groups)?;
    let some = if drawn < losses.len() {
        format!(" The {drawn} trials that lost the largest shares.")
    } else {
        String::new()
    };
    Some(Element::Figure(Figure {
        name: "fanout-losses".into(),
        chart: Chart::Stacked(chart),
        alt: "Share of lost transmissions by the place of the loss".into(),
        caption: format!(
            "Where transmissions were lost, as a share of all that were sent; sums over blocks.{some}"
        ),
    }))
}

fn table(view: &View<'_>, losses: &[Loss<'_, '_>]) -> Element {
    let counter = |count: Option<u64>| count.map_or(Cell::text("not told"), Cell::Integer);
    let rows: Vec<Vec<Cell>> = losses
        .iter()
        .map(|of| {
            let [.., unexplained] = of.parts();
            let [injected, interface, socket] = of.counted;
            vec![
                Cell::text(short(&of.case)),
                Cell::text(program(view, of.trial.spec)),
                Cell::Integer(of.sent),
                Cell::Integer(of.lost),
                Cell::exact(of.share(), Unit::Percent),
                counter(injected),
                counter(interface),
                counter(socket),
                Cell::Integer(unexplained),
                Cell::Integer(of.trial.good().count() as u64),
            ]
        })
        .collect();
    let columns = vec![
        Column::left("Case"),
        Column::left("Program"),
        Column::right("Sent"),
        Column::right("Lost"),
        Column::right("Share"),
        Column::right("Injected"),
        Column::right("Interface or queue"),
        Column::right("Socket buffer"),
        Column::right("Unexplained"),
        Column::right("Blocks"),
    ];
    let count = rows.len();
    let caption = "Sums over blocks; the counters as the kernel told them.".into();
    let table = Element::Table(Table { columns, rows, caption });
    if count > MOST_ROWS {
        Element::fold(format!("All {count} trials that lost datagrams"), vec![table])
    } else {
        table
    }
}
