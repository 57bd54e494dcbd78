//! The member names of one object under way: which of them stood before, in whatever spelling.

use std::collections::BTreeSet;

/// How many names are compared one by one; more of them, and those spelt with escapes, go into a set.
const FEW: usize = 8;

/// The names met so far in one object.
pub(super) struct Names<'a> {
    /// One bit per name met: a name whose bit is clear is new, which spares nearly every comparison.
    met: u64,
    few: [&'a str; FEW],
    few_count: usize,
    more: BTreeSet<String>,
}

impl Default for Names<'_> {
    fn default() -> Self {
        Self { met: 0, few: [""; FEW], few_count: 0, more: BTreeSet::new() }
    }
}

impl<'a> Names<'a> {
    /// Takes a name in; false if it was there already.
    #[inline]
    pub(super) fn insert(&mut self, name: &'a str) -> bool {
        let bit = bit_of(name.as_bytes());
        if self.met & bit != 0 && self.knows(name) {
            return false;
        }
        self.met |= bit;
        match self.few.get_mut(self.few_count) {
            Some(place) => {
                *place = name;
                self.few_count = self.few_count.wrapping_add(1);
                true
            }
            None => self.more.insert(name.to_owned()),
        }
    }

    /// The same of a name that was spelt with escapes.
    pub(super) fn insert_owned(&mut self, name: &str) -> bool {
        self.met |= bit_of(name.as_bytes());
        !self.knows(name) && self.more.insert(name.to_owned())
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

    /// Puts two names in, each spelt plainly or with escapes.
    fn check(first: &'static str, second: &'static str, is_new: bool) {
        for spelling in 0..4 {
            let mut names = Names::default();
            let mut insert = |name: &'static str, escaped: bool| {
                if escaped { names.insert_owned(name) } else { names.insert(name) }
            };
            assert!(insert(first, spelling & 1 == 1));
            assert_eq!(
                insert(second, spelling & 2 == 2),
                is_new,
                "{first} then {second}, spelling {spelling}"
            );
        }
    }

    #[test]
    fn name_is_known_however_it_came() {
        check("a", "a", false);
        check("", "", false);
        check("a", "b", true);
        check("", "b", true);
        // The same length and ends, and so the same bit.
        check("axb", "ayb", true);
    }

    #[test]
    fn names_beyond_the_few_are_known_too() {
        let all: Vec<String> = (0..FEW * 3).map(|n| format!("m{n}x")).collect();
        let mut names = Names::default();
        assert!(all.iter().all(|name| names.insert(name)));
        assert!(all.iter().all(|name| !names.insert(name)));
        assert!(all.iter().all(|name| !names.insert_owned(name)));
    }
}
