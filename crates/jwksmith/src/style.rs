//! Colours: which styles there are, and when they are used.
//!
//! Texts are written with their styles in them, and `output` drops those where nobody would see them. Colour only repeats what
//! the words say, so nothing is lost without it.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// A label, and the names of members.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
/// A string.
pub(crate) const TEXT: Style = AnsiColor::Green.on_default();
/// A number.
pub(crate) const NUMBER: Style = AnsiColor::Yellow.on_default();
/// A time in words.
pub(crate) const TIME: Style = AnsiColor::Magenta.on_default();
/// What is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What deserves a look.
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
/// What is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What matters less.
pub(crate) const ASIDE: Style = Style::new().dimmed();
/// What begins a section.
pub(crate) const HEADING: Style = Style::new().bold();

/// Decides for the whole run. Unless told, colours are for terminals, and `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE` count.
pub(crate) fn choose(color: clap::ColorChoice) {
    match color {
        clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        clap::ColorChoice::Always => anstream::ColorChoice::Always,
        clap::ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// The text in this style. It must hold nothing that a terminal would obey.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}
