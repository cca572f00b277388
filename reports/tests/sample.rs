//! The committed sample: its report follows from its records, to the byte.

use ferrybench_data::dataset::Dataset;
use ferrybench_reports::report;
use std::{fs, path::Path};

#[test]
fn the_sample_renders_to_the_committed_bytes() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample");
    let data = Dataset::read(&sample).unwrap();
    assert!(data.is_complete() && data.damaged == 0, "the sample is a whole run");
    let report = report(&data);
    let committed = |name: &str| fs::read(sample.join("report").join(name)).unwrap();
    let hint = "render it again: ferrybench report reports/sample";
    assert!(report.markdown.as_bytes() == committed("REPORT.md"), "REPORT.md differs; {hint}");
    for (name, svg) in &report.figures {
        assert!(svg.as_bytes() == committed(&format!("figures/{name}.svg")), "{name}.svg differs; {hint}");
        let png = ferrybench_reports::chart::png(svg).unwrap();
        assert!(png == committed(&format!("figures/{name}.png")), "{name}.png differs; {hint}");
    }
    let files = fs::read_dir(sample.join("report/figures")).unwrap().count();
    assert_eq!(files, 2 * report.figures.len(), "no figure is left of an older report");
}
