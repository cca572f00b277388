//! The layers of the harness: each uses only those below it. Reads every `use crate::`.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Layers from the top; the modules of one layer do not use each other, but for those of the last.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["run", "ab", "history"],
    &["roundtrip", "fileserver", "fanout"],
    &["pool", "shelf"],
    &["process", "measure", "host"],
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// Modules named in `use crate::...` or `use ferrybench::...`, braces and line breaks included.
fn used(text: &str) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for (start, root) in ["crate::", "ferrybench::"].iter().flat_map(|root| text.match_indices(root)) {
        let rest = &text[start + root.len()..];
        let mut depth = 0;
        let mut word = String::new();
        let mut top = true;
        for char in rest.chars() {
            match char {
                '{' => {
                    depth += 1;
                    top = depth == 1;
                }
                '}' | ';' | '(' | ')' | '<' => {
                    modules.insert(std::mem::take(&mut word));
                    depth -= 1;
                    if depth <= 0 {
                        break;
                    }
                }
                ',' => {
                    modules.insert(std::mem::take(&mut word));
                    if depth == 0 {
                        break;
                    }
                    top = depth == 1;
                }
                ':' => {
                    modules.insert(std::mem::take(&mut word));
                    top = false;
                    if depth == 0 {
                        break;
                    }
                }
                char if top && (char.is_alphanumeric() || char == '_') => word.push(char),
                _ => {}
            }
        }
    }
    modules.retain(|module| layer(module).is_some());
    modules
}

#[test]
fn each_layer_uses_only_those_below() {
    let root = root();
    let mut looked_at = 0;
    for path in sources(&root) {
        let relative = path.strip_prefix(&root).unwrap();
        let Some(module) = relative.components().next().and_then(|first| first.as_os_str().to_str()) else {
            continue;
        };
        let module = module.trim_end_matches(".rs");
        let Some(own) = layer(module) else { continue };
        looked_at += 1;
        for other in used(&fs::read_to_string(&path).unwrap()) {
            let allowed = other == module
                || layer(&other) > Some(own)
                || own == LAYERS.len() - 1 && layer(&other) == Some(own);
            assert!(allowed, "{} uses {other}, which is not below {module}", relative.display());
        }
    }
    assert!(looked_at > 30, "the sources were found");
}

#[test]
fn the_reader_of_uses_reads_nested_ones() {
    let text = "use crate::{\n    measure::{clock, place::current},\n    process::role,\n};\nlet x = crate::run::order();";
    assert_eq!(used(text), ["measure", "process", "run"].map(str::to_owned).into());
}

#[test]
fn only_cli_prints_and_only_it_knows_reports() {
    let root = root();
    for path in sources(&root).into_iter().filter(|path| !path.starts_with(root.join("cli"))) {
        let text = fs::read_to_string(&path).unwrap();
        for word in ["println!", "eprintln!", "ferrybench_reports"] {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn one_module_reads_the_clock() {
    let root = root();
    for path in sources(&root).into_iter().filter(|path| !path.ends_with("measure/clock.rs")) {
        let text = fs::read_to_string(&path).unwrap();
        for word in ["Instant::now", "SystemTime::now", "clock_gettime", "thread::sleep", "Timestamp::now"] {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}
