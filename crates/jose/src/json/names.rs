//! The member names of one object under way: which of them stood before, in whatever spelling.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// How many names are compared one by one; more of them, and those spelt with escapes, go into a set.
const FEW: usize = 16;

/// The names met so far in one object.
pub(super) struct Names<'a> {
    /// One bit per name met: a name whose bit is clear is new, which spares nearly every comparison.
    met: u64,
    few: [&'a str; FEW],
    few_count: usize,
    more: BTreeSet<Cow<'a, str>>,
}

impl Default for Names<'_> {
    fn default() -> Self {
        Self { met: 0, few: [""; FEW], few_count: 0, more: BTreeSet::new() }
    }
}

impl<'a> Names<'a> {
    /// Takes a name in, or gives it back if it was there already.
    pub(super) fn insert(&mut self, name: Cow<'a, str>) -> Result<(), Cow<'a, str>> {
        let bit = bit_of(name.as_bytes());
        if self.met & bit != 0 && self.knows(&name) {
            return Err(name);
        }
        self.met |= bit;
        match (name, self.few.get_mut(self.few_count)) {
            (Cow::Borrowed(name), Some(place)) => {
                *place = name;
                self.few_count = self.few_count.saturating_add(1);
            }
            (name, _) => drop(self.more.insert(name)),
        }
        Ok(())
    }

    fn knows(&self, name: &str) -> bool {
        self.few.iter().take(self.few_count).any(|few| *few == name) || self.more.contains(name)
    }
}

/// One of 64 bits, from what tells usual names apart: their length and both ends.
fn bit_of(name: &[u8]) -> u64 {
    let end = |byte: Option<&u8>| byte.copied().map_or(0, u64::from);
    let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
    let mixed = length.wrapping_mul(7) ^ end(name.first()).wrapping_mul(5) ^ end(name.last()).wrapping_mul(3);
    1 << (mixed & 63)
}

#[cfg(test)]
mod tests {
    use super::{FEW, Names};
    use std::borrow::Cow;

    fn owned(name: &str) -> Cow<'static, str> {
        Cow::Owned(name.to_owned())
    }

    #[test]
    fn name_is_known_however_it_came() {
        let check = |first: Cow<'static, str>, second: Cow<'static, str>, is_new: bool| {
            let mut names = Names::default();
            assert_eq!(names.insert(first.clone()), Ok(()));
            assert_eq!(names.insert(second.clone()).is_ok(), is_new, "{first} then {second}");
        };
        check("a".into(), "a".into(), false);
        check("a".into(), owned("a"), false);
        check(owned("a"), "a".into(), false);
        check(owned("a"), owned("a"), false);
        check("".into(), "".into(), false);
        check("a".into(), "b".into(), true);
        check("".into(), owned("b"), true);
        // The same length and ends, and so the same bit.
        check("axb".into(), "ayb".into(), true);
    }

    #[test]
    fn names_beyond_the_few_are_known_too() {
        let all: Vec<String> = (0..FEW * 3).map(|n| format!("m{n}x")).collect();
        let mut names = Names::default();
        assert!(all.iter().all(|name| names.insert(name.as_str().into()).is_ok()));
        assert!(all.iter().all(|name| names.insert(name.as_str().into()).is_err()));
    }
}
