//! One published run of the file-server assignment's grid: a thread pool on both sides.

use crate::{axis::axis, fileserver::Operation};
use serde::Deserialize;

axis! {
    /// What became of a published row.
    GridStatus {
        /// It has a time.
        Ok = "ok",
        /// The operating system ended it.
        Killed = "killed",
        /// It was called impossible on the machine at hand.
        Impossible = "impossible",
    }
}

/// One row of the published grid.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GridRow {
    /// Number of the row, from 1.
    pub row: u32,
    /// What each client asked for.
    pub operation: Operation,
    /// Size of one file, MiB.
    pub volume_mib: u64,
    /// Client workers.
    pub client_pool: u32,
    /// Server workers.
    pub server_pool: u32,
    /// What became of it.
    pub status: GridStatus,
    /// The time column, seconds; its values look like the time for all clients.
    pub total_time_per_client_s: Option<f64>,
    /// The throughput column, said to be MB/s.
    pub throughput_per_client_mb_per_s: Option<f64>,
    /// Client workers that succeeded.
    pub clients_ok: u32,
    /// Client workers that failed.
    pub clients_failed: u32,
    /// Server workers that are said to have succeeded: as many as there were, whoever served.
    pub servers_ok: u32,
    /// Server workers that failed.
    pub servers_failed: u32,
    /// Size of the client's reads, as it was written down.
    pub client_buffer_as_published: String,
    /// Size of the server's reads, as it was written down.
    pub server_buffer_as_published: String,
    /// Model of the client pool.
    pub client_model: String,
    /// Model of the server.
    pub server_model: String,
}

impl GridRow {
    /// Size of one file, bytes.
    pub fn volume_bytes(&self) -> u64 {
        self.volume_mib << 20
    }

    /// The throughput that follows from the row's own volume and time, bytes a second.
    pub fn recomputed_bytes_per_s(&self) -> Option<f64> {
        Some(self.volume_bytes() as f64 / self.total_time_per_client_s?)
    }

    /// The recomputed throughput over the published one, in the unit that the rows which agree use (MiB/s); near 1
    /// where the row agrees with itself.
    pub fn throughput_off_by(&self) -> Option<f64> {
        let published = self.throughput_per_client_mb_per_s?;
        Some(self.recomputed_bytes_per_s()? / f64::from(1 << 20) / published)
    }
}

/// The published grid, all of its 54 rows.
pub fn fileserver() -> Vec<GridRow> {
    super::read(include_bytes!("../../reference/fileserver-grid-published.csv"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_whole() {
        let rows = fileserver();
        let count = |status| rows.iter().filter(|row| row.status == status).count();
        assert_eq!(rows.len(), 54);
        assert_eq!(
            [GridStatus::Ok, GridStatus::Killed, GridStatus::Impossible].map(count),
            [45, 2, 7],
            "as its author says"
        );
        let seconds: f64 = rows.iter().filter_map(|row| row.total_time_per_client_s).sum();
        assert!((seconds - 21_184.0).abs() < 1.0, "{seconds} s in all");
    }

    #[test]
    fn the_throughput_column_does_not_follow_from_the_time_column() {
        for row in fileserver().iter().filter(|row| row.status == GridStatus::Ok) {
            let off = row.throughput_off_by().expect("an ok row has both");
            let range = match row.row {
                1..=3 => 1_700.0..1_900.0,
                17 => 4.9..5.1,
                19..=26 => 9.9..10.1,
                _ => 0.99..1.01,
            };
            assert!(range.contains(&off), "row {}: {off} times", row.row);
        }
    }
}
