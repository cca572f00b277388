//! Somebody else's server in a plan: how it is started or where it is, and what it may use.

use crate::{
    plan::{PlanError, catalogue::Catalogue, wire},
    units::{Size, Span},
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Somebody else's server: every file-server trial of the plan is held against it instead of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// What it is called in tables.
    pub label: String,
    /// A command for the shell that starts it, with `{port}`, `{workers}` and `{root}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// HOST:PORT of one that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Its folder, where we may look into it and place files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_root: Option<PathBuf>,
    /// Names of files that it has already, with `{mb}` for their size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<String>,
    /// Anonymous memory that it may hold.
    pub server_memory: Size,
    /// Longest that a transfer may take.
    pub deadline: Span,
    /// Longest that all trials together may take; what comes later is skipped.
    pub budget: Span,
}

impl Outside {
    /// Refuses what cannot be meant.
    pub(in crate::plan) fn check(&self, catalogue: &Catalogue) -> Result<(), PlanError> {
        let Self { label, command, target, files, .. } = self;
        let taken = catalogue.fileserver.server_model(label).is_some();
        let why = if !wire::is_plain_name(label) {
            format!("the label \"{label}\" is not letters, digits, '-', '_' and '.', at most 64 of them")
        } else if taken {
            format!("the label \"{label}\" is the name of a model of ours")
        } else if command.is_some() == target.is_some() {
            "somebody else's server is either started (command) or runs already (target)".into()
        } else if files.as_ref().is_some_and(|files| !files.contains("{mb}")) {
            "the names of files need {mb} in them, such as file_{mb}mb.txt".into()
        } else {
            return Ok(());
        };
        Err(why.into())
    }
}
