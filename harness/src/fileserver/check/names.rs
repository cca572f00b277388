//! Names: what is stored under one, and what is none.

use super::{
    Case, Diagnosis, Verdict, content, fault, must,
    scene::{Scene, delete_request, get_request, upload_request},
    should,
};

pub(super) const CASES: &[Case] = &[
    must(
        "name-with-path",
        "a name with a path is an ERROR and leaves the served folder alone",
        name_with_path,
    ),
    must("name-dot-dot", "the names `.` and `..` are an ERROR", name_dot_dot),
    must("name-empty", "an empty name is an ERROR", name_empty),
    must("name-255-bytes", "a name of 255 bytes is stored", name_of_255_bytes),
    must("name-256-bytes", "a name of 256 bytes is an ERROR", name_of_256_bytes),
    should("name-without-dot", "LIST shows a name without a dot", name_without_dot),
];

/// The longest name.
const LONGEST: usize = 255;

fn name_with_path(scene: &mut Scene) -> Verdict {
    if let Ok(fixture) = scene.fixture() {
        for (path, diagnosis) in
            [("no-such-folder/", Diagnosis::TakesBadNames), ("./", Diagnosis::PathEscape)]
        {
            let name = format!("{path}{}", fixture.name);
            if scene.fetch(&name).is_ok_and(|content| content == fixture.content) {
                return Err(fault(diagnosis, format!("GET {name} sent {}", fixture.name)));
            }
        }
    }
    scene.needs_uploads()?;
    let inside = scene.fresh_name();
    let outside = format!("../{inside}");
    let reply = scene.exchange(&upload_request(&outside, &content::text(57, 5)))?;
    let escaped = scene.fetch(&outside).is_ok();
    let listed = scene.names()?.contains(&inside);
    if escaped && !listed {
        let removed = scene.exchange(&delete_request(&outside)).is_ok_and(|reply| reply.ok);
        let left = if removed { "and was deleted" } else { "and lies there still" };
        return Err(fault(Diagnosis::PathEscape, format!("UPLOAD {outside} was stored outside, {left}")));
    }
    if reply.ok || listed {
        return Err(fault(Diagnosis::TakesBadNames, format!("UPLOAD {outside}: {}", reply.excerpt())));
    }
    Ok(())
}

fn name_dot_dot(scene: &mut Scene) -> Verdict {
    refused(scene, "..")?;
    refused(scene, ".")
}

fn name_empty(scene: &mut Scene) -> Verdict {
    refused(scene, "")
}

/// Expects an `ERROR` for a name, whatever is asked with it.
fn refused(scene: &mut Scene, name: &str) -> Verdict {
    let takes =
        |verb: &str, seen: String| fault(Diagnosis::TakesBadNames, format!("{verb} \"{name}\": {seen}"));
    let reply = scene.exchange(&get_request(name))?;
    if reply.ok {
        return Err(takes("GET", reply.excerpt()));
    }
    if scene.has_uploads() {
        let reply = scene.exchange(&upload_request(name, b"bad name"))?;
        if reply.ok {
            // Whatever the server made of the name, it will make of it again.
            let _ = scene.exchange(&delete_request(name));
            return Err(takes("UPLOAD", reply.excerpt()));
        }
    }
    Ok(())
}

fn name_of_255_bytes(scene: &mut Scene) -> Verdict {
    scene.needs_uploads()?;
    let name = scene.fresh_of(LONGEST);
    let content = content::text(57, 6);
    let reply = scene.exchange(&upload_request(&name, &content))?;
    if !reply.ok {
        return Err(fault(Diagnosis::RefusesLongNames, reply.excerpt()));
    }
    scene.expect(&name, &content, &[])
}

fn name_of_256_bytes(scene: &mut Scene) -> Verdict {
    scene.needs_uploads()?;
    let name = scene.fresh_of(LONGEST + 1);
    scene.mine(&name[..LONGEST]);
    let reply = scene.exchange(&upload_request(&name, b"too long"))?;
    if reply.ok {
        return Err(fault(Diagnosis::TakesBadNames, format!("256 bytes: {}", reply.excerpt())));
    }
    Ok(())
}

fn name_without_dot(scene: &mut Scene) -> Verdict {
    scene.needs_uploads()?;
    let name = scene.fresh("-without-dot");
    scene.upload(&name, &content::text(57, 7))?;
    if scene.names()?.contains(&name) {
        return Ok(());
    }
    if scene.lacks(&name)? {
        return Err(fault(Diagnosis::CopiesSuccess, format!("{name} is neither listed nor sent")));
    }
    Err(fault(Diagnosis::ListHidesNames, format!("GET sends {name}, LIST does not show it")))
}
