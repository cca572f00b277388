//! The plans that the binary carries.

/// Name, purpose and text of each built-in plan, from the smallest to the largest, then the assignments.
pub const ALL: &[BuiltIn] = &[
    BuiltIn {
        name: "smoke",
        help: "seconds: every mechanism, server model and sender model once, for CI",
        text: include_str!("../../plans/smoke.toml"),
    },
    BuiltIn {
        name: "quick",
        help: "under a minute: the ranking; what `bench` runs",
        text: include_str!("../../plans/quick.toml"),
    },
    BuiltIn {
        name: "standard",
        help: "minutes: every section of the report; what `just bench` runs",
        text: include_str!("../../plans/standard.toml"),
    },
    BuiltIn { name: "full", help: "hours: every axis", text: include_str!("../../plans/full.toml") },
    BuiltIn {
        name: "lab-roundtrip",
        help: "the round-trip assignment, in its three readings",
        text: include_str!("../../plans/lab-roundtrip.toml"),
    },
    BuiltIn {
        name: "lab-fileserver",
        help: "the file-server assignment: 54 rows for threads, 54 for processes",
        text: include_str!("../../plans/lab-fileserver.toml"),
    },
    BuiltIn {
        name: "lab-fanout",
        help: "the UDP assignment: its two cases by its five programs and tokio",
        text: include_str!("../../plans/lab-fanout.toml"),
    },
];

/// One plan of the binary.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// Its TOML.
    pub text: &'static str,
}

/// The built-in plan of that name.
pub fn find(name: &str) -> Option<&'static BuiltIn> {
    ALL.iter().find(|plan| plan.name == name)
}
