//! `completions` and `man`.

use super::{Cli, Done, Exit, failure};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::{self, Write};

#[derive(Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Args)]
pub(super) struct Man;

impl Completions {
    #[expect(clippy::unnecessary_wraps, reason = "every sub-command is carried out alike")]
    pub(super) fn carry_out(self) -> Done {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "ferrybench", &mut script);
        print(&script);
        Ok(Exit::Good)
    }
}

impl Man {
    #[expect(clippy::unused_self, reason = "every sub-command is carried out alike")]
    pub(super) fn carry_out(self) -> Done {
        let mut command = Cli::command();
        command.build();
        let mut page = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut page).map_err(failure)?;
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let man = clap_mangen::Man::new(sub.clone());
            man.render_synopsis_section(&mut page).map_err(failure)?;
            man.render_description_section(&mut page).map_err(failure)?;
            man.render_options_section(&mut page).map_err(failure)?;
        }
        print(&page);
        Ok(Exit::Good)
    }
}

/// Whoever closes the output early has read enough.
fn print(bytes: &[u8]) {
    let _ = io::stdout().lock().write_all(bytes);
}
