//! Bodies that are small on the wire and large behind it (gzip, RFC 1952).
//!
//! A bomb of gigabytes is made in milliseconds: one block of spaces is compressed once, by itself, and then repeated.

use flate2::{Compress, Compression, Crc, FlushCompress};

/// The spaces in one repeated block.
const BLOCK_BYTES: u64 = 1024 * 1024;

/// `body` and so many spaces after it, as one gzip member.
pub(crate) fn compressed(body: &[u8], padding_bytes: u64) -> Vec<u8> {
    let mut member = Member::new();
    member.append(&Block::of(body));
    let spaces = Block::of(&spaces(padding_bytes.min(BLOCK_BYTES)));
    for _ in 0..padding_bytes / BLOCK_BYTES {
        member.append(&spaces);
    }
    member.append(&Block::of(&spaces_left(padding_bytes)));
    member.finish()
}

/// Deflated bytes that refer to nothing before them and end on a byte, so that they may stand anywhere.
struct Block {
    deflated: Vec<u8>,
    checksum: Crc,
    inflated_bytes: u64,
}

impl Block {
    fn of(inflated: &[u8]) -> Self {
        // What does not compress grows by some bytes in each block of 32 KiB.
        let mut deflated = Vec::with_capacity(inflated.len() + inflated.len() / 1024 + 1024);
        let mut compress = Compress::new(Compression::best(), false);
        compress
            .compress_vec(inflated, &mut deflated, FlushCompress::Full)
            .expect("memory takes whatever is written");
        let mut checksum = Crc::new();
        checksum.update(inflated);
        let inflated_bytes = u64::try_from(inflated.len()).expect("a length fits in 64 bits");
        Self { deflated, checksum, inflated_bytes }
    }
}

struct Member {
    bytes: Vec<u8>,
    checksum: Crc,
    inflated_bytes: u64,
}

impl Member {
    fn new() -> Self {
        // RFC 1952 §2.3: the magic number, deflate, no flags, no time, no hint, an unknown system.
        let bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        Self { bytes, checksum: Crc::new(), inflated_bytes: 0 }
    }

    fn append(&mut self, block: &Block) {
        self.bytes.extend_from_slice(&block.deflated);
        self.checksum.combine(&block.checksum);
        self.inflated_bytes = self.inflated_bytes.wrapping_add(block.inflated_bytes);
    }

    fn finish(mut self) -> Vec<u8> {
        // An empty final block with fixed codes (RFC 1951 §3.2.6), then the checksum and the size modulo 2^32.
        self.bytes.extend_from_slice(&[0x03, 0x00]);
        self.bytes.extend_from_slice(&self.checksum.sum().to_le_bytes());
        let [first, second, third, fourth, ..] = self.inflated_bytes.to_le_bytes();
        self.bytes.extend_from_slice(&[first, second, third, fourth]);
        self.bytes
    }
}

fn spaces_left(padding_bytes: u64) -> Vec<u8> {
    spaces(padding_bytes % BLOCK_BYTES)
}

fn spaces(bytes: u64) -> Vec<u8> {
    vec![b' '; usize::try_from(bytes).expect("a block fits in memory")]
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::{BLOCK_BYTES, compressed};

    fn check(body: &str, padding_bytes: u64) {
        let small = compressed(body.as_bytes(), padding_bytes);
        let mut inflated = String::new();
        flate2::read::GzDecoder::new(small.as_slice()).read_to_string(&mut inflated).unwrap();
        let spaces = inflated.strip_prefix(body).unwrap();
        assert!(spaces.bytes().all(|byte| byte == b' '));
        assert_eq!(u64::try_from(spaces.len()).unwrap(), padding_bytes);
        let bound = body.len() + 100 + usize::try_from(padding_bytes / 500).unwrap();
        assert!(small.len() < bound, "{padding_bytes} became {}", small.len());
    }

    #[test]
    fn compressed_is_one_member_that_inflates_to_body_and_spaces() {
        for padding_bytes in [0, 1, 1000, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES + 5]
        {
            check(r#"{"keys":[]}"#, padding_bytes);
        }
        check("", 0);
        check("", BLOCK_BYTES);
    }
}
