//! A request as it came over the wire, so that a test can assert what was sent and what was not.

/// One request that a [`FakeIssuer`](crate::FakeIssuer) or a [`FakeProxy`](crate::FakeProxy) got.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) keeps_alive: bool,
}

impl Seen {
    /// `GET`, `POST`, …
    pub fn method(&self) -> &str {
        &self.method
    }

    /// What was asked for, as it was written: a path with its query, or what a proxy is given.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path without its query, percent-encoded as it came.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The query without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// Every header in the order in which they came, names in lower case.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether its `Accept` allows this media type (RFC 9110 §12.5.1); without one it allows all.
    pub fn accepts(&self, media_type: &str) -> bool {
        let all_of_its_kind = media_type.split_once('/').map(|(kind, _)| format!("{kind}/*"));
        self.header("accept").is_none_or(|accept| {
            let mut ranges = accept.split(',').filter_map(allowed_range);
            ranges.any(|range| {
                range == "*/*"
                    || range.eq_ignore_ascii_case(media_type)
                    || Some(range) == all_of_its_kind.as_deref()
            })
        })
    }

    /// Whether it says that it has what this entity tag names (RFC 9110 §13.1.2).
    pub(crate) fn has(&self, etag: &str) -> bool {
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        self.header("if-none-match")
            .is_some_and(|tags| tags.split(',').any(|tag| opaque(tag) == opaque(etag)))
    }

    /// How many bytes of a body follow its head.
    pub(crate) fn body_bytes(&self) -> usize {
        self.header("content-length").and_then(|length| length.trim().parse().ok()).unwrap_or_default()
    }
}

/// The media range of one part of an `Accept`, unless its weight forbids it.
fn allowed_range(part: &str) -> Option<&str> {
    let (range, parameters) = part.split_once(';').unwrap_or((part, ""));
    let mut weights = parameters.split(';').filter_map(|parameter| parameter.trim().strip_prefix("q="));
    let forbidden = weights.any(|weight| weight.trim().parse() == Ok(0.0_f32));
    (!forbidden).then(|| range.trim())
}

#[cfg(test)]
mod tests {
    use super::Seen;

    fn with_header(name: &str, value: &str) -> Seen {
        let headers = vec![(name.to_owned(), value.to_owned())];
        Seen { method: "GET".to_owned(), target: "/a?b=1?c".to_owned(), headers, keeps_alive: true }
    }

    fn check_accepts(accept: &str, expected: bool) {
        let accepts = with_header("accept", accept).accepts("application/jwk-set+json");
        assert_eq!(accepts, expected, "{accept}");
    }

    #[test]
    fn accept_allows_what_its_ranges_cover() {
        check_accepts("application/jwk-set+json", true);
        check_accepts("application/json, application/JWK-Set+json;q=0.5", true);
        check_accepts("text/html,application/*", true);
        check_accepts("*/*;q=0.1", true);
        check_accepts("application/json", false);
        check_accepts("text/*", false);
        check_accepts("application/jwk-set+json;q=0", false);
        check_accepts("application/jwk-set+json; q=0.000", false);
        check_accepts("", false);
        assert!(with_header("x", "y").accepts("text/plain"), "no Accept allows everything");
    }

    #[test]
    fn entity_tag_is_found_in_a_list_and_whether_weak_or_strong() {
        let has = |sent: &str| with_header("If-None-Match", sent).has("\"1\"");
        assert!(has("\"1\"") && has("\"0\", W/\"1\""));
        assert!(!has("\"2\"") && !has("1") && !has(""));
    }

    #[test]
    fn target_splits_at_its_first_question_mark() {
        let seen = with_header("x", "y");
        assert_eq!((seen.path(), seen.query()), ("/a", Some("b=1?c")));
    }
}
