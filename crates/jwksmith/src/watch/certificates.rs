//! Which certificates of published keys are near their end. Each is told of once, and once more when it is over.

use std::collections::BTreeSet;

use jwksmith_jose::{PublishedKey, UnixTime};
use jwksmith_verifier::Verifier;

use super::notice::{Notice, What};

const DAY_SECONDS: u64 = 86_400;

/// What has been told of already.
pub(super) struct Certificates {
    within_seconds: u64,
    told: BTreeSet<Ending>,
}

/// A certificate near its end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Ending {
    pub(super) issuer: String,
    pub(super) kid: String,
    pub(super) expires: UnixTime,
    is_over: bool,
}

impl Certificates {
    pub(super) fn within_days(days: u32) -> Self {
        Self { within_seconds: u64::from(days).saturating_mul(DAY_SECONDS), told: BTreeSet::new() }
    }

    /// What is new to tell. What is not published any more is forgotten.
    pub(super) fn look(&mut self, verifier: &Verifier, now: UnixTime) -> Vec<Notice> {
        self.new_ones(of_all(verifier), now).map(|ending| ending.notice(now)).collect()
    }

    fn new_ones(
        &mut self,
        published: Vec<(String, String, UnixTime)>,
        now: UnixTime,
    ) -> impl Iterator<Item = Ending> + use<> {
        let near =
            published.into_iter().filter(|(.., expires)| expires.seconds_since(now) <= self.within_seconds);
        let near = near.map(|(issuer, kid, expires)| Ending { issuer, kid, expires, is_over: expires < now });
        let near: BTreeSet<_> = near.collect();
        let new: Vec<_> = near.difference(&self.told).cloned().collect();
        self.told = near;
        new.into_iter()
    }
}

impl Ending {
    fn notice(self, now: UnixTime) -> Notice {
        let Self { issuer, kid, expires, is_over } = self;
        Notice { issuer, at: now, what: What::Certificate { kid, expires, is_over } }
    }
}

/// Issuer, key and end of every certificate that is published now.
pub(super) fn of_all(verifier: &Verifier) -> Vec<(String, String, UnixTime)> {
    let of_issuer = |issuer: &str| {
        let keys = verifier.located(issuer).map(|located| located.keys);
        let certified =
            |key: &PublishedKey| Some((issuer.to_owned(), name(key), key.certificate()?.not_after()));
        keys.iter().flat_map(|keys| keys.keys()).filter_map(certified).collect::<Vec<_>>()
    };
    verifier.issuers().flat_map(of_issuer).collect()
}

/// Its `kid`; of a key without one the thumbprint.
fn name(key: &PublishedKey) -> String {
    key.key_id().map_or_else(|| key.thumbprint().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_is_told_of_once_and_once_more_when_it_is_over() {
        const NOW: u64 = 1_800_000_000;
        let mut certificates = Certificates::within_days(30);
        let mut check = |expires: &[u64], now: u64, expected: &[(u64, bool)]| {
            let published =
                expires.iter().map(|end| ("i".to_owned(), "a".to_owned(), UnixTime::from_seconds(*end)));
            let new = certificates.new_ones(published.collect(), UnixTime::from_seconds(now));
            let new: Vec<_> = new.map(|ending| (ending.expires.as_seconds(), ending.is_over)).collect();
            assert_eq!(new, expected, "{expires:?} at {now}");
        };
        let end = NOW + 30 * DAY_SECONDS;
        check(&[end + 1], NOW, &[]);
        check(&[end + 1], NOW + 1, &[(end + 1, false)]);
        check(&[end + 1], NOW + 2, &[]);
        check(&[end + 1], end + 1, &[]);
        check(&[end + 1], end + 2, &[(end + 1, true)]);
        check(&[end + 1, end + 9], end + 3, &[(end + 9, false)]);
        check(&[], end + 4, &[]);
        check(&[end + 9], end + 5, &[(end + 9, false)]);
    }

    #[test]
    fn zero_days_tell_of_what_is_over_only() {
        let mut certificates = Certificates::within_days(0);
        let published = |end| vec![("i".to_owned(), "a".to_owned(), UnixTime::from_seconds(end))];
        assert_eq!(certificates.new_ones(published(101), UnixTime::from_seconds(100)).count(), 0);
        assert_eq!(certificates.new_ones(published(99), UnixTime::from_seconds(100)).count(), 1);
    }
}
