//! The fingerprint of RSA keys whose factors can be found from the modulus alone: ROCA, CVE-2017-15361.
//!
//! Some smart cards and TPMs made primes of the form `k·M + (65537^a mod M)`, where `M` is a product of the first small
//! primes. The modulus of such a key is therefore a power of 65537 modulo each of them. Of honest keys one in 240 million
//! is so by chance, and its issuer can make another.

/// The odd primes whose product divides `M` for every length of key.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// What the primes were made powers of.
const GENERATOR: u32 = 65_537;

/// Whether the modulus, big-endian, has the fingerprint.
pub(crate) fn has_fingerprint(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| is_power(residue(modulus, *prime), *prime))
}

fn residue(number: &[u8], prime: u32) -> u32 {
    number.iter().fold(0, |residue, byte| (residue * 256 + u32::from(*byte)) % prime)
}

/// Whether the residue is a power of the generator; the powers come back to 1 sooner or later.
fn is_power(residue: u32, prime: u32) -> bool {
    let mut power = GENERATOR % prime;
    while power != residue && power != 1 {
        power = power * GENERATOR % prime;
    }
    power == residue
}

#[cfg(test)]
mod tests {
    use super::{PRIMES, has_fingerprint};

    #[test]
    fn fingerprint_is_that_of_powers_of_the_generator() {
        // 1, 65537, and 65537 squared.
        let powers: [&[u8]; 3] = [&[1], &[1, 0, 1], &[1, 0, 2, 0, 1]];
        for power in powers {
            assert!(has_fingerprint(power), "{power:?}");
        }
        // Their neighbours, and what a prime of the product divides.
        let others: [&[u8]; 6] = [&[0], &[3], &[1, 0, 3], &[1, 0, 2, 0, 3], &[167], &[0xff; 256]];
        for other in others {
            assert!(!has_fingerprint(other), "{other:?}");
        }
    }

    #[test]
    fn every_prime_counts() {
        // A power of the generator plus the product of all primes but one differs from it modulo that one only.
        for left_out in PRIMES {
            let others = PRIMES.iter().filter(|prime| **prime != left_out);
            let product = others.fold(vec![1], |product, prime| times(&product, *prime));
            let residue = |number: &[u8]| super::residue(number, left_out);
            let multiple = (0..left_out)
                .map(|n| times(&product, n))
                .find(|multiple| !super::is_power((residue(multiple) + 1) % left_out, left_out));
            let mut number = multiple.unwrap_or_else(|| panic!("{left_out} has no residue to tell"));
            increment(&mut number);
            assert!(!has_fingerprint(&number), "{left_out}");
        }
    }

    /// A big-endian number times a small one.
    fn times(number: &[u8], factor: u32) -> Vec<u8> {
        let mut carry = 0;
        let mut digits: Vec<u8> = Vec::new();
        for byte in number.iter().rev() {
            carry += u32::from(*byte) * factor;
            digits.push(u8::try_from(carry % 256).unwrap());
            carry /= 256;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 256).unwrap());
            carry /= 256;
        }
        digits.reverse();
        digits
    }

    fn increment(number: &mut Vec<u8>) {
        for byte in number.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                return;
            }
        }
        number.insert(0, 1);
    }
}
