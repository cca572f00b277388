//! Hosts that a plan names: how each is reached, and where its files come from.

use super::{
    PlanError,
    wire::{Source, is_plain_name},
};
use crate::units::Size;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use toml::Spanned;

/// A host that a plan names, by the command that reaches it. The first of a plan sends, the others receive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedHost {
    /// What it is called in tables: letters, digits, `-`, `_` and `.`; unlike the names of the others.
    pub name: String,
    /// The command that starts a program there, word by word, such as `["ssh", "h1"]`; empty for this machine.
    pub prefix: Vec<String>,
    /// The address by which the others reach it; absent: what its agent tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Path of ferrybench there; absent: the path of the binary that runs here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
    /// Whether the binary is copied there first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub push: bool,
}

/// Files that are sent instead of ours, in this order: addresses first, then paths.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Sources {
    /// HTTP or HTTPS addresses, each of one file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Files, or folders whose files are meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathBuf>,
    /// Most bytes that a fetched file may have; absent: 1 GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetch_limit: Option<Size>,
}

/// Most bytes of a fetched file where a plan does not say.
const FETCH_LIMIT: u64 = 1 << 30;

impl Sources {
    /// Most bytes that a fetched file may have.
    pub fn fetch_limit_bytes(&self) -> u64 {
        self.fetch_limit.map_or(FETCH_LIMIT, |limit| limit.0)
    }

    /// Refuses what cannot be meant.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.urls.is_empty() && self.paths.is_empty() {
            return Err("a source needs urls or paths".into());
        }
        for url in &self.urls {
            let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
            if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
                return Err(format!("expected an http:// or https:// address, not \"{url}\""));
            }
        }
        match self.paths.iter().find(|path| path.as_os_str().is_empty()) {
            Some(_) => Err("expected the path of a file or a folder, not \"\"".into()),
            None => Ok(()),
        }
    }
}

/// Refuses what is not a pair of two hosts that the plan names, such as `client:server1`.
pub(super) fn pair_known(pair: &str, hosts: &[NamedHost]) -> Result<(), String> {
    let (near, far) = pair
        .split_once(':')
        .ok_or_else(|| format!("expected two hosts such as \"client:server1\", not \"{pair}\""))?;
    if let Some(name) = [near, far].into_iter().find(|name| !hosts.iter().any(|host| host.name == *name)) {
        return Err(format!("the plan has no [[host]] called \"{name}\""));
    }
    if near == far { Err(format!("\"{pair}\" is one host twice")) } else { Ok(()) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireHost {
    name: Spanned<String>,
    #[serde(default)]
    prefix: Vec<Spanned<String>>,
    address: Option<Spanned<String>>,
    binary: Option<Spanned<String>>,
    #[serde(default)]
    push: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireSources {
    #[serde(default)]
    urls: Vec<String>,
    #[serde(default)]
    paths: Vec<PathBuf>,
    fetch_limit: Option<Size>,
}

impl WireHost {
    /// The host, held against those before it.
    pub(super) fn typed(self, source: Source<'_>, before: &[NamedHost]) -> Result<NamedHost, PlanError> {
        let Self { name, prefix, address, binary, push } = self;
        if !is_plain_name(name.get_ref()) {
            let message = "a host's name is letters, digits, '-', '_' and '.', at most 64 of them".to_owned();
            return Err(source.at(name.span(), message));
        }
        if before.iter().any(|host| host.name == *name.get_ref()) {
            return Err(source.at(name.span(), format!("two hosts are called \"{}\"", name.get_ref())));
        }
        for (what, word) in
            prefix.iter().map(|word| ("prefix", word)).chain(address.iter().map(|word| ("address", word)))
        {
            if word.get_ref().is_empty() || word.get_ref().contains(char::is_whitespace) && what == "address"
            {
                let message = format!("expected a word of the host's {what}, not \"{}\"", word.get_ref());
                return Err(source.at(word.span(), message));
            }
        }
        if let Some(path) = binary.as_ref().filter(|path| path.get_ref().is_empty()) {
            let message = "expected the path of ferrybench on that host, not \"\"".to_owned();
            return Err(source.at(path.span(), message));
        }
        Ok(NamedHost {
            name: name.into_inner(),
            prefix: prefix.into_iter().map(Spanned::into_inner).collect(),
            address: address.map(Spanned::into_inner),
            binary: binary.map(Spanned::into_inner),
            push,
        })
    }
}

impl WireSources {
    pub(super) fn typed(self) -> Result<Sources, String> {
        let sources = Sources { urls: self.urls, paths: self.paths, fetch_limit: self.fetch_limit };
        sources.check()?;
        Ok(sources)
    }
}
