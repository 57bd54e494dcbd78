//! Which addresses may be dialled. Decided after a name was resolved, so that no name can lead where its address must not.
//!
//! CVE-2026-41413 and its like: whoever can choose a URL (a discovery document's `jwks_uri`, or the DNS of its host)
//! makes the verifier knock at doors that only it can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What lies behind an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// The internet
    Public,
    /// This machine
    Loopback,
    /// A private network: RFC 1918, RFC 4193, RFC 6598
    Private,
    /// This link, where clouds keep their metadata: RFC 3927, RFC 4291 §2.5.6
    LinkLocal,
    /// Nobody: unspecified, multicast, reserved, documentation
    Nowhere,
}

impl Place {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// Why nothing is dialled there, unless the settings allow it.
    pub(crate) fn refused(self, private_allowed: bool) -> Option<&'static str> {
        match self {
            Self::Public => None,
            Self::Private if private_allowed => None,
            Self::Private => Some("it is in a private network, and `private_addresses` does not allow those"),
            Self::Loopback => Some("it is this machine, and the issuer is not configured as such"),
            Self::LinkLocal => Some("it is link-local, where clouds keep their metadata"),
            Self::Nowhere => Some("it is no address of a server"),
        }
    }
}

fn of_v4(address: Ipv4Addr) -> Place {
    match address.octets() {
        [127, ..] => Place::Loopback,
        // RFC 6598: 100.64/10, shared by carriers, and by a cloud for its metadata.
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Place::Private,
        [169, 254, ..] => Place::LinkLocal,
        // This network, IETF protocol assignments, 6to4 relays, benchmarking, documentation, multicast and reserved.
        [0 | 224..=255, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Place::Nowhere,
        _ => Place::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Place {
    if let Some(inner) = embedded_v4(address) {
        return of_v4(inner);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Place::Loopback,
        // The address at which one cloud keeps its metadata is a unique-local one.
        [0xfd00, 0x0ec2, ..] => Place::LinkLocal,
        [first, ..] if first & 0xfe00 == 0xfc00 => Place::Private,
        // Site-local addresses (RFC 3879) are deprecated, and still some network's own.
        [first, ..] if first & 0xffc0 == 0xfec0 => Place::Private,
        [first, ..] if first & 0xffc0 == 0xfe80 => Place::LinkLocal,
        // RFC 4291 §2.4: all that is global unicast today is in 2000::/3; in it, documentation and Teredo.
        [0x2001, 0x0db8 | 0, ..] | [0x3fff, ..] => Place::Nowhere,
        [first, ..] if first & 0xe000 == 0x2000 => Place::Public,
        _ => Place::Nowhere,
    }
}

/// The IPv4 address that an IPv6 one stands for: mapped (RFC 4291 §2.5.5.2), compatible, translated (RFC 6052, RFC 8215)
/// or 6to4 (RFC 3056).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0 | 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => from(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(place: Place, addresses: &[&str]) {
        for address in addresses {
            assert_eq!(Place::of(address.parse().unwrap()), place, "{address}");
        }
    }

    #[test]
    fn addresses_are_told_apart() {
        check(
            Place::Public,
            &["1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "11.0.0.1"],
        );
        check(
            Place::Public,
            &["223.255.255.255", "2606:4700::1111", "2a00:1450::1", "64:ff9b::101:101", "::ffff:1.1.1.1"],
        );
        check(
            Place::Loopback,
            &["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "::127.0.0.1"],
        );
        check(
            Place::Private,
            &["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200"],
        );
        check(
            Place::Private,
            &["fc00::1", "fdff::1", "fec0::1", "::ffff:10.0.0.1", "2002:0a00:0001::", "64:ff9b:1::a00:1"],
        );
        check(
            Place::LinkLocal,
            &["169.254.169.254", "fe80::1", "febf::1", "::ffff:169.254.169.254", "fd00:ec2::254"],
        );
        check(Place::LinkLocal, &["64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::ffff:0:169.254.169.254"]);
        check(
            Place::Nowhere,
            &["0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"],
        );
        check(
            Place::Nowhere,
            &["::", "ff02::1", "2001:db8::1", "2001::1", "192.0.0.170", "203.0.113.9", "4000::1", "3fff::1"],
        );
    }

    #[test]
    fn only_private_networks_can_be_allowed() {
        let refused = |private_allowed| {
            [Place::Public, Place::Loopback, Place::Private, Place::LinkLocal, Place::Nowhere]
                .map(|place| place.refused(private_allowed).is_some())
        };
        assert_eq!(refused(false), [false, true, true, true, true]);
        assert_eq!(refused(true), [false, true, false, true, true]);
    }
}
