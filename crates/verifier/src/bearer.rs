//! The `Authorization` header of a request that bears a token (RFC 6750 §2.1).

/// The token of an `Authorization: Bearer TOKEN` value; nothing if the value is of any other form.
///
/// Exactly this form: the word as RFC 6750 writes it, one space, and a token that has no white space. A reader that is
/// laxer than the proxy in front of it sees tokens that the proxy did not.
pub fn bearer_token(header: &[u8]) -> Option<&str> {
    let token = std::str::from_utf8(header).ok()?.strip_prefix("Bearer ")?;
    let visible = |byte: u8| byte.is_ascii_graphic();
    (!token.is_empty() && token.bytes().all(visible)).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::bearer_token;

    #[test]
    fn bearer_token_takes_one_form() {
        assert_eq!(bearer_token(b"Bearer a.b.c"), Some("a.b.c"));
        let refused: [&[u8]; 12] = [
            b"",
            b"Bearer",
            b"Bearer ",
            b"Bearer  a.b.c",
            b"Bearer\ta.b.c",
            b"bearer a.b.c",
            b"BEARER a.b.c",
            b"Bearer a.b.c ",
            b"Bearer a b",
            b" Bearer a.b.c",
            b"Basic a.b.c",
            b"Bearer \xff",
        ];
        for header in refused {
            assert_eq!(bearer_token(header), None, "{:?}", String::from_utf8_lossy(header));
        }
    }
}
