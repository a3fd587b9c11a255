//! Where sources may be: a guard for whoever lets others add them.
//!
//! Whoever may add a source names an address that this program then asks, from inside of a network, and sees something of the
//! answers: a server-side request forgery, if it is not theirs to ask. So the operator says which networks sources may be in,
//! and what is never a source is refused whatever they say: the addresses of links, among them those at which clouds hand
//! credentials to machines, of groups, and of nothing.
//!
//! A name is looked up once for each connection, and the connection goes to an address that was looked at: a name that points
//! elsewhere a moment later gains nothing. No room follows redirects. What goes through a proxy is the proxy's to judge.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, Url, redirect};

use crate::ConfigError;

/// Which networks sources may be in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reach {
    /// Any, private ones and this machine among them: an Odoo next door.
    #[default]
    Any,
    /// Those that anybody can reach.
    Public,
    /// These, and none else.
    Within(Arc<[IpNet]>),
}

/// What says no networks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither any nor public nor a network such as 10.1.0.0/16")]
pub struct ReachError(String);

impl std::str::FromStr for Reach {
    type Err = ReachError;

    /// `any`, `public`, or networks and addresses separated by commas.
    fn from_str(text: &str) -> Result<Self, ReachError> {
        match text.trim() {
            "any" => Ok(Self::Any),
            "public" => Ok(Self::Public),
            list => {
                let network = |text: &str| {
                    let text = text.trim();
                    let address = || text.parse::<IpAddr>().map(IpNet::from).ok();
                    text.parse().ok().or_else(address).ok_or_else(|| ReachError(text.to_owned()))
                };
                list.split(',').map(network).collect::<Result<_, _>>().map(Self::Within)
            }
        }
    }
}

impl Reach {
    /// Whether a source may be at an address.
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        !is_never_a_source(address)
            && match self {
                Self::Any => true,
                Self::Public => is_public(address),
                Self::Within(networks) => networks.iter().any(|network| network.contains(&address)),
            }
    }

    /// Refuses a setting that names an address itself where no source may be. What a name stands for is looked at when it is
    /// looked up.
    pub(crate) fn check(&self, setting: &str, url: &Url) -> Result<(), ConfigError> {
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        // However an address was spelled, the parser has made it plain.
        let Ok(address) = host.parse::<IpAddr>() else { return Ok(()) };
        if self.admits(address) {
            return Ok(());
        }
        let problem =
            format!("{address} is where no source may be; an operator decides that with `sources.reach`");
        Err(ConfigError { setting: setting.to_owned(), problem })
    }

    /// The beginning of an HTTP client for servers of a source: it connects only where a source may be, follows no redirect,
    /// and waits so long for a connection and for a whole answer. Connects to nothing.
    pub(crate) fn client(&self, (connect, call): (Duration, Duration), servers: &[&Url]) -> ClientBuilder {
        // The program installs a TLS provider at start; tests and tools that do not, get the same one here, since
        // the HTTP client cannot even be built without, not for http:// either.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may have been faster; then its provider is the one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let builder = reqwest::Client::builder()
            .user_agent(concat!("SalesCommand/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(connect)
            .timeout(call)
            .redirect(redirect::Policy::none())
            .dns_resolver(self.resolver());
        if servers.iter().all(|url| url.scheme() == "http") {
            // No authorities are needed, and a container may have none.
            return builder.tls_certs_only([]);
        }
        builder
    }

    /// Looks names up, and gives the addresses that are admitted.
    fn resolver(&self) -> Arc<dyn Resolve> {
        Arc::new(Guarded(self.clone()))
    }
}

/// Whether a server is on this machine.
pub(crate) fn is_local(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// A name stands for no address at which a source may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it stands for {0}, where no source may be")]
pub(crate) struct OutOfReach(String);

struct Guarded(Reach);

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guarded")
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            // The port is the request's; this one is left out of account.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let admitted = admitted(&reach, &found)?;
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

fn admitted(reach: &Reach, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, OutOfReach> {
    let admitted: Vec<_> = found.iter().copied().filter(|address| reach.admits(address.ip())).collect();
    if admitted.is_empty() && !found.is_empty() {
        let refused: Vec<_> = found.iter().map(|address| address.ip().to_string()).collect();
        return Err(OutOfReach(refused.join(", ")));
    }
    Ok(admitted)
}

/// Addresses of links, of groups and of nothing (RFC 6890). Clouds hand credentials out at 169.254.169.254 and fd00:ec2::254.
fn is_never_a_source(address: IpAddr) -> bool {
    const AMAZON: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match address {
        IpAddr::V4(address) => {
            address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                || address.octets()[0] == 0
        }
        IpAddr::V6(address) => {
            address.is_unicast_link_local()
                || address.is_multicast()
                || address.is_unspecified()
                || address == AMAZON
        }
    }
}

/// Whether anybody can reach it: not this machine, no private network, none that is set aside.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, third, _] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            let is_set_aside = first >= 240 || [first, second, third] == [192, 0, 0];
            let is_for_benchmarks = first == 198 && (second == 18 || second == 19);
            !(address.is_loopback()
                || address.is_private()
                || address.is_documentation()
                || is_shared
                || is_set_aside
                || is_for_benchmarks)
        }
        IpAddr::V6(address) => {
            let is_documentation = address.segments()[..2] == [0x2001, 0xdb8];
            // An address of IPv4 that a gateway translates is that address.
            let embedded = match address.segments() {
                [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                    Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
                }
                _ => None,
            };
            embedded.is_none_or(|address| {
                is_public(IpAddr::V4(address)) && !is_never_a_source(IpAddr::V4(address))
            }) && !(address.is_loopback() || address.is_unique_local() || is_documentation)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn admits(reach: &str, address: &str) -> bool {
        reach.parse::<Reach>().unwrap().admits(address.parse().unwrap())
    }

    #[test]
    fn what_is_never_a_source_is_refused_whatever_an_operator_says() {
        for address in [
            "169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "ff02::1",
            "::",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
        ] {
            for reach in ["any", "public", "0.0.0.0/0,::/0"] {
                assert!(!admits(reach, address), "{reach} {address}");
            }
        }
    }

    #[test]
    fn public_is_what_anybody_can_reach() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "198.18.0.1",
            "240.0.0.1",
            "::1",
            "fd12::1",
            "2001:db8::1",
            "::ffff:10.1.2.3",
            "64:ff9b::a01:203",
        ] {
            assert!(admits("any", inside) && !admits("public", inside), "{inside}");
        }
        for outside in ["93.184.215.14", "2606:4700::1111", "64:ff9b::5db8:d70e"] {
            assert!(admits("any", outside) && admits("public", outside), "{outside}");
        }
    }

    #[test]
    fn networks_are_a_list() {
        assert!(
            admits("10.1.0.0/16, 192.168.7.4", "10.1.200.1")
                && admits("10.1.0.0/16,192.168.7.4", "192.168.7.4")
        );
        assert!(!admits("10.1.0.0/16", "10.2.0.1") && !admits("10.1.0.0/16", "93.184.215.14"));
        for wrong in ["", "everywhere", "10.1.0.0/33", "any,public"] {
            assert!(wrong.parse::<Reach>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_in_a_setting_is_looked_at_however_it_is_spelled() {
        let check = |url: &str| Reach::Public.check("url", &url.parse().unwrap()).is_ok();
        for spelled in [
            "http://127.0.0.1",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]:8069",
            "http://[::ffff:7f00:1]",
        ] {
            assert!(!check(spelled), "{spelled}");
        }
        assert!(
            check("https://93.184.215.14") && check("https://erp.example.com"),
            "names are looked up later"
        );
    }

    #[test]
    fn a_name_that_stands_for_several_is_asked_where_it_may_be() {
        let found = ["10.0.0.1:0", "93.184.215.14:0"].map(|address| address.parse().unwrap());
        assert_eq!(admitted(&Reach::Public, &found), Ok(vec![found[1]]));
        assert_eq!(admitted(&Reach::Public, &found[..1]), Err(OutOfReach("10.0.0.1".to_owned())));
        assert_eq!(admitted(&Reach::Public, &[]), Ok(vec![]), "there is no such name");
    }

    proptest! {
        #[test]
        fn an_address_of_ipv4_is_the_same_inside_of_ipv6(bits in any::<u32>()) {
            let address = Ipv4Addr::from(bits);
            for reach in [Reach::Any, Reach::Public] {
                prop_assert_eq!(
                    reach.admits(address.into()),
                    reach.admits(address.to_ipv6_mapped().into())
                );
            }
        }

        #[test]
        fn public_is_a_part_of_any(bits in any::<u128>()) {
            let address = IpAddr::V6(Ipv6Addr::from(bits));
            prop_assert!(!Reach::Public.admits(address) || Reach::Any.admits(address));
        }
    }
}
