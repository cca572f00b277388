//! One generic table writes and reads the CSV of every family.
//!
//! A row is the tuple (head, spec, evidence) side by side. Reading takes each part by column name, so that a
//! column added later needs no new schema. A last line without its line end is torn and ignored: a CSV reader
//! would take a torn `1234` for `12`.

use crate::{
    family::Family,
    record::{Audit, Noise, Outcome, Record},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::marker::PhantomData;

/// The columns that every family's table begins with.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    trial: String,
    block: u32,
    order: u32,
    status: Status,
    error: String,
    audit: String,
    audit_reason: String,
    noise_before: Option<f64>,
    noise_after: Option<f64>,
    #[serde(default)]
    noise_gap_s: Option<f64>,
    run_delay_s: Option<f64>,
    #[serde(default)]
    c2c_ns: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Failed,
    Skipped,
}

const SELF_REPORTED: &str = "self-reported";
const REASONS: &str = "; ";

/// Rows of one CSV file that were understood, and how many were not.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows<T> {
    /// The good rows, in the file's order.
    pub rows: Vec<T>,
    /// Lines that could not be read: damaged, or torn off at the end of the file.
    pub damaged: usize,
    /// Bytes from the start of the file to the end of its last whole line.
    pub whole_bytes: usize,
}

/// Reads any flat table. Rows that do not parse are counted, the good ones are used.
pub fn read_rows<T: DeserializeOwned>(text: &[u8]) -> Rows<T> {
    read_with(text, |record, headers| record.deserialize(Some(headers)))
}

/// One flat row as a CSV line, with its line end.
pub fn row_line<T: Serialize>(row: &T) -> csv::Result<String> {
    Ok(line(&fields(row)?))
}

/// The header line for a row type, taken from an example of it.
pub fn header_line<T: Serialize>(example: &T) -> csv::Result<String> {
    Ok(line(&columns(example)?))
}

/// The table of one family.
#[derive(Debug, Clone, Copy)]
pub struct Table<F>(PhantomData<F>);

impl<F: Family> Table<F> {
    /// The header line: head, axes, evidence.
    pub fn header(spec: &F::Spec) -> csv::Result<String> {
        let head = Head::blank();
        let mut names = columns(&head)?;
        names.extend(columns(spec)?);
        names.extend(columns(&F::Evidence::default())?);
        Ok(line(&names))
    }

    /// One record as a line with its line end.
    pub fn line(record: &Record<F>) -> csv::Result<String> {
        let mut head =
            Head { trial: record.trial(), block: record.block, order: record.order, ..Head::blank() };
        let Noise { noise_before, noise_after, noise_gap_s, run_delay_s, c2c_ns } = record.noise;
        (head.noise_before, head.noise_after, head.noise_gap_s) = (noise_before, noise_after, noise_gap_s);
        (head.run_delay_s, head.c2c_ns) = (run_delay_s, c2c_ns);
        let mut evidence = None;
        match &record.outcome {
            Outcome::Measured { evidence: seen, audit } => {
                evidence = Some(seen);
                (head.audit, head.audit_reason) = match audit {
                    Audit::Pass => ("pass".into(), String::new()),
                    Audit::Fail(reasons) => ("fail".into(), reasons.join(REASONS)),
                    Audit::SelfReported => (String::new(), SELF_REPORTED.into()),
                };
            }
            Outcome::Failed { reason, seen } => {
                evidence = seen.as_ref();
                (head.status, head.error) = (Status::Failed, one_line(reason));
            }
            Outcome::Skipped(reason) => (head.status, head.error) = (Status::Skipped, one_line(reason)),
        }
        let mut cells = fields(&head)?;
        cells.extend(fields(&record.spec)?);
        match evidence {
            Some(seen) => cells.extend(fields(seen)?),
            None => cells.extend(columns(&F::Evidence::default())?.iter().map(|_| String::new())),
        }
        Ok(line(&cells))
    }

    /// Every row that can be understood.
    pub fn read(text: &[u8]) -> Rows<Record<F>> {
        let names = columns(&F::Evidence::default()).unwrap_or_default();
        let told = |row: &csv::StringRecord, headers: &csv::StringRecord| {
            let mut cells = headers.iter().zip(row).filter(|(name, _)| names.iter().any(|own| own == name));
            cells.any(|(_, cell)| !cell.is_empty())
        };
        read_with(text, |row, headers| {
            let head: Head = row.deserialize(Some(headers))?;
            let spec: F::Spec = row.deserialize(Some(headers))?;
            let outcome = match head.status {
                Status::Ok => Outcome::Measured {
                    evidence: row.deserialize(Some(headers))?,
                    audit: match head.audit.as_str() {
                        "pass" => Audit::Pass,
                        "" if head.audit_reason == SELF_REPORTED => Audit::SelfReported,
                        _ => Audit::Fail(head.audit_reason.split(REASONS).map(str::to_owned).collect()),
                    },
                },
                Status::Failed => Outcome::Failed {
                    reason: head.error,
                    seen: if told(row, headers) { Some(row.deserialize(Some(headers))?) } else { None },
                },
                Status::Skipped => Outcome::Skipped(head.error),
            };
            let noise = Noise {
                noise_before: head.noise_before,
                noise_after: head.noise_after,
                noise_gap_s: head.noise_gap_s,
                run_delay_s: head.run_delay_s,
                c2c_ns: head.c2c_ns,
            };
            Ok(Record { block: head.block, order: head.order, noise, spec, outcome })
        })
    }
}

impl Head {
    fn blank() -> Self {
        Self {
            trial: String::new(),
            block: 0,
            order: 0,
            status: Status::Ok,
            error: String::new(),
            audit: String::new(),
            audit_reason: String::new(),
            noise_before: None,
            noise_after: None,
            noise_gap_s: None,
            run_delay_s: None,
            c2c_ns: None,
        }
    }
}

fn read_with<T>(
    text: &[u8],
    parse: impl Fn(&csv::StringRecord, &csv::StringRecord) -> csv::Result<T>,
) -> Rows<T> {
    let whole_bytes = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let torn = usize::from(text.len() > whole_bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&text[..whole_bytes]);
    let Ok(headers) = reader.headers().cloned() else {
        return Rows { rows: Vec::new(), damaged: 1, whole_bytes };
    };
    let mut rows = Vec::new();
    let mut damaged = torn;
    for record in reader.records() {
        let row = record.and_then(|record| {
            // A short or long row has cells under the wrong names: no part of it can be trusted.
            if record.len() == headers.len() { parse(&record, &headers).map(Some) } else { Ok(None) }
        });
        match row {
            Ok(Some(row)) => rows.push(row),
            _ => damaged += 1,
        }
    }
    Rows { rows, damaged, whole_bytes }
}

/// The cells of a flat serialisable value, in field order.
fn fields<T: Serialize>(value: &T) -> csv::Result<Vec<String>> {
    Ok(serialised(value, false)?.into_iter().next().unwrap_or_default())
}

/// The column names of a flat serialisable value, in field order.
fn columns<T: Serialize>(value: &T) -> csv::Result<Vec<String>> {
    Ok(serialised(value, true)?.into_iter().next().unwrap_or_default())
}

fn serialised<T: Serialize>(value: &T, headers: bool) -> csv::Result<Vec<Vec<String>>> {
    let mut writer = csv::WriterBuilder::new().has_headers(headers).from_writer(Vec::new());
    writer.serialize(value)?;
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(bytes.as_slice())
        .records()
        .map(|record| record.map(|record| record.iter().map(str::to_owned).collect()))
        .collect()
}

fn line(cells: &[String]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).expect("writing to memory cannot fail");
    String::from_utf8(writer.into_inner().expect("flushing to memory cannot fail")).expect("cells are UTF-8")
}

/// A reason as one line: a line break inside a cell would make a torn row look whole.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fileserver::{self, FileServer},
        roundtrip::{Evidence, Pattern, Peers, Placement, RoundTrip, Source, Spec, Wait},
    };
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn spec() -> Spec {
        Spec {
            mechanism: "pipe".into(),
            pattern: Pattern::Rtt,
            message_bytes: 64,
            peers: Peers::Process,
            wait: Wait::Block,
            placement: Placement::Split,
            producers: 1,
            source: Source::BuiltIn,
            hosts: String::new(),
        }
    }

    fn files() -> fileserver::Spec {
        fileserver::Spec {
            operation: fileserver::Operation::Download,
            client_pool: 5,
            server_pool: 0,
            read_bytes: fileserver::ReadBytes::Bytes(16),
            storage: fileserver::Storage::Disk,
            ..fileserver::Spec::default()
        }
    }

    fn records() -> Vec<Record<RoundTrip>> {
        let evidence =
            Evidence { exchanges: 12, elapsed_s: 0.25, p50_ns: Some(40_000.0), ..Evidence::default() };
        let outcomes = [
            Outcome::Measured { evidence: evidence.clone(), audit: Audit::Pass },
            Outcome::Measured {
                evidence: evidence.clone(),
                audit: Audit::Fail(vec!["one, two".into(), "three".into()]),
            },
            Outcome::Measured { evidence: evidence.clone(), audit: Audit::SelfReported },
            Outcome::Failed { reason: "it said \"no\", twice".into(), seen: None },
            Outcome::Failed { reason: "half of it".into(), seen: Some(evidence) },
            Outcome::Skipped("limit".into()),
        ];
        let noise = Noise { noise_before: Some(0.01), c2c_ns: Some(110.5), ..Noise::default() };
        let row = |(order, outcome)| Record { block: 2, order, noise, spec: spec(), outcome };
        (1..).zip(outcomes).map(row).collect()
    }

    fn text() -> String {
        let lines = records().iter().map(|record| Table::line(record).unwrap()).collect::<String>();
        Table::<RoundTrip>::header(&spec()).unwrap() + &lines
    }

    #[test]
    fn rows_survive_the_journey() {
        let read = Table::<RoundTrip>::read(text().as_bytes());
        assert_eq!((read.rows, read.damaged, read.whole_bytes), (records(), 0, text().len()));
    }

    fn unlike_columns<F: Family>(spec: &F::Spec) {
        let header = Table::<F>::header(spec).unwrap();
        let names: Vec<&str> = header.trim_end().split(',').collect();
        let unlike: HashSet<&str> = names.iter().copied().collect();
        assert_eq!(unlike.len(), names.len(), "{header}");
    }

    #[test]
    fn no_table_has_a_column_twice() {
        unlike_columns::<RoundTrip>(&spec());
        unlike_columns::<FileServer>(&files());
    }

    #[test]
    fn file_server_rows_survive_the_journey() {
        let evidence = fileserver::Evidence { rounds: 2, clients_ok: 4, ..fileserver::Evidence::default() };
        let outcomes = [
            Outcome::Measured { evidence: evidence.clone(), audit: Audit::Pass },
            Outcome::Failed { reason: "1 of 5 transfers failed".into(), seen: Some(evidence) },
            Outcome::Failed { reason: "the server did not start".into(), seen: None },
            Outcome::Skipped("memory".into()),
        ];
        let row =
            |(order, outcome)| Record { block: 1, order, noise: Noise::default(), spec: files(), outcome };
        let rows: Vec<Record<FileServer>> = (1..).zip(outcomes).map(row).collect();
        let lines: String = rows.iter().map(|row| Table::line(row).unwrap()).collect();
        let text = Table::<FileServer>::header(&files()).unwrap() + &lines;
        let read = Table::<FileServer>::read(text.as_bytes());
        assert_eq!((read.rows, read.damaged), (rows, 0));
    }

    #[test]
    fn a_column_from_a_later_version_is_let_pass() {
        let text = text();
        let cells = ["later"].into_iter().chain(std::iter::repeat("7"));
        let wider: Vec<String> =
            text.lines().zip(cells).map(|(line, cell)| format!("{line},{cell}\n")).collect();
        let wider = wider.concat();
        assert_eq!(Table::<RoundTrip>::read(wider.as_bytes()).rows, records());
    }

    proptest! {
        #[test]
        fn wherever_it_is_torn_the_whole_rows_are_used(cut in any::<prop::sample::Index>()) {
            let text = text();
            let cut = cut.index(text.len());
            let read = Table::<RoundTrip>::read(&text.as_bytes()[..cut]);
            let whole = text[..cut].matches('\n').count().saturating_sub(1);
            prop_assert_eq!(&read.rows[..], &records()[..whole]);
            prop_assert_eq!(text[..cut].rfind('\n').map_or(0, |last| last + 1), read.whole_bytes);
        }
    }
}
