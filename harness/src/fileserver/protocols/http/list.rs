//! Lists of files, as servers write them.

use super::percent_decode;

/// The names in a list in JSON: ours are texts, nginx has an object for each.
pub(super) fn names(text: &[u8]) -> Option<Vec<String>> {
    let entries: Vec<serde_json::Value> = serde_json::from_slice(text).ok()?;
    let files = entries.iter().filter(|entry| entry.get("type").is_none_or(|kind| kind == "file"));
    files.map(|entry| entry.as_str().or_else(|| entry.get("name")?.as_str()).map(str::to_owned)).collect()
}

/// The names in a page that lists a folder: what its links lead to, other folders aside.
pub(super) fn links(page: &str) -> Vec<String> {
    let targets = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let files = targets.filter(|target| !target.contains(['/', '?', '#']) && !target.is_empty());
    files.filter_map(percent_decode).collect()
}
