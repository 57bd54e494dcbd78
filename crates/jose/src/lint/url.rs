//! The parts of a URL (RFC 3986 §3), as far as rules ask for them. It is never fetched.

/// An absolute URL with a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Url<'a> {
    pub(super) scheme: &'a str,
    pub(super) user_info: Option<&'a str>,
    /// With the port, if it names one.
    pub(super) host: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) fragment: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// Takes a text apart; nothing if it is no absolute URL with a host.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || "\"<>\\^`{|}".contains(c)) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let (rest, fragment) = cut(rest, '#');
        let (rest, query) = cut(rest, '?');
        let authority = rest.split('/').next().unwrap_or_default();
        let (user_info, host) = match authority.rsplit_once('@') {
            Some((user_info, host)) => (Some(user_info), host),
            None => (None, authority),
        };
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        (is_scheme && !host.is_empty() && !host.starts_with(':')).then_some(Self {
            scheme,
            user_info,
            host,
            query,
            fragment,
        })
    }

    pub(super) fn is_https(self) -> bool {
        self.scheme.eq_ignore_ascii_case("https")
    }

    /// `http` to this machine, where nobody can listen.
    pub(super) fn is_plain_to_this_machine(self) -> bool {
        let name = self.host.strip_prefix('[').map_or_else(
            || self.host.split(':').next().unwrap_or_default(),
            |literal| literal.split(']').next().unwrap_or_default(),
        );
        let is_this_machine = ["localhost", "127.0.0.1", "::1"].contains(&name.to_ascii_lowercase().as_str());
        self.scheme.eq_ignore_ascii_case("http") && is_this_machine
    }

    /// Whether both have one scheme, host and port, by their spelling.
    pub(super) fn has_origin_of(self, other: Self) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme) && self.host.eq_ignore_ascii_case(other.host)
    }
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn url_is_taken_apart() {
        let url = Url::of("https://me:pw@host.example:8443/a/b?c=@d#e").unwrap();
        assert_eq!((url.scheme, url.user_info, url.host), ("https", Some("me:pw"), "host.example:8443"));
        assert_eq!((url.query, url.fragment), (Some("c=@d"), Some("e")));
        let url = Url::of("https://host.example").unwrap();
        assert_eq!((url.user_info, url.host, url.query, url.fragment), (None, "host.example", None, None));
    }

    #[test]
    fn text_without_scheme_or_host_is_no_url() {
        for text in [
            "",
            "/keys",
            "host.example",
            "https:/host.example",
            "https:///keys",
            "https://",
            "https://:443/",
            "://host.example/",
            "1s://host.example/",
            "https://host example/",
            "https://host.example/\n",
            "https://host\\.example/",
            "https://me@/",
            "https://?x",
            "https://#x",
            "mailto:a@b.example",
        ] {
            assert_eq!(Url::of(text), None, "{text:?}");
        }
    }

    #[test]
    fn plain_http_is_told_apart_by_its_host() {
        let check = |text: &str, expected| {
            assert_eq!(Url::of(text).unwrap().is_plain_to_this_machine(), expected, "{text}");
        };
        check("http://localhost/", true);
        check("HTTP://LocalHost:8080/", true);
        check("http://127.0.0.1:1/", true);
        check("http://[::1]:1/", true);
        check("https://localhost/", false);
        check("http://localhost.example/", false);
        check("http://localhost@host.example/", false);
        check("http://[::2]/", false);
    }
}
