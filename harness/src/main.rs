//! Ferrybench: how fast does data change hands?

use ferrybench::{process::role, roundtrip};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = role::take_over(&[role::entry::<roundtrip::Near>(), role::entry::<roundtrip::Far>()])
    {
        return code;
    }
    ExitCode::SUCCESS
}
