//! Every bound of this crate, by name, with its unit last and the reason for its value.
//!
//! Outside data that passes a bound is refused before any work is spent on it.

/// The longest compact token that is looked at, in bytes. HTTP servers refuse headers over 8 to 16 KiB anyway.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// The longest decoded token header, in bytes. A header with a three-certificate `x5c` still fits.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;

/// The longest decoded signature, in bytes: that of ML-DSA-87. One of an 8192-bit RSA key has 1024.
pub const SIGNATURE_BYTES_MAX: usize = 4627;

/// The longest `kid`, in bytes. Longer ones are noise in every log and cache they reach.
pub const KID_BYTES_MAX: usize = 256;

/// The longest JSON text that [`crate::json::from_slice`] reads, in bytes; tokens, keys and key sets have limits of their own.
pub const JSON_BYTES_MAX: usize = 256 * 1024;

/// How deep objects and arrays may nest in a token, a key set or a discovery document.
pub const JSON_DEPTH_MAX: usize = 32;

/// How many members one JSON object may have.
pub const JSON_MEMBERS_MAX: usize = 512;

/// The largest key set that is parsed, in bytes.
pub const KEY_SET_BYTES_MAX: usize = 256 * 1024;

/// How many keys a key set may hold. The largest public sets of identity providers hold about twenty.
pub const KEYS_MAX: usize = 100;

/// The smallest RSA modulus, in bits (RFC 7518 §3.3 and §3.5).
pub const RSA_BITS_MIN: usize = 2048;

/// The largest RSA modulus, in bits; beyond it one verification costs an attacker nothing and us milliseconds.
pub const RSA_BITS_MAX: usize = 8192;

/// The largest RSA public exponent, in bytes. Every deployed one fits, and a long one makes verification slow.
pub const RSA_EXPONENT_BYTES_MAX: usize = 4;

/// How many certificates an `x5c` chain may have.
pub const X5C_CERTIFICATES_MAX: usize = 10;

/// The longest name of a tenant in an `iss` that a template stands for, in bytes. Most are UUIDs, which have 36.
pub const TENANT_BYTES_MAX: usize = 64;

/// The largest leeway that a policy accepts, in seconds. More would turn an expired token into a valid one.
pub const LEEWAY_SECONDS_MAX: u64 = 300;

/// The latest time that a token may name, in seconds since 1970: the last second of the year 9999.
pub const NUMERIC_DATE_SECONDS_MAX: u64 = 253_402_300_799;

/// How many token headers a key set remembers. An issuer writes one per key, or a few.
pub const HEADERS_REMEMBERED_MAX: usize = 16;

/// The longest encoded token header that is remembered, in bytes. Most have about a hundred.
pub const HEADER_REMEMBERED_BYTES_MAX: usize = 512;

/// The longest client assertion, in bytes.
pub const ASSERTION_BYTES_MAX: usize = 2048;

/// How far ahead a client assertion may expire, in seconds. It is used at once, and once.
pub const ASSERTION_LIFETIME_SECONDS_MAX: u64 = 300;

/// The longest `iss`, `sub` and `jti` of a client assertion, in characters.
pub const ASSERTION_TEXT_CHARACTERS_MAX: usize = 64;

/// The largest file that is read as one key or certificate, in bytes. An 8192-bit RSA key in any form has a tenth of it.
pub const KEY_BYTES_MAX: usize = 64 * 1024;

/// How many unknown members of one object, or members that stand twice, `lint` tells of.
pub const MEMBERS_TOLD_MAX: usize = 16;

/// The longest member name that `lint` repeats as it is in a place, in bytes; longer ones are shortened.
pub const MEMBER_TOLD_BYTES_MAX: usize = 64;
