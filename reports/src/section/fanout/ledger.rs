//! The ledger: what each receiver has counted, and the identities that hold it together.

use super::view::{Group, Shown, Trial, cases, left_out, program, shown, title};
use crate::{
    element::{Cell, Column, Element, Table},
    format::{self, Unit},
    section::{ranking::capital, view::View},
};
use ferrybench_data::fanout::{Framing, ReceiverRow};
use std::collections::HashMap;

/// A table longer than this is shown on demand.
const MOST_ROWS: usize = 12;

/// Counts of one receiver in one trial, over its files and blocks.
#[derive(Default)]
struct Account<'v> {
    host: &'v str,
    address: &'v str,
    counts: Counts,
    rows: usize,
    /// Rows in which both identities hold, and rows that tell enough to see.
    holds: usize,
    told: usize,
    bytes: u64,
    received_bytes: u64,
}

#[derive(Default, Clone, Copy)]
struct Counts {
    sent: u64,
    unique: u64,
    lost: u64,
    received: u64,
    duplicate: u64,
    corrupt: u64,
    reordered: u64,
    extent: u64,
    late: u64,
    socket: u64,
}

impl Counts {
    /// `None` where a count that an identity needs is not told.
    fn of(row: &ReceiverRow) -> Option<Self> {
        Some(Self {
            sent: row.sent?,
            unique: row.unique?,
            lost: row.lost?,
            received: row.received?,
            duplicate: row.duplicate?,
            corrupt: row.corrupt?,
            reordered: row.reordered.unwrap_or(0),
            extent: row.reorder_extent.unwrap_or(0),
            late: row.late.unwrap_or(0),
            socket: row.socket_dropped.unwrap_or(0),
        })
    }

    const fn holds(self) -> bool {
        self.unique + self.lost == self.sent && self.unique + self.duplicate + self.corrupt == self.received
    }

    fn add(&mut self, other: Self) {
        let Self { sent, unique, lost, received, duplicate, corrupt, reordered, extent, late, socket } =
            other;
        self.sent += sent;
        self.unique += unique;
        self.lost += lost;
        self.received += received;
        self.duplicate += duplicate;
        self.corrupt += corrupt;
        self.reordered += reordered;
        self.extent = self.extent.max(extent);
        self.late += late;
        self.socket += socket;
    }
}

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let mut rows_of: HashMap<&str, Vec<&ReceiverRow>> = HashMap::new();
    for row in &view.data.receivers {
        rows_of.entry(row.trial.as_str()).or_default().push(row);
    }
    let (mut told, mut holds) = (0, 0);
    for row in view.data.receivers.iter().filter_map(Counts::of) {
        told += 1;
        holds += usize::from(row.holds());
    }
    let cases = cases(view);
    let (bare, counted): (Vec<_>, Vec<_>) =
        cases.into_iter().partition(|case| case.spec.framing == Framing::Bare);
    let Shown { plainly, folded, left_out: rest } = shown(&counted);
    let of_case = |case: &Group<'_, '_>| {
        let mut rows = Vec::new();
        for trial in &case.trials {
            let id = trial.id();
            for account in accounts(rows_of.get(id.as_str()).map_or(&[], Vec::as_slice)) {
                rows.push(row(view, trial, &account));
            }
        }
        (!rows.is_empty()).then(|| table(&title(&case.spec), rows))
    };
    let tables: Vec<Element> = plainly.into_iter().filter_map(of_case).collect();
    let others: Vec<Element> = folded.into_iter().filter_map(of_case).collect();
    if tables.is_empty() && bare.is_empty() {
        return tables;
    }
    let mut elements = vec![
        Element::heading(2, "UDP fan-out: the ledger"),
        Element::prose(
            "Every datagram that is sent has a serial number of its own, a repeated one too. So of each receiver and file it is known how \
             many transmissions arrived at least once (unique), never (lost), or again (duplicate), and two identities must hold, or the \
             row fails its audit: unique + lost = sent, by the sender's own count, and unique + duplicate + corrupt = received, by the \
             receiver's. Out of order: how many, and by how many datagrams at most. Content that arrived: bytes, repeats included, over \
             the files' own.",
        ),
        Element::prose(verdict(told, holds)),
    ];
    if !bare.is_empty() {
        elements.push(Element::prose(format!(
            "{} {} bare datagrams, which carry no number: `sent` and `received` bytes are in the tables of goodput, every other count is \
             n/a.",
            capital(&format::counted(bare.len(), "case")),
            if bare.len() == 1 { "has" } else { "have" }
        )));
    }
    elements.extend(tables);
    if !others.is_empty() {
        let more = format::counted(others.len(), "more case");
        elements.push(Element::fold(format!("The ledger of {more}"), others));
    }
    elements.extend(left_out(rest, "receivers.csv"));
    elements
}

fn verdict(told: usize, holds: usize) -> String {
    if told == 0 {
        return "No row of this run carries a number on its datagrams, so that nothing can be held against anything.".into();
    }
    let rows = format::integer(told as u64);
    if told == holds {
        format!(
            "Both identities hold in all {rows} rows of a receiver, file and block that carry the counts."
        )
    } else {
        format!(
            "**The identities hold in {} of {rows} rows** of a receiver, file and block; the others are refused, with the reason in the \
             table of rows without a figure.",
            format::integer(holds as u64)
        )
    }
}

/// The accounts of a trial's receivers, in their order.
fn accounts<'v>(rows: &[&'v ReceiverRow]) -> Vec<Account<'v>> {
    let mut accounts: Vec<(u32, Account<'v>)> = Vec::new();
    for row in rows {
        let place = accounts.iter().position(|(number, _)| *number == row.receiver).unwrap_or_else(|| {
            accounts.push((
                row.receiver,
                Account { host: &row.host, address: &row.address, ..Account::default() },
            ));
            accounts.len() - 1
        });
        let account = &mut accounts[place].1;
        account.rows += 1;
        account.bytes += row.bytes;
        account.received_bytes += row.received_bytes;
        if let Some(counts) = Counts::of(row) {
            account.told += 1;
            account.holds += usize::from(counts.holds());
            account.counts.add(counts);
        }
    }
    accounts.sort_by_key(|(number, _)| *number);
    accounts.into_iter().map(|(_, account)| account).collect()
}

fn row(view: &View<'_>, trial: &Trial<'_>, account: &Account<'_>) -> Vec<Cell> {
    let of = account.counts;
    let n = format::integer;
    let is_told = account.told > 0;
    let told = |text: String| if is_told { Cell::text(text) } else { Cell::text("n/a") };
    let equal = |is: bool| if is { "=" } else { "≠" };
    let reordered =
        if of.reordered == 0 { "0".to_owned() } else { format!("{} (by {})", n(of.reordered), n(of.extent)) };
    vec![
        Cell::text(program(view, trial.spec)),
        Cell::text(account.host),
        Cell::text(account.address),
        told(format!(
            "{} + {} {} {}",
            n(of.unique),
            n(of.lost),
            equal(of.unique + of.lost == of.sent),
            n(of.sent)
        )),
        told(format!(
            "{} + {} + {} {} {}",
            n(of.unique),
            n(of.duplicate),
            n(of.corrupt),
            equal(of.unique + of.duplicate + of.corrupt == of.received),
            n(of.received)
        )),
        told(reordered),
        told(n(of.late)),
        Cell::exact(account.received_bytes as f64 / account.bytes.max(1) as f64, Unit::Percent),
        told(format!("{} of {}", account.holds, account.rows)),
    ]
}

fn table(case: &str, rows: Vec<Vec<Cell>>) -> Element {
    let columns = vec![
        Column::left("Program"),
        Column::left("Receiver"),
        Column::left("Address"),
        Column::right("Unique + lost = sent"),
        Column::right("Unique + duplicate + corrupt = received"),
        Column::right("Out of order"),
        Column::right("Late"),
        Column::right("Content that arrived"),
        Column::right("Both hold"),
    ];
    let count = rows.len();
    let caption = format!("{}. Sums over the receiver's files and all blocks.", capital(case));
    let table = Element::Table(Table { columns, rows, caption });
    if count > MOST_ROWS {
        Element::fold(format!("{}: {count} accounts", capital(case)), vec![table])
    } else {
        table
    }
}
