//! The exit statuses of every command, decided in one place.
//!
//! Scripts branch on them, so they never change their meaning. clap's own usage errors exit with 2 as well.

use std::process::ExitCode;

/// How a command ended, in the order of which one wins when several tokens end differently.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum ExitStatus {
    /// The token is valid, or the command did what it was asked for.
    Valid,
    /// The token is refused.
    Refused,
    /// The command line, the configuration or a file that it names is at fault.
    Usage,
    /// Nothing can be said about the token now, as when its issuer cannot be reached.
    Undecided,
}

impl ExitStatus {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Undecided => 3,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}
