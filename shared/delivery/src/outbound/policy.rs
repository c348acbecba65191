//! What an operator allows beyond the public internet.

use std::net::{IpAddr, SocketAddr};

use url::Host;

use super::{AddressClass, refused};

/// Which addresses may be called: the public internet, and what the operator allows by name.
///
/// The allow list (`TOSS_OUTBOUND_ALLOW`) is a comma-separated list of `host` or `host:port`. A host is an
/// exact name or an address; there are no wildcards. A listed name may resolve to the machine itself or to a
/// private network, but never to a link-local address or a metadata service: those must be listed as
/// addresses. Lambda's Runtime API is never allowed.
#[derive(Debug, Clone, Default)]
pub struct OutboundPolicy {
    allowed: Vec<Allowed>,
    runtime_api: Option<Allowed>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Allowed {
    host: Host,
    port: Option<u16>,
}

/// An entry of the allow list that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{entry}' in TOSS_OUTBOUND_ALLOW is not a host or host:port; write names and addresses without wildcards"
)]
pub struct PolicyError {
    entry: String,
}

impl Allowed {
    fn parse(entry: &str) -> Option<Self> {
        let (host, port) = match entry.rsplit_once(':') {
            // The last colon of a bare IPv6 address is not followed by a port.
            Some((host, port)) if host.ends_with(']') || !host.contains(':') => {
                (host, Some(port.parse().ok().filter(|port| *port != 0)?))
            }
            _ => (entry, None),
        };
        let host = if let Ok(IpAddr::V6(address)) = host.parse() {
            Host::Ipv6(address)
        } else {
            Host::parse(host).ok().filter(|_| !host.contains('*'))?
        };
        Some(Self { host: canonical(host), port })
    }

    fn covers(&self, host: &Host, port: u16) -> bool {
        self.host == *host && self.port.is_none_or(|allowed| allowed == port)
    }

    fn covers_address(&self, address: SocketAddr) -> bool {
        let host = match address.ip() {
            IpAddr::V4(address) => Host::Ipv4(address),
            IpAddr::V6(address) => Host::Ipv6(address),
        };
        self.covers(&host, address.port())
    }
}

/// A name without the dot that ends a fully qualified one.
fn canonical(host: Host) -> Host {
    match host {
        Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
        address => address,
    }
}

impl OutboundPolicy {
    /// The policy of a function: `allow` is `TOSS_OUTBOUND_ALLOW`, `runtime_api` is `AWS_LAMBDA_RUNTIME_API`.
    ///
    /// # Errors
    /// [`PolicyError`] for an entry that is not a host.
    pub fn new(allow: Option<&str>, runtime_api: Option<&str>) -> Result<Self, PolicyError> {
        let parse =
            |entry: &str| Allowed::parse(entry).ok_or_else(|| PolicyError { entry: entry.to_owned() });
        let entries = allow.unwrap_or_default().split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Ok(Self {
            allowed: entries.map(parse).collect::<Result<_, _>>()?,
            runtime_api: runtime_api.filter(|entry| !entry.is_empty()).map(parse).transpose()?,
        })
    }

    /// Why a connection to `address`, for a URL that names `host`, is refused; none when it is allowed.
    #[must_use]
    pub fn refuses(&self, host: &Host, address: SocketAddr) -> Option<AddressClass> {
        // The runtime listens on a loopback address under whatever name: its port decides there.
        if let Some(runtime) = &self.runtime_api {
            let own_port = address.ip().is_loopback() && runtime.port == Some(address.port());
            if own_port
                || runtime.covers_address(address)
                || runtime.covers(&canonical(host.clone()), address.port())
            {
                return Some(AddressClass::RuntimeApi);
            }
        }
        let class = refused(address.ip())?;
        if self.allowed.iter().any(|allowed| allowed.covers_address(address)) {
            return None;
        }
        let by_name = matches!(
            class,
            AddressClass::Loopback | AddressClass::Private | AddressClass::SharedAddressSpace
        ) && self.allows_name(host, address.port());
        if by_name { None } else { Some(class) }
    }

    fn allows_name(&self, host: &Host, port: u16) -> bool {
        let host = canonical(host.clone());
        matches!(host, Host::Domain(_)) && self.allowed.iter().any(|allowed| allowed.covers(&host, port))
    }

    /// Whether the operator listed this host and port.
    #[must_use]
    pub fn lists(&self, host: &Host, port: u16) -> bool {
        let host = canonical(host.clone());
        self.allowed.iter().any(|allowed| allowed.covers(&host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Host {
        Host::parse(name).unwrap()
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_listed_name_may_be_private_on_its_port_only() {
        let policy = OutboundPolicy::new(Some("localhost:9000, Bank.Internal. ,10.1.2.3:80"), None).unwrap();
        assert_eq!(policy.refuses(&name("localhost"), at("127.0.0.1:9000")), None);
        assert_eq!(policy.refuses(&name("localhost."), at("[::1]:9000")), None);
        assert_eq!(policy.refuses(&name("localhost"), at("127.0.0.1:22")), Some(AddressClass::Loopback));
        assert_eq!(policy.refuses(&name("bank.internal"), at("192.168.0.1:8443")), None);
        assert_eq!(
            policy.refuses(&name("other.internal"), at("192.168.0.1:80")),
            Some(AddressClass::Private)
        );
        assert_eq!(policy.refuses(&name("rebound.example"), at("10.1.2.3:80")), None);
        assert_eq!(policy.refuses(&name("rebound.example"), at("10.1.2.3:81")), Some(AddressClass::Private));
    }

    #[test]
    fn no_name_opens_the_metadata_service() {
        let policy = OutboundPolicy::new(Some("bank.internal"), None).unwrap();
        for address in ["169.254.169.254:80", "[fd00:ec2::254]:80", "169.254.1.1:80", "0.0.0.0:80"] {
            assert!(policy.refuses(&name("bank.internal"), at(address)).is_some(), "{address}");
        }
        let policy = OutboundPolicy::new(Some("169.254.169.254"), None).unwrap();
        assert_eq!(policy.refuses(&name("169.254.169.254"), at("169.254.169.254:80")), None);
    }

    #[test]
    fn the_runtime_api_is_refused_whatever_is_allowed() {
        let policy = OutboundPolicy::new(Some("127.0.0.1,localhost"), Some("127.0.0.1:9001")).unwrap();
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1:9001"),
            ("localhost", "127.0.0.1:9001"),
            ("localhost", "127.0.0.2:9001"),
            ("localhost", "[::1]:9001"),
        ] {
            assert_eq!(policy.refuses(&name(host), at(address)), Some(AddressClass::RuntimeApi));
        }
        assert_eq!(policy.refuses(&name("localhost"), at("127.0.0.1:9002")), None);
    }

    #[test]
    fn entries_are_hosts_with_or_without_a_port() {
        for good in ["a.example", "a.example:1", "127.0.0.1", "[::1]:80", "[::1]", "::1", "0x7f.1"] {
            assert!(OutboundPolicy::new(Some(good), None).is_ok(), "{good}");
        }
        for bad in
            ["*.example", "http://a.example", "a.example:0", "a.example:99999", "a b", "10.0.0.0/8", "a:b"]
        {
            assert!(OutboundPolicy::new(Some(bad), None).is_err(), "{bad}");
        }
        assert!(OutboundPolicy::new(Some(" , ,"), None).unwrap().allowed.is_empty());
    }
}
