//! The one place where this crate takes randomness: identifiers, secrets and nonces, from the crypto library's generator.

use aws_lc_rs::rand;
use zeroize::Zeroizing;

/// The system gave no randomness. Nothing that needs a secret may go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the system gives no randomness: check that the process may read the system's random source")]
pub struct RandomnessUnavailable;

const URL_SAFE: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-";
const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LOWER_CASE: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// As long as the `kid`s of Auth0's tenants: 126 bits.
const KID_CHARS: usize = 21;
const CLIENT_ID_CHARS: usize = 32;
const TENANT_ID_CHARS: usize = 16;
const TOKEN_ID_BYTES: usize = 16;

/// A secret of 256 bits.
pub(crate) const SECRET_BYTES: usize = 32;

/// A `kid`. It never begins with `-`, because people pass it to command lines, where that would make it a flag.
pub(crate) fn kid() -> Result<String, RandomnessUnavailable> {
    loop {
        let kid = text(URL_SAFE, KID_CHARS)?;
        if !kid.starts_with('-') {
            return Ok(kid);
        }
    }
}

pub(crate) fn client_id() -> Result<String, RandomnessUnavailable> {
    text(ALPHANUMERIC, CLIENT_ID_CHARS)
}

pub(crate) fn tenant_id() -> Result<String, RandomnessUnavailable> {
    text(LOWER_CASE, TENANT_ID_CHARS)
}

/// A `jti` (RFC 7519 §4.1.7): 128 bits, so that two tokens never share one.
pub(crate) fn token_id() -> Result<String, RandomnessUnavailable> {
    Ok(jwksmith_jose::base64url_encode(bytes::<TOKEN_ID_BYTES>()?))
}

pub(crate) fn secret() -> Result<Zeroizing<[u8; SECRET_BYTES]>, RandomnessUnavailable> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    rand::fill(secret.as_mut_slice()).map_err(|_| RandomnessUnavailable)?;
    Ok(secret)
}

pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], RandomnessUnavailable> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| RandomnessUnavailable)?;
    Ok(bytes)
}

fn text(alphabet: &[u8], chars: usize) -> Result<String, RandomnessUnavailable> {
    let mut text = String::with_capacity(chars);
    while text.len() < chars {
        let drawn = bytes::<32>()?;
        let fitting = drawn.iter().filter_map(|byte| letter(alphabet, *byte));
        text.extend(fitting.take(chars.saturating_sub(text.len())));
    }
    Ok(text)
}

/// The letter that a random byte stands for; nothing for a byte that would make some letters likelier than others.
fn letter(alphabet: &[u8], byte: u8) -> Option<char> {
    let letters = alphabet.len();
    let fair = 256_usize.checked_div(letters)?.saturating_mul(letters);
    let index = Some(usize::from(byte)).filter(|index| *index < fair)?;
    alphabet.get(index.checked_rem(letters)?).copied().map(char::from)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn check(make: fn() -> Result<String, RandomnessUnavailable>, alphabet: &[u8], chars: usize) {
        let many: Vec<String> = (0..500).map(|_| make().unwrap()).collect();
        let unique: std::collections::HashSet<_> = many.iter().collect();
        assert_eq!(unique.len(), many.len());
        for one in &many {
            assert_eq!(one.len(), chars, "{one}");
            assert!(one.bytes().all(|byte| alphabet.contains(&byte)), "{one}");
            assert!(!one.starts_with('-'), "{one}");
        }
        let used: std::collections::HashSet<u8> = many.iter().flat_map(|one| one.bytes()).collect();
        assert_eq!(used.len(), alphabet.len(), "every letter is used");
    }

    #[test]
    fn identifiers_have_their_alphabet_and_length() {
        check(kid, URL_SAFE, 21);
        check(client_id, ALPHANUMERIC, 32);
        check(tenant_id, LOWER_CASE, 16);
        assert_eq!(token_id().unwrap().len(), 22);
    }

    #[test]
    fn letters_are_equally_likely() {
        for alphabet in [URL_SAFE, ALPHANUMERIC, LOWER_CASE] {
            let mut counts: HashMap<char, usize> = HashMap::new();
            for drawn in (0..=u8::MAX).filter_map(|byte| letter(alphabet, byte)) {
                *counts.entry(drawn).or_default() += 1;
            }
            assert_eq!(counts.len(), alphabet.len());
            assert!(counts.values().all(|count| *count == 256 / alphabet.len()), "{counts:?}");
        }
    }
}
