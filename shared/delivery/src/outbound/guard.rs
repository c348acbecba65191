//! The check itself: what a URL may say, and to which addresses a connection may be made.

use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use url::{Host, Url};

use super::{OutboundError, OutboundPolicy};

/// Turns a name into addresses.
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of the name.
    fn resolve<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name, 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    }
}

/// Decides where connections may go.
#[derive(Clone)]
pub struct Guard {
    policy: Arc<OutboundPolicy>,
    resolver: Arc<dyn Resolver>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// Ports on which a server that does not speak HTTP may be talked into something: the list of "bad ports" of
/// <https://fetch.spec.whatwg.org/#port-blocking>.
const BAD_PORTS: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103,
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514,
    515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723,
    2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

impl Guard {
    /// A guard with this policy.
    pub fn new(policy: OutboundPolicy, resolver: impl Resolver) -> Self {
        Self { policy: Arc::new(policy), resolver: Arc::new(resolver) }
    }

    /// Checks what can be checked without asking anyone: scheme, credentials in the URL, port, and a literal
    /// address in any spelling (`http://2130706433/`, `http://0x7f.1/`, `http://[::ffff:7f00:1]/`).
    ///
    /// # Errors
    /// [`OutboundError::BadUrl`] or [`OutboundError::Refused`].
    pub fn check_url(&self, url: &Url) -> Result<(), OutboundError> {
        let bad = |reason| Err(OutboundError::BadUrl { reason });
        if !matches!(url.scheme(), "http" | "https") {
            return bad("only http and https are called");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return bad("it must not contain a user name or password; use a header");
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return bad("it has no host");
        };
        let host = host.to_owned();
        if BAD_PORTS.contains(&port) && !self.policy.lists(&host, port) {
            return bad("its port belongs to another protocol than HTTP");
        }
        match literal(&host) {
            Some(address) => self.check_address(&host, SocketAddr::new(address, port)),
            None => Ok(()),
        }
    }

    fn check_address(&self, host: &Host, address: SocketAddr) -> Result<(), OutboundError> {
        match self.policy.refuses(host, address) {
            None => Ok(()),
            Some(class) => Err(OutboundError::Refused { host: host.to_string(), class }),
        }
    }

    /// The addresses to which a connection for `host` and `port` may be made: those of its addresses that the
    /// policy allows. The caller connects to these and never resolves the name again.
    ///
    /// # Errors
    /// [`OutboundError::Dns`] when there is none at all, [`OutboundError::Refused`] when none is allowed.
    pub async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, OutboundError> {
        let host = parse_host(host)?;
        let found = match (literal(&host), &host) {
            (Some(address), _) => vec![address],
            (None, Host::Domain(name)) => self
                .resolver
                .resolve(name)
                .await
                .map_err(|source| OutboundError::Dns { host: name.clone(), source })?,
            (None, _) => Vec::new(),
        };
        let mut refusal = None;
        let mut allowed = Vec::with_capacity(found.len());
        for address in found.into_iter().map(|address| SocketAddr::new(address, port)) {
            match self.check_address(&host, address) {
                Ok(()) => allowed.push(address),
                Err(error) => refusal = Some(error),
            }
        }
        if !allowed.is_empty() {
            return Ok(allowed);
        }
        Err(refusal.unwrap_or_else(|| OutboundError::Dns {
            host: host.to_string(),
            source: io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
        }))
    }
}

/// A host as a URI spells it, which may be bracketed.
fn parse_host(host: &str) -> Result<Host, OutboundError> {
    Host::parse(host).map_err(|_| OutboundError::BadUrl { reason: "its host is not a name or an address" })
}

fn literal(host: &Host) -> Option<IpAddr> {
    match host {
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
        Host::Domain(_) => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::outbound::{AddressClass, refused};

    /// Answers every name with the same addresses.
    pub(crate) struct Fixed(pub(crate) Vec<IpAddr>);

    impl Resolver for Fixed {
        fn resolve<'a>(
            &'a self,
            _: &'a str,
        ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
            Box::pin(async { Ok(self.0.clone()) })
        }
    }

    pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn guard(addresses: Vec<IpAddr>) -> Guard {
        Guard::new(OutboundPolicy::default(), Fixed(addresses))
    }

    fn check(url: &str) -> Result<(), OutboundError> {
        guard(vec![]).check_url(&Url::parse(url).unwrap())
    }

    #[test]
    fn only_plain_http_urls_are_called() {
        for good in
            ["https://example.com/", "http://example.com:8080/a?b", "https://1.1.1.1/", "https://[2600::]/"]
        {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "data:text/plain,x",
            "https://user@example.com/",
            "https://:secret@example.com/",
            "http://example.com:22/",
            "http://example.com:25/",
            "http://example.com:0/",
            "http://example.com:6667/",
        ] {
            assert!(matches!(check(bad), Err(OutboundError::BadUrl { .. })), "{bad}");
        }
    }

    /// Every spelling of an IPv4 address that a URL parser or `inet_aton` takes.
    fn spellings(address: Ipv4Addr) -> Vec<String> {
        let [a, b, c, d] = address.octets();
        let whole = u32::from(address);
        let low24 = whole & 0x00ff_ffff;
        let low16 = whole & 0xffff;
        let (high, low) = (whole >> 16, whole & 0xffff);
        vec![
            format!("{a}.{b}.{c}.{d}"),
            format!("{a}.{b}.{c}.{d}."),
            format!("{whole}"),
            format!("0x{whole:x}"),
            format!("0X{whole:08X}"),
            format!("0{whole:o}"),
            format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            format!("00{a:o}.0x{b:x}.{c}.{d}"),
            format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
            format!("{a}.{low24}"),
            format!("{a}.{b}.{low16}"),
            format!("0x{a:x}.{low24}"),
            format!("{a}%2e{b}%2e{c}%2e{d}"),
            format!("{a}。{b}。{c}。{d}"),
            format!("[::ffff:{a}.{b}.{c}.{d}]"),
            format!("[::ffff:{high:x}:{low:x}]"),
            format!("[0:0:0:0:0:ffff:{high:x}:{low:x}]"),
            format!("[::{a}.{b}.{c}.{d}]"),
            format!("[64:ff9b::{a}.{b}.{c}.{d}]"),
            format!("[2002:{high:x}:{low:x}::1]"),
        ]
    }

    fn refused_address() -> impl Strategy<Value = Ipv4Addr> {
        let ranges = [
            (0x0000_0000_u32, 8_u32),
            (0x0a00_0000, 8),
            (0x6440_0000, 10),
            (0x7f00_0000, 8),
            (0xa9fe_0000, 16),
            (0xac10_0000, 12),
            (0xc000_0000, 24),
            (0xc0a8_0000, 16),
            (0xc612_0000, 15),
            (0xe000_0000, 4),
            (0xf000_0000, 4),
        ];
        (prop::sample::select(ranges.to_vec()), any::<u32>())
            .prop_map(|((network, bits), host)| Ipv4Addr::from(network | (host & (u32::MAX >> bits))))
    }

    proptest! {
        #[test]
        fn no_refused_address_passes_in_any_spelling(address in refused_address(), https: bool) {
            prop_assert!(refused(address.into()).is_some());
            let scheme = if https { "https" } else { "http" };
            for host in spellings(address) {
                // A spelling that the URL parser does not take at all is no way in either.
                let Ok(url) = Url::parse(&format!("{scheme}://{host}/")) else { continue };
                prop_assert!(guard(vec![]).check_url(&url).is_err(), "{}", host);
                let host = url.host_str().unwrap().to_owned();
                prop_assert!(block_on(guard(vec![]).addresses(&host, 80)).is_err(), "{}", host);
            }
        }

        #[test]
        fn whatever_a_name_resolves_to_only_public_addresses_are_connected_to(
            v4 in prop::collection::vec(any::<u32>(), 0..4),
            special in prop::collection::vec(refused_address(), 0..4),
            v6 in prop::collection::vec(any::<u128>(), 0..4),
        ) {
            let all: Vec<IpAddr> = v4.into_iter().map(|n| Ipv4Addr::from(n).into())
                .chain(special.into_iter().map(IpAddr::from))
                .chain(v6.into_iter().map(|n| Ipv6Addr::from(n).into()))
                .collect();
            match block_on(guard(all.clone()).addresses("name.example", 443)) {
                Ok(allowed) => {
                    let public = all.iter().filter(|address| refused(**address).is_none()).count();
                    prop_assert_eq!(allowed.len(), public);
                    prop_assert!(allowed.iter().all(|address| refused(address.ip()).is_none() && address.port() == 443));
                }
                Err(_) => prop_assert!(all.iter().all(|address| refused(*address).is_some())),
            }
        }

        #[test]
        fn no_url_makes_the_guard_panic(text in "(https?://)?[^/]{0,40}(/.{0,10})?") {
            if let Ok(url) = Url::parse(&text) {
                let _ = guard(vec![]).check_url(&url);
            }
        }
    }

    #[test]
    fn a_refusal_says_what_the_address_is() {
        let error = block_on(guard(vec!["169.254.169.254".parse().unwrap()]).addresses("evil.example", 80));
        assert!(matches!(error, Err(OutboundError::Refused { class: AddressClass::Metadata, .. })));
        assert!(matches!(
            block_on(guard(vec![]).addresses("gone.example", 80)),
            Err(OutboundError::Dns { .. })
        ));
    }
}
