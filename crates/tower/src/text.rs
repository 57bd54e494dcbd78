//! What texts may be before they stand in a header or a document: characters of RFC 6749, URLs of RFC 9728.

use http::Uri;

use crate::ProtectionError;

/// RFC 6749 Appendix A, NQSCHAR: no quotes and no backslash, so that a quoted string cannot be left.
pub(crate) fn is_quotable(character: char) -> bool {
    matches!(character, ' '..='~') && character != '"' && character != '\\'
}

/// One scope token (RFC 6749 §3.3): `%x21 / %x23-5B / %x5D-7E`, at least one of them.
pub(crate) fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| is_quotable(character) && character != ' ')
}

/// A scope or a permission that is demanded or published.
pub(crate) fn checked_scope(scope: impl Into<String>) -> Result<String, ProtectionError> {
    let scope = scope.into();
    if is_scope(&scope) { Ok(scope) } else { Err(ProtectionError::ScopeMalformed { scope }) }
}

/// An absolute `https` URL without a user name and a fragment (RFC 9728 §1.2); `http` for this machine only.
pub(crate) fn checked_url(setting: &'static str, url: &str) -> Result<Uri, ProtectionError> {
    parsed(url).map_err(|reason| ProtectionError::UrlRefused { setting, url: url.to_owned(), reason })
}

fn parsed(url: &str) -> Result<Uri, &'static str> {
    if !url.bytes().all(is_of_urls) {
        return Err("it has a character that no URL has: write it percent-encoded");
    }
    if url.contains('#') {
        return Err("it has a fragment");
    }
    let uri: Uri = url.parse().map_err(|_| "it is no URL")?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or("it is no absolute URL")?;
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if is_this_machine(host) => {}
        _ => return Err("it begins with neither `https` nor, for this machine only, `http`"),
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("it has a user name");
    }
    Ok(uri)
}

/// RFC 3986 §2.2 and §2.3, and `%`.
fn is_of_urls(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

fn is_this_machine(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

#[cfg(test)]
mod tests {
    use super::{checked_scope, checked_url};

    #[test]
    fn scope_is_one_token_of_rfc_6749() {
        for scope in ["a", "read:things", "!", "~", "#[", "]", "https://api.example/read"] {
            assert!(checked_scope(scope).is_ok(), "{scope}");
        }
        for scope in ["", " ", "a b", " a", "a\"", "a\\b", "a\n", "a\t", "\u{7f}", "\u{e9}", "a\0"] {
            assert!(checked_scope(scope).is_err(), "{scope:?}");
        }
    }

    #[test]
    fn url_is_https_and_names_a_host_only() {
        let good = [
            "https://api.example/",
            "https://api.example",
            "https://api.example:8443/v1/a%20b?x=1",
            "http://localhost:3000/",
            "http://127.0.0.1/",
            "http://[::1]:3000/v1",
        ];
        for url in good {
            assert!(checked_url("resource", url).is_ok(), "{url}");
        }
        let bad = [
            "",
            "/v1",
            "api.example",
            "https://",
            "https:///v1",
            "http://api.example/",
            "http://localhost.example/",
            "ftp://localhost/",
            "urn:api:things",
            "https://user@api.example/",
            "https://user:secret@api.example/",
            "https://api.example/#top",
            "https://api.example/a b",
            "https://api.example/\"",
            "https://api.example/{id}",
            "https://api.example/\r\nx: y",
            "https://\u{e9}.example/",
        ];
        for url in bad {
            assert!(checked_url("resource", url).is_err(), "{url}");
        }
    }
}
