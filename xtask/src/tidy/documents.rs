//! The written word: ARCHITECTURE.md names every room of the house, and no file points outside of it.

use super::source::positions;
use super::{House, Violation};
use crate::tidy::tree::File;

const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// Where one workplace keeps its things. Put together here, so that this file does not break its own rule.
const OUTSIDE_ABSOLUTE: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
const OUTSIDE_RELATIVE: &str = concat!("../", "shared");

/// Every crate and every top-level folder has a place in ARCHITECTURE.md.
pub(super) fn architecture(house: &House<'_>) -> Vec<Violation> {
    let Some(page) = house.tree.file(ARCHITECTURE) else {
        return vec![Violation::at(ARCHITECTURE, 1, "write it: it says what each folder is for")];
    };
    let mut folders: Vec<_> = house.tree.files().filter_map(File::top_folder).collect();
    folders.extend(house.packages.iter().map(|package| package.directory.as_str()));
    folders.sort_unstable();
    folders.dedup();
    let unnamed = folders.into_iter().filter(|folder| !is_named(&page.text, folder));
    unnamed.map(|folder| Violation::at(ARCHITECTURE, 1, format!("say what `{folder}/` is for"))).collect()
}

/// A clone stands alone: nothing points at the machine or the folder that it was written in.
pub(super) fn no_outside(house: &House<'_>) -> Vec<Violation> {
    house.tree.files().flat_map(pointers_outside).collect()
}

/// By its whole path, or as `name/` in a drawing of the tree.
fn is_named(page: &str, folder: &str) -> bool {
    let name = folder.rsplit('/').next().unwrap_or(folder);
    positions(page, &format!("{name}/")).next().is_some() || folder.contains('/') && page.contains(folder)
}

fn pointers_outside(file: &File) -> Vec<Violation> {
    let lines = (1..).zip(file.text.lines()).filter(|(_, line)| points_outside(line));
    let message = "this path exists on one machine only; say it relative to the repository, or leave it out";
    lines.map(|(line, _)| Violation::at(&file.path, line, message)).collect()
}

fn points_outside(line: &str) -> bool {
    line.contains(OUTSIDE_RELATIVE) || OUTSIDE_ABSOLUTE.iter().any(|folder| has_absolute(line, folder))
}

/// Whether a path starts with `folder`, rather than going through one of that name.
fn has_absolute(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|character| character.is_alphanumeric() || "_-.~/}*".contains(character))
    })
}
