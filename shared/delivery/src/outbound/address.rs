//! Which addresses are not the public internet.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// The machine itself.
    Loopback,
    /// Unspecified, or `0.0.0.0/8`.
    ThisNetwork,
    /// The local link.
    LinkLocal,
    /// A cloud's metadata service.
    Metadata,
    /// A private network (RFC 1918, unique local, site local).
    Private,
    /// A carrier's shared address space, `100.64.0.0/10`.
    SharedAddressSpace,
    /// Reserved for protocols, documentation or benchmarks.
    Special,
    /// Multicast or broadcast.
    Multicast,
    /// Reserved for the future, such as class E.
    Reserved,
    /// An IPv6 address that carries an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo).
    EmbeddedIpv4,
    /// Where packets are discarded.
    Discard,
    /// Lambda's own Runtime API.
    RuntimeApi,
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::ThisNetwork => "an unspecified address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a metadata service",
            Self::Private => "a private network",
            Self::SharedAddressSpace => "a carrier's shared address space",
            Self::Special => "an address reserved for special use",
            Self::Multicast => "a multicast or broadcast address",
            Self::Reserved => "a reserved address",
            Self::EmbeddedIpv4 => "an IPv6 address with an IPv4 address inside",
            Self::Discard => "the discard prefix",
            Self::RuntimeApi => "the function's runtime",
        })
    }
}

/// Why an address is refused; none for a public one.
#[must_use]
pub fn refused(address: IpAddr) -> Option<AddressClass> {
    match address {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => refused_v6(address),
    }
}

/// By the IANA IPv4 Special-Purpose Address Registry.
fn refused_v4(address: Ipv4Addr) -> Option<AddressClass> {
    use AddressClass::{
        LinkLocal, Loopback, Metadata, Multicast, Private, Reserved, SharedAddressSpace, Special, ThisNetwork,
    };
    match address.octets() {
        [0, ..] => Some(ThisNetwork),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Private),
        // Alibaba Cloud's and Oracle Cloud's metadata lie in shared space, Azure's at a public address.
        [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16] | [169, 254, 169, 254] => Some(Metadata),
        [100, 64..=127, ..] => Some(SharedAddressSpace),
        [127, ..] => Some(Loopback),
        [169, 254, ..] => Some(LinkLocal),
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18..=19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Some(Special)
        }
        [224..=239, ..] | [255, 255, 255, 255] => Some(Multicast),
        [240..=255, ..] => Some(Reserved),
        _ => None,
    }
}

/// Only global unicast (`2000::/3`) is public, and of that not what the IANA IPv6 Special-Purpose Address
/// Registry sets apart.
fn refused_v6(address: Ipv6Addr) -> Option<AddressClass> {
    use AddressClass::{
        Discard, EmbeddedIpv4, LinkLocal, Loopback, Metadata, Multicast, Private, Reserved, Special,
        ThisNetwork,
    };
    if address == Ipv6Addr::LOCALHOST {
        return Some(Loopback);
    }
    if address == Ipv6Addr::UNSPECIFIED {
        return Some(ThisNetwork);
    }
    match address.segments() {
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Some(Metadata),
        // Compatible, mapped, translated (RFC 2765), NAT64 and local NAT64.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, ..] => {
            Some(EmbeddedIpv4)
        }
        [0x100, 0, 0, 0 | 1, ..] => Some(Discard),
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Some(Private),
        [0xfe80..=0xfebf, ..] => Some(LinkLocal),
        [0xff00..=0xffff, ..] => Some(Multicast),
        [0x2002, ..] | [0x2001, 0, ..] => Some(EmbeddedIpv4),
        [0x2001, 0x1..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Special),
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Reserved),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_special_range_is_refused_from_its_first_address_to_its_last() {
        for (first, last) in [
            ("0.0.0.0", "0.255.255.255"),
            ("10.0.0.0", "10.255.255.255"),
            ("100.64.0.0", "100.127.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("169.254.0.0", "169.254.255.255"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.0.0.0", "192.0.0.255"),
            ("192.0.2.0", "192.0.2.255"),
            ("192.88.99.0", "192.88.99.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("198.18.0.0", "198.19.255.255"),
            ("198.51.100.0", "198.51.100.255"),
            ("203.0.113.0", "203.0.113.255"),
            ("224.0.0.0", "255.255.255.255"),
            ("::", "::ffff:ffff:ffff"),
            ("64:ff9b::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
            ("100::", "100::1:ffff:ffff:ffff:ffff"),
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            for text in [first, last] {
                assert!(refused(text.parse().unwrap()).is_some(), "{text}");
            }
        }
    }

    #[test]
    fn what_lies_beside_a_special_range_is_public() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::",
            "2001:4860:4860::8888",
            "2600::",
            "3ffe:ffff::",
        ] {
            assert_eq!(refused(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn metadata_services_are_named() {
        for text in ["169.254.169.254", "fd00:ec2::254", "168.63.129.16", "100.100.100.200"] {
            assert_eq!(refused(text.parse().unwrap()), Some(AddressClass::Metadata), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv6_address_that_carries_any_ipv4_address_is_refused(v4: u32) {
            let v4 = Ipv4Addr::from(v4);
            let [a, b, c, d] = v4.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for address in [
                v4.to_ipv6_mapped(),
                v4.to_ipv6_compatible(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low),
            ] {
                prop_assert!(refused(address.into()).is_some(), "{}", address);
            }
        }
    }
}
