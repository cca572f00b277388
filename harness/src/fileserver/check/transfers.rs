//! Content: what is sent is what was stored.

use super::{
    Case, Diagnosis, Stop, Verdict, content, fault, must,
    scene::{Scene, after, upload_request},
    should, skip,
};
use crate::measure::clock;
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    should("content-0-bytes", "an empty file comes back empty", |scene| comes_back(scene, &[])),
    must("content-1-byte", "1 byte of text comes back", |scene| comes_back(scene, &content::text(1, 8))),
    must("content-2-bytes", "2 bytes of text come back", |scene| comes_back(scene, &content::text(2, 9))),
    must("content-3-bytes", "3 bytes of text come back", |scene| comes_back(scene, &content::text(3, 10))),
    must("content-57-bytes", "57 bytes of text come back", |scene| comes_back(scene, &content::text(57, 11))),
    must("content-4096-bytes", "4096 bytes of text come back", |scene| {
        comes_back(scene, &content::text(4096, 12))
    }),
    must("content-1-mib", "1 MiB of text comes back", |scene| comes_back(scene, &content::text(MIB, 13))),
    should("binary-4096-bytes", "4096 bytes of every value come back", |scene| {
        comes_back(scene, &content::bytes(4096, 14))
    }),
    should("binary-1-mib", "1 MiB of every value comes back", |scene| {
        comes_back(scene, &content::bytes(MIB, 15))
    }),
    must("two-names", "two files under two names stay apart", two_names),
    must("upload-replaces", "an upload replaces the file of its name", upload_replaces),
    should(
        "time-grows-with-size",
        "four times the size takes about four times as long",
        time_grows_with_size,
    ),
];

const MIB: usize = 1024 * 1024;

fn comes_back(scene: &mut Scene, content: &[u8]) -> Verdict {
    scene.needs_uploads()?;
    let name = scene.fresh_name();
    scene.upload(&name, content)?;
    scene.expect(&name, content, &[])
}

fn two_names(scene: &mut Scene) -> Verdict {
    scene.needs_uploads()?;
    let (one, other) = (scene.fresh_name(), scene.fresh_name());
    let (first, second) = (content::text(300, 16), content::text(300, 17));
    scene.upload(&one, &first)?;
    scene.upload(&other, &second)?;
    for (name, content, not) in [(&one, &first, &second), (&other, &second, &first)] {
        scene.expect(name, content, &[not]).map_err(|stop| match stop {
            // One after the other, so that nothing was mixed: there is one place for both.
            Stop::Fault { diagnosis: Diagnosis::MixesFiles, seen } => fault(Diagnosis::OneNameForAll, seen),
            stop => stop,
        })?;
    }
    Ok(())
}

fn upload_replaces(scene: &mut Scene) -> Verdict {
    scene.needs_uploads()?;
    let name = scene.fresh_name();
    let (old, new) = (content::text(900, 18), content::text(300, 19));
    scene.upload(&name, &old)?;
    scene.upload(&name, &new)?;
    let got = scene.fetch_uploaded(&name, &[&new])?;
    if got == [&old[..], &new].concat() {
        return Err(fault(Diagnosis::Appends, "the second upload was appended to the first"));
    }
    if got == old {
        return Err(fault(Diagnosis::CopiesSuccess, "UPLOAD said OK, and the old content is still there"));
    }
    scene.expect(&name, &new, &[])
}

/// A server that searches all it has after each read takes sixteen times as long for four times the size.
fn time_grows_with_size(scene: &mut Scene) -> Verdict {
    /// No noise of a machine lasts that long.
    const SLOW_S: f64 = 4.0;
    /// What a busy machine does not do to less.
    const TELLING_S: f64 = 0.6;
    const FACTOR: f64 = 8.0;
    scene.needs_uploads()?;
    let name = scene.fresh_name();
    let mut before = seconds(scene, &name, MIB / 4)?;
    for (size, words) in [(MIB, "1 MiB"), (4 * MIB, "4 MiB")] {
        let suspect = |now: f64, before: f64| now > TELLING_S && now > FACTOR * before;
        let mut now = seconds(scene, &name, size)?;
        if suspect(now, before) && now < SLOW_S {
            now = now.min(seconds(scene, &name, size)?);
        }
        if suspect(now, before) {
            return Err(fault(
                Diagnosis::Quadratic,
                format!("UPLOAD of {words} took {now:.2} s, of a quarter of it {before:.2} s"),
            ));
        }
        if now > SLOW_S {
            return Err(skip(format!("UPLOAD of {words} took {now:.1} s already")));
        }
        before = now;
    }
    Ok(())
}

fn seconds(scene: &Scene, name: &str, size: usize) -> Result<f64, Stop> {
    let request = upload_request(name, &content::text(size, 20));
    let mut wire = scene.open()?;
    wire.until = after(Duration::from_secs(60));
    let start = clock::now();
    let reply = wire.ask(&request)?;
    if !reply.ok {
        return Err(fault(Diagnosis::RefusesGoodRequest, reply.excerpt()));
    }
    Ok((clock::now() - start) as f64 * 1e-9)
}
