//! PEM armour (RFC 7468), read strictly: one block, nothing around it, and its label says what is inside.
//!
//! Explanatory text outside of the block, which RFC 7468 §2 lets a reader skip, is refused: a key file has none, and what is
//! skipped may be another key.

use zeroize::Zeroizing;

use crate::{KeyError, base64url};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// How wide a line of the body is (RFC 7468 §2: exactly 64 when written).
const LINE_CHARS: usize = 64;

/// One block.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    /// The content, which may be a private key.
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// Whether a text is meant to be PEM.
pub(crate) fn is_armoured(text: &str) -> bool {
    text.contains(BEGIN)
}

/// Reads the one block of a text.
pub(crate) fn read(text: &str) -> Result<Block<'_>, KeyError> {
    let mut labels = text.lines().filter_map(|line| label(line, BEGIN));
    let first = labels.next().ok_or(KeyError::Pem("a line that begins a block is broken"))?;
    if let Some(second) = labels.next() {
        return Err(KeyError::SeveralBlocks { labels: [first, second].map(str::to_owned) });
    }
    let (block, rest) = next(text)?;
    if rest.trim().is_empty() { Ok(block) } else { Err(KeyError::Pem("something follows the block")) }
}

/// Reads every block of a text, which must all have this label: a chain of certificates.
pub(crate) fn read_all(text: &str, label: &'static str) -> Result<Vec<Zeroizing<Vec<u8>>>, KeyError> {
    let (mut blocks, mut rest) = (Vec::new(), text);
    while !rest.trim().is_empty() {
        let (block, after) = next(rest)?;
        if block.label != label {
            return Err(KeyError::Label(block.label.to_owned()));
        }
        blocks.push(block.der);
        rest = after;
    }
    Ok(blocks)
}

/// The first block, and what follows it.
fn next(text: &str) -> Result<(Block<'_>, &str), KeyError> {
    let text = text.trim_start();
    let (first, body) = text.split_once('\n').ok_or(KeyError::Pem("it has one line only"))?;
    let label = label(first, BEGIN).ok_or(KeyError::Pem("something stands before the block"))?;
    let (body, rest) = body.split_once(END).ok_or(KeyError::Pem("the block does not end"))?;
    let (last, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    if last.trim_end().strip_suffix(DASHES) != Some(label) {
        return Err(KeyError::Pem("the block ends with another label than it begins with"));
    }
    Ok((Block { label, der: decoded(body)? }, rest))
}

fn label<'a>(line: &'a str, edge: &str) -> Option<&'a str> {
    line.trim_end().strip_prefix(edge)?.strip_suffix(DASHES)
}

fn decoded(body: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if body.lines().any(is_encryption_header) {
        return Err(KeyError::Encrypted);
    }
    let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
    base64.extend(body.lines().map(str::trim_end));
    base64url::decode_standard(&base64)
        .filter(|der| !der.is_empty())
        .map(Zeroizing::new)
        .ok_or(KeyError::Pem("its body is not base64"))
}

/// RFC 1421 §4.6.1.1: the header of an encrypted body, as OpenSSL wrote keys for decades. The word alone is also base64.
fn is_encryption_header(line: &str) -> bool {
    line.starts_with("Proc-Type:") && line.contains("ENCRYPTED")
}

/// The armoured form, ending with a line end.
pub(crate) fn write(label: &str, der: &[u8]) -> Zeroizing<Vec<u8>> {
    let base64 = Zeroizing::new(base64url::encode_standard(der));
    // Room for all of it from the start: a buffer that grows would leave a copy of a private key behind.
    let room =
        base64.len().saturating_mul(2).saturating_add(label.len().saturating_mul(2)).saturating_add(64);
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    let mut line = |parts: [&[u8]; 3]| {
        text.extend(parts.into_iter().flatten().chain(b"\n"));
    };
    line([BEGIN.as_bytes(), label.as_bytes(), DASHES.as_bytes()]);
    base64.as_bytes().chunks(LINE_CHARS).for_each(|chunk| line([chunk, b"", b""]));
    line([END.as_bytes(), label.as_bytes(), DASHES.as_bytes()]);
    text
}

#[cfg(test)]
mod tests {
    use super::{read, read_all, write};
    use crate::KeyError;

    fn check(text: &str, expected: Result<(&str, &[u8]), &str>) {
        let answer = read(text);
        let answer = answer.as_ref().map(|block| (block.label, &block.der[..])).map_err(KeyError::code);
        assert_eq!(answer, expected, "{text:?}");
    }

    #[test]
    fn block_is_read_alone_only() {
        let good = "-----BEGIN A B-----\nAQID\n-----END A B-----\n";
        check(good, Ok(("A B", &[1, 2, 3])));
        check(&good.replace('\n', "\r\n"), Ok(("A B", &[1, 2, 3])));
        check(&format!("\n  \n{good}\n\n"), Ok(("A B", &[1, 2, 3])));
        check(good.trim_end(), Ok(("A B", &[1, 2, 3])));
        check("-----BEGIN A-----\nAQ\nID\n-----END A-----", Ok(("A", &[1, 2, 3])));
        check(&good.replace("AQID", "ENCRYPTEDAAA"), Ok(("A B", &[16, 208, 145, 96, 244, 196, 12, 0, 0])));
        for (text, code) in [
            (format!("{good}x"), "key_pem"),
            (format!("x\n{good}"), "key_pem"),
            (format!("x{good}"), "key_pem"),
            (format!("{good}{good}"), "key_pem_several"),
            (good.replace("END A B", "END A"), "key_pem"),
            (good.replace("-----END A B-----", ""), "key_pem"),
            (good.replace("END A B-----", "END A B----"), "key_pem"),
            (good.replace("BEGIN A B-----", "BEGIN A B----"), "key_pem"),
            (good.replace("AQID", ""), "key_pem"),
            (good.replace("AQID", "AQI"), "key_pem"),
            (good.replace("AQID", "AQI_"), "key_pem"),
            (good.replace("AQID", "AQ ID"), "key_pem"),
            (good.replace("AQID", "AR=="), "key_pem"),
            (good.replace("AQID", "Proc-Type: 4,ENCRYPTED\n\nAQID"), "key_encrypted"),
            (good.replace('\n', ""), "key_pem"),
            ("-----BEGIN ".to_owned(), "key_pem"),
        ] {
            check(&text, Err(code));
        }
    }

    #[test]
    fn blocks_of_one_label_are_read_together() {
        let (one, other) =
            ("-----BEGIN A-----\nAQID\n-----END A-----\n", "-----BEGIN B-----\nAQID\n-----END B-----\n");
        let count = |text: &str| read_all(text, "A").map(|blocks| blocks.len()).map_err(|error| error.code());
        assert_eq!(count(""), Ok(0));
        assert_eq!(count(&one.repeat(3)), Ok(3));
        assert_eq!(count(&format!("{one}\n{one}")), Ok(2));
        assert_eq!(count(&format!("{one}{other}")), Err("key_pem_label"));
        assert_eq!(count(&format!("{one}x\n{one}")), Err("key_pem"));
    }

    #[test]
    fn written_block_is_read_again() {
        for length in [1, 47, 48, 49, 96, 1000] {
            let der = vec![7; length];
            let text = String::from_utf8(write("A B", &der).to_vec()).unwrap();
            assert!(text.lines().all(|line| line.len() <= 64) && text.ends_with("-----\n"), "{text}");
            check(&text, Ok(("A B", &der)));
        }
    }
}
