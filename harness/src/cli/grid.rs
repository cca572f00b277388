//! `grid`: the stress grid against somebody else's server.

use super::{Done, bench, plans::PlanChoice, request};
use clap::Args;
use ferrybench::fileserver::outside;
use ferrybench_data::{
    plan::{Outside, catalogue::Room},
    units::{Size, Span},
};
use std::path::PathBuf;

#[derive(Args)]
pub(super) struct Grid {
    /// Start the server by this command, for each pool anew; {port}, {workers} and {root} are filled in
    #[arg(long, value_name = "COMMAND", required_unless_present = "target", conflicts_with = "target")]
    server_cmd: Option<String>,
    /// Use a server that runs; name its pool by --server-pool
    #[arg(long, value_name = "HOST:PORT")]
    target: Option<String>,
    /// What the server is called in tables
    #[arg(long, value_name = "TEXT", default_value = "theirs")]
    label: String,
    /// The server's folder: files are placed there, and uploads verified
    #[arg(long, value_name = "DIR")]
    server_root: Option<PathBuf>,
    /// Files that the server has already, such as 'file_{mb}mb.txt'
    #[arg(long, value_name = "NAMES")]
    files: Option<String>,
    /// Anonymous memory that the server may hold [default: 60 % of what is available]
    #[arg(long, value_name = "SIZE")]
    server_memory: Option<Size>,
    /// Longest time of one transfer
    #[arg(long, value_name = "TIME", default_value = "120s")]
    deadline: Span,
    /// Longest time of all rows together; what is left then is skipped, and it is the largest
    #[arg(long, value_name = "TIME", default_value = "30min")]
    budget: Span,
    /// The run folder itself, instead of a new one in data/runs or ferrybench-runs
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Report although a debug build measured
    #[arg(long)]
    allow_debug: bool,
    /// Results as one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    choice: PlanChoice,
}

impl Grid {
    pub(super) fn carry_out(self) -> Done {
        if cfg!(debug_assertions) && !self.allow_debug {
            return Err(request("a debug build measures itself: use a release build, or --allow-debug"));
        }
        if let Some(target) = &self.target {
            outside::resolve(target).map_err(request)?;
            if self.choice.server_pools().len() != 1 {
                return Err(request("a server that runs has one pool: say which by --server-pool N"));
            }
        }
        if let Some(root) = self.server_root.as_ref().filter(|root| !root.is_dir()) {
            return Err(request(format_args!("--server-root {} is not a folder", root.display())));
        }
        // A relative folder means the same to the server as to us only where both begin at the same place.
        let server_root = self.server_root.as_ref().map(std::path::absolute).transpose().map_err(request)?;
        let outside = |room: &Room| Outside {
            label: self.label.clone(),
            command: self.server_cmd.clone(),
            target: self.target.clone(),
            server_root,
            files: self.files.clone(),
            server_memory: self.server_memory.unwrap_or(Size(room.memory_available_bytes / 10 * 6)),
            deadline: self.deadline,
            budget: self.budget,
        };
        let chosen = self.choice.choose_against(outside)?;
        bench::measure(bench::open(chosen, self.out.as_deref())?, None)?.report(self.json)
    }
}
